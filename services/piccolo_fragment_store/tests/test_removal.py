"""Members that go: how long they are served, what of theirs ends and when, and what must not."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import apsw
import pytest
from piccolo.fragment_store.v1 import fragment_pb2 as wire
from piccolo.fragment_store.v1 import keeper_pb2
from piccolo.fragment_store.v1.fragment_pb2_grpc import FragmentServiceStub
from piccolo.fragment_store.v1.keeper_pb2_grpc import KeeperServiceStub
from piccolo_chassis import rpc
from piccolo_chassis.errors import PiccoloError
from piccolo_formats.records.keeping import Notice, NoticeKind
from piccolo_formats.signed import open_signed

from piccolo_fragment_store.adapters import clock
from piccolo_fragment_store.adapters.frame_log import FrameLog
from piccolo_fragment_store.core import access
from piccolo_fragment_store.core.circle import Circle, Standing
from piccolo_fragment_store.core.running import DAY
from piccolo_fragment_store.engine import burials
from piccolo_fragment_store.engine.holdings import Holdings
from piccolo_fragment_store.engine.identity import Identity
from piccolo_fragment_store.engine.notices import Notices
from piccolo_fragment_store.engine.removal import Removal, with_over
from piccolo_fragment_store.testing.attestation import serving
from piccolo_fragment_store.testing.disk import SimulatedDisk
from piccolo_fragment_store.testing.keeping import (
    HandClock,
    close_index,
    open_holdings,
    put,
    sample,
    store,
)
from piccolo_fragment_store.testing.people import Person, circle_of, new_key
from piccolo_fragment_store.tests.peers import Peers, get, store_request

OWN, ANA, BEN = Person(), Person(), Person()
PIECE, OTHERS = sample(ANA.id, 1), sample(BEN.id, 1)
FRAGMENTS = "/piccolo.fragment_store.v1.FragmentService/"
GOSSIP = "/piccolo.attestation.v1.PeerService/Gossip"


class Here:
    """A keeper whose circle a test changes."""

    def __init__(self, holdings: Holdings, clock: HandClock) -> None:
        self.holdings, self.clock, self.key = holdings, clock, new_key()
        self.circle: Circle | None = circle_of(OWN, ANA, BEN)
        identity = Identity(self.key, clock, lambda: self.circle)
        self.notices = Notices(FrameLog(SimulatedDisk(), "notices.log"), identity, clock)
        self.removal = Removal(holdings, self.notices, lambda: self.circle, lambda _: None)
        store(holdings, ANA, PIECE, 1)
        store(holdings, BEN, OTHERS, 1)
        self.removal.look()

    def becomes(self, person: Person, standing: Standing | None) -> None:
        """The roster says something else of a member; None: it names it no more."""
        circle = circle_of(OWN, ANA, BEN)
        owners = {**circle.owners}
        if standing is None:
            del owners[person.id]
        else:
            owners[person.id] = replace(owners[person.id], standing=standing)
        others = [each for each in circle.admissions.values() if each.owner != person.id]
        admitted = [*others, *person.admissions(standing or Standing.UNKNOWN)]
        self.circle = replace(circle, owners=owners, admissions={each.certificate: each for each in admitted})

    def judged(self, person: Person, method: str, *, enrol: bool = False) -> str:
        """The reason for which a call is refused; empty when it passes."""
        over = self.removal.look()
        assert self.circle is not None
        certificate = (person.enrol if enrol else person.vault_tls).certificate
        try:
            access.judge(with_over(self.circle, over), certificate, FRAGMENTS + method)
        except PiccoloError as denied:
            return denied.reason
        return ""

    def has(self, piece: object = PIECE) -> bool:
        key = PIECE.key if piece is PIECE else OTHERS.key
        return self.holdings.index.kept(key).known


@pytest.fixture
def disk() -> SimulatedDisk:
    return SimulatedDisk()


@pytest.fixture
def here(tmp_path: Path, disk: SimulatedDisk) -> Iterator[Here]:
    clock = HandClock(1000 * DAY)
    holdings = open_holdings(disk, tmp_path / "index", clock)
    yield Here(holdings, clock)
    close_index(holdings)


@pytest.mark.parametrize(
    ("standing", "days"), [(Standing.EXPELLED, 365), (Standing.LEAVING, 455), (None, 365)]
)
def test_what_a_removed_owner_has_ends_after_its_year_and_not_before(
    here: Here, disk: SimulatedDisk, standing: Standing | None, days: int
) -> None:
    put(here.holdings, sample(ANA.id, 2))
    buried = sample(ANA.id, 3)
    store(here.holdings, ANA, buried, 2)
    ids = [buried.key.fragment]
    burials.bury(here.holdings, ANA.tombstone_record(ids, 1, 5), ANA.tombstone(ids, 1, 5), by=ANA.caller)
    here.becomes(ANA, standing)
    here.removal.look()
    here.clock.now += days * DAY - 1
    here.removal.look()
    assert here.has()
    here.clock.now += 1
    here.clock.is_settled = False
    here.removal.look()
    assert here.has()  # a clock that was just set proves nothing
    here.clock.is_settled = True
    here.removal.look()
    assert not here.has()
    assert not [name for name in disk.names if ANA.id.hex() in name]
    assert here.holdings.ledger.held(ANA.id) == 0
    assert here.has(OTHERS)


@pytest.mark.parametrize("standing", [Standing.ACTIVE, Standing.COMPROMISED])
def test_nobody_elses_ever_ends(here: Here, standing: Standing) -> None:
    here.becomes(ANA, standing)
    here.removal.look()
    here.clock.now += 9000 * DAY
    here.removal.look()
    assert here.has()


def test_an_owner_that_comes_back_has_its_year_anew(here: Here) -> None:
    here.becomes(ANA, Standing.EXPELLED)
    here.removal.look()
    here.clock.now += 364 * DAY
    here.becomes(ANA, Standing.ACTIVE)
    here.removal.look()
    here.becomes(ANA, Standing.EXPELLED)
    here.removal.look()
    here.clock.now += 364 * DAY
    here.removal.look()
    assert here.has()


def test_nothing_ends_while_the_circle_is_unknown_or_does_not_name_this_keeper(here: Here) -> None:
    known = here.circle
    here.becomes(OWN, Standing.EXPELLED)
    expelled = here.circle and replace(here.circle, owners={OWN.id: here.circle.owners[OWN.id]})
    foreign = replace(circle_of(BEN), self_owner=OWN.id)
    for circle in (None, Circle(), foreign, replace(circle_of(OWN), owners={}), expelled):
        here.circle = circle
        here.removal.look()
        here.clock.now += 900 * DAY
        here.removal.look()
        assert here.has()
    here.circle = known
    here.removal.look()
    assert here.has()


def test_a_lost_index_only_makes_the_year_longer(here: Here, disk: SimulatedDisk, tmp_path: Path) -> None:
    here.becomes(ANA, Standing.EXPELLED)
    here.removal.look()
    here.clock.now += 400 * DAY
    rebuilt = open_holdings(disk, tmp_path / "another", here.clock)
    Removal(rebuilt, here.notices, lambda: here.circle, lambda _: None).look()
    assert rebuilt.index.kept(PIECE.key).known
    close_index(rebuilt)


def test_who_leaves_is_served_for_90_days_and_then_no_more(here: Here) -> None:
    here.becomes(ANA, Standing.LEAVING)
    assert here.judged(ANA, "Get") == here.judged(ANA, "Store") == here.judged(ANA, "Bury") == ""
    here.clock.now += 90 * DAY - 1
    assert here.judged(ANA, "Get") == ""
    here.clock.now += 1
    assert here.judged(ANA, "Get") == here.judged(ANA, "Store") == "TIME_OVER"
    assert here.judged(ANA, "Get", enrol=True) == "TIME_OVER"
    assert here.judged(BEN, "Store") == ""
    assert here.has()
    here.becomes(ANA, Standing.ACTIVE)  # an admin lets it in again: everything is there
    assert here.judged(ANA, "Get") == ""


def test_who_was_expelled_gets_its_own_for_90_days(here: Here) -> None:
    here.becomes(ANA, Standing.EXPELLED)
    assert here.judged(ANA, "Get") == ""
    assert here.judged(ANA, "Store") == "NOT_ALLOWED"
    here.clock.now += 90 * DAY
    assert here.judged(ANA, "Get") == "TIME_OVER"


def test_a_compromised_certificate_stops_at_once_and_the_words_go_on(here: Here) -> None:
    here.becomes(ANA, Standing.COMPROMISED)
    assert here.judged(ANA, "Get") == "NOT_ALLOWED"
    here.clock.now += 900 * DAY
    assert here.judged(ANA, "Get", enrol=True) == here.judged(ANA, "Claim", enrol=True) == ""


def test_whose_time_is_over_may_still_talk_to_attestation(here: Here) -> None:
    here.becomes(ANA, Standing.EXPELLED)
    here.removal.look()
    here.clock.now += 100 * DAY
    assert here.circle is not None
    circle = with_over(here.circle, here.removal.look())
    access.judge(circle, ANA.attestation_tls.certificate, GOSSIP)
    admitted = access.certificates(circle)
    assert ANA.vault_tls.certificate not in admitted
    assert {ANA.attestation_tls.certificate, BEN.vault_tls.certificate} <= {*admitted}


def test_a_keeper_that_leaves_tells_those_who_have_something_here(here: Here) -> None:
    here.becomes(OWN, Standing.LEAVING)
    for _ in range(2):
        here.removal.look()
    for person in (ANA, BEN):
        (data,) = here.notices.holding(person.id)
        notice = open_signed(Notice, data, [here.key.public]).record
        assert (notice.kind, notice.owner) == (NoticeKind.LEAVING, person.id)
        assert notice.until == here.clock.wall() + 90 * DAY
    assert not here.notices.is_asked(ANA.id)


def passed(keeper_state: Path, days: int) -> None:
    """So much running time has passed while the keeper was at work; it must not run now."""
    path = keeper_state / "clock"
    found = clock._read(path)
    assert found is not None
    path.write_bytes(clock._written(replace(found, seconds=found.seconds + days * DAY)))


async def kept_for(peers: Peers) -> set[bytes]:
    async with rpc.connect(peers.socket) as channel:
        owners = (await KeeperServiceStub(channel).ListOwners(keeper_pb2.ListOwnersRequest())).owners
    return {each.owner_id for each in owners}


async def until_refused(keeper: FragmentServiceStub) -> str:
    """The reason why a member is served no more, once the keeper has looked at the time."""
    while True:
        try:
            await keeper.Stat(wire.StatRequest())
        except PiccoloError as over:
            return over.reason


async def until_known(peers: Peers) -> None:
    """Returns when the keeper has written down that somebody is leaving; the test's own limit bounds it."""
    rows = apsw.Connection(f"file:{peers.folder}/state/index.sqlite?mode=ro", apsw.SQLITE_OPEN_READONLY | 64)
    known: list[object] = []
    while not known:
        await kept_for(peers)  # lets the keeper work
        known = list(rows.execute("SELECT 1 FROM standings WHERE standing = 'leaving'"))
    rows.close()


