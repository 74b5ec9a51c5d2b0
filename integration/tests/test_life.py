"""The later life of what is stored: packs are compacted, fragments spread, and nothing is lost over it."""

from __future__ import annotations

import asyncio
import hashlib
import json
from pathlib import Path
from typing import Final

import pytest
from piccolo.metadata.v1 import object_pb2, object_pb2_grpc

from integration.circle import circle
from integration.owner import Owner

BRISK: Final = {
    "chores_seconds": 0.5,
    "quiet_seconds": 0.5,
    "look_seconds": 2.0,
    "settle_seconds": 2.0,
    "compact_seconds": 0.0,
}


def content(number: int) -> bytes:
    """What a file holds; each differs in its bytes and in its size."""
    return hashlib.blake2b(number.to_bytes(8)).digest() * (20 + number % 50)


async def packs(owner: Owner) -> dict[bytes, int]:
    """The packs that the owner's device remembers, and how many files of each it keeps."""
    async with owner.device.connect("metadata") as channel:
        answer = await object_pb2_grpc.ObjectServiceStub(channel).ListPacks(object_pb2.ListPacksRequest())
        return {bytes(each.object_id): each.files for each in answer.packs}


@pytest.mark.circle
async def test_compacted_files_come_back_from_the_words_byte_for_byte(
    tmp_path: Path, no_leaked_processes: None
) -> None:
    """Many small files, most of them deleted, compacted; the device burns; the words bring the rest back."""
    files = {f"/notes/{number}": content(number) for number in range(400)}
    async with circle(tmp_path, 4, store=BRISK) as made:
        owner = made.owners[0]
        await asyncio.gather(*(owner.api.put(path, data) for path, data in files.items()))
        before = await packs(owner)  # here already: compaction begins while there is still more to delete
        changed = list(files)[::40]
        for path in changed:  # the version before stays in the history, and moves with the rest
            files[path] = b"newer than " + files[path]
            await owner.api.put(path, files[path])
        for number, path in enumerate(list(files)):
            if number % 20:
                await owner.api.delete(path, purge=True)
                del files[path]
        async with asyncio.timeout(60):
            while before.keys() & (await packs(owner)).keys():
                assert {path: await owner.api.get(path) for path in files} == files
        assert sum((await packs(owner)).values()) == len(files) + len(changed)
        await owner.api.backed_up()
        await owner.burn()
        await owner.start()
        await owner.api.recover()
        assert {path: await owner.api.get(path) for path in files} == files
        assert [each["path"] async for each in owner.api.list("/notes")] == sorted(files)
        assert not (await owner.api.health()).unreconciled


async def spread(owner: Owner, paths: list[str], devices: int) -> None:
    """Returns when each file lies with that many devices; until then it is read."""
    async with asyncio.timeout(120):
        for path in paths:
            while (await owner.api.health(path)).devices < devices:
                assert await owner.api.get(path)


@pytest.mark.circle
async def test_two_fragments_at_one_member_spread_when_a_sixth_joins_and_the_others_return(
    tmp_path: Path, no_leaked_processes: None
) -> None:
    """Two of four keepers are dead while files are written; every loss that is promised is borne."""
    files = {f"/f/{number}": content(number) * (1 + number % 4 * 200) for number in range(12)}
    async with circle(tmp_path, 5, store=BRISK) as made:
        owner, dead = made.owners[0], made.owners[3:5]
        await asyncio.gather(*(each.device.kill(["fragment-store"]) for each in dead))
        for path, data in files.items():
            await owner.api.put(path, data)
        assert {(await owner.api.health(path)).devices for path in files} == {2}
        (sixth,) = await made.add(1)
        await spread(owner, list(files), 3)
        # two of four fragments rebuild a file: without the fullest of three devices two are left
        await made.owners[1].device.kill(["fragment-store"])
        assert {path: await owner.api.get(path) for path in files} == files
        for each in (made.owners[1], *dead):
            await each.device.run({"fragment-store": each.device.settings("fragment-store")})
        await spread(owner, list(files), 4)
        assert min([(await owner.api.health(path)).survives for path in files]) == 2
        owner.device.store = {**BRISK, "spread_seconds": 0.0}
        await owner.device.kill(["vault"])
        await owner.device.run({"vault": owner.device.settings("vault")})
        await owner.api.unlock()
        await spread(owner, list(files), 5)
        assert min([(await owner.api.health(path)).survives for path in files]) == 3
        assert {path: await owner.api.get(path) for path in files} == files
        await owner.api.backed_up()
        await owner.burn()
        await owner.start()
        await owner.api.recover()
        await asyncio.gather(*(each.device.kill(["fragment-store"]) for each in (*dead, sixth)))
        assert {path: await owner.api.get(path) for path in files} == files


def trashed(owners: list[Owner]) -> int:
    """How many fragments lie in the keepers' trash."""
    folders = [each.device.state("fragment-store") / "trash" for each in owners]
    return sum(path.is_file() for folder in folders for path in folder.rglob("*"))


@pytest.mark.circle
async def test_what_was_deleted_for_good_comes_back_with_an_older_restore_point(
    tmp_path: Path, no_leaked_processes: None
) -> None:
    """The keepers buried the fragments; whoever restores the point before gets them out of the trash."""
    files = {f"/f/{number}": content(number) * (1 + number % 3 * 400) for number in range(9)}
    async with circle(tmp_path, 4) as made:
        owner = made.owners[0]
        for path, data in files.items():
            await owner.api.put(path, data)
        await spread(owner, list(files), 3)  # a keeper may have heard of the circle after the first of them
        await owner.api.backed_up()
        before = int((await owner.api.backup())["seq"])
        await owner.api.delete("/f", recursive=True, purge=True)
        await owner.api.put("/since", b"then")
        async with asyncio.timeout(60):
            while trashed(made.owners[1:]) < 3 * len(files):
                await owner.api.repair()
        await owner.api.backed_up()
        await owner.burn()
        await owner.start()
        await owner.api.recover(seq=before)
        assert {path: await owner.api.get(path) for path in files} == files
        assert await owner.api.get("/since") == b"then"
        health = await owner.api.health()
        assert (health.survives, health.unreadable, health.unreconciled) == (2, 0, False)
        assert json.loads((await owner.api.check(percent=100))["result"])["lost_files"] == []
