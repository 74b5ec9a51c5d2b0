"""An owner comes back without the cloud: the circle is found by its printed contacts, and fills the memory.

Rules:
* A contact is believed for nothing but its key. What it tells of the circle must begin with the very roster
  that was printed, and must hold a device certificate that these words signed; rosters, devices and promises
  are judged again by attestation and by the step to the next generation, as after any restore.
* Of words that took the place of others, the successors that the contacts tell say whose they are: without
  them nothing here would open.
* Where the newest of these says that the words before were exposed, that is kept before anything is brought
  back: all of it counts as what those words open, since nobody tells what was sealed anew.
* What a contact adds to the truth is left out before anything is kept: rosters that do not hold, and whatever
  else than its founder's signature the first one carries.
* Everybody who answers is heard: a member that holds back what is new is no harm as long as another does not.
* Only when the circle is found the memory is touched. It is filled at the end, from the commit records that
  the members keep, as what is newer than a backup is (engine/storage/inventory.py).
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from typing import TYPE_CHECKING

from piccolo_chassis.errors import Kind, PiccoloError
from piccolo_chassis.logs import fields
from piccolo_formats import cbor
from piccolo_formats.contacts import mark_of
from piccolo_formats.errors import FormatError
from piccolo_formats.records.roster import Roster
from piccolo_formats.signed import open_signed

from piccolo_vault.core.keys.bundle import cut, last_device, said
from piccolo_vault.core.keys.rotation import former_told, lineage_of, lineage_told, rightful
from piccolo_vault.engine.keys.generations import enrolment_identity
from piccolo_vault.ports.backups import BUNDLE_STATE, OWNER_STATE
from piccolo_vault.ports.successions import FORMER_STATE, LINEAGE_STATE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from piccolo_formats.contacts import Contact, Contacts
    from piccolo_formats.kek import Kek
    from piccolo_formats.signed import Signed

    from piccolo_vault.core.keys.records import OwnerRecord
    from piccolo_vault.engine.keys.generations import Say
    from piccolo_vault.ports.backups import Backups, Remembers
    from piccolo_vault.ports.contacts import Contacted
    from piccolo_vault.ports.promises import DialIdentity

_AT_ONCE = 16
_log = logging.getLogger(__name__)


class Rebuilding:
    """Begins a memory that the circle fills."""

    def __init__(self, contacted: Contacted, backups: Backups, remembers: Remembers) -> None:
        self._contacted, self._backups, self._remembers = contacted, backups, remembers

    async def begin(self, kek: Kek, owner: OwnerRecord, contacts: Contacts, say: Say) -> int:
        """Finds the circle and begins the memory; returns the generation of the owner's last device.

        Raises PiccoloError UNAVAILABLE (CONTACTS_AWAY), NOT_FOUND (NOT_A_MEMBER), PRECONDITION
        (MEMORY_NOT_EMPTY), and what `say` raises.
        """
        await say("Looking for your circle at its contacts")
        bundle = await self._bundle(enrolment_identity(kek), contacts)
        successors = (each.data for each in said(bundle) if each.kind == "successor")
        lineage = lineage_told(owner.root, successors)
        owner, chain = rightful(owner, lineage), lineage_of(lineage)
        device = last_device(bundle, owner, [each.record.old_root for each in chain])
        if device is None:
            raise PiccoloError(
                Kind.NOT_FOUND,
                "NOT_A_MEMBER",
                "The circle at these contacts does not know the owner of these words. Compare both with your "
                "notes. Nothing was changed on this device.",
            )
        await self._backups.begin_rebuild()
        for key, value in cut(bundle).items():
            await self._remembers.set_state(BUNDLE_STATE[0], key, value)
        for place, kept in ((FORMER_STATE, former_told(owner, chain)), (LINEAGE_STATE, lineage)):
            if kept is not None:
                await self._remembers.set_state(*place, kept)
        await self._remembers.set_state(*OWNER_STATE, owner.owner)
        return device.generation

    async def _bundle(self, identity: DialIdentity, contacts: Contacts) -> bytes:
        """All that those who answer know of the circle."""
        room = asyncio.Semaphore(_AT_ONCE)
        async with asyncio.TaskGroup() as asking:
            answers = [
                asking.create_task(self._ask(each, identity, contacts.circle, room))
                for each in contacts.contacts
            ]
        told = [answer.result() for answer in answers]
        records = dict.fromkeys(record for answer in told if isinstance(answer, list) for record in answer)
        if not records:
            why = dict.fromkeys(answer for answer in told if isinstance(answer, str))
            raise PiccoloError(
                Kind.UNAVAILABLE,
                "CONTACTS_AWAY",
                f"None of the {len(told)} contacts could tell of your circle: {' '.join(why)} Try again when "
                "more of the members are online, and with your newest words if you ever replaced them.",
            )
        return cbor.encode(list(records))

    async def _ask(
        self, contact: Contact, identity: DialIdentity, circle: bytes, room: asyncio.Semaphore
    ) -> list[bytes] | str:
        """The records that a contact knows, or why it told none that count."""
        try:
            async with room:
                records = list(await self._contacted.records(contact, identity))
        except PiccoloError as failed:
            told = fields(contact=contact.endpoint, reason=failed.reason, why=failed.message)
            _log.info("a contact did not tell", extra=told)
            return failed.message
        if told_of := _of_circle(records, circle):
            return told_of
        _log.warning("a contact tells of another circle", extra=fields(contact=contact.endpoint))
        return f"{contact.endpoint} tells of another circle than the one that was printed."


def _of_circle(records: Sequence[bytes], circle: bytes) -> list[bytes]:
    """What these records tell of the circle with that mark; nothing when they begin another one too."""
    everything = said(cbor.encode(list(records)))
    firsts = [_opened(each.data) for each in everything if (each.kind, each.epoch) == ("roster", 1)]
    marks = {mark_of(first.record_hash()) if first else None for first in firsts}
    founded = [data for first in firsts if first and (data := _founded(first))]
    if marks != {circle} or not founded:
        return []
    others = (each for each in everything if (each.kind, each.epoch) != ("roster", 1))
    return [founded[0], *(each.data for each in others if each.kind != "roster" or _opened(each.data))]


def _opened(roster: bytes) -> Signed[Roster] | None:
    try:
        return open_signed(Roster, roster)
    except FormatError:
        return None


def _founded(first: Signed[Roster]) -> bytes | None:
    """The first roster as its founder signed it, without what others added; None when it did not."""
    founder = first.record.members[0].admin
    own = tuple(pair for pair in first.signatures if pair[0] == founder)
    return replace(first, signatures=own).to_bytes() if own else None
