"""What the vault asks for, in one line: `enrol KEY` or `open KEY`; KEY is 32 bytes in lower-case hex.

The key is LUKS's passphrase as it is written here: so a person with the words can open the disk elsewhere.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final

MOST: Final = 128
_LINE: Final = re.compile(rb"(enrol|open) ([0-9a-f]{64})\n")


@dataclass(frozen=True, slots=True)
class Asked:
    """One request.

    Attributes:
        act: `enrol` or `open`.
        key: what opens the slot.
    """

    act: str
    key: bytes = field(repr=False)


def parse(line: bytes) -> Asked | None:
    """The request; None when it is none."""
    found = _LINE.fullmatch(line)
    return Asked(found[1].decode(), found[2]) if found else None
