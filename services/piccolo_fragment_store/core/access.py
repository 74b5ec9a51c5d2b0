"""Who may ask for what on the peers' port: one table.

Rules:
* What is not in the table is refused. A certificate counts only byte for byte, never by a name in it.
* A member's vault keeps fragments; its attestation talks to our attestation; neither does the other's work.
* An owner may get its own fragments as long as its certificate is admitted at all and was not compromised.
* The vault of a device that was replaced may do nothing else; whatever it tries is answered with the claim of
  the device that took over.
* Who is leaving or was expelled is served for 90 days (`Circle.over`); to attestation it may talk longer.
* Nobody keeps fragments at its own device.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum, auto
from types import MappingProxyType
from typing import Final

from piccolo_chassis.errors import Kind, PiccoloError

from piccolo_fragment_store.core import refusals
from piccolo_fragment_store.core.circle import Admission, CallerKind, Circle, Standing

SERVICE: Final = "/piccolo.fragment_store.v1.FragmentService/"
PROXIED: Final = "/piccolo.attestation.v1.PeerService/"
_CHASSIS: Final = ("/grpc.health.v1.Health/", "/grpc.reflection.")


class Right(Enum):
    """What a method needs."""

    LOOK = auto()  # health and reflection
    GET = auto()  # one's own fragments and heads, by those who recover too
    READ = auto()  # the same and what the keeper has to say
    KEEP = auto()  # put fragments
    CHANGE = auto()  # commit, bury, renew what is here
    CLAIM = auto()
    TRUST = auto()  # talk to attestation


_NEEDS: Final[Mapping[str, Right]] = MappingProxyType(
    {
        "Store": Right.KEEP,
        "Put": Right.KEEP,
        "Commit": Right.CHANGE,
        "PutRecord": Right.CHANGE,
        "Bury": Right.CHANGE,
        "Unbury": Right.CHANGE,
        "Get": Right.GET,
        "Load": Right.GET,
        "Stat": Right.GET,
        "ListMine": Right.GET,
        "GetRecords": Right.GET,
        "Notice": Right.READ,
        "Claim": Right.CLAIM,
        "KeepHead": Right.CHANGE,
        "GetHeads": Right.GET,
    }
)

_ALL: Final = frozenset({Right.GET, Right.READ, Right.KEEP, Right.CHANGE, Right.CLAIM})
_VAULT: Final[Mapping[Standing, frozenset[Right]]] = MappingProxyType(
    {
        Standing.ACTIVE: _ALL,
        Standing.LEAVING: _ALL,  # of KEEP only what is known here: see `only_known`
        Standing.EXPELLED: frozenset({Right.GET, Right.READ}),
    }
)
_ENROL: Final[Mapping[Standing, frozenset[Right]]] = MappingProxyType(
    {
        Standing.ACTIVE: frozenset({Right.GET, Right.CLAIM, Right.TRUST}),
        Standing.LEAVING: frozenset({Right.GET, Right.CLAIM, Right.TRUST}),
        Standing.EXPELLED: frozenset({Right.GET, Right.TRUST}),
        # a stolen device's certificate ends at once, but its owner's words may enrol another
        Standing.COMPROMISED: frozenset({Right.GET, Right.CLAIM, Right.TRUST}),
    }
)
_GOING: Final = frozenset({Standing.LEAVING, Standing.EXPELLED})
_TRUSTED: Final = frozenset({Standing.ACTIVE, Standing.LEAVING, Standing.EXPELLED})


def need(method: str) -> Right | None:
    """What a method, by its full name, needs; None for one that is not served."""
    if method.startswith(PROXIED):
        return Right.TRUST
    if method.startswith(_CHASSIS):
        return Right.LOOK
    return _NEEDS.get(method.removeprefix(SERVICE)) if method.startswith(SERVICE) else None


def rights(admission: Admission) -> frozenset[Right]:
    """All that a certificate may do."""
    granted = _granted(admission)
    return granted | {Right.LOOK} if granted else granted


def judge(circle: Circle | None, certificate: bytes, method: str) -> Admission:
    """Lets a call pass and says who calls.

    Raises PiccoloError UNAVAILABLE (NO_CIRCLE) or DENIED (NOT_ADMITTED, OWN_OWNER, NOT_ALLOWED).
    """
    if circle is None:
        raise PiccoloError(
            Kind.UNAVAILABLE,
            "NO_CIRCLE",
            "This keeper does not know its circle yet; it waits for its attestation service. Try later.",
        )
    admission = circle.admissions.get(certificate)
    if admission is None or (not circle.id and _is_member(admission)):
        raise PiccoloError(
            Kind.DENIED,
            "NOT_ADMITTED",
            "This certificate is not admitted here. Is its device still a member of the circle?",
        )
    right = need(method)
    if right is None or right not in rights(admission):
        owner = circle.owners.get(admission.owner)
        if owner is not None and admission.replaced and right in _vault(admission):
            raise refusals.fenced(owner.generation, owner.claim)
        raise _not_allowed(admission, method)
    if right not in _still(circle, admission):
        raise _over(admission)
    if admission.owner and admission.owner == circle.self_owner and right not in (Right.LOOK, Right.TRUST):
        raise PiccoloError(
            Kind.DENIED,
            "OWN_OWNER",
            "A device keeps nothing of its own owner's; that would be lost together with it.",
        )
    return admission


def certificates(circle: Circle) -> list[bytes]:
    """Whoever may call anything at all; nobody else gets through TLS."""
    admitted = circle.admissions.values()
    return [
        each.certificate for each in admitted if _still(circle, each) and (circle.id or not _is_member(each))
    ]


def only_known(admission: Admission) -> bool:
    """Whether a member may put only what is known here already: it is leaving, and repairs."""
    return admission.standing is Standing.LEAVING


def _still(circle: Circle, admission: Admission) -> frozenset[Right]:
    """What a certificate may do now: of one whose time is over, only to talk to attestation is left."""
    granted = rights(admission)
    if admission.owner in circle.over and admission.standing in _GOING:
        return granted & {Right.TRUST, Right.LOOK} if Right.TRUST in granted else frozenset()
    return granted


def _is_member(admission: Admission) -> bool:
    return admission.kind is CallerKind.MEMBER


def _granted(admission: Admission) -> frozenset[Right]:
    match admission.kind:
        case CallerKind.MEMBER if admission.role == "vault":
            return _vault(admission) & {Right.GET} if admission.replaced else _vault(admission)
        case CallerKind.MEMBER if admission.role == "attestation":
            return frozenset({Right.TRUST}) if admission.standing in _TRUSTED else frozenset()
        case CallerKind.ENROL:
            return _ENROL.get(admission.standing, frozenset())
        case CallerKind.INVITED:
            return frozenset({Right.TRUST})
    return frozenset()


def _vault(admission: Admission) -> frozenset[Right]:
    """What the vault of a device that was not replaced may do."""
    return _VAULT.get(admission.standing, frozenset()) if admission.role == "vault" else frozenset()


def _over(admission: Admission) -> PiccoloError:
    return PiccoloError(
        Kind.DENIED,
        "TIME_OVER",
        "Its owner left this circle or was removed from it, and the 90 days in which it was served are "
        "over. What it has here is kept for a year: an admin may let it in again.",
        {"standing": str(admission.standing)},
    )


def _not_allowed(admission: Admission, method: str) -> PiccoloError:
    name = method.rpartition("/")[2]
    who = f"a member that is {admission.standing}" if admission.owner else "a joiner"
    return PiccoloError(
        Kind.DENIED,
        "NOT_ALLOWED",
        f"{name} is not for {who}, with a certificate of kind {admission.kind} {admission.role}".rstrip()
        + ".",
        {"kind": str(admission.kind), "standing": str(admission.standing)},
    )
