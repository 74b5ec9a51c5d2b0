"""How many devices may still be lost before an object is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence


def margin(k: int, keepers: Sequence[bytes | None], missing: Collection[int]) -> int:
    """The number of devices whose loss an object survives, whichever they are; below 0 when it is lost now.

    Args:
        k: how many fragments rebuild the object.
        keepers: the keeper of each fragment, None where there is none; one may hold several.
        missing: indexes of fragments that no keeper holds.
    """
    held = Counter(
        keeper for index, keeper in enumerate(keepers) if keeper is not None and index not in missing
    )
    spare = sum(held.values()) - k
    survived = -1
    for _, fragments in held.most_common():
        if spare < 0:
            return survived
        survived += 1
        spare -= fragments
    return survived
