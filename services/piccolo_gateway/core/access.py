"""Who asks, and what that caller may do.

Rules:
* `admin` holds every scope, `read` holds `watch`; `write` does not hold `read`: a backup script need not be
  able to read.
* What a site that is not ours lets a browser send is refused for every method that changes something.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from piccolo_chassis.errors import Kind, PiccoloError

from piccolo_gateway.core.bodies.access import Scope

SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
EVERYTHING: Final = frozenset({Scope.ADMIN})
_HELD: Final = {Scope.READ: frozenset({Scope.WATCH})}
_OURS: Final = frozenset({"same-origin", "none"})


@dataclass(frozen=True, slots=True)
class Actor:
    """A caller: `name` is what the audit log says; `session_id` or `token_id` is empty, or both are."""

    name: str
    scopes: frozenset[Scope] = frozenset()
    session_id: str = ""
    token_id: str = ""

    def may(self, scope: Scope) -> bool:
        """Whether the caller holds a scope."""
        held = self.scopes | frozenset(more for one in self.scopes for more in _HELD.get(one, frozenset()))
        return Scope.ADMIN in held or scope in held


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
