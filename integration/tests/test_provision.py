"""A device and its seed volume, by the real unit under a real systemd."""

from __future__ import annotations

import functools
import http.server
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import pyrage
import pytest
from piccolo_chassis import command

from integration.client import Client
from integration.machines.circle import Member
from integration.machines.network import Network, network
from integration.machines.nspawn import Nspawn
from script.seeding import Plan, make, update, write_volume

pytestmark = pytest.mark.nspawn
KEY: Final = "A" * 42 + "E="
TOLD: Final[dict[str, Any]] = {
    "authorized_keys": [f"ssh-ed25519 {'A' * 68} me"],
    "time": {"servers": ["one.ntp.invalid", "two.ntp.invalid"]},
    # matches no link here, which are all virtual: that networkd takes the file is what is seen
    "wired": {"dhcp": False, "addresses": ["192.0.2.7/24"], "gateways": ["192.0.2.1"], "dns": ["192.0.2.1"]},
    "wireguard": {
        "private_key": KEY,
        "addresses": ["10.9.0.2/24"],
        "peers": [{"public_key": KEY, "allowed": ["10.9.0.0/24"], "endpoint": "192.0.2.9:51820"}],
    },
    "gateway": {"names": ["kitchen.example.org"], "claim_code": "ABCD-EFGH-JKMN", "announce": False},
    "fragment-store": {"offer_bytes": 12_345_678},
}


class Quiet(http.server.SimpleHTTPRequestHandler):
    """A static site that says nothing of itself."""

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the library's name
        pass


@contextmanager
def published(folder: Path, host: str) -> Iterator[str]:
    """The folder as a static site, for as long as the block lasts; its address."""
    serve = functools.partial(Quiet, directory=str(folder))
    with http.server.ThreadingHTTPServer((host, 0), serve) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://{host}:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()


def plan(folder: Path, site: str, serial: int, told: dict[str, Any]) -> Plan:
    return Plan(
        "kitchen",
        told,
        serial=serial,
        days=30,
        site=site,
        offline=False,
        folder=folder / "site",
        keys=folder / "keys",
    )


async def seeded(made: Plan, folder: Path) -> Path:
    """A volume, and its entry at the site."""
    volume = folder / "seed.img"
    await write_volume(make(made, pyrage.x25519.Identity.generate(), datetime.now(UTC)), volume)
    return volume


@asynccontextmanager
async def device(
    net: Network, tree: Path, folder: Path, seed: Path | None
) -> AsyncIterator[tuple[Member, Nspawn]]:
    """A device, networkd at work in it, that is switched on: as one of a circle, and as a machine."""
    name, address = await net.join()
    machine = Nspawn(name, address, tree, folder / name, seed=seed, networkd=True)
    certificate = machine.root / "var/lib/piccolo/gateway/tls.pem"
    member = Member(
        machine, Client(f"https://{address.ip}", certificate, name, "correct horse battery staple")
    )
    try:
        await machine.build()
        await member.start()
        yield member, machine
    finally:
        await member.close()


async def said(machine: Nspawn) -> str:
    """What it said of itself at this boot. The console would have it too, were it a terminal here."""
    return await machine.inside("journalctl", "-b", "-u", "piccolo-provision", "-o", "cat")


async def told(member: Member) -> dict[str, Any]:
    """What the device tells everybody of its configuration."""
    async with member.api.http.get("/.well-known/piccolo") as answer:
        found: dict[str, Any] = (await answer.json())["provision"]
        return found


async def restart(member: Member) -> None:
    await member.api.close()
    await member.machine.stop()
    await member.start()


async def is_as_told(machine: Nspawn) -> None:
    """The system itself says what the configuration said."""
    assert await machine.inside("hostname") == "kitchen"
    times = await machine.inside("systemd-analyze", "cat-config", "systemd/timesyncd.conf")
    assert "NTP=one.ntp.invalid two.ntp.invalid" in times.splitlines()
    networks = await machine.inside("journalctl", "-b", "-u", "systemd-networkd", "-o", "cat")
    assert "60-piccolo" not in networks, "networkd finds no fault in a file"
    if await has_wireguard():
        assert "allowed ips: 10.9.0.0/24" in await machine.inside("wg", "show", "piccolo0")
        assert "10.9.0.2/24" in await machine.inside("ip", "address", "show", "piccolo0")
    else:
        assert "piccolo0" in networks, "networkd tried to make it"
    assert "me" in await machine.inside("cat", "/run/piccolo/authorized_keys.d/node")


async def has_wireguard() -> bool:
    """Whether this machine's kernel knows it."""
    made = await command.run(
        ["ip", "link", "add", "piccolo-try", "type", "wireguard"], seconds=10.0, check=False
    )
    await command.run(["ip", "link", "del", "piccolo-try"], seconds=10.0, check=False)
    return not made.status


async def secrets_are_apart(machine: Nspawn, key: bytes) -> None:
    """Who may read what, and that nothing secret is left where a disk would be."""
    modes = {
        "/run/systemd/network/60-piccolo-wireguard.netdev": "640 root systemd-network",
        "/run/piccolo/config/claim-code": "640 root piccolo-gateway",
        "/run/piccolo/config/fragment-store.toml": "640 root piccolo-fragment-store",
        "/run/piccolo/provision/status.json": "644 piccolo-provision piccolo-provision",
    }
    for path, mode in modes.items():
        assert await machine.inside("stat", "-c", "%a %U %G", path) == mode
    assert await machine.inside("ls", "/run/piccolo/provision") == "status.json"
    kept = [
        each for each in (machine.folder / "upper").rglob("*") if each.is_file() and not each.is_symlink()
    ]
    assert any(each.name == "memory.json" for each in kept)
    for each in kept:
        content = each.read_bytes()
        assert key not in content, each
        assert KEY.encode() not in content, each


