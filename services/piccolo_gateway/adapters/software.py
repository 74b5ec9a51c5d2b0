"""Which software this is, as it is installed."""

from __future__ import annotations

import platform
from importlib import metadata
from typing import Final

from piccolo_gateway.ports.machine import Software

_NAME: Final = "piccolo"
_PACKAGES: Final = (
    "aiohttp",
    "apsw",
    "cryptography",
    "grpcio",
    "msgspec",
    "protobuf",
    "protovalidate",
    "PyNaCl",
    "zeroconf",
)


def installed() -> Software:
    """What is installed here."""
    return Software(_version(_NAME), _built(), platform.python_version(), _packages())


def _packages() -> dict[str, str]:
    return {name: found for name in _PACKAGES if (found := _version(name))}


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return ""


def _built() -> int:
    """When the distribution's record was written, which a build does last; 0 when that is not told."""
    try:
        files = metadata.files(_NAME) or []
    except metadata.PackageNotFoundError:
        return 0
    for file in files:
        if file.name == "METADATA":
            try:
                return int(file.locate().stat().st_mtime)  # type: ignore[attr-defined]  # a path, in practice
            except OSError:
                return 0
    return 0
