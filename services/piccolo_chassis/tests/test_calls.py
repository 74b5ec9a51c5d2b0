"""What every call meets, from the client's side to the handler and back."""

from __future__ import annotations

import asyncio
import socket
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import grpc
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from piccolo.chassis.v1 import metrics_pb2, metrics_pb2_grpc

from piccolo_chassis import deadline, logs, rpc
from piccolo_chassis.calls import Channel
from piccolo_chassis.errors import Kind, PiccoloError
from piccolo_chassis.tasks import Tasks
from piccolo_chassis.testing import Service
from piccolo_chassis.tests.conftest import Start
from piccolo_chassis.tests.protos import toy_pb2_grpc
from piccolo_chassis.tests.protos.toy_pb2 import CountRequest, EchoRequest, Part, UploadRequest

pytestmark = pytest.mark.component
Stub = toy_pb2_grpc.ToyServiceStub


async def test_the_four_shapes(stub: Stub) -> None:
    assert (await stub.Echo(EchoRequest(text="hi"))).text == "hi"
    assert [found.number async for found in stub.Count(CountRequest(last=3))] == [1, 2, 3]
    pieces = (UploadRequest(piece=b"x" * 1000) for _ in range(5))
    assert (await stub.Upload(pieces)).size == 5000
    said = [found.text async for found in stub.Chat(EchoRequest(text=t) for t in "abc")]
    assert said == ["a", "b", "c"]


async def test_an_error_arrives_as_it_was_raised(stub: Stub) -> None:
    with pytest.raises(PiccoloError) as failed:
        await stub.Echo(EchoRequest(behaviour="refuse"))
    error = failed.value
    assert (error.kind, error.reason, dict(error.details)) == (Kind.FULL, "DISK_FULL", {"free": "0"})
    assert isinstance(error.__cause__, grpc.aio.AioRpcError)


async def test_an_error_out_of_a_task_group_is_the_error(stub: Stub) -> None:
    with pytest.raises(PiccoloError, match="free some room"):
        await stub.Echo(EchoRequest(behaviour="group"))


async def test_what_nobody_foresaw_is_an_incident_and_its_text_stays_here(toy: Service, stub: Stub) -> None:
    with pytest.raises(PiccoloError) as failed:
        await stub.Echo(EchoRequest(behaviour="raise"))
    error = failed.value
    assert (error.kind, error.reason) == (Kind.INTERNAL, "INTERNAL")
    assert error.details["incident"] in error.message
    assert "secret" not in error.message
    line = next(line for line in toy.log() if line.get("incident") == error.details["incident"])
    assert "the secret is 42" in line["exception"]


@pytest.mark.parametrize(
    ("request_", "fields"),
    [
        (EchoRequest(text="ninechars"), {"text"}),
        (EchoRequest(text="ninechars", parts=[Part(size=1), Part()]), {"text", "parts[1].size"}),
    ],
)
async def test_a_request_against_the_rules_does_not_get_in(
    stub: Stub, request_: EchoRequest, fields: set[str]
) -> None:
    with pytest.raises(PiccoloError) as failed:
        await stub.Echo(request_)
    assert (failed.value.kind, failed.value.reason) == (Kind.INVALID, "REQUEST_INVALID")
    assert set(failed.value.details) == fields
    assert "ninechars" not in failed.value.message


async def test_every_message_of_a_stream_is_checked(stub: Stub) -> None:
    call = stub.Chat(EchoRequest(text=text) for text in ("good", "ninechars"))
    said: list[str] = []
    with pytest.raises(PiccoloError) as failed:
        said.extend([found.text async for found in call])
    assert failed.value.reason == "REQUEST_INVALID"
    with pytest.raises(PiccoloError, match="last"):
        await anext(aiter(stub.Count(CountRequest(last=1001))))
    with pytest.raises(PiccoloError, match="piece"):
        await stub.Upload(iter([UploadRequest(piece=b"x" * 1_048_577)]))


