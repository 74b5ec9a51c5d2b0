"""A circle of ours as a contender: one device more than a file has fragments, files put at the first.

Rules:
* k and m are what the first owner's vault is configured to; if files are kept otherwise, nothing is measured.
* The vault's figure is taken at its socket, the gateway's at its HTTPS port: both the first owner's.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

from piccolo.vault.v1.store_pb2_grpc import StoreServiceStub
from piccolo_vault.core.storage.erasure import Code

from integration.bench.errors import WrongCodeError
from integration.bench.vault import get, put
from integration.client import Client
from integration.device import Cloud, Device
from integration.owner import Owner

GATEWAY: Final = "gateway"
_VAULT: Final = "vault"


@dataclass(slots=True)
class Vault:
    """The vault at its socket. `short`: files acknowledged before all their fragments were placed."""

    store: StoreServiceStub
    name: str = _VAULT
    files: int = 0
    short: int = 0

    async def put(self, name: str, data: bytes) -> str:
        """Stores a file under its name."""
        health = (await put(self.store, f"/{self.name}{name}", data)).health
        self.files += 1
        self.short += health.placed < health.m
        return f"/{self.name}{name}"

    async def get(self, key: str) -> bytes:
        """Reads a file by its name."""
        return await get(self.store, key)

    def account(self) -> str:
        """How complete the files were when the vault said yes."""
        return f"{self.files - self.short:,} of {self.files:,} files had all fragments placed at the yes"


@dataclass(frozen=True, slots=True)
class Gateway:
    """The gateway at its HTTPS port."""

    client: Client
    name: str = GATEWAY

    async def put(self, name: str, data: bytes) -> str:
        """Stores a file under its name."""
        return (await self.client.put(f"/{self.name}{name}", data)).path

    async def get(self, key: str) -> bytes:
        """Reads a file by its name."""
        return await self.client.get(key)


@dataclass(frozen=True, slots=True)
class Ways:
    """The ways into the first owner's device."""

    vault: Vault
    gateway: Gateway


@asynccontextmanager
async def ways(owner: Owner, code: Code) -> AsyncIterator[Ways]:
    """Both ways in, with files kept as `code`. Raises WrongCodeError when they are not."""
    await restart_vault(owner, code)
    async with owner.device.connect(_VAULT) as channel:
        health = (await put(StoreServiceStub(channel), "/bench/probe", b"how is this kept?")).health
        if (health.k, health.m) != (code.k, code.m):
            raise WrongCodeError(f"files are kept as {health.k} of {health.m}, not as {code}")
        yield Ways(Vault(StoreServiceStub(channel)), Gateway(owner.api))


def as_shipped(box: Cloud | Device) -> None:
    """Lets a device gossip, and leave the heads of its backup with others, as often as it is shipped to."""
    box.tuning |= {"attestation": {"pace": {}}, "vault": {"heads": {}}}


async def restart_vault(owner: Owner, code: Code | None) -> None:
    """Lets the vault cut new files as `code`, or as the rules say, and unlocks it."""
    settings = owner.device.settings(_VAULT)
    if code is not None:
        settings["store"] = {"k": code.k, "m": code.m}
    await owner.device.stop([_VAULT])
    await owner.device.run({_VAULT: settings})
    await owner.api.unlock()
