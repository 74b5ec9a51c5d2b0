"""What a memory that came back says of its owner: whose words these are, the circle, the last device."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from piccolo_chassis.logs import fields

from piccolo_vault.core.keys.bundle import joined, last_device, with_records
from piccolo_vault.core.keys.rotation import former_of, lineage_of, rightful
from piccolo_vault.ports.backups import BUNDLE_STATE
from piccolo_vault.ports.successions import FORMER_STATE, LINEAGE_STATE

if TYPE_CHECKING:
    from piccolo_formats.kek import Kek
    from piccolo_formats.records.device import Device
    from piccolo_formats.records.generations import Successor

    from piccolo_vault.core.keys.records import OwnerRecord
    from piccolo_vault.ports.backups import Remembers

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Heritage:
    """What a recovery goes on from.

    `successors` lead to the root of the words, `former` is the KEK before them while it is kept; `bundle` is
    the circle with those successors, empty when there is none; `device` the owner's last one, by any root;
    `replaced` the step by which these words took the place of others, None when they are the first.
    """

    owner: OwnerRecord
    successors: tuple[bytes, ...]
    former: Kek | None
    bundle: bytes
    device: Device | None
    replaced: Successor | None


async def rightful_owner(remembers: Remembers, owner: OwnerRecord) -> OwnerRecord:
    """Returns the owner that words make, by the memory's lineage.

    Raises PiccoloError DATA_LOSS (LINEAGE_BROKEN), UNAVAILABLE.
    """
    return rightful(owner, await remembers.state(*LINEAGE_STATE))


async def read_heritage(remembers: Remembers, kek: Kek, owner: OwnerRecord) -> Heritage:
    """Returns what the memory says of the owner of these words.

    Raises PiccoloError DATA_LOSS (LINEAGE_BROKEN, FORMER_BROKEN), UNAVAILABLE.
    """
    lineage = await remembers.state(*LINEAGE_STATE)
    owner, chain = rightful(owner, lineage), lineage_of(lineage)
    successors = tuple(each.to_bytes() for each in chain)
    values = await remembers.pieces(*BUNDLE_STATE)
    bundle = joined(values)
    if values and not bundle:
        _log.error("the circle in the backup cannot be read", extra=fields(values=sorted(values)))
    return Heritage(
        owner=owner,
        successors=successors,
        former=former_of(await remembers.state(*FORMER_STATE), kek),
        bundle=with_records(bundle, successors) if bundle else bundle,
        device=last_device(bundle, owner, [each.record.old_root for each in chain]) if bundle else None,
        replaced=chain[-1].record if chain else None,
    )
