"""The data partition."""

from __future__ import annotations

from typing import Protocol


class Partition(Protocol):
    """Its LUKS2 header. Both acts raise PiccoloError, and may be repeated."""

    def there(self) -> bool:
        """Whether there is such a partition."""
        ...

    async def mark(self) -> None:
        """Marks it, durably: each start from then on begins by making it anew."""
        ...

    async def erase(self) -> None:
        """Destroys every slot: no key opens it any more. What has it open goes on until the restart."""
        ...
