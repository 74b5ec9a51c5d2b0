"""Setup, unlock, lock, passphrases and words: the life of the KEK on one device.

The order of every write is decided in core/custody.py. One use case runs at a time. What is slow (Argon2id)
runs in a thread *before* the first write; the writes and the change in memory follow without a pause in
between, so that a caller who gives up never leaves the two apart.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

from piccolo_chassis.errors import Kind, PiccoloError
from piccolo_formats.errors import AuthenticationError, FormatError
from piccolo_formats.kek import Kek
from piccolo_formats.passphrase import SealedKek, open_kek, seal_kek

from piccolo_vault.core.keys.custody import Held, Stage, Step, check_pair, damaged, permit, stage_of
from piccolo_vault.core.keys.owner import ask_back, is_owners, owner_of, read_words, wrong_words
from piccolo_vault.core.keys.records import OwnerRecord, RecoveryJournal, RotationRecord
from piccolo_vault.core.keys.refusals import differ, no_memory, no_new_words, rotation_running
from piccolo_vault.core.keys.rotation import succeeded
from piccolo_vault.core.keys.shown import Offer, Shown
from piccolo_vault.engine.keys.guesses import Guesses
from piccolo_vault.engine.keys.kek_box import KekRing
from piccolo_vault.engine.keys.pulse import Pulse

if TYPE_CHECKING:
    from piccolo_formats.passphrase import Cost
    from piccolo_formats.records.codec import Record
    from piccolo_formats.secret import Random

    from piccolo_vault.ports.custody import Check, Clock, StateFiles

SEALED_FILE, OWNER_FILE, RECOVERY_FILE, ROTATION_FILE = "kek.sealed", "owner", "recovery", "rotation"
R = TypeVar("R", bound="Record")
_log = logging.getLogger(__name__)


class Custody:
    """The KEK of this device, on the disk under the passphrase and in memory while unlocked."""

    def __init__(self, files: StateFiles, random: Random, clock: Clock, cost: Cost, check: Check) -> None:
        """Reads the state folder. Raises PiccoloError DATA_LOSS (STATE_DAMAGED)."""
        self._files, self._random, self._cost, self.check_new = files, random, cost, check
        self._guesses = Guesses(files, clock)
        self._ring = KekRing()
        self._box, self._next, self._former = self._ring.present, self._ring.following, self._ring.former
        self._offer: Offer | None = None
        self._busy = asyncio.Lock()
        self._held = Held(
            _read(files, SEALED_FILE, SealedKek),
            _read(files, OWNER_FILE, OwnerRecord),
            _read(files, RECOVERY_FILE, RecoveryJournal),
            _read(files, ROTATION_FILE, RotationRecord),
        )
        check_pair(self._held, ROTATION_FILE)
        if self._held.rotated:
            self._end_rotation()
        self.changed, self.locked = Pulse(), Pulse()
        self.unlocks, self.former_known = 0, False
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

    @property
    def rotation(self) -> RotationRecord | None:
        """New words that were confirmed and are not in force yet."""
        return self._held.rotation

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

    def kek_of(self, epoch: int) -> Kek:
        """Returns the KEK of an epoch: the one in force, the one before it, or the one that follows.

        Raises PiccoloError LOCKED, UNAVAILABLE (KEY_LOADING) while it is not in memory, DATA_LOSS (KEY_GONE).
        """
        permit(Step.USE, self.stage)
        return self._ring.of(epoch, self.owner().epoch, complete=self.former_known)

    @property
    def former(self) -> Kek | None:
        """The KEK before the one in force, while something is left that only it opens and it is loaded."""
        return self._former.kek() if self._former.full else None

    def learn_former(self, kek: Kek) -> None:
        """Takes the KEK before, which the memory keeps. Raises PiccoloError LOCKED."""
        permit(Step.USE, self.stage)
        self._former.put(kek)
        self._know_former()

    def forget_former(self) -> None:
        """Nothing is left that the KEK before is needed for, or nobody tells it."""
        self._former.wipe()
        self._know_former()

    def _know_former(self) -> None:
        """Whoever opens what may be of the words before waits for this."""
        if not self.former_known:
            self.former_known = True
            self.changed.fire()

    async def offer(self, passphrase: str) -> Shown:
        """Makes a KEK that is to follow; nothing is kept of it before `accept`.

        Raises PiccoloError as `unlock`; LOCKED; PRECONDITION (ROTATION_RUNNING).
        """
        async with self._busy:
            permit(Step.ROTATE, self.stage)
            self._check_no_rotation()
            await self._try(passphrase)
            kek, owner = Kek.generate(self._random), self._shown()
            sealed = await self._seal(kek, passphrase, owner, owner.epoch + 1)
            self._offer = Offer(kek, sealed, ask_back(self._random))
            _log.info("new words were shown; they wait to be confirmed")
            return Shown(kek.to_words(), self._offer.ask)

    async def accept(self, words: str, time: int, *, exposed: bool) -> None:
        """Checks the three words asked back; from then on the rotation goes on by itself.

        Raises PiccoloError INVALID (WORDS_DIFFER), LOCKED, PRECONDITION (NO_NEW_WORDS, ROTATION_RUNNING).
        """
        async with self._busy:
            permit(Step.ROTATE, self.stage)
            self._check_no_rotation()
            offer, owner = self._offer, self._shown()
            if offer is None or self._held.sealed is None:
                raise no_new_words()
            if wrong := wrong_words(offer.kek, replace(owner, ask=offer.ask), words):
                raise differ(wrong)
            self._save_rotation(
                RotationRecord(
                    owner=owner.owner,
                    exposed=exposed,
                    time=time,
                    old=self._held.sealed.to_record(),
                    new=offer.sealed.to_record(),
                )
            )
            self._next.put(offer.kek)
            self._offer = None
            _log.info("the new words are confirmed")
            self.changed.fire()

    def succeed(self) -> None:
        """Puts the new words in force: the point of no return. Raises PiccoloError LOCKED."""
        permit(Step.ROTATE, self.stage)
        old, new = self._box.kek(), self._next.kek()
        self._files.save(OWNER_FILE, (owner := succeeded(self._shown(), new)).to_record())
        self._held = replace(self._held, owner=owner)
        self._former.put(old)
        self._box.put(new)
        self.former_known = True
        self._end_rotation()
        _log.info("the new words are in force")
        self.changed.fire()

    async def setup(self, passphrase: str) -> Shown:
        """Makes the KEK; nothing may be kept under it before `confirm`.

        Raises PiccoloError PRECONDITION (ALREADY_SET_UP, RECOVERY_UNFINISHED), INVALID (PASSPHRASE_...).
        """
        async with self._busy:
            permit(Step.SETUP, self.stage)
            text = self.check_new(passphrase)
            kek = Kek.generate(self._random)
            owner = owner_of(kek, ask=ask_back(self._random))
            sealed = await self._seal(kek, text, owner, owner.epoch)
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
                raise differ(wrong)
            self._save_owner(replace(owner, ask=()))
            _log.info("the recovery words are confirmed")

    async def unlock(self, passphrase: str) -> None:
        """Opens the KEK.

        A wrong passphrase is UNAUTHENTICATED (PASSPHRASE_WRONG) with a growing delay, during which every
        further one is EXHAUSTED (PASSPHRASE_DELAY).
        """
        async with self._busy:
            permit(Step.UNLOCK, self.stage)
            kek, following = await self._try_both(passphrase)
            if following is not None:
                self._next.put(following)
            self._open(kek)
            _log.info("unlocked")

    async def lock(self) -> None:
        """Forgets the KEK. Locking a locked device does nothing."""
        async with self._busy:
            permit(Step.LOCK, self.stage)
            self._wipe()
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
            text = self.check_new(new)
            kek, following = await self._try_both(old)
            owner, rotation = self._shown(), self._held.rotation
            sealed = await self._seal(kek, text, owner, owner.epoch)
            if rotation is not None and following is not None:
                both = (sealed, await self._seal(following, text, owner, owner.epoch + 1))
                self._save_rotation(replace(rotation, old=both[0].to_record(), new=both[1].to_record()))
            self._files.save(SEALED_FILE, sealed.to_record())
            self._held, self._offer = replace(self._held, sealed=sealed), None
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
            self._wipe()
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
            sealed = await self._seal(kek, self.check_new(passphrase), owner, owner.epoch)
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
        self._wipe()
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

    def _save_rotation(self, rotation: RotationRecord) -> None:
        self._files.save(ROTATION_FILE, rotation.to_record())
        self._held = replace(self._held, rotation=rotation)

    def _end_rotation(self) -> None:
        """Leaves one KEK on the disk: the one that the owner record names."""
        pair = self._held.sealed_pair
        if pair is not None:
            self._files.save(SEALED_FILE, pair[1].to_record())
            self._held = replace(self._held, sealed=pair[1])
        self._files.remove(ROTATION_FILE)
        self._held = replace(self._held, rotation=None)
        self._next.wipe()

    def _check_no_rotation(self) -> None:
        if self._held.rotation is not None or self._former.full:
            raise rotation_running()

    def _wipe(self) -> None:
        self._ring.wipe()
        self._offer, self.former_known = None, False

    async def _seal(self, kek: Kek, text: str, owner: OwnerRecord, epoch: int) -> SealedKek:
        try:
            return await asyncio.to_thread(seal_kek, kek, text, owner.owner, epoch, self._random, self._cost)
        except FormatError as failed:
            raise no_memory() from failed

    async def _try(self, passphrase: str) -> Kek:
        """Returns the KEK that the passphrase opens; one guess, counted."""
        owner, pair = self._shown(), self._held.sealed_pair
        sealed = pair[0] if pair else self._held.sealed
        if sealed is None:
            raise damaged("the sealed key is missing")
        self._guesses.begin()
        try:
            kek = await asyncio.to_thread(open_kek, sealed, passphrase)
        except AuthenticationError as wrong:
            raise self._guesses.wrong() from wrong
        except FormatError as failed:
            raise no_memory() from failed
        if not is_owners(kek, owner):
            raise damaged("the sealed key is another owner's")
        self._guesses.right()
        return kek

    async def _try_both(self, passphrase: str) -> tuple[Kek, Kek | None]:
        """Returns the KEK in force, and the one that follows while new words wait."""
        kek, pair = await self._try(passphrase), self._held.sealed_pair
        if pair is None:
            return kek, None
        try:
            return kek, await asyncio.to_thread(open_kek, pair[1], passphrase)
        except AuthenticationError as wrong:
            raise damaged("the new key is sealed under another passphrase") from wrong
        except FormatError as failed:
            raise no_memory() from failed


def _read(files: StateFiles, name: str, kind: type[R]) -> R | None:
    content = files.load(name)
    try:
        return None if content is None else kind.from_record(content)
    except FormatError as broken:
        raise damaged(f"{name} cannot be read ({broken.reason})") from broken
