"""The log's use cases, over every store."""

from __future__ import annotations

import asyncio
import os
from base64 import b64decode
from collections.abc import AsyncIterator

import pytest
from piccolo_chassis.errors import Kind, PiccoloError
from piccolo_formats.backup_entry import PREFIX_SIZE, open_header, parse_prefix
from piccolo_formats.keypairs import SigningKey
from piccolo_formats.records.backup import EntryKind

from piccolo_cloud.core.limits import Limits
from piccolo_cloud.core.log import Extent
from piccolo_cloud.core.names import entry_key, log_prefix
from piccolo_cloud.engine import entries
from piccolo_cloud.engine.door import Door
from piccolo_cloud.engine.logs import Logs
from piccolo_cloud.ports import ObjectStore
from piccolo_cloud.testing import MemoryObjectStore
from piccolo_cloud.tests.conftest import Made
from piccolo_cloud.tests.owners import Device, Entry, Owner, pieces

CHANGESET, CLAIM, MOVED = EntryKind.CHANGESET, EntryKind.CLAIM, EntryKind.MOVED


class Cloud:
    """A cloud's engine and the calls of its clients."""

    def __init__(self, store: ObjectStore, limits: Limits | None = None) -> None:
        self.now = 1000.0
        self.store = store
        self.door = Door(lambda: self.now, os.urandom)
        self.logs = Logs(store, self.door, limits or Limits())

    async def append(self, device: Device, entry: Entry, chunks: AsyncIterator[bytes] | None = None) -> int:
        authority = device.authority(self.door.challenge(), "Append", entry.seq)
        return await self.logs.append(authority, entry.seq, len(entry.data), chunks or pieces(entry.data))

    async def refused(self, device: Device, entry: Entry) -> PiccoloError:
        """Why the entry is refused; nothing was created by it."""
        before = await self.keys(device.owner)
        with pytest.raises(PiccoloError) as told:
            await self.append(device, entry)
        assert await self.keys(device.owner) == before
        return told.value

    async def head(self, owner: Owner) -> Extent:
        return await self.logs.head(owner.authority(self.door.challenge(), "GetHead", 0))

    async def read(
        self, owner: Owner, first: int = 0, last: int = 0, *, headers: bool = False
    ) -> dict[int, bytes]:
        authority = owner.authority(self.door.challenge(), "ReadEntries", first)
        found: dict[int, bytes] = {}
        whole: set[int] = set()
        async for piece in self.logs.read(authority, first, last, headers_only=headers):
            assert piece.seq not in whole
            found[piece.seq] = found.get(piece.seq, b"") + piece.data
            if piece.last:
                whole.add(piece.seq)
        assert whole == set(found)
        return found

    async def drop(self, who: Owner | Device, before: int) -> int:
        return await self.logs.drop(who.authority(self.door.challenge(), "DropChain", before), before)

    async def keys(self, owner: Owner) -> list[str]:
        return sorted([each.key async for each in self.store.list(log_prefix(owner.locator))])


@pytest.fixture
def cloud(store: ObjectStore) -> Cloud:
    return Cloud(store)


@pytest.fixture
def owner() -> Owner:
    return Owner()


@pytest.fixture
def device(owner: Owner) -> Device:
    return owner.device()


async def history(cloud: Cloud, device: Device, *kinds: EntryKind) -> list[Entry]:
    """Appends entries of these kinds and returns them."""
    made: list[Entry] = []
    for kind in kinds:
        made.append(device.entry(made[-1] if made else None, kind, os.urandom(100)))
        assert await cloud.append(device, made[-1]) == made[-1].seq
    return made


SNAPSHOT = EntryKind.SNAPSHOT


