"""A device's other services, small and in memory, behind real sockets.

    async with device(folder) as services:
        services.vault.set_up("correct horse battery staple")
        Config(sockets=services.sockets, ...)

Rules:
* They speak the real wire through the chassis's own door: validation, errors and streams are those of the
  real services. What they answer follows the contracts; they keep no secret and no file on a disk.
* They fail where the real ones would (a name that is taken, a version that moved on, a locked device), and
  where a test tells them to.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from piccolo.attestation.v1 import circle_pb2_grpc
from piccolo.fragment_store.v1 import keeper_pb2_grpc
from piccolo.metadata.v1 import backup_pb2_grpc, file_pb2_grpc, memory_pb2, memory_pb2_grpc
from piccolo.vault.v1 import key_pb2_grpc, membership_pb2_grpc, store_pb2_grpc
from piccolo_chassis.host import Host
from piccolo_chassis.interceptors import Limits

from piccolo_gateway.config import SocketsConfig
from piccolo_gateway.tests.fakes.circle import FakeCircle
from piccolo_gateway.tests.fakes.keeper import FakeKeeper
from piccolo_gateway.tests.fakes.keys import FakeKeys, FakeMembership
from piccolo_gateway.tests.fakes.memory import (
    FakeAudit,
    FakeBackup,
    FakeChanges,
    FakeOperations,
    FakeSettings,
    FakeState,
)
from piccolo_gateway.tests.fakes.names import FakeFiles
from piccolo_gateway.tests.fakes.store import FakeStore
from piccolo_gateway.tests.fakes.tree import Tree


@dataclass(slots=True)
class FakeDevice:
    """All services of a device, and the sockets where they listen."""

    sockets: SocketsConfig
    tree: Tree
    files: FakeFiles
    keys: FakeKeys
    store: FakeStore
    circle: FakeCircle
    operations: FakeOperations
    state: FakeState
    settings: FakeSettings
    audit: FakeAudit
    changes: FakeChanges
    backup: FakeBackup
    keeper: FakeKeeper
    hosts: dict[str, Host]

    async def stop(self, name: str) -> None:
        """Ends one service, as a crash does for its callers."""
        await self.hosts.pop(name).stop(0)


@asynccontextmanager
async def device(folder: Path) -> AsyncIterator[FakeDevice]:
    """A device without an owner; `folder` must be short, because sockets' paths are."""
    made = _made(folder)
    try:
        for host in made.hosts.values():
            await host.start()
        yield made
    finally:
        for name in list(made.hosts):
            await made.stop(name)


def _made(folder: Path) -> FakeDevice:
    paths = {name: folder / name / "s.sock" for name in ("vault", "metadata", "attestation", "keeper")}
    for path in paths.values():
        path.parent.mkdir(mode=0o700, parents=True)
    changes = FakeChanges()
    tree = Tree(lambda: changes.tell(memory_pb2.TOPIC_FILES))
    operations = FakeOperations()  # type: ignore[abstract]
    keys = FakeKeys(operations)
    circle = FakeCircle()  # type: ignore[abstract]
    made = FakeDevice(
        sockets=SocketsConfig(paths["vault"], paths["metadata"], paths["attestation"], paths["keeper"]),
        tree=tree,
        files=FakeFiles(tree),
        keys=keys,
        store=FakeStore(tree, keys, operations),
        circle=circle,
        operations=operations,
        state=FakeState(),
        settings=FakeSettings(changes),
        audit=FakeAudit(changes),
        changes=changes,
        backup=FakeBackup(),  # type: ignore[abstract]
        keeper=FakeKeeper(),  # type: ignore[abstract]
        hosts={name: Host(name, path, Limits(60.0, 3600.0)) for name, path in paths.items()},
    )
    _serve(made)
    return made


def _serve(made: FakeDevice) -> None:
    vault, metadata = made.hosts["vault"], made.hosts["metadata"]
    members = FakeMembership(made.keys, made.circle)
    memory = memory_pb2_grpc
    vault.add_service(lambda to: key_pb2_grpc.add_KeyServiceServicer_to_server(made.keys, to), "keys")
    vault.add_service(
        lambda to: membership_pb2_grpc.add_MembershipServiceServicer_to_server(members, to), "members"
    )
    vault.add_service(lambda to: store_pb2_grpc.add_StoreServiceServicer_to_server(made.store, to), "store")
    metadata.add_service(lambda to: file_pb2_grpc.add_FileServiceServicer_to_server(made.files, to), "files")
    metadata.add_service(lambda to: memory.add_StateServiceServicer_to_server(made.state, to), "state")
    metadata.add_service(
        lambda to: memory.add_OperationServiceServicer_to_server(made.operations, to), "operations"
    )
    metadata.add_service(
        lambda to: memory.add_SettingsServiceServicer_to_server(made.settings, to), "settings"
    )
    metadata.add_service(lambda to: memory.add_ChangeServiceServicer_to_server(made.changes, to), "changes")
    metadata.add_service(lambda to: memory.add_AuditServiceServicer_to_server(made.audit, to), "audit")
    metadata.add_service(
        lambda to: backup_pb2_grpc.add_BackupServiceServicer_to_server(made.backup, to), "backup"
    )
    made.hosts["keeper"].add_service(
        lambda to: keeper_pb2_grpc.add_KeeperServiceServicer_to_server(made.keeper, to), "keeper"
    )
    made.hosts["attestation"].add_service(
        lambda to: circle_pb2_grpc.add_CircleServiceServicer_to_server(made.circle, to), "circle"
    )
