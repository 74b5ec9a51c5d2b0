"""Ending the device: who may, what has to be typed, what the audit log has, and what root's part says."""

from __future__ import annotations

import asyncio
import unicodedata
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from piccolo_chassis.errors import PiccoloError

from piccolo_gateway.adapters.power import NoPower, RootsPower
from piccolo_gateway.core.power import PowerAct, PowerAnswer, not_ended, same_name
from piccolo_gateway.tests.conftest import PASSPHRASE, Start, World
from piccolo_gateway.tests.proving import SetClock

ENDS = ("/device/restart", "/device/shutdown", "/device/reset")
NAME = "Piccolo"


class Root:
    """Root's part, played: it says `answer` to whatever is asked, and remembers what was."""

    def __init__(self, answer: str = "ending") -> None:
        self.answer, self.asked = answer, list[str]()
        self.heard: Callable[[], None] = lambda: None

    @asynccontextmanager
    async def at(self, socket: Path) -> AsyncIterator[Root]:
        """Listens."""
        server = await asyncio.start_unix_server(self._serve, socket)
        async with server:
            yield self

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        line = await reader.readline()
        self.asked.append(line.decode())
        self.heard()
        writer.write(f"{self.answer}\n".encode() if self.answer else b"")
        writer.close()


@asynccontextmanager
async def of_the_image(
    start: Start, folder: Path, answer: str = "ending"
) -> AsyncIterator[tuple[World, Root]]:
    """A gateway of a device that can be ended, its owner logged in."""
    async with Root(answer).at(folder / "power.sock") as root, start(power=folder / "power.sock") as world:
        world.fakes.keys.set_up(PASSPHRASE)
        await world.client.log_in()
        yield world, root


def noted(world: World) -> list[tuple[str, str, str]]:
    return [
        (one.actor, one.action, one.outcome)
        for one in world.fakes.audit.events
        if one.action in ("device.restart", "device.shutdown", "device.reset")
    ]


def body(path: str, name: str = NAME) -> dict[str, Any]:
    return {"json": {"name": name}} if path.endswith("reset") else {}


@given(st.text(), st.text())
def test_a_name_is_typed_letter_by_letter(typed: str, name: str) -> None:
    assert same_name(name, name)
    for form in ("NFC", "NFD"):
        assert same_name(unicodedata.normalize(form, name), name)
    same = unicodedata.normalize("NFD", typed) == unicodedata.normalize("NFD", name)
    assert same_name(typed, name) is same


@pytest.mark.parametrize("odd", ["piccolo", "Piccolo ", " Piccolo", "Piccol", "Piccolo\n", "", "Píccolo"])
def test_what_is_nearly_the_name_is_not_it(odd: str) -> None:
    assert not same_name(odd, NAME)


@pytest.mark.parametrize("path", ENDS)
async def test_an_end_is_asked_of_root_and_written_down_before(start: Start, short: Path, path: str) -> None:
    async with of_the_image(start, short) as (world, root):
        before: list[list[tuple[str, str, str]]] = []
        root.heard = lambda: before.append(noted(world))
        status, told = await world.json("POST", path, **body(path))
        assert (status, told) == (202, {})
        act = path.removeprefix("/device/")
        assert root.asked == [f"{act}\n"]
        assert before == [[("owner", f"device.{act}", "ok")]]
        assert noted(world) == before[0]


async def test_what_it_is_called_and_that_it_can_be_ended(start: Start, short: Path) -> None:
    async with of_the_image(start, short) as (world, _):
        assert await world.json("GET", "/device") == (200, {"name": NAME, "offered": True})
        await world.json("PATCH", "/settings", json={"values": {"device.name": "Ana's box"}})
        assert (await world.json("GET", "/device"))[1]["name"] == "Ana's box"
        await world.client.found()
        own = next(one["name"] for one in (await world.client.circle())["members"] if one["self"])
        assert (await world.json("GET", "/device"))[1]["name"] == own


