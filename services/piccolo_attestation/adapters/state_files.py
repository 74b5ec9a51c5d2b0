"""The state folder: small files, each with a digest in front, replaced whole and durably."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final, Self

from piccolo_chassis.errors import Kind, PiccoloError
from piccolo_chassis.state import write_durably
from piccolo_formats.digests import with_digest, without_digest

from piccolo_attestation.core.kept import damage

_CONTEXT: Final = "attestation-state"


class StateFiles:
    """Implements ports.Files on a folder that this process has claimed."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        # one thread: files are replaced in the order asked for, also when nobody waits any more
        self._writer = ThreadPoolExecutor(max_workers=1, thread_name_prefix="state")

    def load(self, name: str) -> bytes | None:
        """The content of a file; None when there is none. Raises PiccoloError DATA_LOSS, STATE_DAMAGED."""
        path = self._folder / name
        try:
            data = path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as failed:
            raise damage(f"{path} cannot be read: {failed}") from failed
        content = without_digest(_CONTEXT, data)
        if content is None:
            raise damage(f"{path} is not what was written")
        return content

    async def save(self, name: str, content: bytes) -> None:
        """Replaces a file. Raises PiccoloError FULL (DISK_FULL) when it cannot; the old one stays."""
        loop = asyncio.get_running_loop()
        data = with_digest(_CONTEXT, content)
        try:
            await loop.run_in_executor(self._writer, write_durably, self._folder / name, data)
        except OSError as failed:
            raise PiccoloError(
                Kind.FULL, "DISK_FULL", f"The state cannot be written ({failed.strerror}); free some room."
            ) from failed

    def close(self) -> None:
        """Waits for what is being written."""
        self._writer.shutdown()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
