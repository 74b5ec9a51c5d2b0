"""Where what is made of a configuration goes: the only places that provision writes to, all in RAM."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import Final


@dataclass(frozen=True, slots=True)
class Place:
    """Where a file goes, who may read it, and who must look at it again.

    Attributes:
        path: below /run.
        group: its own; the owner is root.
        mode: its permissions.
        reload: the command that makes the system look; empty: who reads it does so each time.
    """

    path: str
    group: str = "root"
    mode: int = 0o644
    reload: tuple[str, ...] = ()


_NETWORK: Final = ("networkctl", "reload")
_TIME: Final = ("systemctl", "--no-block", "try-restart", "systemd-timesyncd.service")


def _anew(service: str) -> tuple[str, ...]:
    """Starts it anew if it runs, as when the site answered late; at a boot it starts after this."""
    return ("systemctl", "--no-block", "try-restart", f"piccolo-{service}.service")


def _settings(service: str) -> Place:
    return Place(f"piccolo/config/{service}.toml", f"piccolo-{service}", 0o640, _anew(service))


PLACES: Final = MappingProxyType(
    {
        "wired.network": Place("systemd/network/60-piccolo-wired.network", reload=_NETWORK),
        # holds the private key: systemd.netdev(5) wants it so
        "wireguard.netdev": Place(
            "systemd/network/60-piccolo-wireguard.netdev", "systemd-network", 0o640, _NETWORK
        ),
        "wireguard.network": Place("systemd/network/60-piccolo-wireguard.network", reload=_NETWORK),
        "timesyncd.conf": Place("systemd/timesyncd.conf.d/60-piccolo.conf", reload=_TIME),
        "authorized_keys": Place("piccolo/authorized_keys.d/node"),
        "claim-code": Place("piccolo/config/claim-code", "piccolo-gateway", 0o640, _anew("gateway")),
        **{
            f"{service}.toml": _settings(service)
            for service in ("attestation", "fragment-store", "gateway", "metadata")
        },
    }
)
