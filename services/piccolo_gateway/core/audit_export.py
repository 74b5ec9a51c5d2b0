"""The audit log as text that other programs read: NDJSON, or CSV (RFC 4180).

In CSV a cell that a spreadsheet would take for a formula begins with an apostrophe; NDJSON is as it was.
"""

from __future__ import annotations

import csv
import io
from typing import Final

import msgspec

from piccolo_gateway.core.bodies.memory import AuditEvent

NDJSON: Final = "application/x-ndjson"
CSV: Final = "text/csv"
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")


def as_ndjson(events: list[AuditEvent], *, first: bool) -> bytes:
    """Events, one JSON object a line."""
    return b"".join(msgspec.json.encode(event) + b"\n" for event in events)


def as_csv(events: list[AuditEvent], *, first: bool) -> bytes:
    """Events, one a line; the names of the columns before the first."""
    text = io.StringIO()
    writer = csv.writer(text)
    if first:
        writer.writerow(AuditEvent.__struct_fields__)
    writer.writerows([_cell(value) for value in msgspec.structs.astuple(event)] for event in events)
    return text.getvalue().encode("utf-8", "replace")


def _cell(value: object) -> str:
    text = str(value)
    return f"'{text}" if text.startswith(_FORMULA) else text
