"""How long the next passphrase must wait, after so many wrong ones in a row.

One second after the first, doubled with each, at most five minutes: a person who mistypes hardly notices,
a guesser gets a few hundred tries a day. Longer waits would let anybody lock the owner out.
"""

from __future__ import annotations

LONGEST = 300.0


def delay_after(failures: int) -> float:
    """Returns seconds to wait after so many failures in a row."""
    if failures <= 0:
        return 0.0
    return min(LONGEST, 2.0 ** min(failures - 1, 16))
