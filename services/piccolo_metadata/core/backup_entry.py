"""Makes one entry of the backup log (docs/storage-format.md, section 11).

The body key is drawn here and forgotten here: what is written is sealed to the backup's public key, which
only the words open.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from piccolo_formats.backup_body import BodySealer, EntryPlace
from piccolo_formats.backup_entry import build_prefix
from piccolo_formats.records.backup import Delegation, EntryHeader, EntryKind
from piccolo_formats.signed import Signed, Signer, sign

if TYPE_CHECKING:
    from piccolo_formats.secret import Random

SUITE = 1


@dataclass(frozen=True, slots=True)
class Draft:
    """What an entry is to say of itself; for the fields see the format."""

    delegation: Signed[Delegation]
    kind: EntryKind
    seq: int
    base: int
    prev: bytes | None
    schema: int
    time: int


class EntryBuilder:
    """Seals and signs one entry."""

    def __init__(self, draft: Draft, signer: Signer, random: Random) -> None:
        """Prepare an entry that the delegate signs."""
        self._draft, self._signer = draft, signer
        delegated = draft.delegation.record
        place = EntryPlace(delegated.locator, delegated.generation, draft.seq)
        self._sealer = BodySealer(place, random)
        self._hash: bytes | None = None

    @property
    def hash(self) -> bytes:
        """The hash of the header, once it is built."""
        if self._hash is None:
            raise RuntimeError("the entry is not built yet")
        return self._hash

    def build(self, plain: Iterable[bytes], write: Callable[[bytes], object]) -> bytes:
        """Write the sealed body piece by piece; return what comes before it. Once only.

        Raises FormatError when the delegation names no key that can be sealed to.
        """
        for sealed in self._sealer.seal(plain):
            write(sealed)
        signed = sign(self._header(), self._signer)
        self._hash = signed.record_hash()
        return build_prefix(signed)

    def _header(self) -> EntryHeader:
        draft, delegated, summary = self._draft, self._draft.delegation.record, self._sealer.summary()
        return EntryHeader(
            suite=SUITE,
            locator=delegated.locator,
            generation=delegated.generation,
            seq=draft.seq,
            kind=draft.kind,
            base=draft.base,
            prev=draft.prev,
            schema=draft.schema,
            plain_size=summary.plain_size,
            body_size=summary.body_size,
            body_hash=summary.body_hash,
            sealed_key=self._sealer.sealed_key(delegated.backup),
            delegation=draft.delegation.to_bytes(),
            time=draft.time,
        )
