"""The seed volume: a FAT or ext4 file system with a label of its own.

Rules:
* It is never mounted. A file system that a stranger made is read by programs (mtools, debugfs) that cannot
  do more than fail, not by the kernel; and they want no right but to read the device.
* What is read is bounded: the sizes of its files, and the time.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from piccolo_chassis import command
from piccolo_chassis.errors import PiccoloError

from piccolo_provision.core import seed
from piccolo_provision.core.document import LARGEST
from piccolo_provision.core.refusals import Reason, RefusedError

_SECONDS: Final = 10.0
_SMALL: Final = 4096
_NAMES: Final = (*seed.FILES, seed.IGNITION)
_BOUNDS: Final = {seed.SEALED: LARGEST, seed.IGNITION: seed.LARGEST_IGNITION}
_EXT_MAGIC: Final = (1080, b"\x53\xef")  # the superblock is at 1024, the magic 56 bytes into it
_FAT_MAGIC: Final = (510, b"\x55\xaa")


class SeedVolume:
    """The volume at the path where udev links a label's device to.

    A stick is found some seconds after the kernel started, and so is this process: what is waited for is the
    difference.
    """

    def __init__(self, path: Path, until: float, running: Callable[[], float]) -> None:
        self._path, self._until, self._running = path, until, running

    async def read(self) -> dict[str, bytes] | None:
        """Its files, those that are there; None: there is no volume. Raises RefusedError, SEED_UNREADABLE."""
        if not await self._there():
            return None
        try:
            read = _reader(self._path)
            files = {name: await _bounded(read(name), _BOUNDS.get(name, _SMALL)) for name in _NAMES}
        except (OSError, PiccoloError) as failed:
            raise RefusedError(Reason.SEED_UNREADABLE) from failed
        return {name: content for name, content in files.items() if content}

    async def _there(self) -> bool:
        left = self._until - self._running()
        if self._path.exists() or left <= 0:
            return self._path.exists()
        # no udev, no devices that come late: then it fails, and there is none
        wait: Sequence[str | Path] = ["udevadm", "wait", f"--timeout={left:.1f}", self._path]
        try:
            await command.run(wait, seconds=left + _SECONDS, check=False)
        except PiccoloError:
            return False
        return self._path.exists()


def _reader(path: Path) -> Callable[[str], Sequence[str | Path]]:
    with path.open("rb") as device:
        head = device.read(2048)
    if _has(head, _EXT_MAGIC):
        return lambda name: ["debugfs", "-R", f"cat /{name}", path]
    if _has(head, _FAT_MAGIC):
        return lambda name: ["mcopy", "-n", "-i", path, f"::{name}", "-"]
    raise OSError("neither FAT nor ext4")


async def _bounded(words: Sequence[str | Path], bound: int) -> bytes:
    """What a program prints; nothing when it fails: then the file is not there."""
    done = await command.run(
        words,
        seconds=_SECONDS,
        environment={"MTOOLS_SKIP_CHECK": "1", "MTOOLSRC": "/dev/null"},
        check=False,
        limit=bound + 1,
    )
    if len(done.stdout) > bound:
        raise OSError("a file is larger than any of a seed")
    return b"" if done.status else done.stdout


def _has(head: bytes, magic: tuple[int, bytes]) -> bool:
    at, sign = magic
    return head[at : at + len(sign)] == sign
