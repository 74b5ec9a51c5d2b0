"""The members' fragment-stores, as their client sees them.

Everything raises PiccoloError: UNAVAILABLE when a keeper cannot be reached, FULL when it takes no more,
NOT_FOUND for a
fragment it does not have. What it answers is not believed here: whoever asks, checks.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from piccolo_vault.core.circle import Member


class KeptState(Enum):
    """How firmly a keeper says it has a fragment."""

    ABSENT = "absent"
    INCOMING = "incoming"
    PROVISIONAL = "provisional"
    LIVE = "live"
    TRASH = "trash"
    DAMAGED = "damaged"


@dataclass(frozen=True, slots=True)
class Head:
    """What a keeper must know before the first byte; `expected_bytes` is reserved when known."""

    fragment_id: bytes
    block_size: int
    generation: int
    seq: int
    expected_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class Kept:
    """A fragment as its keeper tells of it. `generation`: of the device that touched it last; 0: not told."""

    fragment_id: bytes
    state: KeptState
    size: int
    root: bytes
    generation: int = 0


@dataclass(frozen=True, slots=True)
class PutAnswer:
    """Blocks that survive a power cut; at the end the receipt. `leaves_digest` on the first answer only."""

    durable_blocks: int
    leaves_digest: bytes = b""
    receipt: bytes = b""


@dataclass(frozen=True, slots=True)
class Blocks:
    """Blocks that a keeper sent, unchecked: messages of whole blocks, and what ties them to a root."""

    block_size: int
    last_block_size: int
    total_blocks: int
    leaves: bytes
    proof: bytes
    messages: tuple[bytes | memoryview, ...]


@dataclass(frozen=True, slots=True)
class Room:
    """What a keeper says of its space for this owner, and Signed("notice") records that still hold.

    Attributes:
        full: whether it takes no new fragments of this owner.
        free_bytes: what it would still take.
        notices: what it announces.
        damaged: ids of this owner's fragments of which it found bytes that are not as they were written.
        owner_bytes: what this owner has there, the trash included.
        share_bytes: what this owner is sure of there.
        beyond_bytes: what this owner is asked to move away while a notice holds.
        offer_bytes: what it gives to the circle.
        used_bytes: how much of that is taken.
    """

    full: bool
    free_bytes: int
    notices: tuple[bytes, ...] = ()
    damaged: tuple[bytes, ...] = ()
    owner_bytes: int = 0
    share_bytes: int = 0
    beyond_bytes: int = 0
    offer_bytes: int = 0
    used_bytes: int = 0


class PutStream(Protocol):
    """A fragment on its way. The first answer says how far the keeper has it already."""

    async def send(self, blocks: Sequence[memoryview]) -> None:
        """Sends whole blocks; returns when there is room for more."""

    async def checkpoint(self) -> None:
        """Asks the keeper to make durable what it has."""

    async def finish(self, blocks: int, root: bytes) -> None:
        """Says that the fragment is whole."""

    async def answer(self) -> PutAnswer | None:
        """Returns the keeper's next answer, None after its last."""

    def close(self) -> None:
        """Ends the stream at once; what is durable stays. Safe to call again."""


class Keeper(Protocol):
    """One member's fragment-store."""

    async def store(self, head: Head, blocks: bytes, root: bytes, record: bytes) -> bytes:
        """Keeps and commits a whole fragment; returns the receipt."""

    def put(self, head: Head, resume_at: int | None = None) -> PutStream:
        """Begins or resumes a fragment. Failures show in the stream."""

    async def commit(self, fragment_id: bytes, root: bytes, record: bytes) -> bytes:
        """Commits a whole fragment; returns the receipt."""

    async def get(self, fragment_id: bytes, first_block: int, blocks: int, limit: int) -> Blocks:
        """Returns blocks; refuses more than `limit` bytes of them (PiccoloError INTERNAL, KEEPER_WRONG)."""

    async def stat(self, fragment_ids: Sequence[bytes]) -> Sequence[Kept]:
        """Returns the fragments' states, in the order asked."""

    async def put_record(self, fragment_id: bytes, record: bytes) -> None:
        """Replaces a live fragment's commit record by a newer one."""

    async def bury(self, tombstone: bytes) -> None:
        """Hands over the owner root's signed wish to delete."""

    async def unbury(self, undelete: bytes) -> Sequence[bytes]:
        """Hands over the owner root's signed wish to undelete; returns the fragments that are gone."""

    async def list_mine(self, page_token: str) -> tuple[Sequence[Kept], str]:
        """Returns a page of this owner's fragments and the next page's token, "" after the last."""

    async def records(self, fragment_ids: Sequence[bytes]) -> Sequence[tuple[bytes, bytes]]:
        """Returns (fragment id, commit record) of live fragments.

        Perhaps not of all, ask again for the rest.
        """

    async def room(self, wanted: int = 0) -> Room:
        """Returns what the keeper says of its space.

        `wanted`: bytes that would have been put there, had there been room; those that owe it are asked then.
        """


class Keepers(Protocol):
    """Reaches members; one connection each is kept."""

    def keeper(self, member: Member) -> Keeper:
        """Returns the member's fragment-store as it is dialled now."""
