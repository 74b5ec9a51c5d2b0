"""Bodies about what the device remembers: operations, backups, settings, the audit log."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

import msgspec

from piccolo_gateway.core.bodies.base import Asked, Hex, Page, PageSize, PageToken, Seconds, Told

OperationState: TypeAlias = Literal["running", "succeeded", "failed", "cancelled"]
Value: TypeAlias = bool | int | float | str


class Operation(Told, frozen=True):
    """Long work that survives clients and restarts."""

    operation_id: str
    kind: str
    subject: str
    state: OperationState
    phase: Annotated[str, msgspec.Meta(description="What happens now, in words.")]
    done: int
    total: Annotated[int, msgspec.Meta(description="Units in all; 0 when unknown.")]
    unit: str
    result: Annotated[str, msgspec.Meta(description="JSON of the result, when it ended well.")]
    error_reason: str
    error_message: str
    started: Seconds
    updated: Seconds
    revision: int
    cancel_requested: bool


class Operations(Told, frozen=True):
    """A page of operations, newest first."""

    operations: list[Operation]
    next_page_token: str


class ListingOperations(Page, frozen=True):
    """Which operations."""

    page_size: Annotated[int, msgspec.Meta(ge=0, le=1000)] = 0
    running: Annotated[bool, msgspec.Meta(description="Only those under way.")] = False


class Watching(Asked, frozen=True):
    """Which events."""

    operation: Annotated[
        str, msgspec.Meta(max_length=64, description="Only this operation, and no other events.")
    ] = ""
    after: Annotated[
        str, msgspec.Meta(max_length=64, description="As Last-Event-ID, for those who cannot send it.")
    ] = ""


class Backup(Told, frozen=True):
    """How far the backup is."""

    enabled: bool
    seq: int
    last_backup: Annotated[Seconds, msgspec.Meta(description="Of the last acknowledged entry; 0 is never.")]
    pending: Annotated[int, msgspec.Meta(description="Changes that the cloud has not acknowledged.")]
    problem: Annotated[str, msgspec.Meta(description="Why it does not go on, in words; or empty.")]
    fenced: Annotated[
        bool, msgspec.Meta(description="A newer device of this owner writes the backup: this one may not.")
    ]
    fenced_by: Annotated[
        Hex,
        msgspec.Meta(
            description="The proof of it: the header of an entry of the newer device, signed; see"
            " docs/storage-format.md. Empty when it was not read."
        ),
    ]
    bytes: int
    problem_reason: Annotated[str, msgspec.Meta(description="The problem for programs; or empty.")] = ""


class Witnesses(Told, frozen=True):
    """How many members know of the newest backup."""

    seq: Annotated[int, msgspec.Meta(description="The entry that they were told last; 0 is none.")]
    told: int
    members: int
    words: str


class RestorePoint(Told, frozen=True):
    """A state that can be restored."""

    seq: int
    base: int
    generation: int
    time: Seconds
    schema: int


class RestorePoints(Told, frozen=True):
    """All restore points, newest first."""

    points: list[RestorePoint]


class Snapshot(Told, frozen=True):
    """A snapshot is at the cloud."""

    seq: int


class Setting(Told, frozen=True):
    """One setting."""

    name: str
    value: Value
    default: Value
    meaning: str


class Settings(Told, frozen=True):
    """All settings, by name."""

    settings: list[Setting]


class ChangedSettings(Asked, frozen=True):
    """Settings to change, all or none."""

    values: Annotated[
        dict[str, Value | None],
        msgspec.Meta(min_length=1, max_length=100, description="Name to value; null is the default."),
    ]


class AuditEvent(Told, frozen=True):
    """One thing that was done."""

    number: int
    time: Seconds
    actor: str
    action: str
    subject: str
    outcome: str
    details: Annotated[str, msgspec.Meta(description="JSON, or empty.")]
    hash: Hex


class AuditEvents(Told, frozen=True):
    """A page of the audit log, newest first."""

    events: list[AuditEvent]
    next_page_token: str


class AuditFilter(Asked, frozen=True):
    """Which events of the audit log: those that all of it fits."""

    action: Annotated[str, msgspec.Meta(max_length=128, description="Only actions that begin so.")] = ""
    actor: Annotated[
        str, msgspec.Meta(max_length=128, description="Only actors that begin so: `token:` is all tokens.")
    ] = ""
    outcome: Annotated[
        str,
        msgspec.Meta(
            max_length=128, description="Only this one: `ok`, a reason, or `failed` for all but ok."
        ),
    ] = ""
    since: Annotated[
        int, msgspec.Meta(ge=0, le=2**53, description="Only from this second on; seconds since 1970.")
    ] = 0
    until: Annotated[
        int, msgspec.Meta(ge=0, le=2**53, description="Only before this second; 0 is without an end.")
    ] = 0


class ListingAudit(AuditFilter, frozen=True):
    """Which events, and which page of them."""

    page_size: PageSize = 0
    page_token: PageToken = ""


class AuditVerified(Told, frozen=True):
    """How far the chain is whole."""

    verified: int
    broken_at: Annotated[int, msgspec.Meta(description="The first event that does not fit; 0: all do.")]
