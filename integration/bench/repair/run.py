"""The run: files are put, a member is lost for good and removed, and the circle makes them whole again.

Rules:
* One device more than every fragment needs: with the lost one gone each file still finds m different keepers.
* The device goes off first; then two of three admins remove its owner as compromised, which is what makes the
  others rebuild at once. Nobody asks for the repair: it begins by itself.
* The bound on the rate of repair and the rest between two are lifted: it is measured how fast it can be.
* Whole is what the API says of every file; a check that asks every keeper must agree, and all bytes come
  back.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Final

from piccolo_vault.core.storage.erasure import Code

from integration.bench import ours, streams
from integration.bench.errors import BenchError
from integration.bench.large import look_for_room
from integration.bench.repair.figures import Repair
from integration.circle import Circle, circle
from integration.client import Client
from integration.owner import Owner
from integration.screen import Screen

CODE: Final = Code(5, 10)
DEVICES: Final = CODE.m + 2
_UNBOUND: Final = {"k": CODE.k, "m": CODE.m, "repair_rate": 0, "repair_pause": 0.0}
_SECONDS: Final = 3600.0
_LOOK_SECONDS: Final = 0.2
_WARM: Final = 1 << 20
_RECORD: Final = ".record"


@dataclass(frozen=True, slots=True)
class Run:
    """What was asked for."""

    folder: Path
    files: int
    size: int
    screen: Screen

    async def run(self) -> Repair:
        """Measures it. Raises BenchError when not everything is whole in the end."""
        self.screen.begin(f"Starting a circle of {DEVICES} devices")
        async with circle(
            self.folder, DEVICES, self.screen.note, store=_UNBOUND, plug=ours.as_shipped
        ) as made:
            api, lost = made.owners[0].api, made.owners[-1]
            await api.reaches_all()
            look_for_room(made.folder, self.files * self.size, CODE.k, CODE.m)
            await streams.put(api, "/repair/warm", _WARM, lambda *_: None)
            self.screen.begin(f"Putting {self.files} files of {self.size >> 20:,} MiB as {CODE}")
            before, began = _kept(made.owners), perf_counter()
            sent = await self._put(api)
            put_seconds = perf_counter() - began
            paths = ["/repair/warm", *sent]
            await _whole(api, paths)
            put = _kept(made.owners)
            gone = _kept([lost])
            self.screen.begin(f"{lost.device.name} is lost and removed")
            noticed, seconds = await _lost_and_repaired(made, lost, paths)
            repaired = _bytes(_kept(made.owners)) - (_bytes(put) - _bytes(gone))
            self.screen.begin("Asking every keeper, reading everything back")
            await self._prove(api, sent)
            return Repair(
                CODE.k,
                CODE.m,
                self.files * self.size,
                put_seconds,
                _bytes(put) - _bytes(before),
                _bytes(gone),
                len(gone),
                noticed,
                seconds,
                repaired,
            )

    async def _put(self, api: Client) -> dict[str, bytes]:
        """Puts the files one after the other; returns the digest of each by its path."""
        sent = {}
        for number in range(self.files):
            path = f"/repair/{number}"
            _, sent[path], _ = await streams.put(api, path, self.size, self.screen.progress)
        return sent

    async def _prove(self, api: Client, sent: dict[str, bytes]) -> None:
        checked = await api.check()
        if "is where it should be" not in checked["result"]:
            raise BenchError(f"not everything is whole: {checked['result']}")
        for path, digest in sent.items():
            await streams.get_same(api, path, self.size, digest, self.screen.progress)


async def _lost_and_repaired(made: Circle, lost: Owner, paths: Sequence[str]) -> tuple[float, float]:
    """Seconds from the removal's being known to the first repair, and from there until all is whole."""
    api, owner_id = made.owners[0].api, await lost.api.owner_id()
    await lost.api.close()
    await lost.device.kill()
    made.owners.remove(lost)
    proposal = await api.propose_removal(owner_id, "compromised")
    for admin in made.owners[:2]:
        await admin.api.approve(proposal)
    async with asyncio.timeout(_SECONDS):
        while not await _is_removed(api, owner_id):  # noqa: ASYNC110 - other processes agree on it
            await asyncio.sleep(_LOOK_SECONDS)
        known = perf_counter()
        while not (await api.health()).repairs:  # noqa: ASYNC110 - it lives in another process
            await asyncio.sleep(_LOOK_SECONDS)
        began = perf_counter()
        await _whole(api, paths)
    return began - known, perf_counter() - began


async def _whole(api: Client, paths: Sequence[str]) -> None:
    """Returns when every file has its fragments, each with another device, and nothing waits for repair."""
    async with asyncio.timeout(_SECONDS):
        for path in paths:
            while (await api.health(path)).devices < CODE.m:  # noqa: ASYNC110 - it lives in another process
                await asyncio.sleep(_LOOK_SECONDS)
        while (await api.health()).repairs:  # noqa: ASYNC110 - the same
            await asyncio.sleep(_LOOK_SECONDS)


async def _is_removed(api: Client, owner_id: str) -> bool:
    members = await api.members()
    return any(each["owner_id"] == owner_id and each["state"] == "compromised" for each in members)


def _kept(owners: Sequence[Owner]) -> list[int]:
    """The sizes of all fragments that lie committed with these owners' devices, in bytes."""
    folders = (owner.device.state("fragment-store") / "live" for owner in owners)
    return [
        path.stat().st_size
        for folder in folders
        for path in folder.rglob("*")
        if path.is_file() and path.suffix != _RECORD
    ]


def _bytes(sizes: Sequence[int]) -> int:
    return sum(sizes)
