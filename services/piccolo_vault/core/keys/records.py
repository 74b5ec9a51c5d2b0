"""What the vault keeps in its own state folder: one small record a file, each replaced whole.

None of it travels in a backup. What is secret here (the role keys) is only worth something on this device.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, ClassVar

from piccolo_formats.errors import FormatError
from piccolo_formats.records import shapes as s
from piccolo_formats.records.codec import Record

WORDS = 24
ASKED = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleSecrets(Record):
    """This process's own keys; losing them means a new generation, nothing more.

    `signing` is an Ed25519 seed, `tls` a P-256 key (PKCS#8 DER), `local` seals what only this vault reads.
    """

    TYPE: ClassVar[str] = "role-secrets"

    signing: s.Hash
    tls: Annotated[bytes, s.Bytes(1, 1024)]
    local: s.Hash


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnerRecord(Record):
    """Whose device this is: the public halves that a locked device works with.

    `ask` lists the three words asked back; empty once they were confirmed. `generation` is this device's
    number, `device` its certificate (Signed, null before there is a circle), `claim` the Signed claim that
    the backup log has not taken yet.
    """

    TYPE: ClassVar[str] = "owner"

    owner: s.OwnerId
    root: s.PublicKey
    locator: s.PublicKey
    backup: s.PublicKey
    epoch: s.Epoch
    generation: s.Count
    ask: Annotated[tuple[s.U8, ...], ASKED]
    device: s.SignedBytes | None
    claim: s.SignedBytes | None

    @property
    def confirmed(self) -> bool:
        """Whether the person has shown to have the words."""
        return not self.ask

    def check(self) -> None:
        """Raise FormatError unless none or three different words are asked, in order."""
        if self.ask and (len(self.ask) != ASKED or list(self.ask) != sorted(set(self.ask))):
            raise FormatError("owner-ask", "three different words are asked back, in order")
        if any(not 1 <= position <= WORDS for position in self.ask):
            raise FormatError("owner-ask", "there are 24 words")


@dataclass(frozen=True, slots=True, kw_only=True)
class Tries(Record):
    """How many passphrases in a row were wrong."""

    TYPE: ClassVar[str] = "tries"

    failures: s.U32


@dataclass(frozen=True, slots=True, kw_only=True)
class FenceRecord(Record):
    """A newer device of this owner took over. Each field is 0 or null while it is not known."""

    TYPE: ClassVar[str] = "fence"

    generation: s.U64
    time: s.U64
    name: s.Name | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RestoredRecord(Record):
    """When this device was recovered, and for how many seconds it has run since."""

    TYPE: ClassVar[str] = "restored"

    time: s.U64
    running: s.U64


@dataclass(frozen=True, slots=True, kw_only=True)
class RotationRecord(Record):
    """New words that were confirmed and are not in force yet: both KEKs under the passphrase.

    `old` and `new` are records "kek". While it is there it counts, and not the file of the one KEK.
    """

    TYPE: ClassVar[str] = "rotation"

    owner: s.OwnerId
    exposed: bool
    time: s.U64
    old: Annotated[bytes, s.Bytes(1, 1024)]
    new: Annotated[bytes, s.Bytes(1, 1024)]


class RecoveryPhase(StrEnum):
    """How far a recovery is. REBUILT: there is no backup, the members fill the memory at the end."""

    RESTORING = "restoring"
    RESTORED = "restored"
    REBUILT = "rebuilt"


@dataclass(frozen=True, slots=True, kw_only=True)
class RecoveryJournal(Record):
    """A recovery under way. `name` is the wish for the device's name; the rest is what the backup said."""

    TYPE: ClassVar[str] = "recovery"

    owner: s.OwnerId
    phase: RecoveryPhase
    seq: s.U64
    name: s.Name | None
    generation: s.U64
    confirmed_until: s.U64
    device_until: s.U64
    files: s.U64


@dataclass(frozen=True, slots=True, kw_only=True)
class SuccessionJournal(Record):
    """A new generation under way: the certificate and claim that were shown to others, so that a repeated
    attempt shows the same. `promised`: a majority of the keepers promised."""

    TYPE: ClassVar[str] = "succession"

    device: s.SignedBytes
    claim: s.SignedBytes
    promised: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class OutcomeRecord(Record):
    """The result of a recovery that ended, until its operation has been told."""

    TYPE: ClassVar[str] = "outcome"

    operation: s.Name
    result: Annotated[str, s.Text(4096)]
