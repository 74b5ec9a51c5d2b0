"""What this keeper signs, with its own role key: receipts, promises, notices."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from piccolo_chassis.errors import Kind, PiccoloError
from piccolo_formats.records.generations import Claim, Promise
from piccolo_formats.records.keeping import FragmentState, Notice, NoticeKind, Receipt, ReceiptEntry
from piccolo_formats.signed import sign

from piccolo_fragment_store.core.circle import Circle
from piccolo_fragment_store.core.fragment import Fragment, State
from piccolo_fragment_store.ports import Clock, Signer


class Identity:
    """The keeper as others know it."""

    def __init__(self, signer: Signer, clock: Clock, circle: Callable[[], Circle | None]) -> None:
        self._signer, self._clock, self._circle = signer, clock, circle

    def circle(self) -> Circle:
        """The circle. Raises PiccoloError UNAVAILABLE, NO_CIRCLE while this device is in none."""
        circle = self._circle()
        if circle is None or not circle.id or not circle.self_generation:
            raise PiccoloError(
                Kind.UNAVAILABLE, "NO_CIRCLE", "This keeper is in no circle yet; nothing can be kept here."
            )
        return circle

    def receipt(self, owner: bytes, fragments: Sequence[Fragment]) -> bytes:
        """Signed("receipt") for fragments of one owner."""
        circle = self.circle()
        receipt = Receipt(
            keeper=circle.self_owner,
            generation=circle.self_generation,
            owner=owner,
            entries=tuple(map(_entry, fragments)),
            time=self._clock.wall(),
        )
        return sign(receipt, self._signer).to_bytes()

    def promise(self, claim: Claim) -> bytes:
        """Signed("promise") to the device that claims."""
        circle = self.circle()
        promise = Promise(
            circle=circle.id,
            keeper=circle.self_owner,
            owner=claim.owner,
            generation=claim.generation,
            device=claim.device,
            time=self._clock.wall(),
        )
        return sign(promise, self._signer).to_bytes()

    def notice(self, owner: bytes, kind: NoticeKind, seconds: int) -> bytes:
        """Signed("notice") that holds for so many seconds from now."""
        now = self._clock.wall()
        keeper = self.circle().self_owner
        notice = Notice(keeper=keeper, owner=owner, kind=kind, until=now + seconds, time=now)
        return sign(notice, self._signer).to_bytes()


def _entry(fragment: Fragment) -> ReceiptEntry:
    committed = fragment.state is State.LIVE
    return ReceiptEntry(
        fragment_id=fragment.key.fragment,
        root=fragment.root,
        size=fragment.size,
        state=FragmentState.COMMITTED if committed else FragmentState.PROVISIONAL,
        generation=fragment.put.generation,
        seq=fragment.put.seq,
    )
