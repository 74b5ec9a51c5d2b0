"""zfec: the format's own implementation, for machines without ISA-L, and the oracle that ISA-L is held to."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

import zfec
from piccolo_chassis.errors import Kind, PiccoloError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from piccolo_vault.core.storage.erasure import Code


@lru_cache(maxsize=16)
def _encoder(k: int, m: int) -> Any:
    return zfec.Encoder(k, m)


@lru_cache(maxsize=16)
def _decoder(k: int, m: int) -> Any:
    return zfec.Decoder(k, m)


class ZfecCodec:
    """The erasure code by zfec."""

    name = "zfec"

    def encode(self, code: Code, stripe: bytearray, block_size: int) -> None:
        """Writes the parity of a stripe; see ports.codec."""
        if code.m == code.k:
            return
        view = memoryview(stripe)
        primary = tuple(bytes(view[i * block_size : (i + 1) * block_size]) for i in range(code.k))
        parity = _encoder(code.k, code.m).encode(primary, tuple(range(code.k, code.m)))
        for index, block in enumerate(parity, code.k):
            view[index * block_size : (index + 1) * block_size] = block

    def rebuild(
        self, code: Code, have: Mapping[int, bytes | memoryview], want: Mapping[int, memoryview]
    ) -> None:
        """Writes the wanted blocks; see ports.codec."""
        if len(have) != code.k or not all(0 <= index < code.m for index in (*have, *want)):
            raise PiccoloError(
                Kind.INTERNAL, "CODE_INDEXES", f"Blocks {tuple(have)} cannot rebuild a stripe of {code}."
            )
        if not want:
            return
        indexes, blocks = _in_zfecs_order(code, have)
        primary = tuple(_decoder(code.k, code.m).decode(blocks, indexes))
        for index, room in want.items():
            (made,) = _encoder(code.k, code.m).encode(primary, (index,))
            room[:] = made


def _in_zfecs_order(
    code: Code, have: Mapping[int, bytes | memoryview]
) -> tuple[tuple[int, ...], tuple[bytes, ...]]:
    """zfec wants each primary block that is there at its own place."""
    spare = [index for index in have if index >= code.k]
    order = tuple(index if index in have else spare.pop() for index in range(code.k))
    return order, tuple(bytes(have[index]) for index in order)
