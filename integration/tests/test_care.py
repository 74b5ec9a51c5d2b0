"""The care of what is kept, in a circle of processes: a disk loses a bit, and the circle sees to it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from integration.bench.waiting import until
from integration.circle import circle
from integration.owner import Owner

_SECONDS = 120.0


async def told(owner: Owner, address: str) -> dict[str, Any]:
    """What an address of the API answers."""
    async with owner.api.http.get(f"/api/v1/{address}") as response:
        assert response.status == 200, await response.text()
        return dict(await response.json())


async def look_often(owner: Owner) -> None:
    """Starts the owner's vault anew, locked, so that it looks after its members every second."""
    device = owner.device
    await device.stop(["vault"])
    await device.run({"vault": device.settings("vault") | {"store": {"look_seconds": 1.0}}})


def fragments(keeper: Owner, owner_id: str) -> list[Path]:
    """The files in which a device keeps an owner's live fragments."""
    folder = keeper.device.state("fragment-store") / "live" / owner_id
    return [path for path in folder.rglob("*") if path.is_file() and path.suffix != ".record"]


def flip(path: Path) -> None:
    """Changes one bit in the first block, as a disk does: without a word about the time."""
    about = path.stat()
    with path.open("r+b") as file:
        file.seek(1000)
        (byte,) = file.read(1)
        file.seek(1000)
        file.write(bytes([byte ^ 4]))
    os.utime(path, ns=(about.st_atime_ns, about.st_mtime_ns))


@pytest.mark.circle
async def test_a_flipped_bit_is_found_by_the_keepers_scrub_and_healed_by_a_locked_owner(
    tmp_path: Path, no_leaked_processes: None
) -> None:
    async with circle(tmp_path, 4) as made:
        owner, keeper, *others = made.owners
        data = os.urandom(3_000_000)
        await owner.api.put("/photo.jpg", data)
        await owner.api.heals(2, "/photo.jpg")
        (spoilt,) = fragments(keeper, await owner.api.owner_id())
        sound = spoilt.read_bytes()
        await look_often(owner)
        flip(spoilt)
        async with keeper.api.http.post("/api/v1/keeping/scrub") as response:
            assert response.status == 202

        async def healed() -> dict[str, Any] | None:
            keeping = await told(keeper, "keeping")
            found = keeping["scrub"]["last_damaged_fragments"] and not keeping["damaged_fragments"]
            return keeping if found else None

        keeping = await until(healed, _SECONDS, "healed fragment")
        assert keeping["scrub"]["last_damaged_fragments"] == 1
        blocks = slice(512, 512 + len(data))
        assert spoilt.read_bytes()[blocks] == sound[blocks]
        for other in others:
            await other.device.kill()
        await owner.api.unlock()
        assert await owner.api.get("/photo.jpg") == data  # of the healed fragment, and no other

        await _told_of(owner, keeper, silent=len(others), size=len(data))


async def _told_of(owner: Owner, keeper: Owner, *, silent: int, size: int) -> None:
    """The owner is told who is silent, what that means, and what the one keeper that is left does."""

    async def silence() -> dict[str, Any] | None:
        figures = await told(owner, "circle/members")
        away = sum(member["away_since"] > 0 for member in figures["members"])
        heard = [member["owner_bytes"] for member in figures["members"] if not member["away_since"]]
        seen = away == silent and all(size < kept for kept in heard)  # it was asked since it keeps that
        return figures if seen and figures["last_backup"] else None

    figures = await until(silence, _SECONDS, "account of the members")
    assert figures["survives"] == 0
    assert "1 of 1 objects" in figures["attention"][0]["words"]
    by_state = {member["words"].endswith("does not answer at the moment.") for member in figures["members"]}
    assert by_state == {True, False}
    heard = next(member for member in figures["members"] if not member["away_since"])
    assert heard["offer_bytes"] == keeper.device.offer_bytes
