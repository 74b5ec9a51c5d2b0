"""What somebody should look at, out of what the services tell: the gravest first."""

from __future__ import annotations

from typing import Final

from piccolo_gateway.core.bodies.care import Attention
from piccolo_gateway.core.bodies.files import StoreHealth
from piccolo_gateway.core.bodies.memory import Backup

_BACKUP_LATE: Final = 86_400
_DISK_LOW: Final = 256 << 20
_CLOUD: Final = "Look at the connection to the cloud."


def of_all(
    health: StoreHealth, backup: Backup, members: list[Attention], now: int, disk_free: int
) -> list[Attention]:
    """What should be looked at: files first, then the backup, this device's disk, then members."""
    return [*_files(health), *_backup(backup, now), *_disk(disk_free), *members]


def of_keeping(damaged: int, refusing: str) -> list[Attention]:
    """What should be looked at on this device's own disk."""
    found = []
    if damaged:
        found.append(
            Attention(
                reason="DISK_DAMAGED",
                words=f"This device's disk damaged {damaged:,} of the fragments that it keeps for others; "
                "their owners put them here anew.",
                next_step="Look at the disk's health, and replace it if this happens again.",
            )
        )
    if refusing:
        next_step = "Give more room, or leave it: others keep instead."
        found.append(Attention(reason="DISK_REFUSING", words=refusing, next_step=next_step))
    return found


def _files(health: StoreHealth) -> list[Attention]:
    if not health.at_risk and not health.unreadable:
        return []
    next_step = "Bring members that are away back, or invite another one."
    words = f"{health.words[:1].upper()}{health.words[1:].rstrip('.')}."
    reason = "FILES_UNREADABLE" if health.unreadable else "FILES_AT_RISK"
    return [Attention(reason=reason, words=words, next_step=next_step)]


def _backup(backup: Backup, now: int) -> list[Attention]:
    if backup.fenced:
        words = "A newer device of yours took over; this one writes no backup any more."
        return [Attention(reason="BACKUP_FENCED", words=words, next_step="Use the newer device.")]
    if backup.problem:
        words = f"The backup does not go on: {backup.problem.rstrip('.')}."
        return [Attention(reason="BACKUP_STUCK", words=words, next_step=_CLOUD)]
    if backup.enabled and backup.pending and now - backup.last_backup > _BACKUP_LATE:
        words = f"The last backup is older than a day, and {backup.pending:,} changes wait for it."
        return [Attention(reason="BACKUP_LATE", words=words, next_step=_CLOUD)]
    return []


def _disk(free: int) -> list[Attention]:
    if free >= _DISK_LOW:
        return []
    words = f"This device's own disk is nearly full: {free >> 20} MiB are left."
    next_step = "Remove what need not be on it: with nothing left, it can remember nothing new."
    return [Attention(reason="DISK_LOW", words=words, next_step=next_step)]
