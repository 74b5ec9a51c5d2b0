"""The addresses of this machine, and the word that they have changed (netlink, rtnetlink(7))."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Final

from piccolo_gateway.core.constraints import private

_ADDRESSES: Final = 0x10 | 0x100  # RTMGRP_IPV4_IFADDR, RTMGRP_IPV6_IFADDR
_LOOK_SECONDS: Final = 60.0


def at_home() -> list[str]:
    """The private addresses that others in the home's network reach, in a stable order."""
    import ifaddr  # comes with zeroconf, and is needed with it only

    found = set()
    for adapter in ifaddr.get_adapters():
        for one in adapter.ips:
            address = ip_address(one.ip if isinstance(one.ip, str) else one.ip[0])
            near = address.is_loopback or address.is_link_local
            if private(address) and not near and settled(address):
                found.add(address)
    return [str(address) for address in sorted(found, key=lambda one: (one.version, one.packed))]


def settled(address: IPv4Address | IPv6Address) -> bool:
    """Whether an address of IPv6 is here and nobody else has claimed it (RFC 4862, 5.4)."""
    if address.version == 4:
        return True
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind((str(address), 0))
        except OSError:
            return False
    return True


class OwnAddresses:
    """Implements ports.Interfaces: what is configured, else what the machine has."""

    def __init__(self, configured: Sequence[str] | None) -> None:
        self._configured = configured

    def addresses(self) -> list[str]:
        """Those that others in the home's network reach."""
        return at_home() if self._configured is None else list(self._configured)

    def changes(self) -> AbstractAsyncContextManager[asyncio.Event]:
        """An event that is set whenever one comes or goes."""
        return changes()


@asynccontextmanager
async def changes() -> AsyncIterator[asyncio.Event]:
    """An event that is set whenever an address comes or goes; whoever saw it clears it."""
    changed, loop = asyncio.Event(), asyncio.get_running_loop()
    try:
        watched = socket.socket(
            socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_NONBLOCK, socket.NETLINK_ROUTE
        )
        watched.bind((0, _ADDRESSES))
    except OSError:  # a sandbox may forbid it: then somebody has to look now and then
        looking = asyncio.ensure_future(_now_and_then(changed))
        try:
            yield changed
        finally:
            looking.cancel()
        return

    def heard() -> None:
        with suppress(BlockingIOError, OSError):
            while watched.recv(65536):
                changed.set()

    loop.add_reader(watched, heard)
    try:
        yield changed
    finally:
        loop.remove_reader(watched)
        watched.close()


async def _now_and_then(changed: asyncio.Event) -> None:
    while True:
        await asyncio.sleep(_LOOK_SECONDS)
        changed.set()
