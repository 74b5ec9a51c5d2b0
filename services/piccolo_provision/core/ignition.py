"""A seed in the words of Ignition (spec 3.0 to 3.3), as virtual machines get it from their hypervisor.

Rules:
* It is a way for a seed's files to get here and nothing more: `storage.files` below /run/piccolo/seed, with
  their contents in the data itself. Whatever else it asks for is refused, because it would not be done.
* Nothing grows on its way: what is compressed is unpacked to the size of a seed's file at most.

Source: Ignition's configuration specification 3.3.0.
"""

from __future__ import annotations

import zlib
from base64 import b64decode, b64encode
from collections.abc import Mapping
from typing import Annotated, Final, Literal
from urllib.parse import unquote_to_bytes

import msgspec

from piccolo_provision.core.document import LARGEST, Table
from piccolo_provision.core.refusals import Reason, RefusedError

FOLDER: Final = "/run/piccolo/seed/"
_GZIP: Final = 31  # zlib's number for it


class _Contents(Table, frozen=True, omit_defaults=True):
    source: str
    compression: Literal["", "gzip"] | None = None


class _File(Table, frozen=True, omit_defaults=True):
    """Mode and overwrite say how it would be written; it is not."""

    path: Annotated[str, msgspec.Meta(pattern=rf"^{FOLDER}[a-z.]+\Z")]
    contents: _Contents
    mode: int | None = None
    overwrite: bool | None = None


class _Storage(Table, frozen=True):
    files: Annotated[tuple[_File, ...], msgspec.Meta(max_length=16)]


class _Version(Table, frozen=True):
    version: Annotated[str, msgspec.Meta(pattern=r"^3\.[0-3]\.0\Z")]


class _Config(Table, frozen=True):
    ignition: _Version
    storage: _Storage


def write(told: Mapping[str, bytes]) -> bytes:
    """A seed's files, by name, as an Ignition configuration."""
    listed = tuple(
        _File(f"{FOLDER}{name}", _Contents(f"data:;base64,{b64encode(content).decode()}"))
        for name, content in told.items()
    )
    return msgspec.json.encode(_Config(_Version("3.3.0"), _Storage(listed)))


def files(told: bytes) -> dict[str, bytes]:
    """The seed's files in an Ignition configuration. Raises RefusedError, SEED_IGNITION."""
    try:
        config = msgspec.json.decode(told, type=_Config)
        return {each.path.removeprefix(FOLDER): _content(each.contents) for each in config.storage.files}
    except (msgspec.MsgspecError, ValueError, zlib.error, RecursionError) as wrong:
        raise RefusedError(Reason.SEED_IGNITION) from wrong


def _content(contents: _Contents) -> bytes:
    scheme, _, rest = contents.source.partition(":")
    kind, comma, data = rest.partition(",")
    if scheme != "data" or not comma:
        raise ValueError("a seed's file is in the data itself")
    content = unquote_to_bytes(data)
    if kind.endswith(";base64"):
        content = b64decode(content, validate=True)
    if contents.compression == "gzip":
        unpacking = zlib.decompressobj(_GZIP)
        content = unpacking.decompress(content, LARGEST + 1)
        if not unpacking.eof:
            raise ValueError("it is cut off, or larger than any file of a seed")
    return content
