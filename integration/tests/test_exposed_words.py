"""Words that strangers may know: afterwards they open nothing that any keeper or the cloud has."""

from __future__ import annotations

import asyncio
import os
import shutil
from contextlib import suppress
from pathlib import Path
from typing import Final

import pytest
from piccolo_formats.digests import digest
from piccolo_formats.kek import Kek

from integration import reader
from integration.bad_days.clocks import LeapingClocks, needs_faketime
from integration.bad_days.kills import NO_ANSWER
from integration.bench.waiting import until
from integration.circle import Circle, circle
from integration.client import OperationFailedError
from integration.owner import Owner

Files = dict[str, bytes]
BRISK: Final = {"chores_seconds": 0.5, "quiet_seconds": 0.0, "look_seconds": 1.0}


async def _files(owner: Owner) -> Files:
    """Files of every way in; one has an older version, one is in the trash, one was deleted for good."""
    files = {
        "/none": b"",
        "/message": os.urandom(700_000),
        "/streamed": os.urandom((5 << 20) + 123),
        "/changed": b"as it is now",
        **{f"/together/{number}": os.urandom(3_000) for number in range(6)},
    }
    await owner.api.put("/changed", b"as it was")
    await asyncio.gather(*(owner.api.put(path, data) for path, data in files.items()))
    for path in ("/trash", "/purged"):
        await owner.api.put(path, os.urandom(300_000))
    await owner.api.delete("/trash")
    await owner.api.delete("/purged", purge=True)
    return files


def _keepers(made: Circle, owner: Owner) -> list[Path]:
    return [each.device.state("fragment-store") for each in made.owners if each is not owner]


def _kept(made: Circle, owner: Owner, owner_id: str) -> set[str]:
    """The names of an owner's fragments and records, wherever they lie: live, provisional, in a trash."""
    return {
        path.name.split(".")[0]
        for store in _keepers(made, owner)
        for state in ("live", "provisional", "trash")
        for path in (store / state).rglob(f"{owner_id}/**/*")
        if path.is_file()
    }


def _entries(made: Circle, words: str) -> list[str]:
    """What the cloud has for words."""
    log = digest("locator", Kek.from_words(words).locator().public).hex()
    return sorted(path.name for path in made.cloud.folder.rglob(f"{log}/**/*") if path.is_file())


def _read(words: str, out: Path, stores: list[Path]) -> tuple[Files, str]:
    """What somebody reads who has the words and the disks of all keepers."""
    report, _ = reader.rebuild(words, out, stores)
    root = out / "files"
    return {f"/{one.relative_to(root)}": one.read_bytes() for one in root.rglob("*") if one.is_file()}, report


@pytest.mark.circle
async def test_exposed_words_open_nothing_any_more(tmp_path: Path, no_leaked_processes: None) -> None:
    """The vault is killed in the middle; afterwards the device burns, and the new words bring it back."""
    async with circle(tmp_path, 4, store=BRISK) as made:
        owner = made.owners[1]
        files = await _files(owner)
        await owner.api.backed_up()
        old, owner_id = owner.api.words, await owner.api.owner_id()
        before = _kept(made, owner, owner_id)
        stores = _keepers(made, owner)
        found, _ = await asyncio.to_thread(_read, old, tmp_path / "before", stores)
        assert len(before) >= 3 * 5
        assert files.items() <= found.items()  # who has the words and the disks reads it all
        assert len(_entries(made, old)) > 1

        operation = await owner.api.new_words(exposed=True)
        await owner.device.kill(["vault"])
        await owner.device.run({"vault": owner.device.settings("vault")})
        await owner.api.log_in()
        await owner.api.put("/meanwhile", b"written while it goes on")
        files["/meanwhile"] = b"written while it goes on"
        await owner.api.finished(operation, 300)

        assert not before & _kept(made, owner, owner_id)
        assert len(_entries(made, old)) == 1  # the note that there are newer words
        await _only_new_words_read(owner, old, files, tmp_path, stores)
        actions = [event["action"] for event in (await owner.api.ask("GET", "/audit"))["events"]]
        assert {"vault.words.exposed", "vault.backup.emptied", "vault.words.exposed.over"} <= set(actions)
        await owner.api.backed_up()
        await _burn_and_recover(owner, old, files)