async def test_a_seed_makes_a_device_one_node(device_tree: Path, tmp_path: Path) -> None:
    """All that its configuration says, the system then says; what a newer one no longer says is gone."""
    (tmp_path / "site").mkdir()
    async with network() as net:
        with published(tmp_path / "site", str(net.here.ip)) as site:
            volume = await seeded(plan(tmp_path, site, 1, TOLD), tmp_path)
            read: list[str | Path] = ["mcopy", "-n", "-i", volume, "::age.key", "-"]
            key = (await command.run(read, seconds=10.0)).stdout.strip()
            async with device(net, device_tree, tmp_path, volume) as (member, machine):
                failed = await machine.inside("systemctl", "--failed", "--plain", "--no-legend")
                assert (await machine.booted(), failed) == ("running", "")
                assert (await told(member))["state"] == "current"
                assert "The device runs by its configuration." in await said(machine)
                await is_as_told(machine)
                await secrets_are_apart(machine, key)
                assert (await member.api.status())["claim"] == "code"
                update(plan(tmp_path, site, 2, {}), datetime.now(UTC))
                await restart(member)
                assert (await told(member))["state"] == "current"
                assert (await member.api.status())["claim"] != "code"
                assert await machine.inside("ls", "/run/systemd/network", "/run/piccolo/config") == (
                    "/run/piccolo/config:\n\n/run/systemd/network:"
                )


async def test_a_device_stays_its_node_whatever_its_site_says(device_tree: Path, tmp_path: Path) -> None:
    """A site that brings back an older word, and one that is away."""
    nodes = tmp_path / "site/nodes"
    (tmp_path / "site").mkdir()
    async with network() as net:
        with published(tmp_path / "site", str(net.here.ip)) as site:
            volume = await seeded(plan(tmp_path, site, 1, {}), tmp_path)
            old = {each.name: each.read_bytes() for each in nodes.iterdir()}
            update(plan(tmp_path, site, 2, TOLD), datetime.now(UTC))
            async with device(net, device_tree, tmp_path, volume) as (member, machine):
                assert (await told(member))["state"] == "current"
                for name, content in old.items():
                    (nodes / name).write_bytes(content)
                await restart(member)
                again = await told(member)
                assert (again["state"], again["reason"]) == ("kept", "CONFIGURATION_REPLAYED")
                await is_as_told(machine)
                nodes.rename(tmp_path / "site/away")
                await restart(member)
                away = await told(member)
                assert (away["state"], away["reason"]) == ("kept", "SITE_UNKNOWN")
                await is_as_told(machine)


async def test_a_site_that_is_away_at_the_boot_makes_it_a_node_without_another(
    device_tree: Path, tmp_path: Path
) -> None:
    """What its timer does, done now; the service whose settings come late has them then."""
    nodes, away = tmp_path / "site/nodes", tmp_path / "away"
    (tmp_path / "site").mkdir()
    keeper, started = "piccolo-fragment-store.service", "--property=ExecMainStartTimestampMonotonic"
    async with network() as net:
        with published(tmp_path / "site", str(net.here.ip)) as site:
            offer = {"fragment-store": {"offer_bytes": 12_345_678}}
            volume = await seeded(plan(tmp_path, site, 1, offer), tmp_path)
            nodes.rename(away)
            async with device(net, device_tree, tmp_path, volume) as (member, machine):
                early = await told(member)
                assert (early["state"], early["reason"]) == ("refused", "SITE_UNKNOWN")
                assert await machine.inside("systemctl", "is-active", "device-provision.timer") == "active"
                before = await machine.inside("systemctl", "show", started, keeper)
                away.rename(nodes)
                await machine.inside("systemctl", "start", "device-provision.service")
                # joins the job that this has begun, and returns with it
                await machine.inside("systemctl", "start", "piccolo-provision.service")
                await machine.inside("systemctl", "start", keeper)
                assert (await told(member))["state"] == "current"
                assert await machine.inside("hostname") == "kitchen"
                assert await machine.inside("systemctl", "show", started, keeper) != before
                assert await machine.booted() == "running"


async def test_a_bad_seed_keeps_no_device_from_its_face(device_tree: Path, tmp_path: Path) -> None:
    """A cut volume is refused in words; once it is pulled out, the device is empty."""
    (tmp_path / "site").mkdir()
    async with network() as net:
        volume = await seeded(plan(tmp_path, "http://192.0.2.1", 1, TOLD), tmp_path)
        volume.write_bytes(volume.read_bytes()[:3000])
        async with device(net, device_tree, tmp_path, volume) as (member, machine):
            bad = await told(member)
            assert (bad["state"], bad["reason"]) == ("refused", "SEED_INCOMPLETE")
            assert bad["message"] in await said(machine)
            assert await machine.booted() == "running"
            assert (await member.api.status())["keys"] == "empty"
            machine.seed = None
            await restart(member)
            assert (await told(member))["state"] == "empty"
            assert await machine.booted() == "running"
