"""What the way of a file may ask of the owner's keys and of the circle."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from piccolo_formats.kek import Kek
    from piccolo_formats.keypairs import SealingKey, SigningKey

    from piccolo_vault.core.circle import Circle
    from piccolo_vault.core.compared import Compared
    from piccolo_vault.core.resealed import Resealed


class Keyring(Protocol):
    """The keys of this process. Everything but `kek` works on a locked device."""

    def kek(self) -> Kek:
        """Returns the KEK; raises PiccoloError LOCKED (kind locked) on a locked device.

        Ask again for every file: whoever keeps it keeps the device open after `Lock`.
        """

    def kek_epoch(self) -> int:
        """Returns the number of the KEK in force, from 1."""

    def kek_for(self, wrapped: bytes) -> Kek:
        """Returns the KEK of a wrapped key's epoch.

        Raises PiccoloError LOCKED, or UNAVAILABLE (KEY_LOADING) right after an unlock.
        """

    def backups(self) -> tuple[SealingKey, ...]:
        """Returns the keys that open commit records, the one in force first.

        Raises PiccoloError LOCKED, or UNAVAILABLE (KEY_LOADING) until it is known whether there is another.
        """

    def owner_id(self) -> bytes:
        """Returns the owner's 32-byte id; raises PiccoloError NOT_SET_UP while there is no KEK."""

    def owner_root(self) -> bytes:
        """Returns the public key of the owner root in force."""

    def generation(self) -> int:
        """Returns the generation of this device's certificate.

        Raises PiccoloError NO_CIRCLE before there is one, and FENCED (kind denied) once a newer device of
        this owner took over: every mutation carries its generation, so a fenced device writes nothing.
        """

    def backup_public(self) -> bytes:
        """Returns the X25519 public key that commit records are sealed to."""

    def signing_key(self) -> SigningKey:
        """Returns this process's role key ("vault"), which signs layouts and commit records."""

    def local_key(self) -> bytes:
        """Returns 32 bytes that never leave this device's vault.

        They seal layout keys for repair while locked.
        """

    def tls_identity(self) -> tuple[bytes, bytes]:
        """Returns (certificate PEM, private key PEM) of role "vault", for dialling keepers."""

    def may_bury(self) -> bool:
        """Returns whether tombstones may be sent.

        False after a recovery until every member's inventory was reconciled (or 45 days passed): until then
        what this device does not know may well be what its owner wants.
        """

    def unreconciled(self) -> bool:
        """Returns whether, after a recovery, members are still to be asked for what is newer than the backup.

        However long that takes: who comes back after a year may alone have a file that is in no backup.
        """


class Renewals(Protocol):
    """What the keys want of the commit records after new words came into force."""

    def renewing(self) -> bool:
        """Whether keepers may still have records that only the former words open."""

    def renewed(self, done: int, total: int, waiting: int) -> None:
        """So many objects' records are renewed at all their keepers; `waiting` failed and are tried again.

        With all done and none waiting there is nothing left that the former words are needed for.
        """


class Exposure(Protocol):
    """What the keys want after words were exposed, and what they are told of it."""

    def exposed_through(self) -> int:
        """Returns the last device generation under words that strangers may know; 0: there are none such.

        While there are, what is buried because nobody needs it is purged.
        """

    def suspected_through(self) -> int:
        """Returns the last generation of which nobody tells what words that strangers may know opened.

        What members bring back of it counts as exposed. 0: there are no such words, or what they opened was
        marked. Raises PiccoloError UNAVAILABLE (KEY_LOADING).
        """

    def sealing(self) -> bool:
        """Whether it is time to seal anew: nothing is wrapped or recorded for those words any more."""

    def resealed(self, told: Resealed) -> None:
        """How far that is."""


class Aftermath(Protocol):
    """What the way of a file tells the keys about what keepers said. Kept across restarts."""

    def comparing(self, done: int, total: int) -> None:
        """After a recovery, so many objects that the memory does not know were brought back (0 of 0: the
        members are being asked which there are)."""

    def compared(self, told: Compared) -> None:
        """After a recovery, everybody who answered was asked once for what is newer than the backup."""

    def reconciled(self) -> None:
        """Every member's inventory was compared with what is known here: burying is allowed again."""

    def fenced_by(self, claim: bytes) -> None:
        """A keeper answered with Signed("claim") of a newer device of this owner.

        Believed only when the owner root signed it for a higher generation than this device's.
        """


class CircleSource(Protocol):
    """The circle as it changes."""

    def current(self) -> Circle:
        """Returns the circle as last heard; raises PiccoloError NO_CIRCLE when this device is in none."""

    async def changed(self) -> None:
        """Returns at the next change of the circle."""
