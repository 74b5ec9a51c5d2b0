"""The data partition."""

from __future__ import annotations

from typing import Protocol


class Luks(Protocol):
    """Its LUKS2 header. All methods raise PiccoloError when a program fails."""

    def there(self) -> bool:
        """Whether there is such a partition."""
        ...

    def is_open(self) -> bool:
        """Whether it is open."""
        ...

    async def slots(self) -> frozenset[int]:
        """The words' slots."""
        ...

    async def opens(self, key: bytes, slot: int) -> bool:
        """Whether a key is a slot's."""
        ...

    async def add(self, key: bytes) -> None:
        """Adds a slot, by the volume key that whoever opened it left with the kernel."""
        ...

    async def remove(self, slot: int) -> None:
        """Wipes a slot."""
        ...

    async def open(self, key: bytes) -> bool:
        """Opens it; False: the key is wrong."""
        ...

    async def close(self) -> None:
        """Closes it."""
        ...

    async def bind(self, key: bytes) -> bool:
        """Lets this device's TPM open it from now on, and no other; False: it has none, or no Secure Boot."""
        ...
