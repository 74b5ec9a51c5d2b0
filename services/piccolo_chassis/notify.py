"""Tells systemd how this process is: sd_notify(3), spoken directly.

Rules: without NOTIFY_SOCKET (a developer's shell) nothing is sent; a message that cannot be sent is no
failure of the service.
"""

from __future__ import annotations

import asyncio
import os
import socket


def send(*lines: str) -> None:
    """Sends one datagram of `KEY=value` lines."""
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return
    if address.startswith("@"):  # the abstract namespace, written with @ because a NUL fits no environment
        address = "\0" + address[1:]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as channel:
        channel.setblocking(False)
        try:
            channel.sendto("\n".join(lines).encode(), address)
        except OSError:
            return


def watchdog_seconds() -> float | None:
    """Half of what systemd allows between two signs of life; None when it watches nobody, or not us."""
    microseconds = os.environ.get("WATCHDOG_USEC", "")
    ours = os.environ.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
    return int(microseconds) / 2_000_000 if microseconds.isdigit() and ours else None


async def keep_alive(interval: float) -> None:
    """Gives signs of life until cancelled. It runs on the event loop on purpose: a blocked loop stops it."""
    while True:
        send("WATCHDOG=1")
        await asyncio.sleep(interval)
