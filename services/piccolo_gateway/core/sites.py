"""Where a browser is, as passkeys see it (WebAuthn level 3, 5.1.2: the relying party's id is a domain).

Rules:
* A passkey belongs to one of the names that this device was told it has. What a Host header says beyond that
  is a stranger's word.
* An IP address is no domain: no passkey can be made or used there.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Final
from urllib.parse import urlsplit

from piccolo_chassis.errors import Kind, PiccoloError

_HTTPS: Final = 443


@dataclass(frozen=True, slots=True)
class Site:
    """Where the browser is: `host` is the relying party's id, `origin` the whole of scheme, host and port."""

    host: str
    origin: str


@dataclass(frozen=True, slots=True)
class Sites:
    """The device's own names, which may become others while it runs."""

    names: Collection[str]

    def find(self, host: str) -> Site | None:
        """The site that a Host header names; None when passkeys cannot be used there."""
        try:
            parts = urlsplit(f"//{host}")
            name, port = parts.hostname or "", parts.port or _HTTPS
        except ValueError:
            return None
        if name not in {own.lower() for own in self.names} or _is_address(name):
            return None
        return Site(name, f"https://{name}" if port == _HTTPS else f"https://{name}:{port}")

    def require(self, host: str) -> Site:
        """The site that a Host header names. Raises PiccoloError PRECONDITION (PASSKEY_HOST)."""
        site = self.find(host)
        if site is None:
            names = ", ".join(name for name in self.names if not _is_address(name))
            raise PiccoloError(
                Kind.PRECONDITION,
                "PASSKEY_HOST",
                f"A passkey belongs to a name, and not to an IP address. Open this device as: {names}.",
                {"names": names},
            )
        return site


def _is_address(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        return False
    return True
