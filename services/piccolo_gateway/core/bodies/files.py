"""Bodies about files, directories, versions, the trash, and what everything survives."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from piccolo_gateway.core.bodies.base import (
    Asked,
    Hex,
    OwnerPath,
    Page,
    PageSize,
    PageToken,
    Seconds,
    Told,
)

Revision = Annotated[
    int, msgspec.Meta(ge=0, le=2**63 - 1, description="The store-wide number of its last change.")
]
VersionId = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{32}$", description="A version's id, in hex.")]


class Entry(Told, frozen=True):
    """One name in the tree."""

    path: str
    kind: Literal["file", "directory"]
    revision: int
    version_id: Annotated[
        Hex, msgspec.Meta(description="The current version; a file's ETag. Empty for others.")
    ]
    size: int
    modified: Seconds
    media: str
    versions: int
    entry_id: Annotated[
        int, msgspec.Meta(description="Its own id, which stays with it under every name; 0 when not told.")
    ] = 0


class Entries(Told, frozen=True):
    """A page of a listing."""

    entries: list[Entry]
    next_page_token: str


class Health(Told, frozen=True):
    """What a file survives."""

    k: Annotated[int, msgspec.Meta(description="Fragments that rebuild it.")]
    m: Annotated[int, msgspec.Meta(description="Fragments in all.")]
    placed: int
    devices: Annotated[int, msgspec.Meta(description="Devices that hold them.")]
    survives: Annotated[
        int, msgspec.Meta(description="How many of these may be lost; negative: so many must come back.")
    ]
    words: str
    at_risk: bool


class Fragment(Told, frozen=True):
    """Where one fragment lies."""

    index: int
    keeper: Hex
    keeper_name: str
    state: str


class FileHealth(Told, frozen=True):
    """What a file survives, and where its fragments lie."""

    health: Health
    fragments: list[Fragment]


class StoreHealth(Told, frozen=True):
    """What everything survives."""

    objects: int
    at_risk: int
    unreadable: int
    survives: int
    repairs: int
    words: str
    away: list[str]
    unreconciled: Annotated[
        bool,
        msgspec.Meta(description="After a recovery: members are still asked for newer files."),
    ]


class Written(Told, frozen=True):
    """A file's new version."""

    path: str
    revision: int
    version_id: Hex
    size: int
    health: Health
    created: Annotated[bool, msgspec.Meta(description="Nothing had this name before.")]


class Version(Told, frozen=True):
    """One content that a file had. Read it at /api/v1/files/{path}?version=."""

    version_id: Hex
    size: int
    modified: Seconds
    stored: Seconds
    current: bool
    media: str


class Versions(Told, frozen=True):
    """A page of a file's versions, newest first."""

    versions: list[Version]
    next_page_token: str


class Removed(Told, frozen=True):
    """One entry in the trash."""

    trash_id: int
    entry: Entry
    removed: Seconds
    files: int
    kept_until: Annotated[
        Seconds,
        msgspec.Meta(
            description="Until when it can be restored at least; later when the device was off meanwhile."
        ),
    ]


class Trash(Told, frozen=True):
    """A page of the trash, newest first."""

    removed: list[Removed]
    next_page_token: str


class Deleted(Told, frozen=True):
    """What was deleted."""

    files: int
    trash_id: Annotated[int, msgspec.Meta(description="Its id in the trash; 0 when it is gone for good.")] = 0
    objects: Annotated[int, msgspec.Meta(description="Objects whose fragments were buried.")] = 0


class Totals(Told, frozen=True):
    """What lies below a directory."""

    files: int
    directories: int
    bytes: int
    versions: int


class Move(Asked, frozen=True):
    """A name to change."""

    source: OwnerPath
    destination: OwnerPath
    overwrite: bool = False
    expected_revision: Revision | None = None


class Copy(Asked, frozen=True):
    """A second name to give."""

    source: OwnerPath
    destination: OwnerPath
    overwrite: bool = False
    expected_revision: Revision | None = None


class RestoreVersion(Asked, frozen=True):
    """A version to make the current one again."""

    version_id: VersionId
    expected_revision: Revision | None = None


class RestoreRemoved(Asked, frozen=True):
    """Where to put an entry of the trash; its old name by default."""

    path: OwnerPath | None = None


class Listing(Page, frozen=True):
    """How to list a directory."""

    recursive: Annotated[bool, msgspec.Meta(description="The whole subtree, in path order.")] = False


class Search(Asked, frozen=True):
    """What to search."""

    query: Annotated[str, msgspec.Meta(min_length=1, max_length=255, description="A part of a name.")]
    under: Annotated[str, msgspec.Meta(max_length=4096, description="Only below this directory.")] = ""
    page_size: PageSize = 0
    page_token: PageToken = ""


class Chosen(Asked, frozen=True):
    """What goes into an archive."""

    path: Annotated[
        list[OwnerPath],
        msgspec.Meta(min_length=1, description="May come several times, as often as an address has room."),
    ]


class Reading(Asked, frozen=True):
    """Which content of a file."""

    version: VersionId | None = None


class Writing(Asked, frozen=True):
    """How a file is stored."""

    at_risk: Annotated[
        bool, msgspec.Meta(description="Say yes although the loss of one device may destroy it.")
    ] = False


class Deleting(Asked, frozen=True):
    """How an entry is deleted."""

    recursive: Annotated[bool, msgspec.Meta(description="Also a directory that is not empty.")] = False
    purge: Annotated[bool, msgspec.Meta(description="For good, not into the trash.")] = False


class AskingHealth(Asked, frozen=True):
    """How a file's health is found."""

    ask: Annotated[bool, msgspec.Meta(description="Ask the keepers now.")] = False


class Check(Asked, frozen=True):
    """What to check."""

    path: Annotated[
        str, msgspec.Meta(max_length=4096, description="Only at or below; empty: everything.")
    ] = ""
    read_percent: Annotated[
        int, msgspec.Meta(ge=0, le=100, description="Percent of blocks to read and verify.")
    ] = 0


class Repair(Asked, frozen=True):
    """What to repair."""

    now: Annotated[bool, msgspec.Meta(description="Also what waits because its keeper may come back.")] = (
        False
    )
