"""Messages that are nearly all one field of bytes, written and read without copying the bytes around.

Rules:
* The wire is protobuf's own: what is framed here any protobuf reads, and whatever is not exactly of that form
  is protobuf's to read. Each of its ways between bytes and a message copies the whole content; through here
  a content is copied once when it is framed, and not at all when it is read.
* What is read here was seen by no rule of the protos: whoever reads applies the field's own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import grpc

Content = bytes | bytearray | memoryview
_LENGTH_DELIMITED: Final = 2
_LONGEST: Final = 5  # bytes of a varint: more than any message of ours is long
_MAKERS: Final[dict[tuple[bool, bool], Any]] = {
    (False, False): grpc.unary_unary_rpc_method_handler,
    (False, True): grpc.unary_stream_rpc_method_handler,
    (True, False): grpc.stream_unary_rpc_method_handler,
    (True, True): grpc.stream_stream_rpc_method_handler,
}


def framed(field: int, *pieces: Content, before: bytes = b"") -> bytes:
    """A message on the wire whose last field is `field`, with these pieces joined.

    Args:
        field: the number of a field of bytes.
        pieces: its content.
        before: the message's other fields, as they are on the wire.
    """
    size = sum(map(len, pieces))
    return b"".join((before, _varint(field << 3 | _LENGTH_DELIMITED), _varint(size), *pieces))


def content(message: bytes, field: int) -> tuple[bytes, memoryview] | None:
    """What precedes the last field of a message, and that field's content; None unless it is `field`.

    Only fields of bytes, text or messages may precede it, and none of them may be `field`.
    """
    at = 0
    while at < len(message):
        begin = at
        tag, at = _read_varint(message, at)
        size, at = _read_varint(message, at)
        if tag & 7 != _LENGTH_DELIMITED or size < 0 or at + size > len(message):
            return None
        if tag >> 3 == field:
            return (message[:begin], memoryview(message)[at:]) if at + size == len(message) else None
        at += size
    return None


def or_framed(serialize: Callable[[Any], bytes]) -> Callable[[Any], bytes]:
    """A serializer that also takes what `framed` made."""

    def serialized(message: Any) -> bytes:
        return message if isinstance(message, bytes) else serialize(message)

    return serialized


@dataclass(frozen=True, slots=True)
class Quick:
    """How one method's messages are read and written instead; None: as generated."""

    request: Callable[[bytes], Any] | None = None
    response: Callable[[Any], bytes] | None = None


def quickly(server: grpc.aio.Server, quick: Mapping[str, Quick]) -> Any:
    """What stands for the server while a generated function adds a servicer to it.

    Args:
        server: where the servicer goes.
        quick: by full method name.
    """
    return _Registrar(server, quick)


class _Registrar:
    def __init__(self, server: grpc.aio.Server, quick: Mapping[str, Quick]) -> None:
        self._server, self._quick = server, quick

    def add_generic_rpc_handlers(self, handlers: tuple[grpc.GenericRpcHandler, ...]) -> None:
        """Adds them with the methods' own ways to read and write."""
        self._server.add_generic_rpc_handlers(tuple(_Handlers(each, self._quick) for each in handlers))

    def add_registered_method_handlers(self, service: str, handlers: dict[str, Any]) -> None:
        """Adds nothing: grpc.aio finds every method among the generic ones."""


class _Handlers(grpc.GenericRpcHandler):
    def __init__(self, inner: grpc.GenericRpcHandler, quick: Mapping[str, Quick]) -> None:
        self._inner, self._quick = inner, quick

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> Any:
        """The method's handler, None for a method of somebody else."""
        handler: Any = self._inner.service(handler_call_details)
        quick = self._quick.get(handler_call_details.method)
        if handler is None or quick is None:
            return handler
        work = handler.unary_unary or handler.unary_stream or handler.stream_unary or handler.stream_stream
        return _MAKERS[handler.request_streaming, handler.response_streaming](
            work,
            quick.request or handler.request_deserializer,
            quick.response or handler.response_serializer,
        )


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def _read_varint(message: bytes, at: int) -> tuple[int, int]:
    """The number at a place and where it ends; (-1, ...) when there is none."""
    value = 0
    for place, byte in enumerate(message[at : at + _LONGEST]):
        value |= (byte & 0x7F) << 7 * place
        if byte < 0x80:
            return value, at + place + 1
    return -1, len(message)
