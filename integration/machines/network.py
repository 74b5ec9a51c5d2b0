"""A network that a test makes: a bridge in a namespace of its own, reached from here, gone with the test."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from ipaddress import IPv4Interface, IPv4Network

from piccolo_chassis import command

_SECONDS = 30.0


async def ip(*words: str) -> None:
    """Runs ip(8)."""
    await command.run(["ip", *words], seconds=_SECONDS)


@dataclass(slots=True)
class Network:
    """A bridge, and who is on it.

    Attributes:
        tag: begins the names of all that belongs to it.
        subnet: its addresses; the last one is this machine's.
    """

    tag: str
    subnet: IPv4Network
    _next: int = 1
    _joined: list[str] = field(default_factory=list)

    @property
    def here(self) -> IPv4Interface:
        """This machine's address on it."""
        return IPv4Interface(f"{self.subnet[-2]}/{self.subnet.prefixlen}")

    async def join(self) -> tuple[str, IPv4Interface]:
        """A namespace with an address on the bridge, for one machine: its name and the address."""
        number, self._next = self._next, self._next + 1
        name, address = f"{self.tag}{number}", IPv4Interface(f"{self.subnet[number]}/{self.subnet.prefixlen}")
        self._joined.append(name)
        await ip("netns", "add", name)
        await ip("-n", name, "link", "add", "host0", "type", "veth", "peer", "name", name, "netns", self.tag)
        await ip("-n", name, "addr", "add", str(address), "dev", "host0")
        for link in ("lo", "host0"):
            await ip("-n", name, "link", "set", link, "up")
        await ip("-n", name, "route", "add", "default", "via", str(self.here.ip))
        await ip("-n", self.tag, "link", "set", name, "master", "bridge", "up")
        return name, address

    async def cut(self, name: str) -> None:
        """Takes a machine's cable out."""
        await ip("-n", self.tag, "link", "set", name, "down")

    async def heal(self, name: str) -> None:
        """Puts it in again."""
        await ip("-n", self.tag, "link", "set", name, "up")

    async def open(self) -> None:
        """Makes the bridge, with this machine on it."""
        await ip("netns", "add", self.tag)
        await ip("-n", self.tag, "link", "add", "bridge", "type", "bridge")
        await ip("-n", self.tag, "link", "set", "bridge", "up")
        await ip("link", "add", self.tag, "type", "veth", "peer", "name", "here", "netns", self.tag)
        await ip("-n", self.tag, "link", "set", "here", "master", "bridge", "up")
        await ip("addr", "add", str(self.here), "dev", self.tag)
        await ip("link", "set", self.tag, "up")

    async def close(self) -> None:
        """Leaves nothing behind: with a namespace go the ends of its cables."""
        for name in [*self._joined, self.tag]:
            await command.run(["ip", "netns", "del", name], seconds=_SECONDS, check=False)


@asynccontextmanager
async def network() -> AsyncIterator[Network]:
    """A network for one test."""
    number = secrets.randbelow(200)
    made = Network(f"pic{secrets.token_hex(3)}-", IPv4Network(f"10.213.{number}.0/24"))
    try:
        await made.open()
        yield made
    finally:
        await made.close()
