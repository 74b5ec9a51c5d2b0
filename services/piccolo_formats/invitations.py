"""Invitation codes, links, the mailbox and the acceptance's MAC (section 10). The code is the secret."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar
from urllib.parse import quote, unquote

from nacl.bindings import (
    crypto_aead_xchacha20poly1305_ietf_decrypt,
    crypto_aead_xchacha20poly1305_ietf_encrypt,
)
from nacl.exceptions import CryptoError

from piccolo_formats import cbor
from piccolo_formats.digests import digest, hkdf, hmac_sha256, same
from piccolo_formats.errors import AuthenticationError, FormatError
from piccolo_formats.keypairs import derived_p256
from piccolo_formats.records.joining import Acceptance
from piccolo_formats.secret import Random, Secret, draw

if TYPE_CHECKING:
    from typing import Self

    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
CODE_LENGTH = 26
NONCE_SIZE = 24
_LOOKALIKES = str.maketrans("OIL", "011", "- \t\r\n")
_LINK = re.compile(r"piccolo:join\?c=([0-9A-Za-z-]+)&e=([^&#\s]{1,1024})&f=([0-9a-f]{64})", re.ASCII)


class InvitationCode(Secret):
    """A 128-bit invitation code and what is derived from it."""

    SIZE: ClassVar[int] = 16
    __slots__ = ()

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read 26 characters of Crockford base32; case, hyphens and white space do not matter."""
        plain = text.upper().translate(_LOOKALIKES)
        if len(plain) != CODE_LENGTH:
            raise FormatError(
                "invitation-code", f"an invitation code has {CODE_LENGTH} characters, not {len(plain)}"
            )
        value = 0
        for character in plain:
            digit = ALPHABET.find(character)
            if digit < 0:
                raise FormatError(
                    "invitation-code", "an invitation code has letters and digits only; U is none of them"
                )
            value = value * 32 + digit
        if value >> 128:
            raise FormatError(
                "invitation-code", f"an invitation code has {CODE_LENGTH} characters. Check what is missing."
            )
        return cls(value.to_bytes(16))

    def text(self) -> str:
        """Return the 26 characters."""
        value = int.from_bytes(self.reveal())
        return "".join(ALPHABET[value >> shift & 31] for shift in range(5 * (CODE_LENGTH - 1), -1, -5))

    def invitation_id(self) -> bytes:
        """Return the 16 bytes that name the invitation without giving the code away."""
        return self._derive(b"id")[:16]

    def tls_key(self) -> EllipticCurvePrivateKey:
        """Return the joiner's TLS key."""
        return derived_p256(self.reveal(), b"piccolo/invite/tls/v1")

    def mailbox_address(self) -> bytes:
        """Return where at the cloud the mailbox is."""
        return mailbox_address(self.invitation_id())

    def seal_message(self, message: bytes, random: Random) -> bytes:
        """Seal a message for the mailbox."""
        nonce = draw(random, NONCE_SIZE)
        key, address = self._derive(b"box"), self.mailbox_address()
        return nonce + crypto_aead_xchacha20poly1305_ietf_encrypt(message, address, nonce, key)

    def open_message(self, sealed: bytes) -> bytes:
        """Open a message of the mailbox. Raises AuthenticationError (`not-for-this-code`)."""
        nonce, rest = sealed[:NONCE_SIZE], sealed[NONCE_SIZE:]
        if len(rest) < 16:
            raise FormatError("mailbox-message", "the mailbox message is cut short")
        key, address = self._derive(b"box"), self.mailbox_address()
        try:
            return crypto_aead_xchacha20poly1305_ietf_decrypt(rest, address, nonce, key)
        except CryptoError as error:
            raise AuthenticationError(
                "not-for-this-code", "the message was not made with this code"
            ) from error

    def seal_acceptance(self, acceptance: Acceptance) -> bytes:
        """Return the acceptance with its MAC."""
        record = acceptance.to_record()
        return cbor.encode([record, self._mac(record)])

    def open_acceptance(self, data: bytes) -> Acceptance:
        """Check an acceptance's MAC, then parse it. Raises AuthenticationError (`not-for-this-code`)."""
        match cbor.decode(data):
            case [bytes() as record, bytes() as mac]:
                if not same(mac, self._mac(record)):
                    raise AuthenticationError(
                        "not-for-this-code", "the acceptance was not made with this code"
                    )
            case _:
                raise FormatError("acceptance-shape", "this is not an acceptance")
        acceptance = Acceptance.from_record(record)
        if acceptance.invitation_id != self.invitation_id():
            raise AuthenticationError("not-for-this-code", "the acceptance names another invitation")
        return acceptance

    def _mac(self, record: bytes) -> bytes:
        return hmac_sha256(self._derive(b"mac"), record)

    def _derive(self, name: bytes) -> bytes:
        return hkdf(self.reveal(), b"piccolo/invite/" + name + b"/v1")


def mailbox_address(invitation_id: bytes) -> bytes:
    """Return the address of an invitation's mailbox, 32 bytes."""
    return digest("mailbox", invitation_id)


@dataclass(frozen=True, slots=True)
class InvitationLink:
    """The code with the inviter's address and the fingerprint of its server certificate."""

    code: InvitationCode
    endpoint: str
    fingerprint: bytes

    def text(self) -> str:
        """Return the link. It holds the code: never log it."""
        return (
            f"piccolo:join?c={self.code.text()}&e={quote(self.endpoint, safe=':')}&f={self.fingerprint.hex()}"
        )

    @classmethod
    def parse(cls, text: str) -> InvitationLink:
        """Read a link. Raises FormatError (`invitation-link`, `invitation-code`)."""
        match = _LINK.fullmatch(text.strip())
        if match is None:
            raise FormatError("invitation-link", "this is not an invitation link, or a part of it is missing")
        try:
            endpoint = unquote(match[2], errors="strict")
        except UnicodeDecodeError as error:
            raise FormatError("invitation-link", "the link's address is not text") from error
        return cls(InvitationCode.parse(match[1]), endpoint, bytes.fromhex(match[3]))
