"""The roots of the circle's owners: which one is in force, and which device each may still vouch for.

Rules:
* A successor hands over from one root to the next. It is signed by both, and by the vault of the device in
  force: words alone, whoever holds them, make none.
* It is taken from the device in force only. Whoever claimed a higher generation by the old words before was
  heard first, and a member that knows of that one refuses the successor.
* What a roster names, the admins have judged so: then the roots' own signatures are enough, for the device
  that made the successor may be forgotten by now.
* A root that was succeeded vouches for the devices up to the successor's generation, and for nothing later.
* No root comes back, and the epoch of the words rises with each: so every line of roots has an end.
* The roots run ahead of the roster by a few at most: their number grows no faster than the rosters'.
* What only a rival roster rests on is kept beside the others: it proves that roster again, and no more while
  another root is believed.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from functools import cached_property
from itertools import pairwise

from piccolo_formats.errors import FormatError
from piccolo_formats.lineage import follow, open_successor
from piccolo_formats.records.device import Device
from piccolo_formats.records.generations import Successor
from piccolo_formats.records.roster import Member, MemberState, Roster
from piccolo_formats.signed import Signed

from piccolo_attestation.core import judging
from piccolo_attestation.core.judging import judged

_AHEAD = 8


class _Offered:
    """Successors that came with a bundle: read when a roster rests on some, and once."""

    def __init__(self, records: Iterable[bytes]) -> None:
        self._records = tuple(records)

    @cached_property
    def read(self) -> tuple[Signed[Successor], ...]:
        return tuple(readable for data in self._records if (readable := _readable(data)))


class Roots:
    """The successors that are believed, and those that a roster may prove."""

    def __init__(self, held: Iterable[Signed[Successor]] = (), offered: Iterable[bytes] = ()) -> None:
        self._held = {(each.record.owner, each.record.old_root): each for each in held}
        self._offered = _Offered(offered)
        self._beside: tuple[Signed[Successor], ...] = ()

    def __iter__(self) -> Iterator[Signed[Successor]]:
        """Those that are believed, in an order that everybody has."""
        return iter(sorted(self._held.values(), key=lambda each: (each.record.owner, each.record.kek_epoch)))

    @property
    def beside(self) -> Iterator[Signed[Successor]]:
        """Those that a rival roster rests on and that are not believed."""
        return (each for each in self._beside if not self.holds(each))

    def offering(self, records: Iterable[bytes]) -> Roots:
        """The same, and records that a roster which comes with them may prove."""
        more = Roots(self._held.values(), records)
        more._beside = self._beside
        return more

    def keeping(self, beside: Iterable[Signed[Successor]]) -> Roots:
        """The same, and these beside what is believed: rival rosters rest on them."""
        more = self.taking()
        more._beside = tuple({each.record_hash(): each for each in beside}.values())
        return more

    def named(self, signed: Signed[Successor]) -> bool:
        """Whether a rival roster rests on it: a majority of the admins has judged it."""
        return any(each.record_hash() == signed.record_hash() for each in self._beside)

    def after(self, owner: bytes, root: bytes) -> list[Signed[Successor]]:
        """The believed successors that lead on from this root, in order."""
        return follow(owner, root, self._held.values())

    def newest(self, member: Member) -> bytes:
        """The root in force: the roster's, or one that succeeded it."""
        later = self.after(member.owner, member.root)
        return later[-1].record.new_root if later else member.root

    def ahead(self, member: Member, named: Collection[bytes]) -> int:
        """How many roots have followed on the last of a member's that a roster names."""
        later = [each.record.new_root for each in self.after(member.owner, member.root)]
        last = max((place for place, root in enumerate(later, 1) if root in named), default=0)
        return len(later) - last

    def line(self, member: Member) -> tuple[bytes, ...]:
        """All roots of a member that are known, oldest first."""
        before = {step.new_root: step for step in self._steps(member.owner)}
        root, last = member.root, before.get(member.root)
        while last is not None:
            root, epoch = last.old_root, last.kek_epoch
            last = before.get(root)
            if last is not None and last.kek_epoch >= epoch:
                break
        return (root, *(each.record.new_root for each in self.after(member.owner, root)))

    def proof(self, owner: bytes, old: bytes, new: bytes) -> list[Signed[Successor]]:
        """The successors, believed or not, that lead from one root to another; empty when none do."""
        known = (*self._held.values(), *self._beside, *self._offered.read)
        steps: dict[bytes, Signed[Successor]] = {}
        for each in sorted((each for each in known if each.record.owner == owner), key=_place):
            said, before = each.record, steps.get(each.record.old_root)
            if said.old_root == old or (before is not None and before.record.kek_epoch < said.kek_epoch):
                steps.setdefault(said.new_root, each)
        path: list[Signed[Successor]] = []
        while new != old and (step := steps.get(new)) is not None:
            path.insert(0, step)
            new = step.record.old_root
        return path

    def paths(self, before: Roster, after: Roster) -> Iterator[tuple[Member, list[Signed[Successor]]]]:
        """The members whose root another roster changes, and what leads to the new one."""
        for old in before.members:
            new = after.member(old.owner)
            if new is not None and new.root != old.root:
                yield new, self.proof(old.owner, old.root, new.root)

    def taking(self, *successors: Signed[Successor]) -> Roots:
        """The same, and these."""
        more = Roots((*self._held.values(), *successors))
        more._offered, more._beside = self._offered, self._beside
        return more

    def following(self, member: Member, path: Iterable[Signed[Successor]]) -> Roots:
        """The same, and what leads to the root that a roster names now; what led elsewhere is dropped."""
        more = self.taking(*path)
        steps = set(pairwise(more.line(member)))
        more._held = {
            key: each
            for key, each in more._held.items()
            if key[0] != member.owner or (each.record.old_root, each.record.new_root) in steps
        }
        return more

    def holds(self, signed: Signed[Successor]) -> bool:
        """Whether it is believed already."""
        known = self._held.get((signed.record.owner, signed.record.old_root))
        return known is not None and known.record_hash() == signed.record_hash()

    def continued(self, device: Device) -> int:
        """The generation whose very device goes on in this one under new words; 0 when it is another's.

        The old device's vault has signed for the new root, and this one's has the same key.
        """
        for each in self._held.values():
            said = each.record
            same = (said.owner, said.new_root) == (device.owner, device.root)
            if same and device.signing.vault in each.signers and device.generation == said.generation + 1:
                return said.generation
        return 0

    def epoch(self, owner: bytes, root: bytes) -> int:
        """The epoch of the words of a root, as far as a believed successor tells it; else 0."""
        return max((step.kek_epoch for step in self._steps(owner) if step.new_root == root), default=0)

    def _steps(self, owner: bytes) -> list[Successor]:
        return [each.record for each in self._held.values() if each.record.owner == owner]

    def check_vouched(self, member: Member, device: Device) -> None:
        """Raises PiccoloError RECORD_FORGED, or RECORD_OLD when another root had taken over by then."""
        if device.root not in self.line(member):
            raise judging.forged("The device certificate names a root that is not its owner's.")
        ended = self._held.get((member.owner, device.root))
        if ended is not None and device.generation > ended.record.generation:
            raise judging.rollback("Its owner has new words; the old ones vouch for no device any more.")


