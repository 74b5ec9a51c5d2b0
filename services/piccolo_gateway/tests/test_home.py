"""Being found in the home's network: the name, what happens when it is taken, and what follows from it."""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import shutil
import socket
import ssl
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from hypothesis import given
from hypothesis import strategies as st
from piccolo_chassis import command
from zeroconf import AddressResolver, NonUniqueNameException  # type: ignore[attr-defined]
from zeroconf.asyncio import AsyncServiceInfo, AsyncZeroconf

from piccolo_gateway.adapters import addresses as machine
from piccolo_gateway.adapters.addresses import OwnAddresses
from piccolo_gateway.adapters.multicast import Multicast
from piccolo_gateway.config import Config, HomeConfig
from piccolo_gateway.core import labels
from piccolo_gateway.engine.home import Home, Present
from piccolo_gateway.tests.conftest import PASSPHRASE, Start, World

OURS, THEIRS = "127.0.0.1", "127.0.0.2"


@pytest.fixture
def name() -> str:
    """A name that no other test run on this machine has."""
    return f"box {secrets.token_hex(4)}"


@asynccontextmanager
async def neighbour(address: str = THEIRS) -> AsyncIterator[AsyncZeroconf]:
    made = AsyncZeroconf(interfaces=[address])
    try:
        await made.zeroconf.async_wait_for_start()
        yield made
    finally:
        await made.async_close()


async def resolved(by: AsyncZeroconf, label: str) -> list[str]:
    asked = AddressResolver(f"{label}.local.")
    await asked.async_request(by.zeroconf, 3000)
    return [str(address) for address in asked.parsed_addresses()]


async def announce(by: AsyncZeroconf, label: str, address: str = THEIRS) -> None:
    service = AsyncServiceInfo(
        "_https._tcp.local.",
        f"rival of {label}._https._tcp.local.",
        port=1,
        server=f"{label}.local.",
        parsed_addresses=[address],
    )
    await (await by.async_register_service(service))


@asynccontextmanager
async def found(start: Start, name: str) -> AsyncIterator[World]:
    """A gateway that is announced under a name, and its owner logged in."""
    async with start(home=HomeConfig(addresses=(OURS,))) as world:
        world.fakes.keys.set_up(PASSPHRASE)
        await world.client.log_in()
        await world.json("PATCH", "/settings", json={"values": {"device.name": name}})
        yield world


async def called(world: World, label: str) -> Any:
    """The network, once the device is called so; each look waits for the event that it may have changed."""
    async with asyncio.timeout(30):
        async with world.request("GET", "/api/v1/events") as stream:
            while True:
                _, network = await world.json("GET", "/network")
                if network["name"] == f"{label}.local":
                    return network
                while not (await stream.content.readline()).startswith(b"event: network"):
                    pass


@pytest.mark.component
async def test_a_neighbour_resolves_the_name_and_finds_the_service(start: Start, name: str) -> None:
    label = labels.label(name)
    async with neighbour() as other, found(start, name) as world:
        network = await called(world, label)
        assert (network["taken"], network["addresses"]) == (False, [OURS])
        assert await resolved(other, label) == [OURS]
        service = await other.async_get_service_info("_https._tcp.local.", f"{label}._https._tcp.local.")
        assert service is not None
        port = int(world.client.url.rpartition(":")[2])
        assert (service.server, service.port) == (f"{label}.local.", port)


@pytest.mark.component
async def test_the_certificate_is_for_the_name(start: Start, name: str) -> None:
    label = labels.label(name)
    async with found(start, name) as world:
        await called(world, label)
        leaf = x509.load_pem_x509_certificate((world.config.state / "tls.pem").read_bytes())
        names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        assert f"{label}.local" in names.get_values_for_type(x509.DNSName)
        async with world.request("GET", "/api/v1/factors", headers={"Host": f"{label}.local"}) as response:
            assert (await response.json())["passkeys_here"] is True
        tls = ssl.create_default_context(cafile=str(world.config.state / "ca.pem"))
        port = int(world.client.url.rpartition(":")[2])
        _, writer = await asyncio.open_connection(OURS, port, ssl=tls, server_hostname=f"{label}.local")
        writer.transport.abort()


