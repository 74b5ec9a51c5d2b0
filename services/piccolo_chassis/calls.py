"""The client's side of a call: a channel whose calls carry the request id and a deadline, and fail as
PiccoloError.

Rules:
* Generated stubs work on this channel unchanged; what they raise is `PiccoloError`, also from streams.
* A stream that is written to while its answers are not read cannot tell why it ended: read them
  concurrently.
* A call on a channel that this side has closed is refused as CHANNEL_CLOSED: a task that is still to be
  ended with its process meets that.
* A unary call without a timeout gets the channel's; every call ends with the request it is made for.
* A unary call to a service of this device waits for one that is just starting or being restarted: within its
  timeout, and no longer than the channel's, however long the answer may take; a stream does not wait,
  because it has no timeout.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Generator
from types import TracebackType
from typing import Any, Final, Self

import grpc

from piccolo_chassis import deadline, logs
from piccolo_chassis.errors import Kind, PiccoloError
from piccolo_chassis.status import from_rpc_error, nobody_there

_OVERWRITTEN: Final = "Internal error from Core"
_LOOKS: Final = 200
_LOOK_SECONDS: Final = 0.005
OF_THE_WIRE: Final = frozenset(
    {"UNAVAILABLE", "DEADLINE_EXCEEDED", "CANCELLED", "UNKNOWN", "STREAM_ENDED", "STOPPING"}
)
"""Reasons that tell of a connection, or of a process that ends, and name nobody."""
_ENDED: Final = PiccoloError(Kind.CANCELLED, "STREAM_ENDED", "The other side ended the stream first.")
_CUT: Final = PiccoloError(Kind.UNAVAILABLE, "STREAM_ENDED", "The other side ended the stream; try again.")
_CLOSED: Final = PiccoloError(
    Kind.CANCELLED, "CHANNEL_CLOSED", "This side has closed the connection already."
)


class Call:
    """One call under way. Delegates to grpc's own and translates what it raises."""

    def __init__(
        self,
        inner: Any,
        connected: Callable[[], bool] = lambda: True,
        met: Callable[[], Awaitable[bool]] | None = None,
        *,
        written: bool = True,
    ) -> None:
        """`written`: whether the call's requests are a stream."""
        self._inner, self._connected, self._met = inner, connected, met
        self._ending = _Ending(inner, written=written)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def __await__(self) -> Generator[Any, None, Any]:
        return self._answer().__await__()

    async def _answer(self) -> Any:
        if self._met is not None and not self._inner.done():
            await self._meet(self._met)
        return await self._translated(self._inner)

    async def _meet(self, met: Callable[[], Awaitable[bool]]) -> None:
        there = False
        try:
            there = await met()
        finally:
            if not there:
                self._inner.cancel()
        if not there:
            raise nobody_there()

    async def __aiter__(self) -> AsyncIterator[Any]:
        try:
            async for message in self._inner:
                yield message
        except grpc.RpcError as failed:
            raise await self._ending.why(failed) from failed

    async def read(self) -> Any:
        """The next message, or grpc.aio.EOF."""
        return await self._translated(self._inner.read())

    async def write(self, message: Any) -> None:
        """Sends one message; when the server has already ended the call, raises how it ended."""
        await self._translated(self._inner.write(message))

    async def done_writing(self) -> None:
        """Says that no further message will come."""
        await self._translated(self._inner.done_writing())

    async def _translated(self, awaitable: Awaitable[Any]) -> Any:
        try:
            return await awaitable
        except grpc.RpcError as failed:
            why = await self._ending.why(failed)
            # the timeout was spent on waiting for somebody who never listened
            raise (why if why.kind is not Kind.TIMEOUT or self._connected() else nobody_there()) from failed
        except asyncio.InvalidStateError as over:
            raise await self._ending.why(over) from over


