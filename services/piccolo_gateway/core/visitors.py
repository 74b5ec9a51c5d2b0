"""Who comes in by a session, as the owner knows them again: an address, and a kind of browser and system.

Rules:
* A User-Agent is looked at and never kept: what it tells of versions and models is nobody's business.
* Only the few names below are told; whatever is none of them is not named.
* The order counts: most browsers name others than themselves as well.
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address
from typing import Final

_BROWSERS: Final = (
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("Firefox/", "Firefox"),
    ("FxiOS/", "Firefox"),
    ("CriOS/", "Chrome"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
    ("curl/", "curl"),
    ("Python", "Python"),
)
_SYSTEMS: Final = (
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("CrOS", "ChromeOS"),
    ("Mac OS X", "macOS"),
    ("Linux", "Linux"),
)


@dataclass(frozen=True, slots=True)
class Visitor:
    """Where somebody comes from, and by what; what is not known is empty."""

    address: str = ""
    browser: str = ""
    system: str = ""


UNKNOWN: Final = Visitor()


def visitor(address: str, agent: str) -> Visitor:
    """A visitor by the address of the connection and the User-Agent header."""
    return Visitor(_plain(address), _named(agent, _BROWSERS), _named(agent, _SYSTEMS))


def _named(agent: str, known: tuple[tuple[str, str], ...]) -> str:
    return next((name for mark, name in known if mark in agent), "")


def _plain(address: str) -> str:
    """An address as people know it: without an interface, IPv4 as IPv4."""
    try:
        found = ip_address(address.partition("%")[0])
    except ValueError:
        return ""
    mapped = found.ipv4_mapped if isinstance(found, IPv6Address) else None
    return str(mapped or found)
