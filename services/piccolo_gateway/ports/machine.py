"""What the gateway needs of the machine, and of every service alike."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterable
from dataclasses import dataclass
from typing import Any, Protocol

from piccolo_gateway.core.bodies.about import Boot, Configuration
from piccolo_gateway.core.bodies.machine import Machine
from piccolo_gateway.core.idempotency import Name, Note
from piccolo_gateway.core.power import PowerAct, PowerAnswer


@dataclass(frozen=True, slots=True)
class Clock:
    """Time.

    Attributes:
        now: seconds since 1970, as the machine believes.
        running: seconds of a clock that nobody sets.
    """

    now: Callable[[], int]
    running: Callable[[], float]


@dataclass(frozen=True, slots=True)
class Software:
    """What is installed.

    Attributes:
        version: of Piccolo; empty when it is not told.
        built: seconds since 1970; 0 when it is not told.
        python: the interpreter's version.
        packages: name to version.
    """

    version: str
    built: int
    python: str
    packages: dict[str, str]


class Provisioned(Protocol):
    """What became of the device's configuration."""

    def told(self) -> Configuration | None:
        """As it was told at this boot; None: nobody did."""
        ...


class Booted(Protocol):
    """How this boot came by its data."""

    def told(self) -> Boot | None:
        """As it was told; None: nobody did."""
        ...


class OwnMachine(Protocol):
    """The machine that this is."""

    def look(self) -> Machine:
        """Its figures now."""
        ...


class PowerPort(Protocol):
    """Root's part of ending the device."""

    def offered(self) -> bool:
        """Whether there is one: this is a device of the image."""
        ...

    async def ask(self, act: PowerAct) -> PowerAnswer:
        """Asks. Raises PiccoloError PRECONDITION (NOT_A_DEVICE), UNAVAILABLE (POWER_AWAY, POWER_BUSY)."""
        ...


class Tasks(Protocol):
    """The parent of work that outlives its request."""

    def create_task(self, coro: Coroutine[Any, Any, Any], *, name: str | None = None) -> Any:
        """Starts it."""
        ...


class Metrics(Protocol):
    """What the device's services count."""

    async def read(self) -> dict[str, str | None]:
        """Each service's exposition; None when it does not answer."""
        ...


class Passwords(Protocol):
    """Verifiers of passwords, slow by design."""

    async def make(self, password: str) -> str:
        """A verifier."""
        ...

    async def fits(self, verifier: str, password: str) -> bool:
        """Whether a password is the one that a verifier was made of."""
        ...


class Journal(Protocol):
    """Requests with an Idempotency-Key, over a restart. All methods raise PiccoloError, FULL among others."""

    async def notes(self) -> list[Note]:
        """All that is kept."""
        ...

    async def keep(self, note: Note) -> None:
        """Writes a note, durably, in place of the one of the same name."""
        ...

    async def forget(self, note: Note) -> None:
        """Removes a note, durably."""
        ...

    async def keep_only(self, known: Callable[[], Iterable[Name]]) -> None:
        """Removes the notes that are not known any more."""
        ...
