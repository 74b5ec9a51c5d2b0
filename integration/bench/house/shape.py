"""Who is who in a bare house, and how large what they say to each other is.

Rules:
* Sizes are those of our messages for one file at 3 of 10, measured on the wire's side of protobuf.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import grpc

from integration.bench.bare import Grid
from integration.bench.bare_process import MESSAGE, OPTIONS

FRONT: Final = "front"
VAULT: Final = "vault"
MEMORY: Final = "memory"
NAME: Final = "name"

SMALL_FILE: Final = 4 * MESSAGE
INTENT_BYTES: Final = 3500
PUBLISH: Final = bytes(18)
MANIFEST_BYTES: Final = 1600
RECORD: Final = bytes(2000)
SIZE_BYTES: Final = 8
_LOCAL: Final[list[tuple[str, Any]]] = [*OPTIONS, ("grpc.http2.bdp_probe", 0)]
_SHAPE: Final = "shape.json"


@dataclass(frozen=True, slots=True)
class Shape:
    """What a process of the house knows. `peers`: the folder by which the keepers are reached."""

    vault: str
    memory: str
    peers: str
    k: int


def write_shape(folder: Path, grid: Grid) -> None:
    """Makes the folders of all processes of a house."""
    sockets = {name: f"unix:{folder / name / 'socket'}" for name in (VAULT, MEMORY)}
    for name in (FRONT, VAULT, MEMORY):
        (folder / name).mkdir(parents=True)
        told = json.dumps({**sockets, "peers": str(grid.folder), "k": grid.k})
        (folder / name / _SHAPE).write_text(told)


def read_shape(folder: Path) -> Shape:
    """What the process with this folder knows."""
    return Shape(**json.loads((folder / _SHAPE).read_text()))


def local(address: str) -> grpc.aio.Channel:
    """A channel to another process of the house."""
    return grpc.aio.insecure_channel(address, _LOCAL)


def server(service: str, methods: dict[str, Any], address: str) -> grpc.aio.Server:
    """A server of raw bytes at a Unix socket."""
    made = grpc.aio.server(options=OPTIONS)
    made.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service, methods),))
    made.add_insecure_port(address)
    return made


def named(key: str) -> tuple[tuple[str, str], ...]:
    """The gRPC metadata that names a file."""
    return ((NAME, key),)


def name_of(context: Any) -> str:
    """The file that a call names."""
    return str(dict(context.invocation_metadata())[NAME])


def cut(pieces: Sequence[bytes], k: int) -> list[bytes]:
    """A stripe of up to k messages as k equal parts; the last one may be filled up with zeros.

    Full messages are their own parts and are not copied.
    """
    if len(pieces) == k and all(len(piece) == MESSAGE for piece in pieces):
        return list(pieces)
    data = b"".join(pieces)
    size = -(-len(data) // k)
    return [data[at * size : (at + 1) * size].ljust(size, b"\0") for at in range(k)]
