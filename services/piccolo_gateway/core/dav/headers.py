"""The headers of WebDAV: Depth, Overwrite, Timeout, Lock-Token, Destination, X-OC-Mtime.

Rules:
* A reference to another entry (Destination, or a tag in If) is an address of this device below /dav: the host
  is the request's own, the path is read as every address is. What lies elsewhere is refused, or is nobody's.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final
from urllib.parse import urlsplit

from piccolo_chassis.errors import Kind, PiccoloError

from piccolo_gateway.core import paths

ROOT: Final = "/dav"
INFINITY: Final = "infinity"
LONGEST_LOCK: Final = 3600
_USUAL_LOCK: Final = 600
_SECOND: Final = re.compile(r"second-(\d{1,12})", re.ASCII | re.IGNORECASE)
_CODED: Final = re.compile(r"<([A-Za-z][A-Za-z0-9+.-]*:[\x21-\x3b=\x3f-\x7e]+)>")
_SECONDS: Final = re.compile(r"(-?\d{1,12})(?:\.\d{1,9})?", re.ASCII)
_PORTS: Final = {"https": ":443", "http": ":80"}


def depth(header: str | None, default: str, without: str = "") -> str:
    """`0`, `1` or `infinity`, save what the method has no meaning for.

    Raises PiccoloError INVALID (HEADER_INVALID), as most here do.
    """
    value = default if header is None else header.strip().lower()
    known = [one for one in ("0", "1", INFINITY) if one != without]
    if value not in known:
        raise _invalid(f"Depth is {' or '.join(known)} here")
    return value


def overwrite(header: str | None) -> bool:
    """Whether what has the new name may be replaced; yes, unless it is said otherwise."""
    value = "T" if header is None else header.strip().upper()
    if value not in {"T", "F"}:
        raise _invalid("Overwrite is T or F")
    return value == "T"


def timeout(header: str | None) -> int:
    """Seconds for which a lock is given: the first wish that is understood, an hour at most."""
    for wish in (header or "").split(","):
        text = wish.strip()
        if text.lower() == "infinite":
            return LONGEST_LOCK
        if found := _SECOND.fullmatch(text):
            return min(max(int(found[1]), 1), LONGEST_LOCK)
    return _USUAL_LOCK


def lock_token(header: str | None) -> str:
    """The token that UNLOCK names."""
    found = _CODED.fullmatch((header or "").strip())
    if found is None:
        raise _invalid("Lock-Token is the lock's token in angle brackets")
    return found[1]


def modified(header: str | None) -> int | None:
    """Seconds since 1970 of X-OC-Mtime; fractions are dropped."""
    if header is None:
        return None
    found = _SECONDS.fullmatch(header.strip())
    if found is None:
        raise _invalid("X-OC-Mtime is seconds since 1970")
    return int(found[1])


def destination(header: str | None, host: str) -> str:
    """The path that Destination names.

    Raises PiccoloError INVALID (HEADER_INVALID, PATH_...), DENIED (DESTINATION_OUTSIDE) or UNAVAILABLE
    (DESTINATION_FOREIGN).
    """
    if not header:
        raise _invalid("Destination is missing")
    found = reference(header.strip(), host)
    if found is None:
        raise PiccoloError(
            Kind.UNAVAILABLE,
            "DESTINATION_FOREIGN",
            "The Destination is on another server; this device moves and copies only its own files.",
        )
    return found


def reference(text: str, host: str) -> str | None:
    """The owner's path of a URL or absolute path; None for another server's. Raises as `destination`."""
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError as wrong:
        raise _invalid("an address cannot be read") from wrong
    if not (text.isascii() and text.isprintable()) or parts.query or parts.fragment or "#" in text:
        raise _invalid("an address is a URL without query and fragment, all else than ASCII as %XX")
    if parts.netloc or parts.scheme:
        if parts.scheme.lower() not in _PORTS or not parts.hostname:
            return None
        usual = _PORTS[parts.scheme.lower()]
        named = (
            parts.netloc.rpartition("@")[2] if port is not None else parts.netloc.rpartition("@")[2] + usual
        )
        if named.lower() not in {host.lower(), host.lower() + usual}:
            return None
    return _below_root(parts.path)


def path_of(raw: str) -> str:
    """The owner's path, in NFC, of the rest of an address; one slash at the end is a collection's.

    Raises PiccoloError INVALID (PATH_...).
    """
    return unicodedata.normalize("NFC", paths.from_address(raw.removesuffix("/")))


def _below_root(raw: str) -> str:
    if raw != ROOT and not raw.startswith(ROOT + "/"):
        raise PiccoloError(
            Kind.DENIED, "DESTINATION_OUTSIDE", f"The Destination does not lie below {ROOT}, where files are."
        )
    return path_of(raw.removeprefix(ROOT))


def href(path: str, *, directory: bool) -> str:
    """The address of an owner's path; a directory's ends with a slash."""
    tail = paths.to_address(path)
    return f"{ROOT}/{tail}/" if directory and tail else f"{ROOT}/{tail}"


def _invalid(why: str) -> PiccoloError:
    return PiccoloError(Kind.INVALID, "HEADER_INVALID", f"A header cannot be used: {why}.")