@pytest.mark.parametrize("path", ENDS)
async def test_programs_on_a_computer_refuse_plainly(world: World, path: str) -> None:
    assert (await world.json("GET", "/device"))[1] == {"name": NAME, "offered": False}
    status, problem = await world.json("POST", path, **body(path, "whatever"))
    assert (status, problem["reason"]) == (409, "NOT_A_DEVICE")
    assert noted(world) == [("owner", path.strip("/").replace("/", "."), "NOT_A_DEVICE")]


async def test_a_socket_that_is_not_there_is_no_device(start: Start, short: Path) -> None:
    async with start(power=short / "none.sock") as world:
        world.fakes.keys.set_up(PASSPHRASE)
        await world.client.log_in()
        assert (await world.json("POST", "/device/restart"))[1]["reason"] == "NOT_A_DEVICE"


@pytest.mark.parametrize("typed", ["piccolo", "Piccolo ", "", "another"])
async def test_a_reset_wants_the_name_as_it_is(start: Start, short: Path, typed: str) -> None:
    async with of_the_image(start, short) as (world, root):
        status, problem = await world.json("POST", "/device/reset", **body("reset", typed))
        assert (status, problem["reason"], problem["details"]["name"]) == (400, "NAME_DIFFERS", NAME)
        assert (root.asked, noted(world)) == ([], [("owner", "device.reset", "NAME_DIFFERS")])


async def test_a_reset_wants_a_fresh_proof(
    start: Start, short: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = SetClock()
    monkeypatch.setattr("piccolo_gateway.__main__.time", clock)
    async with of_the_image(start, short) as (world, root):
        clock.pass_(601)
        status, problem = await world.json("POST", "/device/reset", **body("reset"))
        assert (status, problem["reason"], root.asked) == (403, "PROOF_NEEDED", [])
        assert (await world.json("POST", "/device/restart"))[0] == 202


@pytest.mark.parametrize(("scope", "restarts"), [("read", False), ("write", False), ("admin", True)])
async def test_tokens_restart_by_their_scope_and_never_reset(
    start: Start, short: Path, scope: str, restarts: bool
) -> None:
    async with of_the_image(start, short) as (world, root):
        secret = await world.client.make_token("robot", scope)
        async with world.stranger(secret) as robot:
            status, problem = await robot.json("POST", "/device/reset", **body("reset"))
            assert status == 403, problem
            assert (await robot.json("POST", "/device/restart"))[0] == (202 if restarts else 403)
        assert root.asked == (["restart\n"] if restarts else [])


async def test_a_log_that_cannot_be_written_keeps_nobody_from_a_restart(start: Start, short: Path) -> None:
    async with of_the_image(start, short) as (world, root):
        await world.fakes.stop("metadata")
        assert (await world.json("POST", "/device/restart"))[0] == 202
        assert root.asked == ["restart\n"]


@pytest.mark.parametrize(
    ("answer", "status", "reason"),
    [
        ("closed", 409, "DATA_CLOSED"),
        ("none", 409, "NOT_A_DEVICE"),
        ("malformed", 503, "POWER_FAILED"),
        ("failed", 503, "POWER_FAILED"),
        ("", 503, "POWER_BUSY"),
        ("odd", 503, "POWER_BUSY"),
    ],
)
async def test_what_root_refuses_is_told_and_written_down(
    start: Start, short: Path, answer: str, status: int, reason: str
) -> None:
    async with of_the_image(start, short, answer) as (world, _):
        got, problem = await world.json("POST", "/device/reset", **body("reset"))
        assert (got, problem["reason"]) == (status, reason)
        assert [outcome for _, _, outcome in noted(world)] == ["ok", reason]


@pytest.mark.parametrize("answer", [one for one in PowerAnswer if one is not PowerAnswer.ENDING])
def test_every_refusal_has_words(answer: PowerAnswer) -> None:
    assert not_ended(answer).message


async def test_nobody_who_listens_is_no_end(short: Path) -> None:
    async with Root().at(short / "power.sock"):
        pass
    for port, reason in (
        (RootsPower(short / "power.sock"), {"POWER_AWAY", "NOT_A_DEVICE"}),
        (NoPower(), {"NOT_A_DEVICE"}),
    ):
        with pytest.raises(PiccoloError) as failed:
            await port.ask(PowerAct.RESTART)
        assert failed.value.reason in reason
