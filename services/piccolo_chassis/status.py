"""How a `PiccoloError` travels: google.rpc.Status with one ErrorInfo of the domain "piccolo".

Rules:
* What goes in comes out: kind, reason, message and details survive the way through a server and a client.
* A status fits into a trailer. HTTP/2 peers refuse header blocks beyond 8 KiB, and the client would see
  "received trailing metadata size exceeds limit" instead of the error: so long texts are cut, and say so.
* A status from elsewhere (the transport, a proxy) becomes the kind of its code, with the code's name as
  reason.
* What nobody foresaw becomes INTERNAL with an incident id; its text stays in this process's log.
"""

from __future__ import annotations

import logging
import secrets
from typing import Final, cast

import grpc
from google.rpc import error_details_pb2, status_pb2
from grpc_status import rpc_status

from piccolo_chassis.errors import DOMAIN, Kind, PiccoloError, kind_of_code
from piccolo_chassis.logs import fields

_KIND_KEY: Final = "piccolo.kind"  # in ErrorInfo.metadata, because several kinds share a code
_MESSAGE_LIMIT: Final = 1024
_DETAILS_LIMIT: Final = 3072
_PLAIN: Final = {
    Kind.UNAVAILABLE: "The service cannot be reached; try again in a moment.",
    Kind.TIMEOUT: "It took longer than the time given; try again.",
    Kind.CANCELLED: "The call was cancelled.",
}
_log = logging.getLogger(__name__)


def to_status(error: PiccoloError) -> status_pb2.Status:
    """The wire form of an error."""
    info = error_details_pb2.ErrorInfo(domain=DOMAIN, reason=error.reason)
    info.metadata[_KIND_KEY] = error.kind.value
    room = _DETAILS_LIMIT
    for key, value in error.details.items():
        name, text = _clean(key), _clean(value)
        room -= len(name.encode()) + len(text.encode())
        if room < 0:
            _log.warning("error details cut to fit a trailer", extra=fields(reason=error.reason, key=name))
            break
        info.metadata[name] = text
    status = status_pb2.Status(code=error.kind.grpc, message=_cut(_clean(error.message)))
    status.details.add().Pack(info)
    return status


def from_status(status: status_pb2.Status) -> PiccoloError:
    """The error a status stands for: the very one that was sent, if Piccolo sent it."""
    for packed in status.details:
        info = error_details_pb2.ErrorInfo()
        if packed.Unpack(info) and info.domain == DOMAIN:
            return _from_info(status, info)
    return foreign(status.code, status.message)


def foreign(code: int, message: str) -> PiccoloError:
    """An error that the transport or another program made: its code decides the kind and the reason."""
    names = {c.value[0]: c.name for c in grpc.StatusCode}
    kind, reason = kind_of_code(code), names.get(code, "UNKNOWN")
    if kind in _PLAIN:  # what the transport says of these is about sockets, not for people
        return PiccoloError(kind, reason, _PLAIN[kind], {"transport": message})
    return PiccoloError(kind, reason, message or f"The other side answered {reason} without a word.")


def nobody_there() -> PiccoloError:
    """The error of a call whose other side does not listen."""
    return foreign(grpc.StatusCode.UNAVAILABLE.value[0], "never connected")


def from_rpc_error(error: grpc.RpcError) -> PiccoloError:
    """The error behind what a gRPC client raised."""
    if not isinstance(error, grpc.aio.AioRpcError):
        return foreign(grpc.StatusCode.UNKNOWN.value[0], str(error))
    try:
        status = rpc_status.from_call(cast("grpc.Call", error))
    except ValueError:  # a proxy or an attacker changed one of the two places where the code stands
        status = None
    if status is None:
        return foreign(error.code().value[0], error.details() or "")
    return from_status(status)


def incident(unforeseen: BaseException, *, where: str) -> PiccoloError:
    """Logs what nobody foresaw with its traceback and returns what a client may know of it."""
    number = secrets.token_hex(6)
    _log.error("unforeseen failure", exc_info=unforeseen, extra=fields(incident=number, where=where))
    return PiccoloError(
        Kind.INTERNAL,
        "INTERNAL",
        "Something went wrong that Piccolo did not foresee. Try again; "
        f"if it stays, report incident {number}.",
        {"incident": number},
    )


def _from_info(status: status_pb2.Status, info: error_details_pb2.ErrorInfo) -> PiccoloError:
    details = dict(info.metadata)
    named = details.pop(_KIND_KEY, "")
    known = {kind.value: kind for kind in Kind}
    # a newer peer may know kinds that we do not: the code still says enough
    kind = known.get(named, kind_of_code(status.code))
    try:
        return PiccoloError(kind, info.reason, status.message, details)
    except ValueError:
        return PiccoloError(kind, "UNKNOWN", status.message, details)


def _clean(text: str) -> str:
    """Protobuf strings are UTF-8: file names with stray bytes reach us as lone surrogates."""
    return text.encode("utf-8", "backslashreplace").decode()


def _cut(text: str) -> str:
    raw = text.encode()
    if len(raw) <= _MESSAGE_LIMIT:
        return text
    return raw[: _MESSAGE_LIMIT - 4].decode(errors="ignore") + " ..."
