"""Addresses that peers tell: a host and a port, and nothing that a dialler could read as something else."""

from __future__ import annotations

import re
from typing import Final

# gRPC takes "unix:...", "ipv4:..." and the like for other kinds of targets: a name has no colon, an IPv6
# address stands in brackets.
_HOST_PORT: Final = re.compile(
    r"(?:[A-Za-z0-9](?:[A-Za-z0-9._-]{0,251}[A-Za-z0-9])?|\[[0-9A-Fa-f:.]{2,45}\]):([0-9]{1,5})"
)


def is_dialable(endpoint: str) -> bool:
    """Whether this is `host:port` or `[IPv6 address]:port`."""
    match = _HOST_PORT.fullmatch(endpoint)
    return match is not None and 0 < int(match[1]) < 2**16
