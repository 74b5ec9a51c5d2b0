"""Wires the gateway together."""

from __future__ import annotations

import logging
import secrets
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from piccolo_chassis import rpc, state
from piccolo_chassis.calls import Channel
from piccolo_chassis.host import Host
from piccolo_chassis.logs import fields
from piccolo_chassis.serve import run
from piccolo_chassis.state import write_durably

from piccolo_gateway.adapters import claim_code
from piccolo_gateway.adapters.addresses import OwnAddresses
from piccolo_gateway.adapters.attestation import AttestedCircle
from piccolo_gateway.adapters.boot_state import BootState
from piccolo_gateway.adapters.fragment_store import OwnKeeper
from piccolo_gateway.adapters.journal import FileJournal
from piccolo_gateway.adapters.listener import Door as Listening
from piccolo_gateway.adapters.listener import listening
from piccolo_gateway.adapters.metadata_backup import MetadataBackups
from piccolo_gateway.adapters.metadata_changes import DeviceName, MetadataChanges
from piccolo_gateway.adapters.metadata_dav import MetadataDav
from piccolo_gateway.adapters.metadata_files import MetadataFiles
from piccolo_gateway.adapters.metadata_memory import (
    MetadataAudit,
    MetadataOperations,
    MetadataSettings,
    MetadataState,
)
from piccolo_gateway.adapters.multicast import Multicast
from piccolo_gateway.adapters.own_certificate import OwnCertificate
from piccolo_gateway.adapters.own_machine import OwnMachine
from piccolo_gateway.adapters.passkeys import WebAuthn
from piccolo_gateway.adapters.passwords import Argon2Passwords
from piccolo_gateway.adapters.power import NoPower, RootsPower
from piccolo_gateway.adapters.provisioned import ProvisionStatus
from piccolo_gateway.adapters.qr import draw
from piccolo_gateway.adapters.recent_log import RecentLog
from piccolo_gateway.adapters.service_metrics import ServiceMetrics
from piccolo_gateway.adapters.software import installed
from piccolo_gateway.adapters.vault_keys import VaultKeys, VaultMembership
from piccolo_gateway.adapters.vault_store import VaultStore
from piccolo_gateway.config import STATE, Config, LimitsConfig
from piccolo_gateway.core.bodies.care import SeenMembers
from piccolo_gateway.core.idempotency import Answers
from piccolo_gateway.core.sessions import Lifetimes, Sessions
from piccolo_gateway.core.sites import Sites
from piccolo_gateway.engine.access import Access
from piccolo_gateway.engine.archives import Archives
from piccolo_gateway.engine.changes import Changes, Look
from piccolo_gateway.engine.claiming import Claiming
from piccolo_gateway.engine.dav.service import Dav
from piccolo_gateway.engine.device import Device
from piccolo_gateway.engine.events import Events
from piccolo_gateway.engine.factors import FactorBook
from piccolo_gateway.engine.facts import Known
from piccolo_gateway.engine.guesses import Guesses
from piccolo_gateway.engine.home import Home, Present
from piccolo_gateway.engine.leftovers import Leftovers
from piccolo_gateway.engine.power import Power
from piccolo_gateway.engine.proofs import Proofs
from piccolo_gateway.engine.pump import Pump
from piccolo_gateway.engine.reading import Reader
from piccolo_gateway.engine.repeating import Repeating
from piccolo_gateway.engine.shares import Shares
from piccolo_gateway.engine.slots import SharedSlots, Slots
from piccolo_gateway.engine.tokens import Tokens
from piccolo_gateway.engine.trail import Trail
from piccolo_gateway.engine.uploads import Uploads
from piccolo_gateway.engine.writing import Writer
from piccolo_gateway.ports.machine import Clock
from piccolo_gateway.routes.app import application
from piccolo_gateway.routes.counting import Counts
from piccolo_gateway.routes.door import Door, malformed
from piccolo_gateway.routes.face import built_in
from piccolo_gateway.routes.services import Services

