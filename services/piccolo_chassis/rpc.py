"""Channels and servers with the settings that all of Piccolo shares.

Rules:
* A message is at most 8 MiB; bulk travels in streams of about 1 MiB.
* A local service is reached through its Unix socket only. The socket's folder decides who may: it must
  not be open to everybody, and the socket in it is open to all who can enter.
* Two processes never share an address: a live socket is not taken over, and SO_REUSEPORT is off.
"""

from __future__ import annotations

import os
import socket
import stat
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import grpc

from piccolo_chassis.calls import Channel
from piccolo_chassis.errors import Kind, PiccoloError

MESSAGE_LIMIT: Final = 8 * 1024 * 1024
WINDOW: Final = 2 * 1024 * 1024  # bytes on their way: 80 Mbit/s over a line of 200 ms, for each stream
LOCAL_WINDOW: Final = 64 * 1024
UNARY_SECONDS: Final = 30.0
_PATH_LIMIT: Final = 107  # sizeof(sockaddr_un.sun_path) less the closing NUL: unix(7)

_COMMON: Final[list[tuple[str, Any]]] = [
    ("grpc.max_receive_message_length", MESSAGE_LIMIT),
    ("grpc.max_send_message_length", MESSAGE_LIMIT),
    # a box that lost power says no goodbye: without pings its streams would stay open for hours
    ("grpc.keepalive_time_ms", 30_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    ("grpc.http2.max_pings_without_data", 0),
    # the probe grows a stream's window for as long as a busy process is slow to answer pings, to tens of MiB
    ("grpc.http2.bdp_probe", 0),
    ("grpc.http2.lookahead_bytes", WINDOW),
]
_CLIENT: Final = [
    *_COMMON,
    ("grpc.enable_http_proxy", 0),
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 1_000),
    ("grpc.max_reconnect_backoff_ms", 5_000),
]
_LOCAL: Final = [
    # a socket of this device costs nothing to try, and whoever restarts is back within a second
    ("grpc.max_reconnect_backoff_ms", 500),
    # no socket is a long line: what waits in memory speeds up nothing
    ("grpc.http2.lookahead_bytes", LOCAL_WINDOW),
]
_SERVER: Final = [
    *_COMMON,
    ("grpc.so_reuseport", 0),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.min_ping_interval_without_data_ms", 10_000),
]


def connect(
    target: Path | str,
    *,
    credentials: grpc.ChannelCredentials | None = None,
    unary_seconds: float = UNARY_SECONDS,
    options: Sequence[tuple[str, Any]] = (),
) -> Channel:
    """A channel to a local service (its socket's path) or to a peer (`host:port`, with credentials).

    Args:
        target: where the other side listens; connecting happens at the first call.
        credentials: required for `host:port`.
        unary_seconds: the timeout of unary calls that give none, and for how long any waits for a service of
            this device to listen.
        options: further gRPC channel arguments, such as the name to expect in a certificate.
    """
    if isinstance(target, Path):
        settings = _settled(_CLIENT, options, _LOCAL)
        inner = grpc.aio.insecure_channel(f"unix:{target.absolute()}", settings)
        return Channel(inner, unary_seconds, local=True)
    if credentials is None:
        raise ValueError(f"{target}: nothing leaves this device without TLS")
    settings = _settled(_CLIENT, options)
    return Channel(grpc.aio.secure_channel(target, credentials, settings), unary_seconds)


def handshake(seconds: float) -> tuple[str, Any]:
    """The option of a channel whose connections may take so long to be made, for lines that are slow.

    gRPC calls it a backoff; a second, which is what all others get, is soon over on a line that trickles.
    """
    return ("grpc.min_reconnect_backoff_ms", round(seconds * 1000))


def new_server(
    interceptors: Sequence[grpc.aio.ServerInterceptor],
    limit: int | None = None,
    options: Sequence[tuple[str, Any]] = (),
) -> grpc.aio.Server:
    """A server that listens nowhere yet; it answers at most `limit` calls at once."""
    server = grpc.aio.server(
        interceptors=interceptors, options=[*_SERVER, *options], maximum_concurrent_rpcs=limit
    )
    # with each call grpc.aio waits anew among all methods that it was told beforehand; it finds them as well
    # among the generic handlers, which the generated code adds too
    server.add_registered_method_handlers = _nothing_beforehand  # type: ignore[method-assign, assignment]
    return server


def check_socket(path: Path) -> None:
    """Refuses a socket that cannot or must not be listened on.

    Raises PiccoloError PRECONDITION (SOCKET_PATH, SOCKET_FOLDER) or UNAVAILABLE (SOCKET_IN_USE).
    """
    if len(os.fsencode(path)) > _PATH_LIMIT:
        raise PiccoloError(
            Kind.PRECONDITION,
            "SOCKET_PATH",
            f"{path} is longer than the {_PATH_LIMIT} bytes a socket's path may have.",
        )
    if not path.parent.is_dir():
        raise PiccoloError(
            Kind.PRECONDITION,
            "SOCKET_FOLDER",
            f"The socket's folder {path.parent} does not exist; the unit makes it.",
        )
    if _open_to_all(path.parent):
        raise PiccoloError(
            Kind.PRECONDITION,
            "SOCKET_FOLDER",
            f"Everybody may enter {path.parent}; only the callers' group should: chmod o-rwx it.",
        )
    if _answers(path):
        raise PiccoloError(Kind.UNAVAILABLE, "SOCKET_IN_USE", f"Another process already listens on {path}.")


def bind_socket(server: grpc.aio.Server, path: Path) -> None:
    """Lets a server listen on a Unix socket that everyone who can enter its folder may use."""
    try:
        server.add_insecure_port(f"unix:{path.absolute()}")
        path.chmod(0o666)
    except (RuntimeError, OSError) as refused:
        raise PiccoloError(
            Kind.UNAVAILABLE, "SOCKET_IN_USE", f"Cannot listen on {path}: {refused}"
        ) from refused


def bind_address(server: grpc.aio.Server, address: str, credentials: grpc.ServerCredentials) -> int:
    """Lets a server listen on `host:port` with TLS; returns the port (chosen by the kernel when it was 0)."""
    try:
        return server.add_secure_port(address, credentials)
    except RuntimeError as refused:
        raise PiccoloError(
            Kind.UNAVAILABLE, "ADDRESS_IN_USE", f"Cannot listen on {address}; is another process using it?"
        ) from refused


def _nothing_beforehand(_service: str, _handlers: Mapping[str, Any]) -> None:
    """Adds nothing."""


def _settled(*options: Sequence[tuple[str, Any]]) -> list[tuple[str, Any]]:
    """Each option once, as it is given last: gRPC itself would keep the first of several."""
    return list({name: value for each in options for name, value in each}.items())


def _open_to_all(folder: Path) -> bool:
    """A folder is open to everybody when it and every folder above it are."""
    chain = [folder.resolve(), *folder.resolve().parents]
    return all(part.stat().st_mode & stat.S_IXOTH for part in chain)


def _answers(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(1)
        try:
            probe.connect(os.fspath(path))
        except OSError:
            return False
    return True
