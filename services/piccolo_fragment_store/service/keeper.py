"""KeeperService: what this device's own processes ask."""

from __future__ import annotations

from typing import Any

from piccolo.fragment_store.v1 import keeper_pb2 as wire
from piccolo.fragment_store.v1 import keeper_pb2_grpc as stubs

from piccolo_fragment_store.core.fragment import State
from piccolo_fragment_store.engine.holdings import Holdings
from piccolo_fragment_store.engine.keeper import Keeper
from piccolo_fragment_store.engine.scrub import Scrub
from piccolo_fragment_store.ports import OwnerUsage


class KeeperServicer(stubs.KeeperServiceServicer):
    """Tells how this keeper is.

    Args:
        keeper: the keeper.
        endpoint: the address that peers dial.
    """

    def __init__(self, keeper: Keeper, endpoint: str) -> None:
        self._keeper, self._endpoint = keeper, endpoint

    async def GetKeeperStatus(
        self, request: wire.GetKeeperStatusRequest, context: Any
    ) -> wire.GetKeeperStatusResponse:
        """Tells space and load."""
        ledger, space = self._keeper.holdings.ledger, self._keeper.holdings.ledger.space()
        live, damaged = await self._keeper.run(_counts)
        reason, words = self._keeper.refusing()
        return wire.GetKeeperStatusResponse(
            offer_bytes=space.offer,
            used_bytes=ledger.used,
            reserved_bytes=ledger.reserved,
            disk_free_bytes=space.disk_free,
            live_fragments=live,
            damaged_fragments=damaged,
            scrub=_scrub(self._keeper.scrub),
            refusing=words,
            refusing_reason=reason,
            endpoint=self._endpoint,
        )

    async def ListOwners(self, request: wire.ListOwnersRequest, context: Any) -> wire.ListOwnersResponse:
        """Tells what each owner keeps here."""
        usage = await self._keeper.run(_usage)
        owners = [
            wire.OwnerUsage(owner_id=each.owner, fragments=each.fragments, bytes=each.size) for each in usage
        ]
        return wire.ListOwnersResponse(owners=owners)

    async def BeginScrub(self, request: wire.BeginScrubRequest, context: Any) -> wire.BeginScrubResponse:
        """Reads everything now."""
        self._keeper.scrub.begin()
        return wire.BeginScrubResponse()

    async def RebuildIndex(
        self, request: wire.RebuildIndexRequest, context: Any
    ) -> wire.RebuildIndexResponse:
        """Reads every fragment file again."""
        result = await self._keeper.rebuild()
        return wire.RebuildIndexResponse(fragments=result.fragments, strangers=result.strangers)


def _scrub(scrub: Scrub) -> wire.ScrubStatus:
    round_ = scrub.round
    return wire.ScrubStatus(
        running=not round_.over,
        rounds=round_.rounds,
        read_bytes=round_.read,
        total_bytes=scrub.total,
        damaged_fragments=round_.damaged,
        last_ended=round_.last_ended,
        last_damaged_fragments=round_.last_damaged,
    )


def _counts(holdings: Holdings) -> tuple[int, int]:
    return holdings.index.counts().get(State.LIVE, 0), holdings.index.damaged()


def _usage(holdings: Holdings) -> list[OwnerUsage]:
    return holdings.index.usage()
