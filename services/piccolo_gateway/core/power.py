"""Ending the device: what may be asked of root's part, what it says, and whether a name was typed right."""

from __future__ import annotations

import unicodedata
from enum import StrEnum

from piccolo_chassis.errors import Kind, PiccoloError


class PowerAct(StrEnum):
    """What can be asked for (piccolo_power/core/asked.py)."""

    RESTART = "restart"
    SHUTDOWN = "shutdown"
    RESET = "reset"


class PowerAnswer(StrEnum):
    """What root's part says (piccolo_power/core/answers.py tells what each means)."""

    ENDING = "ending"
    CLOSED = "closed"
    NONE = "none"
    MALFORMED = "malformed"
    FAILED = "failed"


def same_name(typed: str, name: str) -> bool:
    """Whether a person typed a name: letter by letter, however the keyboard puts its accents together."""
    return unicodedata.normalize("NFC", typed) == unicodedata.normalize("NFC", name)


def name_differs(name: str) -> PiccoloError:
    """Returns the error of who typed another name than this."""
    return PiccoloError(
        Kind.INVALID,
        "NAME_DIFFERS",
        f"This device is called {name!r}; type exactly that. Nothing was changed.",
        {"name": name},
    )


def no_device() -> PiccoloError:
    """Returns the error where there is nothing that could be ended."""
    return PiccoloError(
        Kind.PRECONDITION,
        "NOT_A_DEVICE",
        "This is no device of its own, but programs on somebody's computer: it is ended there.",
    )


def not_ended(answer: PowerAnswer) -> PiccoloError:
    """Returns the error of who asked for an end, by what root's part said."""
    if answer is PowerAnswer.NONE:
        return no_device()
    if answer is PowerAnswer.CLOSED:
        return PiccoloError(
            Kind.PRECONDITION,
            "DATA_CLOSED",
            "This device could not open its data when it started, so it cannot know whose that is, and does"
            " not destroy it. What is kept in memory meanwhile is gone with a restart.",
        )
    return PiccoloError(
        Kind.UNAVAILABLE, "POWER_FAILED", "The device could not be ended; its log says why. Try it once more."
    )
