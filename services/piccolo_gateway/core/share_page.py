"""The plain page at a link's address, for every browser, without a script.

Everything that an owner or a stranger wrote is escaped; the page's policy lets it run and load nothing.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from html import escape
from typing import Final

from piccolo_gateway.core.bodies.shares import Shared

MEDIA: Final = "text/html; charset=utf-8"
POLICY: Final = (
    "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none';"
    " base-uri 'none'"
)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_UNITS: Final = ("bytes", "KB", "MB", "GB", "TB")
_STYLE: Final = (
    ":root{color-scheme:light dark}"
    "body{font:16px/1.5 system-ui,sans-serif;max-width:34rem;margin:12vh auto;padding:0 16px}"
    "input,button{font:inherit;padding:8px 16px;margin:4px 8px 4px 0}h1{overflow-wrap:anywhere}"
)


def page(shared: Shared, words: str = "") -> bytes:
    """What a link leads to, with a button; `words` say what went wrong before."""
    entry = shared.entry
    title = escape(entry.name or "All files") if entry else "A file for you"
    lines = [f"<h1>{title}</h1>"]
    if entry and entry.kind == "directory":
        lines.append(f"<p>A folder of {_count(entry.files, 'file')}, {_size(entry.size)}, as a ZIP file.</p>")
    elif entry:
        lines.append(f"<p>A file of {_size(entry.size)}.</p>")
    lines.append(f"<p>{_until(shared)}</p>")
    if words:
        lines.append(f'<p role="alert"><strong>{escape(words)}</strong></p>')
    field = '<label>Password <input type="password" name="password" required autofocus></label>'
    lines.append(f'<form method="post">{field if shared.password else ""}<button>Download</button></form>')
    return _document(title, lines)


def over(words: str, next_step: str) -> bytes:
    """Why there is nothing to be had."""
    return _document(
        "Piccolo", ["<h1>Nothing here</h1>", f"<p>{escape(words)}</p><p>{escape(next_step)}</p>"]
    )


def _document(title: str, lines: list[str]) -> bytes:
    head = (
        f'<meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{title}</title>'
        f'<meta name="robots" content="noindex"><style>{_STYLE}</style>'
    )
    body = "\n".join(lines)
    return f'<!doctype html>\n<html lang="en"><head>{head}</head>\n<body>\n{body}\n</body></html>\n'.encode()


def _until(shared: Shared) -> str:
    try:
        when = f"{_EPOCH + timedelta(seconds=shared.expires):%d %B %Y, %H:%M} UTC"
    except OverflowError:
        when = "a far day"
    left = "" if shared.left is None else f", for {_count(shared.left, 'more download')}"
    return f"The link works until {when}{left}."


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def _size(size: int) -> str:
    amount, unit = float(size), _UNITS[0]
    for larger in _UNITS[1:]:
        if amount < 1000:
            break
        amount, unit = amount / 1000, larger
    return f"{amount:,.0f} {unit}" if unit == _UNITS[0] or amount >= 100 else f"{amount:.1f} {unit}"
