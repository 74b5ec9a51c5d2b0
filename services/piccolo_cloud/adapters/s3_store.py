"""Objects in a bucket of any S3 service that knows conditional writes.

Rules:
* A small object is one PUT with `If-None-Match: *`.
* A large one goes, in parts, to a name of its own below `incoming/`, and is then copied by the service to its
  name on the same condition: a part upload that dies leaves nothing under a name that counts.
* What was cut off below `incoming/` goes after a day. Unfinished part uploads are the bucket's to forget:
  give it a lifecycle rule.
* A request that the library repeats because its answer was lost may find the object that it has itself
  made: it is then told "taken", and the engine compares bytes before it believes that.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Awaitable
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from obstore.exceptions import AlreadyExistsError, PreconditionError
from obstore.store import S3Store

from piccolo_cloud.adapters.reading import PIECE, Reading, translated

if TYPE_CHECKING:
    from obstore.store import S3Config

_INCOMING: Final = "incoming"
_PART: Final = 8 * PIECE
_PARTS_AT_ONCE: Final = 2
_CREATING_AT_ONCE: Final = 8
_CUT_OFF_SECONDS: Final = 86_400.0


@dataclass(frozen=True, slots=True)
class S3Settings:
    """The table [s3]. The secret key is no setting: it comes as the credential `s3-secret-key`.

    Attributes:
        bucket: the bucket, which exists.
        region: its region.
        endpoint: where the service answers; empty is the region's own.
        access_key: the public part of the key pair.
        prefix: what all names begin with; empty is nothing.
        path_style: whether the bucket stands in the path instead of the host name.
        allow_http: whether an endpoint without TLS is used.
        copy_condition: how the service copies only to a free name: "multipart", or
            "header:NAME:VALUE" where it has a header for that.
        timeout: seconds for one request.
    """

    bucket: str
    region: str = "us-east-1"
    endpoint: str = ""
    access_key: str = ""
    prefix: str = ""
    path_style: bool = True
    allow_http: bool = False
    copy_condition: str = "multipart"
    timeout: float = 60.0


class S3ObjectStore(Reading):
    """An ObjectStore (ports.py) in a bucket."""

    def __init__(self, settings: S3Settings, secret_key: str) -> None:
        """Reach the bucket with this secret key; nothing is asked of the service yet."""
        config: S3Config = {
            "region": settings.region,
            "virtual_hosted_style_request": not settings.path_style,
            "copy_if_not_exists": settings.copy_condition,
        }
        if settings.endpoint:
            config["endpoint"] = settings.endpoint
        if settings.access_key:
            config["access_key_id"] = settings.access_key
            config["secret_access_key"] = secret_key
        backend = S3Store(
            settings.bucket,
            prefix=settings.prefix or None,
            config=config,
            client_options={
                "timeout": timedelta(seconds=settings.timeout),
                "allow_http": settings.allow_http,
            },
            retry_config={"max_retries": 3, "retry_timeout": timedelta(seconds=settings.timeout)},
        )
        super().__init__(backend)
        # each holds a few parts in memory
        self._creating = asyncio.Semaphore(_CREATING_AT_ONCE)

    async def create(self, key: str, size: int, content: AsyncIterator[bytes]) -> bool:
        """Store a new object; see ports.ObjectStore."""
        async with self._creating:
            if size > _PART:
                return await self._create_large(key, content)
            whole = b"".join([piece async for piece in content])
            with translated("writing"):
                return await _was_free(
                    self._backend.put_async(key, whole, mode="create", use_multipart=False)
                )

    async def sweep(self, now: float) -> None:
        """Remove what was cut off; `now` is in seconds since 1970."""
        old = [each.key async for each in self.list(_INCOMING) if each.modified < now - _CUT_OFF_SECONDS]
        for key in old:
            await self.delete(key)

    async def _create_large(self, key: str, content: AsyncIterator[bytes]) -> bool:
        working = f"{_INCOMING}/{secrets.token_hex(16)}"
        with translated("writing"):
            await self._backend.put_async(working, content, chunk_size=_PART, max_concurrency=_PARTS_AT_ONCE)
        try:
            with translated("writing"):
                return await _was_free(self._backend.copy_async(working, key, overwrite=False))
        finally:
            await self.delete(working)


async def _was_free(request: Awaitable[object]) -> bool:
    """Whether a conditional request found the name free, and so has taken it."""
    try:
        await request
    except (AlreadyExistsError, PreconditionError):
        return False
    return True