_STRANGERS = 64
_SOON, _LATER = 5.0, 30.0
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
        stack.enter_context(state.claim(config.state, STATE))
        sockets = config.sockets
        channels = Channels(
            *[
                await stack.enter_async_context(rpc.connect(path, unary_seconds=config.limits.answer))
                for path in (sockets.vault, sockets.metadata, sockets.attestation, sockets.fragment_store)
            ]
        )
        clock = Clock(lambda: int(time.time()), time.monotonic)
        own, recent = OwnCertificate(config), RecentLog()
        logging.getLogger().addHandler(recent)
        stack.callback(logging.getLogger().removeHandler, recent)
        services = _services(config, host, _ports(channels, host), clock, own, recent)
        repeating = await _repeating(config, host, clock)
        counts = Counts(host.metrics)
        door = Door(services.access, services.device, repeating, services.trail, counts, _changed(services))
        limits = config.limits
        listener = Listening(
            host=config.host,
            port=config.port,
            handshakes=limits.handshakes,
            connections=limits.connections,
            head_seconds=limits.headers,
            unread_seconds=limits.unread,
            grace=config.serve.stop_grace,
        )
        app = application(services, door, built_in(config.ui))
        port = await stack.enter_async_context(
            listening(app, listener, own.context, malformed, host.task_group)
        )
        write_durably(config.state / "port", f"{port}\n".encode())  # for scripts, when the machine chose
        host.task_group.create_task(services.uploads.sweep(), name="sweep uploads")
        host.task_group.create_task(own.keep(), name="certificate")
        host.task_group.create_task(services.home.live(port), name="home")
        _log.info("listening", extra=fields(port=port))
        yield


@dataclass(frozen=True, slots=True)
class Ports:
    """What the device's services are to the engine."""

    audit: MetadataAudit
    backups: MetadataBackups
    changes: MetadataChanges
    circle: AttestedCircle
    dav: MetadataDav
    files: MetadataFiles
    keeping: OwnKeeper
    keys: VaultKeys
    membership: VaultMembership
    metrics: ServiceMetrics
    operations: MetadataOperations
    settings: MetadataSettings
    state: MetadataState
    store: VaultStore


def _ports(to: Channels, host: Host) -> Ports:
    others = {
        "vault": to.vault,
        "metadata": to.metadata,
        "attestation": to.attestation,
        "fragment-store": to.fragment_store,
    }
    return Ports(
        audit=MetadataAudit(to.metadata),
        backups=MetadataBackups(to.metadata),
        changes=MetadataChanges(to.metadata),
        circle=AttestedCircle(to.attestation),
        dav=MetadataDav(to.metadata),
        files=MetadataFiles(to.metadata),
        keeping=OwnKeeper(to.fragment_store),
        keys=VaultKeys(to.vault),
        membership=VaultMembership(to.vault),
        metrics=ServiceMetrics(host.metrics, others),
        operations=MetadataOperations(to.metadata),
        settings=MetadataSettings(to.metadata),
        state=MetadataState(to.metadata),
        store=VaultStore(to.vault),
    )


@dataclass(frozen=True, slots=True)
class Entering:
    """Who gets in, and by what."""

    access: Access
    claiming: Claiming
    factors: FactorBook
    lifetimes: Lifetimes
    tokens: Tokens


def _entering(config: Config, ports: Ports, clock: Clock) -> Entering:
    random, guesses, passkeys = secrets.token_bytes, Guesses(clock), WebAuthn()
    lifetimes = Lifetimes(config.sessions.idle, config.sessions.absolute, config.sessions.most)
    tokens, book = Tokens(ports.state, clock, random), FactorBook(ports.state, clock, random, passkeys, draw)
    proofs = Proofs(ports.keys, book, passkeys, guesses, clock, random)
    access = Access(ports.keys, Sessions(lifetimes, random), tokens, clock, book, proofs, guesses)
    return Entering(access, Claiming(claim_code.read(config.claim_code), guesses), book, lifetimes, tokens)


