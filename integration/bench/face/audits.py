"""What Lighthouse (developer.chrome.com/docs/lighthouse) says of a page; installed by a lock of its own."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from integration.bench.errors import BenchError
from integration.browser.visitor import CHROMIUM

_PLACE: Final = Path(__file__).parent / "lighthouse"
_BIN: Final = Path(sys.executable).parent
_CATEGORIES: Final = ("performance", "accessibility", "best-practices")
_CHROME: Final = "--headless=new --no-sandbox --ignore-certificate-errors"
_SECONDS: Final = 300.0


@dataclass(frozen=True, slots=True)
class Scores:
    """A page's scores, 0 to 100, by category; `missed` are the audits that cost something."""

    page: str
    scores: dict[str, int]
    missed: list[str]


async def install() -> None:
    """Brings Lighthouse here. Raises BenchError where npm cannot."""
    if not (_PLACE / "node_modules" / ".package-lock.json").exists():
        await _run([str(_BIN / "npm"), "ci", "--prefix", str(_PLACE)])


async def audit(url: str, page: str, cookie: str) -> Scores:
    """Looks at a page as on a desktop, with a session's cookie. Raises BenchError without a verdict."""
    out = await _run(
        [
            str(_PLACE / "node_modules" / ".bin" / "lighthouse"),
            f"{url}{page}",
            "--quiet",
            "--preset=desktop",
            "--output=json",
            f"--only-categories={','.join(_CATEGORIES)}",
            f"--chrome-flags={_CHROME}",
            f"--extra-headers={json.dumps({'Cookie': cookie})}",
        ]
    )
    told = json.loads(out)
    found = {name: round(100 * (told["categories"][name]["score"] or 0)) for name in _CATEGORIES}
    weighed = {
        one["id"] for name in _CATEGORIES for one in told["categories"][name]["auditRefs"] if one["weight"]
    }
    missed = [
        f"{audit['title']} ({audit['score']:.2f})"
        for name, audit in told["audits"].items()
        if name in weighed and audit["score"] is not None and audit["score"] < 1
    ]
    return Scores(page, found, missed)


async def _run(command: list[str]) -> bytes:
    path = f"{_BIN}{os.pathsep}{os.environ.get('PATH', '')}"
    process = await asyncio.create_subprocess_exec(
        *command,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, "PATH": path, "CHROME_PATH": CHROMIUM or ""},
    )
    try:
        out, wrong = await asyncio.wait_for(process.communicate(), _SECONDS)
    except TimeoutError:
        process.kill()
        await process.wait()
        raise
    if process.returncode:
        raise BenchError(f"{Path(command[0]).name}: {wrong.decode(errors='replace').strip()[-500:]}")
    return out
