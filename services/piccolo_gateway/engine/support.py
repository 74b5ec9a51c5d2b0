"""The bundle for whoever helps: what this device's services tell of themselves, as far as it may be shown.

All are asked at once. One that does not answer is named with its reason; the rest is there all the same.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final, Protocol

import msgspec
from piccolo_chassis.errors import PiccoloError

from piccolo_gateway.core import exposition, support
from piccolo_gateway.core.archives import Archive
from piccolo_gateway.core.bodies.base import Told
from piccolo_gateway.core.bodies.memory import AuditFilter
from piccolo_gateway.engine.claiming import Claiming
from piccolo_gateway.engine.device import Device
from piccolo_gateway.engine.facts import Known
from piccolo_gateway.ports.circle import CirclePort
from piccolo_gateway.ports.keeping import KeepingPort
from piccolo_gateway.ports.machine import Clock, Metrics
from piccolo_gateway.ports.memory import Audit, Backups, OperationsPort
from piccolo_gateway.ports.store import Store

_OPERATIONS: Final = 100
_AUDITED: Final = 1000


class Sources(Protocol):
    """Where it comes from; `limits` are this process's, `log` its last lines."""

    @property
    def audit(self) -> Audit: ...  # noqa: D102
    @property
    def backups(self) -> Backups: ...  # noqa: D102
    @property
    def circle(self) -> CirclePort: ...  # noqa: D102
    @property
    def claiming(self) -> Claiming: ...  # noqa: D102
    @property
    def clock(self) -> Clock: ...  # noqa: D102
    @property
    def device(self) -> Device: ...  # noqa: D102
    @property
    def keeping(self) -> KeepingPort: ...  # noqa: D102
    @property
    def known(self) -> Known: ...  # noqa: D102
    @property
    def limits(self) -> object: ...  # noqa: D102
    @property
    def log(self) -> Callable[[], list[Any]]: ...  # noqa: D102
    @property
    def metrics(self) -> Metrics: ...  # noqa: D102
    @property
    def operations(self) -> OperationsPort: ...  # noqa: D102
    @property
    def store(self) -> Store: ...  # noqa: D102


async def bundle(known: Sources) -> bytes:
    """A ZIP file of JSON and text."""
    now, archive = known.clock.now(), Archive()
    out = bytearray()
    for name, content in (await _contents(known)).items():
        out += b"".join(archive.begin(f"piccolo-support/{name}", now, len(content)))
        out += b"".join(archive.add(content))
        out += b"".join(archive.finish())
    return bytes(out + b"".join(archive.close()))


async def _contents(known: Sources) -> dict[str, bytes]:
    parts: dict[str, Awaitable[Any]] = {
        "facts": _facts(known),
        "device": _shown(known.device.status(known.claiming.kind)),
        "health": _shown(known.store.store_health()),
        "members": _members(known),
        "circle": _shown(known.circle.get()),
        "keeping": _shown(known.keeping.status()),
        "backup": _shown(known.backups.status()),
        "operations": _operations(known),
        "audit": _audit(known),
    }
    metrics, *told = await asyncio.gather(known.metrics.read(), *map(_or_reason, parts.values()))
    return {
        "README.txt": support.README.encode(),
        **{f"{name}.json": _json(value) for name, value in zip(parts, told, strict=True)},
        "limits.json": _json(support.figures(known.limits)),
        "log.jsonl": b"".join(msgspec.json.encode(line) + b"\n" for line in known.log()),
        "metrics.txt": support.exposition(exposition.merge(metrics)).encode(),
    }


async def _facts(known: Sources) -> Any:
    facts = await known.known.whole()
    return {**support.figures(facts), "packages": support.versions(facts.packages)}


async def _members(known: Sources) -> Any:
    figures, urgent = await known.store.members()
    return {"members": support.figures(figures), "urgent": len(urgent)}


async def _operations(known: Sources) -> Any:
    page = await known.operations.list(page_size=_OPERATIONS, page_token="", running=False)
    return support.figures(page.operations)


async def _audit(known: Sources) -> Any:
    page = await known.audit.list(AuditFilter(), page_size=_AUDITED, page_token="")
    return support.counts((event.action, event.outcome) for event in page.events)


async def _shown(told: Awaitable[Told | None]) -> Any:
    return support.figures(await told)


async def _or_reason(part: Awaitable[Any]) -> Any:
    try:
        return await part
    except PiccoloError as failed:
        return {"unavailable": failed.reason}


def _json(value: Any) -> bytes:
    return msgspec.json.format(msgspec.json.encode(value), indent=1) + b"\n"
