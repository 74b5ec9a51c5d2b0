"""A program for a network of its own: two ends of a cable, a device at one, a neighbour at the other.

It prints, as JSON, what the neighbour heard by IPv6 and by IPv4, and whether a new address was among the
device's before and after the kernel had found it to be nobody else's.
"""

from __future__ import annotations

import asyncio
import json
import sys

from piccolo_chassis import command
from zeroconf import AddressResolver, IPVersion  # type: ignore[attr-defined]  # its documentation offers it
from zeroconf.asyncio import AsyncZeroconf

from piccolo_gateway.adapters.addresses import at_home, changes
from piccolo_gateway.adapters.multicast import Multicast

CABLE = (
    "link set lo up",
    "link add name ours type veth peer name theirs",
    "link set ours up",
    "link set theirs up",
    "address add fd00:5::1/64 dev ours nodad",
    "address add fd00:5::2/64 dev theirs nodad",
)


async def ip(words: str) -> None:
    await command.run(["ip", *words.split()], seconds=30.0)


async def heard(at: str, by: IPVersion) -> list[str]:
    neighbour = AsyncZeroconf(interfaces=[at], ip_version=by)
    try:
        await neighbour.zeroconf.async_wait_for_start()
        asked = AddressResolver("attic.local.")
        await asked.async_request(neighbour.zeroconf, 3000)
        return sorted(asked.parsed_addresses())
    finally:
        await neighbour.async_close()


async def announced(addresses: list[str], at: str, by: IPVersion) -> list[str]:
    async with Multicast().at(addresses, 443) as household:
        await household.announce("attic")
        return await heard(at, by)


async def new_address() -> tuple[bool, bool]:
    async with changes() as changed, asyncio.timeout(60):
        await ip("address add fd00:5::7/64 dev ours")
        before = "fd00:5::7" in at_home()
        while "fd00:5::7" not in at_home():
            await changed.wait()
            changed.clear()
    return before, "fd00:5::7" in at_home()


async def main() -> None:
    for words in CABLE:
        await ip(words)
    told = {
        "both, by 6": await announced(["127.0.0.1", "fd00:5::1"], "fd00:5::2", IPVersion.V6Only),
        "both, by 4": await announced(["127.0.0.1", "fd00:5::1"], "127.0.0.2", IPVersion.V4Only),
        "only 6": await announced(["fd00:5::1"], "fd00:5::2", IPVersion.V6Only),
        "new": await new_address(),
    }
    sys.stdout.write(json.dumps(told))


if __name__ == "__main__":
    asyncio.run(main())
