"""What this device may believe of its circle: a set of records, each judged before it changes anything.

Rules:
* Bytes come in, an immutable view goes out. Who brought a record does not matter; who signed it does.
* The first roster (epoch 1) is the anchor and never changes. A later one must follow the roster in force
  (`succession`); one that skips an epoch is early, one for an epoch left behind is old. Both change nothing.
* Two valid rosters for the epoch in force freeze the circle: none of the two is in force, the one before them
  is, and no further roster is taken. What was already followed by a further epoch is settled: a late rival of
  it is an old roster, so that a former admin cannot undo what came after it. Both that come in one bundle are
  judged before either is followed.
* A device certificate is the owner root's word. Only a higher generation replaces one. Several of one
  generation (devices that claimed it at once) stand side by side until the owner's next one. Replaced ones
  are remembered, so that a device that was replaced can still be told by whom (`holders`).
* A presence is signed by the attestation role key of a device that is in force, or was until one came
  that has not spoken yet; a higher (generation, seq) replaces it.
* A claim names a device that is in force and is signed by its owner root.
* An owner's root is the roster's, or the newest that succeeded it (`roots`). Of two devices that act at once,
  by new words and by the old, each member holds to what it heard first, until the roster says which it is.
* What is refused raises; nothing is half taken. Repetition changes nothing.

The order in which valid records come in does not matter, as long as early ones come again: everybody who has
heard the same records has the same view.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Self, TypeAlias

from piccolo_chassis.errors import PiccoloError
from piccolo_formats.device_record import open_device
from piccolo_formats.records.device import Device, Presence
from piccolo_formats.records.generations import Claim, Successor
from piccolo_formats.records.roster import Member, Roster
from piccolo_formats.signed import Signed, open_signed

from piccolo_attestation.core import bundle, judging, succession
from piccolo_attestation.core.holders import Holder, rank, remembered, spoken
from piccolo_attestation.core.judging import judged
from piccolo_attestation.core.roots import Roots, check_maker, check_next_root, read_successor

Statement: TypeAlias = (
    "Signed[Roster] | Signed[Successor] | Signed[Device] | Signed[Claim] | Signed[Presence]"
)


@dataclass(frozen=True, slots=True)
class Refusal:
    """A record that was not taken, and why."""

    type: str
    error: PiccoloError


class TrustedCircle:
    """The records of one circle that hold."""

    def __init__(self, first_roster: bytes) -> None:
        """Begins with the circle's first roster. Raises PiccoloError unless it is one."""
        with judged("The first roster"):
            signed = open_signed(Roster, first_roster)
        succession.check_first(signed)
        self._chain: list[Signed[Roster]] = [signed]
        self._rivals: tuple[Signed[Roster], ...] = ()
        self._holders: dict[bytes, tuple[Holder, ...]] = {}  # in force first, then replaced
        self.roots = Roots()

    @classmethod
    def from_bundle(cls, records: Iterable[bytes]) -> tuple[Self, list[Refusal]]:
        """Builds a circle from nothing but a bundle. Raises PiccoloError when it holds no first roster."""
        data = list(records)
        circle = cls(succession.first_of(bundle.ordered(data)))
        _, refusals = circle.merge(data)
        return circle, refusals

    def copy(self) -> TrustedCircle:
        """The same records, to be changed apart: what is not durable yet is not believed yet."""
        other = object.__new__(TrustedCircle)
        other._chain = list(self._chain)
        other._rivals = self._rivals
        other._holders = dict(self._holders)
        other.roots = self.roots
        return other

    @property
    def circle_id(self) -> bytes:
        """The circle's id, 16 bytes."""
        return self._chain[0].record.circle

    @property
    def anchor(self) -> bytes:
        """The hash of the circle's first roster, which never changes."""
        return self._chain[0].record_hash()

    @property
    def head(self) -> Signed[Roster]:
        """The roster in force."""
        return self._chain[-1]

    @property
    def frozen_epoch(self) -> int:
        """The epoch of which two valid rosters are known; 0 when all is well."""
        return self._rivals[0].record.epoch if self._rivals else 0

    def follows(self, roster_hash: bytes) -> bool:
        """Whether the roster of that hash is in force or was, on the way to the one that is."""
        return any(signed.record_hash() == roster_hash for signed in self._chain)

    def holders(self, owner: bytes) -> tuple[Holder, ...]:
        """The owner's devices in force: none, one, or several that claim the same generation."""
        known = self._holders.get(owner, ())
        return tuple(each for each in known if each.generation == known[0].generation)

    def replaced(self, owner: bytes) -> tuple[Holder, ...]:
        """The owner's devices that a device of a higher generation replaced."""
        known = self._holders.get(owner, ())
        return tuple(each for each in known if each.generation < known[0].generation)

    def presence(self, owner: bytes) -> Presence | None:
        """What an owner's devices said last of where they are."""
        known = self._holders.get(owner, ())
        return next((each.presence.record for each in known if each.presence is not None), None)

    def root(self, owner: bytes) -> bytes | None:
        """The owner root in force; None for somebody whom the roster does not name."""
        member = self._member(owner)
        return self.roots.newest(member) if member else None

    def records(self) -> list[bytes]:
        """Every record that is held, rosters first and in order."""
        return [signed.to_bytes() for signed in self._statements()]

    def rosters(self) -> list[bytes]:
        """The rosters, from the first to the one in force, and the successors of roots that they rest on: all
        that somebody may know who is no member yet."""
        return [signed.to_bytes() for signed in (*self._chain, *self.roots)]

    def hashes(self) -> set[bytes]:
        """The hashes of the records that are held."""
        return {signed.record_hash() for signed in self._statements()}

    def missing(self, have: Iterable[bytes]) -> list[bytes]:
        """The records that are held and not among `have`, which lists hashes or their beginnings."""
        known = frozenset(have)
        sizes = {len(hash_) for hash_ in known}
        return [
            signed.to_bytes()
            for signed in self._statements()
            if not any(signed.record_hash()[:size] in known for size in sizes)
        ]

    def merge(self, records: Iterable[bytes]) -> tuple[bool, list[Refusal]]:
        """Takes what holds of a bundle, in the order in which records rest on each other.

        Returns whether anything changed, and what was refused; old records are passed over in silence,
        because every peer that was away brings some.
        """
        changed, refusals = False, []
        held, entries = self.hashes(), bundle.ordered(records)
        self.roots = self.roots.offering(each.data for each in entries if each.type == "successor")
        for _, group in groupby(entries, key=lambda entry: (entry.type, entry.place)):
            before = self.head
            for entry in group:
                if entry.hash in held:
                    continue
                try:
                    changed |= self._take(entry.type, entry.data)
                except PiccoloError as refused:
                    if refused.reason != "RECORD_OLD":
                        refusals.append(Refusal(entry.type, refused))
            self._follow(before)
        return changed, refusals

    def _take(self, kind: str, data: bytes) -> bool:
        """Takes one record of that type; a device certificate of a lower generation is remembered, and does
        not come into force."""
        take = {
            "roster": self._take_roster,
            "successor": self.add_successor,
            "device": self._remember_device,
            "claim": self.add_claim,
            "presence": self.add_presence,
        }
        return take[kind](data)

    def add_roster(self, data: bytes) -> bool:
        """Takes a roster.

        Raises PiccoloError RECORD_FORGED, RECORD_MALFORMED, ROSTER_WRONG, RECORD_EARLY, RECORD_OLD or
        CIRCLE_FROZEN.
        """
        before = self.head
        changed = self._take_roster(data)
        self._follow(before)
        return changed

    def _take_roster(self, data: bytes) -> bool:
        with judged("The roster"):
            signed = open_signed(Roster, data)
        known = [each.record_hash() for each in (*self._chain, *self._rivals)]
        if signed.record_hash() in known:
            return False
        if signed.record.circle != self.circle_id:
            raise judging.foreign("The roster is of another circle.")
        if self._rivals:
            return self._add_rival(signed)
        epoch, head = signed.record.epoch, self.head
        if epoch == 1:
            raise judging.foreign("The circle began with another first roster.")
        if epoch < head.record.epoch:
            raise judging.rollback(f"Epoch {epoch} is over: the circle is in epoch {head.record.epoch}.")
        if epoch > head.record.epoch:
            succession.check_next(head, signed, self.roots)
            self._chain.append(signed)
            return True
        succession.check_next(self._chain[-2], signed, self.roots)
        self._chain.pop()
        self._contend(head, signed)
        return True

    def _add_rival(self, signed: Signed[Roster]) -> bool:
        if signed.record.epoch > self.frozen_epoch:
            raise judging.frozen(self.frozen_epoch)
        if signed.record.epoch < self.frozen_epoch:
            raise judging.rollback(f"Epoch {signed.record.epoch} is over.")
        succession.check_next(self.head, signed, self.roots)
        before = self._rivals
        self._contend(*before, signed)
        return self._rivals != before

    def _contend(self, *rivals: Signed[Roster]) -> None:
        """Keeps the rivals that everybody keeps, and what they rest on, so that they hold again later."""
        self._rivals = tuple(sorted(rivals, key=Signed.record_hash)[:2])
        paths = (path for each in self._rivals for _, path in self.roots.paths(self.head.record, each.record))
        self.roots = self.roots.keeping(each for path in paths for each in path)
        self._judge_anew(list(self._holders))

    def add_successor(self, data: bytes) -> bool:
        """Takes the successor of a root that is in force, by the device that is.

        Raises PiccoloError as `roots.check_next_root` and `roots.check_maker`, RECORD_MALFORMED.
        """
        signed = read_successor(data)
        if self.roots.holds(signed):
            return False
        owner = self._member(signed.record.owner)
        named = (roster.member(signed.record.owner) for roster in self._rosters())
        check_next_root(owner, self.roots, signed.record, [each.root for each in named if each])
        present = self.holders(signed.record.owner)
        if owner is not None and not self.roots.named(signed):
            if not present:
                raise judging.out_of_order("The device that made the successor is not known here.")
            check_maker(owner, signed, present[0].device.record)
        self.roots = self.roots.taking(signed)
        self._judge_anew([signed.record.owner])
        return True

    def _follow(self, before: Signed[Roster]) -> None:
        """Believes the successors that a new roster in force rests on; drops the devices that they end."""
        if self.head.record.epoch <= before.record.epoch:
            return
        for member, path in self.roots.paths(before.record, self.head.record):
            self.roots = self.roots.following(member, path)
            self._judge_anew([member.owner])

    def _judge_anew(self, owners: Iterable[bytes]) -> None:
        """Drops the devices that would not be let in as things are now."""
        for owner in owners:
            self._holders[owner] = remembered(filter(self._is_vouched, self._holders.get(owner, ())))

    def _is_vouched(self, holder: Holder) -> bool:
        try:
            self._judged_device(holder.device.to_bytes())
        except PiccoloError:
            return False
        return True

    def add_device(self, data: bytes) -> bool:
        """Takes a device certificate that is to come into force.

        Raises PiccoloError RECORD_FORGED, RECORD_MALFORMED, RECORD_FOREIGN, or RECORD_OLD when the owner has
        a device of a higher generation.
        """
        signed = self._judged_device(data)
        present = self.holders(signed.record.owner)
        generation = present[0].generation if present else 0
        if signed.record.generation < generation:
            raise judging.rollback(
                f"The owner has a device of generation {generation}, this one is {signed.record.generation}."
            )
        return self._hold(Holder(signed))

    def _remember_device(self, data: bytes) -> bool:
        return self._hold(Holder(self._judged_device(data)))

    def add_claim(self, data: bytes) -> bool:
        """Takes the claim of a device that is in force. Raises as `add_device`, and RECORD_EARLY."""
        with judged("The claim"):
            signed = open_signed(Claim, data)
        claim = signed.record
        holder = self._holder(claim.owner, claim.circle, claim.generation, "claim", device=claim.device)
        with judged("The claim"):
            signed.require(holder.device.record.root)
        before = holder.claim
        if before and before.record_hash() <= signed.record_hash():
            return False
        return self._replace(claim.owner, holder, replace(holder, claim=signed))

    def add_presence(self, data: bytes) -> bool:
        """Takes a presence. Raises as `add_device`, and RECORD_EARLY."""
        with judged("The presence"):
            signed = open_signed(Presence, data)
        said = signed.record
        holder = self._holder(said.owner, said.circle, said.generation, "presence", signers=signed.signers)
        before = holder.presence
        if before and rank(before) >= rank(signed):
            if before.record.seq > said.seq:
                raise judging.rollback("The device has told where it is since.")
            return False
        return self._replace(said.owner, holder, replace(holder, presence=signed))

    def _holder(
        self,
        owner: bytes,
        circle: bytes,
        generation: int,
        what: str,
        *,
        device: bytes | None = None,
        signers: frozenset[bytes] = frozenset(),
    ) -> Holder:
        """The device in force that a record speaks of (`device`, its hash) or that signed it."""
        if circle != self.circle_id:
            raise judging.foreign(f"The {what} is of another circle.")
        known = self._holders.get(owner, ())
        present = [each for each in known if each.generation == generation]
        if not known or known[0].generation < generation:
            raise judging.out_of_order(f"The device certificate that this {what} rests on is not known here.")
        # only of where it is may a device speak that was replaced, until its successor does
        over = spoken(known) if signers else known[0].generation
        if over > generation or not present:
            raise judging.rollback(f"The {what} is of a device that was replaced.")
        for holder in present:
            if holder.device.record_hash() == device or holder.device.record.signing.attestation in signers:
                return holder
        raise judging.forged(f"The {what} is not of the device that its owner certified.")

    def _judged_device(self, data: bytes) -> Signed[Device]:
        with judged("The device certificate"):
            device = open_signed(Device, data).record
        if device.circle != self.circle_id:
            raise judging.foreign("The device certificate is of another circle.")
        member = self._member(device.owner)
        if member is None:
            raise judging.foreign("The device certificate's owner is not in the roster.")
        self.roots.check_vouched(member, device)
        with judged("The device certificate"):
            signed = open_device(data, device.root)
        same = device.enrol == member.enrol and member.admin in (None, device.admin)
        if device.root == member.root and not same:
            raise judging.forged("The device certificate names other keys of its owner than the roster.")
        return signed

    def _member(self, owner: bytes) -> Member | None:
        return next((found for roster in self._rosters() if (found := roster.member(owner))), None)

    def _rosters(self) -> tuple[Roster, ...]:
        return self.head.record, *(rival.record for rival in self._rivals)

    def _hold(self, new: Holder) -> bool:
        owner = new.device.record.owner
        before = self._holders.get(owner, ())
        if any(each.device.record_hash() == new.device.record_hash() for each in before):
            return False
        self._holders[owner] = remembered((*before, new))
        return self._holders[owner] != before

    def _replace(self, owner: bytes, old: Holder, new: Holder) -> bool:
        self._holders[owner] = remembered(new if holder is old else holder for holder in self._holders[owner])
        return True

    def _statements(self) -> Iterator[Statement]:
        yield from self._chain
        yield from self._rivals
        yield from self.roots
        yield from self.roots.beside
        for owner in sorted(self._holders):
            for holder in self._holders[owner]:
                yield holder.device
                if holder.claim is not None:
                    yield holder.claim
                if holder.presence is not None:
                    yield holder.presence
