"""ISA-L (libisal.so.2) through ctypes: the same bytes as zfec, fifty times as fast.

Rules:
* The matrices are zfec's (core/erasure.py): ISA-L's own `gf_gen_rs_matrix` has k-subsets that cannot be
  inverted.
* Every function has its argtypes: without them ctypes passes pointers as C ints and the process dies.
* Tables are cached per matrix, and the arrays of pointers per place in memory: a stripe's buffer is used
  again, and what Python does between two heavy calls is what other threads wait for. ctypes releases the GIL
  meanwhile.
"""

from __future__ import annotations

import ctypes
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from piccolo_chassis.errors import Kind, PiccoloError

from piccolo_vault.core.storage import erasure

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from piccolo_vault.core.storage.erasure import Code

LIBRARY = "libisal.so.2"
_TABLE_BYTES = 32  # of gf_vect_mul's tables, per factor: erasure_code.h


class IsalCodec:
    """The erasure code by ISA-L. Raises PiccoloError UNIMPLEMENTED, ISAL_MISSING without the library."""

    name = "isa-l"

    def __init__(self) -> None:
        try:
            library = ctypes.CDLL(LIBRARY)
            self._init_tables = library.ec_init_tables
            self._encode = library.ec_encode_data
        except (OSError, AttributeError) as missing:
            raise PiccoloError(
                Kind.UNIMPLEMENTED, "ISAL_MISSING", f"{LIBRARY} is not installed (Debian: libisal2)."
            ) from missing
        pointers = ctypes.POINTER(ctypes.c_void_p)
        self._init_tables.argtypes = [ctypes.c_int, ctypes.c_int, ctypes.c_char_p, ctypes.c_void_p]
        self._init_tables.restype = None
        self._encode.argtypes = [
            ctypes.c_int,
            ctypes.c_int,
            ctypes.c_int,
            ctypes.c_void_p,
            pointers,
            pointers,
        ]
        self._encode.restype = None
        self._tables = lru_cache(maxsize=256)(self._make_tables)
        self._places = lru_cache(maxsize=256)(self._make_places)

    def encode(self, code: Code, stripe: bytearray, block_size: int) -> None:
        """Writes the parity of a stripe; see ports.codec."""
        if code.m == code.k:
            return
        if len(stripe) < code.m * block_size:
            raise _wrong_size()
        held = ctypes.c_char.from_buffer(stripe)  # keeps the bytes where they are
        place = self._places(code.k, code.m, ctypes.addressof(held), block_size)
        self._encode(block_size, code.k, code.m - code.k, *place)

    def rebuild(
        self, code: Code, have: Mapping[int, bytes | memoryview], want: Mapping[int, memoryview]
    ) -> None:
        """Writes the wanted blocks; see ports.codec."""
        if not want:
            return
        sizes = {len(block) for block in (*have.values(), *want.values())}
        if len(sizes) != 1:
            raise _wrong_size()
        rows = erasure.rebuilding(code, tuple(have), tuple(want))
        kept: list[Any] = []
        sources = [_address(block, kept) for block in have.values()]
        targets = [_address(block, kept) for block in want.values()]
        self._run(sizes.pop(), rows, sources, targets)

    def _run(self, size: int, rows: Sequence[bytes], sources: list[int], targets: list[int]) -> None:
        tables = self._tables(tuple(rows))
        self._encode(
            size,
            len(sources),
            len(targets),
            tables,
            (ctypes.c_void_p * len(sources))(*sources),
            (ctypes.c_void_p * len(targets))(*targets),
        )

    def _make_places(self, k: int, m: int, base: int, block_size: int) -> tuple[Any, Any, Any]:
        blocks = [base + index * block_size for index in range(m)]
        rows = erasure.generator(erasure.Code(k, m))[k:]
        return (
            self._tables(tuple(rows)),
            (ctypes.c_void_p * k)(*blocks[:k]),
            (ctypes.c_void_p * (m - k))(*blocks[k:]),
        )

    def _make_tables(self, rows: tuple[bytes, ...]) -> Any:
        k = len(rows[0])
        tables = ctypes.create_string_buffer(_TABLE_BYTES * k * len(rows))
        self._init_tables(k, len(rows), b"".join(rows), tables)
        return tables


def _address(block: bytes | memoryview, kept: list[Any]) -> int:
    """The address of a block's bytes, which stay where they are as long as `kept` lives."""
    if isinstance(block, memoryview) and not block.readonly:
        held = (ctypes.c_char * len(block)).from_buffer(block)
        kept.append(held)
        return ctypes.addressof(held)
    # read-only memory has no from_buffer: bytes hand out their own address, a slice of them is copied
    whole = block if isinstance(block, bytes) else bytes(block)
    kept.append(whole)
    return ctypes.cast(ctypes.c_char_p(whole), ctypes.c_void_p).value or 0


def _wrong_size() -> PiccoloError:
    return PiccoloError(Kind.INTERNAL, "CODE_BLOCKS", "The blocks of a stripe have different sizes.")
