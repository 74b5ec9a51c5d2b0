"""Whom a keeper's port lets through to its attestation, attestation listens to: two tables that agree."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from piccolo.attestation.v1 import peer_pb2 as pb
from piccolo_attestation.core import proposals
from piccolo_attestation.core.trusted_circle import TrustedCircle
from piccolo_attestation.core.view import Admission, view_of
from piccolo_attestation.ports import Gossiped
from piccolo_attestation.service.peer import CERTIFICATE, PEER, PeerServicer
from piccolo_attestation.testing import NOW, Owner, grown, signed_by
from piccolo_chassis.errors import PiccoloError
from piccolo_formats.records.roster import MemberState
from piccolo_fragment_store.core import access, circle

ANA, BEN, CLEO, DAN = (Owner.named(name) for name in ("ana", "ben", "cleo", "dan"))


class _Gossip:
    async def answer(self, *_: object) -> Gossiped:
        return Gossiped([], [])


async def _listens(trusted: TrustedCircle, admission: Admission) -> bool:
    """Whether attestation answers this caller, as the port names it."""
    here: Any = SimpleNamespace(view=view_of(trusted))
    nobody: Any = SimpleNamespace(admissions=list)
    gossip: Any = _Gossip()
    servicer = PeerServicer(here, nobody, nobody, gossip, 1.0)
    told = (PEER, f"{admission.kind}/{admission.owner.hex()}"), (CERTIFICATE, admission.certificate)
    try:
        await servicer.Gossip(pb.GossipRequest(), SimpleNamespace(invocation_metadata=lambda: told))
    except PiccoloError:
        return False
    return True


def _lets_through(admission: Admission) -> bool:
    caller = circle.Admission(
        certificate=admission.certificate,
        kind=circle.CallerKind(admission.kind),
        owner=admission.owner,
        role=admission.role,
        generation=admission.generation,
        standing=circle.Standing(admission.state.value) if admission.state else circle.Standing.UNKNOWN,
        replaced=admission.replaced,
    )
    return access.Right.TRUST in access.rights(caller)


@pytest.mark.parametrize("state", [None, *list(MemberState)[1:]])
@pytest.mark.parametrize("generations", [(), (2,)])
async def test_the_port_and_attestation_agree_on_who_may_gossip(
    state: MemberState | None, generations: tuple[int, ...]
) -> None:
    trusted = grown(ANA, BEN, CLEO, DAN)
    if state is not None:
        gone = proposals.remove(trusted, DAN.id, state, NOW)
        trusted.merge([signed_by(gone, ANA, BEN).to_bytes()])
    trusted.merge(DAN.device(generation).to_bytes() for generation in generations)
    admissions = view_of(trusted).admissions
    listened = {(each.owner, each.kind, each.role): await _listens(trusted, each) for each in admissions}
    through = {(each.owner, each.kind, each.role): _lets_through(each) for each in admissions}
    assert listened == through
    assert listened[DAN.id, "enrol", ""]  # who has the words can always ask who is in the circle
