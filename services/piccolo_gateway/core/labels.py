"""The name of a device in its home's network, out of what its owner calls it.

Rules:
* A label has a to z, 0 to 9 and hyphens between them, 63 at most (RFC 1123, RFC 6762): letters of other
  scripts that have no such form are left out, and what is left of nothing is `piccolo`.
* A label that another device has is followed by `-2`, `-3` and so on. Of two devices that took the same one
  at the same moment, the one whose address is lower gives way.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from ipaddress import ip_address
from typing import Final

_LONGEST: Final = 63
_FALLBACK: Final = "piccolo"
_MOST: Final = 99


def label(name: str) -> str:
    """The label that an owner's name for the device leads to."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return re.sub("[^a-z0-9]+", "-", plain).strip("-")[:_LONGEST].rstrip("-") or _FALLBACK


def candidates(wanted: str) -> Iterator[str]:
    """The label, and what may be taken instead of it, in this order."""
    yield wanted
    for number in range(2, _MOST + 1):
        ending = f"-{number}"
        yield wanted[: _LONGEST - len(ending)].rstrip("-") + ending


def gives_way(own: Iterable[str], other: Iterable[str]) -> bool:
    """Whether a device gives a name up to another that has it too, by the addresses of both."""
    mine, theirs = ({ip_address(text) for text in addresses} for addresses in (own, other))
    foreign = theirs - mine
    return bool(foreign) and max(map(_rank, foreign)) > max(map(_rank, mine), default=(0, b""))


def _rank(address: object) -> tuple[int, bytes]:
    made = ip_address(str(address))
    return made.version, made.packed
