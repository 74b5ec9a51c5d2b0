"""What the keys ask of other owners' fragment-stores: a promise to one generation of the owner's device."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from piccolo_vault.core.circle import Member


@dataclass(frozen=True, slots=True)
class Answer:
    """A keeper's answer, not verified: Signed("promise"), or Signed("claim") of whom it promised before."""

    promise: bytes
    fenced_by: bytes


@dataclass(frozen=True, slots=True)
class DialIdentity:
    """The TLS identity to dial with, both PEM."""

    certificate: bytes
    key: bytes


class Promisers(Protocol):
    """The members' fragment-stores."""

    async def claim(
        self,
        member: Member,
        identity: DialIdentity,
        claim: bytes,
        device: bytes,
        successors: Sequence[bytes] = (),
    ) -> Answer:
        """Asks one member; `successors` lead to the root that signed, where the owner has new words.

        Raises PiccoloError UNAVAILABLE when none of its endpoints answers.
        """
