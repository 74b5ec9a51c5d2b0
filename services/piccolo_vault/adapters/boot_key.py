"""The key that clients seal passphrases and words to: made at each start, kept in memory only."""

from __future__ import annotations

from typing import TYPE_CHECKING

from piccolo_chassis.errors import Kind, PiccoloError
from piccolo_formats.client_seal import Purpose, open_text, seal_text
from piccolo_formats.errors import AuthenticationError, FormatError
from piccolo_formats.keypairs import SealingKey

if TYPE_CHECKING:
    from piccolo_formats.secret import Random


class BootKey:
    """An X25519 pair for this run of the process; what was sealed to an earlier one stays closed."""

    def __init__(self, random: Random) -> None:
        self._key = SealingKey.generate(random)

    @property
    def public(self) -> bytes:
        """The public half, 32 bytes."""
        return self._key.public

    def open(self, purpose: Purpose, sealed: bytes) -> str:
        """Opens what a client sealed; raises PiccoloError INVALID (SEALED_WRONG, SEALED_MALFORMED)."""
        try:
            return open_text(purpose, sealed, self._key)
        except AuthenticationError as closed:
            raise PiccoloError(
                Kind.INVALID,
                "SEALED_WRONG",
                f"The {purpose} was not sealed to this vault's present key, which changes at each start. "
                "Fetch the key again and repeat.",
            ) from closed
        except FormatError as malformed:
            raise PiccoloError(
                Kind.INVALID, "SEALED_MALFORMED", f"The {purpose} cannot be read: {malformed.message}."
            ) from malformed

    def seal(self, purpose: Purpose, text: str, reply_key: bytes) -> bytes:
        """Seals an answer to a client's key; raises PiccoloError INVALID (REPLY_KEY)."""
        try:
            return seal_text(purpose, text, reply_key)
        except FormatError as refused:
            raise PiccoloError(
                Kind.INVALID, "REPLY_KEY", "The reply key is no X25519 public key that can be sealed to."
            ) from refused
