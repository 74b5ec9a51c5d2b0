"""The run: what is measured after what, and what is told."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median
from typing import Any, Final

from integration.bench import large, memory
from integration.bench.face import audits, load, scroll, upload, weight
from integration.bench.face.audits import Scores
from integration.bench.face.load import Load
from integration.bench.face.scroll import Frames
from integration.bench.face.upload import Sent
from integration.bench.face.weight import Weight
from integration.bench.figures import Figure, columns, table
from integration.browser.stage import Stage, stage
from integration.client import pinned
from integration.screen import Screen

PARTS: Final = ("weight", "audits", "scroll", "upload", "busy", "idle")
_DEVICES: Final = 3
_PAGES: Final = ("/", "/files")
_ADDRESSES: Final = ("/api/v1/status", "/.well-known/piccolo")
_GATEWAY: Final = "gateway"
_HOST: Final = "127.0.0.1"
_CONNECTIONS: Final = 16
_SLOW: Final = 50.0


@dataclass(slots=True)
class Face:
    """What came out."""

    weights: list[Weight] = field(default_factory=list)
    scores: list[Scores] = field(default_factory=list)
    frames: Frames | None = None
    sent: Sent | None = None
    loads: list[Load] = field(default_factory=list)
    idle_mib: float | None = None
    upload_bytes: int = 0

    def lines(self) -> list[str]:
        """All figures for a reader."""
        told = _weights(self.weights) if self.weights else []
        for one in self.scores:
            told.append(f"Lighthouse {one.page}: {', '.join(f'{k} {v}' for k, v in one.scores.items())}")
            told += [f"  {missed}" for missed in one.missed]
        if self.frames:
            told.append(_frames(self.frames))
        if self.sent:
            seconds = (self.sent.browser, self.sent.curl)
            told += table([Figure("upload in the browser", "curl", *seconds, self.upload_bytes)])
            told.append(f"the tab had {self.sent.tab_mib:,.0f} MiB at most")
        told += [_load(one) for one in self.loads]
        if self.idle_mib is not None:
            told.append(f"idle gateway: {self.idle_mib:.0f} MiB PSS")
        return told

    def to_json(self) -> str:
        """All figures."""
        return json.dumps(asdict(self), indent=2) + "\n"


def _weights(weights: Sequence[Weight]) -> list[str]:
    rows = [
        [one.page, *(f"{size / 1000:.1f}" for size in (one.script, one.style, one.all))] for one in weights
    ]
    return columns([["page", "script kB", "style kB", "all kB"], *rows], right=(1, 2, 3))


def _frames(frames: Frames) -> str:
    took = frames.milliseconds
    return (
        f"{frames.files:,} files scrolled in {len(took)} frames: median {median(took):.1f} ms,"
        f" slowest {max(took):.1f}, {sum(one > _SLOW for one in took)} over {_SLOW:.0f}"
    )


def _load(one: Load) -> str:
    return (
        f"{one.path}: {one.rate:,.0f} answers a second; {one.per_core(_GATEWAY):,.0f} a core"
        f" of the gateway's own; median {one.percentile(0.5) * 1000:.1f} ms, 99 of 100 within"
        f" {one.percentile(0.99) * 1000:.1f}"
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What was asked for."""

    folder: Path
    wanted: frozenset[str]
    rounds: int
    upload_bytes: int
    requests: int
    files: int
    screen: Screen

    async def run(self) -> Face:
        """Measures all that is wanted."""
        done = Face(upload_bytes=self.upload_bytes)
        self.screen.begin(f"Starting a circle of {_DEVICES} and a browser")
        async with stage(self.folder / "c", _DEVICES) as made:
            await made.made.owners[0].api.put("/notes/first.txt", b"something to show")
            for part in PARTS:
                if part in self.wanted:
                    self.screen.begin(part)
                    await getattr(self, f"_{part}")(made, done)
        return done

    async def _weight(self, made: Stage, done: Face) -> None:
        owner = made.made.owners[0]
        done.weights = await weight.weigh(made.browser, owner.device.url, owner.api.passphrase)

    async def _audits(self, made: Stage, done: Face) -> None:
        await audits.install()
        owner = made.made.owners[0]
        cookie = "; ".join(f"{one.key}={one.value}" for one in owner.api.http.cookie_jar)
        done.scores = [await audits.audit(owner.device.url, page, cookie) for page in _PAGES]

    async def _scroll(self, made: Stage, done: Face) -> None:
        done.frames = await scroll.scroll(made.browser, made.made.owners[0], self.files)

    async def _upload(self, made: Stage, done: Face) -> None:
        owner = made.made.owners[0]
        large.look_for_room(self.folder, self.upload_bytes * (2 * self.rounds + 1), 1, 2)
        done.sent = await upload.compare(made.browser, owner, self.upload_bytes, self.rounds, self.folder)

    async def _busy(self, made: Stage, done: Face) -> None:
        device = made.made.owners[0].device
        pids = {name: service.pid for name, service in device.services.items()}
        tls = pinned(device.certificate)
        for path in _ADDRESSES:
            done.loads.append(
                await load.measure(_HOST, device.https_port, tls, path, pids, _CONNECTIONS, self.requests)
            )

    async def _idle(self, made: Stage, done: Face) -> None:
        process: Any = made.made.owners[1].device.services[_GATEWAY]
        done.idle_mib = memory.proportional(process.pid)
