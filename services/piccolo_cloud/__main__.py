"""Wires the cloud together."""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import grpc
from piccolo.cloud.v1 import cloud_pb2_grpc
from piccolo_chassis import state
from piccolo_chassis.config import credential
from piccolo_chassis.errors import PiccoloError
from piccolo_chassis.host import Host
from piccolo_chassis.logs import fields
from piccolo_chassis.serve import run
from piccolo_chassis.state import write_durably

from piccolo_cloud.adapters import certificate
from piccolo_cloud.adapters.local_store import LocalObjectStore
from piccolo_cloud.adapters.s3_store import S3ObjectStore
from piccolo_cloud.config import STATE, Config
from piccolo_cloud.engine.door import Door
from piccolo_cloud.engine.logs import Logs
from piccolo_cloud.engine.mailboxes import Mailboxes
from piccolo_cloud.service import logs as log_service
from piccolo_cloud.service import mailbox as mailbox_service

_log = logging.getLogger(__name__)


@asynccontextmanager
async def wiring(config: Config, host: Host) -> AsyncIterator[None]:
    """Everything the process is made of."""
    with state.claim(config.state, STATE):
        if config.s3 is None:
            path = config.folder.path or config.state / "objects"
            store: LocalObjectStore | S3ObjectStore = LocalObjectStore(path, config.folder.reserve)
        else:
            store = S3ObjectStore(config.s3, credential("s3-secret-key").decode().strip())
        identity = (
            certificate.self_made(config.state)
            if config.tls is None
            else certificate.configured(config.tls.key, config.tls.certificate)
        )
        door = Door(time.monotonic, os.urandom)
        mailboxes = Mailboxes(store, config.limits, time.time, os.urandom)
        _listen(config, host, identity, Logs(store, door, config.limits), door, mailboxes)
        host.task_group.create_task(_sweep(config, store, mailboxes), name="sweep")
        yield


def _listen(
    config: Config, host: Host, identity: certificate.Identity, logs: Logs, door: Door, mailboxes: Mailboxes
) -> None:
    credentials = grpc.ssl_server_credentials([(identity.key, identity.chain)])
    listener = host.add_listener(config.listen, credentials, limit=config.calls)
    log_servicer = log_service.LogServicer(logs, door)
    mailbox_servicer = mailbox_service.MailboxServicer(mailboxes)
    listener.add_service(
        lambda server: cloud_pb2_grpc.add_LogServiceServicer_to_server(log_servicer, server),
        log_service.SERVICE,
    )
    listener.add_service(
        lambda server: cloud_pb2_grpc.add_MailboxServiceServicer_to_server(mailbox_servicer, server),
        mailbox_service.SERVICE,
    )
    # for whoever sets up a device, and for scripts
    write_durably(config.state / "fingerprint", f"{identity.fingerprint}\n".encode())
    write_durably(config.state / "port", f"{listener.port}\n".encode())
    _log.info("listening", extra=fields(port=listener.port, fingerprint=identity.fingerprint))


async def _sweep(config: Config, store: LocalObjectStore | S3ObjectStore, mailboxes: Mailboxes) -> None:
    while True:
        try:
            await mailboxes.sweep()
            if isinstance(store, S3ObjectStore):
                await store.sweep(time.time())
        except PiccoloError as failed:
            _log.warning("sweeping failed", extra=fields(reason=failed.reason))
        await asyncio.sleep(config.sweep_hours * 3600)


def main() -> None:
    """Runs the process `piccolo-cloud`."""
    run(STATE.service, Config, wiring)


if __name__ == "__main__":
    main()