async def test_a_stream_refused_in_the_middle_tells_why_however_it_is_written(stub: Stub) -> None:
    """grpc.aio alone says "INTERNAL: Internal error from Core" in some of these, by a race: so, often."""
    for _ in range(30):
        for attempt in (_written(stub), _iterated(stub), _chatted(stub)):
            with pytest.raises(PiccoloError) as failed:
                await asyncio.wait_for(attempt, 10)
            assert failed.value.reason == "REQUEST_INVALID"


async def _written(stub: Stub) -> None:
    call = stub.Upload()
    for number in range(100):
        await call.write(_piece(number))
    await call


async def _iterated(stub: Stub) -> None:
    await stub.Upload(_piece(number) for number in range(100))


async def _chatted(stub: Stub) -> None:
    call = stub.Chat()
    writer = asyncio.create_task(_write_until_refused(call))
    try:
        async for _ in call:
            pass
    finally:
        await writer


def _piece(number: int) -> UploadRequest:
    return UploadRequest(piece=b"x" * (1_048_577 if number == 2 else 100_000))


async def test_a_write_after_done_writing_is_the_caller_s_own_mistake(stub: Stub) -> None:
    call = stub.Chat()
    await call.write(EchoRequest(text="a"))
    await call.done_writing()
    with pytest.raises(asyncio.InvalidStateError):
        await call.write(EchoRequest(text="b"))


async def _write_until_refused(call: Any) -> None:
    with suppress(PiccoloError):  # the reader tells
        for number in range(10_000):
            await call.write(EchoRequest(text="ninechars" if number == 2 else "a"))


async def test_eight_mebibytes_are_the_limit(stub: Stub) -> None:
    with pytest.raises(PiccoloError) as failed:
        await stub.Echo(EchoRequest(behaviour="x" * rpc.MESSAGE_LIMIT))
    assert failed.value.kind is Kind.EXHAUSTED


async def test_the_client_s_deadline_ends_the_handler(stub: Stub, toy: Service) -> None:
    with pytest.raises(PiccoloError) as failed:
        await stub.Echo(EchoRequest(behaviour="hang"), timeout=0.2)
    assert (failed.value.kind, failed.value.reason) == (Kind.TIMEOUT, "DEADLINE_EXCEEDED")


async def test_without_a_deadline_the_server_has_its_own(start: Start, tmp_path: Path) -> None:
    limits = {"serve": {"unary_deadline": 0.2, "stream_deadline": 0.3}}
    async with start(limits, tmp_path) as toy, grpc.aio.insecure_channel(f"unix:{toy.socket}") as bare:
        stub = Stub(bare)
        with pytest.raises(grpc.aio.AioRpcError) as failed:
            await stub.Echo(EchoRequest(behaviour="hang"))
        assert failed.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
        with pytest.raises(grpc.aio.AioRpcError) as failed:
            assert [found.number async for found in stub.Count(CountRequest(last=2, stay=True))] == []
        assert failed.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED


async def test_request_id_travels_and_stands_in_both_logs(start: Start, tmp_path: Path) -> None:
    async with start({}, tmp_path / "b") as far, start({"other": str(far.socket)}, tmp_path / "a") as near:
        async with near.connect() as channel:
            said = await Stub(channel).Echo(
                EchoRequest(behaviour="pass"), metadata=[(logs.REQUEST_ID, "asked-for-12")]
            )
        assert said.request_id == "asked-for-12"
        for service in (near, far):
            assert any(line.get("request_id") == "asked-for-12" for line in service.log())


async def test_a_callee_s_incident_passes_through_with_its_number(start: Start, tmp_path: Path) -> None:
    async with start({}, tmp_path / "b") as far, start({"other": str(far.socket)}, tmp_path / "a") as near:
        async with near.connect() as channel:
            with pytest.raises(PiccoloError) as failed:
                await Stub(channel).Echo(EchoRequest(behaviour="deep"))
        number = failed.value.details["incident"]
        assert any(line.get("incident") == number for line in far.log())
        assert not any("incident" in line for line in near.log())


