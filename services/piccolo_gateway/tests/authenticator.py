"""A passkey in software: makes what a browser's `credential.toJSON()` gives (WebAuthn level 3, CTAP 2)."""

from __future__ import annotations

import base64
import json
import secrets
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, Final

import cbor2
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256

_PRESENT: Final = 0x01
_ATTESTED: Final = 0x40


@dataclass(slots=True)
class Authenticator:
    """One passkey. `origin` is what the browser says it shows; `count` is how often it was used."""

    origin: str
    count: int = 0
    host: str = ""
    credential_id: bytes = field(default_factory=lambda: secrets.token_bytes(32))
    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))

    def create(self, options: dict[str, Any]) -> dict[str, Any]:
        """The answer to `navigator.credentials.create()`."""
        self.host = options["rp"]["id"]
        attested = bytes(16) + len(self.credential_id).to_bytes(2) + self.credential_id + self._cose()
        made = {"fmt": "none", "attStmt": {}, "authData": self._data(_PRESENT | _ATTESTED) + attested}
        said = self._client("webauthn.create", options["challenge"])
        return self._credential(
            {"clientDataJSON": said, "attestationObject": cbor2.dumps(made)},
            {"transports": ["internal", "of a standard to come"], "publicKeyAlgorithm": -7},
        )

    def get(self, options: dict[str, Any]) -> dict[str, Any]:
        """The answer to `navigator.credentials.get()`."""
        self.count += 1
        data, said = self._data(_PRESENT), self._client("webauthn.get", options["challenge"])
        signature = self.key.sign(data + sha256(said).digest(), ec.ECDSA(SHA256()))
        shown = {"clientDataJSON": said, "authenticatorData": data, "signature": signature}
        return self._credential(shown, {"userHandle": None})

    def _credential(self, answer: dict[str, bytes], more: dict[str, Any]) -> dict[str, Any]:
        name = _text(self.credential_id)
        response = {key: _text(value) for key, value in answer.items()}
        return {
            "id": name,
            "rawId": name,
            "type": "public-key",
            "authenticatorAttachment": "platform",
            "clientExtensionResults": {},
            "response": {**response, **more},
        }

    def _data(self, flags: int) -> bytes:
        return sha256(self.host.encode()).digest() + bytes([flags]) + self.count.to_bytes(4)

    def _client(self, kind: str, challenge: str) -> bytes:
        said = {"type": kind, "challenge": challenge, "origin": self.origin, "crossOrigin": False}
        return json.dumps(said).encode()

    def _cose(self) -> bytes:
        """The public key (RFC 9053): EC2, ES256, P-256."""
        numbers = self.key.public_key().public_numbers()
        return cbor2.dumps({1: 2, 3: -7, -1: 1, -2: numbers.x.to_bytes(32), -3: numbers.y.to_bytes(32)})


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")
