"""Figures of the members and of this device's own keeping, over HTTP."""

from __future__ import annotations

import time

from piccolo.metadata.v1 import backup_pb2
from piccolo.vault.v1 import store_pb2 as pb

from piccolo_gateway.core import attention
from piccolo_gateway.core.bodies.care import Attention
from piccolo_gateway.core.bodies.files import StoreHealth
from piccolo_gateway.core.bodies.memory import Backup
from piccolo_gateway.tests.conftest import World

MEMBER = pb.MemberFigures(
    owner_id=b"o" * 32,
    name="Ana",
    state="active",
    availability=0.98,
    last_audit=1_700_000_000,
    audited_blocks=459,
    failed_blocks=1,
    offer_bytes=1 << 40,
    used_bytes=1 << 30,
    owner_bytes=1 << 20,
    notices=[pb.MemberNotice(kind="evict", time=1, until=2)],
    words="Ana did not have 1 block.",
    next_step="Tell Ana's owner.",
    urgent=True,
    reason="MEMBER_MISSED_BLOCKS",
)


async def test_before_there_is_a_circle_there_are_no_members(world: World) -> None:
    status, told = await world.json("GET", "/circle/members")
    assert (status, told["members"], told["attention"]) == (200, [], [])


async def test_members_are_told_in_figures_and_sentences(world: World) -> None:
    await world.client.found()
    world.fakes.store.members = [MEMBER, pb.MemberFigures(owner_id=b"b" * 32, name="Ben", state="leaving")]
    status, told = await world.json("GET", "/circle/members")
    assert status == 200
    assert (told["survives"], told["last_audit"]) == (2, 1_700_000_000)
    ana, ben = told["members"]
    assert (ana["availability"], ana["audited_blocks"], ana["failed_blocks"]) == (0.98, 459, 1)
    assert (ana["offer_bytes"], ana["used_bytes"], ana["owner_bytes"]) == (1 << 40, 1 << 30, 1 << 20)
    assert ana["notices"] == [{"kind": "evict", "since": 1, "until": 2}]
    assert ben["availability"] is None
    ask = {"words": "Ana did not have 1 block.", "next_step": "Tell Ana's owner."}
    assert told["attention"] == [{**ask, "reason": "MEMBER_MISSED_BLOCKS", "member": "Ana"}]


async def test_a_backup_that_stands_still_comes_before_members(world: World) -> None:
    await world.client.found()
    world.fakes.store.members = [MEMBER]
    world.fakes.backup.status = backup_pb2.BackupStatus(enabled=True, pending=3, last_backup=1)
    _, told = await world.json("GET", "/circle/members")
    assert told["last_backup"] == 1
    assert "3 changes wait" in told["attention"][0]["words"]
    assert len(told["attention"]) == 2


async def test_what_this_device_keeps_is_told_and_can_be_read_through(world: World) -> None:
    status, told = await world.json("GET", "/keeping")
    assert status == 200
    assert told["owners"] == [{"owner_id": (b"o" * 32).hex(), "fragments": 2, "bytes": 5}]
    assert (told["scrub"]["running"], told["scrub"]["last_ended"]) == (False, 1_700_000_000)
    assert told["attention"] == []
    assert (await world.json("POST", "/keeping/scrub"))[0] == 202
    world.fakes.keeper.status.damaged_fragments = 2
    _, told = await world.json("GET", "/keeping")
    assert told["scrub"]["running"]
    assert "damaged 2 of the fragments" in told["attention"][0]["words"]
    _, trail = await world.json("GET", "/audit?action=keeping")
    assert [event["action"] for event in trail["events"]] == ["keeping.scrub"]


def health(**changes: int | str) -> StoreHealth:
    usual = {"objects": 5, "at_risk": 0, "unreadable": 0, "survives": 2, "repairs": 0, "words": "fine"}
    return StoreHealth(**{**usual, "away": [], "unreconciled": False, **changes})  # type: ignore[arg-type]


def backup(**changes: bool | int | str) -> Backup:
    usual: dict[str, bool | int | str] = {"enabled": True, "seq": 1, "last_backup": 0, "pending": 0}
    more: dict[str, bool | int | str] = {"problem": "", "fenced": False, "fenced_by": "", "bytes": 0}
    return Backup(**{**usual, **more, **changes})  # type: ignore[arg-type]


ROOM = 1 << 40


def test_a_disk_is_looked_at_before_it_is_full() -> None:
    (told,) = attention.of_all(health(), backup(), [], 0, 255 << 20)
    assert (told.reason, told.words[-17:]) == ("DISK_LOW", "255 MiB are left.")
    assert attention.of_all(health(), backup(), [], 0, 256 << 20) == []


def test_the_gravest_comes_first_and_nothing_is_said_when_all_is_well() -> None:
    now, member = int(time.time()), Attention(reason="R", words="m", next_step="n")
    assert attention.of_all(health(), backup(), [], now, ROOM) == []
    told = attention.of_all(
        health(at_risk=1, words="1 of 5 objects would not"), backup(problem="no room."), [member], now, ROOM
    )
    assert told[0].words == "1 of 5 objects would not."
    assert told[1].words == "The backup does not go on: no room."
    assert told[2] is member
    assert "took over" in attention.of_all(health(), backup(fenced=True), [], now, ROOM)[0].words
    assert attention.of_all(health(), backup(pending=1, last_backup=now), [], now, ROOM) == []
    assert attention.of_keeping(0, "The disk is full up to its reserve.")[0].words.startswith("The disk")