class _Ending:
    """How a call really ended.

    When the server ends a stream that we still write to, grpc.aio sets the status "INTERNAL: Internal error
    from Core", before or after the server's own (grpc/grpc#36066). So the status of a stream that is written
    to is noted when it is first set, and looked for again when that was not the server's.
    """

    def __init__(self, inner: Any, *, written: bool) -> None:
        self._inner = inner
        self._status: grpc.aio.AioRpcError | None = None
        if written:
            inner.add_done_callback(self._note)

    def _note(self, _: object = None) -> None:
        code, details = _now(self._inner.code()), _now(self._inner.details())
        if self._status is None and details != _OVERWRITTEN:
            trailing = _now(self._inner.trailing_metadata())
            self._status = grpc.aio.AioRpcError(code, trailing_metadata=trailing, details=details)

    async def why(self, failed: Exception) -> PiccoloError:
        """The error that the call ended with, given what grpc raised."""
        if isinstance(failed, grpc.aio.AioRpcError) and failed.details() != _OVERWRITTEN:
            return from_rpc_error(failed)
        if isinstance(failed, asyncio.InvalidStateError) and not self._inner.done():
            raise failed  # a write after done_writing: our own mistake
        for _ in range(_LOOKS):
            self._note()
            if self._status is not None:
                break
            await asyncio.sleep(_LOOK_SECONDS)  # grpc calls back once only, and that is spent
        if self._status is None:  # it waits behind answers that nobody reads
            return _CUT
        return _ENDED if self._status.code() is grpc.StatusCode.OK else from_rpc_error(self._status)


def _now(finished: Coroutine[Any, Any, Any]) -> Any:
    """The result of a coroutine that has nothing to wait for, such as the code of a call that is done."""
    try:
        finished.send(None)
    except StopIteration as result:
        return result.value
    raise RuntimeError("grpc.aio called back before the call was done")


class _Method:
    """A method of a stub."""

    def __init__(
        self,
        inner: Any,
        limit: float | None,
        patient_with: grpc.aio.Channel | None = None,
        *,
        written: bool = False,
    ) -> None:
        self._inner, self._limit, self._channel, self._written = inner, limit, patient_with, written
        self._options = {"wait_for_ready": True} if patient_with else {}

    def __call__(
        self, *request: Any, timeout: float | None = None, metadata: Any = None, **options: Any
    ) -> Call:
        seconds = deadline.shortest(timeout if timeout is not None else self._limit)
        given = list(metadata or ())
        if not any(key == logs.REQUEST_ID for key, _ in given):
            given.append((logs.REQUEST_ID, logs.request_id() or secrets.token_hex(8)))
        try:
            inner = self._inner(*request, timeout=seconds, metadata=given, **(self._options | options))
        except grpc.aio.UsageError as closed:
            raise _CLOSED from closed
        long = self._channel is not None and self._limit is not None and (seconds or 0) > self._limit
        return Call(inner, self._connected, self._met if long else None, written=self._written)

    async def _met(self) -> bool:
        """Whether somebody listens before the channel's own limit."""
        if self._channel is None or self._connected():
            return True
        try:
            async with asyncio.timeout(self._limit):
                await self._channel.channel_ready()
        except (TimeoutError, grpc.aio.UsageError):  # the latter: the channel was closed meanwhile
            return False
        return True

    def _connected(self) -> bool:
        return self._channel is None or self._channel.get_state() is grpc.ChannelConnectivity.READY


class Channel(grpc.aio.Channel):
    """A channel for generated stubs; see the module's rules. Close it, or use it as a context manager."""

    def __init__(self, inner: grpc.aio.Channel, unary_seconds: float, *, local: bool = False) -> None:
        self._inner, self._limit, self._local = inner, unary_seconds, local

    def unary_unary(self, *args: Any, **kwargs: Any) -> Any:
        """A method of one request and one response."""
        return _Method(
            self._inner.unary_unary(*args, **kwargs), self._limit, self._inner if self._local else None
        )

    def unary_stream(self, *args: Any, **kwargs: Any) -> Any:
        """A method of one request and many responses."""
        return _Method(self._inner.unary_stream(*args, **kwargs), None)

    def stream_unary(self, *args: Any, **kwargs: Any) -> Any:
        """A method of many requests and one response."""
        return _Method(self._inner.stream_unary(*args, **kwargs), None, written=True)

    def stream_stream(self, *args: Any, **kwargs: Any) -> Any:
        """A method of many requests and many responses."""
        return _Method(self._inner.stream_stream(*args, **kwargs), None, written=True)

    def get_state(self, try_to_connect: bool = False) -> grpc.ChannelConnectivity:
        """The state of the connection."""
        return self._inner.get_state(try_to_connect)

    async def wait_for_state_change(self, last_observed_state: grpc.ChannelConnectivity) -> None:
        """Returns when the connection is in another state."""
        await self._inner.wait_for_state_change(last_observed_state)

    async def channel_ready(self) -> None:
        """Returns when the connection stands."""
        await self._inner.channel_ready()

    async def close(self, grace: float | None = None) -> None:
        """Ends the connection; calls under way get `grace` seconds."""
        await self._inner.close(grace)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()
