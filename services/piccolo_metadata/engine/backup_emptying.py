"""Empties the log of words that strangers may know: of all its backups only `moved` stays.

Rules:
* Only the locator key's own signature deletes, never a delegate's; it is not here. So the vault is told what
  to sign, and brings the signature.
* A log is emptied only when it is closed: its last entry, `moved`, says that there are newer words. What was
  deleted already, or a log that does not exist, is success.
"""

from __future__ import annotations

from piccolo_chassis.errors import Kind, PiccoloError
from piccolo_formats.records.backup import EntryKind
from piccolo_formats.signed import Signer

from piccolo_metadata.engine.backup_log import header_at
from piccolo_metadata.engine.backup_ports import Access, EmptiedLog
from piccolo_metadata.engine.backup_words import open_delegation


class Emptier:
    """Deletes closed logs at the cloud; `signer` is this process's key."""

    def __init__(self, cloud: EmptiedLog, signer: Signer) -> None:
        self._cloud, self._signer = cloud, signer

    async def begin(self, delegation: bytes) -> tuple[int, bytes]:
        """Returns the seq of `moved` and a nonce for the owner's signature; (0, b""): nothing is left to do.

        Raises PiccoloError PRECONDITION (LOG_OPEN), DATA_LOSS (LOG_DAMAGED), and as the cloud refuses.
        """
        signed = open_delegation(delegation, self._signer.public)
        access = Access(signed.record.locator, delegation)
        kept = await self._cloud.head(access)
        if kept.seq == 0:
            return 0, b""
        # a hole in what is to be deleted is in nobody's way; that the log's end is `moved` is what counts
        last = await header_at(self._cloud, access, kept.seq)
        if last is None or (last.header.seq, last.header.kind) != (kept.seq, EntryKind.MOVED):
            raise PiccoloError(
                Kind.PRECONDITION, "LOG_OPEN", "The backup of the earlier words is not closed yet."
            )
        if kept.first == kept.seq:
            return 0, b""
        return kept.seq, await self._cloud.challenge()

    async def empty(self, locator: bytes, before: int, nonce: bytes, signature: bytes) -> int:
        """Deletes the entries before one; returns how many went. Raises PiccoloError as the cloud refuses."""
        return await self._cloud.drop(locator, before, nonce, signature)
