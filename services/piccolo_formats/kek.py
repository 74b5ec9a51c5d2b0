"""The KEK and all that is derived from it (section 2). The 24 words are the KEK."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from piccolo_formats import words
from piccolo_formats.digests import digest, hkdf
from piccolo_formats.keypairs import SealingKey, SigningKey, derived_p256
from piccolo_formats.secret import Secret

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey


class Kek(Secret):
    """The owner's key encryption key, 32 bytes."""

    __slots__ = ()

    @classmethod
    def from_words(cls, text: str) -> Self:
        """Read the 24 words. Raises WordsError, which says what is wrong with which word."""
        return cls(words.from_words(text))

    def to_words(self) -> tuple[str, ...]:
        """Return the 24 words: to be shown once and never stored."""
        return words.to_words(self.reveal())

    def fek_wrapping_key(self) -> bytes:
        """The XChaCha20-Poly1305 key that wraps FEKs."""
        return self._derive(b"fek")

    def backup(self) -> SealingKey:
        """The pair to whose public half backups and commit records are sealed."""
        return SealingKey(self._derive(b"backup"))

    def locator(self) -> SigningKey:
        """The pair that names and authorises the owner's backup log."""
        return SigningKey(self._derive(b"locator"))

    def owner_root(self) -> SigningKey:
        """The pair that vouches for the owner's devices."""
        return SigningKey(self._derive(b"owner"))

    def admin(self) -> SigningKey:
        """The pair that signs rosters where this owner is an admin."""
        return SigningKey(self._derive(b"admin"))

    def enrolment(self) -> EllipticCurvePrivateKey:
        """The TLS key by which a blank device with the words reaches the keepers."""
        return derived_p256(self.reveal(), b"piccolo/key/enrol/v1")

    def disk(self) -> bytes:
        """The key of the disk's recovery slot, 32 bytes."""
        return self._derive(b"disk")

    def former_key(self) -> bytes:
        """The XChaCha20-Poly1305 key that seals the KEK before this one while its owner moves over."""
        return self._derive(b"former")

    def _derive(self, name: bytes) -> bytes:
        return hkdf(self.reveal(), b"piccolo/key/" + name + b"/v1")


def owner_id(first_owner_root: bytes) -> bytes:
    """Return the owner_id (32 bytes) of the public half of an owner's *first* root; it never changes."""
    return digest("owner-id", first_owner_root)


def locator_path(locator: bytes) -> str:
    """Return the folder of a backup log at the cloud, in hex (section 11)."""
    return digest("locator", locator).hex()
