"""The roots of the circle's owners: which one is in force, and which device each may still vouch for.

Rules:
* A successor hands over from one root to the next. It is signed by both, and by the vault of the device in
  force: words alone, whoever holds them, make none.
* It is taken from the device in force only. Whoever claimed a higher generation by the old words before was
  heard first, and a member that knows of that one refuses the successor.
* What a roster names, the admins have judged so: then the roots' own signatures are enough, for the device
  that made the successor may be forgotten by now.
* A root that was succeeded vouches for the devices up to the successor's generation, and for nothing later.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from piccolo_formats.errors import FormatError
from piccolo_formats.lineage import follow, open_successor
from piccolo_formats.records.device import Device
from piccolo_formats.records.generations import Successor
from piccolo_formats.records.roster import Member, MemberState
from piccolo_formats.signed import Signed

from piccolo_attestation.core import judging
from piccolo_attestation.core.judging import judged


class Roots:
    """The successors that are believed, and those that a roster may prove."""

    def __init__(self, held: Iterable[Signed[Successor]] = (), offered: Iterable[bytes] = ()) -> None:
        self._held = {(each.record.owner, each.record.old_root): each for each in held}
        self._offered = tuple(filter(None, map(_readable, offered)))

    def __iter__(self) -> Iterator[Signed[Successor]]:
        """Those that are believed, in an order that everybody has."""
        return iter(sorted(self._held.values(), key=lambda each: (each.record.owner, each.record.kek_epoch)))

    def offering(self, records: Iterable[bytes]) -> Roots:
        """The same, and records that a roster which comes with them may prove."""
        return Roots(self._held.values(), records)

    def after(self, owner: bytes, root: bytes) -> list[Signed[Successor]]:
        """The believed successors that lead on from this root, in order."""
        return follow(owner, root, self._held.values())

    def newest(self, member: Member) -> bytes:
        """The root in force: the roster's, or one that succeeded it."""
        later = self.after(member.owner, member.root)
        return later[-1].record.new_root if later else member.root

    def line(self, member: Member) -> tuple[bytes, ...]:
        """All roots of a member that are known, oldest first."""
        before = {each.record.new_root: each for each in self._held.values()}
        root = member.root
        while (step := before.get(root)) is not None and step.record.owner == member.owner:
            root = step.record.old_root
        return (root, *(each.record.new_root for each in self.after(member.owner, root)))

    def proof(self, owner: bytes, old: bytes, new: bytes) -> list[Signed[Successor]]:
        """The successors, believed or offered, that lead from one root to another; empty when none do."""
        path: list[Signed[Successor]] = []
        # the offered come last: what the roster names is the admins' word against what was heard first
        for each in follow(owner, old, (*self._held.values(), *self._offered)):
            path.append(each)
            if each.record.new_root == new:
                return path
        return []

    def taking(self, *successors: Signed[Successor]) -> Roots:
        """The same, and these."""
        more = Roots((*self._held.values(), *successors))
        more._offered = self._offered
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

    def check_vouched(self, member: Member, device: Device) -> None:
        """Raises PiccoloError RECORD_FORGED, or RECORD_OLD when another root had taken over by then."""
        if device.root not in self.line(member):
            raise judging.forged("The device certificate names a root that is not its owner's.")
        ended = self._held.get((member.owner, device.root))
        if ended is not None and device.generation > ended.record.generation:
            raise judging.rollback("Its owner has new words; the old ones vouch for no device any more.")


def check_successor(member: Member | None, roots: Roots, signed: Signed[Successor], device: Device) -> None:
    """Raises PiccoloError unless the owner's device in force hands its root over.

    RECORD_OLD: another root or a newer device is in force; RECORD_EARLY: what it rests on is not known yet;
    RECORD_FORGED: this device did not sign it, or was cut off.
    """
    said = signed.record
    if member is None:
        raise judging.foreign("The successor's owner is not in the roster.")
    if roots.newest(member) != said.old_root:
        if said.old_root in roots.line(member):
            raise judging.rollback("Another root has succeeded that one.")
        raise judging.out_of_order("The root that is succeeded is not known here.")
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


def _readable(data: bytes) -> Signed[Successor] | None:
    try:
        return open_successor(data)
    except FormatError:
        return None
