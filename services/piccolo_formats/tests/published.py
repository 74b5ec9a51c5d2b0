"""The vectors beside docs/storage-format.md, as they are published."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

PAGE = Path(__file__).resolve().parents[3] / "docs" / "storage-format.vectors.json"


def published() -> dict[str, Any]:
    """Read the file."""
    vectors: dict[str, Any] = json.loads(PAGE.read_text(encoding="utf-8"))
    return vectors


def hexed(text: str) -> bytes:
    """Bytes of hex."""
    return bytes.fromhex(text)
