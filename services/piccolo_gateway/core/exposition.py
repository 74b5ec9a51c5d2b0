"""One Prometheus text out of several: each sample gets the label of its service.

Rules:
* A family's help and type stand once, before all its samples, as the format (0.0.4) demands; the first
  service that tells them is believed.
* Nothing else of a line is touched.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

MEDIA = "text/plain; version=0.0.4; charset=utf-8"


@dataclass(slots=True)
class _Family:
    notes: dict[str, str] = field(default_factory=dict)
    samples: list[str] = field(default_factory=list)


def merge(expositions: Mapping[str, str | None]) -> str:
    """All expositions as one; None is a service that did not answer."""
    families: dict[str, _Family] = {}
    for service, text in expositions.items():
        _read(text or "", service, families)
    lines = ["# HELP piccolo_up Whether a service answers.", "# TYPE piccolo_up gauge"]
    lines += [
        f'piccolo_up{{service="{service}"}} {int(text is not None)}' for service, text in expositions.items()
    ]
    for family in families.values():
        lines += [*family.notes.values(), *family.samples]
    return "\n".join(lines) + "\n"


def _read(text: str, service: str, families: dict[str, _Family]) -> None:
    current = ""
    for line in text.splitlines():
        if line.startswith(("# HELP ", "# TYPE ")):
            _, keyword, current, *_ = line.split(" ", 3)
            families.setdefault(current, _Family()).notes.setdefault(keyword, line)
        elif line and not line.startswith("#"):
            families.setdefault(current, _Family()).samples.append(_labelled(line, service))


def _labelled(line: str, service: str) -> str:
    name, brace, rest = line.partition("{")
    if brace and " " not in name:
        comma = "" if rest.startswith("}") else ","
        return f'{name}{{service="{service}"{comma}{rest}'
    name, _, rest = line.partition(" ")
    return f'{name}{{service="{service}"}} {rest}'
