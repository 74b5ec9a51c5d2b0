"""A service that does little, to try the chassis as every service meets it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from piccolo_chassis import logs, rpc, state
from piccolo_chassis.errors import Kind, PiccoloError
from piccolo_chassis.host import Host
from piccolo_chassis.serve import ServeConfig, run
from piccolo_chassis.tests.protos import toy_pb2, toy_pb2_grpc

NAME = "piccolo.chassis.toy.v1.ToyService"


@dataclass(frozen=True, slots=True)
class Config:
    """The toy's settings."""

    serve: ServeConfig = ServeConfig()
    state: Path | None = None
    version: int = 1
    other: Path | None = None
    task: str = ""


class Toy(toy_pb2_grpc.ToyServiceServicer):
    """Every shape of a call."""

    def __init__(self, host: Host, other: toy_pb2_grpc.ToyServiceStub | None) -> None:
        self._host, self._other = host, other

    async def Echo(self, request: toy_pb2.EchoRequest, context: Any) -> toy_pb2.EchoResponse:
        match request.behaviour:
            case "raise":
                raise KeyError("the secret is 42")
            case "group":
                async with asyncio.TaskGroup() as group:
                    group.create_task(self._refuse())
                    group.create_task(asyncio.Event().wait())
            case "hang":
                await asyncio.Event().wait()
            case "refuse":
                await self._refuse()
            case "deep" if self._other is not None:
                return await self._other.Echo(toy_pb2.EchoRequest(text=request.text, behaviour="raise"))
            case "pass" if self._other is not None:
                return await self._other.Echo(toy_pb2.EchoRequest(text=request.text))
        return toy_pb2.EchoResponse(text=request.text, request_id=logs.request_id())

    async def _refuse(self) -> None:
        raise PiccoloError(Kind.FULL, "DISK_FULL", "The disk is full: free some room.", {"free": "0"})

    async def Count(
        self, request: toy_pb2.CountRequest, context: Any
    ) -> AsyncIterator[toy_pb2.CountResponse]:
        for number in range(1, request.last + 1):
            yield toy_pb2.CountResponse(number=number, padding=bytes(request.padding))
        if request.stay:
            await asyncio.Event().wait()

    async def Upload(
        self, requests: AsyncIterator[toy_pb2.UploadRequest], context: Any
    ) -> toy_pb2.UploadResponse:
        size = 0
        stop = asyncio.ensure_future(self._host.stopping.wait())
        try:
            while True:
                piece = asyncio.ensure_future(anext(requests, None))
                await asyncio.wait((piece, stop), return_when=asyncio.FIRST_COMPLETED)
                if not piece.done():
                    piece.cancel()
                    raise PiccoloError(
                        Kind.UNAVAILABLE,
                        "STOPPING",
                        "The service is stopping; resume later.",
                        {"durable": str(size)},
                    )
                if (request := piece.result()) is None:
                    return toy_pb2.UploadResponse(size=size)
                size += len(request.piece)
        finally:
            stop.cancel()

    async def Chat(
        self, requests: AsyncIterator[toy_pb2.EchoRequest], context: Any
    ) -> AsyncIterator[toy_pb2.EchoResponse]:
        async for request in requests:
            yield toy_pb2.EchoResponse(text=request.text, request_id=logs.request_id())


async def _task(kind: str) -> None:
    if kind == "fail":
        raise RuntimeError("the background task broke")
    while kind == "stubborn":
        with suppress(asyncio.CancelledError):
            await asyncio.Event().wait()
    await asyncio.Event().wait()


@asynccontextmanager
async def wiring(config: Config, host: Host) -> AsyncIterator[None]:
    """One servicer, perhaps a state folder, perhaps another toy to call."""
    if config.state is not None:
        with state.claim(config.state, state.Format("toy", config.version, 1, config.version)):
            async with _wired(config, host):
                yield
    else:
        async with _wired(config, host):
            yield


@asynccontextmanager
async def _wired(config: Config, host: Host) -> AsyncIterator[None]:
    channel = rpc.connect(config.other or Path("nowhere"))
    async with channel:
        toy = Toy(host, toy_pb2_grpc.ToyServiceStub(channel) if config.other else None)
        host.add_service(lambda server: toy_pb2_grpc.add_ToyServiceServicer_to_server(toy, server), NAME)
        if config.task:
            host.task_group.create_task(_task(config.task), name="toy's task")
        try:
            yield
        finally:
            print("closed", flush=True)  # noqa: T201 - a test looks for it


def main() -> None:
    """Runs the service."""
    run("toy", Config, wiring)


if __name__ == "__main__":
    main()