@pytest.mark.component
async def test_a_name_that_is_taken_is_left_and_shown(start: Start, name: str) -> None:
    label = labels.label(name)
    async with neighbour() as other:
        await announce(other, label)
        async with found(start, name) as world:
            network = await called(world, f"{label}-2")
            assert (network["taken"], network["wanted"]) == (True, f"{label}.local")
            assert await resolved(other, f"{label}-2") == [OURS]


@pytest.mark.component
async def test_a_neighbour_that_takes_our_name_later_keeps_it_when_its_address_is_higher(
    start: Start, name: str
) -> None:
    label = labels.label(name)
    async with neighbour() as other, found(start, name) as world:
        await called(world, label)
        await announce(other, label)
        assert (await called(world, f"{label}-2"))["taken"]


@pytest.mark.component
async def test_the_owner_renames_the_device(start: Start, name: str) -> None:
    async with neighbour() as other, found(start, name) as world:
        await called(world, labels.label(name))
        await world.json("PATCH", "/settings", json={"values": {"device.name": f"{name} ä"}})
        await called(world, f"{labels.label(name)}-a")
        assert await resolved(other, f"{labels.label(name)}-a") == [OURS]


@pytest.mark.component
async def test_it_is_taken_back_at_the_end(start: Start, name: str) -> None:
    label = labels.label(name)
    async with neighbour() as other:
        async with found(start, name) as world:
            await called(world, label)
            assert await resolved(other, label) == [OURS]
        assert await resolved(other, label) == []


async def test_nothing_is_announced_when_the_owner_of_the_machine_says_so(start: Start, name: str) -> None:
    async with start(home=HomeConfig(announce=False, addresses=(OURS,))) as world:
        world.fakes.keys.set_up(PASSPHRASE)
        await world.client.log_in()
        _, network = await world.json("GET", "/network")
        assert network["name"] == ""


@pytest.mark.parametrize(
    ("address", "reached"),
    [
        ("127.0.0.1:0", ()),
        ("[::1]:1", ()),
        ("localhost:1", ()),
        ("[::]:443", None),
        ("0.0.0.0:443", None),
        ("192.168.1.7:443", ("192.168.1.7",)),
    ],
)
def test_only_where_the_listener_is_reached(address: str, reached: tuple[str, ...] | None) -> None:
    assert Config(state=Path("/x"), address=address).reached_at == reached


# the engine, with neighbours and interfaces that a test moves


class Neighbours:
    """Remembers what was announced at which addresses."""

    def __init__(self) -> None:
        self.known: list[tuple[tuple[str, ...], str]] = []
        self.broken = False
        self.claimed = asyncio.Event()
        self.told = asyncio.Condition()

    @asynccontextmanager
    async def at(self, addresses: Sequence[str], port: int) -> AsyncIterator[Any]:
        if self.broken:
            raise OSError("no network")
        self._at = tuple(addresses)
        yield self
        self.known.append((self._at, ""))

    async def taken(self, label: str) -> bool:
        return False

    async def announce(self, label: str) -> None:
        self.known.append((self._at, label))

    def others(self) -> list[str]:
        return []


class Interfaces:
    """Addresses that a test changes."""

    def __init__(self, *present: str) -> None:
        self.present, self.moved = list(present), asyncio.Event()

    def addresses(self) -> list[str]:
        return self.present

    @asynccontextmanager
    async def changes(self) -> AsyncIterator[asyncio.Event]:
        yield self.moved


class Named:
    """A name that stays."""

    async def watch(self) -> AsyncIterator[str]:
        yield "Attic"
        await asyncio.Event().wait()