def check_next_root(
    member: Member | None, roots: Roots, said: Successor, named: Collection[bytes] = ()
) -> None:
    """Raises PiccoloError unless this hands over the root in force to one that was never the owner's.

    `named`: the owner's roots in rosters that are known. RECORD_OLD: another root is in force; RECORD_EARLY:
    what it rests on is not known yet, or the roster is too far behind.
    """
    if member is None:
        raise judging.foreign("The successor's owner is not in the roster.")
    line = roots.line(member)
    if roots.newest(member) != said.old_root:
        if said.old_root in line:
            raise judging.rollback("Another root has succeeded that one.")
        raise judging.out_of_order("The root that is succeeded is not known here.")
    if said.new_root in line:
        raise judging.rollback("That root was its owner's before, and was left behind.")
    if said.kek_epoch <= roots.epoch(member.owner, said.old_root):
        raise judging.rollback("The epoch of the words does not rise with this successor.")
    if roots.ahead(member, named) >= _AHEAD:
        raise judging.out_of_order("The roster has to name one of the roots before first.")


def check_maker(member: Member, signed: Signed[Successor], device: Device) -> None:
    """Raises PiccoloError unless the owner's device in force made this successor.

    RECORD_OLD: a newer device is in force; RECORD_EARLY: it is not known yet; RECORD_FORGED: this device did
    not sign it, or was cut off.
    """
    said = signed.record
    if device.generation > said.generation:
        raise judging.rollback("A newer device of this owner has taken over before.")
    if device.generation < said.generation:
        raise judging.out_of_order("The device that made the successor is not known here.")
    lost = member.state is MemberState.COMPROMISED and not 0 < member.recovered <= device.generation
    if lost or device.signing.vault not in signed.signers:
        raise judging.forged("The successor is not the word of its owner's device.")


def read_successor(data: bytes) -> Signed[Successor]:
    """A successor that both roots have signed. Raises PiccoloError RECORD_FORGED or RECORD_MALFORMED."""
    with judged("The successor"):
        return open_successor(data)


def _place(signed: Signed[Successor]) -> tuple[int, bytes]:
    return signed.record.kek_epoch, signed.record_hash()


def _readable(data: bytes) -> Signed[Successor] | None:
    try:
        return open_successor(data)
    except FormatError:
        return None
