"""What the routes call."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from piccolo_gateway.core.sessions import Lifetimes
from piccolo_gateway.core.sites import Sites
from piccolo_gateway.engine.access import Access
from piccolo_gateway.engine.archives import Archives
from piccolo_gateway.engine.changes import Changes
from piccolo_gateway.engine.claiming import Claiming
from piccolo_gateway.engine.dav.service import Dav
from piccolo_gateway.engine.device import Device
from piccolo_gateway.engine.events import Events
from piccolo_gateway.engine.factors import FactorBook
from piccolo_gateway.engine.facts import Known
from piccolo_gateway.engine.home import Home
from piccolo_gateway.engine.leftovers import Leftovers
from piccolo_gateway.engine.power import Power
from piccolo_gateway.engine.reading import Reader
from piccolo_gateway.engine.shares import Shares
from piccolo_gateway.engine.slots import SharedSlots
from piccolo_gateway.engine.tokens import Tokens
from piccolo_gateway.engine.trail import Trail
from piccolo_gateway.engine.uploads import Uploads
from piccolo_gateway.engine.writing import Writer
from piccolo_gateway.ports.circle import CirclePort
from piccolo_gateway.ports.files import Files
from piccolo_gateway.ports.keeping import KeepingPort
from piccolo_gateway.ports.keys import Keys, Membership
from piccolo_gateway.ports.machine import Clock, Metrics, OwnMachine
from piccolo_gateway.ports.memory import Audit, Backups, OperationsPort, SettingsPort
from piccolo_gateway.ports.store import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """Use cases, and ports where there is nothing to decide."""

    access: Access
    archives: Archives
    audit: Audit
    backups: Backups
    changes: Changes
    circle: CirclePort
    claiming: Claiming
    clock: Clock
    dav: Dav
    device: Device
    events: Events
    factors: FactorBook
    files: Files
    home: Home
    idle_seconds: float
    keeping: KeepingPort
    keys: Keys
    leftovers: Leftovers
    known: Known
    lifetimes: Lifetimes
    limits: object
    log: Callable[[], list[Any]]
    machine: OwnMachine
    membership: Membership
    metrics: Metrics
    operations: OperationsPort
    power: Power
    reader: Reader
    root: Callable[[], bytes | None]
    settings: SettingsPort
    sites: Sites
    share_slots: SharedSlots
    shared_archives: Archives
    shares: Shares
    store: Store
    tokens: Tokens
    trail: Trail
    uploads: Uploads
    writer: Writer
