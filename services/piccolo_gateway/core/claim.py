"""The one-time code by which a blank device is claimed: from its console, its label, or its seed volume.

Rules:
* Capital letters, spaces and hyphens do not count: people copy it by hand.
* It is compared by its digest, in constant time. It ends with the claim: who has an owner takes none.
"""

from __future__ import annotations

from hashlib import sha256
from hmac import compare_digest
from typing import Final

SHORTEST: Final = 8


def normal(code: str) -> str:
    """The form in which codes are compared."""
    return "".join(sign for sign in code.upper() if sign.isalnum())


def usable(code: str) -> bool:
    """Whether a code is long enough to be one."""
    return len(normal(code)) >= SHORTEST


def same(code: str, given: str) -> bool:
    """Whether this is the code."""
    return compare_digest(_digest(code), _digest(given))


def _digest(code: str) -> bytes:
    return sha256(b"piccolo/claim/" + normal(code).encode("utf-8", "surrogateescape")).digest()