async def test_nobody_there_is_said_plainly(tmp_path: Path) -> None:
    async with rpc.connect(tmp_path / "none.sock") as channel:
        with pytest.raises(PiccoloError) as failed:
            await Stub(channel).Echo(EchoRequest(), timeout=0.5)
    assert (failed.value.kind, failed.value.reason) == (Kind.UNAVAILABLE, "UNAVAILABLE")
    assert "sock" not in failed.value.message


async def test_a_call_on_a_closed_channel_is_refused_as_every_other(tmp_path: Path) -> None:
    async with rpc.connect(tmp_path / "none.sock") as channel:
        stub = Stub(channel)
    with pytest.raises(PiccoloError) as refused:
        await stub.Echo(EchoRequest())
    assert (refused.value.kind, refused.value.reason) == (Kind.CANCELLED, "CHANNEL_CLOSED")


async def test_an_answer_that_may_take_long_is_not_awaited_long_from_nobody(tmp_path: Path) -> None:
    async with rpc.connect(tmp_path / "none.sock", unary_seconds=0.3) as channel:
        async with asyncio.timeout(10):
            with pytest.raises(PiccoloError) as failed:
                await Stub(channel).Echo(EchoRequest(), timeout=3600)
        assert (failed.value.kind, failed.value.reason) == (Kind.UNAVAILABLE, "UNAVAILABLE")
        given_up = asyncio.ensure_future(Stub(channel).Echo(EchoRequest(), timeout=3600))
        await asyncio.sleep(0)
        given_up.cancel()
        with pytest.raises(asyncio.CancelledError):
            await given_up


async def test_a_long_answer_is_awaited_from_who_is_there(start: Start, tmp_path: Path) -> None:
    async with start({}, tmp_path / "a") as service, rpc.connect(service.socket, unary_seconds=3) as channel:
        with pytest.raises(PiccoloError) as failed:
            await Stub(channel).Echo(EchoRequest(behaviour="hang"), timeout=4)
    assert failed.value.reason == "DEADLINE_EXCEEDED"


async def test_a_unary_call_waits_for_a_service_that_is_being_restarted(start: Start, tmp_path: Path) -> None:
    async with rpc.connect(tmp_path / "a/run/s.sock") as channel:
        early = asyncio.ensure_future(Stub(channel).Echo(EchoRequest(text="early")))
        async with start({}, tmp_path / "a") as service:
            assert (await early).text == "early"
            await service.kill()
        async with asyncio.timeout(20):  # what is sent on a connection that is breaking is not sent again
            await channel.wait_for_state_change(grpc.ChannelConnectivity.READY)
        late = asyncio.ensure_future(Stub(channel).Echo(EchoRequest(text="late")))
        async with start({}, tmp_path / "a"):
            assert (await late).text == "late"


def test_nothing_is_sent_to_the_network_without_tls() -> None:
    with pytest.raises(ValueError, match="TLS"):
        rpc.connect("127.0.0.1:1")


async def test_calls_are_counted_by_method_and_code(channel: Channel, stub: Stub) -> None:
    await stub.Echo(EchoRequest())
    for behaviour in ("refuse", "raise"):
        with pytest.raises(PiccoloError):
            await stub.Echo(EchoRequest(behaviour=behaviour))
    found = await metrics_pb2_grpc.MetricsServiceStub(channel).Read(metrics_pb2.ReadRequest())
    assert found.service == "toy"
    method = 'method="/piccolo.chassis.toy.v1.ToyService/Echo"'
    for code in ("OK", "RESOURCE_EXHAUSTED", "INTERNAL"):
        assert f'piccolo_rpc_calls_total{{code="{code}",{method}}} 1.0' in found.exposition
    assert f"piccolo_rpc_running{{{method}}} 0.0" in found.exposition
    assert f"piccolo_rpc_seconds_count{{{method}}} 3.0" in found.exposition
    assert "process_resident_memory_bytes" in found.exposition


