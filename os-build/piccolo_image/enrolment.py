"""Our keys as a firmware in setup mode takes them: authenticated variables, each signed by the key above it.

Sources: UEFI specification 2.10, 8.2.2 (EFI_VARIABLE_AUTHENTICATION_2) and 32.4.1 (signature lists);
systemd-boot(7) for where it looks for them.

Rules:
* What is signed names the attributes that the firmware is asked to keep the variable with: with any others it
  takes the signature for a wrong one.
* The signature is CMS's SignedData without the ContentInfo around it, which older firmwares do not know.
"""

from __future__ import annotations

import struct
from datetime import datetime
from pathlib import Path
from typing import Final
from uuid import UUID

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key
from cryptography.hazmat.primitives.serialization.pkcs7 import PKCS7Options, PKCS7SignatureBuilder

from piccolo_image import pcrs
from piccolo_image.keys import Keys

_ABOVE: Final = {"PK": "PK", "KEK": "PK", "db": "KEK"}
_VENDORS: Final = {"PK": pcrs.GLOBAL, "KEK": pcrs.GLOBAL, "db": pcrs.SECURITY}
_ATTRIBUTES: Final = 0x27  # kept; seen in boot services; seen at run time; authenticated by time
_PKCS7: Final = UUID("4aafd29d-68df-49ee-8aa9-347d375665a7")
_REVISION: Final = 0x0200
_KIND: Final = 0x0EF1  # WIN_CERT_TYPE_EFI_GUID
_BARE: Final = 19  # bytes of ContentInfo before SignedData, which is longer than 255 bytes
_OPTIONS: Final = (
    PKCS7Options.Binary,
    PKCS7Options.DetachedSignature,
    PKCS7Options.NoAttributes,
)


def write(keys: Keys, folder: Path, now: datetime) -> None:
    """Writes PK.auth, KEK.auth and db.auth into a folder; none replaces what is newer than `now`."""
    for role in _ABOVE:
        (folder / f"{role}.auth").write_bytes(variable(keys, role, now))


def variable(keys: Keys, role: str, now: datetime) -> bytes:
    """One of them, with what authenticates it in front; `now` is UTC."""
    listed = pcrs.signature_list(pcrs.X509, UUID(keys.owner), pcrs.der(keys[f"{role}.crt"]))
    time = struct.pack("<HBBBBBxIhBx", *now.timetuple()[:6], 0, 0, 0)
    head = role.encode("utf-16-le") + _VENDORS[role].bytes_le + struct.pack("<I", _ATTRIBUTES) + time
    signature = _PKCS7.bytes_le + _signed(keys, _ABOVE[role], head + listed)
    return time + struct.pack("<IHH", 8 + len(signature), _REVISION, _KIND) + signature + listed


def _signed(keys: Keys, role: str, content: bytes) -> bytes:
    certificate = x509.load_pem_x509_certificate(keys[f"{role}.crt"].read_bytes())
    key = load_pem_private_key(keys[f"{role}.key"].read_bytes(), None)
    if not isinstance(key, RSAPrivateKey):
        raise TypeError(f"{role}.key is no RSA key, and firmwares know no others")
    builder = PKCS7SignatureBuilder().set_data(content).add_signer(certificate, key, SHA256())
    return builder.sign(Encoding.DER, list(_OPTIONS))[_BARE:]
