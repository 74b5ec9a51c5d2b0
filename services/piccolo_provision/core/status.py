"""What became of the device's configuration at this boot: for its console, and for its face."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final

import msgspec

from piccolo_provision.core.document import Node
from piccolo_provision.core.refusals import WORDS, Reason


class State(StrEnum):
    """How it ended."""

    EMPTY = "empty"
    CURRENT = "current"
    KEPT = "kept"
    REFUSED = "refused"


_WORDS: Final[Mapping[State, str]] = MappingProxyType(
    {
        State.EMPTY: "There is no seed volume; the device starts as its owner sets it up.",
        State.CURRENT: "The device runs by its configuration.",
        State.KEPT: "The device runs by an earlier copy of its configuration.",
        State.REFUSED: "The device starts without a configuration.",
    }
)


class Status(msgspec.Struct, frozen=True):
    """What is told. `message` and `reason` are for everybody, the rest for the owner.

    Attributes:
        reason: why it is not as it should be; empty: it is.
        node, serial, expires: of the configuration that is used; empty, 0 and 0 without one; `expires` in
            seconds since 1970.
    """

    state: State
    reason: str
    message: str
    node: str = ""
    serial: int = 0
    expires: int = 0


def tell(state: State, reason: Reason | None = None, node: Node | None = None) -> Status:
    """The status, in words."""
    sentences = [] if reason is None else [WORDS[reason]]
    message = " ".join([*sentences, _WORDS[state]])
    if node is None:
        return Status(state, reason or "", message)
    return Status(state, reason or "", message, node.node, node.serial, int(node.expires.timestamp()))
