"""Where a fragment's files lie: docs/storage-format.md, section 8. Names only, relative to the state folder.

A commit record beside a fragment is in its folder; what is not finished is in `incoming`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

from piccolo_fragment_store.core.fragment import Key, Place, State

TOMBSTONES: Final = "tombstones.log"
NOTICES: Final = "notices.log"
FOLDERS: Final[Mapping[State, str]] = MappingProxyType(
    {
        State.INCOMING: "incoming",
        State.PROVISIONAL: "provisional",
        State.LIVE: "live",
        State.TRASH: "trash",
    }
)
_RECORD: Final = ".record"
_OWNER: Final = "(?P<owner>[0-9a-f]{64})"
_FRAGMENT: Final = "(?P<fragment>[0-9a-f]{32})(?P<record>\\.record)?"
_UNFINISHED: Final = re.compile(f"incoming/{_OWNER}/[0-9a-f]{{32}}\\.(record|store)")
_PATHS: Final = (
    (State.INCOMING, re.compile(f"incoming/{_OWNER}/{_FRAGMENT}")),
    (State.PROVISIONAL, re.compile(f"provisional/{_OWNER}/(?P<xx>[0-9a-f]{{2}})/{_FRAGMENT}")),
    (State.LIVE, re.compile(f"live/{_OWNER}/(?P<xx>[0-9a-f]{{2}})/{_FRAGMENT}")),
    (State.TRASH, re.compile(f"trash/(?P<day>0|[1-9][0-9]{{0,9}})/{_OWNER}/{_FRAGMENT}")),
)


class Name(NamedTuple):
    """What a path says."""

    key: Key
    place: Place
    record: bool


def folder(key: Key, place: Place) -> str:
    """The folder of a fragment's file."""
    base, owner = FOLDERS[place.state], key.owner.hex()
    if place.state is State.INCOMING:
        return f"{base}/{owner}"
    if place.state is State.TRASH:
        return f"{base}/{place.day}/{owner}"
    return f"{base}/{owner}/{key.fragment[:1].hex()}"


def path(key: Key, place: Place) -> str:
    """A fragment's file."""
    return f"{folder(key, place)}/{key.fragment.hex()}"


def store_path(key: Key) -> str:
    """A whole fragment that is being written in one go."""
    return path(key, Place(State.INCOMING)) + ".store"


def is_unfinished(name: str) -> bool:
    """Whether a path is of something that was to be written in one go: a crash leaves it, and it may go."""
    return _UNFINISHED.fullmatch(name) is not None


def record_path(key: Key, place: Place) -> str:
    """The commit record beside it; in `incoming`, one that is being written."""
    return path(key, place) + _RECORD


def trash_folder(day: int) -> str:
    """The folder of a day's trash."""
    return f"{FOLDERS[State.TRASH]}/{day}"


def is_owner(name: str) -> bool:
    """Whether a folder's name is an owner's."""
    return re.fullmatch("[0-9a-f]{64}", name) is not None


def is_day(name: str) -> bool:
    """Whether a folder's name is a day of the trash."""
    return re.fullmatch("0|[1-9][0-9]{0,9}", name) is not None


def parse(name: str) -> Name | None:
    """What a path says; None when it is not one of ours."""
    for state, pattern in _PATHS:
        if match := pattern.fullmatch(name):
            found = match.groupdict()
            fragment = bytes.fromhex(found["fragment"])
            if found.get("xx", fragment[:1].hex()) != fragment[:1].hex():
                return None
            key = Key(bytes.fromhex(found["owner"]), fragment)
            return Name(key, Place(state, int(found.get("day") or 0)), found["record"] is not None)
    return None
