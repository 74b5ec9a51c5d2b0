"""A virtual device that boots an image: UEFI with Secure Boot and own keys, a TPM, a disk, a network.

Rules:
* Its folder holds all that is its own: the firmware's variables, the TPM, the console. A copy of the folder
  while it is off is a snapshot of the device.
* It ends with the program that started it, also when that one is killed.
* An image that it has as an overlay's base is never written to.
"""

from __future__ import annotations

import asyncio
import base64
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from piccolo_chassis import command
from piccolo_chassis.errors import Kind, PiccoloError

from piccolo_image.keys import Keys
from piccolo_image.monitor import Monitor
from piccolo_image.workshop import Workshop

_OVMF: Final = "/usr/share/OVMF"
_LOOK_SECONDS: Final = 0.1
_START_SECONDS: Final = 60.0


@dataclass(frozen=True, slots=True)
class Virtual:
    """What a virtual device is made of.

    Attributes:
        disk: raw, or a qcow2 overlay when it is called so.
        ports: `address:port` of this machine by the device's port that it leads to.
        tpm: whether it has one.
        secure: whether its firmware trusts our keys only; else it checks nothing.
        credentials: what systemd in it finds as credentials (systemd.system-credentials(7)).
        beside: further folders that QEMU reads: that of an overlay's base.
        stick: whether its disk is a USB stick, `stick` to QEMU, which may be pulled out.
        further: raw disks that it has besides.
    """

    folder: Path
    disk: Path
    ports: Mapping[int, str]
    memory: int = 2048
    tpm: bool = True
    secure: bool = True
    credentials: Mapping[str, bytes] = field(default_factory=dict)
    beside: tuple[Path, ...] = ()
    stick: bool = False
    further: tuple[Path, ...] = ()

    @property
    def console(self) -> Path:
        """What it says on its serial line."""
        return self.folder / "console.log"

    @property
    def serial(self) -> Path:
        """The socket at which somebody may type on its serial line."""
        return self.folder / "serial.sock"


async def firmware(workshop: Workshop, keys: Keys) -> Path:
    """The variables of a firmware that trusts these keys and no others; cached."""
    inputs = "".join(keys[f"{role}.crt"].read_text(encoding="ascii") for role in ("PK", "KEK", "db"))

    async def make(target: Path) -> None:
        target.mkdir()
        await workshop.run(
            *("virt-fw-vars", "-i", f"{_OVMF}/OVMF_VARS_4M.fd", "-o", target / "vars.fd"),
            *("--set-pk", keys.owner, keys["PK.crt"], "--add-kek", keys.owner, keys["KEK.crt"]),
            *("--add-db", keys.owner, keys["db.crt"], "--no-microsoft", "--sb"),
        )

    return await workshop.tree("firmware", inputs, make) / "vars.fd"


def words(device: Virtual) -> list[str | Path]:
    """QEMU's command line; with a TPM, that one must run already."""
    forwards = "".join(f",hostfwd=tcp:{here}-:{port}" for port, here in device.ports.items())
    log = f",logfile={device.console},logappend=on"
    form = "qcow2" if device.disk.suffix == ".qcow2" else "raw"
    said: list[str | Path] = [
        *("setpriv", "--pdeathsig", "KILL"),
        *("qemu-system-x86_64", "-machine", "q35,smm=on", "-accel", "tcg,thread=multi", "-cpu", "max"),
        *("-smp", "2", "-m", str(device.memory), "-display", "none", "-no-user-config"),
        *("-global", "driver=cfi.pflash01,property=secure,value=on"),
        *("-drive", f"if=pflash,format=raw,unit=0,readonly=on,file={_OVMF}/OVMF_CODE_4M.secboot.fd"),
        *("-drive", f"if=pflash,format=raw,unit=1,file={device.folder / 'vars.fd'}"),
        *("-drive", f"if=none,id=disk,format={form},file={device.disk}"),
        *_plugged(device),
        *("-netdev", f"user,id=net{forwards}", "-device", "virtio-net-pci,netdev=net,romfile="),
        *("-object", "rng-random,id=rng,filename=/dev/urandom", "-device", "virtio-rng-pci,rng=rng"),
        *("-chardev", f"socket,id=serial,path={device.serial},server=on,wait=off{log}"),
        *("-serial", "chardev:serial"),
        *("-qmp", f"unix:{device.folder / 'qmp.sock'},server=on,wait=off"),
    ]
    for name, content in device.credentials.items():
        told = base64.b64encode(content).decode()
        said += ["-smbios", f"type=11,value=io.systemd.credential.binary:{name}={told}"]
    if device.tpm:
        said += [
            *("-chardev", f"socket,id=tpm,path={device.folder / 'tpm.sock'}"),
            *("-tpmdev", "emulator,id=tpm0,chardev=tpm", "-device", "tpm-crb,tpmdev=tpm0"),
        ]
    return said


