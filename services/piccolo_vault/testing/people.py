"""Keys, a circle, a parent for tasks, operations: what is not metadata and not a keeper."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Collection, Coroutine, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from piccolo_chassis.errors import Kind, PiccoloError
from piccolo_formats.kek import Kek, owner_id
from piccolo_formats.keypairs import SealingKey, SigningKey

from piccolo_vault.core.circle import Circle, Member
from piccolo_vault.ports.objects import Progress

if TYPE_CHECKING:
    from piccolo_vault.core.compared import Compared
    from piccolo_vault.core.resealed import Resealed
    from piccolo_vault.testing.keepers import FakeKeeper


class FakeTasks:
    """A parent for tasks, which ends them all at once."""

    def __init__(self) -> None:
        self.tasks: list[asyncio.Task[None]] = []

    def create_task(self, coro: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Starts a task."""
        task = asyncio.create_task(coro)
        self.tasks.append(task)
        return task

    async def finish(self) -> None:
        """Ends all tasks; raises what one of them failed with."""
        for task in self.tasks:
            task.cancel()
        for outcome in await asyncio.gather(*self.tasks, return_exceptions=True):
            if isinstance(outcome, Exception):
                raise outcome
        self.tasks.clear()


class FakeKeyring:
    """An owner's keys; `locked` takes the KEK away."""

    def __init__(self) -> None:
        self._kek = Kek(bytes(range(32)))
        self._signing, self._local = SigningKey(bytes(31) + b"\x01"), bytes(31) + b"\x02"
        self.locked = self.fenced = False
        self.bury, self.waited_long = True, False
        self.told: Compared | None = None
        self.claims: list[bytes] = []
        self.exposed = self.suspected = 0
        self.number = 1
        self.resealings: list[Resealed] = []

    def kek(self) -> Kek:
        """Returns the KEK; see ports.keyring."""
        if self.locked:
            raise PiccoloError(Kind.LOCKED, "LOCKED", "The vault is locked: enter your passphrase.")
        return self._kek

    def kek_epoch(self) -> int:
        """Returns 1."""
        return 1

    def kek_for(self, wrapped: bytes) -> Kek:
        """Returns the only KEK."""
        return self.kek()

    def backups(self) -> tuple[SealingKey, ...]:
        """Returns the only key that opens commit records."""
        return (self.kek().backup(),)

    def renewing(self) -> bool:
        """Nothing is renewed."""
        return False

    def renewed(self, done: int, total: int, waiting: int) -> None:
        """Does nothing."""

    def exposed_through(self) -> int:
        """Returns what was set."""
        return self.exposed

    def suspected_through(self) -> int:
        """Returns what was set."""
        return self.suspected

    def sealing(self) -> bool:
        """Seals anew as soon as words are exposed."""
        return self.exposed > 0

    def resealed(self, told: Resealed) -> None:
        """Notes how far it is."""
        self.resealings.append(told)

    def owner_id(self) -> bytes:
        """Returns the owner."""
        return owner_id(self._kek.owner_root().public)

    def owner_root(self) -> bytes:
        """Returns the owner root's public key."""
        return self._kek.owner_root().public

    def generation(self) -> int:
        """Returns what was set, 1 at first, unless a newer device took over."""
        if self.fenced:
            raise PiccoloError(Kind.DENIED, "FENCED", "A newer device of yours took over.")
        return self.number

    def backup_public(self) -> bytes:
        """Returns the key that commit records are sealed to."""
        return self._kek.backup().public

    def signing_key(self) -> SigningKey:
        """Returns the role key."""
        return self._signing

    def local_key(self) -> bytes:
        """Returns the device's own key."""
        return self._local

    def tls_identity(self) -> tuple[bytes, bytes]:
        """Returns nothing that could be dialled with."""
        return b"", b""

    def may_bury(self) -> bool:
        """Returns what was set."""
        return self.bury or self.waited_long

    def unreconciled(self) -> bool:
        """Returns what was set."""
        return not self.bury

    def comparing(self, done: int, total: int) -> None:
        """Does nothing: nobody waits."""

    def compared(self, told: Compared) -> None:
        """Notes what came of it."""
        self.told = told

    def reconciled(self) -> None:
        """Allows burying."""
        self.bury = True

    def fenced_by(self, claim: bytes) -> None:
        """Notes a claim."""
        self.claims.append(claim)


@dataclass
class FakeCircle:
    """A circle of fake keepers."""

    circle: Circle
    event: asyncio.Event = field(default_factory=asyncio.Event)

    def current(self) -> Circle:
        """Returns the circle."""
        return self.circle

    async def changed(self) -> None:
        """Returns at the next change."""
        await self.event.wait()
        self.event.clear()

    def replace(self, members: Sequence[Member], *, unheard: int = 0) -> None:
        """Changes the members."""
        epoch = self.circle.epoch + 1
        self.circle = replace(self.circle, epoch=epoch, members=tuple(members), unheard=unheard)
        self.event.set()


class FakeOperations:
    """Operations in memory."""

    def __init__(self) -> None:
        self.progress: dict[str, list[Progress]] = {}
        self.changed = asyncio.Event()
        self.cancelled: set[str] = set()

    async def start(self, kind: str, subject: str, unit: str) -> str:
        """Records new work."""
        operation_id = f"{kind}-{len(self.progress)}"
        self.progress[operation_id] = []
        return operation_id

    async def running(self, kinds: Collection[str]) -> list[str]:
        """Returns what has not ended."""
        open_ones = [each for each, told in self.progress.items() if not told or told[-1].state == "running"]
        return [each for each in open_ones if each.rpartition("-")[0] in kinds]

    async def advance(self, operation_id: str, progress: Progress) -> bool:
        """Records progress."""
        self.progress[operation_id].append(progress)
        self.changed.set()
        return operation_id in self.cancelled

    async def ended(self, operation_id: str) -> Progress:
        """Returns how an operation ended."""
        while not self.progress[operation_id] or self.progress[operation_id][-1].state == "running":
            self.changed.clear()
            await self.changed.wait()
        return self.progress[operation_id][-1]


def fake_circle(keepers: Sequence[FakeKeeper], owner: bytes, *, at_risk: bool = False) -> FakeCircle:
    """A circle of these keepers."""
    return FakeCircle(Circle(bytes(16), 1, owner, at_risk, tuple(keeper.member for keeper in keepers)))


def random_bytes(count: int) -> bytes:
    """Unpredictable bytes."""
    return os.urandom(count)