def _services(
    config: Config, host: Host, ports: Ports, clock: Clock, own: OwnCertificate, recent: RecentLog
) -> Services:
    limits, entering = config.limits, _entering(config, ports, clock)
    device = Device(ports.keys, ports.circle, clock)
    files, store, state_, random = ports.files, ports.store, ports.state, secrets.token_bytes
    pump = Pump(host.stopping, limits.idle)
    slots = Slots(limits.uploads, limits.patience, "uploads")
    changes = Changes(secrets.token_hex(4), _looks(device, entering.claiming, ports))
    writer = Writer(files, store, pump, slots)
    return Services(
        access=entering.access,
        archives=Archives(files, store, Slots(limits.archives, limits.patience, "archives")),
        audit=ports.audit,
        backups=ports.backups,
        changes=changes,
        circle=ports.circle,
        claiming=entering.claiming,
        clock=clock,
        dav=Dav.over(files, ports.dav, store, writer, clock, random),
        device=device,
        events=_events(config, host, ports, changes),
        factors=entering.factors,
        files=files,
        home=_home(config, ports, own, changes),
        idle_seconds=limits.idle,
        keeping=ports.keeping,
        keys=ports.keys,
        known=Known(
            installed(), ports.metrics, clock, ProvisionStatus(config.provision), BootState(config.boot)
        ),
        leftovers=Leftovers(ports.keys, entering.tokens, entering.factors, ports.settings),
        lifetimes=entering.lifetimes,
        limits=limits,
        log=recent.lines,
        machine=OwnMachine(config.state),
        membership=ports.membership,
        metrics=ports.metrics,
        operations=ports.operations,
        power=_power(config, ports),
        reader=Reader(files, store),
        root=lambda: own.root,
        settings=ports.settings,
        sites=Sites(own.names),
        share_slots=_share_slots(limits),
        shared_archives=Archives(files, store, Slots(limits.archives, limits.patience, "archives")),
        shares=Shares(state_, files, Argon2Passwords(), clock, random),
        store=store,
        tokens=entering.tokens,
        trail=Trail(ports.audit),
        uploads=Uploads(store, state_, pump, slots, clock, random),
        writer=writer,
    )


def _changed(services: Services) -> Callable[[str], None]:
    """What hears of each call that changed something of a noun."""

    def changed(noun: str) -> None:
        services.device.stale()
        services.changes.called(noun)

    return changed


def _events(config: Config, host: Host, ports: Ports, changes: Changes) -> Events:
    return Events(
        ports.operations,
        ports.circle,
        ports.backups,
        _instance(config.state),
        host.stopping,
        Slots(config.limits.events, 0.1, "streams of events"),
        ports.changes,
        changes,
    )


def _share_slots(limits: LimitsConfig) -> SharedSlots:
    most = min(limits.shares, max(1, limits.connections // 4))
    return SharedSlots(most, limits.shares_each, limits.patience, "downloads by links")


def _power(config: Config, ports: Ports) -> Power:
    port = NoPower() if config.power is None else RootsPower(config.power)
    return Power(port, ports.circle, ports.settings, Trail(ports.audit))


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


def _looks(device: Device, claiming: Claiming, ports: Ports) -> dict[str, Look]:
    """What changes by itself, and how often it is looked at."""

    async def members() -> SeenMembers:
        figures, urgent = await ports.store.members()
        return SeenMembers(figures=figures, urgent=urgent)

    return {
        "device": Look(lambda: device.status(claiming.kind), _SOON),
        "invitations": Look(ports.circle.invitations, _SOON),
        "proposals": Look(ports.circle.proposals, _SOON),
        "health": Look(ports.store.store_health, _LATER),
        "members": Look(members, _LATER),
        "keeping": Look(ports.keeping.status, _LATER),
    }


def _home(config: Config, ports: Ports, own: OwnCertificate, changes: Changes) -> Home:
    """This device among its neighbours; its certificate follows its name."""

    def told(present: Present) -> None:
        own.follow([f"{present.label}.local"] if present.label else [], present.addresses)
        changes.tell("network")

    names = DeviceName(ports.changes, ports.settings)
    neighbours = Multicast() if config.home.announce else None
    return Home(neighbours, OwnAddresses(config.reached_at), names, told)


def main() -> None:
    """Runs the process `piccolo-gateway`."""
    run(STATE.service, Config, wiring)


if __name__ == "__main__":
    main()
