"""All use cases of one keeper, put together."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Concatenate, Final, ParamSpec, TypeVar

from piccolo_fragment_store.core.circle import Circle, Standing
from piccolo_fragment_store.engine.claims import Claims
from piccolo_fragment_store.engine.downloads import Downloads
from piccolo_fragment_store.engine.heads import KeptHeads
from piccolo_fragment_store.engine.holdings import Holdings
from piccolo_fragment_store.engine.identity import Identity
from piccolo_fragment_store.engine.limits import Traffic
from piccolo_fragment_store.engine.notices import Notices
from piccolo_fragment_store.engine.reconcile import Result, reconcile
from piccolo_fragment_store.engine.scrub import Scrub
from piccolo_fragment_store.engine.uploads import Uploads
from piccolo_fragment_store.ports import Workers

P = ParamSpec("P")
T = TypeVar("T")
_TOO_LITTLE: Final = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Keeper:
    """What the servicers call."""

    holdings: Holdings
    workers: Workers
    traffic: Traffic
    identity: Identity
    claims: Claims
    heads: KeptHeads
    notices: Notices
    uploads: Uploads
    downloads: Downloads
    scrub: Scrub
    circle: Callable[[], Circle | None]

    async def run(self, work: Callable[Concatenate[Holdings, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Runs a use case on the holdings in a worker thread."""
        return await self.workers.run(work, self.holdings, *args, **kwargs)

    async def rebuild(self) -> Result:
        """Reads every fragment file again."""
        return await self.workers.run(_rebuild, self.holdings)

    def refusing(self) -> tuple[str, str]:
        """Why new fragments are refused: a reason, and the same in words; both empty when they are not."""
        circle = self.circle()
        if circle is None:
            words = "The circle is not known yet: attestation was not reached since this device was set up."
            return "CIRCLE_UNKNOWN", words
        if not circle.id:
            return "NO_CIRCLE", "This device is in no circle yet."
        standing = circle.standing(circle.self_owner)
        if standing not in (Standing.ACTIVE, Standing.UNKNOWN):
            return f"DEVICE_{standing.upper()}", f"This device is {standing} and takes nothing new."
        space = self.holdings.ledger.space()
        if space.free_disk < _TOO_LITTLE:
            return "DISK_FULL", "The disk is full up to its reserve."
        if space.free_offer < _TOO_LITTLE:
            return "OFFER_USED", "What this device gives to the circle is used up."
        return "", ""


def _rebuild(holdings: Holdings) -> Result:
    with holdings.everything():
        return reconcile(holdings, every_file=True)


def settle(holdings: Holdings) -> None:
    """Makes the index agree with the files before anything is served, unless it was closed in order."""
    if holdings.index.trusted:
        holdings.ledger.load(holdings.index.usage())
        return
    with holdings.everything():
        reconcile(holdings)
