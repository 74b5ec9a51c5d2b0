"""The last log lines of this process, kept as they may be shown."""

from __future__ import annotations

import logging
from collections import deque
from typing import Any, Final

from piccolo_gateway.core import support

_MOST: Final = 500
_EACH_REQUEST: Final = "answered"


class RecentLog(logging.Handler):
    """Keeps a few hundred lines, without the one that each request leaves."""

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self._lines: deque[Any] = deque(maxlen=_MOST)

    def emit(self, record: logging.LogRecord) -> None:
        """Keeps what may be shown of a line."""
        if record.msg != _EACH_REQUEST:
            fields: dict[str, object] = getattr(record, "fields", {})
            level, logger = record.levelname, record.name
            self._lines.append(support.log_line(record.created, level, logger, str(record.msg), fields))

    def lines(self) -> list[Any]:
        """The oldest first."""
        return list(self._lines)
