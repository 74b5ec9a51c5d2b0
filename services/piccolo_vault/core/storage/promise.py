"""How many fragments a file gets, and what may be promised of it (storage-rules.md, "Durable means durable").

Rules:
* m = N - 1, at most 31. k = max(1, floor(m/2)) below 9 fragments; else the smaller of m - floor(m/3) and the
  largest k with P(Bin(m, 0.9) >= k) >= 0.999.
* Health counts devices, not fragments: what survives is asked of the worst choice of lost devices.
* Yes is said when the placed set survives the loss of any one device; to less only who asks for it.
* A lone device is refused; two devices keep files only if their circle agreed to the risk.
* What was set instead of the rule is kept or refused in words, never bent: in a circle too small for it
  nothing is stored until it is set anew.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import comb
from typing import TYPE_CHECKING

from piccolo_chassis.errors import Kind, PiccoloError

from piccolo_vault.core.storage.erasure import Code

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

MOST_FRAGMENTS = 31
_UP = 0.9
_READABLE = 0.999


def most_fragments(devices: int) -> int:
    """Returns m for a circle of so many devices, this one included."""
    return min(devices - 1, MOST_FRAGMENTS)


def default_k(m: int) -> int:
    """Returns the rule's k for m fragments."""
    if m < 9:
        return max(1, m // 2)
    available = max(k for k in range(1, m + 1) if at_least(m, k) >= _READABLE or k == 1)
    return min(m - m // 3, available)


def at_least(m: int, k: int) -> float:
    """Returns P(Bin(m, 0.9) >= k): that k of m keepers, each up 90 % of the time, are up at once."""
    return sum(comb(m, up) * _UP**up * (1 - _UP) ** (m - up) for up in range(k, m + 1))


def code_for(devices: int, *, at_risk_agreed: bool, wanted: tuple[int, int] = (0, 0)) -> Code:
    """Returns the code of new files in a circle of so many devices, this one included.

    Args:
        devices: N.
        at_risk_agreed: the circle agreed to keep files that one loss may destroy.
        wanted: (k, m) as they were set, instead of the rule's; 0 leaves one of them to the rule.

    Raises PiccoloError PRECONDITION: NO_KEEPERS, TWO_DEVICES, REDUNDANCY.
    """
    if devices < 2:
        raise PiccoloError(
            Kind.PRECONDITION,
            "NO_KEEPERS",
            "No other device is in your circle that could keep your files: invite one member first.",
        )
    if devices == 2 and not at_risk_agreed:
        raise PiccoloError(
            Kind.PRECONDITION,
            "TWO_DEVICES",
            "Your circle has two devices, so the loss of one would destroy files. Invite a third member, "
            "or found the circle with the agreement to that risk.",
        )
    m = wanted[1] or most_fragments(devices)
    return _checked(wanted[0] or default_k(m), m, devices)


def _checked(k: int, m: int, devices: int) -> Code:
    if m > devices - 1:
        reason = f"a circle of {devices} devices keeps at most {devices - 1} fragments of a file"
    elif k > m:
        reason = "more fragments would be needed than there are"
    elif k == m and devices > 2:
        reason = "the loss of any one device would destroy every file"
    else:
        return Code(k, m)
    raise PiccoloError(
        Kind.PRECONDITION,
        "REDUNDANCY",
        f"Files cannot be kept as {k} of {m}: {reason}. Change the settings storage.k and storage.m; "
        "0 leaves them to the circle's rule.",
    )


def survives(holdings: Iterable[int], k: int) -> int:
    """Returns how many devices may be lost, whichever they are; negative: so many fragments are lacking.

    Args:
        holdings: how many different fragments each device holds.
        k: how many fragments rebuild the file.
    """
    counts = sorted((count for count in holdings if count > 0), reverse=True)
    left = sum(counts)
    if left < k:
        return left - k
    lost = 0
    for count in counts:
        left -= count
        if left < k:
            break
        lost += 1
    return lost


def count_by_device(placed: Iterable[bytes | None]) -> dict[bytes, int]:
    """Returns how many fragments each keeper has; None is a fragment that nobody has."""
    counts: dict[bytes, int] = {}
    for keeper in placed:
        if keeper is not None:
            counts[keeper] = counts.get(keeper, 0) + 1
    return counts


def survived(placed: Iterable[bytes | None], k: int) -> int:
    """Returns how many devices may be lost, whichever they are, when these have a fragment each."""
    return survives(count_by_device(placed).values(), k)


@dataclass(frozen=True, slots=True)
class Promise:
    """What must hold before a client is told yes: the loss of any `losses` devices is survived."""

    losses: int

    @classmethod
    def of(cls, *, at_risk: bool) -> Promise:
        """Returns the promise to a client, `at_risk` when it accepts less than the circle's."""
        return cls(0 if at_risk else 1)

    def one_more(self) -> Promise:
        """Returns what makes up for a keeper that fails before it has its fragment."""
        return Promise(self.losses + 1)

    def met(self, placed: Iterable[bytes | None], k: int) -> bool:
        """Returns whether fragments at these keepers keep the promise."""
        return self.met_by(count_by_device(placed), k)

    def met_by(self, holdings: Mapping[bytes, int], k: int) -> bool:
        """Returns whether devices with so many fragments each keep the promise."""
        return survives(holdings.values(), k) >= self.losses
