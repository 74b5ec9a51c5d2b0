"""The life of a process: how it starts, what it offers, and how it ends."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import stat
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from piccolo_chassis import command
from piccolo_chassis.calls import Channel
from piccolo_chassis.errors import Kind, PiccoloError
from piccolo_chassis.testing import Service, grpcurl
from piccolo_chassis.tests.conftest import Start
from piccolo_chassis.tests.protos import toy_pb2_grpc
from piccolo_chassis.tests.protos.toy_pb2 import CountRequest, EchoRequest, UploadRequest
from piccolo_chassis.tests.toy.__main__ import NAME

pytestmark = pytest.mark.component
Stub = toy_pb2_grpc.ToyServiceStub


async def curl(toy: Service, *arguments: str) -> str:
    program: list[str | Path] = [grpcurl(), "-plaintext", "-unix", "-max-time", "10", *arguments]
    return (await command.run(program, seconds=20)).stdout.decode()


async def test_the_real_grpcurl_lists_describes_and_calls(toy: Service) -> None:
    where = str(toy.socket)
    listed = (await curl(toy, where, "list")).split()
    assert {NAME, "grpc.health.v1.Health", "piccolo.chassis.v1.MetricsService"} <= set(listed)
    assert "rpc Upload ( stream" in await curl(toy, where, "describe", NAME)
    said = json.loads(await curl(toy, "-d", '{"text": "hi"}', where, f"{NAME}/Echo"))
    assert said["text"] == "hi"
    healthy = json.loads(
        await curl(toy, "-d", json.dumps({"service": NAME}), where, "grpc.health.v1.Health/Check")
    )
    assert healthy == {"status": "SERVING"}


async def test_sigterm_in_an_upload_ends_it_cleanly_and_tells_how_far_it_is(toy: Service, stub: Stub) -> None:
    call = stub.Upload()
    for _ in range(3):
        await call.write(UploadRequest(piece=b"x" * 1000))
    await counted(toy, stub)
    toy.process.send_signal(signal.SIGTERM)
    with pytest.raises(PiccoloError) as failed:
        await asyncio.wait_for(_result(call), 10)
    error = failed.value
    assert (error.kind, error.reason) == (Kind.UNAVAILABLE, "STOPPING")
    assert error.details["durable"] == "3000"
    assert await toy.exited() == 0


async def test_sigterm_while_a_client_keeps_writing_tells_it_how_far_it_is(toy: Service, stub: Stub) -> None:
    written = 0

    async def pieces() -> AsyncIterator[UploadRequest]:
        nonlocal written
        while True:
            yield UploadRequest(piece=b"x" * 100_000)
            written += 100_000
            if written == 10_000_000:  # more than the buffers on the way hold
                toy.process.send_signal(signal.SIGTERM)

    with pytest.raises(PiccoloError) as failed:
        await asyncio.wait_for(_result(stub.Upload(pieces())), 10)
    assert (failed.value.kind, failed.value.reason) == (Kind.UNAVAILABLE, "STOPPING")
    assert 0 < int(failed.value.details["durable"]) <= written + 100_000
    assert await toy.exited() == 0


async def _result(call: Any) -> Any:
    return await call


async def counted(toy: Service, stub: Stub) -> None:
    """Returns when the handler has certainly seen what was written before on the same connection."""
    assert (await stub.Echo(EchoRequest(text="x"))).text == "x"
    await asyncio.sleep(0.2)


async def test_a_handler_that_ignores_the_end_is_ended_with_a_clean_error(
    start: Start, tmp_path: Path
) -> None:
    async with start({"serve": {"stop_grace": 0.3}}, tmp_path) as toy, toy.connect() as channel:
        stub = Stub(channel)
        call = stub.Count(CountRequest(last=1, stay=True))
        responses = aiter(call)
        assert (await anext(responses)).number == 1
        hanging = asyncio.ensure_future(_result(stub.Echo(EchoRequest(behaviour="hang"), timeout=30)))
        await counted(toy, stub)
        toy.process.send_signal(signal.SIGTERM)
        for ended in (anext(responses), hanging):
            with pytest.raises(PiccoloError) as failed:
                await ended
            assert (failed.value.kind, failed.value.reason) == (Kind.UNAVAILABLE, "STOPPING")
        assert await toy.exited() == 0


async def test_a_running_call_may_finish_within_the_grace(start: Start, tmp_path: Path) -> None:
    async with start({}, tmp_path) as toy, toy.connect() as channel:
        call: Any = Stub(channel).Chat()
        await call.write(EchoRequest(text="a"))
        assert (await call.read()).text == "a"
        toy.process.send_signal(signal.SIGTERM)
        await toy.notified("STOPPING=1")
        await call.write(EchoRequest(text="b"))
        assert (await call.read()).text == "b"
        await call.done_writing()
        assert await toy.exited() == 0


async def test_a_watcher_of_health_does_not_hold_up_the_end(toy: Service, channel: Channel) -> None:
    stub: Any = health_pb2_grpc.HealthStub(channel)
    responses: AsyncIterator[health_pb2.HealthCheckResponse] = aiter(
        stub.Watch(health_pb2.HealthCheckRequest(service=NAME))
    )
    assert (await anext(responses)).status == health_pb2.HealthCheckResponse.SERVING
    assert await toy.stop(seconds=5) == 0


async def test_the_end_tells_systemd_closes_the_wiring_and_frees_the_socket(toy: Service) -> None:
    toy.process.send_signal(signal.SIGINT)
    await toy.notified("STOPPING=1")
    assert await toy.exited() == 0
    assert "closed" in toy.raw_log()
    assert not toy.socket.exists()


async def test_the_watchdog_hears_from_a_live_loop(start: Start, tmp_path: Path) -> None:
    async with start({}, tmp_path, environment={"WATCHDOG_USEC": "200000"}) as toy:
        await toy.notified("WATCHDOG=1")
        await toy.notified("WATCHDOG=1")


async def test_a_stale_socket_of_a_killed_process_is_replaced(start: Start, tmp_path: Path) -> None:
    async with start({}, tmp_path) as toy:
        await toy.kill()
        assert stat.S_ISSOCK(toy.socket.stat().st_mode)
    async with start({}, tmp_path) as toy, toy.connect() as channel:
        assert (await Stub(channel).Echo(EchoRequest(text="x"))).text == "x"


async def test_a_live_socket_is_not_taken_over(
    toy: Service, launch: Start, tmp_path: Path, stub: Stub
) -> None:
    settings = {"serve": {"socket": str(toy.socket)}}
    async with launch(settings, tmp_path / "second") as second:
        assert await second.exited() == 1
        assert one_line(second)["reason"] == "SOCKET_IN_USE"
    assert (await stub.Echo(EchoRequest(text="x"))).text == "x"


async def test_a_second_process_is_kept_out_of_the_state_folder(
    start: Start, launch: Start, tmp_path: Path
) -> None:
    settings = {"state": str(tmp_path / "state")}
    async with start(settings, tmp_path / "a"), launch(settings, tmp_path / "b") as second:
        assert await second.exited() == 1
        assert one_line(second)["reason"] == "STATE_IN_USE"


async def test_state_of_a_newer_release_is_refused_for_good(
    start: Start, launch: Start, tmp_path: Path
) -> None:
    state = str(tmp_path / "state")
    async with start({"state": state, "version": 2}, tmp_path / "a"):
        pass
    async with launch({"state": state, "version": 1}, tmp_path / "b") as older:
        assert await older.exited() == 78
        assert "newer release" in one_line(older)["message"]


async def test_an_unknown_key_is_fatal(launch: Start, tmp_path: Path) -> None:
    async with launch({"vresion": 1}, tmp_path) as toy:
        assert await toy.exited() == 78
        assert "unknown key vresion" in one_line(toy)["message"]


async def test_a_missing_socket_folder_is_said(launch: Start, tmp_path: Path) -> None:
    async with launch({"serve": {"socket": str(tmp_path / "none/s")}}, tmp_path) as toy:
        assert await toy.exited() == 78
        assert one_line(toy)["reason"] == "SOCKET_FOLDER"


async def test_a_path_too_long_for_a_socket_is_said(launch: Start, tmp_path: Path) -> None:
    async with launch({"serve": {"socket": str(tmp_path / ("x" * 108))}}, tmp_path) as toy:
        assert await toy.exited() == 78
        assert one_line(toy)["reason"] == "SOCKET_PATH"


async def test_a_folder_that_everybody_may_enter_holds_no_socket(launch: Start) -> None:
    folder = Path("/tmp") / f"piccolo-open-{os.getpid()}"
    folder.mkdir(mode=0o755)
    folder.chmod(0o755)
    settings = {"serve": {"socket": str(folder / "s")}}
    try:
        async with launch(settings, folder / "own") as toy:
            assert await toy.exited() == 78
            assert "Everybody may enter" in one_line(toy)["message"]
    finally:
        await command.run(["rm", "-r", folder], seconds=5)


async def test_who_may_enter_the_folder_may_use_the_socket(toy: Service) -> None:
    assert stat.S_IMODE(toy.socket.stat().st_mode) == 0o666


async def test_a_task_that_breaks_brings_the_process_down_in_order(launch: Start, tmp_path: Path) -> None:
    async with launch({"task": "fail"}, tmp_path) as toy:
        assert await toy.exited() == 1
        assert "the background task broke" in toy.raw_log()
        assert "closed" in toy.raw_log()


async def test_a_background_task_does_not_hold_up_the_end(start: Start, tmp_path: Path) -> None:
    async with start({"task": "wait"}, tmp_path) as toy:
        assert await toy.stop(seconds=5) == 0


async def test_an_end_that_hangs_is_cut_off_and_tells_where(launch: Start, tmp_path: Path) -> None:
    async with launch({"task": "stubborn", "serve": {"stop_grace": 0.1}}, tmp_path) as toy:
        await toy.notified("READY=1")
        toy.process.send_signal(signal.SIGTERM)
        assert await toy.exited(15) == 1
        assert "Timeout (0:00:05" in toy.raw_log()
        assert "most recent call first" in toy.raw_log()


async def test_a_process_that_never_becomes_ready_fails_the_test_with_its_log(
    start: Start, tmp_path: Path
) -> None:
    with pytest.raises(AssertionError, match="unknown key oops"):
        async with start({"oops": 1}, tmp_path):
            pass


def one_line(service: Service) -> dict[str, Any]:
    """The one line that says why a process did not start."""
    lines = [line for line in service.log() if line.get("level") != "debug"]
    assert len(lines) == 1, service.raw_log()
    assert "exception" not in lines[0]
    return lines[0]


def test_an_abstract_notify_socket_is_understood(monkeypatch: pytest.MonkeyPatch) -> None:
    from piccolo_chassis import notify

    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as receiver:
        receiver.bind(f"\0piccolo-{os.getpid()}")
        receiver.settimeout(5)
        monkeypatch.setenv("NOTIFY_SOCKET", f"@piccolo-{os.getpid()}")
        notify.send("READY=1", "STATUS=x")
        assert receiver.recv(100) == b"READY=1\nSTATUS=x"


@pytest.mark.parametrize("pid", ["1", None])
def test_a_watchdog_for_another_process_is_not_ours(monkeypatch: pytest.MonkeyPatch, pid: str | None) -> None:
    from piccolo_chassis import notify

    monkeypatch.setenv("WATCHDOG_USEC", "3000000")
    monkeypatch.delenv("WATCHDOG_PID", raising=False)
    if pid:
        monkeypatch.setenv("WATCHDOG_PID", pid)
    assert notify.watchdog_seconds() == (None if pid else 1.5)
