"""Checks the wire: well formed and documented, and compatible with the last release, once there is one."""

from __future__ import annotations

import shutil
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BUF = Path(sysconfig.get_path("scripts")) / "buf"
CONFIG = ROOT / "protos/buf.yaml"


def image(target: Path, tree: Path) -> None:
    """Has script/generate.py write the image of a tree of protos."""
    generate = ROOT / "script/generate.py"
    subprocess.run([sys.executable, generate, "--image", target, "--tree", tree], check=True)


class NoHistoryError(Exception):
    """Nobody here can tell whether there was a release; its text says why."""


def git(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Asks git about this checkout."""
    if shutil.which("git") is None:
        raise NoHistoryError("git is not installed")
    return subprocess.run(["git", "-C", ROOT, *arguments], check=False, capture_output=True, text=True)


def last_release() -> str | None:
    """The newest release tag that this commit descends from; None before the first release.

    Raises:
        NoHistoryError: this is no clone, or git refuses it (its owner is another user).
    """
    tags = git("tag", "--list", "v[0-9]*")
    if tags.returncode != 0:
        raise NoHistoryError(tags.stderr.partition("\n")[0])
    if not tags.stdout.strip():
        return None
    return git("describe", "--tags", "--abbrev=0", "--match=v[0-9]*").stdout.strip() or None


def released(tag: str, folder: Path) -> Path:
    """Unpacks the protos of a release."""
    archive = subprocess.run(["git", "-C", ROOT, "archive", tag, "protos"], check=True, capture_output=True)
    subprocess.run(["tar", "-x", "-C", folder], check=True, input=archive.stdout)
    return folder / "protos"


def main() -> int:
    """Runs both checks; returns the exit status."""
    with tempfile.TemporaryDirectory(prefix="piccolo-protos-") as name:
        folder = Path(name)
        image(now := folder / "now.binpb", ROOT / "protos")
        status = subprocess.run([BUF, "lint", now, "--config", CONFIG], check=False).returncode
        try:
            tag = last_release()
        except NoHistoryError as reason:
            print(f"skipped the comparison with the last release: {reason}")
            return status
        if tag is None:
            print("no release yet: nothing to be compatible with")
            return status
        image(then := folder / "then.binpb", released(tag, folder))
        compared: list[str | Path] = [BUF, "breaking", now, "--against", then, "--config", CONFIG]
        return status or subprocess.run(compared, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
