"""Which segments, stripes and blocks hold a range of a file.

Rules:
* A range beyond the end is cut to it; one that begins beyond it is refused.
* Work is cut into batches of whole segments, about `limit` bytes each, so that memory is bounded and each
  batch can be asked of other keepers than the one before.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from piccolo_chassis.errors import Kind, PiccoloError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from piccolo_formats.segments import SegmentPlan
    from piccolo_formats.stripes import StripePlan


@dataclass(frozen=True, slots=True)
class Span:
    """`length` bytes from `offset` on."""

    offset: int
    length: int

    @property
    def end(self) -> int:
        """The first byte after it."""
        return self.offset + self.length


def span_of(size: int, offset: int, length: int | None) -> Span:
    """Returns the asked range cut to a file of `size` bytes; no length is to the end.

    Raises PiccoloError OUT_OF_RANGE, RANGE.
    """
    if offset > size:
        raise PiccoloError(
            Kind.OUT_OF_RANGE,
            "RANGE",
            f"The file has {size} bytes; byte {offset} is beyond its end.",
            {"size": str(size)},
        )
    left = size - offset
    return Span(offset, left if length is None else min(length, left))


@dataclass(frozen=True, slots=True)
class Batch:
    """Consecutive segments and the stripes of the object that hold them."""

    segments: range
    stripes: range


def batches(segments: SegmentPlan, base: int, stripes: StripePlan, span: Span, limit: int) -> Iterator[Batch]:
    """Yields what must be read for a span of plaintext, in order.

    Args:
        segments: how the file is cut.
        base: where its first sealed segment lies in the object.
        stripes: how the object is cut.
        span: the plaintext wanted.
        limit: about how many bytes of segments a batch has; at least one segment.
    """
    wanted = segments.covering(span.offset, span.length)
    step = max(1, limit // segments.segment_size)
    for first in range(wanted.start, wanted.stop, step):
        group = range(first, min(first + step, wanted.stop))
        begin = base + segments.sealed_offset(group.start)
        last = segments.segment(group.stop - 1)
        end = base + segments.sealed_offset(last.index) + last.sealed_length
        yield Batch(group, stripes.covering(begin, end - begin))


def wanted_part(segments: SegmentPlan, index: int, span: Span) -> slice:
    """Returns which bytes of segment `index` lie in the span."""
    start = index * segments.segment_size
    segment = segments.segment(index)
    return slice(max(span.offset - start, 0), min(span.end - start, segment.data_length))
