"""What fills a root: bytes by Debian package and by Python distribution."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Final

_INFO: Final = "usr/lib/sysimage/dpkg/info"
_SITE: Final = "usr/lib/piccolo/site-packages"


def by_package(tree: Path) -> list[tuple[str, int]]:
    """Every package, the largest first; what belongs to none is "(made by the build)"."""
    owned = dict([*_debian(tree), *_python(tree)])
    sizes: dict[str, int] = {}
    for path in tree.rglob("*"):
        if path.is_file() and not path.is_symlink():
            name = owned.get(_plain(path.relative_to(tree)), "(made by the build)")
            sizes[name] = sizes.get(name, 0) + path.lstat().st_size
    return sorted(sizes.items(), key=lambda each: -each[1])


def _debian(tree: Path) -> Iterator[tuple[str, str]]:
    for listing in (tree / _INFO).glob("*.list"):
        name = listing.stem.partition(":")[0]
        for line in listing.read_text(encoding="utf-8").splitlines():
            path = line.removeprefix("/")
            yield (f"usr/{path}" if path.startswith(("bin/", "sbin/", "lib/", "lib64/")) else path), name


def _python(tree: Path) -> Iterator[tuple[str, str]]:
    for record in (tree / _SITE).glob("*.dist-info/RECORD"):
        name = record.parent.name.partition("-")[0]
        with record.open(encoding="utf-8", newline="") as rows:
            for row in csv.reader(rows):
                yield f"{_SITE}/{row[0]}", f"{name} (Python)"


def _plain(path: Path) -> str:
    """A compiled file counts as the file that it was compiled from."""
    if path.parent.name == "__pycache__":
        path = path.parent.parent / f"{path.name.partition('.')[0]}.py"
    return path.as_posix()
