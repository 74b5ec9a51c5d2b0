"""The device's root in the forms that systems install: DER, PEM, and Apple's configuration profile.

The profile's identifiers follow from the root, so that installing it again replaces it.
"""

from __future__ import annotations

import base64
import plistlib
from hashlib import sha256
from typing import Final
from uuid import UUID, uuid5

DER_MEDIA: Final = "application/x-x509-ca-cert"
PEM_MEDIA: Final = "application/x-pem-file"
APPLE_MEDIA: Final = "application/x-apple-aspen-config"
_SPACE: Final = UUID("6f6c6f63-6369-5070-8000-726f6f742f31")


def fingerprint(der: bytes) -> str:
    """SHA-256 of a certificate, as systems show it."""
    return ":".join(f"{byte:02X}" for byte in sha256(der).digest())


def pem(der: bytes) -> bytes:
    """The certificate as PEM (RFC 7468)."""
    text = base64.b64encode(der).decode()
    lines = "\n".join(text[at : at + 64] for at in range(0, len(text), 64))
    return f"-----BEGIN CERTIFICATE-----\n{lines}\n-----END CERTIFICATE-----\n".encode()


def apple(der: bytes) -> bytes:
    """A profile that offers the root to iOS, iPadOS and macOS."""
    mark = sha256(der).hexdigest()
    payload = {
        "PayloadCertificateFileName": "piccolo.cer",
        "PayloadContent": der,
        "PayloadDescription": "Lets this device recognise your Piccolo at home.",
        "PayloadDisplayName": "Piccolo at home",
        "PayloadIdentifier": f"piccolo.root.{mark[:16]}",
        "PayloadType": "com.apple.security.root",
        "PayloadUUID": str(uuid5(_SPACE, mark)).upper(),
        "PayloadVersion": 1,
    }
    profile = {
        "PayloadContent": [payload],
        "PayloadDescription": "It may vouch for names and addresses of your home's network only.",
        "PayloadDisplayName": "Piccolo at home",
        "PayloadIdentifier": f"piccolo.profile.{mark[:16]}",
        "PayloadType": "Configuration",
        "PayloadUUID": str(uuid5(_SPACE, f"profile {mark}")).upper(),
        "PayloadVersion": 1,
    }
    return plistlib.dumps(profile)
