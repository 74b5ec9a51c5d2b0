"""Who the owner's device is now: claims, promises and successors (section 9)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from piccolo_formats.errors import FormatError
from piccolo_formats.records import shapes as s
from piccolo_formats.records.codec import Record


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim(Record):
    """The owner root's word that this device (its record's hash) is the owner's from this generation on."""

    TYPE: ClassVar[str] = "claim"

    circle: s.Id
    owner: s.OwnerId
    generation: s.Count
    device: s.Hash
    time: s.U64


@dataclass(frozen=True, slots=True, kw_only=True)
class Promise(Record):
    """A keeper's word to serve this generation's device and no older one; by its fragment-store role key."""

    TYPE: ClassVar[str] = "promise"

    circle: s.Id
    keeper: s.OwnerId
    owner: s.OwnerId
    generation: s.Count
    device: s.Hash
    time: s.U64


@dataclass(frozen=True, slots=True, kw_only=True)
class Successor(Record):
    """A rotated owner root, signed by the old root, the new root and the vault role key.

    `exposed`: strangers may know the words of the old root, so what these open is to be sealed anew. False
    says nothing: successors were made before there was this mark.
    """

    TYPE: ClassVar[str] = "successor"

    owner: s.OwnerId
    old_root: s.PublicKey
    new_root: s.PublicKey
    kek_epoch: s.Epoch
    generation: s.Count
    time: s.U64
    exposed: s.Marked = False

    def check(self) -> None:
        """Raise FormatError when nothing is succeeded."""
        if self.old_root == self.new_root:
            raise FormatError("successor-roots", "a successor is another root than its predecessor")
