"""A worked example of every section of docs/storage-format.md; script/make_vectors.py writes it to a file.

* Everything is repeatable: random bytes come from a counter, and HPKE is done with a known ephemeral key.
* Byte strings are hex. `fields` shows what a record says, with byte strings as in CBOR's diagnostic notation:
  h'...'.
* The worked file has segments of 256 bytes instead of 1,048,576, to be short; a reader finds the size in the
  content record.
"""

from __future__ import annotations

from typing import Any

from piccolo_formats.tests.vectors import files, statements

ABOUT = [
    "Worked examples of docs/storage-format.md. Byte strings are hex.",
    "fields: what a record says, with byte strings as in CBOR's diagnostic notation, h'...'.",
    "The files have segments of 256 bytes instead of 1,048,576, to be short (see the content records).",
    "objects.lone is any 3 of 5, objects.pack any 2 of 3; keys.words open both, and the backup entries.",
]


def build() -> dict[str, Any]:
    """All vectors."""
    return {
        "format": "piccolo storage format, version 1",
        "about": ABOUT,
        "keys": files.keys(),
        "segments": files.segments(),
        "stripes": files.stripes(),
        "objects": files.objects(),
        "statements": statements.statements(),
        "certificate": statements.certificate(),
        "invitation": statements.invitations(),
        "contacts": statements.contacts(),
        "backup": statements.backup(),
    }
