"""Who accepted and who refused, out of packets that were written down."""

from __future__ import annotations

import struct

from integration.machines.wiretap import answered

DEVICE, OTHER = bytes([10, 0, 2, 15]), bytes([10, 0, 2, 2])


def frame(source: bytes, port: int, flags: int, *, kind: bytes = b"\x08\x00", protocol: int = 6) -> bytes:
    segment = struct.pack(">HHIIBBHHH", port, 4000, 0, 0, 5 << 4, flags, 0, 0, 0)
    packet = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(segment), 0, 0, 64, protocol, 0)
    content = bytes(12) + kind + packet + source + OTHER + segment
    return struct.pack("<IIII", 0, 0, len(content), len(content)) + content


def test_a_port_that_accepted_is_told_from_one_that_refused() -> None:
    written = bytes(24) + b"".join(
        [
            frame(DEVICE, 443, 0x12),
            frame(DEVICE, 443, 0x14),  # it ended the connection later: it had accepted
            frame(DEVICE, 22, 0x14),
            frame(DEVICE, 23, 0x10),
            frame(OTHER, 24, 0x12),
            frame(DEVICE, 25, 0x12, protocol=17),
            frame(DEVICE, 26, 0x12, kind=b"\x86\xdd"),
        ]
    )
    assert answered(written, DEVICE) == ({443}, {22})
    assert answered(written[:-3], DEVICE) == ({443}, {22}), "what was not yet written whole is left out"
