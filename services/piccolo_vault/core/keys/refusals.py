"""Why the custody says no, in words: one function a reason."""

from __future__ import annotations

from piccolo_chassis.errors import Kind, PiccoloError


def rotation_running() -> PiccoloError:
    """Returns the error of who wants new words while the last ones are still being carried through."""
    return PiccoloError(
        Kind.PRECONDITION,
        "ROTATION_RUNNING",
        "New words are being put in force already. Wait until that has ended; its progress is shown.",
    )


def no_new_words() -> PiccoloError:
    """Returns the error of who confirms new words that this process never showed."""
    return PiccoloError(
        Kind.PRECONDITION,
        "NO_NEW_WORDS",
        "No new words wait to be confirmed: the device was locked or restarted since it showed them. Begin "
        "again; the words on your note were never in force.",
    )


def differ(wrong: tuple[int, ...]) -> PiccoloError:
    """Returns the error of words at these positions that are not those that were shown."""
    which = " and ".join(f"word {at}" for at in wrong)
    return PiccoloError(
        Kind.INVALID,
        "WORDS_DIFFER",
        f"This is not what the device showed: {which}. Compare your note with it, or set the device up again "
        "to see new words.",
        {"positions": " ".join(map(str, wrong))},
    )


def no_memory() -> PiccoloError:
    """Returns the error of too little memory for Argon2id."""
    return PiccoloError(
        Kind.UNAVAILABLE,
        "NO_MEMORY",
        "This device has not enough free memory at the moment to work with the passphrase. Try again in a "
        "moment.",
    )


def key_gone() -> PiccoloError:
    """Returns the error of what belongs to earlier words that neither memory nor circle tells any more."""
    return PiccoloError(
        Kind.DATA_LOSS,
        "KEY_GONE",
        "This belongs to your earlier words, whose key is not known here any more: only those words open it.",
    )


def key_loading() -> PiccoloError:
    """Returns the error of what belongs to earlier words, right after an unlock."""
    return PiccoloError(
        Kind.UNAVAILABLE,
        "KEY_LOADING",
        "This belongs to your earlier words, whose key is not loaded yet. Try again in a moment.",
    )
