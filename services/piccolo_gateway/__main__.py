"""Wires the gateway together."""

from __future__ import annotations

import asyncio
import datetime
import logging
import secrets
import ssl
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from piccolo_chassis import rpc, state
from piccolo_chassis.calls import Channel
from piccolo_chassis.errors import PiccoloError
from piccolo_chassis.host import Host
from piccolo_chassis.logs import fields
from piccolo_chassis.serve import run
from piccolo_chassis.state import write_durably

from piccolo_gateway.adapters import certificate
from piccolo_gateway.adapters.attestation import AttestedCircle
from piccolo_gateway.adapters.fragment_store import OwnKeeper
from piccolo_gateway.adapters.journal import FileJournal
from piccolo_gateway.adapters.listener import Door as Listening
from piccolo_gateway.adapters.listener import listening
from piccolo_gateway.adapters.metadata_backup import MetadataBackups
from piccolo_gateway.adapters.metadata_files import MetadataFiles
from piccolo_gateway.adapters.metadata_memory import (
    MetadataAudit,
    MetadataOperations,
    MetadataSettings,
    MetadataState,
)
from piccolo_gateway.adapters.service_metrics import ServiceMetrics
from piccolo_gateway.adapters.vault_keys import VaultKeys, VaultMembership
from piccolo_gateway.adapters.vault_store import VaultStore
from piccolo_gateway.config import Config
from piccolo_gateway.core.idempotency import Answers
from piccolo_gateway.core.sessions import Lifetimes, Sessions
from piccolo_gateway.engine.access import Access
from piccolo_gateway.engine.device import Device
from piccolo_gateway.engine.events import Events
from piccolo_gateway.engine.pump import Pump
from piccolo_gateway.engine.reading import Reader
from piccolo_gateway.engine.repeating import Repeating
from piccolo_gateway.engine.slots import Slots
from piccolo_gateway.engine.tokens import Tokens
from piccolo_gateway.engine.trail import Trail
from piccolo_gateway.engine.uploads import Uploads
from piccolo_gateway.engine.writing import Writer
from piccolo_gateway.ports.machine import Clock
from piccolo_gateway.routes.app import application
from piccolo_gateway.routes.counting import Counts
from piccolo_gateway.routes.door import Door, malformed
from piccolo_gateway.routes.services import Services

_STATE_VERSION = 1
_DAY = 86400.0
_STRANGERS = 64
_STRANGERS_BYTES = 1 << 20
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Channels:
    """The ways to the device's services."""

    vault: Channel
    metadata: Channel
    attestation: Channel
    fragment_store: Channel


@asynccontextmanager
async def wiring(config: Config, host: Host) -> AsyncIterator[None]:
    """Everything the process is made of."""
    async with AsyncExitStack() as stack:
        stack.enter_context(state.claim(config.state, "gateway", _STATE_VERSION))
        sockets = config.sockets
        channels = Channels(
            *[
                await stack.enter_async_context(rpc.connect(path, unary_seconds=config.limits.answer))
                for path in (sockets.vault, sockets.metadata, sockets.attestation, sockets.fragment_store)
            ]
        )
        clock = Clock(lambda: int(time.time()), time.monotonic)
        services = _services(config, host, channels, clock)
        repeating = await _repeating(config, host, clock)
        trail, counts = Trail(services.audit), Counts(host.metrics)
        door = Door(services.access, services.device, repeating, trail, counts)
        tls = _tls(config, host)
        limits = config.limits
        listener = Listening(
            config.host, config.port, limits.connections, limits.headers, config.serve.stop_grace
        )
        port = await stack.enter_async_context(
            listening(application(services, door), listener, tls, malformed)
        )
        write_durably(config.state / "port", f"{port}\n".encode())  # for scripts, when the machine chose
        host.task_group.create_task(services.uploads.sweep(), name="sweep uploads")
        _log.info("listening", extra=fields(port=port))
        yield


def _services(config: Config, host: Host, channels: Channels, clock: Clock) -> Services:
    limits, ended = config.limits, config.sessions
    keys, circle = VaultKeys(channels.vault), AttestedCircle(channels.attestation)
    store, files = VaultStore(channels.vault), MetadataFiles(channels.metadata)
    kept, operations = MetadataState(channels.metadata), MetadataOperations(channels.metadata)
    backups = MetadataBackups(channels.metadata)
    lifetimes = Lifetimes(ended.idle, ended.absolute, ended.most)
    tokens = Tokens(kept, clock, secrets.token_bytes)
    pump = Pump(host.stopping, limits.idle)
    slots = Slots(limits.uploads, limits.patience, "uploads")
    streams = Slots(limits.events, 0.1, "streams of events")
    others = {
        "vault": channels.vault,
        "metadata": channels.metadata,
        "attestation": channels.attestation,
        "fragment-store": channels.fragment_store,
    }
    return Services(
        access=Access(keys, Sessions(lifetimes, secrets.token_bytes), tokens, clock),
        audit=MetadataAudit(channels.metadata),
        backups=backups,
        circle=circle,
        clock=clock,
        device=Device(keys, circle, clock),
        events=Events(operations, circle, backups, _instance(config.state), host.stopping, streams),
        files=files,
        idle_seconds=limits.idle,
        keeping=OwnKeeper(channels.fragment_store),
        keys=keys,
        lifetimes=lifetimes,
        membership=VaultMembership(channels.vault),
        metrics=ServiceMetrics(host.metrics, others),
        operations=operations,
        reader=Reader(files, store),
        settings=MetadataSettings(channels.metadata),
        store=store,
        tokens=tokens,
        uploads=Uploads(store, kept, pump, slots, clock, secrets.token_bytes),
        writer=Writer(files, store, pump, slots),
    )


async def _repeating(config: Config, host: Host, clock: Clock) -> Repeating:
    answers = Answers(config.limits.keyed_answers, config.limits.keyed_bytes)
    strangers = Answers(_STRANGERS, _STRANGERS_BYTES)
    made = Repeating(answers, strangers, host.task_group, clock, FileJournal(config.state / "keyed"))
    await made.resume()
    host.task_group.create_task(made.sweep(), name="sweep answers")
    return made


def _instance(folder: Path) -> str:
    """The name of this device's present state, made with it."""
    path = folder / "instance"
    if not path.exists():
        write_durably(path, secrets.token_hex(8).encode())
    return path.read_text(encoding="ascii", errors="replace").strip()


def _tls(config: Config, host: Host) -> ssl.SSLContext:
    """What the listener shows; its own certificate is looked at once a day."""
    if config.tls is not None:
        return certificate.context(certificate.Identity(config.tls.key, config.tls.certificate))
    made = certificate.context(_own(config))
    host.task_group.create_task(_renew(config, made), name="certificate")
    return made


async def _renew(config: Config, tls: ssl.SSLContext) -> None:
    while True:
        await asyncio.sleep(_DAY)
        try:
            certificate.load(tls, _own(config))
        except (PiccoloError, OSError) as failed:
            _log.error("the certificate could not be renewed", extra=fields(problem=str(failed)))


def _own(config: Config) -> certificate.Identity:
    now = datetime.datetime.now(datetime.UTC)
    return certificate.self_made(config.state, config.names, config.addresses, now)


def main() -> None:
    """Runs the process `piccolo-gateway`."""
    run("gateway", Config, wiring)


if __name__ == "__main__":
    main()