async def _only_new_words_read(
    owner: Owner, old: str, files: Files, folder: Path, stores: list[Path]
) -> None:
    """Whoever has the disks and the old words reads nothing, with the new ones everything."""
    found, report = await asyncio.to_thread(_read, old, folder / "old", stores)
    assert found == {}
    assert "0 versions are read, 0 are not" in report
    found, report = await asyncio.to_thread(_read, owner.api.words, folder / "new", stores)
    assert files.items() <= found.items(), report
    assert {path: await owner.api.get(path) for path in files} == files


async def _burn_and_recover(owner: Owner, old: str, files: Files) -> None:
    new = owner.api.words
    await owner.burn()
    await owner.start()
    owner.api.words = old
    with pytest.raises(OperationFailedError, match="replaced by new ones on 20"):
        await owner.api.recover()
    owner.api.words = new
    await owner.api.recover()
    assert {path: await owner.api.get(path) for path in files} == files
    assert not (await owner.api.status())["new_words"]


@needs_faketime
@pytest.mark.circle
async def test_device_and_cloud_are_lost_in_the_middle_and_the_circle_alone_ends_it(
    tmp_path: Path, no_leaked_processes: None
) -> None:
    """All is sealed anew and nothing purged yet: what the exposed words open lies beside what they do not."""
    clocks = LeapingClocks.at(tmp_path / "clocks")
    async with circle(tmp_path, 4, store=BRISK, plug=clocks.give) as made:
        owner = made.owners[1]
        files = await _files(owner)
        await owner.api.backed_up()
        old, owner_id, printed = owner.api.words, await owner.api.owner_id(), await owner.api.contacts()
        stores, before = _keepers(made, owner), _kept(made, owner, owner_id)
        await _lose_in_the_middle(made, owner)
        lost = _kept(made, owner, owner_id)
        assert before < lost

        await owner.start()
        result = await owner.api.recover(contacts=printed)
        assert (result["backup"], result["exposed"], result["left"]) == ("circle", "sealing", 0)
        assert {path: await owner.api.get(path) for path in files} == files
        await _says(owner, " ")  # nobody asked for it
        await made.cloud.start()
        await _ended(owner, clocks)

        kept = _kept(made, owner, owner_id)
        assert not before & kept
        assert not lost & kept  # nobody could tell which of them were sealed anew already
        await _only_new_words_read(owner, old, files, tmp_path, stores)
        events = (await owner.api.ask("GET", "/audit"))["events"]
        (over,) = [each for each in events if each["action"] == "vault.words.exposed.over"]
        assert "unopened" not in over["details"]


async def _lose_in_the_middle(made: Circle, owner: Owner) -> None:
    """The words are exposed; device and cloud go when all is sealed anew, and no backup names it."""
    away = made.owners[3].device
    await away.kill(["fragment-store"])
    await owner.api.new_words(exposed=True)
    await _says(owner, "Renewing what the members keep")
    await made.cloud.kill()
    await away.run({"fragment-store": away.settings("fragment-store")})
    await _says(owner, "as soon as the backup")
    await owner.burn()
    shutil.rmtree(made.cloud.state("cloud") / "objects")


async def _says(owner: Owner, words: str) -> None:
    async def look() -> bool | None:
        return words in await _phase(owner) or None

    await until(look, 180, words)


async def _phase(owner: Owner) -> str:
    """What is said of the new words; empty when they are settled."""
    running = (await owner.api.ask("GET", "/operations?running=true"))["operations"]
    return " ".join(each["phase"] or "begins" for each in running if each["kind"] == "rotate")


async def _ended(owner: Owner, clocks: LeapingClocks) -> None:
    """Nothing is left of the exposed words: 45 days after the members heard of the device, they obey it."""

    async def look() -> bool | None:
        try:
            told = await _phase(owner)
        except NO_ANSWER:  # no session lasts so long
            with suppress(*NO_ANSWER):
                await owner.api.log_in()
            return None
        if "not done yet" in told:
            clocks.leap(47)
            await asyncio.sleep(5)  # until all have seen it, and it is written down that it passed
        return not told or None

    await until(look, 300, "end of exposed words")
