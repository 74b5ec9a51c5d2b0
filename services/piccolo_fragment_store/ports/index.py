"""The index of what the files say."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

from piccolo_fragment_store.core.circle import Standing
from piccolo_fragment_store.core.fragment import Fragment, Incoming, Kept, Key, Place, State
from piccolo_fragment_store.core.order import Marks


@dataclass(frozen=True, slots=True)
class OwnerUsage:
    """What one owner keeps here: fragments of all states, bytes of their blocks, bytes of disk they cost."""

    owner: bytes
    fragments: int
    size: int
    charge: int


class Index(Protocol):
    """What the files say, quickly. It can always be rebuilt, so its writes need not survive a power cut."""

    def kept(self, key: Key) -> Kept:
        """Everything known of a key."""

    def put_whole(self, whole: Fragment) -> None:
        """Remembers a whole fragment."""

    def put_incoming(self, incoming: Incoming) -> None:
        """Remembers a half-written fragment."""

    def drop_whole(self, key: Key) -> None:
        """Forgets a whole fragment; its marks stay."""

    def drop_incoming(self, key: Key) -> None:
        """Forgets a half-written fragment."""

    def put_marks(self, marks: Mapping[Key, Marks]) -> None:
        """Remembers marks."""

    def page(self, owner: bytes, after: bytes, count: int) -> list[bytes]:
        """The ids of an owner's fragments, whole or not, that are greater than `after`, in order."""

    def usage(self) -> list[OwnerUsage]:
        """What each owner keeps."""

    def counts(self) -> Mapping[State, int]:
        """How many whole fragments there are in each state."""

    def damaged(self) -> int:
        """How many whole fragments are known to be damaged."""

    def damaged_of(self, owner: bytes, count: int) -> list[bytes]:
        """The ids of an owner's damaged fragments, but for the trash, in order, so many at most."""

    def next_whole(self, after: Key) -> Fragment | None:
        """The first whole fragment, of any owner and state, whose key is greater than `after`."""

    def aging(self, place: Place, before: int, after: Key, count: int) -> list[Fragment]:
        """Fragments of a place (the trash: of its day) that came there at or before a running time.

        In the order of keys, those greater than `after`.
        """

    def incoming_before(self, before: int, count: int) -> list[Incoming]:
        """Half-written fragments that were last written to at or before a running time."""

    def inventory(self, owner: bytes) -> int | None:
        """When an owner last listed all its fragments."""

    def put_inventory(self, owner: bytes, now: int) -> None:
        """Remembers that."""

    def device_since(self, owner: bytes, certificate: bytes, now: int) -> int:
        """Since when the device of this vault's certificate is known here; `now` when it was not known."""

    def knows_devices(self, owner: bytes) -> bool:
        """Whether any device of an owner is known here."""

    def standing_since(self, owner: bytes, standing: Standing, now: int) -> int:
        """Since when an owner's standing is known here to be this one; `now` when it was another."""

    def trash_charge(self, owner: bytes) -> int:
        """Bytes of disk that an owner is charged for in the trash."""

    def replace(self, owner: bytes, wholes: Iterable[Fragment], incoming: Iterable[Incoming]) -> None:
        """Forgets all fragments of an owner and remembers these, in one transaction."""

    @property
    def trusted(self) -> bool:
        """Whether it was closed in order, and so agrees with the files."""

    def trust(self) -> None:
        """Says that it agrees with the files now."""
