"""Chooses by what a device runs: of its seed, what came with it, what the site says and what is kept.

Rules:
* Of all that can be opened, the highest serial is taken; of equals the site's, then the seed's, then the
  kept one.
* Whatever is wrong with one of them, the others are tried; when none is left, the device starts without.
* A device that nobody owns and that took nothing is to ask its site again. One that has its owner runs by
  what it has until its next boot: new settings would start its services anew under his hands.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from piccolo_provision.core import seed as seeds
from piccolo_provision.core.document import Node
from piccolo_provision.core.memory import Memory
from piccolo_provision.core.opening import Measure, open_answer
from piccolo_provision.core.refusals import Reason, RefusedError
from piccolo_provision.core.seed import Answer, Seed
from piccolo_provision.core.status import State, Status, tell

Asking = Callable[[Seed], Awaitable[Answer]]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What is to be done.

    Attributes:
        node: the configuration to run by; None: none.
        memory: what is to be remembered from now on; None: nothing new.
        again: whether the site is to be asked again at this boot.
    """

    status: Status
    node: Node | None = None
    memory: Memory | None = None
    again: bool = False


@dataclass(slots=True)
class _Trial:
    """Opens one answer after the other, keeping the best.

    Attributes:
        why: what was wrong with the first of those that were to be preferred.
    """

    seed: Seed
    measure: Measure
    best: tuple[Node, Answer] | None = None
    why: Reason | None = None

    def refuse(self, why: Reason) -> None:
        if self.best is None and self.why is None:
            self.why = why

    def open(self, answer: Answer) -> None:
        try:
            node = open_answer(answer, self.seed, self.measure)
        except RefusedError as refusal:
            self.refuse(refusal.why)
            return
        if self.best is None or node.serial > self.best[0].serial:
            self.best = node, answer


async def individuate(
    files: Mapping[str, bytes] | None,
    memory: Memory,
    now: datetime,
    asking: Asking | None,
    *,
    owned: bool,
) -> Outcome:
    """Decides by what this device runs.

    Args:
        files: the seed volume's, by name; None: there is no volume.
        memory: of boots before.
        asking: asks the site; None: it is not asked now.
        owned: whether somebody owns the device.
    """
    if files is None:
        return Outcome(tell(State.EMPTY))
    try:
        seed = seeds.parse(files)
        trial = _Trial(seed, Measure(now, memory.floor(seed, owned=owned)))
    except RefusedError as refusal:
        return Outcome(tell(State.REFUSED, refusal.why))
    fresh = await _offered(trial, asking)
    if memory.copy is not None:
        trial.open(memory.copy)
    if trial.best is None:
        status = tell(State.REFUSED, trial.why or Reason.CONFIGURATION_MISSING)
        return Outcome(status, again=bool(seed.site) and not owned)
    return _ended(trial, trial.best, memory, fresh)


async def _offered(trial: _Trial, asking: Asking | None) -> set[Answer]:
    """Tries what is not from the memory; returns it."""
    offered: set[Answer] = set()
    if asking is not None and trial.seed.site:
        try:
            offered.add(answer := await asking(trial.seed))
            trial.open(answer)
        except RefusedError as refusal:
            trial.refuse(refusal.why)
    if trial.seed.offline is not None:
        offered.add(trial.seed.offline)
        trial.open(trial.seed.offline)
    return offered


def _ended(trial: _Trial, best: tuple[Node, Answer], memory: Memory, fresh: set[Answer]) -> Outcome:
    node, answer = best
    current = answer in fresh and trial.why is None
    status = tell(State.CURRENT if current else State.KEPT, trial.why, node)
    after = memory.after(trial.seed, node.serial, answer)
    return Outcome(status, node, None if after == memory else after)
