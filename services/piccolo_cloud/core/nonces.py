"""Challenges that are good once, for a minute, and that cost nothing to hand out.

A nonce carries the moment it was made and a MAC by a key that this process drew at its start. So strangers
who ask for millions of them fill no table and push nobody's out; only a nonce that came back with a good
signature is remembered, until it would have lapsed anyway.
"""

from __future__ import annotations

import struct
from collections import deque
from typing import Final

from piccolo_chassis.errors import Kind, PiccoloError
from piccolo_formats.digests import hmac_sha256, same

NONCE_SIZE: Final = 32
RANDOM_SIZE: Final = 8
LIFETIME: Final = 60.0
_MAC_SIZE: Final = 16


class Nonces:
    """The nonces of one process. Times are seconds of its monotonic clock."""

    def __init__(self, secret: bytes, most: int = 1_000_000) -> None:
        """Make nonces under a secret of 32 random bytes; remember at most so many spent ones."""
        self._secret, self._most = secret, most
        self._spent: set[bytes] = set()
        self._order: deque[tuple[float, bytes]] = deque()

    def mint(self, now: float, random: bytes) -> bytes:
        """Return a nonce made of 8 random bytes."""
        content = struct.pack(">Q", int(now * 1000)) + random
        return content + self._mac(content)

    def check(self, nonce: bytes, now: float) -> None:
        """Raise PiccoloError UNAUTHENTICATED, NONCE_LAPSED unless it is a nonce of ours, fresh and
        unspent."""
        self._forget(now)
        content, mac = nonce[:-_MAC_SIZE], nonce[-_MAC_SIZE:]
        ours = len(nonce) == NONCE_SIZE and same(self._mac(content), mac)
        if ours and nonce not in self._spent:
            made: int = struct.unpack_from(">Q", nonce)[0]
            if 0 <= now - made / 1000 < LIFETIME:
                return
        raise PiccoloError(
            Kind.UNAUTHENTICATED,
            "NONCE_LAPSED",
            "The challenge was used, is older than a minute or is not ours; ask for a new one.",
        )

    def spend(self, nonce: bytes, now: float) -> None:
        """Remember that a checked nonce was used. Raises PiccoloError EXHAUSTED, TOO_MANY_REQUESTS."""
        if len(self._spent) >= self._most:
            raise PiccoloError(
                Kind.EXHAUSTED, "TOO_MANY_REQUESTS", "The cloud is too busy; try again in a minute."
            )
        self._spent.add(nonce)
        self._order.append((now, nonce))

    def _forget(self, now: float) -> None:
        while self._order and self._order[0][0] <= now - LIFETIME:
            self._spent.discard(self._order.popleft()[1])

    def _mac(self, content: bytes) -> bytes:
        return hmac_sha256(self._secret, b"piccolo/cloud/nonce/v1", content)[:_MAC_SIZE]
