"""Who asks, and what that caller may do.

Rules:
* `admin` holds every scope, `read` holds `watch`; `write` does not hold `read`: a backup script need not be
  able to read.
* What would let a thief of a session stay (factors, passphrase, words, tokens) needs a fresh proof, which no
  token has.
* What a site that is not ours lets a browser send is refused for every method that changes something.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from piccolo_chassis.errors import Kind, PiccoloError

from piccolo_gateway.core.bodies.access import Scope
from piccolo_gateway.core.visitors import UNKNOWN, Visitor

SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
EVERYTHING: Final = frozenset({Scope.ADMIN})
_HELD: Final = {Scope.READ: frozenset({Scope.WATCH})}
_OURS: Final = frozenset({"same-origin", "none"})


@dataclass(frozen=True, slots=True)
class Actor:
    """A caller: `name` is what the audit log says; `session_id` or `token_id` is empty, or both are.

    `fresh`: the caller has proven a moment ago to be the owner.
    """

    name: str
    scopes: frozenset[Scope] = frozenset()
    session_id: str = ""
    token_id: str = ""
    fresh: bool = False

    def may(self, scope: Scope) -> bool:
        """Whether the caller holds a scope."""
        held = self.scopes | frozenset(more for one in self.scopes for more in _HELD.get(one, frozenset()))
        return Scope.ADMIN in held or scope in held


@dataclass(frozen=True, slots=True)
class Caller:
    """Where a request comes from.

    Attributes:
        address: the IP address it came from.
        here: the IP address of this device that it came to.
        host: the Host header: name or address, and port.
        cookie: the secret of a session, which may be none.
        visitor: what a session remembers of it.
    """

    address: str
    here: str
    host: str
    cookie: str | None = None
    visitor: Visitor = UNKNOWN


NOBODY: Final = Actor("anonymous")
OWNER: Final = "owner"


def require(actor: Actor, scope: Scope | None) -> None:
    """Lets a caller pass who holds the scope. Raises PiccoloError UNAUTHENTICATED or DENIED."""
    if scope is None or actor.may(scope):
        return
    if actor.scopes or actor.token_id:
        raise PiccoloError(
            Kind.DENIED, "SCOPE_MISSING", f"This needs the scope {scope.value!r}.", {"scope": scope.value}
        )
    raise PiccoloError(Kind.UNAUTHENTICATED, "LOGIN_NEEDED", "This needs a session or a token.")


def require_fresh(actor: Actor) -> None:
    """Lets a caller pass who has proven himself a moment ago. Raises PiccoloError DENIED (PROOF_NEEDED)."""
    if not actor.fresh:
        raise PiccoloError(
            Kind.DENIED, "PROOF_NEEDED", "This needs a fresh proof that you are the owner, in a session."
        )


def refuse_cross_site(method: str, host: str, origin: str | None, site: str | None) -> None:
    """Refuses what another site's page sends. Raises PiccoloError DENIED (CROSS_SITE).

    Args:
        method: of the request.
        host: the Host header.
        origin: the Origin header, which browsers send with every unsafe method.
        site: the Sec-Fetch-Site header, which no page can set.
    """
    if method in SAFE_METHODS:
        return
    if site is not None:
        if site not in _OURS:
            raise _cross_site()
    elif origin is not None and not _same_host(origin, host):
        raise _cross_site()


def _same_host(origin: str, host: str) -> bool:
    try:
        parts = urlsplit(origin)
        return parts.scheme == "https" and parts.netloc.lower() == host.lower() != ""
    except ValueError:
        return False


def _cross_site() -> PiccoloError:
    return PiccoloError(
        Kind.DENIED, "CROSS_SITE", "This request came from another site's page; it was refused."
    )
