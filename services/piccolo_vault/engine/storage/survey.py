"""Asks keepers what they have.

Rules: each keeper is asked once for all fragments at hand; what it says counts as good only when the
fragment is live and its root ours; who does not answer is away, which is not the same as not having it.
"""

from __future__ import annotations

from enum import Enum
from functools import partial
from typing import TYPE_CHECKING

from piccolo_vault.core.storage.health import Place, PlaceState
from piccolo_vault.core.storage.urgency import Damage
from piccolo_vault.engine.storage.nursery import gather
from piccolo_vault.ports.keepers import KeptState

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from piccolo_formats.records.manifest import Layout

    from piccolo_vault.engine.storage.context import Context
    from piccolo_vault.engine.storage.distrust import Distrust
    from piccolo_vault.ports.keepers import Keeper, Kept

_STAT_SECONDS = 10.0
_IDS_AT_ONCE = 2_000


class Seen(Enum):
    """What is known of one fragment after asking."""

    GOOD = "good"
    WHOLE = "whole"
    """Whole, with our root, but not committed."""
    GONE = "gone"
    AWAY = "away"


class Survey:
    """Asks keepers for fragments' states."""

    def __init__(self, context: Context, distrust: Distrust) -> None:
        self._context, self._distrust = context, distrust

    async def ask(self, layouts: Sequence[Layout]) -> dict[bytes, list[Seen]]:
        """Returns, by object id, what is known of each of its fragments."""
        wanted: dict[bytes, list[bytes]] = {}
        for layout in layouts:
            for index, owner in enumerate(layout.keepers):
                if owner is not None and not self._context.peers.is_gone(owner):
                    wanted.setdefault(owner, []).append(layout.fragment_id(index))
        owners = list(wanted)
        work = {number: partial(self._stat, owner, wanted[owner]) for number, owner in enumerate(owners)}
        told, _ = await gather(work)
        known = {owners[number]: answer for number, answer in told.items()}
        return {
            layout.object_id: [self._seen(layout, i, known) for i in range(layout.m)] for layout in layouts
        }

    def doubted(self, layout: Layout) -> set[int]:
        """Returns which fragments are not to be had as far as is known without asking."""
        is_away = self._context.peers.is_away
        return {
            index
            for index, owner in enumerate(layout.keepers)
            if owner is None or is_away(owner) or layout.fragment_id(index) in self._distrust
        }

    def _seen(self, layout: Layout, index: int, known: Mapping[bytes, Mapping[bytes, Kept]]) -> Seen:
        owner, fragment_id = layout.keepers[index], layout.fragment_id(index)
        if owner is None or self._context.peers.is_gone(owner) or fragment_id in self._distrust:
            return Seen.GONE
        if owner not in known:
            return Seen.AWAY
        kept = known[owner].get(fragment_id)
        if kept is None or kept.root != layout.root(index):
            return Seen.GONE
        return {KeptState.LIVE: Seen.GOOD, KeptState.PROVISIONAL: Seen.WHOLE}.get(kept.state, Seen.GONE)

    async def _stat(self, owner: bytes, fragment_ids: list[bytes]) -> dict[bytes, Kept]:
        found: dict[bytes, Kept] = {}
        for at in range(0, len(fragment_ids), _IDS_AT_ONCE):
            found.update(await self._stat_some(owner, fragment_ids[at : at + _IDS_AT_ONCE]))
        return found

    async def _stat_some(self, owner: bytes, fragment_ids: list[bytes]) -> dict[bytes, Kept]:
        async def stat(keeper: Keeper) -> Sequence[Kept]:
            return await keeper.stat(fragment_ids)

        return {kept.fragment_id: kept for kept in await self._context.peers.ask(owner, stat, _STAT_SECONDS)}


def damage_seen(context: Context, layout: Layout, seen: Sequence[Seen]) -> Damage:
    """Returns what is wrong with an object after asking."""
    gone = frozenset(i for i, state in enumerate(seen) if state in (Seen.GONE, Seen.WHOLE))
    away = {i: _since(context, layout, i) for i, state in enumerate(seen) if state is Seen.AWAY}
    return Damage(gone, away)


def damage_known(context: Context, layout: Layout, missing: Sequence[int]) -> Damage:
    """Returns what is wrong with an object as far as is known without asking."""
    gone, away = set(missing), {}
    for index, owner in enumerate(layout.keepers):
        if owner is None or context.peers.is_gone(owner):
            gone.add(index)
        elif index not in gone and context.peers.is_away(owner):
            away[index] = _since(context, layout, index)
    return Damage(frozenset(gone), away)


def held_known(context: Context, layout: Layout, missing: Sequence[int]) -> list[bytes | None]:
    """Returns who has each fragment and answers, as far as is known; None where nobody does."""
    damage = damage_known(context, layout, missing)
    return [
        None if index in damage.gone or index in damage.away else owner
        for index, owner in enumerate(layout.keepers)
    ]


def places_of(layout: Layout, damage: Damage) -> tuple[Place, ...]:
    """Returns where an object's fragments stand."""
    states = [
        PlaceState.MISSING if i in damage.gone else PlaceState.AWAY if i in damage.away else PlaceState.PLACED
        for i in range(layout.m)
    ]
    return tuple(Place(i, layout.keepers[i], state) for i, state in enumerate(states))


def _since(context: Context, layout: Layout, index: int) -> float:
    since = context.peers.sight(layout.keepers[index] or b"").away_since
    return context.now() if since is None else since
