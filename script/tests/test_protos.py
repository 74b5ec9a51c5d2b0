"""The checks of the wire fail when they should."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
GOOD = """// A toy.
syntax = "proto3";
package piccolo.toy.v1;
import "buf/validate/validate.proto";
// A message.
message Toy {
  // Its name.
  string name = 1 [(buf.validate.field).string.min_len = 1];
}
"""


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A repository with the scripts, the configuration and one proto."""
    for name in ("script/generate.py", "script/protos.py", "protos/buf.yaml"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    write(tmp_path, GOOD)
    git(tmp_path, "init", "-q")
    return tmp_path


def write(copy: Path, text: str) -> None:
    path = copy / "protos/piccolo/toy/v1/toy.proto"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def git(copy: Path, *arguments: str) -> None:
    who = ["-c", "user.name=t", "-c", "user.email=t@example.invalid", "-c", "commit.gpgsign=false"]
    program: list[str | Path] = ["git", "-C", copy, *who, *arguments]
    subprocess.run(program, check=True, capture_output=True)


def release(copy: Path) -> None:
    git(copy, "add", ".")
    git(copy, "commit", "-q", "-m", "release")
    git(copy, "tag", "v1.0.0")


def checked(copy: Path) -> subprocess.CompletedProcess[str]:
    program: list[str | Path] = [sys.executable, copy / "script/protos.py"]
    return subprocess.run(program, check=False, capture_output=True, text=True, timeout=60)


@pytest.mark.component
def test_a_good_wire_passes_before_the_first_release(copy: Path) -> None:
    done = checked(copy)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "no release yet" in done.stdout


@pytest.mark.component
def test_outside_a_clone_it_says_that_nothing_was_compared(copy: Path) -> None:
    shutil.rmtree(copy / ".git")
    done = checked(copy)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "skipped the comparison with the last release: " in done.stdout


@pytest.mark.component
@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("  // Its name.\n", ""),
        ("message Toy", "message toy"),
        ("package piccolo.toy.v1", "package piccolo.toy"),
    ],
)
def test_what_lint_forbids_fails(copy: Path, old: str, new: str) -> None:
    write(copy, GOOD.replace(old, new))
    assert checked(copy).returncode != 0


@pytest.mark.component
def test_what_breaks_the_last_release_fails(copy: Path) -> None:
    release(copy)
    assert checked(copy).returncode == 0
    write(copy, GOOD.replace("string name = 1", "string name = 2"))
    done = checked(copy)
    assert done.returncode != 0
    assert "name" in done.stdout
