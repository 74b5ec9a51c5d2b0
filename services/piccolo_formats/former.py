"""What a memory says of its owner's earlier words (section 2): the chain of roots, the KEK before this one.

The former KEK is sealed to the one in force while something is left that only the former opens. So the new
words open at every moment whatever the old ones did, and the old ones nothing new. A memory that others
rebuilt has the lineage, which they tell, and not that KEK: it keeps what is to be done without it.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Annotated, ClassVar

from nacl.bindings import (
    crypto_aead_xchacha20poly1305_ietf_decrypt,
    crypto_aead_xchacha20poly1305_ietf_encrypt,
)
from nacl.exceptions import CryptoError

from piccolo_formats.errors import AuthenticationError, FormatError
from piccolo_formats.kek import Kek
from piccolo_formats.records import shapes as s
from piccolo_formats.records.codec import Record
from piccolo_formats.secret import Random, draw

NONCE_SIZE = 24


@dataclass(frozen=True, slots=True, kw_only=True)
class Lineage(Record):
    """All successors of an owner, each Signed("successor"), the first first."""

    TYPE: ClassVar[str] = "lineage"

    successors: Annotated[tuple[s.SignedBytes, ...], 1000]


@dataclass(frozen=True, slots=True, kw_only=True)
class Former(Record):
    """The KEK of `epoch`, sealed to the next one at `time`. `exposed`: strangers may know its words.

    Without `nonce` and `sealed` nobody tells that KEK any more, and what it could open is to be sealed anew.
    """

    TYPE: ClassVar[str] = "former"

    owner: s.OwnerId
    epoch: s.Epoch
    exposed: bool
    time: s.U64
    nonce: Annotated[bytes, s.Bytes(NONCE_SIZE, NONCE_SIZE)] | None
    sealed: Annotated[bytes, s.Bytes(48, 48)] | None

    def check(self) -> None:
        """Raise FormatError when the KEK is neither there nor given up."""
        if (self.nonce is None) != (self.sealed is None) or (self.sealed is None and not self.exposed):
            raise FormatError("former-sealed", "the words before are neither sealed nor given up")

    @property
    def is_lost(self) -> bool:
        """Whether nobody tells the KEK before."""
        return self.sealed is None


def lost_former(owner: bytes, epoch: int, time: int) -> Former:
    """Return what is kept of exposed words whose KEK nobody tells any more."""
    return Former(owner=owner, epoch=epoch, exposed=True, time=time, nonce=None, sealed=None)


def seal_former(
    former: Kek, kek: Kek, owner: bytes, epoch: int, random: Random, *, exposed: bool, time: int
) -> Former:
    """Seal the KEK of `epoch` to the one after it."""
    nonce, bound = draw(random, NONCE_SIZE), _bound(owner, epoch, exposed=exposed)
    sealed = crypto_aead_xchacha20poly1305_ietf_encrypt(former.reveal(), bound, nonce, kek.former_key())
    return Former(owner=owner, epoch=epoch, exposed=exposed, time=time, nonce=nonce, sealed=sealed)


def open_former(record: Former, kek: Kek) -> Kek:
    """Open it. Raises AuthenticationError (`wrong-key`, `former-lost`)."""
    if record.sealed is None or record.nonce is None:
        raise AuthenticationError("former-lost", "nobody tells the words before any more")
    bound = _bound(record.owner, record.epoch, exposed=record.exposed)
    try:
        opened = crypto_aead_xchacha20poly1305_ietf_decrypt(
            record.sealed, bound, record.nonce, kek.former_key()
        )
    except CryptoError as error:
        raise AuthenticationError(
            "wrong-key", "these words do not follow the ones that are sealed"
        ) from error
    return Kek(opened)


def _bound(owner: bytes, epoch: int, *, exposed: bool) -> bytes:
    return b"piccolo/former/v1" + owner + struct.pack(">IB", epoch, exposed)
