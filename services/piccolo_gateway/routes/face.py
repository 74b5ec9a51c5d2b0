"""The face: the web UI as it was built, from hashed, precompressed files.

Rules:
* Only what the build made is served, each file under its own name; nothing of an address reaches the disk.
* A page's address is any that a browser navigates to and that no endpoint has: the UI draws it, and says
  itself when there is nothing.
* The UI runs its own scripts and styles and nothing else (Content Security Policy Level 3, Trusted Types).
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Final

from aiohttp import web

_INDEX: Final = "index.html"
_SHARE_STYLE: Final = re.compile(r"/assets/share-[\w-]+\.css")
_COMPRESSED: Final = {".br", ".gz"}
_FOR_EVER: Final = "public, max-age=31536000, immutable"
_ASK_AGAIN: Final = "no-cache"
_MEDIA: Final = {  # not what this machine's tables make of a name
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
    ".webmanifest": "application/manifest+json",
    ".woff2": "font/woff2",
}
_PROGRAMS: Final = ("/api/", "/dav", "/metrics", "/.well-known/")
_PAGES: Final = frozenset(
    {"welcome", "unlock", "files", "trash", "search", "circle", "backups", "security", "settings"}
)
POLICY: Final = "; ".join(
    [
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' blob: data:",
        "media-src 'self' blob:",
        "font-src 'self'",
        "connect-src 'self'",
        "manifest-src 'self'",
        "worker-src 'self'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
        "form-action 'none'",
        "require-trusted-types-for 'script'",
        "trusted-types svelte-trusted-html piccolo-worker",
    ]
)
_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Face:
    """The built files of one folder, known by name since the start."""

    def __init__(self, files: Mapping[str, Path]) -> None:
        self._files = files

    @property
    def built(self) -> bool:
        """Whether there is a page to show."""
        return f"/{_INDEX}" in self._files

    @property
    def share_style(self) -> str:
        """The address of the stylesheet of share links' pages; empty when there is none."""
        return next(filter(_SHARE_STYLE.fullmatch, self._files), "")

    def register(self, router: web.UrlDispatcher) -> None:
        """Adds an address for each file but the page itself."""
        for address in self._files:
            if address != f"/{_INDEX}":
                router.add_get(address, self._file)

    @web.middleware
    async def navigate(self, request: web.Request, handler: _Handler) -> web.StreamResponse:
        """Shows the page where a browser navigates to what no endpoint answers."""
        try:
            return await handler(request)
        except web.HTTPNotFound:
            if not self.built or not _navigates(request):
                raise
            known = request.path == "/" or request.path.split("/")[1] in _PAGES
            return self.page(200 if known else 404)

    def page(self, status: int = 200) -> web.FileResponse:
        """The page that draws all pages."""
        return _answer(self._files[f"/{_INDEX}"], _ASK_AGAIN, status)

    async def _file(self, request: web.Request) -> web.StreamResponse:
        kept = _FOR_EVER if request.path.startswith("/assets/") else _ASK_AGAIN
        return _answer(self._files[request.path], kept)


def _answer(path: Path, kept: str, status: int = 200) -> web.FileResponse:
    headers = {
        "Cache-Control": kept,
        "Content-Security-Policy": POLICY,
        "Content-Type": _MEDIA.get(path.suffix, "application/octet-stream"),
    }
    return web.FileResponse(path, status=status, headers=headers)


def built_in(folder: Path) -> Face:
    """The face whose files lie in a folder; one that shows nothing when there are none."""
    found = sorted(path for path in folder.rglob("*") if path.is_file() and path.suffix not in _COMPRESSED)
    return Face({f"/{path.relative_to(folder).as_posix()}": path for path in found})


def _navigates(request: web.Request) -> bool:
    wants_page = "text/html" in request.headers.get("Accept", "")
    return request.method in {"GET", "HEAD"} and wants_page and not request.path.startswith(_PROGRAMS)
