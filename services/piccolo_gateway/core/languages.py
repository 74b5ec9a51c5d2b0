"""Which of our languages a browser wants: Accept-Language (RFC 9110, 12.5.4).

Rules:
* Only the language counts, not its country: who wants `de-AT` gets German.
* The greatest weight wins, of equal ones the first; a part that cannot be read counts for nothing.
* Who wants none of ours, or any, or says nothing, gets English.
"""

from __future__ import annotations

import re
from typing import Final, Literal

Language = Literal["en", "de"]
_OURS: Final[dict[str, Language]] = {"en": "en", "de": "de", "*": "en"}
_PART: Final = re.compile(
    r"\s*([a-z]+|\*)(?:-[a-z0-9-]+)?\s*(?:;\s*q=(0(?:\.\d{0,3})?|1(?:\.0{0,3})?)\s*)?",
    re.IGNORECASE | re.ASCII,
)


def preferred(header: str) -> Language:
    """The language to speak."""
    best: Language = "en"
    most = 0.0
    for part in filter(None, map(_PART.fullmatch, header.split(","))):
        language, weight = _OURS.get(part[1].lower()), float(part[2] or 1)
        if language and weight > most:
            best, most = language, weight
    return best
