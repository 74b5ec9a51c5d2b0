"""piccolo-metadata: the device's memory."""

from __future__ import annotations

import asyncio
import logging
import os
import random
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Final

from piccolo.metadata.v1 import (
    backup_pb2_grpc,
    file_pb2_grpc,
    memory_pb2_grpc,
    object_pb2_grpc,
    succession_pb2_grpc,
)
from piccolo_chassis import state
from piccolo_chassis.errors import PiccoloError
from piccolo_chassis.host import Host
from piccolo_chassis.logs import fields
from piccolo_chassis.serve import run

from piccolo_metadata.adapters.clock import SystemClock
from piccolo_metadata.adapters.cloud_channel import CloudChannel
from piccolo_metadata.adapters.cloud_files import DiskFiles, DiskSpool
from piccolo_metadata.adapters.cloud_key import own_key
from piccolo_metadata.adapters.cloud_log import GrpcCloudLog
from piccolo_metadata.adapters.damage import set_aside_before
from piccolo_metadata.adapters.database import Database, opened
from piccolo_metadata.adapters.outbox import DatabaseOutbox
from piccolo_metadata.config import STATE, Config
from piccolo_metadata.engine import upkeep
from piccolo_metadata.engine.backup import Backup
from piccolo_metadata.engine.backup_closing import Closer
from piccolo_metadata.engine.backup_emptying import Emptier
from piccolo_metadata.engine.backup_pruning import Pruner
from piccolo_metadata.engine.backup_restore import Restorer
from piccolo_metadata.engine.backup_trace import Tracer
from piccolo_metadata.engine.backup_writer import Writer
from piccolo_metadata.service.audit import AuditServicer
from piccolo_metadata.service.backup import BackupServicer
from piccolo_metadata.service.changes import ChangeServicer
from piccolo_metadata.service.file import FileServicer
from piccolo_metadata.service.object import ObjectServicer
from piccolo_metadata.service.operations import OperationServicer
from piccolo_metadata.service.settings import SettingsServicer
from piccolo_metadata.service.state import StateServicer
from piccolo_metadata.service.succession import SuccessionServicer

_WIRE: Final = "piccolo.metadata.v1."
_log = logging.getLogger(__name__)


@asynccontextmanager
async def wiring(config: Config, host: Host) -> AsyncIterator[None]:
    """The service, from its state folder to its servicers."""
    with state.claim(config.state, STATE) as claim:
        for aside in set_aside_before(claim.folder):
            _log.warning("a damaged memory was set aside; delete it when all is restored: %s", aside)
        async with opened(claim.folder / "metadata.db", SystemClock()) as database:
            if claim.found < STATE.written:
                claim.stamp()
            _serve(database, host, backed_up=bool(config.cloud.address))
            host.task_group.create_task(_keep_up(database, host.stopping), name="upkeep")
            async with _backed_up(config, claim.folder / "backup", database, host):
                yield


@asynccontextmanager
async def _backed_up(config: Config, folder: Path, memory: Database, host: Host) -> AsyncIterator[None]:
    """The backup at the cloud, as far as there is one."""
    signer = own_key(folder / "key", os.urandom)
    channel = CloudChannel(config.cloud.address, config.cloud.roots, config.cloud.fingerprint)
    cloud, outbox, files = GrpcCloudLog(channel, signer), DatabaseOutbox(memory), DiskFiles()
    writer = Writer(outbox, cloud, DiskSpool(folder / "spool"), files, signer, SystemClock(), os.urandom)
    backup = Backup(memory, outbox, cloud, writer, signer, random.random)
    restorer = Restorer(memory, outbox, cloud, files, signer.public)
    tracer, pruner = Tracer(outbox, cloud, signer.public), Pruner(outbox, cloud, files, memory.look)
    servicer = BackupServicer(backup, restorer, tracer, pruner, host.stopping)
    host.add_service(
        lambda to: backup_pb2_grpc.add_BackupServiceServicer_to_server(servicer, to), f"{_WIRE}BackupService"
    )
    closer = Closer(cloud, signer, SystemClock(), os.urandom, lambda: outbox.schema)
    succession = SuccessionServicer(memory, backup, closer, Emptier(cloud, signer))
    host.add_service(
        lambda to: succession_pb2_grpc.add_SuccessionServiceServicer_to_server(succession, to),
        f"{_WIRE}SuccessionService",
    )
    host.task_group.create_task(backup.run(), name="backup")
    try:
        yield
    finally:
        await channel.close()


def _serve(memory: Database, host: Host, *, backed_up: bool) -> None:
    files, objects = FileServicer(memory), ObjectServicer(memory, backed_up=backed_up)
    host.add_service(
        lambda to: file_pb2_grpc.add_FileServiceServicer_to_server(files, to), f"{_WIRE}FileService"
    )
    host.add_service(
        lambda to: object_pb2_grpc.add_ObjectServiceServicer_to_server(objects, to), f"{_WIRE}ObjectService"
    )
    values, settings = StateServicer(memory), SettingsServicer(memory)
    host.add_service(
        lambda to: memory_pb2_grpc.add_StateServiceServicer_to_server(values, to), f"{_WIRE}StateService"
    )
    host.add_service(
        lambda to: memory_pb2_grpc.add_SettingsServiceServicer_to_server(settings, to),
        f"{_WIRE}SettingsService",
    )
    operations = OperationServicer(memory, lambda: secrets.token_hex(12), host.stopping)
    host.add_service(
        lambda to: memory_pb2_grpc.add_OperationServiceServicer_to_server(operations, to),
        f"{_WIRE}OperationService",
    )
    changes = ChangeServicer(memory, host.stopping)
    host.add_service(
        lambda to: memory_pb2_grpc.add_ChangeServiceServicer_to_server(changes, to), f"{_WIRE}ChangeService"
    )
    audit = AuditServicer(memory)
    host.add_service(
        lambda to: memory_pb2_grpc.add_AuditServiceServicer_to_server(audit, to), f"{_WIRE}AuditService"
    )


async def _keep_up(memory: Database, stopping: asyncio.Event) -> None:
    """Upkeep now and then, until the process stops."""
    with suppress(PiccoloError):  # what is left over is found again at the next start
        await upkeep.begin(memory)
    while not stopping.is_set():
        try:
            await upkeep.once(memory, may_give_up=memory.look().may_give_up)
        except PiccoloError as failed:  # a full disk, say: the next round may do better
            _log.warning(failed.message, extra=fields(reason=failed.reason))
        with suppress(TimeoutError):
            async with asyncio.timeout(upkeep.EVERY):
                await stopping.wait()


def main() -> None:
    """Runs the service."""
    run(STATE.service, Config, wiring)


if __name__ == "__main__":
    main()
