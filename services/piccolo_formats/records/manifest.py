"""What is needed to find and read a file version: content and layout (section 6)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, ClassVar

from piccolo_formats.errors import FormatError
from piccolo_formats.fek import ID_SIZE, Scope
from piccolo_formats.records import shapes as s
from piccolo_formats.records.codec import Record, key
from piccolo_formats.segments import SegmentPlan
from piccolo_formats.stripes import MAX_FRAGMENTS, StripePlan, check_k_m

ROOT_SIZE = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Content(Record):
    """What a file version's plaintext is. Its MAC is Fek.mac over to_record()."""

    TYPE: ClassVar[str] = "content"

    suite: s.Suite
    file_id: s.Id = field(metadata=key("file"))
    version_id: s.Id = field(metadata=key("version"))
    size: s.U64
    segment_size: s.U32
    segments: s.Count
    commitment: s.Hash

    @property
    def scope(self) -> Scope:
        """The scope under which the version is sealed."""
        return Scope(self.file_id, self.version_id)

    def plan(self, *, packed: bool) -> SegmentPlan:
        """Return the cut into segments, of which a file in a pack has one, and no padding.

        Raises FormatError (`content-segments`) when the record's number of segments is another.
        """
        plan = self._cut(padded=not packed)
        if plan.count != self.segments or (packed and plan.count != 1):
            raise FormatError("content-segments", "the content's number of segments contradicts its size")
        return plan

    def check(self) -> None:
        """Raise FormatError unless the number of segments is that of a lone or a packed file of this size."""
        if self.segments not in (self._cut(padded=True).count, self._cut(padded=False).count):
            raise FormatError("content-segments", "the content's number of segments contradicts its size")

    def _cut(self, *, padded: bool) -> SegmentPlan:
        return SegmentPlan(self.size, self.segment_size, padded=padded)


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout(Record):
    """An object's fragments and their keepers: signed by the device, so that a locked one can repair."""

    TYPE: ClassVar[str] = "layout"

    suite: s.Suite
    owner: s.OwnerId
    object_id: s.Id = field(metadata=key("object"))
    epoch: s.Epoch
    generation: s.Count
    seq: s.Count
    k: s.U8
    m: s.U8
    size: s.Count
    stripe_size: s.U32
    fragments: Annotated[bytes, s.Bytes(ID_SIZE, ID_SIZE * MAX_FRAGMENTS)]
    roots: Annotated[bytes, s.Bytes(ROOT_SIZE, ROOT_SIZE * MAX_FRAGMENTS)]
    keepers: Annotated[tuple[s.OwnerId | None, ...], MAX_FRAGMENTS]

    def plan(self) -> StripePlan:
        """Return the cut into stripes and blocks."""
        return StripePlan(self.size, self.stripe_size, self.k)

    def fragment_id(self, index: int) -> bytes:
        """Return the id of fragment `index`."""
        self._check_index(index)
        return self.fragments[index * ID_SIZE : (index + 1) * ID_SIZE]

    def root(self, index: int) -> bytes:
        """Return the Merkle root of fragment `index`."""
        self._check_index(index)
        return self.roots[index * ROOT_SIZE : (index + 1) * ROOT_SIZE]

    def check(self) -> None:
        """Raise FormatError when k, m and the lists contradict each other, or an id is there twice."""
        check_k_m(self.k, self.m)
        self.plan()
        if (len(self.fragments), len(self.roots)) != (self.m * ID_SIZE, self.m * ROOT_SIZE):
            raise FormatError("layout-lists", f"a layout of {self.m} fragments lists another number of them")
        if len(self.keepers) != self.m:
            raise FormatError(
                "layout-lists", f"a layout of {self.m} fragments names another number of keepers"
            )
        if len({self.fragment_id(index) for index in range(self.m)}) != self.m:
            raise FormatError("layout-lists", "a layout names a fragment twice")

    def _check_index(self, index: int) -> None:
        if not 0 <= index < self.m:
            raise FormatError("fragment-index", f"there is no fragment {index}: the layout has {self.m}")
