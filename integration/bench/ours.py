"""A circle of ours as a contender: one device more than a file has fragments, files put at the first.

Rules:
* k and m are set as the owner sets them; when a file is kept otherwise, nothing is measured.
* The vault's own figure is taken at its socket, the gateway's at its HTTPS port: the first owner's, both.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from piccolo.metadata.v1 import memory_pb2
from piccolo.metadata.v1.memory_pb2_grpc import SettingsServiceStub
from piccolo.vault.v1 import vault_pb2 as vault
from piccolo.vault.v1.vault_pb2_grpc import StoreServiceStub
from piccolo_vault.core.erasure import Code

from integration.bench.errors import WrongCodeError
from integration.circle import Circle, circle
from integration.owner import Owner, get, put

VAULT: Final = "vault"


@dataclass(slots=True)
class Vault:
    """The first owner's vault at its socket. `short`: files acknowledged before all fragments were placed."""

    store: StoreServiceStub
    name: str = VAULT
    files: int = 0
    short: int = 0

    async def put(self, name: str, data: bytes) -> str:
        """Stores a file under its name."""
        health = (await put(self.store, name, data)).health
        self.files += 1
        self.short += health.placed < health.m
        return name

    async def get(self, key: str) -> bytes:
        """Reads a file by its name."""
        return await get(self.store, key)

    def account(self) -> str:
        """How complete the files were when the vault said yes."""
        return f"{self.files - self.short:,} of {self.files:,} files had all fragments placed at the yes"


@asynccontextmanager
async def running(folder: Path, devices: int, say: Callable[[str], None]) -> AsyncIterator[Circle]:
    """A circle of so many devices."""
    async with circle(folder, devices, say) as made:
        yield made


@asynccontextmanager
async def contenders(owner: Owner, code: Code) -> AsyncIterator[list[Vault]]:
    """All the ways into the owner's device, the vault's socket first."""
    await set_code(owner, code)
    async with owner.device.connect("vault") as channel:
        store = StoreServiceStub(channel)
        await check_code(store, code)
        yield [Vault(store)]


async def set_code(owner: Owner, code: Code | None) -> None:
    """Sets k and m of new files; None lets the rules choose."""
    values = {"storage.k": code.k, "storage.m": code.m} if code else {"storage.k": 0, "storage.m": 0}
    async with owner.device.connect("metadata") as channel:
        await SettingsServiceStub(channel).SetSettings(
            memory_pb2.SetSettingsRequest(values={name: json.dumps(value) for name, value in values.items()})
        )


async def check_code(store: StoreServiceStub, code: Code | None) -> vault.Health:
    """How a file is kept that is written now. Raises WrongCodeError when that is not `code`."""
    health = (await put(store, "/bench/probe", b"how is this kept?")).health
    if code is not None and (health.k, health.m) != (code.k, code.m):
        raise WrongCodeError(f"files are kept as {health.k} of {health.m}, not as {code}")
    return health
