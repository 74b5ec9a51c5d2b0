"""Promises to device generations, and the fences that they are to older ones.

Rules:
* Whoever is promised is made known to the circle, whatever generation the circle has heard of: a device that
  nobody knows is let in nowhere, and would never hear that it was replaced.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass

from piccolo_formats.records.device import Device

from piccolo_fragment_store.core import fences
from piccolo_fragment_store.core.circle import Circle, Owner
from piccolo_fragment_store.core.fences import Claiming, Promised
from piccolo_fragment_store.engine import statements
from piccolo_fragment_store.engine.identity import Identity
from piccolo_fragment_store.ports import Promises, Trust, Workers


@dataclass(frozen=True, slots=True)
class Answer:
    """Signed("promise"), or Signed("claim") of the one that was promised instead."""

    promise: bytes = b""
    fenced_by: bytes = b""


class Claims:
    """One promise per owner."""

    def __init__(self, promises: Promises, identity: Identity, trust: Trust, workers: Workers) -> None:
        self._promises, self._identity = promises, identity
        self._trust, self._workers = trust, workers
        self._lock = threading.Lock()

    async def claim(
        self, owner: bytes, claim: bytes, device: bytes, successors: Sequence[bytes] = ()
    ) -> Answer:
        """Promises to serve a device, unless another one of its generation or a newer one was promised.

        `successors` lead to the root that vouches for it, where the owner has new words.

        Raises PiccoloError as `statements.claim`; FULL (DISK_FULL); UNAVAILABLE when attestation cannot admit
        the device now: then the promise stands, and asking again is all that is needed.
        """
        circle = self._identity.circle()
        answer, named = await self._workers.run(self._judge, owner, claim, device, successors, circle)
        if answer.promise and not circle.admits(named):
            await self._trust.adopt(device, claim, successors)
        return answer

    def fence(self, owner: bytes, generation: int) -> None:
        """Lets a mutation pass. Raises PiccoloError PRECONDITION, FENCED."""
        fences.check(self._promises.get(owner), generation)

    def is_current(self, owner: bytes, generation: int) -> bool:
        """Whether no newer device of this owner was promised."""
        promised = self._promises.get(owner)
        return promised is None or generation >= promised.generation

    def _judge(
        self, owner: bytes, claim: bytes, device: bytes, successors: Sequence[bytes], circle: Circle
    ) -> tuple[Answer, Device]:
        claimed, named = statements.claim(claim, device, successors, owner, circle)
        generation = claimed.generation
        with self._lock:
            stands = fences.standing(self._promises.get(owner), _heard(circle.owners[owner]), generation)
            verdict = fences.judge(stands, generation, named.record_hash())
            if verdict is Claiming.FENCED and stands is not None:
                return Answer(fenced_by=stands.claim), named.record
            if verdict is Claiming.PROMISE:
                self._promises.put(owner, Promised(generation, named.record_hash(), claim))
        return Answer(promise=self._identity.promise(claimed)), named.record


def _heard(owner: Owner) -> Promised | None:
    """The device in force as the circle knows it, where it has the claim that proves it."""
    return Promised(owner.generation, b"", owner.claim) if owner.claim else None