def _plugged(device: Virtual) -> list[str | Path]:
    """How its disks are connected."""
    said: list[str | Path] = ["-device", "virtio-blk-pci,drive=disk,bootindex=1"]
    if device.stick:
        said = ["-device", "qemu-xhci", "-device", "usb-storage,id=stick,drive=disk,bootindex=1,removable=on"]
    for number, disk in enumerate(device.further):
        said += ["-drive", f"if=none,id=further{number},format=raw,file={disk}"]
        said += ["-device", f"virtio-blk-pci,drive=further{number}"]
    return said


@dataclass(slots=True)
class Power:
    """A virtual device's switch. What its programs complain of is in the folder's `qemu.log`."""

    workshop: Workshop
    keys: Keys
    device: Virtual
    _process: command.Process | None = None
    _tpm: command.Process | None = None
    _monitor: Monitor | None = None

    @property
    def is_on(self) -> bool:
        """Whether it runs."""
        return self._process is not None and self._process.returncode is None

    @property
    def monitor(self) -> Monitor:
        """Its monitor, while it runs. Raises PiccoloError PRECONDITION, SWITCHED_OFF."""
        if self._monitor is None:
            raise PiccoloError(Kind.PRECONDITION, "SWITCHED_OFF", "The virtual device is switched off.")
        return self._monitor

    async def on(self) -> None:
        """Switches it on; returns when its processor runs."""
        folder = self.device.folder
        folder.mkdir(parents=True, exist_ok=True)
        await self._variables()
        if self.device.tpm:
            self._tpm = await self._started(await self._tpm_words(), folder / "tpm.sock")
        told = await self.workshop.inside(*words(self.device), beside=self._seen())
        self._process = await self._started(told, folder / "qmp.sock")
        self._monitor = await Monitor.open(folder / "qmp.sock")

    async def ended(self) -> None:
        """Returns when it has switched itself off."""
        if self._process is not None:
            await self._process.wait()
        await self.off()

    async def off(self) -> None:
        """Takes its plug out."""
        if self._monitor is not None:
            await self._monitor.close()
        if self._process is not None:
            await command.end(self._process, polite_seconds=0)
        if self._tpm is not None:
            await command.end(self._tpm)
        self._process = self._tpm = self._monitor = None

    async def _variables(self) -> None:
        variables = self.device.folder / "vars.fd"
        if variables.exists():
            return
        if self.device.secure:
            shutil.copy(await firmware(self.workshop, self.keys), variables)
        else:
            await self.workshop.run("cp", f"{_OVMF}/OVMF_VARS_4M.fd", variables, beside=self._seen())

    async def _tpm_words(self) -> list[str | Path]:
        state = self.device.folder / "tpm"
        if not state.is_dir():
            state.mkdir()
            await self.workshop.run(
                *("swtpm_setup", "--tpm2", "--tpmstate", state, "--pcr-banks", "sha256"), beside=self._seen()
            )
        return await self.workshop.inside(
            *("swtpm", "socket", "--tpm2", "--tpmstate", f"dir={state}", "--terminate"),
            *("--ctrl", f"type=unixio,path={self.device.folder / 'tpm.sock'}"),
            beside=self._seen(),
        )

    def _seen(self) -> tuple[Path, ...]:
        disks = (self.device.disk, *self.device.further)
        return (self.device.folder, *(disk.parent.resolve() for disk in disks), *self.device.beside)

    async def _started(self, told: list[str | Path], socket: Path) -> command.Process:
        """Starts a program; returns when it listens, which it tells nobody. Raises PiccoloError INTERNAL."""
        socket.unlink(missing_ok=True)
        log = self.device.folder / "qemu.log"
        with log.open("ab") as output:
            process = await command.start(told, output=output)
        try:
            async with asyncio.timeout(_START_SECONDS):
                while not socket.exists():
                    _still_runs(process, log)
                    await asyncio.sleep(_LOOK_SECONDS)
        except BaseException:
            await command.end(process, polite_seconds=0)
            raise
        return process


def _still_runs(process: command.Process, log: Path) -> None:
    if process.returncode is not None:
        said = log.read_text(encoding="utf-8", errors="replace")[-2000:]
        raise PiccoloError(Kind.INTERNAL, "QEMU_FAILED", f"The virtual device did not start: {said}")
