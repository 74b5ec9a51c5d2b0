"""Who a device is and where it is found (section 9)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, ClassVar

from piccolo_formats.records import shapes as s
from piccolo_formats.records.codec import Part, Record, key


@dataclass(frozen=True, slots=True, kw_only=True)
class SigningKeys(Part):
    """The Ed25519 public keys of a device's roles."""

    vault: s.PublicKey
    metadata: s.PublicKey
    fragment_store: s.PublicKey = field(metadata=key("fragment-store"))
    attestation: s.PublicKey


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsCertificates(Part):
    """The DER certificates of a device's roles: fragment-store serves, vault and attestation dial."""

    fragment_store: s.Certificate = field(metadata=key("fragment-store"))
    vault: s.Certificate
    attestation: s.Certificate


@dataclass(frozen=True, slots=True, kw_only=True)
class Device(Record):
    """A device certificate, signed by the owner root."""

    TYPE: ClassVar[str] = "device"

    circle: s.Id
    owner: s.OwnerId
    root: s.PublicKey
    admin: s.PublicKey
    enrol: s.Certificate
    generation: s.Count
    name: s.Name
    signing: SigningKeys
    tls: TlsCertificates
    ak: Annotated[bytes, s.Bytes(1, 4096)] | None
    created: s.U64


@dataclass(frozen=True, slots=True, kw_only=True)
class Presence(Record):
    """Where a device is reached and how many bytes it offers, signed by its attestation role key."""

    TYPE: ClassVar[str] = "presence"

    circle: s.Id
    owner: s.OwnerId
    generation: s.Count
    seq: s.Count
    name: s.Name
    endpoints: Annotated[tuple[s.Name, ...], 16]
    offer: s.U64
