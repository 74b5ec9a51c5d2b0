"""Who may touch a log: whoever signs with the locator key, or with a key that the locator key delegated.

The signature is Ed25519 over `"piccolo/cloud/v1" | 0x00 | method | 0x00 | nonce | digest("request", locator
| u64 argument)` (protos/piccolo/cloud/v1/cloud.proto).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from piccolo_chassis.errors import Kind, PiccoloError
from piccolo_formats.digests import digest
from piccolo_formats.errors import FormatError
from piccolo_formats.keypairs import signature_is_valid
from piccolo_formats.records.backup import Delegation
from piccolo_formats.signed import open_signed


@dataclass(frozen=True, slots=True)
class Authority:
    """What a request says to prove its right; the fields are those on the wire."""

    locator: bytes
    delegation: bytes
    nonce: bytes
    signature: bytes


@dataclass(frozen=True, slots=True)
class Caller:
    """A proven caller: the log it speaks for, the key that signed, whether that is the locator key itself."""

    locator: bytes
    key: bytes
    is_owner: bool


def request_message(method: str, nonce: bytes, locator: bytes, argument: int) -> bytes:
    """Return the bytes that the signature is over."""
    request = digest("request", locator, struct.pack(">Q", argument))
    return b"piccolo/cloud/v1\x00" + method.encode() + b"\x00" + nonce + request


def prove(authority: Authority, method: str, argument: int) -> Caller:
    """Check delegation and signature; the nonce is the caller's to check.

    Raises PiccoloError UNAUTHENTICATED: DELEGATION_WRONG, SIGNATURE_WRONG.
    """
    key = _signer(authority)
    message = request_message(method, authority.nonce, authority.locator, argument)
    if not signature_is_valid(key, authority.signature, message):
        raise PiccoloError(
            Kind.UNAUTHENTICATED,
            "SIGNATURE_WRONG",
            "The request is not signed by a key that may use this log.",
        )
    return Caller(authority.locator, key, is_owner=not authority.delegation)


def _signer(authority: Authority) -> bytes:
    if not authority.delegation:
        return authority.locator
    try:
        signed = open_signed(Delegation, authority.delegation, required=[authority.locator])
    except FormatError as wrong:
        raise _wrong_delegation(wrong.message) from wrong
    if signed.record.locator != authority.locator:
        raise _wrong_delegation("it is for another log")
    return signed.record.key


def _wrong_delegation(why: str) -> PiccoloError:
    return PiccoloError(Kind.UNAUTHENTICATED, "DELEGATION_WRONG", f"The delegation proves nothing: {why}.")