@pytest.mark.component
async def test_the_times_of_a_leaver_in_the_process_they_are_kept_by() -> None:
    with TemporaryDirectory(dir="/tmp") as folder:
        peers = Peers(Path(folder))
        peers.attestation.circle = peers.circle()
        pieces = {person.id: sample(person.id, 1) for person in (peers.ana, peers.ben)}
        async with serving(peers.attestation, peers.folder / "a.sock"), asyncio.timeout(120):
            async with peers.keeper():
                await peers.attestation.until_registered()
                async with peers.calling(peers.ben.vault_tls) as of_ben:
                    await of_ben.Store(store_request(peers.ben, pieces[peers.ben.id], 1))
                async with peers.calling(peers.ana.vault_tls) as of_ana:
                    await of_ana.Store(store_request(peers.ana, pieces[peers.ana.id], 1))
                    await peers.attestation.tell(peers.circle(standings={peers.ana.id: Standing.LEAVING}))
                    await until_known(peers)
                    assert await get(of_ana, pieces[peers.ana.id]) == pieces[peers.ana.id].data
            passed(peers.folder / "state", 91)
            async with peers.keeper():
                await peers.attestation.until_registered(2)
                assert await kept_for(peers) == {*pieces}
                async with peers.dial(peers.ana.vault_tls) as channel:
                    assert await until_refused(FragmentServiceStub(channel)) in ("TIME_OVER", "UNAVAILABLE")
            passed(peers.folder / "state", 365)
            async with peers.keeper():
                while await kept_for(peers) != {peers.ben.id}:
                    pass
                async with peers.calling(peers.ben.vault_tls) as of_ben:
                    assert await get(of_ben, pieces[peers.ben.id]) == pieces[peers.ben.id].data
