"""What a device answers on its network, from the packets that QEMU writes down (pcap; IPv4, TCP)."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Final

_FILE: Final = 24
_PACKET: Final = struct.Struct("<IIII")
_ETHERNET: Final = 14
_IPV4: Final = b"\x08\x00"
_TCP: Final = 6
_ACCEPTS: Final = 0x12  # SYN and ACK
_REFUSES: Final = 0x04  # RST


def answered(written: bytes, device: bytes) -> tuple[set[int], set[int]]:
    """The TCP ports of the device with this IPv4 address (4 bytes) that accepted, and those that refused."""
    accepted, refused = set[int](), set[int]()
    for frame in _frames(written):
        if frame[12:14] != _IPV4:
            continue
        packet = frame[_ETHERNET:]
        if packet[9] != _TCP or packet[12:16] != device:
            continue
        segment = packet[(packet[0] & 15) * 4 :]
        port, flags = int.from_bytes(segment[:2], "big"), segment[13]
        if flags & _ACCEPTS == _ACCEPTS:
            accepted.add(port)
        elif flags & _REFUSES:
            refused.add(port)
    return accepted, refused - accepted


def _frames(written: bytes) -> Iterator[bytes]:
    at = _FILE
    while at + _PACKET.size <= len(written):
        _, _, kept, _ = _PACKET.unpack_from(written, at)
        at += _PACKET.size
        if at + kept <= len(written):
            yield written[at : at + kept]
        at += kept
