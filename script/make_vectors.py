"""Writes docs/storage-format.vectors.json, the worked examples beside docs/storage-format.md.

A change of this file's output is a change of the format: it is made on purpose, or not at all.
"""

from __future__ import annotations

import json
from pathlib import Path

from piccolo_formats.tests.vectors import build

VECTORS = Path(__file__).resolve().parent.parent / "docs" / "storage-format.vectors.json"


def main() -> None:
    """Write the file."""
    VECTORS.write_text(json.dumps(build(), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    print(f"wrote {VECTORS}")


if __name__ == "__main__":
    main()
