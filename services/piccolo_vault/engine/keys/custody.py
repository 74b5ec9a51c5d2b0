"""Setup, unlock, lock, passphrases and words: the life of the KEK on one device.

The order of every write is decided in core/custody.py. One use case runs at a time. What is slow (Argon2id)
runs in a thread *before* the first write; the writes and the change in memory follow without a pause in
between, so that a caller who gives up never leaves the two apart.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeVar

from piccolo_chassis.errors import Kind, PiccoloError
from piccolo_formats.errors import AuthenticationError, FormatError
from piccolo_formats.kek import Kek
from piccolo_formats.passphrase import SealedKek, open_kek, seal_kek

from piccolo_vault.core.keys.custody import Held, Stage, Step, damaged, permit, stage_of
from piccolo_vault.core.keys.owner import FIRST_EPOCH, ask_back, is_owners, owner_of, read_words, wrong_words
from piccolo_vault.core.keys.passphrase import check_new
from piccolo_vault.core.keys.records import OwnerRecord, RecoveryJournal
from piccolo_vault.engine.keys.guesses import Guesses
from piccolo_vault.engine.keys.kek_box import KekBox
from piccolo_vault.engine.keys.pulse import Pulse

if TYPE_CHECKING:
    from piccolo_formats.passphrase import Cost
    from piccolo_formats.records.codec import Record
    from piccolo_formats.secret import Random

    from piccolo_vault.ports.custody import Clock, StateFiles

SEALED_FILE, OWNER_FILE, RECOVERY_FILE = "kek.sealed", "owner", "recovery"
R = TypeVar("R", bound="Record")
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Shown:
    """What Setup shows once: the words, and which of them (from 1) are asked back."""

    words: tuple[str, ...]
    ask: tuple[int, ...]

    def __repr__(self) -> str:
        return "<Shown: hidden>"


class Custody:
    """The KEK of this device, on the disk under the passphrase and in memory while unlocked."""

    def __init__(self, files: StateFiles, random: Random, clock: Clock, cost: Cost) -> None:
        """Reads the state folder. Raises PiccoloError DATA_LOSS (STATE_DAMAGED)."""
        self._files, self._random, self._cost = files, random, cost
        self._guesses = Guesses(files, clock)
        self._box = KekBox()
        self._busy = asyncio.Lock()
        self._held = Held(
            _read(files, SEALED_FILE, SealedKek),
            _read(files, OWNER_FILE, OwnerRecord),
            _read(files, RECOVERY_FILE, RecoveryJournal),
        )
        self.changed, self.locked = Pulse(), Pulse()
        self.unlocks = 0
        stage_of(self._held, in_memory=False)

    @property
    def stage(self) -> Stage:
        """Where the KEK is."""
        return stage_of(self._held, in_memory=self._box.full)

    @property
    def retry_after(self) -> float:
        """Seconds until the next passphrase is looked at."""
        return self._guesses.left

    @property
    def asked(self) -> tuple[int, ...]:
        """Which words are asked back; empty when none are, or when they were never shown."""
        return self._held.shown.ask if self._held.shown else ()

    @property
    def recovery(self) -> RecoveryJournal | None:
        """The recovery that waits to be continued."""
        return self._held.recovery

    def owner(self) -> OwnerRecord:
        """Returns the owner.

        Raises PiccoloError PRECONDITION (NOT_SET_UP, WORDS_UNCONFIRMED, RECOVERY_UNFINISHED).
        """
        stage = self.stage
        if stage not in (Stage.LOCKED, Stage.UNLOCKED) or self._held.shown is None:
            permit(Step.USE, stage)
            raise damaged("its owner is missing")
        return self._held.shown

    def kek(self) -> Kek:
        """Returns the KEK; raises PiccoloError LOCKED (LOCKED), or as `owner`. Let go of it soon."""
        permit(Step.USE, self.stage)
        return self._box.kek()

    async def setup(self, passphrase: str) -> Shown:
        """Makes the KEK; nothing may be kept under it before `confirm`.

        Raises PiccoloError PRECONDITION (ALREADY_SET_UP, RECOVERY_UNFINISHED), INVALID (PASSPHRASE_...).
        """
        async with self._busy:
            permit(Step.SETUP, self.stage)
            text = check_new(passphrase)
            kek = Kek.generate(self._random)
            owner = owner_of(kek, ask=ask_back(self._random))
            sealed = await self._seal(kek, text, owner)
            self._keep(kek, sealed, owner)
            _log.info("set up; the words wait to be confirmed")
            return Shown(kek.to_words(), owner.ask)

    async def confirm(self, words: str) -> None:
        """Checks the three words asked back; from then on the device is its owner's, and unlocked.

        Raises PiccoloError INVALID (WORDS_DIFFER), PRECONDITION, LOCKED when the device restarted since.
        """
        async with self._busy:
            permit(Step.CONFIRM, self.stage)
            owner = self._shown()
            if not self._box.full:
                raise PiccoloError(
                    Kind.LOCKED,
                    "LOCKED",
                    "The device was restarted since it showed the words. Unlock it with the passphrase, then "
                    "confirm them; or set it up again.",
                )
            if wrong := wrong_words(self._box.kek(), owner, words):
                raise _differ(wrong)
            self._save_owner(replace(owner, ask=()))
            _log.info("the recovery words are confirmed")

    async def unlock(self, passphrase: str) -> None:
        """Opens the KEK.

        A wrong passphrase is UNAUTHENTICATED (PASSPHRASE_WRONG) with a growing delay, during which every
        further one is EXHAUSTED (PASSPHRASE_DELAY).
        """
        async with self._busy:
            permit(Step.UNLOCK, self.stage)
            self._open(await self._try(passphrase))
            _log.info("unlocked")

    async def lock(self) -> None:
        """Forgets the KEK. Locking a locked device does nothing."""
        async with self._busy:
            permit(Step.LOCK, self.stage)
            self._box.wipe()
            self.locked.fire()
            self.changed.fire()
            _log.info("locked")

    async def verify(self, passphrase: str) -> None:
        """Returns when the passphrase is right; else raises as `unlock`."""
        async with self._busy:
            permit(Step.VERIFY, self.stage)
            await self._try(passphrase)

    async def change(self, old: str, new: str) -> None:
        """Wraps the KEK under another passphrase, locked or not. Raises as `unlock` and `setup`."""
        async with self._busy:
            permit(Step.CHANGE, self.stage)
            text = check_new(new)
            kek = await self._try(old)
            sealed = await self._seal(kek, text, self._shown())
            self._files.save(SEALED_FILE, sealed.to_record())
            self._held = replace(self._held, sealed=sealed)
            _log.info("the passphrase is changed")

    def test_words(self, words: str) -> bool:
        """Whether the words are this owner's; raises PiccoloError INVALID (WORDS_...) when they are none."""
        permit(Step.TEST, self.stage)
        return is_owners(read_words(words), self._shown())

    def save_owner(self, owner: OwnerRecord) -> None:
        """Keeps what changed about the owner's device."""
        if owner.owner != self.owner().owner:
            raise damaged("another owner was about to be written")
        self._save_owner(owner)

    async def journal_recovery(self, journal: RecoveryJournal) -> None:
        """Begins a recovery, or notes how far it is. Raises PiccoloError PRECONDITION (NOT_BLANK)."""
        async with self._busy:
            permit(Step.RECOVER, self.stage)
            self._box.wipe()
            self._files.save(RECOVERY_FILE, journal.to_record())
            self._held = replace(self._held, recovery=journal)

    async def abandon_recovery(self) -> None:
        """Ends a recovery that changed nothing: the device is as blank as it was."""
        async with self._busy:
            permit(Step.RECOVER, self.stage)
            self._files.remove(RECOVERY_FILE)
            self._held = replace(self._held, recovery=None)

    async def adopt(self, kek: Kek, passphrase: str, owner: OwnerRecord) -> None:
        """Ends a recovery: the device is this owner's, and unlocked."""
        async with self._busy:
            permit(Step.RECOVER, self.stage)
            sealed = await self._seal(kek, check_new(passphrase), owner)
            self._keep(kek, sealed, owner)
            self._files.remove(RECOVERY_FILE)
            self._held = replace(self._held, recovery=None)
            self._guesses.right()
            self.changed.fire()

    def _shown(self) -> OwnerRecord:
        if self._held.shown is None:
            raise PiccoloError(
                Kind.PRECONDITION,
                "SETUP_AGAIN",
                "The device was restarted before it showed the recovery words. Set it up again.",
            )
        return self._held.shown

    def _keep(self, kek: Kek, sealed: SealedKek, owner: OwnerRecord) -> None:
        self._box.wipe()
        self._files.save(SEALED_FILE, sealed.to_record())
        self._held = replace(self._held, sealed=sealed)
        self._save_owner(owner)
        self._open(kek)

    def _open(self, kek: Kek) -> None:
        self._box.put(kek)
        self.unlocks += 1
        self.changed.fire()

    def _save_owner(self, owner: OwnerRecord) -> None:
        self._files.save(OWNER_FILE, owner.to_record())
        self._held = replace(self._held, owner=owner)
        self.changed.fire()

    async def _seal(self, kek: Kek, text: str, owner: OwnerRecord) -> SealedKek:
        try:
            return await asyncio.to_thread(
                seal_kek, kek, text, owner.owner, FIRST_EPOCH, self._random, self._cost
            )
        except FormatError as failed:
            raise _no_memory() from failed

    async def _try(self, passphrase: str) -> Kek:
        """Returns the KEK that the passphrase opens; one guess, counted."""
        owner, sealed = self._shown(), self._held.sealed
        if sealed is None:
            raise damaged("the sealed key is missing")
        self._guesses.begin()
        try:
            kek = await asyncio.to_thread(open_kek, sealed, passphrase)
        except AuthenticationError as wrong:
            raise self._guesses.wrong() from wrong
        except FormatError as failed:
            raise _no_memory() from failed
        if not is_owners(kek, owner):
            raise damaged("the sealed key is another owner's")
        self._guesses.right()
        return kek


def _read(files: StateFiles, name: str, kind: type[R]) -> R | None:
    content = files.load(name)
    try:
        return None if content is None else kind.from_record(content)
    except FormatError as broken:
        raise damaged(f"{name} cannot be read ({broken.reason})") from broken


def _differ(wrong: tuple[int, ...]) -> PiccoloError:
    which = " and ".join(f"word {at}" for at in wrong)
    return PiccoloError(
        Kind.INVALID,
        "WORDS_DIFFER",
        f"This is not what the device showed: {which}. Compare your note with it, or set the device up again "
        "to see new words.",
        {"positions": " ".join(map(str, wrong))},
    )


def _no_memory() -> PiccoloError:
    return PiccoloError(
        Kind.UNAVAILABLE,
        "NO_MEMORY",
        "This device has not enough free memory at the moment to work with the passphrase. Try again in a "
        "moment.",
    )
