"""A new generation of this owner's device: certificate, claim, the keepers' promises, the log.

Rules:
* The certificate and the claim are fsynced before anybody sees them, so that a repeated attempt shows the
  very same bytes: a keeper that promised once promises again, and no generation is spent in vain.
* A generation writes only with promises from a majority of the roster's other members. Whoever answers with
  the claim of another device of the same or a higher generation sends this one beyond it: two that claimed
  the same generation end with one that has the majority and one that moved on.
* What this device's own circle knows to be newer is not asked of the members first.
* Only the words, given to this device just now, outbid another device. A device that merely lost some of its
  keys gives way to whoever was promised.
* With the cloud away, or its log broken behind what was restored, the majority is enough; the claim is
  brought to the log later.
* Where the owner has new words, the successors go with the claim, and a keeper that knows only the old ones
  lets this device in by their enrolment identity.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives import serialization
from piccolo_chassis.errors import Kind, PiccoloError
from piccolo_chassis.logs import fields
from piccolo_formats.tls import make_certificate, to_pem

from piccolo_vault.core.keys.certificates import (
    device_certificate,
    device_claim,
    generation_of,
    kept_certificate,
    log_delegation,
    same_keys,
)
from piccolo_vault.core.keys.succession import (
    Draft,
    electorate,
    judge_promise,
    judge_rival,
    read_draft,
    wanted_promises,
)
from piccolo_vault.ports.promises import Answer, DialIdentity

if TYPE_CHECKING:
    from collections.abc import Mapping

    from piccolo_formats.kek import Kek

    from piccolo_vault.core.circle import Member
    from piccolo_vault.core.keys.certificates import Keys
    from piccolo_vault.core.keys.records import OwnerRecord
    from piccolo_vault.ports.backups import Backups
    from piccolo_vault.ports.custody import Clock, StateFiles
    from piccolo_vault.ports.promises import Promisers
    from piccolo_vault.ports.trust import CircleView

FILE = "succession"
_FIRST_PAUSE, _LONGEST_PAUSE = 1.0, 15.0
_AT_ONCE = 9
_log = logging.getLogger(__name__)

Reach = Callable[[bytes], Awaitable["CircleView | None"]]
"""Returns the circle whose members are asked to accept the certificate (None: there is none)."""
Settle = Callable[[bytes], Awaitable[None]]
"""Puts a certificate in force on this device, once a majority accepted it."""
Say = Callable[[str], Awaitable[None]]
"""Tells what happens now, in words; raises when somebody asked for an end."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What a new generation is for.

    `owner.generation` is the highest that is known to be taken; `patience` is in seconds, for a majority of
    the keepers to answer; `outbids` says whether a generation that another device took is gone beyond;
    `rebuilt`, that the memory did not come from the log, whose damage is no hindrance then; `successors` lead
    to the owner's root, `former` is the KEK before this one while it may still be needed.
    """

    kek: Kek
    owner: OwnerRecord
    roles: Mapping[str, Keys]
    circle: bytes
    name: str
    patience: float
    outbids: bool
    rebuilt: bool = False
    successors: tuple[bytes, ...] = ()
    former: Kek | None = None


class Generations:
    """Takes this device to its next generation; begun again, it goes on where it was."""

    def __init__(self, files: StateFiles, backups: Backups, promisers: Promisers, clock: Clock) -> None:
        self._files, self._backups = files, backups
        self._promisers, self._clock = promisers, clock
        self._asked = 0

    def pending(self, owner: OwnerRecord) -> Draft | None:
        """The step that was begun and not ended."""
        content = self._files.load(FILE)
        return read_draft(content, owner) if content is not None else None

    def done(self) -> None:
        """Forgets the step: its outcome is kept elsewhere."""
        self._files.remove(FILE)

    async def rival(self, kek: Kek, owner: OwnerRecord, view: CircleView) -> bytes | None:
        """Asks some members, others each time, whether they serve a newer device; returns its claim.

        A device that was replaced is admitted nowhere any more; the identity that the words give still is.
        """
        if owner.device is None:
            return None
        device = kept_certificate(owner.device)
        draft = Draft(device, device_claim(kek, device, int(self._clock.wall())))
        voters, plan = electorate(view.circle), _asking(kek)
        first, self._asked = self._asked % max(1, len(voters)), self._asked + _AT_ONCE
        async with asyncio.TaskGroup() as asking:
            some = (*voters[first:], *voters[:first])[:_AT_ONCE]
            answers = [asking.create_task(self._answer(member, plan, draft)) for member in some]
        claims = [answer.fenced_by for task in answers if (answer := task.result()) is not None]
        newest = max(claims, key=lambda claim: judge_rival(claim, owner, draft), default=b"")
        return newest if judge_rival(newest, owner, draft) > owner.generation else None

    async def advance(self, plan: Plan, reach: Reach, settle: Settle, say: Say) -> OwnerRecord:
        """Returns the owner record of the new generation; keep it, then call `done`.

        Raises PiccoloError UNAVAILABLE (NO_MAJORITY) when too few keepers answer in time, CONFLICT (OUTBID)
        when another device has the generation and is not outbid, and what `say` raises.
        """
        owner = plan.owner
        while True:
            draft = self._draft(replace(plan, owner=owner))
            view = await reach(draft.device.to_bytes())
            taken = _known_beyond(view, draft)
            if not (taken or draft.promised or view is None):
                taken = await self._promises(plan, draft, view, say)
            if not taken:
                draft = self._keep(replace(draft, promised=True))
                await settle(draft.device.to_bytes())
                await say("Telling the backup that this device took over")
                claim, taken = await self._claim(plan, draft)
            if taken:
                _log.warning("another device took the generation", extra=fields(generation=taken))
                if not plan.outbids:
                    raise _outbid(taken)
                owner = replace(owner, generation=taken)
                continue
            return replace(owner, generation=draft.generation, device=draft.device.to_bytes(), claim=claim)

    def _draft(self, plan: Plan) -> Draft:
        """The draft that was shown already when it still fits, else a new one of the next generation."""
        kept = self.pending(plan.owner)
        if kept is not None and _fits(kept, plan):
            return kept
        time = int(self._clock.wall())
        # What was shown under a number may have been promised: other bytes need another number.
        taken = max(plan.owner.generation, kept.generation if kept else 0)
        owner = replace(plan.owner, generation=taken + 1)
        device = device_certificate(
            plan.kek, owner, plan.roles, circle=plan.circle, name=plan.name, time=time
        )
        return self._keep(Draft(device, device_claim(plan.kek, device, time)))

    def _keep(self, draft: Draft) -> Draft:
        self._files.save(FILE, draft.journal().to_record())
        return draft

    async def _promises(self, plan: Plan, draft: Draft, view: CircleView, say: Say) -> int:
        """Returns 0 once a majority promised, or the generation that another device took."""
        voters = electorate(view.circle)
        wanted, promised = wanted_promises(view.voices), set[bytes]()
        asking_as = _Asking(plan.successors, _identities(plan))
        until, pause = self._clock.running() + plan.patience, _FIRST_PAUSE
        while len(promised) < wanted:
            await say(f"Asking the members to accept this device: {len(promised)} of {wanted} did")
            waiting = [member for member in voters if member.owner_id not in promised]
            async with asyncio.TaskGroup() as asking:
                answers = [asking.create_task(self._ask(m, asking_as, plan, draft)) for m in waiting]
            if taken := max((answer.result()[1] for answer in answers), default=0):
                return taken
            promised |= {m.owner_id for m, a in zip(waiting, answers, strict=True) if a.result()[0]}
            if len(promised) < wanted:
                if self._clock.running() + pause > until:
                    raise _no_majority(len(promised), wanted)
                await asyncio.sleep(pause)
                pause = min(2 * pause, _LONGEST_PAUSE)
        return 0

    async def _ask(self, member: Member, asking: _Asking, plan: Plan, draft: Draft) -> tuple[bool, int]:
        """Whether the member promised, or the generation that it promised to another device."""
        answer = await self._answer(member, asking, draft)
        if answer is None:
            return False, 0
        if judge_promise(answer.promise, member, draft):
            return True, 0
        return False, judge_rival(answer.fenced_by, plan.owner, draft)

    async def _answer(self, member: Member, asking: _Asking, draft: Draft) -> Answer | None:
        claim, device = draft.claim.to_bytes(), draft.device.to_bytes()
        for identity in asking.identities:
            try:
                return await self._promisers.claim(member, identity, claim, device, asking.successors)
            except PiccoloError as failed:
                _log.info("no promise", extra=fields(member=member.name, reason=failed.reason))
        return None

    async def _claim(self, plan: Plan, draft: Draft) -> tuple[bytes | None, int]:
        """Brings the claim to the log.

        Returns it when it could not, and a generation that is taken (0: none).
        """
        delegation = log_delegation(plan.kek, plan.roles["metadata"][0], draft.generation)
        claim = draft.claim.to_bytes()
        try:
            await self._backups.append_claim(claim, delegation)
        except PiccoloError as failed:
            if failed.reason == "FENCED":
                return None, max(draft.generation, int(failed.details.get("generation", "0")))
            away = failed.kind in (Kind.UNAVAILABLE, Kind.TIMEOUT) or failed.reason == "CLOUD_MISSING"
            rebuilt = plan.rebuilt and failed.kind is Kind.DATA_LOSS
            if not (away or rebuilt or failed.reason == "CHAIN_BROKEN"):
                raise
            _log.warning("the claim waits for the cloud", extra=fields(reason=failed.reason))
            return claim, 0
        await self._backups.delegate(delegation)
        return None, 0


def _known_beyond(view: CircleView | None, draft: Draft) -> int:
    """The generation of a newer device that the circle knows already; 0: none."""
    known = generation_of(view.own_device) if view is not None else 0
    return known if known > draft.generation else 0


def enrolment_identity(kek: Kek) -> DialIdentity:
    """Returns the TLS identity that every roster names for this owner, derived from the words."""
    key = kek.enrolment()
    return DialIdentity(
        certificate=to_pem(make_certificate(key)),
        key=key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ),
    )


@dataclass(frozen=True, slots=True)
class _Asking:
    """How members are asked: what goes with the claim, and as whom, the likeliest first."""

    successors: tuple[bytes, ...]
    identities: tuple[DialIdentity, ...]


def _asking(kek: Kek) -> _Asking:
    return _Asking((), (enrolment_identity(kek),))


def _identities(plan: Plan) -> tuple[DialIdentity, ...]:
    keks = (plan.kek, plan.former) if plan.former else (plan.kek,)
    return tuple(map(enrolment_identity, keks))


def _fits(draft: Draft, plan: Plan) -> bool:
    device = draft.device.record
    return (
        device.generation > plan.owner.generation
        and (device.circle, device.name) == (plan.circle, plan.name)
        and same_keys(device, plan.roles)
    )


def _outbid(generation: int) -> PiccoloError:
    return PiccoloError(
        Kind.CONFLICT,
        "OUTBID",
        f"Another device of yours has generation {generation}; this one gives way to it.",
        {"generation": str(generation)},
    )


def _no_majority(promised: int, wanted: int) -> PiccoloError:
    return PiccoloError(
        Kind.UNAVAILABLE,
        "NO_MAJORITY",
        f"{promised} of the circle's members accepted this device, {wanted} are needed so that your old "
        "device cannot write any more. Try again when more of them are online; nothing is lost.",
        {"promised": str(promised), "wanted": str(wanted)},
    )
