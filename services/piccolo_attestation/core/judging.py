"""How a record that does not hold is refused: one translation of the formats' errors into ours."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from piccolo_chassis.errors import Kind, PiccoloError
from piccolo_formats.errors import AuthenticationError, FormatError


@contextmanager
def judged(what: str) -> Iterator[None]:
    """Opens records inside of it; `what` begins the message, as "The roster".

    Raises PiccoloError DENIED, RECORD_FORGED (a signature, MAC or hash is wrong) or INVALID,
    RECORD_MALFORMED.
    """
    try:
        yield
    except AuthenticationError as forged:
        raise PiccoloError(
            Kind.DENIED, "RECORD_FORGED", f"{what} is not genuine: {forged.message}."
        ) from forged
    except FormatError as malformed:
        raise PiccoloError(
            Kind.INVALID, "RECORD_MALFORMED", f"{what} cannot be read: {malformed.message}."
        ) from malformed


def forged(message: str) -> PiccoloError:
    """A record whose signer had no right to it."""
    return PiccoloError(Kind.DENIED, "RECORD_FORGED", message)


def foreign(message: str) -> PiccoloError:
    """A record of another circle, or of an owner whom the circle does not know."""
    return PiccoloError(Kind.DENIED, "RECORD_FOREIGN", message)


def rollback(message: str) -> PiccoloError:
    """A record older than what is known: it was true once, and would bring back what was left behind."""
    return PiccoloError(Kind.CONFLICT, "RECORD_OLD", message)


def out_of_order(message: str) -> PiccoloError:
    """A record that rests on another which is not known yet: both must come, in order."""
    return PiccoloError(Kind.PRECONDITION, "RECORD_EARLY", message)


def frozen(epoch: int) -> PiccoloError:
    """Membership stands still: two valid rosters of one epoch are known."""
    return PiccoloError(
        Kind.PRECONDITION,
        "CIRCLE_FROZEN",
        f"{frozen_words(epoch)} Membership stands still until the admins know whose key that was.",
        {"epoch": str(epoch)},
    )


def frozen_words(epoch: int) -> str:
    """The alarm of a frozen circle; the same for everyone who knows of it."""
    return f"Two valid rosters of epoch {epoch} exist: an admin's key was used twice."
