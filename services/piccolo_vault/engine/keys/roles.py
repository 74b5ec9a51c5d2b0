"""The other services of this device, and the keys of all its processes, which its certificate names."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from piccolo_chassis.errors import Kind, PiccoloError

from piccolo_vault.core.keys.certificates import ROLES, TLS_ROLES
from piccolo_vault.ports.trust import RolePublic

if TYPE_CHECKING:
    from collections.abc import Mapping

    from piccolo_vault.core.keys.certificates import Keys
    from piccolo_vault.engine.keys.role_keys import RoleKeys
    from piccolo_vault.ports.backups import Backups, Remembers
    from piccolo_vault.ports.trust import Identity, Trust


class Roles:
    """The keys of this device's processes, as attestation has them."""

    def __init__(self, own: RoleKeys, trust: Trust, backups: Backups) -> None:
        self._own, self._trust, self._backups = own, trust, backups

    async def register(self) -> bool:
        """Tells this process's keys; returns whether the certificate in force names exactly these."""
        keys = RolePublic(signing=self._own.signing.public, tls=self._own.certificate)
        return await self._trust.register("vault", keys)

    async def gather(self) -> Mapping[str, Keys]:
        """Returns every role's keys; raises PiccoloError UNAVAILABLE (ROLES_MISSING) while one is not told.

        Metadata calls nobody, so its key is read from it and told to attestation here.
        """
        await self.register()
        key = await self._backups.backup_key()
        await self._trust.register("metadata", RolePublic(signing=key, tls=b""))
        return complete(await self._trust.identity())


@dataclass(frozen=True, slots=True)
class Neighbours:
    """This device's other services, as the keys use them."""

    trust: Trust
    backups: Backups
    remembers: Remembers
    roles: Roles


def complete(identity: Identity) -> Mapping[str, Keys]:
    """Returns the registered roles' keys; raises as `Roles.gather`."""
    found = {role: (keys.signing, keys.tls) for role, keys in identity.roles.items() if role in ROLES}
    missing = {role for role in ROLES if not found.get(role, (b"", b""))[0]}
    missing |= {role for role in TLS_ROLES if not found.get(role, (b"", b""))[1]}
    missing |= set(identity.missing)
    if missing:
        names = ", ".join(sorted(missing))
        raise PiccoloError(
            Kind.UNAVAILABLE,
            "ROLES_MISSING",
            f"This device is still starting: {names} has not told its keys yet. Try again in a moment.",
            {"missing": names},
        )
    return found
