"""Restoring from logs that are damaged, forged, forked, or nonsense."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from piccolo_chassis.errors import Kind, PiccoloError
from piccolo_formats.changesets import frame_changeset
from piccolo_formats.records.backup import Changeset

from piccolo_metadata.adapters.schema import SCHEMA_VERSION
from piccolo_metadata.core.backup_points import Point
from piccolo_metadata.engine.backup_ports import Piece
from piccolo_metadata.tests.test_backup_device import (
    CHANGESET,
    CLAIM,
    OWNER,
    SNAPSHOT,
    Device,
    check_log,
    device,
    history,
    quick,
    refused,
)
from piccolo_metadata.tests.test_backup_fakes import Author, FakeCloud, Owner, Vault

__all__ = ["quick"]


@pytest.fixture
def owner() -> Owner:
    return OWNER


@pytest.fixture
def cloud(owner: Owner) -> FakeCloud:
    return FakeCloud(owner.locator)


@pytest.fixture
def vault(owner: Owner) -> Vault:
    return Vault(owner)


@pytest.fixture
async def two(tmp_path: Path, owner: Owner, cloud: FakeCloud) -> AsyncIterator[Device]:
    """A blank device."""
    async with device(tmp_path / "two", owner, cloud, generation=2) as made, made.running():
        yield made


DAMAGE = ["body", "body-end", "header", "cut", "cut-in-header", "lost", "longer"]


def spoil(cloud: FakeCloud, seq: int, how: str) -> None:
    """Damages an entry as a rotten disk, a cut connection or a liar would."""
    data = cloud.entries[seq]
    match how:
        case "body":
            cloud.alter(seq, -40)
        case "body-end":
            cloud.alter(seq, -1)
        case "header":
            cloud.alter(seq, 60)
        case "cut":
            cloud.entries[seq] = data[:-100]
        case "cut-in-header":
            cloud.entries[seq] = data[:100]
        case "lost":
            del cloud.entries[seq]
        case "longer":
            cloud.entries[seq] = data + b"more"


class TestBroken:
    @pytest.mark.parametrize("how", DAMAGE)
    async def test_a_changeset(
        self, tmp_path: Path, owner: Owner, cloud: FakeCloud, two: Device, vault: Vault, how: str
    ) -> None:
        held = await history(tmp_path, owner, cloud)
        spoil(cloud, 7, how)
        before = two.content()
        error = await refused(two.restore(vault))
        assert (error.kind, error.reason) == (Kind.DATA_LOSS, "CHAIN_BROKEN")
        assert error.details == {"seq": "7", "whole": "6"}
        assert two.content() == before
        restored = await two.restore(vault, accept_broken=True)
        assert restored.seq == 6
        assert two.content() == held[6]

    @pytest.mark.parametrize("how", DAMAGE)
    async def test_the_newest_snapshot(
        self, tmp_path: Path, owner: Owner, cloud: FakeCloud, two: Device, vault: Vault, how: str
    ) -> None:
        held = await history(tmp_path, owner, cloud)
        spoil(cloud, 5, how)
        error = await refused(two.restore(vault))
        assert error.details == {"seq": "5", "whole": "4"}
        restored = await two.restore(vault, accept_broken=True)
        assert restored.seq == 4
        assert two.content() == held[4]

    @pytest.mark.parametrize("how", DAMAGE)
    async def test_the_only_snapshot(
        self, tmp_path: Path, owner: Owner, cloud: FakeCloud, two: Device, vault: Vault, how: str
    ) -> None:
        await history(tmp_path, owner, cloud, chains=1)
        spoil(cloud, 1, how)
        for accept in (False, True):
            error = await refused(two.restore(vault, accept_broken=accept))
            assert error.kind is Kind.DATA_LOSS or error.reason == "BACKUP_MISSING"
        assert await two.outbox.is_empty()

    @pytest.mark.parametrize("how", DAMAGE)
    @pytest.mark.parametrize("seq", [1, 3])
    @pytest.mark.parametrize("asked", [0, 8], ids=["accepted", "asked for"])
    async def test_an_old_chain_costs_no_new_one(
        self,
        tmp_path: Path,
        owner: Owner,
        cloud: FakeCloud,
        two: Device,
        vault: Vault,
        how: str,
        seq: int,
        asked: int,
    ) -> None:
        held = await history(tmp_path, owner, cloud)
        spoil(cloud, seq, how)
        looks_pruned = (seq, how) == (1, "lost")
        if how in ("header", "cut-in-header", "lost") and not looks_pruned:
            error = await refused(two.restore(vault))
            assert error.details == {"seq": str(seq), "whole": "8"}
            assert (await refused(two.restore(vault, 9))).reason == "CHAIN_BROKEN"
        restored = await two.restore(vault, asked, accept_broken=not asked)
        assert restored.seq == 8
        assert two.content() == held[8]
        assert await two.backup.claim(owner.claim(2), two.delegation()) == 9
        await two.make("goes on")
        await two.backed_up()

    async def test_what_lies_behind_a_hole_is_of_no_lower_generation(
        self, tmp_path: Path, owner: Owner, cloud: FakeCloud, two: Device, vault: Vault
    ) -> None:
        """A fenced device's key, and a cloud that hides the claim as lost."""
        held = await history(tmp_path, owner, cloud, chains=1)
        heir, old = Author(owner, generation=2), Author(owner, generation=1)
        cloud.entries[5], _ = heir.entry(cloud.header(4).record_hash(), 5, CLAIM, base=1)
        cloud.entries[7], _ = old.entry(bytes(32), 7)
        cloud.entries[8], _ = heir.entry(bytes(32), 8)
        error = await refused(two.restore(vault))
        assert error.details == {"seq": "6", "whole": "8"}
        cloud.entries.pop(8)
        restored = await two.restore(vault, accept_broken=True)
        assert (restored.seq, restored.generation) == (4, 2)
        assert two.content() == held[4]

    async def test_a_cloud_that_finds_no_end_of_damage(
        self, cloud: FakeCloud, two: Device, vault: Vault, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async def read(*_: object, **__: object) -> AsyncIterator[Piece]:
            raise PiccoloError(Kind.DATA_LOSS, "LOG_DAMAGED", "It is damaged.", {"seq": "1"})
            yield  # what makes it a generator

        monkeypatch.setattr(cloud, "read", read)
        error = await refused(two.restore(vault, accept_broken=True))
        assert error.reason == "CHAIN_BROKEN"

    @pytest.mark.parametrize("how", ["body", "cut", "lost", "header"])
    async def test_older_points_need_no_permission(
        self, tmp_path: Path, owner: Owner, cloud: FakeCloud, two: Device, vault: Vault, how: str
    ) -> None:
        held = await history(tmp_path, owner, cloud)
        spoil(cloud, 7, how)
        assert (await two.restore(vault, 6)).seq == 6
        assert two.content() == held[6]

    async def test_a_forged_entry(
        self, tmp_path: Path, owner: Owner, cloud: FakeCloud, two: Device, vault: Vault
    ) -> None:
        """Anyone can seal to the owner's public key; nobody else can sign."""
        await history(tmp_path, owner, cloud, chains=1)
        thief = Author(Owner())
        thief.owner = owner
        cloud.entries[5], _ = thief.entry(cloud.header(4).record_hash(), 5, CHANGESET, base=1)
        error = await refused(two.restore(vault))
        assert error.details == {"seq": "5", "whole": "4"}

    async def test_a_forked_log(
        self, tmp_path: Path, owner: Owner, cloud: FakeCloud, two: Device, vault: Vault
    ) -> None:
        held = await history(tmp_path, owner, cloud, chains=1)
        cloud.entries[3], _ = Author(owner).entry(cloud.header(2).record_hash(), 3, CHANGESET, base=1)
        error = await refused(two.restore(vault))
        assert error.details == {"seq": "4", "whole": "3"}
        restored = await two.restore(vault, 2)
        assert restored.seq == 2
        assert two.content() == held[2]

    @pytest.mark.parametrize("what", ["garbage", "other rows", "other digest", "other schema", "a gap"])
    async def test_changes_that_do_not_fit(
        self, tmp_path: Path, owner: Owner, cloud: FakeCloud, two: Device, vault: Vault, what: str
    ) -> None:
        """Signed and sealed as they should be, by a device that was out of its mind."""
        held = await history(tmp_path, owner, cloud, chains=1)
        numbers = check_log(owner, cloud)
        good = Changeset(schema=SCHEMA_VERSION, first=1, last=1, digest=bytes(32), changeset=b"")
        number = numbers[-1] + 1
        plain = {
            "garbage": os.urandom(500),
            "other rows": frame_changeset(replace(good, first=number, last=number, changeset=os.urandom(50))),
            "other digest": frame_changeset(replace(good, first=number, last=number)),
            "other schema": frame_changeset(replace(good, first=number, last=number, schema=7)),
            "a gap": frame_changeset(replace(good, first=number + 1, last=number + 1)),
        }[what]
        heir = Author(owner, generation=2)
        claim, claim_hash = heir.entry(cloud.header(4).record_hash(), 5, CLAIM, base=1)
        cloud.entries[5] = claim
        cloud.entries[6], _ = heir.entry(claim_hash, 6, CHANGESET, plain, base=1)
        if what == "other schema":
            assert (await refused(two.restore(vault))).kind in (Kind.DATA_LOSS, Kind.PRECONDITION)
            return
        error = await refused(two.restore(vault))
        assert (error.reason, error.details) == ("CHAIN_BROKEN", {"seq": "6", "whole": "4"})
        restored = await two.restore(vault, accept_broken=True)
        assert (restored.seq, restored.generation) == (4, 2)
        assert two.content() == held[4]

    async def test_a_snapshot_that_is_no_database(
        self, tmp_path: Path, owner: Owner, cloud: FakeCloud, two: Device, vault: Vault
    ) -> None:
        held = await history(tmp_path, owner, cloud, chains=1)
        heir = Author(owner, generation=2)
        claim, claim_hash = heir.entry(cloud.header(4).record_hash(), 5, CLAIM, base=1)
        cloud.entries[5] = claim
        cloud.entries[6], _ = heir.entry(claim_hash, 6, SNAPSHOT, os.urandom(10_000))
        error = await refused(two.restore(vault))
        assert (error.reason, error.details) == ("CHAIN_BROKEN", {"seq": "6", "whole": "4"})
        assert (await two.restore(vault, accept_broken=True)).seq == 4
        assert two.content() == held[4]

    async def test_a_cloud_that_changes_its_mind(
        self, tmp_path: Path, owner: Owner, cloud: FakeCloud, two: Device
    ) -> None:
        """Between the headers and the bodies."""
        await history(tmp_path, owner, cloud, chains=1)

        class Slow(Vault):
            async def open_keys(self, points: Sequence[Point]) -> Sequence[bytes]:
                prev = cloud.header(2).record_hash()
                cloud.entries[3], _ = Author(owner).entry(prev, 3, CHANGESET, base=1)
                return await super().open_keys(points)

        error = await refused(two.restore(Slow(owner)))
        assert (error.reason, error.details["seq"]) == ("CHAIN_BROKEN", "3")

    async def test_a_cloud_that_goes_away_meanwhile(
        self, tmp_path: Path, owner: Owner, cloud: FakeCloud, two: Device, vault: Vault
    ) -> None:
        held = await history(tmp_path, owner, cloud, chains=1)

        class Late(Vault):
            async def open_keys(self, points: Sequence[Point]) -> Sequence[bytes]:
                cloud.away = True
                return await super().open_keys(points)

        error = await refused(two.restore(Late(owner), accept_broken=True))
        assert error.kind is Kind.UNAVAILABLE
        assert await two.outbox.is_empty()
        cloud.away = False
        await two.restore(vault)
        assert two.content() == held[4]
