"""The owner's keys and the circle life that needs them: the vault's KeyService and MembershipService.

Sealed secrets pass through as they came. All methods raise PiccoloError as the vault says.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from piccolo_gateway.core.bodies.circle import Approved, Founded, Joined
from piccolo_gateway.core.bodies.device import KeyState, Recovery, Words
from piccolo_gateway.core.bodies.memory import Witnesses


@dataclass(frozen=True, slots=True)
class KeyStatus:
    """Where the owner's keys are."""

    state: KeyState
    retry_after: float
    ask: tuple[int, ...]
    recovering: bool
    fenced: str
    rotating: str = ""


class Keys(Protocol):
    """The keys."""

    async def status(self) -> KeyStatus:
        """Where they are."""
        ...

    async def boot_key(self) -> bytes:
        """The key that secrets are sealed to."""
        ...

    async def setup(self, passphrase: bytes, reply_key: bytes) -> Words:
        """Makes an owner."""
        ...

    async def confirm(self, words: bytes) -> None:
        """Checks the three words asked back."""
        ...

    async def unlock(self, passphrase: bytes) -> None:
        """Opens the files."""
        ...

    async def lock(self) -> None:
        """Closes the files."""
        ...

    async def verify(self, passphrase: bytes) -> None:
        """Returns when the passphrase is right."""
        ...

    async def change(self, old: bytes, new: bytes) -> None:
        """Changes the passphrase."""
        ...

    async def test_words(self, words: bytes) -> bool:
        """Whether the words are this owner's."""
        ...

    async def open_disk(self, words: bytes) -> None:
        """Opens the device's data partition; the services start anew on it."""
        ...

    async def witnesses(self) -> Witnesses:
        """Who knows of the newest backup."""
        ...

    async def begin_rotation(self, passphrase: bytes, reply_key: bytes) -> Words:
        """Makes new words for this owner; nothing is kept before they are confirmed."""
        ...

    async def confirm_rotation(self, words: bytes, *, exposed: bool) -> str:
        """Checks three of the new words; returns the id of the operation that puts them in force.

        `exposed`: strangers may know the old ones, so everything is sealed anew too.
        """
        ...

    async def recover(self, asked: Recovery) -> str:
        """Begins to bring an owner back; returns the operation's id."""
        ...


class Membership(Protocol):
    """Circle life that needs the owner's keys."""

    async def found(self, device_name: str, *, at_risk: bool) -> Founded:
        """Starts a circle."""
        ...

    async def join(self, invitation: str, device_name: str) -> Joined:
        """Accepts an invitation, and waits until the roster names this device."""
        ...

    async def approve(self, roster_hash: bytes) -> Approved:
        """Signs a proposal."""
        ...
