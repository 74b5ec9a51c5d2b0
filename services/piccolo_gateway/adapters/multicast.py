"""`<name>.local` and `_https._tcp` in the home's network, by multicast DNS (RFC 6762, RFC 6763).

The library is imported when there is something to announce: it takes 4 MiB.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any, Final

from piccolo_gateway.adapters.addresses import settled
from piccolo_gateway.ports.home import Household

if TYPE_CHECKING:
    from zeroconf import IPVersion
    from zeroconf.asyncio import AsyncZeroconf

_SERVICE: Final = "_https._tcp.local."
_ASK_MILLISECONDS: Final = 2000.0  # the library asks twice in it, each after a random pause
_TTL: Final = 120


class Multicast:
    """Announces a port of this machine."""

    @asynccontextmanager
    async def at(self, addresses: Sequence[str], port: int) -> AsyncIterator[Household]:
        """The neighbours of some of this machine's addresses; what was announced is taken back at the end.

        Raises OSError, also for what the library finds wrong.
        """
        from zeroconf import Error
        from zeroconf.asyncio import AsyncZeroconf

        if gone := [address for address in addresses if not settled(ip_address(address))]:
            raise OSError(f"{gone[0]} is no address of this machine now")
        neighbours = AsyncZeroconf(interfaces=list(addresses), ip_version=_version(addresses))
        try:
            await neighbours.zeroconf.async_wait_for_start()
            yield _Household(neighbours, list(addresses), port)
        except Error as failed:
            raise OSError(f"multicast DNS failed: {failed!r}") from failed
        finally:
            await asyncio.shield(_close(neighbours))


class _Household:
    """Implements ports.Household."""

    def __init__(self, neighbours: AsyncZeroconf, addresses: list[str], port: int) -> None:
        self._neighbours, self._addresses, self._port = neighbours, addresses, port
        self.claimed = asyncio.Event()
        self._server = ""

    async def taken(self, label: str) -> bool:
        """Whether another device has a name."""
        from zeroconf import AddressResolver  # type: ignore[attr-defined]  # its documentation offers it

        asked = AddressResolver(f"{label}.local.")
        await asked.async_request(self._neighbours.zeroconf, _ASK_MILLISECONDS)
        return bool({ip_address(text) for text in asked.parsed_addresses()} - self._own())

    async def announce(self, label: str) -> None:
        """Has the name from now on."""
        from zeroconf.asyncio import AsyncServiceInfo

        self._server = f"{label}.local."
        self._neighbours.zeroconf.async_add_listener(_listener(self._seen), None)
        service = AsyncServiceInfo(
            _SERVICE,
            f"{label}.{_SERVICE}",
            port=self._port,
            properties={"path": "/"},
            server=self._server,
            parsed_addresses=self._addresses,
            host_ttl=_TTL,
        )
        await (await self._neighbours.async_register_service(service, allow_name_change=True))

    def others(self) -> list[str]:
        """The addresses at which others have the name too."""
        known = self._neighbours.zeroconf.cache.entries_with_name(self._server)
        found = {ip_address(address) for one in known if (address := getattr(one, "address", None))}
        return [str(address) for address in found - self._own()]

    def _seen(self, record: Any) -> None:
        address = getattr(record, "address", None)
        if address and record.name.lower() == self._server and ip_address(address) not in self._own():
            self.claimed.set()

    def _own(self) -> set[Any]:
        return {ip_address(address) for address in self._addresses}


def _version(addresses: Sequence[str]) -> IPVersion:
    """What to speak; a machine may know no IPv6 at all, and then the library must not ask it for any."""
    from zeroconf import IPVersion

    spoken = {ip_address(address).version for address in addresses}
    if len(spoken) == 2:
        return IPVersion.All
    return IPVersion.V6Only if spoken == {6} else IPVersion.V4Only


def _listener(seen: Any) -> Any:
    from zeroconf import RecordUpdateListener

    class Listener(RecordUpdateListener):
        """Hears what neighbours say."""

        def async_update_records(self, zc: Any, now: float, records: list[Any]) -> None:
            """Called in the loop, with what is new."""
            for record in records:
                seen(record.new)

    return Listener()


async def _close(neighbours: AsyncZeroconf) -> None:
    try:
        await neighbours.async_unregister_all_services()
    finally:
        await neighbours.async_close()
