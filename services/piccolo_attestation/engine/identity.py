"""Who this device is: its own role keys, what the other processes registered, the certificate in force.

Rules:
* The own keys are made at the first start and stay in the state folder, outside of any backup.
* A role registers at each start of its process. Other keys than before are taken, and then the certificate in
  force does not name them: the vault, which is told at once, makes one of the next generation.
* A certificate is installed only if it names exactly the registered keys. In a circle it must be of that
  circle and of a higher generation than the one in force; the same bytes again are no change.
* The name in the certificate is the one that the device began with. What it is called since is kept beside
  it, and given up with that circle, or when a later certificate brings another name.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from cryptography.hazmat.primitives.asymmetric import ec
from piccolo_chassis.errors import Kind, PiccoloError
from piccolo_chassis.logs import fields
from piccolo_formats.device_record import device_name, open_device
from piccolo_formats.errors import FormatError
from piccolo_formats.keypairs import SigningKey
from piccolo_formats.records.device import Device
from piccolo_formats.signed import Signed, open_signed
from piccolo_formats.tls import check_certificate, generate_key, make_certificate

from piccolo_attestation.core import kept
from piccolo_attestation.core.endpoints import is_dialable
from piccolo_attestation.core.judging import judged
from piccolo_attestation.engine.changes import Changes, whole
from piccolo_attestation.ports import Files, Random

OWN = "attestation"
ROLES = ("vault", "metadata", "fragment-store", OWN)
TLS_ROLES = ("vault", "fragment-store", OWN)
_KEYS, _IDENTITY, _NAME = "keys", "identity", "name"
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class RoleKeys:
    """A role's public keys: Ed25519, 32 bytes, and DER certificate; empty where it has none."""

    signing: bytes
    tls: bytes


@dataclass(frozen=True, slots=True)
class OwnKeys:
    """This service's private keys, and the certificate by which it dials peers."""

    signing: SigningKey
    tls: ec.EllipticCurvePrivateKey
    certificate: bytes


