"""Every call through the socket of the real process."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable
from pathlib import Path
from typing import Any

import pytest
from piccolo.metadata.v1 import file_pb2 as f
from piccolo.metadata.v1 import object_pb2 as o
from piccolo.metadata.v1 import repair_pb2, tombstone_pb2, upload_pb2
from piccolo_chassis.errors import Kind, PiccoloError

from piccolo_metadata.service import convert
from piccolo_metadata.tests.builders import KEEPERS, a_file, a_layout, an_id, an_intent
from piccolo_metadata.tests.process import Client, metadata

pytestmark = pytest.mark.component


@pytest.fixture
async def client(tmp_path: Path) -> AsyncIterator[Client]:
    async with metadata(tmp_path) as (_, connected):
        yield connected


async def reason(call: Awaitable[object]) -> tuple[Kind, str]:
    with pytest.raises(PiccoloError) as refused:
        await call
    return refused.value.kind, refused.value.reason


async def test_the_tree_of_names(client: Client) -> None:
    files = client.files
    await client.publish(a_file("/Fotos/e\u0301te\u0301.jpg", 1, size=5, modified=-3))
    await files.MakeDirectory(f.MakeDirectoryRequest(path="/leer"))
    entry = (await files.Stat(f.StatRequest(path="/Fotos/été.jpg"))).entry
    assert (entry.path, entry.kind, entry.size, entry.modified) == (
        "/Fotos/été.jpg",
        f.ENTRY_KIND_FILE,
        5,
        -3,
    )
    assert (entry.version_id, entry.versions, entry.media) == (an_id(1), 1, "text/plain")

    listed = await files.List(f.ListRequest(path="/", recursive=True, page_size=2))
    assert [one.path for one in listed.entries] == ["/Fotos", "/Fotos/été.jpg"]
    rest = await files.List(
        f.ListRequest(path="/", recursive=True, page_size=2, page_token=listed.next_page_token)
    )
    assert ([one.path for one in rest.entries], rest.next_page_token) == (["/leer"], "")
    level = await files.List(f.ListRequest(path="/"))
    assert [(one.path, one.kind) for one in level.entries] == [
        ("/Fotos", f.ENTRY_KIND_DIRECTORY),
        ("/leer", f.ENTRY_KIND_DIRECTORY),
    ]
    found = await files.Search(f.SearchRequest(query="ÉTÉ"))
    assert [one.path for one in found.entries] == ["/Fotos/été.jpg"]


async def test_what_befalls_a_directory(client: Client) -> None:
    files = client.files
    await client.publish(a_file("/Fotos/été.jpg", 1, size=5))
    await files.MakeDirectory(f.MakeDirectoryRequest(path="/leer"))
    copied = await files.Copy(f.CopyRequest(source="/Fotos", destination="/leer/Kopie"))
    assert copied.entry.path == "/leer/Kopie"
    moved = await files.Move(f.MoveRequest(source="/leer/Kopie", destination="/Kopie"))
    assert moved.entry.path == "/Kopie"
    totals = await files.Summarise(f.SummariseRequest(path="/"))
    assert (totals.files, totals.directories, totals.bytes, totals.versions) == (2, 3, 10, 2)

    stale = f.RemoveRequest(path="/Kopie", recursive=True, expected_revision=moved.entry.revision - 1)
    assert await reason(files.Remove(stale)) == (Kind.CONFLICT, "REVISION_CONFLICT")
    removed = await files.Remove(
        f.RemoveRequest(path="/Kopie", recursive=True, expected_revision=moved.entry.revision)
    )
    assert removed.files == 1
    (listed_removed,) = (await files.ListTrash(f.ListTrashRequest())).removed
    assert (listed_removed.trash_id, listed_removed.entry.path) == (removed.trash_id, "/Kopie")
    back = f.RestoreRemovedRequest(trash_id=removed.trash_id, path="/zurück")
    assert (await files.RestoreRemoved(back)).entry.path == "/zurück"
    purged = await files.Remove(f.RemoveRequest(path="/zurück", recursive=True, purge=True))
    assert (purged.files, purged.trash_id) == (1, 0)
    assert not (await files.ListTrash(f.ListTrashRequest())).removed


async def test_an_entry_of_the_trash_ends_for_good(client: Client) -> None:
    files = client.files
    await client.publish(a_file("/a", 1))
    removed = await files.Remove(f.RemoveRequest(path="/a"))
    ended = f.PurgeRemovedRequest(trash_id=removed.trash_id)
    told = await files.PurgeRemoved(ended)
    assert (told.files, told.path) == (1, "/a")
    assert not (await files.ListTrash(f.ListTrashRequest())).removed
    assert len((await client.objects.ListReclaimable(o.ListReclaimableRequest())).objects) == 1
    assert await reason(files.PurgeRemoved(ended)) == (Kind.NOT_FOUND, "TRASH_NOT_FOUND")
    assert await reason(files.RestoreRemoved(f.RestoreRemovedRequest(trash_id=removed.trash_id))) == (
        Kind.NOT_FOUND,
        "TRASH_NOT_FOUND",
    )


async def test_notes_and_replacing(client: Client) -> None:
    files = client.files
    await client.publish(a_file("/a", 1))
    await files.MakeDirectory(f.MakeDirectoryRequest(path="/d/e", exclusive=True))
    assert (await reason(files.MakeDirectory(f.MakeDirectoryRequest(path="/d", exclusive=True))))[1] == (
        "ENTRY_EXISTS"
    )
    patched = await files.PatchProperties(
        f.PatchPropertiesRequest(path="/d", put=[f.Property(name="n", value="ü")], remove=["m"])
    )
    assert [(one.name, one.value) for one in patched.entry.properties] == [("n", "ü")]
    copied = await files.Copy(f.CopyRequest(source="/d", destination="/a", replace=True, shallow=True))
    assert copied.entry.kind == f.ENTRY_KIND_DIRECTORY
    listed = await files.List(f.ListRequest(path="/", recursive=True, properties=True))
    assert [(one.path, len(one.properties)) for one in listed.entries] == [("/a", 1), ("/d", 1), ("/d/e", 0)]
    await files.Move(f.MoveRequest(source="/a", destination="/d", replace=True))
    assert (await files.Stat(f.StatRequest(path="/d", properties=True))).entry.properties
    assert len((await files.ListTrash(f.ListTrashRequest())).removed) == 2
    inside = f.MoveRequest(source="/d", destination="/", replace=True)
    assert await reason(files.Move(inside)) == (Kind.INVALID, "INTO_ITSELF")


async def test_versions(client: Client) -> None:
    for number in (1, 2, 3):
        await client.publish(a_file("/a", number, size=number))
    page = await client.files.ListVersions(f.ListVersionsRequest(path="/a", page_size=2))
    assert [(one.version_id, one.current) for one in page.versions] == [(an_id(3), True), (an_id(2), False)]
    rest = f.ListVersionsRequest(path="/a", page_size=2, page_token=page.next_page_token)
    assert [one.size for one in (await client.files.ListVersions(rest)).versions] == [1]
    restored = await client.files.RestoreVersion(f.RestoreVersionRequest(path="/a", version_id=an_id(1)))
    assert (restored.entry.version_id, restored.entry.size) == (an_id(1), 1)


async def test_every_write_to_a_name_can_say_what_it_saw(client: Client) -> None:
    files = client.files
    for number in (1, 2):
        await client.publish(a_file("/a", number))
    await files.MakeDirectory(f.MakeDirectoryRequest(path="/d/e"))
    seen = (await files.Stat(f.StatRequest(path="/a"))).entry.revision
    seen_directory = (await files.Stat(f.StatRequest(path="/d"))).entry.revision
    stale: list[Awaitable[object]] = [
        files.Move(f.MoveRequest(source="/a", destination="/b", expected_revision=seen - 1)),
        files.Copy(f.CopyRequest(source="/a", destination="/b", expected_revision=seen - 1)),
        files.Copy(f.CopyRequest(source="/d", destination="/b", expected_revision=seen_directory + 1)),
        files.Remove(f.RemoveRequest(path="/a", expected_revision=seen - 1)),
        files.RestoreVersion(
            f.RestoreVersionRequest(path="/a", version_id=an_id(1), expected_revision=seen - 1)
        ),
    ]
    for call in stale:
        assert await reason(call) == (Kind.CONFLICT, "REVISION_CONFLICT")
    intent = convert.intent_to(an_intent(a_file("/a", 3, expected=seen - 1)))
    (left_out,) = (await client.objects.Prepare(o.PrepareRequest(intent=intent))).refused
    assert left_out.reason == "REVISION_CONFLICT"
    level = await files.List(f.ListRequest(path="/"))
    assert [(one.path, one.revision) for one in level.entries] == [("/a", seen), ("/d", seen_directory)]
    copied = f.CopyRequest(source="/d", destination="/b", expected_revision=seen_directory)
    assert (await files.Copy(copied)).entry.path == "/b"
    copied = f.CopyRequest(source="/a", destination="/c", expected_revision=seen)
    assert (await files.Copy(copied)).entry.version_id == an_id(2)
    restored = f.RestoreVersionRequest(path="/a", version_id=an_id(1), expected_revision=seen)
    assert (await files.RestoreVersion(restored)).entry.version_id == an_id(1)
    assert await reason(files.RestoreVersion(restored)) == (Kind.CONFLICT, "REVISION_CONFLICT")


async def test_the_way_of_an_upload(client: Client) -> None:
    objects, upload_id = client.objects, "u" * 32
    upload = upload_pb2.Upload(
        upload_id=upload_id, path="/big", blocks=2, vault_state=b"notes", expected_revision=0
    )
    await objects.BeginUpload(upload_pb2.BeginUploadRequest(upload=upload))
    for first in (0, 2):
        await objects.Checkpoint(
            upload_pb2.CheckpointRequest(
                upload_id=upload_id, first_segment=first, leaves=bytes([first]) * 128
            )
        )
    gap = upload_pb2.CheckpointRequest(upload_id=upload_id, first_segment=9, leaves=bytes(64))
    assert await reason(objects.Checkpoint(gap)) == (Kind.PRECONDITION, "NOT_CONTIGUOUS")
    journalled = (await objects.GetUpload(upload_pb2.GetUploadRequest(upload_id=upload_id))).upload
    assert (journalled.durable_segments, journalled.vault_state) == (4, b"notes")
    assert journalled.HasField("expected_revision")
    assert not journalled.HasField("size")
    leaves = b"".join(
        [each.leaves async for each in objects.ReadLeaves(upload_pb2.ReadLeavesRequest(upload_id=upload_id))]
    )
    assert leaves == bytes(128) + b"\x02" * 128
    await client.publish(a_file("/big", 1, expected=0, upload_id=upload_id))
    assert not (await objects.ListUploads(upload_pb2.ListUploadsRequest())).uploads
    await objects.ForgetUpload(upload_pb2.ForgetUploadRequest(upload_id=upload_id))


async def test_the_way_of_an_intent(client: Client) -> None:
    objects = client.objects
    intent = an_intent(a_file("/a", 1), a_file("no path", 2))
    answer = await objects.Prepare(o.PrepareRequest(intent=convert.intent_to(intent)))
    assert [(one.index, one.reason) for one in answer.refused] == [(1, "PATH_INVALID")]
    (open_one,) = (await objects.ListIntents(o.ListIntentsRequest())).intents
    assert convert.object_from(open_one.object) == intent.object
    assert open_one.commit_record == intent.commit_record
    request = o.PublishRequest(object_id=intent.object.object_id, missing=[3])
    first = await objects.Publish(request)
    assert [one.entry.path for one in first.published] == ["/a"]
    assert await objects.Publish(request) == first
    manifest = await objects.GetManifest(o.GetManifestRequest(path="/a"))
    assert manifest.object.missing == [3]
    assert manifest.content == convert.content_to(intent.files[0].content)
    object_id = intent.object.object_id
    assert (await objects.GetObject(o.GetObjectRequest(object_id=object_id))).object == manifest.object
    (file,) = (await objects.ListObjectFiles(o.ListObjectFilesRequest(object_id=object_id))).files
    assert (file.path, file.version_id, file.generation, file.seq) == ("/a", an_id(1), 1, 1)
    other = an_intent(a_file("/b", 9))
    await objects.Prepare(o.PrepareRequest(intent=convert.intent_to(other)))
    await objects.Abandon(o.AbandonRequest(object_id=other.object.object_id))
    gone = o.PublishRequest(object_id=other.object.object_id)
    assert await reason(objects.Publish(gone)) == (Kind.NOT_FOUND, "INTENT_NOT_FOUND")


async def test_repair_and_burial(client: Client) -> None:
    objects = client.objects
    await client.publish(a_file("/a", 1))
    stored = (await objects.GetManifest(o.GetManifestRequest(path="/a"))).object
    await objects.EnqueueRepairs(
        repair_pb2.EnqueueRepairsRequest(
            repairs=[repair_pb2.Repair(object_id=stored.object_id, margin=-1, cause="rot")]
        )
    )
    queue = await objects.ListRepairs(repair_pb2.ListRepairsRequest(due=True))
    assert [(one.margin, one.cause, one.tries) for one in queue.repairs] == [(-1, "rot", 0)]
    await objects.FinishRepair(repair_pb2.FinishRepairRequest(object_id=stored.object_id, retry_at=2**40))
    assert not (await objects.ListRepairs(repair_pb2.ListRepairsRequest(due=True))).repairs
    assert (await objects.ListRepairs(repair_pb2.ListRepairsRequest())).total == 1
    new = o.StoredObject()
    new.CopyFrom(stored)
    new.layout = a_layout(stored.object_id, seq=2)
    await objects.UpdateLayout(o.UpdateLayoutRequest(object=new, expected_layout=stored.layout))
    listed = await objects.ListObjects(o.ListObjectsRequest(keeper=KEEPERS[0], under="/a"))
    assert listed.objects == [new]
    await objects.FinishRepair(repair_pb2.FinishRepairRequest(object_id=stored.object_id))

    await client.files.Remove(f.RemoveRequest(path="/a", purge=True))
    assert (await objects.ListReclaimable(o.ListReclaimableRequest())).objects == [new]
    record = tombstone_pb2.RecordTombstoneRequest(
        tombstone=b"signed", object_ids=[new.object_id], keepers=KEEPERS[:1]
    )
    number = (await objects.RecordTombstone(record)).tombstone_id
    (waiting,) = (
        await objects.ListTombstones(tombstone_pb2.ListTombstonesRequest(keeper=KEEPERS[0]))
    ).pending
    assert (waiting.tombstone_id, waiting.keeper, waiting.tombstone) == (number, KEEPERS[0], b"signed")
    await objects.AcknowledgeTombstone(
        tombstone_pb2.AcknowledgeTombstoneRequest(tombstone_id=number, keeper=KEEPERS[0])
    )
    assert not (await objects.ListTombstones(tombstone_pb2.ListTombstonesRequest())).pending
    await _tombstones_come_in_pages(objects)
    assert not (await objects.ListObjects(o.ListObjectsRequest())).objects
    assert (await objects.Reserve(o.ReserveRequest(count=5))).first == 1
    assert (await objects.Reserve(o.ReserveRequest(count=5))).first == 6


async def _tombstones_come_in_pages(objects: Any) -> None:
    """The second page begins in the middle of a tombstone, with its next keeper."""
    large = bytes(3 << 20)
    record = tombstone_pb2.RecordTombstoneRequest(tombstone=large, keepers=KEEPERS[:2])
    number, token, pages = (await objects.RecordTombstone(record)).tombstone_id, "", []
    for _ in range(2):
        asked = tombstone_pb2.ListTombstonesRequest(page_token=token)
        page = await objects.ListTombstones(asked)
        pages.append([(each.tombstone_id, each.keeper) for each in page.pending])
        token = page.next_page_token
    assert not token
    assert pages == [[(number, keeper)] for keeper in sorted(KEEPERS[:2])]
    for keeper in KEEPERS[:2]:
        done = tombstone_pb2.AcknowledgeTombstoneRequest(tombstone_id=number, keeper=keeper)
        await objects.AcknowledgeTombstone(done)
