"""What the keys ask of other owners' fragment-stores about the backup: to keep its head, and to tell it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from piccolo_vault.core.circle import Member
    from piccolo_vault.ports.promises import DialIdentity


class Witnesses(Protocol):
    """The members' fragment-stores. Both raise PiccoloError UNAVAILABLE when no endpoint answers."""

    async def keep_head(self, member: Member, identity: DialIdentity, head: bytes, device: bytes) -> None:
        """Leaves Signed("head") and the Signed("device") whose metadata key signed it with one member.

        Raises PiccoloError CONFLICT (HEAD_OLDER), PRECONDITION (FENCED).
        """

    async def heads(self, member: Member, identity: DialIdentity) -> list[tuple[bytes, bytes]]:
        """Asks one member for what it keeps: pairs as they were left, not verified."""
