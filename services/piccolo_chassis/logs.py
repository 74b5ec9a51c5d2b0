"""Structured logs: one JSON object a line on standard error, which systemd hands to the journal.

Rules:
* The message is constant text; what varies goes into `extra=fields(...)`, so that lines can be searched.
* Every line made while a request is served carries its request id, which also travels to the services
  called.
* Raw bytes are shown by their length only: keys and plaintext are bytes, and a log is for ever.
"""

from __future__ import annotations

import json
import logging
import os
import re
import secrets
import sys
import time
from contextvars import ContextVar
from typing import Any, Final

REQUEST_ID: Final = "x-request-id"
_VALID: Final = re.compile(r"[A-Za-z0-9._-]{8,64}")
_SYSLOG: Final = {"DEBUG": 7, "INFO": 6, "WARNING": 4, "ERROR": 3, "CRITICAL": 2}
_request: ContextVar[str] = ContextVar("piccolo_request_id", default="")


def fields(**values: object) -> dict[str, dict[str, object]]:
    """The structured part of a line: `log.info("text", extra=fields(file=name))`."""
    return {"fields": values}


def request_id() -> str:
    """The id of the request being served; empty outside of one."""
    return _request.get()


def adopt_request_id(offered: str | None) -> str:
    """Begins a request in this task: with the caller's id if it is well formed, else with a fresh one."""
    chosen = offered if offered and _VALID.fullmatch(offered) else secrets.token_hex(8)
    _request.set(chosen)
    return chosen


class _Json(logging.Formatter):
    """Renders a record as one line of JSON; in front of it the syslog level where the journal reads it."""

    def __init__(self, service: str, prefix: bool) -> None:
        super().__init__()
        self._service, self._prefix = service, prefix

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "time": time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
            + f".{int(record.msecs):03d}Z",
            "level": record.levelname.lower(),
            "service": self._service,
            "logger": record.name,
            "message": record.getMessage(),
        }
        if request := request_id():
            line["request_id"] = request
        line.update(getattr(record, "fields", {}))
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        text = _encoder.encode(line)
        return f"<{_SYSLOG.get(record.levelname, 6)}>{text}" if self._prefix else text


def _plain(value: object) -> Any:
    if isinstance(value, bytes | bytearray | memoryview):
        return f"<{len(value)} bytes>"
    return str(value)


_encoder: Final = json.JSONEncoder(default=_plain, ensure_ascii=False)


def _leave_out_what_no_line_shows() -> None:
    """Looking up threads, processes and calling lines is most of a line's price ("Optimization" in Python's
    logging HOWTO)."""
    logging._srcfile = None
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False


def setup(service: str, level: str) -> None:
    """Makes this process log as the rules say.

    Args:
        service: the hyphenated name of the service.
        level: debug, info, warning or error.
    """
    _leave_out_what_no_line_shows()
    handler = logging.StreamHandler(sys.stderr)
    # systemd sets JOURNAL_STREAM for the processes whose standard error it reads itself (sd-daemon(3))
    handler.setFormatter(_Json(service, prefix="JOURNAL_STREAM" in os.environ))
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    for chatty in ("asyncio", "grpc"):  # their debug lines tell of event loops, not of us
        logging.getLogger(chatty).setLevel(max(logging.INFO, logging.getLogger().level))
    logging.captureWarnings(capture=True)
