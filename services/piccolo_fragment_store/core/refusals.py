"""Why a keeper says no, in words: one function a reason."""

from __future__ import annotations

from piccolo_chassis.errors import Kind, PiccoloError

from piccolo_fragment_store.core.order import Order


def buried(dead: Order) -> PiccoloError:
    """A tombstone is newer than what was asked."""
    return PiccoloError(
        Kind.CONFLICT,
        "BURIED",
        "Its owner deleted this fragment later than what is asked now; undelete it first, or put it anew "
        "with a higher number.",
        {"generation": str(dead.generation), "seq": str(dead.seq)},
    )


def superseded(newer: Order) -> PiccoloError:
    """Something newer is here already."""
    return PiccoloError(
        Kind.CONFLICT,
        "SUPERSEDED",
        "A newer request for this fragment is here already; this one came late and changes nothing.",
        {"generation": str(newer.generation), "seq": str(newer.seq)},
    )


def other_root() -> PiccoloError:
    """The id belongs to other bytes."""
    return PiccoloError(
        Kind.CONFLICT,
        "OTHER_ROOT",
        "This keeper has other bytes under the same fragment id. A rebuilt fragment keeps its root; "
        "changed bytes need a new id.",
    )


def other_shape(block_size: int) -> PiccoloError:
    """The id belongs to blocks of another size."""
    return PiccoloError(
        Kind.CONFLICT,
        "OTHER_SHAPE",
        f"This fragment was begun with blocks of {block_size} bytes. Resume with these, or at block 0 to "
        "begin again.",
        {"block_size": str(block_size)},
    )


def already_whole(blocks: int) -> PiccoloError:
    """Blocks came for a fragment that has all of them."""
    return PiccoloError(
        Kind.CONFLICT,
        "ALREADY_WHOLE",
        "This fragment is whole here; finish with its root instead of sending blocks again.",
        {"durable_blocks": str(blocks)},
    )


def not_here() -> PiccoloError:
    """No such fragment."""
    return PiccoloError(
        Kind.NOT_FOUND,
        "NO_FRAGMENT",
        "This keeper does not have that fragment; put it first, or ask another.",
    )


def not_whole(blocks: int) -> PiccoloError:
    """The fragment is still coming in."""
    return PiccoloError(
        Kind.PRECONDITION,
        "NOT_WHOLE",
        "This fragment is only partly here; resume its put and finish it first.",
        {"durable_blocks": str(blocks)},
    )


def not_committed() -> PiccoloError:
    """The fragment has no commit record yet."""
    return PiccoloError(
        Kind.PRECONDITION,
        "NOT_COMMITTED",
        "This fragment is provisional; commit it before renewing its record.",
    )


def rot(block: int | None = None) -> PiccoloError:
    """The disk changed bytes. `block` is None when it is the fragment's own account that is damaged."""
    what = "This fragment's leaves or record are" if block is None else f"Block {block} of this fragment is"
    return PiccoloError(
        Kind.DATA_LOSS,
        "ROT",
        f"{what} not as written; this disk lost bytes. Rebuild the fragment from the others and put it here "
        "again under the same id.",
        {} if block is None else {"block": str(block)},
    )


def fenced(generation: int, claim: bytes) -> PiccoloError:
    """A newer device of the same owner was promised."""
    return PiccoloError(
        Kind.PRECONDITION,
        "FENCED",
        f"This owner has a newer device (generation {generation}); this one writes no more. Its owner can "
        "import what was not sent yet.",
        {"generation": str(generation), "claim": claim.hex()},
    )


def taken_over() -> PiccoloError:
    """The same fragment is being put by a newer call."""
    return PiccoloError(
        Kind.CONFLICT, "TAKEN_OVER", "Another call has begun to put the same fragment; this one ends here."
    )


def offer_full(free: int) -> PiccoloError:
    """The bytes given to the circle are used up."""
    return PiccoloError(
        Kind.FULL,
        "OFFER_FULL",
        "This keeper has no room left in what it gives to the circle; choose another keeper.",
        {"free_bytes": str(free)},
    )


def asked_to_move(share: int) -> PiccoloError:
    """An owner that is asked to give back what it borrowed wants to borrow more."""
    return PiccoloError(
        Kind.FULL,
        "ASKED_TO_MOVE",
        "This keeper has asked its owner to move what is beyond its share, because others need their own; it "
        "takes nothing new beyond that. Choose another keeper.",
        {"share_bytes": str(share)},
    )


def disk_full(free: int) -> PiccoloError:
    """The disk has no room beyond its reserve."""
    return PiccoloError(
        Kind.FULL,
        "DISK_FULL",
        "This keeper's disk is full; what it has is still served. Choose another keeper.",
        {"free_bytes": str(free)},
    )