@asynccontextmanager
async def living(neighbours: Neighbours, interfaces: Interfaces) -> AsyncIterator[Callable[..., Any]]:
    """A home; gives what waits until something is announced."""
    seen: asyncio.Queue[Present] = asyncio.Queue()
    home = Home(neighbours, interfaces, Named(), seen.put_nowait)
    task = asyncio.ensure_future(home.live(443))

    async def until(label: str, *addresses: str) -> None:
        async with asyncio.timeout(10):
            while (home.present.label, home.present.addresses) != (label, addresses):
                await seen.get()

    try:
        yield until
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_it_follows_addresses_that_change() -> None:
    neighbours, interfaces = Neighbours(), Interfaces("192.168.1.7")
    async with living(neighbours, interfaces) as until:
        await until("attic", "192.168.1.7")
        interfaces.present = ["10.0.0.9"]
        interfaces.moved.set()
        await until("attic", "10.0.0.9")
        interfaces.present = []
        interfaces.moved.set()
        await until("")
        interfaces.present = ["10.0.0.9"]
        interfaces.moved.set()
        await until("attic", "10.0.0.9")
    told = [(*at, label) for at, label in neighbours.known]
    assert told[:4] == [
        ("192.168.1.7", "attic"),
        ("192.168.1.7", ""),
        ("10.0.0.9", "attic"),
        ("10.0.0.9", ""),
    ]


async def test_a_network_that_is_not_there_is_tried_again_when_addresses_change() -> None:
    neighbours, interfaces = Neighbours(), Interfaces("192.168.1.7")
    neighbours.broken = True
    async with living(neighbours, interfaces) as until:
        await until("", "192.168.1.7")
        neighbours.broken = False
        interfaces.moved.set()
        await until("attic", "192.168.1.7")


async def test_what_the_library_finds_wrong_is_a_network_that_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    async def refuses(*_: object, **__: object) -> None:
        raise NonUniqueNameException

    monkeypatch.setattr(AsyncZeroconf, "async_register_service", refuses)
    with pytest.raises(OSError, match="NonUniqueName"):
        async with Multicast().at([OURS], 443) as household:
            await household.announce("attic")
    with pytest.raises(OSError, match="fd00::7"):
        async with Multicast().at(["fd00::7"], 443):
            pass


@pytest.mark.component
@pytest.mark.skipif(
    os.geteuid() != 0 or shutil.which("ip") is None, reason="only root makes a network of its own, with ip(8)"
)
async def test_neighbours_find_it_by_ipv6_too() -> None:
    words = ["unshare", "--net", sys.executable, "-m", "piccolo_gateway.tests.two_on_ipv6"]
    told = json.loads((await command.run(words, seconds=120.0)).stdout)
    assert told["both, by 6"] == told["both, by 4"] == ["127.0.0.1", "fd00:5::1"]
    assert told["only 6"] == ["fd00:5::1"]
    assert told["new"] == [False, True], "an address is this device's when no other has claimed it"


async def test_netlink_is_heard(monkeypatch: pytest.MonkeyPatch) -> None:
    """What it says is not read: that it speaks is enough. A sandbox without it looks now and then instead."""
    async with machine.changes() as changed:
        assert not changed.is_set()
    monkeypatch.setattr(machine, "_LOOK_SECONDS", 0.01)
    monkeypatch.setattr(socket, "AF_NETLINK", -1)
    async with asyncio.timeout(10), machine.changes() as changed:
        await changed.wait()


def test_the_machines_addresses_are_private_and_ordered() -> None:
    found = OwnAddresses(None).addresses()
    assert not [address for address in found if address.startswith(("127.", "169.254.", "fe80"))]
    assert OwnAddresses(("10.0.0.1",)).addresses() == ["10.0.0.1"]


@given(st.text(max_size=80))
def test_every_name_gives_a_label(name: str) -> None:
    made = labels.label(name)
    assert 1 <= len(made) <= 63
    assert set(made) <= set("abcdefghijklmnopqrstuvwxyz0123456789-")
    assert not made.startswith("-")
    assert not made.endswith("-")
    assert labels.label(made) == made
    several = list(labels.candidates(made))
    assert several[0] == made
    assert len(set(several)) == len(several) == 99
    assert max(map(len, several)) <= 63


IPS = st.ip_addresses(v=4).map(str)


@given(IPS, IPS)
def test_of_two_devices_exactly_one_gives_way(one: str, other: str) -> None:
    assert labels.gives_way([one], [other]) + labels.gives_way([other], [one]) == (one != other)
