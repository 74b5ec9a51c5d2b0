"""The append-only logs of a keeper (section 8): `u32 length | bytes | first 4 bytes of a digest`, repeated.

A torn last frame is what a crash leaves behind; it ends the log. Damage before the end is another matter: the
reader is told where, so that it never takes the rest of the log for missing.
"""

from __future__ import annotations

from dataclasses import dataclass

from piccolo_formats.digests import digest
from piccolo_formats.errors import FormatError

CHECK_SIZE = 4
MAX_FRAME = 2**24


@dataclass(frozen=True, slots=True)
class LogContents:
    """The frames of a log, and how many of its bytes they take: what follows is torn or damaged."""

    frames: tuple[bytes, ...]
    good_length: int


def frame(data: bytes) -> bytes:
    """Return the bytes to append for one entry."""
    if not 1 <= len(data) <= MAX_FRAME:
        raise FormatError("log-frame", f"a log entry has 1 to {MAX_FRAME} bytes, not {len(data)}")
    length = len(data).to_bytes(4)
    return length + data + _check(length, data)


def read_frames(log: bytes) -> LogContents:
    """Return every whole frame up to the first that is torn or damaged."""
    frames, at = [], 0
    while (data := _frame_at(log, at)) is not None:
        frames.append(data)
        at += 4 + len(data) + CHECK_SIZE
    return LogContents(tuple(frames), at)


def is_torn(log: bytes, contents: LogContents) -> bool:
    """Whether what follows the good frames is only a frame that a crash cut short (or filled with zeros).

    False means damage before the end: the log must be kept and looked at, not cut. A damaged length looks
    like that of a torn frame, so what follows is searched for a whole frame at any place.
    """
    rest = log[contents.good_length :]
    if not any(rest):
        return True
    length = int.from_bytes(rest[:4])
    if len(rest) >= 4 and (length > MAX_FRAME or len(rest) > 4 + length + CHECK_SIZE):
        return False
    return all(_frame_at(rest, at) is None for at in range(1, len(rest)))


def _frame_at(log: bytes, at: int) -> bytes | None:
    length = log[at : at + 4]
    size = int.from_bytes(length)
    end = at + 4 + size + CHECK_SIZE
    if len(length) < 4 or not 1 <= size <= MAX_FRAME or end > len(log):
        return None
    data = log[at + 4 : end - CHECK_SIZE]
    return data if log[end - CHECK_SIZE : end] == _check(length, data) else None


def _check(length: bytes, data: bytes) -> bytes:
    return digest("log", length, data)[:CHECK_SIZE]
