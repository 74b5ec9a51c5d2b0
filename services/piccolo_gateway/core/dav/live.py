"""The properties that follow from what an entry is, as XML.

Rules:
* They are protected: what a file is, its bytes say. Only names outside this list may be noted by clients.
* `displayname` is left out for names that XML cannot say; `getcontenttype` where nobody said one.
* The quota (RFC 4331) is told only where it is asked for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from piccolo_gateway.core import conditions
from piccolo_gateway.core.bodies.files import Entry
from piccolo_gateway.core.dav.headers import href
from piccolo_gateway.core.dav.locks import Lock
from piccolo_gateway.core.dav.markup import DAV, element, escaped, sayable

QUOTA: Final = frozenset({f"{DAV}quota-available-bytes", f"{DAV}quota-used-bytes"})
PROTECTED: Final = QUOTA | {
    DAV + local
    for local in (
        "creationdate",
        "displayname",
        "getcontentlength",
        "getcontenttype",
        "getetag",
        "getlastmodified",
        "lastmodified",  # some clients would set the time of a file by it
        "lockdiscovery",
        "resourcetype",
        "supportedlock",
    )
}
_SUPPORTED: Final = "".join(
    f"<D:lockentry><D:lockscope><D:{scope}/></D:lockscope><D:locktype><D:write/></D:locktype></D:lockentry>"
    for scope in ("exclusive", "shared")
)


@dataclass(frozen=True, slots=True)
class Quota:
    """Plaintext bytes."""

    available: int
    used: int


def of(entry: Entry, locks: Sequence[Lock], now: float, quota: Quota | None = None) -> dict[str, str]:
    """The properties of an entry by name, each a whole element."""
    directory = entry.kind == "directory"
    inside = {
        "displayname": escaped(name) if sayable(name := entry.path.rpartition("/")[2]) else None,
        "getlastmodified": conditions.date(entry.modified),
        "lockdiscovery": discovery(locks, now),
        "resourcetype": "<D:collection/>" if directory else "",
        "supportedlock": _SUPPORTED,
    }
    if not directory:
        media = escaped(entry.media) if entry.media and sayable(entry.media) else None
        inside |= {
            "getcontentlength": str(entry.size),
            "getcontenttype": media,
            "getetag": escaped(conditions.quoted(entry.version_id)),
        }
    elif quota is not None:
        inside |= {"quota-available-bytes": str(quota.available), "quota-used-bytes": str(quota.used)}
    return {DAV + name: element(DAV + name, text) for name, text in inside.items() if text is not None}


def discovery(locks: Sequence[Lock], now: float) -> str:
    """The content of `lockdiscovery`."""
    return "".join(_active(lock, now) for lock in locks)


def _active(lock: Lock, now: float) -> str:
    scope = "exclusive" if lock.exclusive else "shared"
    return (
        "<D:activelock>"
        f"<D:locktype><D:write/></D:locktype><D:lockscope><D:{scope}/></D:lockscope>"
        f"<D:depth>{'infinity' if lock.deep else '0'}</D:depth>{lock.owner}"
        f"<D:timeout>Second-{max(0, round(lock.ends - now))}</D:timeout>"
        f"<D:locktoken><D:href>{escaped(lock.token)}</D:href></D:locktoken>"
        f"<D:lockroot><D:href>{href(lock.path, directory=lock.directory)}</D:href></D:lockroot>"
        "</D:activelock>"
    )
