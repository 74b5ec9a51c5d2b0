"""What is said of this device's data partition, and the errors that follow."""

from __future__ import annotations

from enum import StrEnum

from piccolo_chassis.errors import Kind, PiccoloError


class DiskAnswer(StrEnum):
    """What root's part says (piccolo_disk/core/answers.py tells what each means)."""

    ENROLLED = "enrolled"
    KEPT = "kept"
    NONE = "none"
    UNSET = "unset"
    WRONG = "wrong"
    DAMAGED = "damaged"
    OPENED = "opened"
    MALFORMED = "malformed"
    FAILED = "failed"


def not_opened(answer: DiskAnswer) -> PiccoloError:
    """Returns the error of who wanted the data partition opened by words, by what root's part said."""
    if answer is DiskAnswer.WRONG:
        return PiccoloError(
            Kind.INVALID,
            "DISK_WORDS_WRONG",
            "These words do not open the data of this device; nothing was changed. They may be an earlier"
            " set, or another device's.",
        )
    if answer is DiskAnswer.UNSET:
        return PiccoloError(
            Kind.PRECONDITION,
            "DISK_NO_WORDS",
            "No words open the data of this device: it was never set up. Only its own TPM opens it.",
        )
    if answer is DiskAnswer.NONE:
        return PiccoloError(
            Kind.PRECONDITION, "DISK_NOT_CLOSED", "There is no data on this device that waits to be opened."
        )
    if answer is DiskAnswer.DAMAGED:
        return PiccoloError(
            Kind.DATA_LOSS,
            "DISK_DAMAGED",
            "The file system of this device's data is damaged, and could not be mended without a person.",
        )
    return PiccoloError(
        Kind.UNAVAILABLE,
        "DISK_FAILED",
        "The data of this device could not be opened; its log says why. Start it again and try once more.",
    )