class TestAppend:
    async def test_entries_are_kept_as_they_came(self, cloud: Cloud, owner: Owner, device: Device) -> None:
        assert await cloud.head(owner) == Extent(0, 0, 0)
        first = device.entry(None, plain=os.urandom(10 << 20))
        second = device.entry(first, CHANGESET)
        await cloud.append(device, first)
        await cloud.append(device, second)
        assert await cloud.head(owner) == Extent(1, 2, len(first.data) + len(second.data))
        assert await cloud.read(owner) == {1: first.data, 2: second.data}

    async def test_any_cut_into_messages(self, cloud: Cloud, device: Device) -> None:
        before: Entry | None = None
        for size in (1, 11, 12, 13, 700, 4096):
            entry = device.entry(before, plain=os.urandom(2000))
            await cloud.append(device, entry, pieces(entry.data, size))
            before = entry
        assert before is not None
        assert list((await cloud.read(device.owner)).values())[-1] == before.data

    async def test_the_same_bytes_again(self, make_store: Made, device: Device) -> None:
        made = await history(Cloud(make_store()), device, SNAPSHOT, CHANGESET)
        for cloud in (Cloud(make_store()), Cloud(make_store())):
            for entry in made:
                assert await cloud.append(device, entry) == entry.seq
        assert await Cloud(make_store()).read(device.owner) == {each.seq: each.data for each in made}

    async def test_two_at_once(self, make_store: Made, device: Device) -> None:
        """Two processes over one bucket, each with a remembered state of its own."""
        clouds = [Cloud(make_store()), Cloud(make_store())]
        first = device.entry(None)
        for cloud in clouds:
            await cloud.append(device, first)
        rivals = [device.entry(first, CHANGESET, plain=bytes([number])) for number in range(2)]
        results = await asyncio.gather(
            *(cloud.append(device, entry) for cloud, entry in zip(clouds, rivals, strict=True)),
            return_exceptions=True,
        )
        refused = [result for result in results if isinstance(result, PiccoloError)]
        assert [each.reason for each in refused] == ["FORK"]
        kept = rivals[results.index(2)]
        assert (await clouds[0].read(device.owner, 2))[2] == kept.data
        assert refused[0].details["head_hash"] == kept.hash.hex()
        # the loser's cloud has learnt where the log stands
        follower = device.entry(kept, CHANGESET)
        for cloud in clouds:
            await cloud.append(device, follower)

    async def test_a_body_that_is_not_the_headers(self, cloud: Cloud, device: Device) -> None:
        good = device.entry(None, plain=os.urandom(100_000))
        middle = len(good.data) - 50_000
        altered = bytearray(good.data)
        altered[middle] ^= 1
        for wrong in (bytes(altered), good.data[:-1], good.data[:middle], good.data + b"x"):
            with pytest.raises(PiccoloError) as told:
                await cloud.append(device, good, pieces(wrong))
            assert (told.value.kind, told.value.reason) == (Kind.INVALID, "ENTRY_ALTERED")
            assert await cloud.keys(device.owner) == []
        await cloud.append(device, good)

    async def test_a_header_that_is_not_one(self, cloud: Cloud, device: Device) -> None:
        good = device.entry(None)
        length = parse_prefix(good.data[:PREFIX_SIZE])
        wrong = {
            "ENTRY_SHORT": [b"", good.data[:5], good.data[: PREFIX_SIZE + length - 1]],
            "ENTRY_MALFORMED": [
                b"PICBKUP\x02" + good.data[8:],
                good.data[:8] + bytes(4) + good.data[12:],
                good.data[:8] + b"\xff" * 4 + good.data[12:],
                good.data[:PREFIX_SIZE] + bytes(length),
                os.urandom(4096),
            ],
        }
        for reason, contents in wrong.items():
            for content in contents:
                with pytest.raises(PiccoloError) as told:
                    await cloud.append(device, good, pieces(content))
                assert (told.value.kind, told.value.reason) == (Kind.INVALID, reason)
        assert await cloud.keys(device.owner) == []

    async def test_the_request_names_what_the_entry_is(self, cloud: Cloud, device: Device) -> None:
        entry = device.entry(None)
        for seq, size in ((2, len(entry.data)), (1, len(entry.data) + 1), (1, 5)):
            authority = device.authority(cloud.door.challenge(), "Append", seq)
            with pytest.raises(PiccoloError) as told:
                await cloud.logs.append(authority, seq, size, pieces(entry.data))
            assert told.value.reason == "ENTRY_MALFORMED"

    async def test_forged_entries(self, cloud: Cloud, owner: Owner, device: Device) -> None:
        thief, twin = Owner().device(), owner.device()
        stolen_name = Device(owner, 1, SigningKey(os.urandom(32)))
        for wrong in (
            thief.entry(None, locator=owner.locator),
            thief.entry(None),
            stolen_name.entry(None, delegation=device.delegation),
            device.entry(None, generation=2),
            twin.entry(None),
        ):
            refused = await cloud.refused(device, wrong)
            assert (refused.kind, refused.reason) == (Kind.DENIED, "ENTRY_NOT_SIGNED")

    async def test_order_and_history(self, cloud: Cloud, device: Device) -> None:
        first, second, third = await history(cloud, device, SNAPSHOT, CHANGESET, CHANGESET)
        other_second = device.entry(first, CHANGESET, b"other")
        other_fourth = device.entry(device.entry(second, CHANGESET, b"other"), CHANGESET)
        for wrong in (device.entry(None, plain=b"other"), other_second, other_fourth):
            refused = await cloud.refused(device, wrong)
            assert (refused.kind, refused.reason) == (Kind.ALREADY_EXISTS, "FORK")
            assert refused.details["head_seq"] == "3"
            assert refused.details["head_hash"] == third.hash.hex()
        fourth = device.entry(third, CHANGESET)
        refused = await cloud.refused(device, device.entry(fourth, CHANGESET))
        assert (refused.reason, refused.details["head_seq"]) == ("LOG_GAP", "3")

    async def test_a_claim_fences_the_older_generation(
        self, cloud: Cloud, owner: Owner, device: Device
    ) -> None:
        made = await history(cloud, device, SNAPSHOT, CHANGESET)
        heir = owner.device(generation=2)
        claim = heir.entry(made[-1], CLAIM)
        await cloud.append(heir, claim)
        latest = claim
        for _ in range(5):
            latest = heir.entry(latest)
            await cloud.append(heir, latest)
        for late in (device.entry(made[-1], CHANGESET), device.entry(latest), device.entry(claim)):
            refused = await cloud.refused(device, late)
            assert (refused.kind, refused.reason) == (Kind.DENIED, "FENCED")
            assert refused.details["claim_seq"] == "3"
            assert refused.details["head_generation"] == "2"
            evidence = open_header(b64decode(refused.details["claim_header"]), owner.locator)
            assert evidence.record_hash() == claim.hash
        # what it had written before is still its own
        assert await cloud.append(device, made[-1]) == 2

    async def test_limits(self, device: Device, store: ObjectStore) -> None:
        first = device.entry(None)
        second = device.entry(first, CHANGESET)
        size = len(first.data)
        assert (await Cloud(store, Limits(entry=size - 1)).refused(device, first)).reason == "ENTRY_TOO_LARGE"
        cloud = Cloud(store, Limits(entry=size + 100, log=size + 100))
        await cloud.append(device, first)
        refused = await cloud.refused(device, second)
        assert (refused.kind, refused.reason) == (Kind.FULL, "LOG_FULL")

    async def test_a_full_store(self, device: Device) -> None:
        cloud = Cloud(MemoryObjectStore(room=10))
        refused = await cloud.refused(device, device.entry(None))
        assert (refused.kind, refused.reason) == (Kind.FULL, "STORE_FULL")

    async def test_a_writer_that_falls_silent(
        self, cloud: Cloud, device: Device, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(entries, "IDLE_SECONDS", 0.05)
        entry = device.entry(None, plain=os.urandom(1000))

        async def silent() -> AsyncIterator[bytes]:
            yield entry.data[:-5]
            await asyncio.Event().wait()

        with pytest.raises(PiccoloError) as told:
            await cloud.append(device, entry, silent())
        assert (told.value.kind, told.value.reason) == (Kind.TIMEOUT, "WRITER_IDLE")
        assert await cloud.keys(device.owner) == []


class TestDoor:
    async def test_a_replayed_request(self, cloud: Cloud, device: Device) -> None:
        entry = device.entry(None)
        authority = device.authority(cloud.door.challenge(), "Append", 1)
        await cloud.logs.append(authority, 1, len(entry.data), pieces(entry.data))
        with pytest.raises(PiccoloError) as told:
            await cloud.logs.append(authority, 1, len(entry.data), pieces(entry.data))
        assert (told.value.kind, told.value.reason) == (Kind.UNAUTHENTICATED, "NONCE_LAPSED")

    async def test_a_late_request(self, cloud: Cloud, owner: Owner) -> None:
        authority = owner.authority(cloud.door.challenge(), "GetHead", 0)
        cloud.now += 61
        with pytest.raises(PiccoloError) as told:
            await cloud.logs.head(authority)
        assert told.value.reason == "NONCE_LAPSED"

    async def test_every_use_case_wants_authority(self, cloud: Cloud, device: Device) -> None:
        await history(cloud, device, SNAPSHOT, CHANGESET, SNAPSHOT)
        thief = Owner()

        def stolen(method: str, argument: int) -> object:
            from dataclasses import replace

            authority = thief.authority(cloud.door.challenge(), method, argument)
            return replace(authority, locator=device.owner.locator)

        async def read() -> None:
            async for _ in cloud.logs.read(stolen("ReadEntries", 0), 0, 0, headers_only=True):  # type: ignore[arg-type]
                pass

        for call in (
            lambda: cloud.logs.head(stolen("GetHead", 0)),  # type: ignore[arg-type]
            lambda: cloud.logs.drop(stolen("DropChain", 3), 3),  # type: ignore[arg-type]
            read,
        ):
            with pytest.raises(PiccoloError) as told:
                await call()
            assert told.value.reason == "SIGNATURE_WRONG"

    async def test_a_bad_signature_does_not_burn_the_nonce(self, cloud: Cloud, owner: Owner) -> None:
        nonce = cloud.door.challenge()
        with pytest.raises(PiccoloError):
            await cloud.logs.head(Owner().device().authority(nonce, "Append", 0))
        await cloud.logs.head(owner.authority(nonce, "GetHead", 0))


class TestRead:
    async def test_headers(self, cloud: Cloud, owner: Owner, device: Device) -> None:
        kinds = [SNAPSHOT, *[CHANGESET] * 35]
        made = await history(cloud, device, *kinds)
        found = await cloud.read(owner, headers=True)
        assert list(found) == list(range(1, 37))
        for entry in made:
            prefix = found[entry.seq]
            assert entry.data.startswith(prefix)
            assert len(prefix) == PREFIX_SIZE + parse_prefix(prefix[:PREFIX_SIZE])

    async def test_spans(self, cloud: Cloud, owner: Owner, device: Device) -> None:
        await history(cloud, device, SNAPSHOT, CHANGESET, CHANGESET)
        for first, last, expected in ((2, 0, [2, 3]), (0, 2, [1, 2]), (2, 2, [2]), (3, 9, [3]), (4, 0, [])):
            for headers in (True, False):
                assert list(await cloud.read(owner, first, last, headers=headers)) == expected

    async def test_an_older_delegate_may_read(self, cloud: Cloud, owner: Owner, device: Device) -> None:
        made = await history(cloud, device, SNAPSHOT)
        await cloud.append(heir := owner.device(2), heir.entry(made[-1], CLAIM))
        authority = device.authority(cloud.door.challenge(), "GetHead", 0)
        assert (await cloud.logs.head(authority)).last == 2

    @pytest.mark.parametrize("headers", [True, False])
    async def test_a_lost_entry(self, cloud: Cloud, owner: Owner, device: Device, headers: bool) -> None:
        await history(cloud, device, SNAPSHOT, CHANGESET, CHANGESET, CHANGESET)
        await cloud.store.delete(entry_key(owner.locator, 3))
        seen: list[int] = []
        authority = owner.authority(cloud.door.challenge(), "ReadEntries", 0)

        async def read() -> None:
            async for piece in cloud.logs.read(authority, 0, 0, headers_only=headers):
                seen.append(piece.seq)  # noqa: PERF401 - what was told before the failure counts

        with pytest.raises(PiccoloError) as told:
            await read()
        assert seen == [1, 2]
        assert (told.value.kind, told.value.reason) == (Kind.DATA_LOSS, "LOG_DAMAGED")
        assert told.value.details["seq"] == "3"

    async def test_a_rotten_head_stops_writing_but_not_reading(self, owner: Owner, device: Device) -> None:
        store = MemoryObjectStore()
        made = await history(Cloud(store), device, SNAPSHOT, CHANGESET)
        rotten = bytearray(made[1].data)
        rotten[40] ^= 1
        store.overwrite(entry_key(owner.locator, 2), bytes(rotten))
        cloud = Cloud(store)
        refused = await cloud.refused(device, device.entry(made[1], CHANGESET))
        assert (refused.kind, refused.reason) == (Kind.DATA_LOSS, "LOG_DAMAGED")
        assert (await cloud.read(owner, 0, 1)) == {1: made[0].data}
        assert (await cloud.head(owner)).last == 2


class TestDrop:
    async def test_whole_chains_go_and_the_last_never(
        self, cloud: Cloud, owner: Owner, device: Device
    ) -> None:
        made = await history(cloud, device, SNAPSHOT, CHANGESET, SNAPSHOT, CHANGESET, SNAPSHOT, CHANGESET)
        for before in (2, 4, 6, 7):
            with pytest.raises(PiccoloError) as told:
                await cloud.drop(owner, before)
            assert (told.value.kind, told.value.reason) == (Kind.PRECONDITION, "NOT_A_SNAPSHOT")
        assert await cloud.drop(owner, 1) == 0
        assert await cloud.drop(owner, 5) == 4
        assert await cloud.drop(owner, 5) == 0
        assert list(await cloud.read(owner)) == [5, 6]
        assert await cloud.head(owner) == Extent(5, 6, len(made[4].data) + len(made[5].data))
        with pytest.raises(PiccoloError) as told:
            await cloud.read(owner, 3)
        assert (told.value.kind, told.value.reason) == (Kind.OUT_OF_RANGE, "ENTRY_DROPPED")
        with pytest.raises(PiccoloError) as told:
            await cloud.append(device, made[3])
        assert told.value.reason == "ENTRY_DROPPED"
        await cloud.append(device, device.entry(made[-1], CHANGESET))

    async def test_a_delegate_deletes_nothing(self, cloud: Cloud, device: Device) -> None:
        await history(cloud, device, SNAPSHOT, SNAPSHOT)
        with pytest.raises(PiccoloError) as told:
            await cloud.drop(device, 2)
        assert (told.value.kind, told.value.reason) == (Kind.DENIED, "OWNER_ONLY")
        assert list(await cloud.read(device.owner)) == [1, 2]

    async def test_an_interrupted_drop_is_finished_by_the_next(
        self, cloud: Cloud, owner: Owner, device: Device
    ) -> None:
        made = await history(cloud, device, SNAPSHOT, CHANGESET, SNAPSHOT)
        await cloud.store.delete(entry_key(owner.locator, 1))
        assert list(await cloud.read(owner)) == [2, 3]
        assert await cloud.drop(owner, 3) == 1
        await cloud.append(device, device.entry(made[-1], CHANGESET))
        assert list(await cloud.read(owner)) == [3, 4]

    async def test_an_empty_log(self, cloud: Cloud, owner: Owner) -> None:
        with pytest.raises(PiccoloError) as told:
            await cloud.drop(owner, 1)
        assert told.value.reason == "NOT_A_SNAPSHOT"


async def test_logs_are_apart(cloud: Cloud) -> None:
    one, two = Owner().device(), Owner().device()
    first = await history(cloud, one, SNAPSHOT, CHANGESET)
    second = await history(cloud, two, SNAPSHOT)
    assert await cloud.read(one.owner) == {each.seq: each.data for each in first}
    assert await cloud.read(two.owner) == {each.seq: each.data for each in second}


async def test_a_moved_log_is_closed(cloud: Cloud, device: Device) -> None:
    made = await history(cloud, device, SNAPSHOT, MOVED)
    refused = await cloud.refused(device, device.entry(made[-1]))
    assert (refused.kind, refused.reason) == (Kind.PRECONDITION, "LOG_MOVED")
