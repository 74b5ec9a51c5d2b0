"""Which packs are written anew, and together with which.

Rules:
* A pack is sparse when less than half of its bytes is still kept, and small when what is kept would leave
  most of a pack empty: one that closed with few files, because nobody else wrote then.
* Packs are joined into new ones. Joining pays when it frees half of their bytes, or when it makes one pack of
  at least four, none of which is more than half of it. So what is kept is copied at most once each time that
  half of its neighbours went, and once each time that its pack doubles, and compaction comes to an end.
* What pays most comes first: the most bytes freed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from piccolo_formats.segments import padme
from piccolo_formats.stripes import PACK_SIZE_LIMIT

from piccolo_vault.core.storage.packing import MOST_FILES

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

SMALL_BYTES = PACK_SIZE_LIMIT // 4
FEWEST_JOINED = 4


class Used(Protocol):
    """What is known of a pack: so many versions are kept, so many of its `size` bytes."""

    @property
    def object_id(self) -> bytes:
        """The pack."""

    @property
    def size(self) -> int:
        """Its bytes, padding included."""

    @property
    def files(self) -> int:
        """Versions in it that are kept."""

    @property
    def bytes(self) -> int:
        """Their sealed bytes."""


@dataclass(frozen=True, slots=True)
class Group:
    """Packs that are joined into one."""

    object_ids: tuple[bytes, ...]
    size: int
    kept: int
    largest: int

    @property
    def freed(self) -> int:
        """Bytes that are kept no more, afterwards."""
        return self.size - padme(self.kept)

    @property
    def pays(self) -> bool:
        """Whether it is worth the copying."""
        doubles = 2 * self.largest <= self.kept
        return 2 * self.freed >= self.size or (doubles and len(self.object_ids) >= FEWEST_JOINED)


def wants_company(pack: Used) -> bool:
    """Returns whether a pack is sparse or small. One that nothing is kept of is simply buried."""
    return pack.files > 0 and (2 * pack.bytes < pack.size or pack.bytes <= SMALL_BYTES)


def groups(packs: Iterable[Used]) -> list[Group]:
    """Returns what is to be joined, the most worthwhile first."""
    found: list[Group] = []
    # in order of size: small ones fill a pack together, and none that is larger than all of them is copied
    row: list[Used] = []
    for pack in sorted(filter(wants_company, packs), key=lambda one: (one.bytes, one.object_id)):
        if row and (not _fit([*row, pack]) or (_group(row).pays and pack.bytes > _group(row).kept)):
            found.append(_group(row))
            row = []
        row.append(pack)
    found += [_group(row)] if row else []
    return sorted((each for each in found if each.pays), key=lambda one: one.freed, reverse=True)


def _fit(row: Sequence[Used]) -> bool:
    return sum(one.bytes for one in row) <= PACK_SIZE_LIMIT and sum(one.files for one in row) <= MOST_FILES


def _group(row: Sequence[Used]) -> Group:
    kept = [one.bytes for one in row]
    return Group(tuple(one.object_id for one in row), sum(one.size for one in row), sum(kept), max(kept))
