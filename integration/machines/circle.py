"""A circle of machines: devices under their own units, the cloud as a process of this machine."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import aiohttp
import tomli_w
from cryptography import x509
from cryptography.hazmat.primitives import hashes

from integration.client import ApiError, Client
from integration.device import Cloud
from integration.machines.machine import Machine
from integration.machines.network import Network, network
from integration.machines.nspawn import Nspawn

_PEERS: Final = 7443
_OFFER: Final = 1 << 34
PASSPHRASE: Final = "correct horse battery staple"
_PATIENCE_SECONDS: Final = 120.0
_LOOK_SECONDS: Final = 0.2
SERVICES: Final = ("attestation", "fragment-store", "gateway", "metadata", "vault")
UNITS: Final = tuple(f"piccolo-{name}.service" for name in SERVICES)


@dataclass(slots=True)
class Member:
    """A machine and its owner's client.

    Attributes:
        patience: seconds until its face answers and its services run; under emulation a passphrase's
            derivation alone takes a minute, and several where others want the processor too.
    """

    machine: Machine
    api: Client
    patience: float = _PATIENCE_SECONDS

    async def start(self) -> None:
        """Switches it on; returns when its face answers."""
        await self.machine.start()
        async with asyncio.timeout(self.patience):
            while not self.api.certificate.is_file():  # noqa: ASYNC110 - it is written in another machine
                await asyncio.sleep(_LOOK_SECONDS)
            await self.api.open()
            while not await self._is_ready():  # noqa: ASYNC110 - it is another machine
                await asyncio.sleep(_LOOK_SECONDS)

    async def _is_ready(self) -> bool:
        try:
            await self.api.status()
        except aiohttp.ClientError:
            return False
        except ApiError as refused:
            if refused.status != 503:  # some service behind the face is still starting
                raise
            return False
        return True

    async def all_run(self) -> None:
        """Returns when every service runs and the face answers; unlocks it when that is needed."""
        async with asyncio.timeout(self.patience):
            while True:
                states = await self.machine.inside("systemctl", "is-active", *UNITS, check=False)
                if set(states.split()) == {"active"} and await self._answers():
                    return
                await asyncio.sleep(_LOOK_SECONDS)

    async def _answers(self) -> bool:
        try:
            if (await self.api.status())["keys"] == "locked":
                await self.api.log_in()
            await self.api.health()
        except aiohttp.ClientError:
            return False
        except ApiError as refused:
            if refused.status == 401:  # sessions end with the gateway's process
                await self.api.log_in()
            return False
        return True

    async def stop(self) -> None:
        """Shuts it down in order."""
        await self.api.close()
        await self.machine.stop()

    async def cut_power(self) -> None:
        """Takes its plug out, whatever its owner is about."""
        await self.machine.cut_power()
        await self.api.close()

    async def close(self) -> None:
        """Leaves nothing behind."""
        await self.api.close()
        await self.machine.close()


@dataclass(slots=True)
class Machines:
    """The cloud, the network, and the members, the founder first."""

    tree: Path
    folder: Path
    net: Network
    cloud: Cloud
    members: list[Member] = field(default_factory=list)

    async def add(self, count: int) -> None:
        """Boots new devices, sets each up, and lets each join (the very first one founds)."""
        fresh = [await self._new() for _ in range(count)]
        self.members += fresh
        await asyncio.gather(*(member.start() for member in fresh))
        await asyncio.gather(*(member.api.set_up() for member in fresh))
        for member in fresh:
            if member is self.members[0]:
                await member.api.found()
            else:
                await member.api.join(await self.members[0].api.invite())

    async def _new(self) -> Member:
        name, address = await self.net.join()
        machine = Nspawn(name, address, self.tree, self.folder / name)
        await machine.build()
        for service, settings in self._settings(str(address.ip)).items():
            (machine.root / "etc/piccolo").mkdir(exist_ok=True)
            path = machine.root / f"etc/piccolo/{service}.toml"
            path.write_text(tomli_w.dumps(settings), encoding="utf-8")
        certificate = machine.root / "var/lib/piccolo/gateway/tls.pem"
        return Member(machine, Client(f"https://{address.ip}", certificate, name, PASSPHRASE))

    def _settings(self, address: str) -> dict[str, dict[str, Any]]:
        cloud = {"address": self.cloud.address, "fingerprint": _fingerprint(self.cloud.certificate)}
        return {
            "metadata": {"cloud": cloud},
            "attestation": {"cloud": cloud},
            "fragment-store": {"endpoint": f"{address}:{_PEERS}", "offer_bytes": _OFFER},
        }

    async def close(self) -> None:
        """Leaves nothing behind."""
        await asyncio.gather(*(member.close() for member in self.members), self.cloud.close())


def _fingerprint(certificate: Path) -> str:
    return x509.load_pem_x509_certificate(certificate.read_bytes()).fingerprint(hashes.SHA256()).hex()


@asynccontextmanager
async def machines(tree: Path, folder: Path, count: int) -> AsyncIterator[Machines]:
    """A circle of that many machines; nothing of it outlives the block."""
    async with network() as net:
        cloud = Cloud("cloud", folder / "cloud", asyncio.Semaphore(os.cpu_count() or 1))
        here = f"{net.here.ip}:{cloud.port}"
        cloud.tuning["cloud"] = {"listen": here}
        cloud.reached_at = here
        made = Machines(tree, folder, net, cloud)
        try:
            await cloud.start()
            await made.add(count)
            for member in made.members:
                await member.api.knows_members(count)
            yield made
        finally:
            await made.close()
