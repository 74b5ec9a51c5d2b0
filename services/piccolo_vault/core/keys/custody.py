"""The KEK's custody as a state machine: which steps are open in which stage.

Rules:
* The wrapped KEK (`kek.sealed`) is written before the owner record that makes it ours, and both before the
  words are shown. So the pair on the disk always says what was shown: an owner record that does not fit the
  wrapped KEK belongs to an earlier Setup, and the newer words were never seen by anybody.
* Until the words are confirmed, Setup and Recover may begin anew: nothing was sealed under that KEK.
* A recovery that was begun is ended by the same words, and nothing else goes on meanwhile.
* New words (`rotation`) come into force by the owner record that names their epoch. Before it is written the
  old KEK is the owner's, after it the new one; both lie under the passphrase in between, so that a crash
  finds them.
* A step in the wrong stage raises a typed error that says what to do instead.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto
from typing import TYPE_CHECKING, NoReturn

from piccolo_chassis.errors import Kind, PiccoloError
from piccolo_formats.errors import FormatError
from piccolo_formats.passphrase import SealedKek

if TYPE_CHECKING:
    from piccolo_vault.core.keys.records import OwnerRecord, RecoveryJournal, RotationRecord


class Stage(Enum):
    """Where the KEK is."""

    EMPTY = auto()
    UNCONFIRMED = auto()
    RECOVERING = auto()
    LOCKED = auto()
    UNLOCKED = auto()


class Step(Enum):
    """What may be asked of the custody."""

    SETUP = auto()
    CONFIRM = auto()
    UNLOCK = auto()
    LOCK = auto()
    VERIFY = auto()
    CHANGE = auto()
    TEST = auto()
    RECOVER = auto()
    USE = auto()
    ROTATE = auto()


_ASKS_PASSPHRASE = frozenset({Stage.UNCONFIRMED, Stage.LOCKED, Stage.UNLOCKED})
_OPEN = {
    Step.SETUP: frozenset({Stage.EMPTY, Stage.UNCONFIRMED}),
    Step.CONFIRM: frozenset({Stage.UNCONFIRMED}),
    Step.UNLOCK: _ASKS_PASSPHRASE,
    Step.LOCK: _ASKS_PASSPHRASE,
    Step.VERIFY: _ASKS_PASSPHRASE,
    Step.CHANGE: _ASKS_PASSPHRASE,
    Step.TEST: _ASKS_PASSPHRASE,
    Step.RECOVER: frozenset({Stage.EMPTY, Stage.UNCONFIRMED, Stage.RECOVERING}),
    Step.USE: frozenset({Stage.UNLOCKED}),
    Step.ROTATE: frozenset({Stage.UNLOCKED}),
}


@dataclass(frozen=True, slots=True)
class Held:
    """What lies in the state folder."""

    sealed: SealedKek | None
    owner: OwnerRecord | None
    recovery: RecoveryJournal | None
    rotation: RotationRecord | None = None

    @property
    def sealed_pair(self) -> tuple[SealedKek, SealedKek] | None:
        """The KEK in force and the one that follows, while new words wait to come into force."""
        if self.rotation is None:
            return None
        return SealedKek.from_record(self.rotation.old), SealedKek.from_record(self.rotation.new)

    @property
    def rotated(self) -> bool:
        """Whether the new words came into force, and only the files of the step are left over."""
        pair = self.sealed_pair
        return pair is not None and self.owner is not None and self.owner.epoch == pair[1].epoch

    @property
    def shown(self) -> OwnerRecord | None:
        """The owner record whose words were shown (or given), None when there is none."""
        fits = self.owner and self.sealed and self.owner.owner == self.sealed.owner
        return self.owner if fits else None


def check_pair(held: Held, name: str) -> None:
    """Raises PiccoloError DATA_LOSS (STATE_DAMAGED) unless the two KEKs of a rotation can be read."""
    try:
        _ = held.sealed_pair
    except FormatError as broken:
        raise damaged(f"{name} cannot be read ({broken.reason})") from broken


def stage_of(held: Held, *, in_memory: bool) -> Stage:
    """Returns the stage. Raises PiccoloError DATA_LOSS (STATE_DAMAGED) when a confirmed KEK is gone."""
    if held.recovery is not None:
        return Stage.RECOVERING
    if held.owner is not None and held.owner.confirmed:
        if held.shown is None:
            raise damaged("the sealed key of its owner is missing, or another's lies in its place")
        return Stage.UNLOCKED if in_memory else Stage.LOCKED
    return Stage.EMPTY if held.sealed is None else Stage.UNCONFIRMED


def permit(step: Step, stage: Stage) -> None:
    """Raises PiccoloError unless the step is open in this stage; the message says what is."""
    if stage in _OPEN[step]:
        return
    if stage is Stage.EMPTY:
        refuse_empty()
    if stage is Stage.RECOVERING:
        raise PiccoloError(
            Kind.PRECONDITION,
            "RECOVERY_UNFINISHED",
            "A recovery was begun on this device. Go on with it: choose recovery and give the same 24 words.",
        )
    if stage is Stage.UNCONFIRMED:
        raise PiccoloError(
            Kind.PRECONDITION,
            "WORDS_UNCONFIRMED",
            "The recovery words were not confirmed yet; until then nothing can be kept. Confirm them, or set "
            "this device up again to get new ones.",
        )
    if step in (Step.USE, Step.ROTATE):
        refuse_locked()
    _refuse_owned(step)


def refuse_empty() -> NoReturn:
    """Raises PiccoloError PRECONDITION (NOT_SET_UP)."""
    raise PiccoloError(
        Kind.PRECONDITION,
        "NOT_SET_UP",
        "This device has no owner yet. Set it up, or recover an owner from the 24 words.",
    )


def refuse_locked() -> NoReturn:
    """Raises PiccoloError LOCKED (LOCKED)."""
    raise PiccoloError(Kind.LOCKED, "LOCKED", "This device is locked. Unlock it with your passphrase.")


def _refuse_owned(step: Step) -> NoReturn:
    if step is Step.CONFIRM:
        raise PiccoloError(
            Kind.PRECONDITION, "ALREADY_CONFIRMED", "The recovery words are confirmed already."
        )
    if step is Step.RECOVER:
        raise PiccoloError(
            Kind.PRECONDITION,
            "NOT_BLANK",
            "This device has an owner already. Recovery needs a blank device: reset this one first, or take "
            "another.",
        )
    raise PiccoloError(
        Kind.PRECONDITION,
        "ALREADY_SET_UP",
        "This device has an owner already. Unlock it with the passphrase.",
    )


def damaged(what: str) -> PiccoloError:
    """Returns the error of a state folder that contradicts itself."""
    return PiccoloError(
        Kind.DATA_LOSS,
        "STATE_DAMAGED",
        f"The vault's state is damaged: {what}. Nothing was changed. Put it back from a copy, or "
        "bring everything back with your 24 words on a blank device.",
    )
