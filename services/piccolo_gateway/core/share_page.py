"""The plain page at a link's address, for every browser, without a script.

Rules:
* Everything that an owner or a stranger wrote is escaped; the page's policy lets it run nothing, and load
  nothing but this device's own mark, style and type.
* It speaks the browser's language and wears the system's colours: who opens a link has chosen nothing here.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from html import escape
from typing import Final

from piccolo_chassis.errors import PiccoloError

from piccolo_gateway.core.bodies.shares import Shared, SharedEntry
from piccolo_gateway.core.languages import Language
from piccolo_gateway.core.problems import retry_after
from piccolo_gateway.core.share_words import WORDS, Words
from piccolo_gateway.core.spoken import SPEECH, Speech

MEDIA: Final = "text/html; charset=utf-8"
POLICY: Final = (
    "default-src 'none'; style-src 'self'; font-src 'self'; img-src 'self'; form-action 'self';"
    " frame-ancestors 'none'; base-uri 'none'"
)
_ASKED_AGAIN: Final = frozenset({"SHARE_PASSWORD_DELAY", "SHARE_PASSWORD_WRONG"})


@dataclass(frozen=True, slots=True)
class Drawing:
    """What draws the pages in a language; `stylesheet` is an address, or empty."""

    language: Language
    stylesheet: str

    def page(self, shared: Shared, now: int) -> bytes:
        """What a link leads to, with a button."""
        words, entry = self._words, shared.entry
        title = escape(entry.name or words.all_files) if entry else words.something
        what = self._what(entry) if entry else words.asks
        end = f"<p>{self._end(shared.expires, now)} {self._left(shared.left)}</p>"
        return self._document(title, f"<p>{what}</p>\n{self._form(shared.password)}\n{end}")

    def refused(self, failed: PiccoloError) -> bytes:
        """Why there is nothing to be had, and what to do next; a password may be given again."""
        words = self._words
        told = words.refusals.get(failed.reason, words.failed)
        wait = self._speech.count(int(retry_after(failed) or 1), words.seconds)
        lines = [f"<strong>{told.what}</strong> {told.next_step.format(wait)}"]
        if number := failed.details.get("incident"):
            lines.append(words.incident.format(escape(number)))
        said = "".join(f"<p>{line}</p>" for line in lines)
        form = self._form(password=True, wrong=True) if failed.reason in _ASKED_AGAIN else ""
        return self._document(told.heading, f'<div id="told" role="alert">{said}</div>\n{form}')

    @property
    def _words(self) -> Words:
        return WORDS[self.language]

    @property
    def _speech(self) -> Speech:
        return SPEECH[self.language]

    def _what(self, entry: SharedEntry) -> str:
        size = self._speech.size(entry.size)
        if entry.kind == "file":
            return self._words.file.format(size)
        return self._words.folder.format(self._speech.count(entry.files, self._words.files), size)

    def _end(self, expires: int, now: int) -> str:
        machine = datetime.fromtimestamp(expires, UTC).isoformat()
        when = f'<time datetime="{machine}" title="{self._speech.exact(expires)}">'
        return self._words.ends.format(f"{when}{self._speech.until(expires, now)}</time>")

    def _left(self, left: int | None) -> str:
        return "" if left is None else self._speech.count(left, self._words.left)

    def _form(self, password: bool, wrong: bool = False) -> str:
        words, state = self._words, ' aria-invalid="true" aria-describedby="told"' if wrong else ""
        field = (
            f"<label>{words.password}"
            f'<input type="password" name="password" maxlength="200" required autofocus{state}></label>'
        )
        return f'<form method="post">{field if password else ""}<button>{words.download}</button></form>'

    def _document(self, title: str, body: str) -> bytes:
        style = f'<link rel="stylesheet" href="{self.stylesheet}">' if self.stylesheet else ""
        return f"""<!doctype html>
<html lang="{self.language}"><head><meta charset="utf-8"><title>{title} · Piccolo</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark"><meta name="robots" content="noindex">
<link rel="icon" href="/icon.svg" type="image/svg+xml">{style}</head>
<body>
<header><img src="/icon.svg" width="32" height="32" alt="">Piccolo</header>
<main>
<h1>{title}</h1>
{body}
</main>
</body></html>
""".encode()
