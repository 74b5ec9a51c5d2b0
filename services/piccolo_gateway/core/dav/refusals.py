"""How WebDAV says no: the status, and the name of the precondition where RFC 4918 or RFC 4331 has one.

A device that is locked by its owner is not available (503): clients take 423 for a lock on the file.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from piccolo_chassis.errors import Kind, PiccoloError

from piccolo_gateway.core import problems
from piccolo_gateway.core.dav.headers import ROOT
from piccolo_gateway.core.dav.markup import element, escaped, sayable
from piccolo_gateway.core.dav.multistatus import DECLARED

_STATUSES: Final[Mapping[str, int]] = MappingProxyType(
    {
        "DEPTH_INFINITE": 403,
        "DESTINATION_FOREIGN": 502,
        "ENTRY_EXISTS": 405,
        "INTO_ITSELF": 403,
        "IS_A_DIRECTORY": 405,
        "LOCKED": 503,
        "LOCK_GONE": 412,
        "PROPERTIES_TOO_LARGE": 507,
        "ROOT_FIXED": 403,
    }
)
_PRECONDITIONS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "DEPTH_INFINITE": "propfind-finite-depth",
        "LOCK_CONFLICT": "no-conflicting-lock",
        "LOCK_FOREIGN": "lock-token-matches-request-uri",
        "LOCK_GONE": "lock-token-matches-request-uri",
        "LOCK_TOKEN_NEEDED": "lock-token-submitted",
    }
)
_FULL: Final = "sufficient-disk-space"


def status_of(failed: PiccoloError) -> int:
    """The status of a failure."""
    return _STATUSES.get(failed.reason) or problems.status_of(failed)


def body_of(failed: PiccoloError) -> bytes | None:
    """The XML for a failure that has a precondition's name; None for others."""
    name = _PRECONDITIONS.get(failed.reason) or (_FULL if failed.kind is Kind.FULL else None)
    if name is None:
        return None
    locked = failed.details.get("paths", "").split()
    hrefs = "".join(f"<D:href>{ROOT}/{one.removeprefix('/')}</D:href>" for one in locked)
    condition = f"<D:{name}>{hrefs}</D:{name}>" if hrefs else f"<D:{name}/>"
    words = escaped(failed.message) if sayable(failed.message) else ""
    detail = element("{urn:piccolo:problem}detail", words)
    return f'{DECLARED}<D:error xmlns:D="DAV:">{condition}{detail}</D:error>\n'.encode()
