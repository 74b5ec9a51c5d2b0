"""What a release says of itself. It lies in the release's commit, whose signature covers it.

Rules:
* A version is digits and dots, compared number by number; what is not newer than what runs is not installed.
* The slots of a release are found by its root hash: each half is the UUID of a partition (Discoverable
  Partitions Specification).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Final, Literal, NamedTuple
from uuid import UUID

import msgspec
from msgspec import Meta
from piccolo_chassis.errors import Kind, PiccoloError

NAME: Final = "manifest.json"
MANIFEST_KEY: Final = "piccolo.manifest"
"""Under which the commit itself says it too, so that a device need not fetch the files to know of them."""
FILES: Final = ("root", "verity", "uki")

Sha256 = Annotated[str, Meta(pattern="^[0-9a-f]{64}$")]
Version = Annotated[str, Meta(pattern=r"^[0-9]{1,9}(\.[0-9]{1,9}){0,3}$")]


class Slot(NamedTuple):
    """The UUIDs of a slot's two partitions."""

    root: UUID
    verity: UUID


def slot_of(roothash: str) -> Slot:
    """Where a root of this hash, 64 hex digits, lies on a disk."""
    return Slot(UUID(roothash[:32]), UUID(roothash[32:]))


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """A release.

    Attributes:
        roothash: of dm-verity, over the root; the UKI's command line names the same.
        pcrs: SHA-256 bank values of a device that booted it, by the register's number.
        sbom: SHA-256 of its bill of materials.
        data_formats: by service, the oldest format of its state that this release can open.
        sizes: of its files, in bytes.
        data_written: by service, the format that this release writes.
        data_newest: by service, the newest format that it opens; where nothing is said, what it writes.
    """

    format: Literal[1]
    version: Version
    channel: Annotated[str, Meta(pattern="^[a-z]{1,16}$")]
    roothash: Sha256
    pcrs: dict[str, Sha256]
    sbom: Sha256
    data_formats: dict[str, int]
    data_written: dict[str, int] = {}
    data_newest: dict[str, int] = {}
    sizes: dict[str, int] = {}

    @property
    def size(self) -> int:
        """Bytes of all of its files."""
        return sum(self.sizes.values())

    @property
    def opened(self) -> Mapping[str, int]:
        """By service, the newest format that it opens."""
        return {**self.data_written, **self.data_newest}

    @property
    def slot(self) -> Slot:
        """Where it lies on a disk."""
        return slot_of(self.roothash)


def encode(manifest: Manifest) -> bytes:
    """The manifest as it lies in the commit: JSON, keys in order."""
    return msgspec.json.format(msgspec.json.encode(manifest, order="deterministic")) + b"\n"


def decode(data: bytes) -> Manifest:
    """Reads a manifest. Raises PiccoloError INVALID, RELEASE_UNREADABLE."""
    try:
        return msgspec.json.decode(data, type=Manifest)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as wrong:
        raise PiccoloError(
            Kind.INVALID,
            "RELEASE_UNREADABLE",
            f"The release's manifest cannot be read: {wrong}. Ask whoever published it.",
        ) from wrong


def check_data(release: Manifest, kept: Mapping[str, int]) -> None:
    """Compares a release with the formats, by service, of the state that a device keeps.

    Raises PiccoloError PRECONDITION (DATA_FORMAT) unless the release says that it opens every one.
    """
    for service, found in sorted(kept.items()):
        oldest = release.data_formats.get(service)
        newest = release.opened.get(service)
        if oldest is None or newest is None:
            opens, then = "says of no format that it opens it", "Ask whoever published it for one that does."
        elif found < oldest:
            opens = f"opens {oldest} and newer"
            then = "Install a release between the two first, and start it once."
        elif found > newest:
            opens = f"opens {newest} and older"
            then = "Install a release that is newer, or stay with the channel that this device's comes from."
        else:
            continue
        raise PiccoloError(
            Kind.PRECONDITION,
            "DATA_FORMAT",
            f"Version {release.version} could not open this device's data, and was not installed:"
            f" piccolo-{service} has written format {found}, and the release {opens}. {then}",
            {"service": service, "format": str(found)},
        )


def check_way_back(release: Manifest, opened: Mapping[str, int]) -> None:
    """Compares what a release writes with the newest formats, by service, that the one before it opens.

    Raises PiccoloError PRECONDITION (NO_WAY_BACK) when that one could not open it.
    """
    for service, newest in sorted(opened.items()):
        written = release.data_written.get(service, 0)
        if written > newest:
            raise PiccoloError(
                Kind.PRECONDITION,
                "NO_WAY_BACK",
                f"Version {release.version} leaves no way back: its piccolo-{service} would write format"
                f" {written}, and the release before it opens {newest} at most. If it failed, the device"
                " could not go back to its data. Nothing was changed; a release between the two must come"
                " first, and run once.",
                {"service": service, "format": str(written)},
            )


def staged(manifest: Manifest) -> Mapping[str, str]:
    """The commit's files by the names under which sysupdate.d's transfers look for them."""
    stem = f"piccolo_{manifest.version}"
    return {
        "root": f"{stem}_{manifest.slot.root}.root",
        "verity": f"{stem}_{manifest.slot.verity}.verity",
        "uki": f"{stem}.efi",
    }


def is_newer(version: str, than: str) -> bool:
    """Whether a version comes after another, as systemd-boot sorts them."""
    return _numbers(version) > _numbers(than)


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))
