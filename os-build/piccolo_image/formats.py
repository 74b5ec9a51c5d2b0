"""What the services of a device keep their state in, as each declares it in its `config`."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import msgspec
from piccolo_attestation import config as attestation
from piccolo_chassis.state import Format
from piccolo_fragment_store import config as fragment_store
from piccolo_gateway import config as gateway
from piccolo_metadata import config as metadata
from piccolo_provision import config as provision
from piccolo_vault import config as vault

KEPT: Final[tuple[Format, ...]] = tuple(
    service.STATE for service in (attestation, fragment_store, gateway, metadata, provision, vault)
)
FILE: Final = "usr/lib/piccolo/formats.json"


def opened() -> dict[str, int]:
    """By service, the newest format that it opens."""
    return {each.service: each.newest for each in KEPT}


def write(tree: Path) -> None:
    """Puts into a root what its services open: the device asks it before it takes a release."""
    (tree / FILE).write_bytes(msgspec.json.encode(opened(), order="deterministic") + b"\n")
