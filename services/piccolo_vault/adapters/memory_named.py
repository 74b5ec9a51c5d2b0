"""That this device's own memory is away is said of it: the wire's own words name nobody, and whoever restores
would look for the cause at the cloud.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from piccolo_chassis.calls import OF_THE_WIRE
from piccolo_chassis.errors import Kind, PiccoloError

from piccolo_vault.ports.backups import MEMORY_AWAY

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def named() -> Iterator[None]:
    """Raises PiccoloError MEMORY_AWAY, UNAVAILABLE or TIMEOUT, for what the wire says of metadata."""
    try:
        yield
    except PiccoloError as failed:
        if failed.reason not in OF_THE_WIRE:
            raise
        raise PiccoloError(
            Kind.TIMEOUT if failed.kind is Kind.TIMEOUT else Kind.UNAVAILABLE,
            MEMORY_AWAY,
            "This device's own memory (the service piccolo-metadata) does not answer; neither the cloud nor "
            "your circle is to blame. Try again in a moment; if it stays so, restart this device.",
            failed.details,
        ) from failed
