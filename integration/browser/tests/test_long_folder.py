"""A folder with a hundred thousand names: it scrolls, and its frames are told (`pytest -s`)."""

from __future__ import annotations

import asyncio
import sys
from typing import Any

import pytest
from playwright.async_api import CDPSession, Page, expect

from integration.browser.folders import fill
from integration.browser.stage import Stage

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]
_COUNT = 100_000
_FRAMES = 240
_SCROLL = """async ([from, to]) => {
  const frames = [], before = [];
  await new Promise((done) => {
    let last = performance.now(), step = 0;
    const draw = (now) => {
      frames.push(now - last);
      last = now;
      if (step++ === 240) return done();
      scrollTo(0, from + ((to - from) * step) / 240);
      requestAnimationFrame(draw);
    };
    requestAnimationFrame(draw);
  });
  frames.splice(0, 2);
  frames.sort((one, other) => one - other);
  const at = (share) => Math.round(frames[Math.floor((frames.length - 1) * share)]);
  const over50 = frames.filter((one) => one > 50).length;
  return { median: at(0.5), p95: at(0.95), worst: at(1), over50 };
}"""

_MARK = """() => {
  window.rows = [...document.querySelectorAll("[role=rowgroup] [role=row]")];
  window.first = rows[0].ariaRowIndex;
}"""
_OTHERS = "() => document.querySelector('[role=rowgroup] [role=row]').ariaRowIndex !== window.first"
_SAME = "() => window.rows.filter((row) => row.isConnected).length"


async def scrolled(page: Page, to: int) -> dict[str, Any]:
    """Frame times from the top to there; `work` is what the page's own thread computed for one, on average.

    The frames of a browser without a graphics card, on a machine that others use too, tell more of these
    than of the page; its own thread's time does not.
    """
    session = await page.context.new_cdp_session(page)
    await session.send("Performance.enable", {"timeDomain": "threadTicks"})
    before = await busy(session)
    frames: dict[str, Any] = await page.evaluate(_SCROLL, [0, to])
    work = 1000 * (await busy(session) - before) / _FRAMES
    await session.detach()
    return {**frames, "work": round(work, 1)}


async def leapt(page: Page, to: int) -> int:
    """Goes there at once; how many of the rows that were drawn are those that are drawn then."""
    await page.evaluate(_MARK)
    await page.evaluate("(to) => scrollTo(0, to)", to)
    await page.wait_for_function(_OTHERS)
    return int(await page.evaluate(_SAME))


async def busy(session: CDPSession) -> float:
    """Seconds that the page's thread has computed."""
    metrics = (await session.send("Performance.getMetrics"))["metrics"]
    return next(float(one["value"]) for one in metrics if one["name"] == "TaskDuration")


async def test_a_hundred_thousand_names_scroll(home: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    device = home.made.owners[0].device
    await home.made.owners[0].api.put("/Many/photograph 0.jpg", b"a model")
    await device.stop(["metadata"])
    await asyncio.to_thread(fill, device.state("metadata") / "metadata.db", "Many", _COUNT)
    await device.run({"metadata": device.settings("metadata")})
    async with home.enter("/files/Many") as visitor:
        page = visitor.page
        rows = page.get_by_role("row")
        await expect(rows.nth(5)).to_be_visible()
        told = {"while reading": await scrolled(page, 40_000)}
        await expect(page.get_by_text("100,001 entries")).to_be_visible(timeout=120_000)
        told["slowly"] = await scrolled(page, 40_000)
        height = await page.evaluate("document.documentElement.scrollHeight")
        told["all of it"] = await scrolled(page, height)
        with capsys.disabled():
            sys.stdout.write(f"\n100,000 names, milliseconds a frame: {told}\n")
        await expect(page.get_by_role("link", name=f"photograph {_COUNT}.jpg")).to_be_visible()
        assert await rows.count() < 100
        assert await leapt(page, height // 2) > 15
        await page.get_by_role("button", name="Sort by Changed").click()
        await page.get_by_role("grid").focus()
        await page.keyboard.press("End")
        await expect(page.get_by_role("link", name=f"photograph {_COUNT}.jpg")).to_be_visible()
        await page.keyboard.press("ControlOrMeta+a")
        await expect(page.get_by_text("100,001 chosen")).to_be_visible()
        await page.keyboard.press("Home")
        await expect(page.get_by_role("link", name="photograph 0.jpg")).to_be_visible()