async def test_a_client_that_leaves_frees_the_handler(toy: Service, channel: Channel, stub: Stub) -> None:
    call = stub.Count(CountRequest(last=1, stay=True))
    assert (await anext(aiter(call))).number == 1
    call.cancel()
    running = 'piccolo_rpc_running{method="/piccolo.chassis.toy.v1.ToyService/Count"} 0.0'
    reader = metrics_pb2_grpc.MetricsServiceStub(channel)
    async with asyncio.timeout(10):
        while running not in (await reader.Read(metrics_pb2.ReadRequest())).exposition:
            pass  # each read is a call: nothing tells a client when a server has noticed that it left
    assert any(line.get("code") == "CANCELLED" for line in toy.log())


async def test_the_tasks_of_a_process_are_counted(channel: Channel, stub: Stub) -> None:
    reader = metrics_pb2_grpc.MetricsServiceStub(channel)

    async def tasks() -> float:
        lines = (await reader.Read(metrics_pb2.ReadRequest())).exposition.splitlines()
        return next(float(line.split()[1]) for line in lines if line.startswith("piccolo_tasks "))

    before = await tasks()
    calls = [stub.Count(CountRequest(last=1, stay=True)) for _ in range(5)]
    for call in calls:
        assert (await anext(aiter(call))).number == 1
    assert await tasks() >= before + 5
    for call in calls:
        call.cancel()
    async with asyncio.timeout(10):
        while await tasks() > before:
            pass  # as above


async def test_a_client_that_leaves_in_the_middle_of_an_answer_is_no_incident(
    toy: Service, stub: Stub
) -> None:
    """The server learns of it by a write that fails, or by a cancelling: a race, so often."""
    for _ in range(100):
        call = stub.Count(CountRequest(last=1000, padding=100_000))
        assert (await anext(aiter(call))).number == 1
        call.cancel()
    await stub.Echo(EchoRequest(text="still"))
    await toy.stop()
    assert not [line for line in toy.log() if "incident" in line]


async def test_a_call_never_outlasts_the_request_it_is_made_for(stub: Stub) -> None:
    deadline.begin(0.2)
    began = time.monotonic()
    with pytest.raises(PiccoloError) as failed:
        await stub.Echo(EchoRequest(behaviour="hang"), timeout=30)
    assert failed.value.kind is Kind.TIMEOUT
    assert time.monotonic() - began < 5


async def test_work_that_outlives_its_request_forgets_the_deadline_but_not_the_id() -> None:
    deadline.begin(0.2)
    logs.adopt_request_id("the-request")
    async with Tasks() as tasks:

        async def work() -> tuple[float | None, str]:
            return deadline.shortest(None), logs.request_id()

        assert await tasks.create_task(work()) == (None, "the-request")
    assert deadline.shortest(None) is not None


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seconds=st.lists(st.one_of(st.none(), st.floats(0, 100)), max_size=4))
async def test_the_shortest_limit_counts(seconds: list[float | None]) -> None:
    deadline.forget()
    given_ = [limit for limit in seconds if limit is not None]
    assert deadline.shortest(*seconds) == (min(given_) if given_ else None)


async def test_a_line_is_given_as_long_for_its_handshake_as_its_channel_says() -> None:
    """Whoever takes the connection says nothing; a second is what others get."""
    silent = socket.create_server(("127.0.0.1", 0))
    address = f"dns:///127.0.0.1:{silent.getsockname()[1]}"
    credentials = grpc.ssl_channel_credentials()
    with silent:
        async with rpc.connect(address, credentials=credentials, options=[rpc.handshake(3.0)]) as channel:
            began = time.monotonic()
            with pytest.raises(PiccoloError) as failed:
                await channel.unary_unary("/toy/Any")(b"")
    assert failed.value.kind is Kind.UNAVAILABLE
    assert time.monotonic() - began > 2.5
