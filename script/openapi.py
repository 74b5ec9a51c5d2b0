"""Writes the gateway's OpenAPI document, as it is served, into a file: script/openapi.py FILE."""

from __future__ import annotations

import sys
from pathlib import Path

from piccolo_gateway.routes.app import api_document


def main() -> None:
    """Writes it when it is another than the one that is there."""
    path, made = Path(sys.argv[1]), api_document()
    if not path.exists() or path.read_bytes() != made:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(made)


if __name__ == "__main__":
    main()
