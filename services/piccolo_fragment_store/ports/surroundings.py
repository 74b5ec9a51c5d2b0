"""Everything around the fragments: threads, time, keys, the circle."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from typing import ParamSpec, Protocol, TypeVar

from piccolo_fragment_store.core.circle import Circle
from piccolo_fragment_store.core.fences import Promised
from piccolo_fragment_store.core.heads import Head
from piccolo_fragment_store.core.scrubbing import Round

P = ParamSpec("P")
T = TypeVar("T")


class Workers(Protocol):
    """Threads for what blocks."""

    async def run(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Runs a function in a thread. Cancelling the wait does not stop it."""

    def start(self, work: Callable[P, object], *args: P.args, **kwargs: P.kwargs) -> None:
        """The same, without waiting; a failure is logged."""


class Promises(Protocol):
    """What was promised to each owner."""

    def get(self, owner: bytes) -> Promised | None:
        """What was promised to an owner."""

    def put(self, owner: bytes, promised: Promised) -> None:
        """Promises."""


class Heads(Protocol):
    """What was kept of each owner's backup log."""

    def get(self, owner: bytes) -> Sequence[Head]:
        """An owner's heads, newest first."""

    def put(self, owner: bytes, heads: Sequence[Head]) -> None:
        """Keeps these heads."""


class Clock(Protocol):
    """Time."""

    def wall(self) -> int:
        """Seconds since 1970; informs, and decides nothing."""

    def running(self) -> int:
        """Seconds of running time that were written down."""

    def settled(self) -> bool:
        """Whether anything may be deleted by its age now."""

    def tick(self) -> None:
        """Writes down how time has passed."""


class Signer(Protocol):
    """This process's own Ed25519 key."""

    @property
    def public(self) -> bytes:
        """The public key, 32 bytes."""

    def sign(self, message: bytes) -> bytes:
        """The signature over a message, 64 bytes."""


class CircleStore(Protocol):
    """The circle as it was last heard of, for a start without attestation."""

    def load(self) -> Circle | None:
        """The circle; None when it was never heard of, or cannot be read."""

    def save(self, circle: bytes) -> None:
        """Keeps it, as the wire carries it."""


class ScrubNotes(Protocol):
    """How far the scrub is, for the next start."""

    def load(self) -> Round | None:
        """The round as it was saved; None when there is none that can be read."""

    def save(self, round_: Round) -> None:
        """Keeps it, durably."""


class Trust(Protocol):
    """The attestation service."""

    async def register(self, endpoint: str, offer_bytes: int) -> None:
        """Tells this process's public keys, where peers reach it, and how many bytes it offers."""

    def watch(self) -> AsyncIterator[tuple[Circle, bytes]]:
        """The circle now and at each change, with its bytes for the `CircleStore`. Ends only by an error."""

    async def adopt(self, device: bytes, claim: bytes, successors: Sequence[bytes]) -> None:
        """Admits a newer generation of a member's device, by its Signed("device") and Signed("claim").

        Each Signed("successor"), oldest first, leads to the root that signed both.
        The claim travels on to the device that is replaced, which learns by it who took over.
        """