class Identity:
    """The identity of this device, as far as this service holds it."""

    def __init__(
        self, files: Files, own: OwnKeys, state: kept.Identity, called: kept.Called | None = None
    ) -> None:
        self._files, self.own, self._called = files, own, called
        self.registrations = Changes()
        self._lock = asyncio.Lock()
        self.certificate: Signed[Device] | None = None
        self._believe(state)

    @classmethod
    async def open(cls, files: Files, random: Random) -> Identity:
        """Reads the state folder; makes the own keys when there are none."""
        content = files.load(_KEYS)
        if content is None:
            scalar = generate_key().private_numbers().private_value.to_bytes(32)
            content = kept.Keys(signing=random(32), tls=scalar).to_record()
            await files.save(_KEYS, content)
        keys = kept.read(kept.Keys, content)
        try:
            tls = ec.derive_private_key(int.from_bytes(keys.tls), ec.SECP256R1())
        except ValueError as no_scalar:
            raise kept.damaged(kept.Keys, "its key is none of P-256") from no_scalar
        own = OwnKeys(SigningKey(keys.signing), tls, make_certificate(tls))
        state = files.load(_IDENTITY)
        return cls(files, own, kept.read(kept.Identity, state) if state else kept.Identity(), _called(files))

    @property
    def roles(self) -> Mapping[str, RoleKeys]:
        """What was registered, this service's own role included."""
        return self._roles

    @property
    def missing(self) -> list[str]:
        """The roles that must register before a certificate can be made."""
        return [role for role in ROLES if role not in self._roles]

    @property
    def endpoint(self) -> str:
        """Where peers dial this device; empty while the fragment-store has not said."""
        return self._state.endpoint

    @property
    def offer(self) -> int:
        """Bytes that this device gives to the circle."""
        return self._state.offer

    def name(self, device: Device) -> str:
        """What the device of this certificate, which is this one, is called."""
        called = self._called
        if called is None or (called.circle, called.instead) != (device.circle, device.name):
            return device.name
        return called.name

    async def rename(self, device: Device, name: str) -> None:
        """Calls the device of this certificate, which is this one, otherwise from now on.

        Raises PiccoloError INVALID, DEVICE_NAME.
        """
        try:
            name = device_name(name)
        except FormatError as refused:
            raise PiccoloError(
                Kind.INVALID, "DEVICE_NAME", f"The name was not taken: {refused.message}. Choose another one."
            ) from refused

        async def renamed() -> None:
            async with self._lock:
                called = kept.Called(circle=device.circle, instead=device.name, name=name)
                await self._files.save(_NAME, called.to_record())
                self._called = called

        await whole(renamed())

    async def register(self, role: str, keys: RoleKeys, endpoint: str, offer: int) -> bool:
        """Takes a role's keys; returns whether the certificate in force names exactly these.

        Raises PiccoloError INVALID (ROLE_WRONG, ENDPOINT_WRONG), DENIED (ROLE_OWN).
        """
        _check_role(role, keys)
        if endpoint and not is_dialable(endpoint):
            raise PiccoloError(
                Kind.INVALID, "ENDPOINT_WRONG", f"Peers cannot dial {endpoint!r}; an address is host:port."
            )

        def registered(before: kept.Identity) -> kept.Identity:
            others = (each for each in before.roles if each.role != role)
            mine = kept.Role(role=role, signing=keys.signing, tls=keys.tls)
            after = replace(before, roles=tuple(sorted((*others, mine), key=lambda each: each.role)))
            return replace(after, endpoint=endpoint, offer=offer) if role == "fragment-store" else after

        if await self._edit(registered):
            self.registrations.tell()
            _log.info("role registered", extra=fields(role=role, endpoint=endpoint))
        device = self.certificate.record if self.certificate else None
        return device is not None and certified_roles(device)[role] == keys

    def judge(
        self, data: bytes, circle: bytes | None, root_of: Callable[[bytes], bytes | None] = lambda _: None
    ) -> Signed[Device]:
        """A certificate that may be installed while this device is in `circle` (None: in none).

        `root_of` tells an owner's root in force, None for an owner's first.

        Raises PiccoloError PRECONDITION (ROLES_MISSING, CERTIFICATE_MISMATCH), CONFLICT (CERTIFICATE_OLD),
        DENIED (RECORD_FORGED, CERTIFICATE_FOREIGN).
        """
        with judged("The device certificate"):
            owner = open_signed(Device, data).record.owner
            signed = open_device(data, root_of(owner))
        if self.missing:
            raise PiccoloError(
                Kind.PRECONDITION,
                "ROLES_MISSING",
                f"These processes have not registered yet: {', '.join(self.missing)}. Start them.",
            )
        if certified_roles(signed.record) != self._roles:
            raise PiccoloError(
                Kind.PRECONDITION,
                "CERTIFICATE_MISMATCH",
                "The certificate names other keys than this device's processes have now; make another.",
            )
        self._check_place(signed, circle)
        return signed

    async def install(self, signed: Signed[Device]) -> None:
        """Puts a certificate in force that was judged."""
        if await self._edit(lambda before: replace(before, device=signed.to_bytes())):
            _log.info("certificate in force", extra=fields(generation=signed.record.generation))

    async def _edit(self, edit: Callable[[kept.Identity], kept.Identity]) -> bool:
        """Changes what is kept as it is at that moment; returns whether it did."""

        async def edited() -> bool:
            async with self._lock:
                after = edit(self._state)
                if after == self._state:
                    return False
                await self._files.save(_IDENTITY, after.to_record())
                self._believe(after)
                return True

        return await whole(edited())

    def _believe(self, state: kept.Identity) -> None:
        self._state = state
        self._roles = {each.role: RoleKeys(each.signing, each.tls) for each in state.roles}
        self._roles[OWN] = RoleKeys(self.own.signing.public, self.own.certificate)
        self.certificate = None
        if state.device:
            with judged("The device certificate in the state folder"):
                root = open_signed(
                    Device, state.device
                ).record.root  # it was the owner's when it was installed
                self.certificate = open_device(state.device, root)

    def _check_place(self, signed: Signed[Device], circle: bytes | None) -> None:
        before = self.certificate
        if before is None or circle is None or before.record_hash() == signed.record_hash():
            return
        if (signed.record.owner, signed.record.circle) != (before.record.owner, circle):
            raise PiccoloError(
                Kind.DENIED,
                "CERTIFICATE_FOREIGN",
                "The certificate is of another owner, or for another circle.",
            )
        if signed.record.generation <= before.record.generation:
            raise PiccoloError(
                Kind.CONFLICT,
                "CERTIFICATE_OLD",
                f"This device has a certificate of generation {before.record.generation} already.",
                {"generation": str(before.record.generation)},
            )


def _called(files: Files) -> kept.Called | None:
    """What the device was called last; a name is not worth standing still for, so a damaged one is let go."""
    try:
        content = files.load(_NAME)
        return kept.read(kept.Called, content) if content else None
    except PiccoloError as failed:
        _log.warning("the name is damaged", extra=fields(reason=failed.reason, why=failed.message))
        return None


def certified_roles(device: Device) -> dict[str, RoleKeys]:
    """The keys that a certificate names, by role."""
    return {
        "vault": RoleKeys(device.signing.vault, device.tls.vault),
        "metadata": RoleKeys(device.signing.metadata, b""),
        "fragment-store": RoleKeys(device.signing.fragment_store, device.tls.fragment_store),
        OWN: RoleKeys(device.signing.attestation, device.tls.attestation),
    }


def _check_role(role: str, keys: RoleKeys) -> None:
    if role == OWN:
        raise PiccoloError(Kind.DENIED, "ROLE_OWN", "This role is attestation's own; it registers itself.")
    if len(keys.signing) != 32:
        raise PiccoloError(Kind.INVALID, "ROLE_WRONG", f"The signing key of {role} must have 32 bytes.")
    if (role in TLS_ROLES) != bool(keys.tls):
        raise PiccoloError(
            Kind.INVALID,
            "ROLE_WRONG",
            f"{role} {'needs a' if role in TLS_ROLES else 'has no'} TLS certificate.",
        )
    if keys.tls:
        with judged(f"The TLS certificate of {role}"):
            check_certificate(keys.tls)
