"""Which media types a browser may show in place.

Files are served from the device's own origin. What could run as a page there is only ever downloaded, and a
sandbox without an origin is put around all of it.
"""

from __future__ import annotations

from typing import Final
from urllib.parse import quote

FALLBACK: Final = "application/octet-stream"
# the page that a browser makes around a picture puts it into the middle by inline styles
SANDBOX: Final = "default-src 'none'; style-src 'unsafe-inline'; media-src 'self'; img-src 'self'; sandbox"
_SHOWN: Final = ("audio/", "video/", "image/")
_EXACT: Final = frozenset({"text/plain", "application/pdf"})


def shown(media: str) -> str:
    """The Content-Type header of a file: what was said when it was stored, if a header can say so."""
    return media if media and media.isascii() and media.isprintable() else FALLBACK


def may_show(media: str) -> bool:
    """Whether the type is shown rather than downloaded."""
    plain = media.partition(";")[0].strip().lower()
    return plain in _EXACT or (plain.startswith(_SHOWN) and plain != "image/svg+xml")


def disposition(media: str, path: str) -> str:
    """The Content-Disposition header of a file (RFC 6266)."""
    name = path.rpartition("/")[2]
    return f"inline; {_named(name)}" if may_show(media) else attachment(name)


def attachment(name: str) -> str:
    """The Content-Disposition header of what is to be saved under a name."""
    return f"attachment; {_named(name)}"


def _named(name: str) -> str:
    return f"filename*=UTF-8''{quote(name, safe='')}"
