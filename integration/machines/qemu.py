"""A device under QEMU, from the firmware on: Secure Boot, a TPM, a disk, its serial line, its screen.

Rules:
* Its disk is an overlay of an image, which stays as it was built.
* It never outlives its test. When that fails, its folder keeps its console, its journal and its screen.
* One way in, in development images: ssh, by the key of the build. Production images show their outside only.
"""

from __future__ import annotations

import asyncio
import base64
import shlex
import shutil
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

import aiohttp
import tomli_w
from piccolo_chassis import command
from piccolo_chassis.errors import PiccoloError
from piccolo_image.virtual import Power, Virtual

from integration.device import free_port
from integration.machines.images import SHELF, Image

_LIFE_SECONDS: Final = 5400.0
_BOOT_SECONDS: Final = 1200.0
_STOP_SECONDS: Final = 180.0
_ASK_SECONDS: Final = 300.0
_KNOCK_SECONDS: Final = 15.0
_OK: Final = 200
_LOOK_SECONDS: Final = 0.5
_SYSTEMD: Final = {"running", "degraded", "maintenance"}


class SilentError(Exception):
    """It ended, or never said what was waited for; the text holds its last words."""


@dataclass(slots=True)
class Qemu:
    """One device.

    Attributes:
        power: its switch, and QEMU's monitor.
        image: what its disk began as.
    """

    power: Power
    image: Image
    https: int = field(default_factory=free_port)
    ssh: int = field(default_factory=free_port)

    @property
    def folder(self) -> Path:
        """All that is its own."""
        return self.power.device.folder

    @property
    def disk(self) -> Path:
        """Its disk, a qcow2 over the image."""
        return self.power.device.disk

    @property
    def url(self) -> str:
        """Its face."""
        return f"https://127.0.0.1:{self.https}"

    @property
    def certificate(self) -> Path:
        """The root that vouched for its face when it was last started."""
        return self.folder / "tls.pem"

    def said(self) -> str:
        """All that it has said on its serial line."""
        with suppress(FileNotFoundError):
            return self.power.device.console.read_text(encoding="utf-8", errors="replace")
        return ""

    def forget(self) -> None:
        """Forgets what it has said, and who it is to ssh: for a new start."""
        for name in (self.power.device.console, self.folder / "known_hosts"):
            name.unlink(missing_ok=True)

    def alter(self, **parts: Any) -> None:
        """Gives it other parts, while it is off: fields of Virtual."""
        self.power.device = replace(self.power.device, **parts)

    async def build(self, ports: Mapping[int, str], settings: Mapping[str, Mapping[str, Any]]) -> None:
        """Puts it together; `settings` of its services are those of each boot."""
        folder = self.folder
        if not self.disk.exists():
            folder.mkdir(parents=True)
            await self.tool("create", "-q", "-f", "qcow2", "-F", "raw", "-b", self.image.disk, self.disk)
        own = {443: f"127.0.0.1:{self.https}", 22: f"127.0.0.1:{self.ssh}"}
        self.alter(ports={**own, **ports}, credentials=credentials(settings))

    async def tool(self, *program: str | Path, name: str = "qemu-img") -> str:
        """Runs a tool of QEMU's on its disk, while it is off."""
        return await self.image.workshop.run(name, *program, beside=(self.folder, self.image.folder))

    async def flip(self, offset: int) -> None:
        """Changes one byte of its disk, while it is off."""
        with self.image.disk.open("rb") as disk:
            disk.seek(offset)
            (byte,) = disk.read(1)
        write = f"write -P {byte ^ 0xFF} {offset} 1"
        await self.tool("-f", "qcow2", "-c", write, self.disk, name="qemu-io")

    async def switch_on(self) -> None:
        """Switches it on, whatever becomes of it."""
        await self.power.on()

    async def start(self) -> None:
        """Switches it on; returns when its face answers."""
        await self.switch_on()
        await self.faced()

    async def faced(self) -> None:
        """Returns when its face answers."""
        async with asyncio.timeout(_BOOT_SECONDS):
            while not (shown := await self.shows()):
                self._lives()
                await asyncio.sleep(_LOOK_SECONDS)
        self.certificate.write_text(shown, encoding="ascii")

    async def shows(self) -> str:
        """The root that vouches for its face, in PEM, as it tells itself; nothing when it does not answer."""
        patience = aiohttp.ClientTimeout(total=_KNOCK_SECONDS)
        with suppress(aiohttp.ClientError, TimeoutError):
            async with (
                aiohttp.ClientSession(timeout=patience) as http,
                http.get(f"{self.url}/ca.pem", ssl=False) as answer,
            ):
                return await answer.text() if answer.status == _OK else ""
        return ""

    async def says(self, words: str, seconds: float = _BOOT_SECONDS) -> None:
        """Returns when its serial line has said this since it was put together. Raises SilentError."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while words not in self.said():
                    self._lives()
                    await asyncio.sleep(_LOOK_SECONDS)
                return
        raise SilentError(f"{words!r} was never said; the last was: {self.said()[-1000:]}")

    async def inside(self, *program: str, check: bool = True) -> str:
        """Runs a program in it; returns what it printed. Raises SilentError."""
        options = [
            *("BatchMode=yes", "LogLevel=ERROR", "StrictHostKeyChecking=accept-new"),
            *("ServerAliveInterval=10", "ServerAliveCountMax=6"),
            *(f"ConnectTimeout={_KNOCK_SECONDS:.0f}", f"UserKnownHostsFile={self.folder / 'known_hosts'}"),
        ]
        words: list[str | Path] = ["ssh", "-F", "none", "-i", self.image.login, "-p", str(self.ssh)]
        for option in options:
            words += ["-o", option]
        told = await self.image.workshop.inside(
            *words, "root@127.0.0.1", shlex.join(program), beside=(self.folder,)
        )
        done = await command.run(told, seconds=_ASK_SECONDS, check=False)
        if check and done.status:
            said = (done.stdout + done.stderr)[-1000:].decode(errors="replace")
            raise SilentError(f"{program[0]} ended with {done.status}: {said}")
        return done.stdout.decode(errors="replace").strip()

    async def booted(self) -> str:
        """Waits until systemd has started all; returns its state: running or degraded."""
        async with asyncio.timeout(_BOOT_SECONDS):
            while True:
                state = await self.inside("systemctl", "is-system-running", "--wait", check=False)
                if state in _SYSTEMD:
                    return state
                self._lives()
                await asyncio.sleep(_LOOK_SECONDS)

    async def screen(self, name: str) -> bytes:
        """What its screen shows, in PPM; kept under that name."""
        picture = self.folder / f"{name}.ppm"
        await self.power.monitor.ask("screendump", filename=str(picture))
        return picture.read_bytes()

    async def press(self, *keys: str) -> None:
        """Presses keys together, by QEMU's names for them."""
        await self.power.monitor.ask("send-key", keys=[{"type": "qcode", "data": key} for key in keys])

    async def monitor_line(self, line: str) -> str:
        """Gives a line to QEMU's monitor for people; returns what it printed."""
        return str(await self.power.monitor.ask("human-monitor-command", **{"command-line": line})).strip()

    async def pull_out(self) -> None:
        """Pulls out the stick that it was started from."""
        await self.power.monitor.ask("device_del", id="stick")
        await self.power.monitor.event("DEVICE_DELETED", _ASK_SECONDS)

    async def stop(self) -> None:
        """Shuts it down in order, as its power button does."""
        await self.power.monitor.ask("system_powerdown")
        async with asyncio.timeout(_STOP_SECONDS):
            await self.power.ended()

    async def cut_power(self) -> None:
        """Kills it, all at once."""
        await self.power.off()

    async def close(self) -> None:
        """Leaves nothing behind but its folder."""
        await self.power.off()

    async def keep(self) -> None:
        """Keeps what tells why a test failed."""
        with suppress(PiccoloError, SilentError, TimeoutError):
            if self.power.is_on:
                await self.screen("screen")
                journal = await self.inside("journalctl", "--no-pager", "--merge")
                (self.folder / "journal").write_text(journal, encoding="utf-8")

    def snapshot(self, target: Path) -> None:
        """Copies it while it is off; `device` begins with the copy as often as one likes."""
        partial = target.with_name(f".{target.name}")
        shutil.rmtree(partial, ignore_errors=True)
        shutil.copytree(self.folder, partial, ignore=shutil.ignore_patterns("*.sock", "*.log", "tls.pem"))
        partial.rename(target)

    def _lives(self) -> None:
        if not self.power.is_on:
            raise SilentError(f"it ended; its last words were: {self.said()[-1000:]}")


