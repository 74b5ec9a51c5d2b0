"""One large file through the browser, beside curl: seconds, and what the tab takes.

Rules:
* The browser reads the file from the disk as curl does, and sends it by the page's own queue.
* A tab's memory is the resident memory of its renderer, looked at while it sends; the highest counts.
"""

from __future__ import annotations

import asyncio
import re
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Final

import psutil
from playwright.async_api import Browser, expect

from integration.bench.errors import BenchError
from integration.browser.visitor import Visitor, visitor
from integration.owner import Owner

_LOOK: Final = 0.25
_SECONDS: Final = 1800.0


@dataclass(frozen=True, slots=True)
class Sent:
    """Seconds of each round, and the most MiB that the tab had."""

    browser: tuple[float, ...]
    curl: tuple[float, ...]
    tab_mib: float


async def compare(browser: Browser, owner: Owner, size: int, rounds: int, folder: Path) -> Sent:
    """Both in turn, each round with a file of its own. Raises BenchError when one does not arrive whole."""
    path = folder / "upload.bin"
    await asyncio.to_thread(_fill, path, size)
    token = await owner.api.make_token("bench", "admin")
    mine, theirs, most = [], [], 0.0
    async with visitor(browser, owner.device.url) as made:
        await made.login(owner.api.passphrase, "/files")
        for number in range(rounds):
            theirs.append(await _curl(owner, token, path, f"/curl-{number}.bin"))
            seconds, mib = await _browser(made, path, folder / f"browser-{number}.bin")
            mine.append(seconds)
            most = max(most, mib)
            entry = await owner.api.ask("GET", "/directories?page_size=1000")
            if not any(
                one["size"] == size and one["path"] == f"/browser-{number}.bin" for one in entry["entries"]
            ):
                raise BenchError(f"the browser's file number {number} is not there, or not whole")
    return Sent(tuple(mine), tuple(theirs), most)


async def _browser(made: Visitor, path: Path, name: Path) -> tuple[float, float]:
    """Seconds, and the most MiB of the tab."""
    name.hardlink_to(path)
    tab = Tab()
    looking = asyncio.create_task(tab.watch())
    began = perf_counter()
    try:
        await made.page.locator("input[data-upload=files]").set_input_files(name)
        done = made.page.locator("li[data-stage=done]").filter(has_text=name.name)
        await expect(done).to_have_count(1, timeout=_SECONDS * 1000)
        return perf_counter() - began, tab.most
    finally:
        looking.cancel()
        name.unlink()


class Tab:
    """The renderer that takes most."""

    def __init__(self) -> None:
        self.most = 0.0

    async def watch(self) -> None:
        """Looks until it is cancelled."""
        while True:
            self.most = max(self.most, *(_renderer(one) for one in psutil.process_iter(["cmdline"])))
            await asyncio.sleep(_LOOK)


def _renderer(process: psutil.Process) -> float:
    with suppress(psutil.Error):
        if re.search(r"chromium.*--type=renderer", " ".join(process.info["cmdline"] or [])):
            return float(process.memory_info().rss) / (1 << 20)
    return 0.0


async def _curl(owner: Owner, token: str, path: Path, name: str) -> float:
    began = perf_counter()
    process = await asyncio.create_subprocess_exec(
        *("curl", "-sSf", "--cacert", str(owner.device.certificate), "-o", "/dev/null"),
        *("-H", f"Authorization: Bearer {token}", "-T", str(path)),
        f"{owner.device.url}/api/v1/files{name}",
    )
    if await process.wait():
        raise BenchError("curl could not store its file")
    return perf_counter() - began


def _fill(path: Path, size: int) -> None:
    with Path("/dev/urandom").open("rb") as noise, path.open("wb") as out:
        left = size
        while left:
            left -= out.write(noise.read(min(left, 1 << 20)))
