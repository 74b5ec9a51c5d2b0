"""The keys as the way of a file sees them, and what it tells back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from piccolo_chassis.errors import Kind, PiccoloError
from piccolo_formats.errors import FormatError
from piccolo_formats.fek import wrapped_epoch

from piccolo_vault.core.keys.refusals import key_loading

if TYPE_CHECKING:
    from piccolo_formats.kek import Kek
    from piccolo_formats.keypairs import SealingKey, SigningKey

    from piccolo_vault.core.compared import Compared
    from piccolo_vault.core.resealed import Resealed
    from piccolo_vault.engine.keys.aftermath import Fence, Quiet
    from piccolo_vault.engine.keys.custody import Custody
    from piccolo_vault.engine.keys.role_keys import RoleKeys
    from piccolo_vault.engine.keys.settling import Settling


class DeviceKeyring:
    """`Keyring`, `Aftermath`, `Exposure` and `Renewals` of this device."""

    def __init__(
        self, custody: Custody, roles: RoleKeys, fence: Fence, quiet: Quiet, settling: Settling
    ) -> None:
        self._custody, self._roles, self._fence, self._quiet = custody, roles, fence, quiet
        self._settling = settling

    def kek(self) -> Kek:
        """Returns the KEK; raises PiccoloError LOCKED, or PRECONDITION before there is a confirmed one."""
        return self._custody.kek()

    def kek_epoch(self) -> int:
        """Returns the number of the KEK in force, from 1."""
        return self._custody.owner().epoch

    def kek_for(self, wrapped: bytes) -> Kek:
        """Returns the KEK of a wrapped key's epoch; raises PiccoloError LOCKED, UNAVAILABLE (KEY_LOADING)."""
        try:
            epoch = wrapped_epoch(wrapped)
        except FormatError:
            epoch = self.kek_epoch()  # whoever unwraps it says what is wrong with it
        return self._custody.kek_of(epoch)

    def backups(self) -> tuple[SealingKey, ...]:
        """Returns the keys that open commit records, the one in force first.

        Raises PiccoloError LOCKED, or UNAVAILABLE (KEY_LOADING) until it is known whether there is another.
        """
        kek, former = self._custody.kek(), self._custody.former
        if not self._custody.former_known:
            raise key_loading()
        return tuple(each.backup() for each in (kek, former) if each is not None)

    def owner_id(self) -> bytes:
        """Returns the owner's 32-byte id; raises PiccoloError PRECONDITION while there is none."""
        return self._custody.owner().owner

    def owner_root(self) -> bytes:
        """Returns the public key of the owner root in force."""
        return self._custody.owner().root

    def generation(self) -> int:
        """Returns the generation of this device's certificate; raises PiccoloError NO_CIRCLE or FENCED."""
        self._fence.check()
        owner = self._custody.owner()
        if owner.device is None:
            raise no_circle()
        return owner.generation

    def backup_public(self) -> bytes:
        """Returns the X25519 public key that commit records are sealed to."""
        return self._custody.owner().backup

    def signing_key(self) -> SigningKey:
        """Returns this process's role key, which signs layouts and commit records."""
        return self._roles.signing

    def local_key(self) -> bytes:
        """Returns 32 bytes that never leave this device's vault."""
        return self._roles.local

    def tls_identity(self) -> tuple[bytes, bytes]:
        """Returns (certificate PEM, private key PEM) of role "vault"."""
        return self._roles.tls_identity()

    def may_bury(self) -> bool:
        """Returns whether tombstones may be sent."""
        return self._quiet.over and not self._fence.up

    def unreconciled(self) -> bool:
        """Returns whether members are still to be asked for what is newer than the backup."""
        return self._quiet.waits

    def comparing(self, done: int, total: int) -> None:
        """So many unknown objects were brought back."""
        self._quiet.comparing(done, total)

    def renewing(self) -> bool:
        """Whether keepers may still have records that only the former words open."""
        return not self._fence.up and self._settling.renewing

    def renewed(self, done: int, total: int, waiting: int) -> None:
        """So many objects' records are renewed; `waiting` are tried again."""
        self._settling.renewed(done, total, waiting)

    def exposed_through(self) -> int:
        """Returns the last generation under words that strangers may know, 0 when there are none such.

        Raises PiccoloError UNAVAILABLE (KEY_LOADING) until that is known.
        """
        if not self._custody.former_known:
            raise key_loading()
        return self._settling.exposed_through

    def suspected_through(self) -> int:
        """Returns the last generation of which nobody tells what exposed words opened; 0: there is none such.

        Raises PiccoloError UNAVAILABLE (KEY_LOADING) until that is known.
        """
        if not self._custody.former_known:
            raise key_loading()
        return self._settling.suspected_through

    def sealing(self) -> bool:
        """Whether files are to be sealed anew now."""
        return not self._fence.up and self._settling.sealing

    def resealed(self, told: Resealed) -> None:
        """How far that is."""
        self._settling.resealed(told)

    def compared(self, told: Compared) -> None:
        """Everybody who answered was asked for what is newer than the backup."""
        self._quiet.end_asking(told)

    def reconciled(self) -> None:
        """Every member's inventory was compared with what is known here."""
        self._quiet.end()

    def fenced_by(self, claim: bytes) -> None:
        """A keeper answered with the claim of a newer device."""
        self._fence.raise_for_claim(claim, self._custody.owner())


def no_circle() -> PiccoloError:
    """Returns the error of a device that is in no circle."""
    return PiccoloError(
        Kind.PRECONDITION,
        "NO_CIRCLE",
        "This device is in no circle yet. Found one, or join one by an invitation.",
    )
