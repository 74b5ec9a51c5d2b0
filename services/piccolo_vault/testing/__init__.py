"""Honest fakes of what the way of a file works with: metadata, keepers, circle and keys, in memory.

Rules:
* A fake keeps the contract of its port: what it accepted is there afterwards, what it refused is not.
* What may go wrong is set from outside: a keeper is down, hangs, trickles, lies, is full, dies in the
  middle; a
  `Steps` stops the world before or after any call to the outside, as a crash of the vault would.
* Signatures, hashes and receipts are real.
"""

from __future__ import annotations

from piccolo_vault.testing.keepers import FakeKeeper, FakeKeepers
from piccolo_vault.testing.memory import FakeObjects
from piccolo_vault.testing.people import (
    FakeCircle,
    FakeKeyring,
    FakeOperations,
    FakeTasks,
    fake_circle,
    random_bytes,
)
from piccolo_vault.testing.steps import Steps

__all__ = [
    "FakeCircle",
    "FakeKeeper",
    "FakeKeepers",
    "FakeKeyring",
    "FakeObjects",
    "FakeOperations",
    "FakeTasks",
    "Steps",
    "fake_circle",
    "random_bytes",
]
