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

from piccolo_cloud.core.limits import Limits
from piccolo_cloud.core.log import Extent
from piccolo_cloud.engine import entries
from piccolo_cloud.ports import ObjectStore
from piccolo_cloud.testing import MemoryObjectStore
from piccolo_cloud.tests.clouds import CHANGESET, CLAIM, MOVED, SNAPSHOT, Cloud, history
from piccolo_cloud.tests.conftest import Made
from piccolo_cloud.tests.owners import Device, Entry, Owner, pieces


@pytest.fixture
def cloud(store: ObjectStore) -> Cloud:
    return Cloud(store)


@pytest.fixture
def owner() -> Owner:
    return Owner()


@pytest.fixture
def device(owner: Owner) -> Device:
    return owner.device()


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

    async def test_what_went_through_another_process_is_no_gap(
        self, make_store: Made, device: Device
    ) -> None:
        here, there = Cloud(make_store()), Cloud(make_store())
        first = device.entry(None)
        await here.append(device, first)
        second = device.entry(first, CHANGESET)
        third = device.entry(second, CHANGESET)
        await there.append(device, second)
        assert await here.append(device, third) == 3
        size = sum(len(entry.data) for entry in (first, second, third))
        assert await here.head(device.owner) == Extent(1, 3, size)

    async def test_what_was_stored_for_a_caller_that_hung_up_is_no_gap(
        self, cloud: Cloud, device: Device, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        create = cloud.store.create

        async def hung_up(key: str, size: int, content: AsyncIterator[bytes]) -> bool:
            await create(key, size, content)
            raise asyncio.CancelledError

        [first] = await history(cloud, device, SNAPSHOT)
        second = device.entry(first, CHANGESET)
        with monkeypatch.context() as patch:
            patch.setattr(cloud.store, "create", hung_up)
            with pytest.raises(asyncio.CancelledError):
                await cloud.append(device, second)
        # its writer asks for the head, learns that the entry is there, and goes on behind it
        assert (await cloud.head(device.owner)).last == 2
        assert await cloud.append(device, device.entry(second, CHANGESET)) == 3

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

    async def test_a_full_log_is_claimed_and_closed_all_the_same(
        self, owner: Owner, device: Device, store: ObjectStore
    ) -> None:
        first, heir = device.entry(None), owner.device(2)
        cloud = Cloud(store, Limits(entry=len(first.data) + 100, log=len(first.data) + 100))
        await cloud.append(device, first)
        claim = heir.entry(first, CLAIM)
        assert await cloud.append(heir, claim) == 2
        assert (await cloud.refused(heir, heir.entry(claim))).reason == "LOG_FULL"
        assert await cloud.append(heir, heir.entry(claim, MOVED)) == 3

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

    async def test_a_writer_that_trickles(
        self, cloud: Cloud, device: Device, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(entries, "IDLE_SECONDS", 0.3)
        entry = device.entry(None, plain=os.urandom(100_000))

        async def trickle() -> AsyncIterator[bytes]:
            for position in range(len(entry.data)):
                yield entry.data[position : position + 1]
                await asyncio.sleep(0.01)

        with pytest.raises(PiccoloError) as told:
            async with asyncio.timeout(20):
                await cloud.append(device, entry, trickle())
        assert told.value.reason == "WRITER_IDLE"
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
