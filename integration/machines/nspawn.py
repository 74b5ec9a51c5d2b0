"""A device under systemd-nspawn: the image's own root and units, in a second or two.

Rules:
* The root is the image's tree under an overlay that is the machine's own; what it writes is there when it is
  started again, as a disk would be.
* It has a cgroup of its own in every hierarchy of this machine, so that limits of its units hold.
* It never outlives its test; its console is kept.
"""

from __future__ import annotations

import asyncio
import shutil
import signal
import uuid
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import IPv4Interface
from pathlib import Path
from typing import Final

from piccolo_chassis import command

_CGROUPS: Final = Path("/sys/fs/cgroup")
_SECONDS: Final = 60.0
_BOOT_SECONDS: Final = 180.0
_LOOK_SECONDS: Final = 0.2
_INIT: Final = """#!/bin/sh
# limits want hierarchies that may be written; nspawn mounts all but its own read-only
for each in /sys/fs/cgroup/*/; do
    each=${each%/}
    case $each in */systemd | */unified) continue ;; esac
    mount -o remount,rw,bind "$each" 2>/dev/null || mount -o remount,rw "$each" 2>/dev/null
done
exec /usr/lib/systemd/systemd
"""
_ENTER: Final = """
for each in "$0"/*/; do [ -d "$each$1" ] && echo $$ >"$each$1/cgroup.procs" 2>/dev/null; done
shift
exec "$@"
"""


@dataclass(slots=True)
class Nspawn:
    """One device.

    Attributes:
        namespace: of its network; also its name.
        folder: its overlay and its console.
        seed: the image of a seed volume that is plugged in.
        networkd: whether it configures its network itself; else it has only what its namespace has.
    """

    namespace: str
    address: IPv4Interface
    tree: Path
    folder: Path
    seed: Path | None = None
    networkd: bool = False
    process: command.Process | None = None
    leader: int = 0

    @property
    def root(self) -> Path:
        """Its root, as it sees it."""
        return self.folder / "root"

    @property
    def console(self) -> Path:
        """What it says."""
        return self.folder / "console.log"

    async def build(self) -> None:
        """Puts the overlay over the image's tree."""
        for name in ("upper", "work", "root"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        options = f"lowerdir={self.tree},upperdir={self.folder / 'upper'},workdir={self.folder / 'work'}"
        await command.run(
            ["mount", "-t", "overlay", "-o", options, self.namespace, self.root], seconds=_SECONDS
        )
        init = self.root / "piccolo-init"
        init.write_text(_INIT, encoding="ascii")
        init.chmod(0o755)
        (self.root / "etc/machine-id").write_text(f"{uuid.uuid4().hex}\n", encoding="ascii")
        (self.root / "etc/hostname").write_text(f"{self.namespace}\n", encoding="ascii")
        self._mask()

    def _mask(self) -> None:
        """What belongs to a machine's own kernel, disk and network card."""
        own = () if self.networkd else ("systemd-networkd.service",)
        for unit in ("efi.mount", "systemd-modules-load.service", *own):
            mask = self.root / "etc/systemd/system" / unit
            mask.unlink(missing_ok=True)
            mask.symlink_to("/dev/null")

    async def start(self) -> None:
        """Starts it; returns when its first program runs."""
        self._cgroups()
        nspawn = [
            *("systemd-nspawn", "-q", "--register=no", "--keep-unit", "--console=pipe"),
            *("-D", str(self.root), "-M", self.namespace, "--kill-signal=SIGRTMIN+3"),
            *("--capability=all", "--system-call-filter=@known"),
            *(f"--network-namespace-path=/run/netns/{self.namespace}", *self._volume(), "/piccolo-init"),
        ]
        with self.console.open("ab") as console:
            self.process = await command.start(
                ["sh", "-c", _ENTER, str(_CGROUPS), self.namespace, *nspawn],
                output=console,
                environment={"SYSTEMD_NSPAWN_API_VFS_WRITABLE": "yes"},
            )
        async with asyncio.timeout(_SECONDS):
            while not self._found():  # noqa: ASYNC110 - nspawn tells nobody
                await asyncio.sleep(_LOOK_SECONDS)

    def _volume(self) -> list[str]:
        """The volume's image where udev would link its device; who reads it sees no difference."""
        return [] if self.seed is None else [f"--bind-ro={self.seed}:/dev/disk/by-label/PICCOLOSEED"]

    def _found(self) -> bool:
        """Whether the first program of its own namespace runs; nspawn has helpers before it."""
        if self.process is None:
            raise RuntimeError("it was not started")
        self.leader = next(filter(_is_first, _children(self.process.pid)), 0)
        return bool(self.leader)

    def _cgroups(self) -> None:
        for hierarchy in _CGROUPS.iterdir():
            if hierarchy.is_dir():
                own = hierarchy / self.namespace
                own.mkdir(exist_ok=True)
                for name in ("cpuset.cpus", "cpuset.mems"):
                    if (hierarchy / name).is_file():
                        (own / name).write_text((hierarchy / name).read_text(encoding="ascii"))

    async def inside(self, *program: str, check: bool = True) -> str:
        """Runs a program in it; returns what it printed."""
        words = ["nsenter", "-t", str(self.leader), "-a", *program]
        done = await command.run(words, seconds=_SECONDS, check=check)
        return done.stdout.decode(errors="replace").strip()

    async def booted(self) -> str:
        """Waits until systemd has started all; returns its state: running or degraded."""
        async with asyncio.timeout(_BOOT_SECONDS):
            while True:
                state = await self.inside("systemctl", "is-system-running", check=False)
                if state in {"running", "degraded", "maintenance"}:
                    return state
                await asyncio.sleep(_LOOK_SECONDS)

    async def stop(self) -> None:
        """Shuts it down in order."""
        if self.process is not None:
            await command.run(["kill", "-s", "RTMIN+4", str(self.leader)], seconds=_SECONDS, check=False)
            async with asyncio.timeout(_SECONDS):
                await self.process.wait()
            self.process = None

    async def cut_power(self) -> None:
        """Kills it, all at once."""
        if self.process is not None:
            await command.run(
                ["kill", f"-{signal.SIGKILL:d}", str(self.leader)], seconds=_SECONDS, check=False
            )
            await command.end(self.process)
            self.process = None

    async def close(self) -> None:
        """Leaves nothing behind but its folder."""
        await self.cut_power()
        await command.run(["umount", "--lazy", self.root], seconds=_SECONDS, check=False)
        for hierarchy in _CGROUPS.iterdir():
            folders = sorted((hierarchy / self.namespace).rglob("*/"), reverse=True)
            for folder in [*folders, hierarchy / self.namespace]:
                if folder.is_dir():
                    folder.rmdir()
        shutil.rmtree(self.folder / "work", ignore_errors=True)


def _children(pid: int) -> list[int]:
    told = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii")
    return [int(word) for word in told.split()]


def _is_first(pid: int) -> bool:
    with suppress(OSError):
        status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
        (numbers,) = (line.split()[1:] for line in status.splitlines() if line.startswith("NSpid:"))
        return len(numbers) > 1 and numbers[-1] == "1"
    return False
