"""Codes of an authenticator app (TOTP, RFC 6238): SHA-1, six digits, steps of 30 seconds, as all apps know.

Rules:
* A code is taken in its own step and in the one on either side: clocks differ.
* A code is used once: no step is taken that is not later than the last one that was.
"""

from __future__ import annotations

import base64
from hmac import compare_digest
from typing import Final

import pyotp

STEP: Final = 30
SECRET_BYTES: Final = 20
_WINDOW: Final = (0, -1, 1)


def secret(random: bytes) -> str:
    """A new secret as apps take it, base32; `random` is SECRET_BYTES long."""
    return base64.b32encode(random).decode()


def address(secret_: str, device: str) -> str:
    """The otpauth address of a secret, to be shown as a QR code."""
    return pyotp.TOTP(secret_).provisioning_uri(name=device, issuer_name="Piccolo")


def matched(secret_: str, code: str, now: int, last_step: int) -> int | None:
    """The step whose code it is; None when it is no code, or one that was used.

    Args:
        secret_: base32.
        code: what was typed; spaces count for nothing.
        now: seconds since 1970.
        last_step: the last one that was taken; -1 before the first.
    """
    typed = "".join(code.split()).encode("utf-8", "surrogateescape")
    totp = pyotp.TOTP(secret_)
    found = None
    for step in (now // STEP + near for near in _WINDOW):
        right = step >= 0 and compare_digest(totp.generate_otp(step).encode(), typed)
        if right and step > last_step:
            found = step
    return found
