"""What of this device may be shown to whoever helps: figures, states and reasons, no word of its owner's.

Rules:
* What is let through is listed; everything else stays here. Numbers pass. Text passes only where its field
  is listed and it is one plain word, such as a state or a reason: a file's or a person's name, a sentence, a
  path and a secret never do.
* Ids of circle and members are cut to eight digits: enough to tell them apart, not enough to find them.
* Of a log line its constant text passes, if it is ours, and of its fields those that are listed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

import msgspec

_WORD: Final = re.compile(r"[A-Za-z0-9_.+-]{1,64}")
_HEX: Final = re.compile(r"[0-9a-f]{8,128}")
_WORDS: Final = frozenset(
    {
        "action",
        "attestation_policy",
        "error_reason",
        "keys",
        "kind",
        "outcome",
        "product",
        "python",
        "state",
        "unit",
        "verdict",
        "version",
    }
)
_IDS: Final = frozenset({"circle_id", "invited_by", "owner_id"})
_LOG_FIELDS: Final = frozenset(
    {"action", "incident", "method", "outcome", "port", "reason", "route", "seconds", "status"}
)
_LABELS: Final = frozenset(
    {
        "code",
        "generation",
        "implementation",
        "le",
        "major",
        "method",
        "minor",
        "patchlevel",
        "quantile",
        "route",
    }
    | {"service", "status", "version"}
)
_LABEL: Final = re.compile(r'(\w+)="(?:[^"\\]|\\.)*"')
_ROUTE: Final = re.compile(r"[A-Za-z0-9_.{}/-]{1,100}")
README: Final = """What this is: figures of a Piccolo device, for whoever helps its owner.
What is not in it: names of files, people and devices, sentences, paths, keys, passwords, tokens, links.
Only what is known to be harmless was let through. Log lines are the gateway's own since its start; those of
the other services lie in the journal: journalctl -u 'piccolo-*'. Read them before you pass them on: they may
hold names.
"""


def figures(told: Any) -> Any:
    """What of a body may be shown."""
    return _figures(msgspec.to_builtins(told))


def _figures(value: Any) -> Any:
    if isinstance(value, Mapping):
        shown = {str(key): _field(str(key), one) for key, one in value.items()}
        return {key: one for key, one in shown.items() if one is not None}
    if isinstance(value, list):
        return [one for one in map(_figures, value) if one is not None]
    return value if isinstance(value, bool | int | float) else None


def _field(name: str, value: Any) -> Any:
    if not isinstance(value, str):
        return _figures(value)
    if name in _IDS:
        return value[:8] if _HEX.fullmatch(value) else None
    return value if name in _WORDS and _WORD.fullmatch(value) else None


def versions(packages: Mapping[str, str]) -> dict[str, str]:
    """Names and versions of packages."""
    return {name: text for name, text in packages.items() if _WORD.fullmatch(name) and _WORD.fullmatch(text)}


def counts(events: Iterable[tuple[str, str]]) -> dict[str, int]:
    """How often each thing was done, and how it ended, out of actions and outcomes."""
    made: dict[str, int] = {}
    for action, outcome in events:
        if _WORD.fullmatch(action) and _WORD.fullmatch(outcome):
            made[f"{action} {outcome}"] = made.get(f"{action} {outcome}", 0) + 1
    return dict(sorted(made.items()))


def exposition(text: str) -> str:
    """The metrics whose labels are known to be harmless."""
    lines = [line for line in text.splitlines() if {*_LABEL.findall(line)} <= _LABELS]
    return "\n".join(lines) + "\n"


def log_line(seconds: float, level: str, logger: str, message: str, fields: Mapping[str, object]) -> Any:
    """What of a log line may be shown; `message` is the constant text, before anything is put into it."""
    ours = logger.startswith("piccolo_")
    shown = {name: value for name, value in fields.items() if name in _LOG_FIELDS and _harmless(value)}
    return {
        "time": round(seconds, 3),
        "level": level.lower(),
        "logger": logger if _WORD.fullmatch(logger) else "",
        "message": message if ours and "%" not in message else "",
        **shown,
    }


def _harmless(value: object) -> bool:
    return isinstance(value, bool | int | float) or (isinstance(value, str) and bool(_ROUTE.fullmatch(value)))
