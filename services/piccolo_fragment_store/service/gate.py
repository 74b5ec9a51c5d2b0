"""The gate of the peers' port: decides who calls and may, before a byte of the request is parsed.

Rules:
* Who calls is the exact certificate of the connection, byte for byte; never a name in it or in the request.
* Every method passes here, also health, reflection and those that nobody serves.
* When the circle changes, calls under way are judged again; those of removed members end.
* A member may have only so many calls at once; attestation's traffic has room of its own.
* What is asked in one message is read as a stream of one: gRPC would read up to 8 MiB of it before anybody
  was asked who sends it. Of one device a few are read at a time, each within a minute.
"""

from __future__ import annotations

import asyncio
import ssl
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import aclosing, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Final

import grpc
from google.protobuf.message import DecodeError
from piccolo_chassis import validation
from piccolo_chassis.errors import Kind, PiccoloError

from piccolo_fragment_store.core import access
from piccolo_fragment_store.core.circle import Admission, Circle

CALLS_PER_CERTIFICATE: Final = 128
READ_AT_ONCE: Final = 8
READ_SECONDS: Final = 60.0
_caller: ContextVar[Admission] = ContextVar("piccolo_caller")


def caller() -> Admission:
    """Who makes the call that is being served."""
    return _caller.get()


@dataclass(slots=True, eq=False)
class _Call:
    """A call under way; `refused` is set when the circle changed against it."""

    certificate: bytes
    method: str
    task: asyncio.Task[Any]
    refused: PiccoloError | None = None


class Gate(grpc.aio.ServerInterceptor):
    """Authorises every call of a listener.

    Args:
        circle: tells the circle as it is now.
    """

    def __init__(self, circle: Callable[[], Circle | None]) -> None:
        self._circle = circle
        self._running: set[_Call] = set()
        self._counts: Counter[tuple[bytes, bool]] = Counter()
        self._reading: dict[bytes, asyncio.Semaphore] = {}

    def changed(self) -> None:
        """The circle is another one: ends the calls of those who may not make them any more."""
        for call in self._running:
            try:
                access.judge(self._circle(), call.certificate, call.method)
            except PiccoloError as refused:
                if call.refused is None:
                    call.refused = refused
                    call.task.cancel("the circle has changed")

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[Any]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> Any:
        """Replaces the handler by one that asks first; an unknown method gets one that refuses."""
        handler = await continuation(handler_call_details)
        method = handler_call_details.method
        if handler is None:
            return grpc.stream_unary_rpc_method_handler(self._nothing(method))
        return self._around(method, handler)

    def _nothing(self, method: str) -> Callable[[Any, Any], Awaitable[Any]]:
        async def refuse(_requests: Any, context: Any) -> Any:
            with self._admitted(method, context):
                raise PiccoloError(Kind.UNIMPLEMENTED, "NO_SUCH_METHOD", f"{method} is not served here.")

        return refuse

    def _around(self, method: str, handler: Any) -> Any:
        """A handler that reads nothing until the caller is known, and parses nothing until it is counted."""
        inner = handler.unary_unary or handler.unary_stream or handler.stream_unary or handler.stream_stream
        parse = _parser(handler.request_deserializer)

        async def read(raw: Any) -> Any:
            return _each(parse)(raw) if handler.request_streaming else parse(await self._only(raw))

        async def respond(raw: Any, context: Any) -> Any:
            with self._admitted(method, context):
                return await inner(await read(raw), context)

        async def stream(raw: Any, context: Any) -> None:
            with self._admitted(method, context):
                responses = inner(await read(raw), context)
                if not hasattr(responses, "__aiter__"):
                    await responses
                    return
                async with aclosing(responses):
                    async for response in responses:
                        await context.write(response)

        if handler.response_streaming:
            return grpc.stream_stream_rpc_method_handler(stream, None, handler.response_serializer)
        return grpc.stream_unary_rpc_method_handler(respond, None, handler.response_serializer)

    async def _only(self, requests: AsyncIterator[bytes]) -> bytes:
        """The one message of a call.

        Raises PiccoloError TIMEOUT (REQUEST_SLOW) or INVALID (REQUEST_INVALID).
        """
        certificate = caller().certificate
        try:
            async with self._reading.setdefault(certificate, asyncio.Semaphore(READ_AT_ONCE)):
                async with asyncio.timeout(READ_SECONDS):
                    return await anext(requests)
        except TimeoutError as slow:
            raise PiccoloError(
                Kind.TIMEOUT, "REQUEST_SLOW", f"The request did not arrive within {READ_SECONDS:g} seconds."
            ) from slow
        except StopAsyncIteration as ended:
            raise PiccoloError(
                Kind.INVALID, "REQUEST_INVALID", "The request ended before its message."
            ) from ended

    @contextmanager
    def _admitted(self, method: str, context: Any) -> Iterator[None]:
        certificate = _certificate(context)
        admission = access.judge(self._circle(), certificate, method)
        task = asyncio.current_task()
        if task is None:
            raise LookupError("a handler runs in a task")
        call = _Call(certificate, method, task)
        token = _caller.set(admission)
        try:
            with self._counted(certificate, method):
                self._running.add(call)
                yield
        except asyncio.CancelledError:
            if call.refused is None:
                raise
            task.uncancel()
            raise call.refused from None
        finally:
            self._running.discard(call)
            _caller.reset(token)

    @contextmanager
    def _counted(self, certificate: bytes, method: str) -> Iterator[None]:
        key = (certificate, method.startswith(access.PROXIED))
        if self._counts[key] >= CALLS_PER_CERTIFICATE:
            raise PiccoloError(
                Kind.EXHAUSTED,
                "TOO_MANY_CALLS",
                f"This keeper answers at most {CALLS_PER_CERTIFICATE} calls of one device at once.",
            )
        self._counts[key] += 1
        try:
            yield
        finally:
            self._counts[key] -= 1
            if not self._counts[key]:
                del self._counts[key]


def _certificate(context: Any) -> bytes:
    """The caller's certificate, DER; empty when there is none, which nobody is admitted with."""
    found = context.auth_context().get("x509_pem_cert")
    return ssl.PEM_cert_to_DER_cert(bytes(found[0]).decode("ascii")) if found else b""


def _parser(deserialize: Callable[[bytes], Any] | None) -> Callable[[Any], Any]:
    def parse(raw: bytes) -> Any:
        if deserialize is None:
            return raw
        try:
            request = deserialize(raw)
        except DecodeError as torn:
            raise PiccoloError(
                Kind.INVALID, "REQUEST_INVALID", "The request is not a message of this method."
            ) from torn
        validation.check(request)
        return request

    return parse


def _each(parse: Callable[[Any], Any]) -> Callable[[AsyncIterator[Any]], AsyncIterator[Any]]:
    async def parsed(requests: AsyncIterator[Any]) -> AsyncIterator[Any]:
        async for raw in requests:
            yield parse(raw)

    return parsed
