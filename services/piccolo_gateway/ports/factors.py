"""What the gateway needs of passkeys (WebAuthn) and of QR codes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from piccolo_gateway.core.bodies.factors import Assertion, Options, Registration
from piccolo_gateway.core.factors import Credential
from piccolo_gateway.core.sites import Site


class Passkeys(Protocol):
    """Making and checking passkeys. A `challenge` is at least 16 random bytes."""

    def to_register(self, site: Site, user: bytes, challenge: bytes, known: Sequence[Credential]) -> Options:
        """What the browser needs to make one that is not among those known."""
        ...

    def register(self, site: Site, challenge: bytes, made: Registration) -> Credential:
        """The passkey that was made. Raises PiccoloError INVALID (PASSKEY_INVALID)."""
        ...

    def to_assert(self, site: Site, challenge: bytes, known: Sequence[Credential]) -> Options:
        """What the browser needs to use one of those known."""
        ...

    def check(self, site: Site, challenge: bytes, known: Credential, shown: Assertion) -> int:
        """The passkey's new count of uses. Raises PiccoloError UNAUTHENTICATED (FACTOR_WRONG)."""
        ...


class Drawing(Protocol):
    """Draws a text as a QR code."""

    def __call__(self, text: str) -> str:
        """One SVG element."""
        ...
