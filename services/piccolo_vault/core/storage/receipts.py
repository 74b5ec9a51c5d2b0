"""Whether a keeper's receipt says what was asked of it.

Rules: the keeper's own receipt key signed it; it names this keeper, this owner, this fragment, our root and
the state that we need. Anything else is as good as no receipt.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from piccolo_chassis.errors import Kind, PiccoloError
from piccolo_formats.errors import FormatError
from piccolo_formats.records.keeping import FragmentState, Receipt
from piccolo_formats.signed import open_signed

if TYPE_CHECKING:
    from piccolo_vault.core.circle import Member


@dataclass(frozen=True, slots=True)
class Expected:
    """What a receipt must say. `size` counts the bytes of the fragment's blocks."""

    owner_id: bytes
    fragment_id: bytes
    root: bytes
    size: int


def check_receipt(receipt: bytes, member: Member, expected: Expected, *, committed: bool) -> None:
    """Returns when the receipt holds. Raises PiccoloError INTERNAL, RECEIPT_WRONG, naming what is wrong."""
    try:
        record = open_signed(Receipt, receipt, [member.receipt_key]).record
    except FormatError as error:
        raise _wrong(member, error.message) from error
    if record.keeper != member.owner_id or record.owner != expected.owner_id:
        raise _wrong(member, "it names another keeper or another owner")
    entry = next((each for each in record.entries if each.fragment_id == expected.fragment_id), None)
    if entry is None:
        raise _wrong(member, "it does not name the fragment")
    if entry.root != expected.root or entry.size != expected.size:
        raise _wrong(member, "it names another root or size")
    if committed and entry.state is not FragmentState.COMMITTED:
        raise _wrong(member, "the fragment is only provisional")


def _wrong(member: Member, why: str) -> PiccoloError:
    return PiccoloError(
        Kind.INTERNAL,
        "RECEIPT_WRONG",
        f"The receipt of {member.name} does not hold: {why}.",
        {"keeper": member.name},
    )
