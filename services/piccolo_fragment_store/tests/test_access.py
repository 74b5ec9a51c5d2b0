"""The access table, row by row; once in the core, and once through real mTLS."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Final

import grpc
import pytest
from piccolo.fragment_store.v1 import fragment_pb2 as wire
from piccolo_chassis.errors import Kind, PiccoloError

from piccolo_fragment_store.core import access
from piccolo_fragment_store.core.circle import Admission, CallerKind, Circle, Standing
from piccolo_fragment_store.testing.people import Person, TlsPair, circle_of
from piccolo_fragment_store.tests.peers import Peers, meeting

FRAGMENTS: Final = "/piccolo.fragment_store.v1.FragmentService/"
GOSSIP: Final = "/piccolo.attestation.v1.PeerService/Gossip"
HEALTH: Final = "/grpc.health.v1.Health/Check"
REFLECTION: Final = "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo"
OWN_METHODS: Final = [method.name for method in wire.DESCRIPTOR.services_by_name["FragmentService"].methods]
METHODS: Final = [*(FRAGMENTS + name for name in OWN_METHODS), GOSSIP, HEALTH, REFLECTION]

READ: Final = {"Get", "Load", "Stat", "ListMine", "GetRecords", "GetHeads"}
EVERYTHING: Final = {*OWN_METHODS}
# kind, role, standing: what is allowed; health and reflection go with anything at all
TABLE: Final = {
    ("member", "vault", "active"): EVERYTHING,
    ("member", "vault", "leaving"): EVERYTHING,
    ("member", "vault", "expelled"): READ | {"Notice"},
    ("member", "vault", "compromised"): set(),
    ("member", "vault", "unknown"): set(),
    ("member", "attestation", "active"): {"Gossip"},
    ("member", "attestation", "leaving"): {"Gossip"},
    ("member", "attestation", "expelled"): {"Gossip"},
    ("member", "attestation", "compromised"): set(),
    ("member", "metadata", "active"): set(),
    ("member", "", "active"): set(),
    ("enrol", "", "active"): READ | {"Claim", "Gossip"},
    ("enrol", "", "leaving"): READ | {"Claim", "Gossip"},
    ("enrol", "", "expelled"): READ | {"Gossip"},
    ("enrol", "", "compromised"): READ | {"Claim", "Gossip"},
    ("enrol", "", "unknown"): set(),
    ("invited", "", "unknown"): {"Gossip"},
    ("unknown", "vault", "active"): set(),
}


def short(method: str) -> str:
    return method.rpartition("/")[2]


def allowed(row: tuple[str, str, str], method: str) -> bool:
    return short(method) in TABLE[row] or (method in (HEALTH, REFLECTION) and bool(TABLE[row]))


def admission(row: tuple[str, str, str], person: Person, certificate: bytes) -> Admission:
    kind, role, standing = row
    owner = b"" if kind == "invited" else person.id
    return Admission(certificate, CallerKind(kind), owner, role, 1, Standing(standing))


@pytest.mark.parametrize(("row", "method"), [*itertools.product(TABLE, METHODS)])
def test_the_table(row: tuple[str, str, str], method: str) -> None:
    own, ana = Person(), Person()
    caller = admission(row, ana, b"certificate")
    circle = replace(circle_of(own), admissions={b"certificate": caller})
    if allowed(row, method):
        assert access.judge(circle, b"certificate", method) is caller
    else:
        with pytest.raises(PiccoloError) as refused:
            access.judge(circle, b"certificate", method)
        assert refused.value.kind is Kind.DENIED
    assert (b"certificate" in access.certificates(circle)) == bool(TABLE[row])


def test_every_combination_outside_the_table_may_nothing() -> None:
    known = set(TABLE)
    roles = ("vault", "attestation", "metadata", "fragment-store", "")
    for kind, role, standing in itertools.product(CallerKind, roles, Standing):
        granted = access.rights(Admission(b"x", kind, bytes(32), role, 1, standing))
        if kind in (CallerKind.ENROL, CallerKind.INVITED) or (str(kind), role, str(standing)) in known:
            continue
        assert not granted, (kind, role, standing)


@pytest.mark.parametrize(
    "method", ["/x.y/Z", FRAGMENTS, FRAGMENTS + "Steal", GOSSIP.replace("PeerService", "CircleService")]
)
def test_what_is_not_served_is_refused_even_to_members(method: str) -> None:
    own, ana = Person(), Person()
    with pytest.raises(PiccoloError) as refused:
        access.judge(circle_of(own, ana), ana.vault_tls.certificate, method)
    assert refused.value.reason == "NOT_ALLOWED"


@pytest.mark.parametrize("name", OWN_METHODS)
def test_ones_own_owner_is_refused(name: str) -> None:
    own, ana = Person(), Person()
    with pytest.raises(PiccoloError) as refused:
        access.judge(circle_of(own, ana), own.vault_tls.certificate, FRAGMENTS + name)
    assert refused.value.reason == "OWN_OWNER"


def test_a_certificate_counts_byte_for_byte() -> None:
    own, ana = Person(), Person()
    certificate = ana.vault_tls.certificate
    for wrong in (b"", certificate[:-1], certificate + b"\0", bytes([certificate[0] ^ 1]) + certificate[1:]):
        with pytest.raises(PiccoloError) as refused:
            access.judge(circle_of(own, ana), wrong, FRAGMENTS + "Stat")
        assert refused.value.reason == "NOT_ADMITTED"


def test_nothing_is_served_while_the_circle_is_unknown() -> None:
    with pytest.raises(PiccoloError) as refused:
        access.judge(None, b"certificate", FRAGMENTS + "Stat")
    assert (refused.value.kind, refused.value.reason) == (Kind.UNAVAILABLE, "NO_CIRCLE")


def test_before_there_is_a_circle_only_joiners_and_blank_devices_are_let_in() -> None:
    ana = Person()
    invited = Admission(b"invited", CallerKind.INVITED)
    everyone = [*ana.admissions(), invited]
    circle = Circle(admissions={each.certificate: each for each in everyone})
    assert set(access.certificates(circle)) == {b"invited", ana.enrol.certificate}
    with pytest.raises(PiccoloError) as refused:
        access.judge(circle, ana.vault_tls.certificate, FRAGMENTS + "Stat")
    assert refused.value.reason == "NOT_ADMITTED"
    access.judge(circle, b"invited", GOSSIP)


@pytest.mark.component
async def test_the_table_holds_through_real_mtls() -> None:
    pairs = {row: TlsPair() for row in TABLE}
    async with meeting() as peers:
        callers = [admission(row, peers.ana, pair.certificate) for row, pair in pairs.items()]
        await peers.attestation.tell(peers.circle(admissions=callers))
        for row, pair in pairs.items():
            if TABLE[row]:
                await _holds(peers, row, pair)
            else:
                await _does_not_connect(peers, pair)


async def _holds(peers: Peers, row: tuple[str, str, str], pair: TlsPair) -> None:
    async with peers.calling_any(pair) as channel:
        for method in METHODS:
            reason = await _answer(channel, method)
            assert (reason not in ("NOT_ALLOWED", "NOT_ADMITTED")) == allowed(row, method), (
                row,
                method,
                reason,
            )


async def _does_not_connect(peers: Peers, pair: TlsPair) -> None:
    async with peers.dial(pair) as channel:
        assert await _answer(channel, FRAGMENTS + "Stat") == "UNAVAILABLE"


async def _answer(channel: grpc.aio.Channel, method: str) -> str:
    """The reason that a method gives to a request that no method understands; "OK" if it does."""
    method_of: grpc.aio.StreamStreamMultiCallable[bytes, bytes] = channel.stream_stream(method)
    call = method_of(iter([b"\xff"]), timeout=10)
    try:
        async for _ in call:
            break
    except PiccoloError as refused:
        return refused.reason
    return "OK"
