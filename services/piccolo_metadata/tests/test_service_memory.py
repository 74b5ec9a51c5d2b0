"""What is remembered beside files, watchers, and the process itself, through the real socket."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator, Awaitable
from pathlib import Path
from typing import Any

import pytest
from piccolo.metadata.v1 import file_pb2 as f
from piccolo.metadata.v1 import memory_pb2 as m
from piccolo.metadata.v1 import object_pb2 as o
from piccolo_chassis import command
from piccolo_chassis.errors import Kind, PiccoloError
from piccolo_chassis.testing import grpcurl, running, spawned

from piccolo_metadata.service import convert
from piccolo_metadata.tests.builders import a_file, an_intent
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


async def test_each_topic_is_told_of_its_changes_and_of_no_others(client: Client) -> None:
    async def watched(topic: m.Topic.ValueType) -> tuple[Any, int]:
        call: Any = client.changes.WatchChanges(m.WatchChangesRequest(topic=topic))
        return call, (await call.read()).mark

    async with asyncio.timeout(60):
        files, files_mark = await watched(m.TOPIC_FILES)
        settings, settings_mark = await watched(m.TOPIC_SETTINGS)
        audit, audit_mark = await watched(m.TOPIC_AUDIT)
        await client.settings.SetSettings(m.SetSettingsRequest(values={"device.name": '"Box"'}))
        assert (await settings.read()).mark > settings_mark
        await client.audit.AppendAudit(m.AppendAuditRequest(actor="a", action="b", outcome="ok"))
        assert (await audit.read()).mark == audit_mark + 1
        await client.files.MakeDirectory(f.MakeDirectoryRequest(path="/d"))
        told = (await files.read()).mark
        assert told > files_mark
        entry = (await client.files.Stat(f.StatRequest(path="/d"))).entry
        await client.files.Move(f.MoveRequest(source="/d", destination="/e"))
        assert (await files.read()).mark > told
        found = await client.files.Locate(f.LocateRequest(entry_id=entry.entry_id))
        assert (found.entry.path, found.entry.entry_id) == ("/e", entry.entry_id)
        for call in (files, settings, audit):
            call.cancel()
    refused: Any = client.changes.WatchChanges(m.WatchChangesRequest())
    assert (await reason(refused.read()))[0] is Kind.INVALID


async def test_the_audit_log(client: Client) -> None:
    for number in range(3):
        await client.audit.AppendAudit(
            m.AppendAuditRequest(actor="owner", action=f"a.{number}", outcome="ok")
        )
    listed = await client.audit.ListAudit(m.ListAuditRequest(page_size=2, action="a."))
    assert [event.number for event in listed.events] == [3, 2]
    rest = m.ListAuditRequest(page_size=2, action="a.", page_token=listed.next_page_token)
    assert [event.action for event in (await client.audit.ListAudit(rest)).events] == ["a.0"]
    rest.outcome = "failed"
    assert await reason(client.audit.ListAudit(rest)) == (Kind.INVALID, "PAGE_TOKEN_FOREIGN")
    for wanted, numbers in (
        (m.ListAuditRequest(actor="own", outcome="ok", since=1), [3, 2, 1]),
        (m.ListAuditRequest(outcome="failed"), []),
        (m.ListAuditRequest(until=1), []),
        (m.ListAuditRequest(actor="token:"), []),
    ):
        assert [event.number for event in (await client.audit.ListAudit(wanted)).events] == numbers
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
