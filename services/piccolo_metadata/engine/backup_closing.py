"""Ends the log of words that were replaced.

Rules:
* `moved` is the log's last entry: nothing follows it, so that nobody writes on for words that are worth
  nothing.
* Only its last generation's delegate may close it. On another device, and after somebody else went on with
  the old words, a claim of the next generation comes before.
* Nothing is asked of what came before the newest entry: it may be damaged, and who has the old words may have
  written what nobody can follow. That must not keep the log open.
* What the cloud has already is done: asking again after a crash is all that is needed.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Final

from piccolo_formats.records.backup import EntryKind
from piccolo_formats.signed import Signer

from piccolo_metadata.core.backup_entry import Draft, EntryBuilder
from piccolo_metadata.engine.backup_log import newest_header
from piccolo_metadata.engine.backup_ports import Access, CloudLog
from piccolo_metadata.engine.backup_words import open_delegation
from piccolo_metadata.ports import Clock

_MOST: Final = 100


class Closer:
    """Closes logs at the cloud; `signer` is this process's key."""

    def __init__(
        self,
        cloud: CloudLog,
        signer: Signer,
        clock: Clock,
        random: Callable[[int], bytes],
        schema: Callable[[], int],
    ) -> None:
        self._cloud, self._signer, self._clock = cloud, signer, clock
        self._random, self._schema = random, schema

    async def close(self, delegation: bytes, claim: bytes, successor: bytes) -> None:
        """Appends `moved` with the successor; a log without entries, or with that one, is left as it is.

        Raises PiccoloError as the cloud refuses: FENCED, GENERATION_TAKEN or CLAIM_FIRST (detail
        `head_generation`) when a delegation of a higher generation is needed; DATA_LOSS (LOG_DAMAGED).
        """
        signed = open_delegation(delegation, self._signer.public)
        access = Access(signed.record.locator, delegation)
        for _ in range(_MOST):  # one entry a round; whoever else writes may come in between
            last = await newest_header(self._cloud, access)
            if last is None or last.header.kind is EntryKind.MOVED:
                return
            claims = last.header.generation < signed.record.generation
            kind, plain = (EntryKind.CLAIM, claim) if claims else (EntryKind.MOVED, successor)
            draft = Draft(
                delegation=signed,
                kind=kind,
                seq=last.header.seq + 1,
                base=last.header.base,
                prev=last.record_hash(),
                schema=self._schema(),
                time=max(self._clock.wall(), 0),
            )
            await self._append(access, draft, plain)
            if not claims:
                return

    async def _append(self, access: Access, draft: Draft, plain: bytes) -> None:
        body = bytearray()
        prefix = EntryBuilder(draft, self._signer, self._random).build([plain], body.extend)
        entry = prefix + bytes(body)
        await self._cloud.append(access, draft.seq, len(entry), _chunks(entry))


async def _chunks(entry: bytes) -> AsyncIterator[bytes]:
    yield entry
