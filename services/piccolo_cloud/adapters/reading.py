"""What both stores share: reading, listing and deleting through obstore; errors translated once."""

from __future__ import annotations

import errno
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

import obstore
from obstore.exceptions import BaseError
from piccolo_chassis.errors import Kind, PiccoloError

from piccolo_cloud.ports import Stored

if TYPE_CHECKING:
    from obstore import OffsetRange
    from obstore.store import ObjectStore as Backend

PIECE: Final = 1 << 20
_PAGE: Final = 1000


@contextmanager
def translated(doing: str) -> Iterator[None]:
    """Raise what a store raises as PiccoloError; `doing` completes "The object store failed while ..."."""
    try:
        yield
    except FileNotFoundError as missing:
        raise PiccoloError(Kind.NOT_FOUND, "OBJECT_MISSING", "There is no such object.") from missing
    except OSError as failed:
        if failed.errno in (errno.ENOSPC, errno.EDQUOT):
            raise full() from failed
        raise _unavailable(doing, failed.strerror or str(failed)) from failed
    except BaseError as failed:
        # the library's text names the bucket and the request; it goes to the log through `from`
        raise _unavailable(doing, type(failed).__name__) from failed


def full() -> PiccoloError:
    """The store has no room."""
    return PiccoloError(Kind.FULL, "STORE_FULL", "The cloud has no room left; its operator must add some.")


def _unavailable(doing: str, what: str) -> PiccoloError:
    return PiccoloError(
        Kind.UNAVAILABLE,
        "STORE_UNAVAILABLE",
        f"The object store failed while {doing} ({what}); try again later.",
    )


class Reading:
    """The half of ObjectStore that obstore does as it is."""

    def __init__(self, backend: Backend) -> None:
        """Read from this store of obstore's."""
        self._backend = backend

    async def read(self, key: str, first: int = 0, length: int | None = None) -> AsyncIterator[bytes]:
        """The bytes of an object in pieces; see ports.ObjectStore."""
        span: OffsetRange | tuple[int, int] = {"offset": first} if length is None else (first, first + length)
        with translated("reading"):
            found = await self._backend.get_async(key, options={"range": span})
            async for piece in found.stream(min_chunk_size=PIECE):
                yield bytes(piece)

    async def list(self, prefix: str) -> AsyncIterator[Stored]:
        """The objects below a prefix; see ports.ObjectStore."""
        with translated("listing"):
            async for page in obstore.list(self._backend, prefix, chunk_size=_PAGE):
                for each in page:
                    yield Stored(each["path"], each["size"], each["last_modified"].timestamp())

    async def delete(self, key: str) -> None:
        """Remove an object; see ports.ObjectStore."""
        try:
            with translated("deleting"):
                await self._backend.delete_async(key)
        except PiccoloError as failed:
            if failed.kind is not Kind.NOT_FOUND:
                raise
