"""The door of every server: what happens around each call, whatever its method does.

Rules:
* A call has a request id (the caller's or a fresh one) and a deadline (the caller's or the server's own).
* Each request message is checked against the rules in its proto before the handler sees it. Handlers
  therefore iterate over their requests and never use `context.read`.
* A handler fails by raising `PiccoloError`; what else it raises is an incident. Several `PiccoloError`s
  out of a task group count as the first of them.
* How calls are counted, logged and ended with the process: see `running`.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, Final

import grpc
from grpc_status import rpc_status

from piccolo_chassis import deadline, logs, validation
from piccolo_chassis.errors import Kind, PiccoloError
from piccolo_chassis.running import Answering, Running, stopping
from piccolo_chassis.status import incident, to_status

_NAMES: Final = {code.value[0]: code.name for code in grpc.StatusCode}
_MAKERS: Final[dict[tuple[bool, bool], Any]] = {  # by whether requests and responses are streams
    (False, False): grpc.unary_unary_rpc_method_handler,
    (False, True): grpc.unary_stream_rpc_method_handler,
    (True, False): grpc.stream_unary_rpc_method_handler,
    (True, True): grpc.stream_stream_rpc_method_handler,
}


@dataclass(frozen=True, slots=True)
class Limits:
    """How long a call may take when its caller does not say; seconds."""

    unary: float
    stream: float


class Door(grpc.aio.ServerInterceptor):
    """Goes around every handler of one process, on all its servers."""

    def __init__(self, running: Running, limits: Limits) -> None:
        self._running, self._limits = running, limits

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[Any]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> Any:
        """Replaces the handler by one that has the rules around it; an unknown method has no handler."""
        handler = await continuation(handler_call_details)
        return None if handler is None else self._around(handler_call_details.method, handler)

    def _around(self, method: str, handler: Any) -> Any:
        """A handler of the same shape."""
        streams = (handler.request_streaming, handler.response_streaming)
        limit = self._limits.stream if any(streams) else self._limits.unary
        work = _streamed(handler) if handler.response_streaming else _answered(handler)

        async def guarded(request: Any, context: Any) -> Any:
            return await self._guard(method, limit, context, lambda: work(request, context))

        return _MAKERS[streams](guarded, handler.request_deserializer, handler.response_serializer)

    async def _guard(
        self, method: str, limit: float, context: Any, work: Callable[[], Awaitable[Any]]
    ) -> Any:
        call = self._begin(method, limit, context)
        code = reason = ""
        try:
            result = await self._answer(call, work)
            code = "OK"
            return result
        except PiccoloError as failed:
            code, reason = _NAMES[failed.kind.grpc], failed.reason
            await context.abort_with_status(rpc_status.to_status(to_status(failed)))
        except grpc.aio.AbortError:  # a handler from a library (health) that speaks to gRPC itself
            code = _NAMES.get(context.code(), "UNKNOWN")
            raise
        finally:
            self._running.finish(call, code or "CANCELLED", reason)

    async def _answer(self, call: Answering, work: Callable[[], Awaitable[Any]]) -> Any:
        """The handler's result; every failure of it as a PiccoloError."""
        self._running.refuse_if_closed()
        try:
            async with asyncio.timeout_at(call.until) as clock:
                return await work()
        except (PiccoloError, grpc.aio.AbortError):
            raise
        except TimeoutError as late:
            if clock.expired():
                raise PiccoloError(
                    Kind.TIMEOUT, "DEADLINE_EXCEEDED", "It took longer than the time given; try again."
                ) from late
            raise incident(late, where=call.method) from late
        except asyncio.CancelledError as cancelled:
            if self._running.was_ended():
                raise stopping() from cancelled
            raise
        except BaseExceptionGroup as group:
            raise _first(group, call.method) from group
        except grpc.aio.InternalError as gone:  # what it wrote could not leave: its client has left
            raise asyncio.CancelledError from gone
        except Exception as unforeseen:
            raise incident(unforeseen, where=call.method) from unforeseen

    def _begin(self, method: str, limit: float, context: Any) -> Answering:
        metadata = dict(context.invocation_metadata() or ())
        logs.adopt_request_id(metadata.get(logs.REQUEST_ID))
        remaining = context.time_remaining()
        until = deadline.begin(limit if remaining is None else remaining)
        call = Answering(method, asyncio.get_running_loop().time(), until)
        self._running.begin(call)
        return call


def _answered(handler: Any) -> Any:
    """What runs a method of one response."""
    inner = handler.stream_unary or handler.unary_unary
    checked = _checked_stream if handler.request_streaming else _checked

    async def run(request: Any, context: Any) -> Any:
        return await inner(checked(request), context)

    return run


def _streamed(handler: Any) -> Any:
    """What runs a method of many responses: one coroutine writes them, so that its end is always seen."""
    inner = handler.stream_stream or handler.unary_stream
    checked = _checked_stream if handler.request_streaming else _checked

    async def run(request: Any, context: Any) -> None:
        responses = inner(checked(request), context)
        if not hasattr(responses, "__aiter__"):  # a coroutine that calls context.write itself
            await responses
            return
        async with aclosing(responses):
            async for response in responses:
                await context.write(response)

    return run


def _checked(request: Any) -> Any:
    validation.check(request)
    return request


async def _checked_stream(requests: AsyncIterator[Any]) -> AsyncIterator[Any]:
    async for request in requests:
        validation.check(request)
        yield request


def _first(group: BaseExceptionGroup[Any], where: str) -> PiccoloError:
    """The error that a task group stands for: the first of its leaves, if all of them were foreseen."""
    known, unknown = group.split(PiccoloError)
    if known is None or unknown is not None:
        return incident(group, where=where)
    leaf: Any = known
    while isinstance(leaf, BaseExceptionGroup):
        leaf = leaf.exceptions[0]
    found: PiccoloError = leaf
    return found
