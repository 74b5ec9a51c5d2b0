"""Every way to change one byte, cut or lengthen a byte string."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from piccolo_formats.errors import FormatError


def altered(data: bytes) -> Iterator[bytes]:
    """The bytes with one of them flipped (lowest bit, highest bit, all bits), cut short, or one longer."""
    for at, byte in enumerate(data):
        for mask in (0x01, 0x80, 0xFF):
            yield data[:at] + bytes([byte ^ mask]) + data[at + 1 :]
        yield data[:at]
    yield data + b"\0"


def all_refused(data: bytes, read: Callable[[bytes], object]) -> None:
    """Fail unless `read` takes the bytes and refuses every alteration of them with a FormatError."""
    read(data)
    for other in altered(data):
        try:
            read(other)
        except FormatError:
            continue
        raise AssertionError(f"altered bytes were taken: {other.hex()[:400]}")
