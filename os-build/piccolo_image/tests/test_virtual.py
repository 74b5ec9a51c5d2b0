"""What QEMU is told of a virtual device, and how its monitor is spoken to."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from piccolo_chassis.errors import PiccoloError

from piccolo_image.monitor import Monitor
from piccolo_image.virtual import Virtual, words


def told(device: Virtual) -> str:
    return " ".join(map(str, words(device)))


def test_a_device_has_what_was_asked_for(tmp_path: Path) -> None:
    disk = tmp_path / "disk.img"
    bare = told(Virtual(tmp_path, disk, {}, tpm=False))
    assert "tpm" not in bare
    assert "hostfwd" not in bare
    assert f"format=raw,file={disk}" in bare
    ports = {443: "127.0.0.1:8443", 22: "127.0.0.1:2222"}
    whole = told(Virtual(tmp_path, tmp_path / "disk.qcow2", ports, credentials={"a.b": b"x,y=z"}))
    assert "tpm-crb" in whole
    assert "hostfwd=tcp:127.0.0.1:8443-:443,hostfwd=tcp:127.0.0.1:2222-:22" in whole
    assert "format=qcow2" in whole
    assert f"value=io.systemd.credential.binary:a.b={base64.b64encode(b'x,y=z').decode()}" in whole


def test_a_medium_is_a_stick_that_can_be_pulled_out_and_other_disks_are_not(tmp_path: Path) -> None:
    disk, data = tmp_path / "disk.qcow2", tmp_path / "data.img"
    made = told(Virtual(tmp_path, disk, {}, stick=True, further=(data,)))
    assert "usb-storage,id=stick,drive=disk,bootindex=1" in made
    assert "virtio-blk-pci,drive=disk" not in made
    assert f"id=further0,format=raw,file={data} -device virtio-blk-pci,drive=further0" in made
    assert "usb-storage" not in told(Virtual(tmp_path, disk, {}))


def test_a_device_ends_with_who_started_it(tmp_path: Path) -> None:
    assert words(Virtual(tmp_path, tmp_path / "disk", {}))[:3] == ["setpriv", "--pdeathsig", "KILL"]


@asynccontextmanager
async def machine(folder: Path) -> AsyncIterator[Monitor]:
    """A monitor's other end: resets on `reset`, refuses what it does not know."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b'{"QMP": {}}\n')
        while line := await reader.readline():
            said = json.loads(line)
            if said["execute"] == "reset":
                writer.write(b'{"event": "RESET"}\n')
            known = said["execute"] in {"qmp_capabilities", "reset", "echo"}
            result = {"return": said["arguments"]} if known else {"error": {"desc": "unknown"}}
            writer.write(json.dumps(result | {"id": said["id"]}).encode() + b"\n")
        writer.close()

    server = await asyncio.start_unix_server(answer, folder / "qmp.sock")
    monitor = await Monitor.open(folder / "qmp.sock")
    try:
        yield monitor
    finally:
        await monitor.close()
        server.close()


async def test_each_question_has_its_own_answer(tmp_path: Path) -> None:
    async with machine(tmp_path) as monitor:
        answers = await asyncio.gather(*(monitor.ask("echo", number=number) for number in range(5)))
        assert answers == [{"number": number} for number in range(5)]
        with pytest.raises(PiccoloError, match="nonsense: unknown"):
            await monitor.ask("nonsense")


async def test_an_event_is_heard_also_when_it_came_before_the_wait(tmp_path: Path) -> None:
    async with machine(tmp_path) as monitor:
        await monitor.ask("reset")
        await monitor.event("RESET", 5.0)
        await monitor.ask("reset")
        monitor.forget()
        with pytest.raises(TimeoutError):
            await monitor.event("RESET", 0.05)
