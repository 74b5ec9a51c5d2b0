"""The systematic Reed-Solomon code of the storage format (docs/storage-format.md, section 4): its matrices.

Rules:
* The field is GF(2^8) with polynomial 0x11d and generator alpha = 2. V has row 0 = [1, 0, ...] and row r >=
  1 =
  [alpha^((r-1)c)]; the generator matrix is V * (V[0..k))^-1, so its first k rows are the identity.
* Every k rows of it can be inverted. An inverse is multiplied out before it leaves this module: a wrong table
  or a wrong row must become an error, never wrong bytes.
* Matrices are `bytes`, row after row. All of it is arithmetic on single rows, never on a file's bytes: those
  are a codec's work.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from piccolo_chassis.errors import Kind, PiccoloError
from piccolo_formats.stripes import check_k_m

if TYPE_CHECKING:
    from collections.abc import Sequence

_POLYNOMIAL = 0x11D


@dataclass(frozen=True, slots=True, order=True)
class Code:
    """Any `k` of `m` blocks rebuild a stripe."""

    k: int
    m: int

    def __post_init__(self) -> None:
        """Raises FormatError unless 1 <= k <= m <= 255."""
        check_k_m(self.k, self.m)

    def __str__(self) -> str:
        return f"{self.k} of {self.m}"


def _logarithms() -> tuple[bytes, bytes]:
    powers, logs = bytearray(510), bytearray(256)
    value = 1
    for exponent in range(255):
        powers[exponent] = powers[exponent + 255] = value
        logs[value] = exponent
        value <<= 1
        if value & 0x100:
            value ^= _POLYNOMIAL
    return bytes(powers), bytes(logs)


_POWERS, _LOGS = _logarithms()


def multiply(left: int, right: int) -> int:
    """Returns the product in GF(2^8)."""
    if left == 0 or right == 0:
        return 0
    return _POWERS[_LOGS[left] + _LOGS[right]]


def reciprocal(value: int) -> int:
    """Returns the multiplicative inverse; raises ZeroDivisionError for 0."""
    if value == 0:
        raise ZeroDivisionError("0 has no inverse in GF(2^8)")
    return _POWERS[255 - _LOGS[value]]


@lru_cache(maxsize=256)
def _times(factor: int) -> bytes:
    """The table that maps every byte to its product: `row.translate` then multiplies a row at C's speed."""
    return bytes(multiply(factor, value) for value in range(256))


def _add_scaled(row: bytes, other: bytes, factor: int) -> bytes:
    scaled = other.translate(_times(factor))
    return (int.from_bytes(row) ^ int.from_bytes(scaled)).to_bytes(len(row))


def product(left: Sequence[bytes], right: Sequence[bytes]) -> list[bytes]:
    """Returns the rows of left * right."""
    rows = []
    for coefficients in left:
        row = bytes(len(right[0]))
        for coefficient, other in zip(coefficients, right, strict=True):
            if coefficient:
                row = _add_scaled(row, other, coefficient)
        rows.append(row)
    return rows


def inverse(matrix: Sequence[bytes]) -> list[bytes]:
    """Returns the rows of a square matrix's inverse (Gauss and Jordan), multiplied out as a check.

    Raises PiccoloError INTERNAL, CODE_SINGULAR when it has none.
    """
    size = len(matrix)
    work = [bytes(row) + _unit(index, size) for index, row in enumerate(matrix)]
    for column in range(size):
        pivot = next((row for row in range(column, size) if work[row][column]), None)
        if pivot is None:
            raise _singular()
        work[column], work[pivot] = work[pivot], work[column]
        work[column] = work[column].translate(_times(reciprocal(work[column][column])))
        for row in range(size):
            if row != column and work[row][column]:
                work[row] = _add_scaled(work[row], work[column], work[row][column])
    result = [row[size:] for row in work]
    if product(matrix, result) != [_unit(index, size) for index in range(size)]:
        raise _singular()
    return result


@lru_cache(maxsize=64)
def generator(code: Code) -> tuple[bytes, ...]:
    """Returns the m rows of the generator matrix; the first k are the identity."""
    vandermonde = [_unit(0, code.k)]
    vandermonde += [
        bytes(_POWERS[(row * column) % 255] for column in range(code.k)) for row in range(code.m - 1)
    ]
    return tuple(product(vandermonde, inverse(vandermonde[: code.k])))


@lru_cache(maxsize=512)
def rebuilding(code: Code, have: tuple[int, ...], want: tuple[int, ...]) -> tuple[bytes, ...]:
    """Returns for each wanted block the k factors by which the blocks `have` (exactly k) make it.

    Raises PiccoloError INTERNAL, CODE_INDEXES for indexes that are not k different ones below m.
    """
    valid = len(set(have)) == len(have) == code.k and all(0 <= index < code.m for index in (*have, *want))
    if not valid:
        raise PiccoloError(Kind.INTERNAL, "CODE_INDEXES", f"Blocks {have} cannot rebuild a stripe of {code}.")
    rows = generator(code)
    return tuple(product([rows[index] for index in want], inverse([rows[index] for index in have])))


def _unit(index: int, size: int) -> bytes:
    return bytes(index) + b"\x01" + bytes(size - index - 1)


def _singular() -> PiccoloError:
    return PiccoloError(
        Kind.INTERNAL,
        "CODE_SINGULAR",
        "The matrix of the erasure code cannot be inverted; nothing was decoded.",
    )
