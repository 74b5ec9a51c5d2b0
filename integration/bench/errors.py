"""What can go wrong with a measurement, in words for whoever started it."""

from __future__ import annotations


class BenchError(Exception):
    """Something could not be measured; the text says what and why."""


class GridError(BenchError):
    """The grid of another program did what it should not."""


class NotReadyError(BenchError):
    """What was waited for did not come."""


class NoRoomError(BenchError):
    """The disk is too small for what was asked."""


class WrongBytesError(BenchError):
    """A contender gave back other bytes than it was given."""


class WrongCodeError(BenchError):
    """Files are cut otherwise than asked for."""
