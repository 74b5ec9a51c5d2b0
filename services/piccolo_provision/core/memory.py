"""What a device remembers: whose it is, how far each node's serials came, and the last good configuration, as
it came.

Rules:
* One file, replaced whole: the copy and the serial never contradict each other.
* The copy stays sealed: the key to it is on the seed volume only.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec

from piccolo_provision.core.document import Serial
from piccolo_provision.core.refusals import Reason, RefusedError
from piccolo_provision.core.seed import Answer, Seed
from piccolo_provision.core.words import NodeName

_NODES: Final = 64


class Memory(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The memory of a device; a blank one belongs to nobody.

    Attributes:
        signer: minisign's public key of who signs for this device, base64.
        serials: the highest of each node that this device has been, the latest one last.
        sealed: the last good copy, an age file.
        signature: minisign's, over it.
    """

    signer: str = ""
    serials: Mapping[NodeName, Serial] = {}
    sealed: bytes = b""
    signature: bytes = b""

    @property
    def copy(self) -> Answer | None:
        """The last good copy."""
        return Answer(self.sealed, self.signature) if self.sealed else None

    def floor(self, seed: Seed, *, owned: bool) -> int:
        """The serial below which this node takes none.

        Args:
            owned: whether somebody owns the device: then it belongs to nobody who comes only now.

        Raises RefusedError, SEED_FOREIGN.
        """
        if self.signer != signer(seed) and (self.signer or owned):
            raise RefusedError(Reason.SEED_FOREIGN)
        return self.serials.get(seed.node, 0)

    def after(self, seed: Seed, serial: int, answer: Answer) -> Memory:
        """The memory once this answer was taken."""
        others = [item for item in self.serials.items() if item[0] != seed.node]
        serials = dict([*others[1 - _NODES :], (seed.node, serial)])
        return Memory(signer(seed), serials, answer.sealed, answer.signature)

    def encode(self) -> bytes:
        """As it is kept."""
        return msgspec.json.encode(self)


def signer(seed: Seed) -> str:
    """Who signs for a seed's node."""
    return str(seed.signer.to_base64(), "ascii")


def decode(kept: bytes) -> Memory:
    """What was kept. Raises ValueError for what is none."""
    return msgspec.json.decode(kept, type=Memory)
