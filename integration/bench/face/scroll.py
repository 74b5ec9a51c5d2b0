"""A folder of very many files, scrolled from its beginning to its end: how long each frame took."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Final

from playwright.async_api import Browser, expect

from integration.browser.visitor import visitor
from integration.owner import Owner

_AT_ONCE: Final = 32
_FOLDER: Final = "/many"
_STEPS: Final = 300
_SCROLL = """(steps) => new Promise((done) => {
  const took = [];
  let last = performance.now(), step = 0;
  const frame = (now) => {
    took.push(now - last);
    last = now;
    step += 1;
    scrollTo(0, (document.documentElement.scrollHeight - innerHeight) * (step / steps));
    if (step < steps) requestAnimationFrame(frame);
    else done(took.slice(1));
  };
  requestAnimationFrame(frame);
})"""


@dataclass(frozen=True, slots=True)
class Frames:
    """Milliseconds of each frame while the whole folder went by."""

    files: int
    milliseconds: tuple[float, ...]


async def scroll(browser: Browser, owner: Owner, files: int) -> Frames:
    """Fills a folder with names of one small file, then goes through it in 300 frames."""
    await owner.api.put("/one.txt", b"one and many")
    await owner.api.ask("PUT", f"/directories{_FOLDER}")
    numbers = iter(range(files))

    async def fill() -> None:
        for number in numbers:
            there = f"{_FOLDER}/note {number:06}.txt"
            await owner.api.ask("POST", "/copy", {"source": "/one.txt", "destination": there})

    await asyncio.gather(*(fill() for _ in range(_AT_ONCE)))
    async with visitor(browser, owner.device.url) as made:
        await made.login(owner.api.passphrase, f"/files{_FOLDER}")
        await expect(made.page.get_by_role("row").nth(5)).to_be_visible()
        whole = f"() => Number(document.querySelector('[aria-rowcount]')?.ariaRowCount) > {files}"
        await made.page.wait_for_function(whole, timeout=120_000)
        took: list[float] = await made.page.evaluate(_SCROLL, _STEPS)
        await expect(made.page.get_by_text(f"note {files - 1:06}.txt")).to_be_visible()
        return Frames(files, tuple(took))
