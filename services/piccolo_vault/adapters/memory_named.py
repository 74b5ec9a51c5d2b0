"""That this device's own memory is away is said of it: the wire's own words name nobody, and whoever restores
would look for the cause at the cloud.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from piccolo_chassis.errors import Kind, PiccoloError

from piccolo_vault.ports.backups import MEMORY_AWAY

if TYPE_CHECKING:
    from collections.abc import Iterator

_OF_THE_WIRE: Final = frozenset(
    {"UNAVAILABLE", "DEADLINE_EXCEEDED", "CANCELLED", "UNKNOWN", "STREAM_ENDED", "STOPPING"}
)


@contextmanager
def named() -> Iterator[None]:
    """Raises PiccoloError MEMORY_AWAY, UNAVAILABLE or TIMEOUT, for what the wire says of metadata."""
    try:
        yield
    except PiccoloError as failed:
        if failed.reason not in _OF_THE_WIRE:
            raise
        raise PiccoloError(
            Kind.TIMEOUT if failed.kind is Kind.TIMEOUT else Kind.UNAVAILABLE,
            MEMORY_AWAY,
            "This device's own memory (the service piccolo-metadata) does not answer; neither the cloud nor "
            "your circle is to blame. Try again in a moment; if it stays so, restart this device.",
            failed.details,
        ) from failed