def credentials(settings: Mapping[str, Mapping[str, Any]]) -> dict[str, bytes]:
    """What lays the services' settings into /etc/piccolo at each boot (tmpfiles.d(5))."""
    lines = ["d /etc/piccolo 0755 root root -"]
    for service, values in settings.items():
        content = base64.b64encode(tomli_w.dumps(values).encode()).decode()
        lines.append(f"f~ /etc/piccolo/{service}.toml 0644 root root - {content}")
    return {"tmpfiles.extra": "\n".join([*lines, ""]).encode()} if settings else {}


@asynccontextmanager
async def device(
    image: Image,
    name: str,
    *,
    begin: Path | None = None,
    ports: Mapping[int, str] | None = None,
    settings: Mapping[str, Mapping[str, Any]] | None = None,
    **parts: Any,
) -> AsyncIterator[Qemu]:
    """A device that is off; it ends with the block, and its folder goes when all went well.

    Args:
        image: what its disk begins as.
        name: of its folder.
        begin: a snapshot that it begins as instead.
        ports: further ones, as Virtual has them.
        settings: of its services.
        parts: other fields of Virtual.
    """
    folder = SHELF / "machines" / name
    shutil.rmtree(folder, ignore_errors=True)
    if begin is not None:
        shutil.copytree(begin, folder)
    virtual = Virtual(folder, folder / "disk.qcow2", {}, beside=(image.folder,), **parts)
    made = Qemu(Power(image.workshop, image.keys, virtual), image)
    try:
        async with asyncio.timeout(_LIFE_SECONDS):
            await made.build(ports or {}, settings or {})
            yield made
    except BaseException as failed:
        failed.add_note(f"What the device said is in {folder}")
        await made.keep()
        raise
    else:
        await made.close()
        shutil.rmtree(folder)
    finally:
        await made.close()
