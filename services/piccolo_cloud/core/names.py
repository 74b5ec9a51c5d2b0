"""How the store's objects are named (docs/storage-format.md, section 11; the mailbox is the cloud's own).

`<digest of the locator, hex>/log/<seq, 16 hex digits>` and `mailbox/<address, hex>/<arrival>-<random>`;
nothing in a name tells who an owner is.
"""

from __future__ import annotations

import re
from typing import Final

from piccolo_formats.digests import digest

MAILBOXES: Final = "mailbox"
_SEQ: Final = re.compile(r"[0-9a-f]{16}")
_MESSAGE: Final = re.compile(r"([0-9a-f]{16})-[0-9a-f]{16}")


def log_prefix(locator: bytes) -> str:
    """Where the entries of a log lie."""
    return f"{digest('locator', locator).hex()}/log"


def entry_key(locator: bytes, seq: int) -> str:
    """The name of one entry."""
    return f"{log_prefix(locator)}/{seq:016x}"


def seq_of(key: str) -> int | None:
    """The seq of an entry by its name; None for a name that is no entry's."""
    last = key.rpartition("/")[2]
    return int(last, 16) if _SEQ.fullmatch(last) else None


def box_prefix(address: bytes) -> str:
    """Where the messages of a box lie."""
    return f"{MAILBOXES}/{address.hex()}"


def message_key(address: bytes, arrival: int, random: bytes) -> str:
    """The name of a message that arrived then (milliseconds since 1970); names sort by arrival."""
    return f"{box_prefix(address)}/{arrival:016x}-{random.hex()}"


def arrival_of(key: str) -> int | None:
    """When a message arrived, by its name; None for a name that is no message's."""
    found = _MESSAGE.fullmatch(key.rpartition("/")[2])
    return int(found[1], 16) if found else None
