"""How a blank device asks members of its circle, known by their printed contacts only, who is in it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from piccolo_formats.contacts import Contact

    from piccolo_vault.ports.promises import DialIdentity


class Contacted(Protocol):
    """Members as their contacts tell."""

    async def records(self, contact: Contact, identity: DialIdentity) -> Sequence[bytes]:
        """Returns all records of the circle that a member knows, not verified: rosters, devices, presences.

        Raises PiccoloError UNAVAILABLE when it cannot be reached or lets this identity not in, DENIED
        (SERVER_FOREIGN) when another server answers there.
        """
