"""What the gateway counts of the requests it answers. Labels are templates of addresses, never addresses."""

from __future__ import annotations

from typing import Final

from prometheus_client import CollectorRegistry, Counter, Histogram

_BUCKETS: Final = (0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 100)
_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}) | {
    *("COPY", "LOCK", "MKCOL", "MOVE", "PROPFIND", "PROPPATCH", "UNLOCK"),
}


class Counts:
    """Requests, by endpoint and status."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._requests = Counter(
            "piccolo_http_requests",
            "Requests answered, by endpoint, method and status.",
            ["route", "method", "status"],
            registry=registry,
        )
        self._seconds = Histogram(
            "piccolo_http_seconds",
            "How long answered requests took.",
            ["route"],
            registry=registry,
            buckets=_BUCKETS,
        )

    def ended(self, route: str, method: str, status: int, seconds: float) -> None:
        """One request was answered."""
        known = method if method in _METHODS else "other"
        self._requests.labels(route, known, str(status)).inc()
        self._seconds.labels(route).observe(seconds)
