"""What the routes call."""

from __future__ import annotations

from dataclasses import dataclass

from piccolo_gateway.core.sessions import Lifetimes
from piccolo_gateway.engine.access import Access
from piccolo_gateway.engine.device import Device
from piccolo_gateway.engine.events import Events
from piccolo_gateway.engine.reading import Reader
from piccolo_gateway.engine.tokens import Tokens
from piccolo_gateway.engine.uploads import Uploads
from piccolo_gateway.engine.writing import Writer
from piccolo_gateway.ports.circle import CirclePort
from piccolo_gateway.ports.files import Files
from piccolo_gateway.ports.keeping import KeepingPort
from piccolo_gateway.ports.keys import Keys, Membership
from piccolo_gateway.ports.machine import Clock, Metrics
from piccolo_gateway.ports.memory import Audit, Backups, OperationsPort, SettingsPort
from piccolo_gateway.ports.store import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """Use cases, and ports where there is nothing to decide."""

    access: Access
    audit: Audit
    backups: Backups
    circle: CirclePort
    clock: Clock
    device: Device
    events: Events
    files: Files
    idle_seconds: float
    keeping: KeepingPort
    keys: Keys
    lifetimes: Lifetimes
    membership: Membership
    metrics: Metrics
    operations: OperationsPort
    reader: Reader
    settings: SettingsPort
    store: Store
    tokens: Tokens
    uploads: Uploads
    writer: Writer
