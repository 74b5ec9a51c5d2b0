"""This process's own keys (role "vault"), made at its first start and kept in its state folder.

They are outside every backup. Losing them costs a new generation of the device, nothing more.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from piccolo_formats.errors import FormatError
from piccolo_formats.keypairs import SigningKey
from piccolo_formats.secret import draw
from piccolo_formats.tls import generate_key, make_certificate, to_pem

from piccolo_vault.core.keys.custody import damaged
from piccolo_vault.core.keys.records import RoleSecrets

if TYPE_CHECKING:
    from piccolo_formats.secret import Random

    from piccolo_vault.ports.custody import StateFiles

FILE = "role.secrets"


@dataclass(frozen=True, slots=True, repr=False)
class RoleKeys:
    """The keys. `certificate` is DER."""

    signing: SigningKey
    local: bytes
    certificate: bytes
    tls_key: bytes

    def tls_identity(self) -> tuple[bytes, bytes]:
        """Returns (certificate PEM, private key PEM)."""
        return to_pem(self.certificate), self.tls_key


def load_or_make(files: StateFiles, random: Random) -> RoleKeys:
    """Returns this process's keys; raises PiccoloError DATA_LOSS (STATE_DAMAGED) when they cannot be read."""
    content = files.load(FILE)
    if content is None:
        content = _make(random).to_record()
        files.save(FILE, content)
    try:
        secrets = RoleSecrets.from_record(content)
        key = serialization.load_der_private_key(secrets.tls, password=None)
        if not isinstance(key, EllipticCurvePrivateKey):
            raise damaged(f"{FILE} holds a key of another kind")
        certificate = make_certificate(key)
    except (FormatError, ValueError, TypeError, UnsupportedAlgorithm) as broken:
        raise damaged(f"{FILE} cannot be read") from broken
    return RoleKeys(
        signing=SigningKey(secrets.signing),
        local=secrets.local,
        certificate=certificate,
        tls_key=_private(key, serialization.Encoding.PEM),
    )


def _make(random: Random) -> RoleSecrets:
    return RoleSecrets(
        signing=draw(random, 32),
        tls=_private(generate_key(), serialization.Encoding.DER),
        local=draw(random, 32),
    )


def _private(key: EllipticCurvePrivateKey, encoding: serialization.Encoding) -> bytes:
    return key.private_bytes(encoding, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
