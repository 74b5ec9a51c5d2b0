"""Answers in XML: 207 Multi-Status piece by piece, and the properties of an entry."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from piccolo_gateway.core.dav.asked import Propfind, Wanted
from piccolo_gateway.core.dav.live import QUOTA
from piccolo_gateway.core.dav.markup import element, escaped

MEDIA: Final = "application/xml; charset=utf-8"
DECLARED: Final = '<?xml version="1.0" encoding="utf-8"?>\n'
BEGIN: Final = f'{DECLARED}<D:multistatus xmlns:D="DAV:">'
END: Final = "</D:multistatus>\n"
_PHRASES: Final = {200: "OK", 403: "Forbidden", 404: "Not Found", 424: "Failed Dependency"}


def found(asked: Propfind, live: Mapping[str, str], noted: Mapping[str, str]) -> str:
    """The propstat elements that answer a PROPFIND for one entry.

    Args:
        asked: what is wanted.
        live: properties that follow from what the entry is, as elements by name.
        noted: what clients have noted, likewise.
    """
    known = {**live, **noted}
    if asked.wanted is Wanted.NAMES:
        return propstat(200, (element(name) for name in known if name not in QUOTA))
    if asked.wanted is Wanted.ALL:
        shown = {name: text for name, text in known.items() if name not in QUOTA or name in asked.names}
        return propstat(200, shown.values())
    there = [known[name] for name in asked.names if name in known]
    missing = [element(name) for name in asked.names if name not in known]
    told = propstat(200, there) if there or not missing else ""
    return told + (propstat(404, missing) if missing else "")


def propstat(status: int, properties: Iterable[str], precondition: str = "") -> str:
    """Properties that share an outcome."""
    why = f"<D:error><D:{precondition}/></D:error>" if precondition else ""
    prop = f"<D:prop>{''.join(properties)}</D:prop>"
    return f"<D:propstat>{prop}<D:status>{line(status)}</D:status>{why}</D:propstat>"


def response(href: str, propstats: str) -> str:
    """What is told of one entry; `href` is an address, so it is ASCII without & and <."""
    return f"<D:response><D:href>{escaped(href)}</D:href>{propstats}</D:response>"


def prop(inside: str) -> bytes:
    """A document that is one `prop`."""
    return f'{DECLARED}<D:prop xmlns:D="DAV:">{inside}</D:prop>\n'.encode()


def line(status: int) -> str:
    """A status as it stands in XML."""
    return f"HTTP/1.1 {status} {_PHRASES[status]}"
