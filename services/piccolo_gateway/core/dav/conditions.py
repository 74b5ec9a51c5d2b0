"""The If header, RFC 4918 section 10.4.

Rules:
* Lists are alternatives, the conditions of a list all hold; lists that follow a tag are about that entry,
  others about the request's own.
* A token is held by an entry when a lock with that token covers it. What lies on other servers, or nowhere,
  has no tag and no locks.
* Every token that stands anywhere in the header counts as submitted, also behind Not.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from piccolo_chassis.errors import Kind, PiccoloError

_LEXER: Final = re.compile(
    r"\s*(?:(?P<open>\()|(?P<close>\))|<(?P<url>[^<>\s]+)>|(?P<not>not)\b"
    r"|\[(?P<weak>W/)?\"(?P<tag>[\x21\x23-\x7e\x80-\xff]*)\"\])",
    re.IGNORECASE,
)
_SPACE: Final = " \t"


@dataclass(frozen=True, slots=True)
class Condition:
    """One condition: a lock's token, or an entity tag (strong ones only ever match)."""

    token: str = ""
    tag: str | None = None
    weak: bool = False
    negated: bool = False


@dataclass(frozen=True, slots=True)
class Alternative:
    """Conditions that all must hold; `about` is the tag in front, empty for the request's own entry."""

    conditions: tuple[Condition, ...]
    about: str = ""


@dataclass(frozen=True, slots=True)
class State:
    """What an entry has now: a file's tag, and the tokens of the locks that cover it."""

    tag: str | None
    tokens: frozenset[str]


@dataclass(frozen=True, slots=True)
class If:
    """A header, read."""

    alternatives: tuple[Alternative, ...] = ()

    @property
    def tokens(self) -> frozenset[str]:
        """All that were submitted."""
        return frozenset(one.token for each in self.alternatives for one in each.conditions if one.token)

    @property
    def tagged(self) -> bool:
        """Whether it says something of entity tags."""
        return any(one.tag is not None for each in self.alternatives for one in each.conditions)

    @property
    def about(self) -> frozenset[str]:
        """The tags in front of lists."""
        return frozenset(each.about for each in self.alternatives)

    def holds(self, state: Callable[[str], State]) -> bool:
        """Whether one of the alternatives does; `state` tells of what a tag names (empty: the own entry)."""
        return any(_all(each.conditions, state(each.about)) for each in self.alternatives)


def _all(conditions: tuple[Condition, ...], state: State) -> bool:
    return all(_holds(one, state) for one in conditions)


def _holds(one: Condition, state: State) -> bool:
    if one.tag is None:
        return (one.token in state.tokens) != one.negated
    return (not one.weak and one.tag == state.tag) != one.negated


def read(header: str) -> If:
    """The header's meaning. Raises PiccoloError INVALID (IF_INVALID)."""
    words, alternatives, about, bare = _words(header), [], "", False
    while words:
        kind, value = words.pop(0)
        if kind == "url" and not bare:
            about = value
            if not words or words[0][0] != "open":
                raise _unreadable()
        elif kind == "open":
            bare = bare or not about
            alternatives.append(Alternative(_list(words), about))
        else:
            raise _unreadable()
    if not alternatives:
        raise _unreadable()
    return If(tuple(alternatives))


def _list(words: list[tuple[str, str]]) -> tuple[Condition, ...]:
    found: list[Condition] = []
    while words:
        kind, value = words.pop(0)
        if kind == "close":
            if not found:
                break
            return tuple(found)
        negated = kind == "not"
        if negated and words:
            kind, value = words.pop(0)
        if kind == "url":
            found.append(Condition(token=value, negated=negated))
        elif kind in {"tag", "weak"}:
            found.append(Condition(tag=value, weak=kind == "weak", negated=negated))
        else:
            break
    raise _unreadable()


def _words(header: str) -> list[tuple[str, str]]:
    found, at, text = [], 0, header.strip(_SPACE)
    while at < len(text):
        word = _LEXER.match(text, at)
        if word is None:
            raise _unreadable()
        at = word.end()
        if word["tag"] is not None:
            found.append(("weak" if word["weak"] else "tag", word["tag"]))
        else:
            kind = word.lastgroup or ""
            found.append((kind, word[kind]))
    return found


def _unreadable() -> PiccoloError:
    return PiccoloError(
        Kind.INVALID,
        "IF_INVALID",
        "The If header holds lists of lock tokens and entity tags, as RFC 4918 section 10.4 says.",
    )
