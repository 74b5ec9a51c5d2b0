"""Every call through the socket of the real process."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator, Awaitable
from pathlib import Path

import pytest
from piccolo.metadata.v1 import file_pb2 as f
from piccolo.metadata.v1 import memory_pb2 as m
from piccolo.metadata.v1 import object_pb2 as o
from piccolo.metadata.v1 import repair_pb2, tombstone_pb2, upload_pb2
from piccolo_chassis import command
from piccolo_chassis.errors import Kind, PiccoloError
from piccolo_chassis.testing import grpcurl, running, spawned

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
    assert not (await objects.ListObjects(o.ListObjectsRequest())).objects
    assert (await objects.Reserve(o.ReserveRequest(count=5))).first == 1
    assert (await objects.Reserve(o.ReserveRequest(count=5))).first == 6


async def test_state_and_settings(client: Client) -> None:
    value = m.StateValue(key="k", value=b"v")
    put = await client.state.PutState(m.PutStateRequest(namespace="n", values=[value], check_revisions=True))
    got = (await client.state.GetState(m.GetStateRequest(namespace="n", key="k"))).value
    assert (got.value, got.revision) == (b"v", put.revision)
    again = m.PutStateRequest(namespace="n", values=[value], check_revisions=True)
    assert await reason(client.state.PutState(again)) == (Kind.CONFLICT, "REVISION_CONFLICT")
    assert [one.key for one in (await client.state.ListState(m.ListStateRequest(namespace="n"))).values] == [
        "k"
    ]
    changed = await client.settings.SetSettings(m.SetSettingsRequest(values={"versions.keep": "3"}))
    known = await client.settings.GetSettings(m.GetSettingsRequest())
    assert known.settings == changed.settings
    (keep,) = [one for one in known.settings if one.name == "versions.keep"]
    assert (keep.value, keep.default_value) == ("3", "10")
    wrong = m.SetSettingsRequest(values={"versions.keep": '"many"'})
    assert await reason(client.settings.SetSettings(wrong)) == (Kind.INVALID, "SETTING_WRONG")


async def test_operations_are_watched_to_their_end(client: Client) -> None:
    work = client.operations
    started = (await work.StartOperation(m.StartOperationRequest(kind="check", unit="files"))).operation
    mine = started.operation_id
    watched = aiter(work.WatchOperations(m.WatchOperationsRequest(operation_id=mine)))
    async with asyncio.timeout(60):
        assert (await anext(watched)).operation == started
        done = m.Operation(operation_id=mine, done=3, total=9, phase="looking")
        await work.AdvanceOperation(m.AdvanceOperationRequest(operation=done))
        assert (await anext(watched)).operation.done == 3
        cancel = m.CancelOperationRequest(operation_id=mine)
        assert (await work.CancelOperation(cancel)).operation.cancel_requested
        ended = m.Operation(operation_id=mine, state=m.OPERATION_STATE_CANCELLED)
        assert (await work.AdvanceOperation(m.AdvanceOperationRequest(operation=ended))).cancel_requested
        seen = (await anext(watched)).operation
        while seen.state == m.OPERATION_STATE_RUNNING:
            seen = (await anext(watched)).operation
    assert (await work.GetOperation(m.GetOperationRequest(operation_id=mine))).operation == seen
    assert list((await work.ListOperations(m.ListOperationsRequest())).operations) == [seen]
    assert not (await work.ListOperations(m.ListOperationsRequest(running=True))).operations
    late = m.AdvanceOperationRequest(operation=done)
    assert await reason(work.AdvanceOperation(late)) == (Kind.PRECONDITION, "OPERATION_ENDED")


async def test_the_audit_log(client: Client) -> None:
    for number in range(3):
        await client.audit.AppendAudit(
            m.AppendAuditRequest(actor="owner", action=f"a.{number}", outcome="ok")
        )
    listed = await client.audit.ListAudit(m.ListAuditRequest(page_size=2, action="a."))
    assert [event.number for event in listed.events] == [3, 2]
    rest = m.ListAuditRequest(page_size=2, action="a.", page_token=listed.next_page_token)
    assert [event.action for event in (await client.audit.ListAudit(rest)).events] == ["a.0"]
    assert (await client.audit.VerifyAudit(m.VerifyAuditRequest())).verified == 3


async def test_what_is_no_request_is_refused_in_words(client: Client) -> None:
    for request in (
        f.ListRequest(path="/", page_token="nonsense"),
        f.ListRequest(path="relative"),
        f.ListRequest(path=""),
        f.ListRequest(path="/", page_size=10_001),
        f.ListRequest(path="/\0"),
    ):
        kind, _ = await reason(client.files.List(request))
        assert kind is Kind.INVALID
    huge = f.RestoreRemovedRequest(trash_id=2**63)
    assert await reason(client.files.RestoreRemoved(huge)) == (Kind.INVALID, "NUMBER_TOO_LARGE")
    file = convert.file_to(a_file("/a", 1))
    file.size = 2**64 - 1
    intent = o.Intent(object=convert.object_to(an_intent(a_file("/a", 1)).object), files=[file])
    too_large = o.PrepareRequest(intent=intent)
    assert await reason(client.objects.Prepare(too_large)) == (Kind.INVALID, "NUMBER_TOO_LARGE")
    for order in ((0, 1), (1, 0)):  # it would go below all others
        file.size, (file.generation, file.seq) = 1, order
        without = o.PrepareRequest(intent=o.Intent(object=intent.object, files=[file]))
        assert (await reason(client.objects.Prepare(without)))[0] is Kind.INVALID
    intent.object.kind = o.OBJECT_KIND_UNSPECIFIED
    no_kind = o.PrepareRequest(intent=intent)
    assert await reason(client.objects.Prepare(no_kind)) == (Kind.INVALID, "OBJECT_INVALID")


async def test_a_token_of_another_listing_is_refused(client: Client) -> None:
    for name in "abc":
        await client.files.MakeDirectory(f.MakeDirectoryRequest(path=f"/{name}/{name}"))
    token = (await client.files.List(f.ListRequest(path="/", page_size=1))).next_page_token
    for other in (
        f.ListRequest(path="/a", page_token=token),
        f.ListRequest(path="/", page_token=token, recursive=True),
    ):
        assert await reason(client.files.List(other)) == (Kind.INVALID, "PAGE_TOKEN_FOREIGN")
    search = f.SearchRequest(query="a", page_token=token)
    assert await reason(client.files.Search(search)) == (Kind.INVALID, "PAGE_TOKEN_FOREIGN")


async def test_pages_stay_right_while_entries_come_and_go(client: Client) -> None:
    for number in range(0, 40, 2):
        await client.files.MakeDirectory(f.MakeDirectoryRequest(path=f"/d/{number:02}"))
    seen: list[str] = []
    token, round_ = "", 0
    while True:
        page = await client.files.List(f.ListRequest(path="/d", page_size=3, page_token=token))
        seen += [entry.path for entry in page.entries]
        token = page.next_page_token
        if not token:
            break
        await client.files.Remove(f.RemoveRequest(path=seen[-1]))  # what the token names goes
        await client.files.MakeDirectory(f.MakeDirectoryRequest(path=f"/d/{round_ * 2 + 1:02}"))
        round_ += 1
    assert len(seen) == len(set(seen))
    assert {f"/d/{number:02}" for number in range(0, 40, 2)} <= set(seen)  # none that stayed is missed
    assert seen == sorted(seen)


async def test_a_stop_ends_watchers_in_words(tmp_path: Path) -> None:
    async with metadata(tmp_path) as (service, client):
        await client.operations.StartOperation(m.StartOperationRequest(kind="check"))
        watched = aiter(client.operations.WatchOperations(m.WatchOperationsRequest()))
        await anext(watched)
        service.process.send_signal(signal.SIGTERM)
        assert await reason(anext(watched)) == (Kind.UNAVAILABLE, "STOPPING")
        assert await service.exited() == 0


async def test_grpcurl_lists_describes_and_calls(tmp_path: Path) -> None:
    async with metadata(tmp_path) as (service, _):

        async def curl(*rest: str) -> str:
            options: list[str | Path] = ["-d", '{"path": "/"}'] if "/" in rest[0] else []
            program = [grpcurl(), "-plaintext", "-unix", *options, service.socket, *rest]
            return (await command.run(program, seconds=20)).stdout.decode()

        listed = await curl("list")
        for name in ("File", "Object", "State", "Settings", "Operation", "Audit", "Backup"):
            assert f"piccolo.metadata.v1.{name}Service" in listed
        assert "rpc Search" in await curl("describe", "piccolo.metadata.v1.FileService")
        assert "ENTRY_KIND_DIRECTORY" in await curl("piccolo.metadata.v1.FileService/Stat")


async def test_a_second_process_on_the_same_folder_is_refused(tmp_path: Path) -> None:
    async with metadata(tmp_path) as (_, client):
        settings = {"state": str(tmp_path / "state")}
        async with spawned("metadata", settings, tmp_path / "second") as second:
            assert await second.exited() == 1
            assert "Another process uses the state folder" in second.raw_log()
        await client.files.MakeDirectory(f.MakeDirectoryRequest(path="/still-here"))


async def test_a_damaged_database_ends_the_process_with_what_to_do(tmp_path: Path) -> None:
    async with metadata(tmp_path) as (_, client):
        await client.files.MakeDirectory(f.MakeDirectoryRequest(path="/a"))
    database = tmp_path / "state" / "metadata.db"
    database.write_bytes(b"\0" * 100 + database.read_bytes()[100:])
    settings = {"state": str(tmp_path / "state")}
    async with spawned("metadata", settings, tmp_path / "damaged") as damaged:
        assert await damaged.exited() == 78
        assert "restore the backup with your 24 words" in damaged.raw_log()
    async with running("metadata", settings, tmp_path / "after") as service, service.connect() as channel:
        assert not (await Client(channel).files.List(f.ListRequest(path="/"))).entries
        assert "was set aside" in service.raw_log()
