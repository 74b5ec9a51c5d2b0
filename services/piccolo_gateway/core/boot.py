"""How this boot came by its data: what the initrd wrote, in words.

Rules:
* What cannot be read as the initrd writes it says nothing: nobody is told by guess that data is safe, or
  gone.
* A reason that this release does not know is still told, in general words.
"""

from __future__ import annotations

from typing import Final

from piccolo_gateway.core.bodies.about import Boot

STATES: Final = frozenset({"sealed", "degraded", "opened", "ram"})
REASONS: Final = {
    "NO_TPM": "This device has no TPM, or it does not answer, and only a TPM opens its data by itself.",
    "NO_DATA": "This device found no place for data on its disk.",
    "TPM_REFUSED": "The TPM did not open the data: it is another one, was cleared, or the firmware changed.",
    "SECURE_BOOT_OFF": "Secure Boot is off, so the TPM did not open the data.",
    "DATA_DAMAGED": "The data was opened, but its file system is damaged.",
}
_KEPT: Final = "What is kept now is in memory only, and gone when the power goes."
_UNKNOWN: Final = "This device could not open its data."
IN_RAM: Final = "This device runs from memory and has no data volume: it keeps nothing when its power goes."


def told(text: str) -> Boot | None:
    """What lines like `STATE=degraded`, `REASON=no-tpm` and `DATA=yes` say; None when they say nothing."""
    lines = dict(line.partition("=")[::2] for line in text.splitlines())
    state = lines.get("STATE", "")
    if state not in STATES:
        return None
    reason = lines.get("REASON", "").upper().replace("-", "_")
    return Boot(state=state, reason=reason, message=_words(state, reason), data=lines.get("DATA") == "yes")


def _words(state: str, reason: str) -> str:
    if state == "ram":
        return IN_RAM
    return f"{REASONS.get(reason, _UNKNOWN)} {_KEPT}" if state == "degraded" else ""
