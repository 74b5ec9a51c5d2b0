"""Second factors as they are kept, and the codes for when they are lost.

Rules:
* A record is JSON under `factor/<id>`; a newer release's further fields do no harm. One that cannot be read
  counts as a factor all the same: damage must not open the door. It can be removed.
* Recovery codes are kept as SHA-256: 80 random bits have nothing to guess. Each is good once; new ones
  replace all.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

import msgspec

from piccolo_gateway.core.bodies.factors import Factor, FactorKind

KEY: Final = "factor/"
CODES_KEY: Final = "recovery-codes"
ID_BYTES: Final = 8
CODES: Final = 10
CODE_BYTES: Final = 10
_GROUP: Final = 4


class TotpSecret(msgspec.Struct, frozen=True):
    """What an app's codes are made of; `last_step` is the last one that was used."""

    secret: str
    last_step: int


class Credential(msgspec.Struct, frozen=True):
    """A passkey's public half, and the host name that it is for."""

    credential_id: bytes
    public_key: bytes
    sign_count: int
    host: str
    transports: list[str] = []


class Record(msgspec.Struct, frozen=True):
    """A factor as it is kept: one of `totp` and `passkey`, or neither when it cannot be read."""

    factor_id: str
    name: str
    created: int
    last_used: int
    totp: TotpSecret | None = None
    passkey: Credential | None = None

    @property
    def key(self) -> str:
        """Where it is kept."""
        return KEY + self.factor_id

    @property
    def kind(self) -> FactorKind:
        """What it is."""
        return "totp" if self.totp else "passkey" if self.passkey else "unreadable"

    def encode(self) -> bytes:
        """The kept value."""
        return msgspec.json.encode(self)

    def told(self) -> Factor:
        """The factor as it is shown."""
        return Factor(
            factor_id=self.factor_id,
            kind=self.kind,
            name=self.name,
            created=self.created,
            last_used=self.last_used,
            host=self.passkey.host if self.passkey else "",
        )


class Codes(msgspec.Struct, frozen=True):
    """Recovery codes as they are kept."""

    made: int
    digests: list[str]

    def encode(self) -> bytes:
        """The kept value."""
        return msgspec.json.encode(self)

    def without(self, code: str) -> Codes | None:
        """The rest when a code is one of them, None when it is not."""
        used = _digest(code)
        rest = [one for one in self.digests if one != used]
        return Codes(self.made, rest) if len(rest) < len(self.digests) else None


NO_CODES: Final = Codes(0, [])


@dataclass(frozen=True, slots=True)
class Kept:
    """All factors, the oldest first, and the recovery codes."""

    factors: tuple[Record, ...]
    codes: Codes

    @property
    def wanted(self) -> bool:
        """Whether a login needs more than the passphrase."""
        return bool(self.factors)

    @property
    def has_totp(self) -> bool:
        """Whether a code of an app can be asked for."""
        return any(one.totp for one in self.factors)

    def passkeys(self, host: str) -> list[Credential]:
        """The passkeys that a browser at this host name can use."""
        return [one.passkey for one in self.factors if one.passkey and one.passkey.host == host]

    def find(self, factor_id: str) -> Record | None:
        """One factor."""
        return next((one for one in self.factors if one.factor_id == factor_id), None)


def decode(key: str, value: bytes) -> Record:
    """The record that was kept under a key, or one that says that it cannot be read."""
    try:
        record = msgspec.json.decode(value, type=Record)
        if record.key == key:
            return record
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        pass
    return Record(key.removeprefix(KEY), "(cannot be read)", 0, 0)


def decode_codes(value: bytes | None) -> Codes:
    """The codes that were kept; none when they cannot be read."""
    try:
        return msgspec.json.decode(value, type=Codes) if value else NO_CODES
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return NO_CODES


def same_id(credential_id: bytes, told: str) -> bool:
    """Whether a browser's base64url names this credential."""
    return base64.urlsafe_b64encode(credential_id).decode().rstrip("=") == told.rstrip("=")


def make_codes(random: bytes, now: int) -> tuple[list[str], Codes]:
    """New recovery codes, and what is kept of them; `random` is CODES * CODE_BYTES long."""
    codes = []
    for at in range(0, CODES * CODE_BYTES, CODE_BYTES):
        text = base64.b32encode(random[at : at + CODE_BYTES]).decode().lower()
        codes.append("-".join(text[i : i + _GROUP] for i in range(0, len(text), _GROUP)))
    return codes, Codes(now, [_digest(code) for code in codes])


def _digest(code: str) -> str:
    typed = "".join(sign for sign in code.lower() if sign.isalnum())
    return sha256(b"piccolo/recovery-code/" + typed.encode("utf-8", "surrogateescape")).hexdigest()
