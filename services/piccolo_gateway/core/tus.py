"""The headers of tus 1.0 (resumable upload).

Rules:
* Numbers are plain decimal; metadata is `key base64, key base64`, each key once.
* The file's name is `path` (the whole path), else `relativePath` or `filename` below the root; its media type
  `filetype` or `type`; its time `modified` or `lastModified` in seconds since 1970.
"""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass
from typing import Final

from piccolo_chassis.errors import Kind, PiccoloError

from piccolo_gateway.core import paths

VERSION: Final = "1.0.0"
EXTENSIONS: Final = "creation,creation-with-upload,expiration,termination"
MEDIA: Final = "application/offset+octet-stream"
_NUMBER: Final = re.compile(r"\d{1,18}", re.ASCII)
_SIGNED: Final = re.compile(r"-?\d{1,14}", re.ASCII)
_KEY: Final = re.compile(r"[\x21-\x2b\x2d-\x7e]{1,64}")


@dataclass(frozen=True, slots=True)
class Target:
    """Where an upload goes."""

    path: str
    media: str
    modified: int


def check_version(header: str | None) -> None:
    """Raises PiccoloError INVALID (TUS_VERSION) unless the client speaks our version."""
    if header != VERSION:
        raise PiccoloError(
            Kind.INVALID, "TUS_VERSION", f"Send the header Tus-Resumable: {VERSION}.", {"version": VERSION}
        )


def number(header: str | None, name: str) -> int:
    """A header's number of bytes. Raises PiccoloError INVALID (HEADER_INVALID)."""
    if header is None or not _NUMBER.fullmatch(header):
        raise PiccoloError(
            Kind.INVALID,
            "HEADER_INVALID",
            f"The header {name} must hold a number of bytes.",
            {"header": name},
        )
    return int(header)


def target(metadata: str | None) -> Target:
    """Where Upload-Metadata says that a file goes. Raises PiccoloError INVALID (HEADER_INVALID, PATH_...)."""
    values = _parse(metadata or "")
    path = values.get("path")
    if path is None:
        name = values.get("relativePath") or values.get("filename") or values.get("name")
        if not name:
            raise _wrong("it must hold path or filename")
        path = "/" + name.removeprefix("/")
    modified = values.get("modified") or values.get("lastModified") or "0"
    if not _SIGNED.fullmatch(modified):
        raise _wrong("modified must be seconds since 1970")
    media = values.get("filetype") or values.get("type") or ""
    if len(media) > 255 or not media.isascii() or not (media.isprintable()):
        raise _wrong("filetype must be a media type")
    return Target(paths.check(path), media, int(modified))


def _parse(metadata: str) -> dict[str, str]:
    values: dict[str, str] = {}
    for pair in filter(None, (part.strip() for part in metadata.split(","))):
        key, _, encoded = pair.partition(" ")
        if not _KEY.fullmatch(key) or key in values:
            raise _wrong("each key is ASCII without blanks and stands once")
        try:
            values[key] = base64.b64decode(encoded.strip(), validate=True).decode()
        except (binascii.Error, UnicodeDecodeError) as wrong:
            raise _wrong(f"{key} is no base64 of UTF-8 text") from wrong
    return values


def _wrong(why: str) -> PiccoloError:
    return PiccoloError(
        Kind.INVALID,
        "HEADER_INVALID",
        f"The header Upload-Metadata cannot be used: {why}.",
        {"header": "Upload-Metadata"},
    )
