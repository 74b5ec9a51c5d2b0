"""The contract that holds the cloud in memory to the real one."""

from __future__ import annotations

import base64
import os
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from piccolo_chassis.errors import Kind, PiccoloError
from piccolo_chassis.testing import no_leaked_processes
from piccolo_formats.backup_entry import open_header
from piccolo_formats.records.backup import EntryKind

from piccolo_metadata.adapters.cloud_channel import CloudChannel
from piccolo_metadata.adapters.cloud_log import GrpcCloudLog
from piccolo_metadata.engine.backup_ports import CloudLog, EmptiedLog, Kept
from piccolo_metadata.tests.test_backup_fakes import Author, FakeCloud, Owner, real_cloud

__all__ = ["no_leaked_processes"]


@pytest.fixture(params=["fake", pytest.param("real", marks=pytest.mark.component)])
async def contract(
    request: pytest.FixtureRequest, tmp_path: Path
) -> AsyncIterator[tuple[Callable[[Author], CloudLog], Owner]]:
    """A cloud as its clients see it, and an owner."""
    owner = Owner()
    if request.param == "fake":
        fake = FakeCloud(owner.locator)
        yield (lambda _author: fake), owner
        return
    request.getfixturevalue("no_leaked_processes")
    async with real_cloud(tmp_path) as (address, fingerprint):
        channel = CloudChannel(address, None, fingerprint)
        yield (lambda author: GrpcCloudLog(channel, author.key)), owner
        await channel.close()


async def send(cloud: CloudLog, author: Author, seq: int, data: bytes) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        yield data

    await cloud.append(author.access, seq, len(data), chunks())


async def read(cloud: CloudLog, author: Author, *span: int, headers_only: bool = False) -> dict[int, bytes]:
    found: dict[int, bytes] = {}
    first, last = span or (0, 0)
    async for piece in cloud.read(author.access, first, last, headers_only=headers_only):
        found[piece.seq] = found.get(piece.seq, b"") + piece.data
    return found


async def refusal(cloud: CloudLog, author: Author, seq: int, data: bytes) -> PiccoloError:
    with pytest.raises(PiccoloError) as told:
        await send(cloud, author, seq, data)
    return told.value


async def test_contract(contract: tuple[Callable[[Author], CloudLog], Owner]) -> None:
    make, owner = contract
    author, heir = Author(owner), Author(owner, generation=2)
    cloud, heirs = make(author), make(heir)
    assert cloud.configured
    assert await cloud.head(author.access) == Kept(0, 0, 0)
    assert await read(cloud, author) == {}
    first, first_hash = author.entry(None, 1, plain=os.urandom(3 << 20))
    second, second_hash = author.entry(first_hash, 2, EntryKind.CHANGESET, base=1)
    for seq, data in ((1, first), (2, second), (1, first), (2, second)):
        await send(cloud, author, seq, data)
    assert await cloud.head(author.access) == Kept(2, 1, len(first) + len(second))
    assert await read(cloud, author) == {1: first, 2: second}
    assert await read(cloud, author, 2, 2) == {2: second}
    assert await read(cloud, author, 3, 0) == {}
    prefixes = await read(cloud, author, headers_only=True)
    assert [data.startswith(prefixes[seq]) for seq, data in ((1, first), (2, second))] == [True, True]
    assert len(prefixes[1]) < 2000

    other, _ = author.entry(first_hash, 2, plain=b"other")
    refused = await refusal(cloud, author, 2, other)
    assert (refused.kind, refused.reason) == (Kind.ALREADY_EXISTS, "FORK")
    stranger, _ = author.entry(bytes(32), 3)
    assert (await refusal(cloud, author, 3, stranger)).reason == "FORK"
    later, _ = author.entry(second_hash, 4)
    refused = await refusal(cloud, author, 4, later)
    assert (refused.reason, refused.details["head_seq"]) == ("LOG_GAP", "2")

    claim, claim_hash = heir.entry(second_hash, 3, EntryKind.CLAIM, base=1)
    await send(heirs, heir, 3, claim)
    late, _ = author.entry(claim_hash, 4)
    refused = await refusal(cloud, author, 4, late)
    assert refused.reason == "FENCED"
    proof = open_header(base64.b64decode(refused.details["claim_header"]), owner.locator)
    assert proof.record_hash() == claim_hash


async def test_what_was_altered_on_its_way_is_refused(
    contract: tuple[Callable[[Author], CloudLog], Owner],
) -> None:
    make, owner = contract
    author = Author(owner)
    cloud, (data, _) = make(author), author.entry(None, 1)
    for place, reason in ((len(data) - 1, "ENTRY_ALTERED"), (0, "ENTRY_MALFORMED")):
        altered = bytes([*data[:place], data[place] ^ 1, *data[place + 1 :]])
        refused = await refusal(cloud, author, 1, altered)
        assert (refused.kind, refused.reason) == (Kind.INVALID, reason)
    await send(cloud, author, 1, data)


async def test_only_the_owner_s_words_delete_and_only_whole_chains(
    contract: tuple[Callable[[Author], EmptiedLog], Owner],
) -> None:
    make, owner = contract
    author = Author(owner)
    cloud, before = make(author), b""
    for seq, kind, base in ((1, "snapshot", 1), (2, "changeset", 1), (3, "snapshot", 3), (4, "changeset", 3)):
        data, before = author.entry(before or None, seq, EntryKind(kind), base=base)
        await send(cloud, author, seq, data)

    async def refused(signer: Owner, place: int) -> str:
        nonce = await cloud.challenge()
        with pytest.raises(PiccoloError) as told:
            await cloud.drop(owner.locator, place, nonce, signer.dropped(place, nonce))
        return told.value.reason

    assert await refused(Owner(), 3) == "SIGNATURE_WRONG"
    assert await refused(owner, 2) == "NOT_A_SNAPSHOT"
    nonce = await cloud.challenge()
    assert await cloud.drop(owner.locator, 3, nonce, owner.dropped(3, nonce)) == 2
    assert (await read(cloud, author)).keys() == {3, 4}
    with pytest.raises(PiccoloError):  # a nonce is good once
        await cloud.drop(owner.locator, 3, nonce, owner.dropped(3, nonce))


async def test_an_upload_that_ends_early_creates_nothing(
    contract: tuple[Callable[[Author], CloudLog], Owner],
) -> None:
    make, owner = contract
    author = Author(owner)
    cloud = make(author)
    data, _ = author.entry(None, 1, plain=os.urandom(2 << 20))

    async def cut_off() -> AsyncIterator[bytes]:
        yield data[: 1 << 20]
        raise PiccoloError(Kind.UNAVAILABLE, "DISK_FAILED", "The disk failed.")

    with pytest.raises(PiccoloError) as told:
        await cloud.append(author.access, 1, len(data), cut_off())
    assert told.value.reason == "DISK_FAILED"
    assert await cloud.head(author.access) == Kept(0, 0, 0)
    await send(cloud, author, 1, data)
