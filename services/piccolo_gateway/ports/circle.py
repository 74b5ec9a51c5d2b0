"""The circle as this device knows it: attestation's CircleService."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Protocol

from piccolo_gateway.core.bodies.circle import (
    Circle,
    Contacts,
    Departure,
    Invitations,
    MadeInvitation,
    Opened,
    Proposals,
    Proposed,
)


class CirclePort(Protocol):
    """The circle. All methods raise PiccoloError as attestation says."""

    async def get(self) -> Circle | None:
        """The circle; None before there is one."""
        ...

    def watch(self) -> AsyncIterator[Circle | None]:
        """The circle now and at every change."""
        ...

    async def rename(self, name: str) -> None:
        """Calls this device otherwise, and tells the circle."""
        ...

    async def invite(self, note: str, lifetime: int) -> MadeInvitation:
        """Makes an invitation."""
        ...

    async def invitations(self) -> Invitations:
        """All that were made."""
        ...

    async def revoke(self, invitation_id: bytes) -> None:
        """Ends an unused one."""
        ...

    async def open(self, invitation: str) -> Opened:
        """Reads somebody's invitation."""
        ...

    async def contacts(self) -> Contacts:
        """Where other members are reached."""
        ...

    async def proposals(self) -> Proposals:
        """What waits for signatures."""
        ...

    async def propose_removal(self, owner_id: bytes, state: Departure) -> Proposed:
        """Proposes that a member goes."""
        ...
