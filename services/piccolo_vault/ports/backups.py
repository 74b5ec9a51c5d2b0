"""What the keys ask of metadata: the backup, operations, the audit log, and values that travel along."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from piccolo_vault.core.keys.witnesses import Log

MEMORY_AWAY = "MEMORY_AWAY"
"""The reason of a failure to ask this device's metadata: it tells nothing of the cloud."""
Progress = Callable[[str, int, int], Awaitable[None]]
"""Tells how far a restore is: phase in words, bytes done, bytes in all (0: unknown)."""


@dataclass(frozen=True, slots=True)
class BackupState:
    """How the backup stands.

    `head` is Signed("head") without countersignature, empty when there is none; `fenced_by` is the header,
    Signed("entry"), of an entry by the generation that fenced this device, empty when it was not read.
    """

    enabled: bool
    fenced: bool
    fenced_by: bytes
    head: bytes
    seq: int


@dataclass(frozen=True, slots=True)
class SealedBodyKey:
    """A sealed body key and the entry that it belongs to."""

    generation: int
    seq: int
    sealed: bytes


OpenKeys = Callable[[Sequence[SealedBodyKey]], list[bytes]]


@dataclass(frozen=True, slots=True)
class RestoredMemory:
    """What a restore brought. Times in seconds since 1970."""

    seq: int
    generation: int
    confirmed_until: int
    device_until: int
    files: int


@dataclass(frozen=True, slots=True)
class Pruning:
    """What the locator key signs so that its log loses the entries before one; 0: nothing is to go."""

    locator: bytes
    before: int
    nonce: bytes


@dataclass(frozen=True, slots=True)
class Work:
    """Where an operation stands. `error`: (reason, message) of a failure; `result`: JSON of a success."""

    phase: str = ""
    done: int = 0
    total: int = 0
    result: str = ""
    error: tuple[str, str] | None = None
    cancelled: bool = False


class Backups(Protocol):
    """Metadata's backup. Every method may raise PiccoloError UNAVAILABLE or TIMEOUT: MEMORY_AWAY when it is
    metadata that does not answer, another reason when the cloud does not."""

    async def backup_key(self) -> bytes:
        """Returns metadata's signing key, 32 bytes."""

    async def delegate(self, delegation: bytes) -> None:
        """Stores the locator's delegation."""

    async def status(self) -> BackupState:
        """Returns how the backup stands."""

    def watch(self) -> AsyncIterator[BackupState]:
        """Yields the status now and at every change, until the connection ends."""

    async def countersign(self, head: bytes) -> None:
        """Stores the head with the locator's signature."""

    async def restore(
        self, delegation: bytes, seq: int, open_keys: OpenKeys, progress: Progress
    ) -> RestoredMemory:
        """Replaces an empty memory by the backup.

        Raises PiccoloError NOT_FOUND when there is no log, and what metadata says otherwise.
        """

    async def trace(self, delegation: bytes, seqs: Sequence[int]) -> Log:
        """Returns what the log that this memory stands on has at these places; seq 0: it stands on none.

        Without places the cloud is not asked. When the time is over, metadata is TIMEOUT (MEMORY_AWAY),
        although it may be the cloud that it waits for.
        Raises PiccoloError DATA_LOSS (CHAIN_BROKEN) when the cloud shows another history than before.
        """

    async def begin_rebuild(self) -> None:
        """Says that the empty memory is filled without a backup.

        Raises PiccoloError PRECONDITION (MEMORY_NOT_EMPTY).
        """

    async def begin_pruning(self) -> Pruning:
        """Returns what of the log is older than anybody needs, after all that stays was found whole.

        Raises PiccoloError DATA_LOSS (CHAIN_BROKEN, FORK) when it is not.
        """

    async def prune(self, asked: Pruning, signature: bytes) -> int:
        """Deletes that by the locator key's signature; returns how many entries went."""

    async def append_claim(self, claim: bytes, delegation: bytes) -> None:
        """Creates the claim in the log.

        Raises PiccoloError FENCED with the detail "generation" when the log has a higher or the same one.
        """


OWNER_STATE = ("vault", "owner")
"""Namespace and key under which the memory says whose it is: a restored one is recognised by it."""
BUNDLE_STATE = ("attestation", "bundle")
"""Namespace and prefix of attestation's circle bundle, which is in one piece or in several, in key order."""


class Remembers(Protocol):
    """What metadata remembers for the keys. Every method may raise PiccoloError UNAVAILABLE."""

    async def state(self, namespace: str, key: str) -> bytes | None:
        """Returns a value, None when there is none."""

    async def pieces(self, namespace: str, prefix: str) -> dict[str, bytes]:
        """Returns all values whose key begins so."""

    async def set_state(self, namespace: str, key: str, value: bytes) -> None:
        """Writes a value, which travels in the backup."""

    async def start_operation(self, kind: str, unit: str) -> str:
        """Records new work; returns its id."""

    async def running(self, kind: str) -> list[str]:
        """Returns the ids of operations of that kind that have not ended."""

    async def advance(self, operation: str, work: Work) -> bool:
        """Records progress or the end; returns whether somebody asked for an end.

        Raises PiccoloError NOT_FOUND when the operation is not known (any more), PRECONDITION when it has
        ended.
        """

    async def audit(self, action: str, subject: str, outcome: str, details: str) -> None:
        """Adds an event, done by this service on the owner's behalf."""
