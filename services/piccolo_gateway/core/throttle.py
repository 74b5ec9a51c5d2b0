"""How guesses are slowed, and where a caller is.

Rules:
* A guess is counted before it is looked at, so that many at once gain nothing; one that was not looked at is
  taken back, a right one forgets those before it.
* Some are free; then each next one waits twice as long, up to a longest wait. Nobody waits for ever.
* After a quiet time failures are forgotten. At most so many callers are remembered; those that were quiet
  longest are forgotten first.
* An IPv6 caller is its network of 64 bits: a stranger has as many addresses within one as he likes.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Final

from piccolo_chassis.errors import Kind, PiccoloError

from piccolo_gateway.core.constraints import private

_PREFIX: Final = 64
# a provider's, between him and all of his customers (RFC 6598)
_SHARED: Final = IPv4Network("100.64.0.0/10")
_DOUBLINGS: Final = 32


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast one may guess: so many at once for nothing, then waits up to `longest` seconds.

    Attributes:
        free: failures that make nobody wait.
        longest: the longest wait, seconds.
        quiet: seconds after which failures are forgotten.
        most: how many callers are remembered.
    """

    free: int
    longest: float
    quiet: float
    most: int

    def wait(self, failures: int) -> float:
        """Seconds to wait after so many failures in a row."""
        over = failures - self.free
        return 0.0 if over <= 0 else min(self.longest, 2.0 ** min(over, _DOUBLINGS))


@dataclass(slots=True)
class _Failures:
    count: int = 0
    until: float = 0.0
    last: float = 0.0


@dataclass(slots=True)
class Throttle:
    """The failures of callers, by whatever names them; times are of a clock that nobody sets."""

    pace: Pace
    _known: OrderedDict[str, _Failures] = field(default_factory=OrderedDict)

    def __len__(self) -> int:
        return len(self._known)

    def begin(self, key: str, clock: float) -> None:
        """Counts a guess. Raises PiccoloError EXHAUSTED (TOO_MANY_TRIES) when it comes too early."""
        self._expire(clock)
        known = self._known.setdefault(key, _Failures())
        if (left := known.until - clock) > 0:
            raise _too_many(left)
        known.count += 1
        known.last, known.until = clock, clock + self.pace.wait(known.count)
        self._known.move_to_end(key)
        while len(self._known) > self.pace.most:
            self._known.popitem(last=False)

    def take_back(self, key: str) -> None:
        """A guess was not looked at."""
        known = self._known.get(key)
        if known is not None:
            known.count, known.until = known.count - 1, 0.0
            if known.count <= 0:
                del self._known[key]

    def right(self, key: str) -> None:
        """A guess was right."""
        self._known.pop(key, None)

    def _expire(self, clock: float) -> None:
        while self._known:
            key, known = next(iter(self._known.items()))
            if clock - max(known.last, known.until) <= self.pace.quiet:
                return
            del self._known[key]


def network(address: str) -> str:
    """What a caller's address is counted under."""
    found = _read(address)
    if isinstance(found, IPv6Address):
        return str(IPv6Network((int(found), _PREFIX), strict=False))
    return str(found) if found else address


def nearby(address: str, here: str) -> bool:
    """Whether a caller is on this machine or in its local network.

    What `ipaddress` calls private is more: among it are the addresses of tunnels (Teredo), which anybody has.

    Args:
        address: the caller's.
        here: the address of this device that was called: a neighbour by IPv6 has a public address, and shares
            its network.
    """
    found, own = _read(address), _read(here)
    if found is None:
        return False
    if found not in _SHARED and private(found):
        return True
    return (
        isinstance(found, IPv6Address) and isinstance(own, IPv6Address) and network(address) == network(here)
    )


def _read(address: str) -> IPv4Address | IPv6Address | None:
    try:
        found = ip_address(address.partition("%")[0])
    except ValueError:
        return None
    return (found.ipv4_mapped or found) if isinstance(found, IPv6Address) else found


def _too_many(left: float) -> PiccoloError:
    return PiccoloError(
        Kind.EXHAUSTED,
        "TOO_MANY_TRIES",
        "Too many wrong tries. The next one is looked at after a while.",
        {"retry_after": f"{left:.3f}"},
    )
