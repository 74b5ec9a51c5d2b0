"""Role keys, the keyring, fences and the quiet time after a recovery."""

from __future__ import annotations

import asyncio
import os
from dataclasses import replace
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from hypothesis import given
from hypothesis import strategies as st
from piccolo_chassis.errors import Kind, PiccoloError
from piccolo_formats.kek import Kek
from piccolo_formats.records.generations import Claim
from piccolo_formats.signed import sign
from piccolo_formats.tls import check_certificate, make_certificate

from piccolo_vault.core.keys.owner import owner_of
from piccolo_vault.core.keys.records import OwnerRecord
from piccolo_vault.engine.keys.aftermath import FENCE_FILE, QUIET_SECONDS, RESTORED_FILE, Fence, Quiet
from piccolo_vault.engine.keys.custody import Custody
from piccolo_vault.engine.keys.keyring import DeviceKeyring
from piccolo_vault.engine.keys.role_keys import FILE, RoleKeys, load_or_make
from piccolo_vault.engine.keys.roles import Neighbours
from piccolo_vault.engine.keys.settling import Settling
from piccolo_vault.testing_keys import CHEAP, Crash, MemoryFiles, SetClock, good_new

KEK = Kek(bytes(range(32)))
OWNER = owner_of(KEK, ask=(), generation=3)


def fence_on(files: MemoryFiles) -> Fence:
    return Fence(files, lambda _: None)


def claim(generation: int, *, kek: Kek = KEK, owner: bytes = OWNER.owner) -> bytes:
    record = Claim(circle=bytes(16), owner=owner, generation=generation, device=bytes(32), time=1_795_000_000)
    return sign(record, kek.owner_root()).to_bytes()


def test_role_keys_are_made_once() -> None:
    files = MemoryFiles()
    made, again = load_or_make(files, os.urandom), load_or_make(files.rebooted(), os.urandom)
    assert made.signing == again.signing
    assert (made.local, made.certificate, made.tls_key) == (again.local, again.certificate, again.tls_key)
    assert files.changes == 1


def test_the_tls_identity_is_a_roles_certificate_and_its_key() -> None:
    roles = load_or_make(MemoryFiles(), os.urandom)
    check_certificate(roles.certificate)
    key = serialization.load_pem_private_key(roles.tls_identity()[1], password=None)
    assert isinstance(key, EllipticCurvePrivateKey)
    assert make_certificate(key) == roles.certificate


def test_role_keys_are_not_shown() -> None:
    roles = load_or_make(MemoryFiles(), os.urandom)
    shown = f"{roles!r} {roles} {roles.signing!r}"
    assert roles.local.hex() not in shown
    assert str(roles.local) not in shown
    assert "PRIVATE" not in shown


@pytest.mark.parametrize("torn", [True, False])
def test_a_crash_while_they_are_made_leaves_keys_or_none(torn: bool) -> None:
    files = MemoryFiles(crash_at=1, torn=torn)
    with pytest.raises(Crash):
        load_or_make(files, os.urandom)
    load_or_make(files.rebooted(), os.urandom)


def test_damaged_role_keys_are_said_and_not_replaced() -> None:
    files = MemoryFiles(content={FILE: b"torn"})
    with pytest.raises(PiccoloError) as caught:
        load_or_make(files, os.urandom)
    assert caught.value.reason == "STATE_DAMAGED"
    assert files.content == {FILE: b"torn"}


def unsettled(custody: Custody) -> Settling:
    """What follows new words, of a device that has none and asks nobody."""
    nobody: Any = None
    there = Neighbours(nobody, nobody, nobody, nobody)
    return Settling(custody, nobody, there, nobody, SetClock(), os.urandom)


async def keyring_on(files: MemoryFiles, clock: SetClock) -> tuple[DeviceKeyring, Custody, RoleKeys]:
    custody = Custody(files, os.urandom, clock, CHEAP, good_new)
    roles = load_or_make(files, os.urandom)
    return (
        DeviceKeyring(custody, roles, fence_on(files), Quiet(files, clock), unsettled(custody)),
        custody,
        roles,
    )


async def test_a_device_without_an_owner_has_its_own_keys_only() -> None:
    keyring, _, roles = await keyring_on(MemoryFiles(), SetClock())
    assert keyring.signing_key() == roles.signing
    assert keyring.local_key() == roles.local
    for ask in (keyring.kek, keyring.kek_epoch, keyring.owner_id, keyring.generation, keyring.backup_public):
        with pytest.raises(PiccoloError) as caught:
            ask()
        assert caught.value.reason == "NOT_SET_UP"


async def test_a_locked_device_has_all_but_the_kek() -> None:
    files, clock = MemoryFiles(), SetClock()
    keyring, custody, _ = await keyring_on(files, clock)
    shown = await custody.setup("seven green kettles")
    await custody.confirm(" ".join(shown.words[at - 1] for at in shown.ask))
    kek = keyring.kek()
    custody.save_owner(replace(custody.owner(), device=b"device", generation=4))
    keyring, _, _ = await keyring_on(files.rebooted(), clock)
    with pytest.raises(PiccoloError) as caught:
        keyring.kek()
    assert caught.value.kind is Kind.LOCKED
    assert (keyring.generation(), keyring.kek_epoch()) == (4, 1)
    assert keyring.backup_public() == kek.backup().public
    assert keyring.owner_id() == owner_of(kek, ask=()).owner


async def test_before_a_circle_there_is_no_generation() -> None:
    keyring, custody, _ = await keyring_on(MemoryFiles(), SetClock())
    shown = await custody.setup("seven green kettles")
    await custody.confirm(" ".join(shown.words[at - 1] for at in shown.ask))
    with pytest.raises(PiccoloError) as caught:
        keyring.generation()
    assert caught.value.reason == "NO_CIRCLE"


async def test_a_fenced_device_writes_nothing_and_says_since_when() -> None:
    files, clock = MemoryFiles(), SetClock()
    keyring, custody, _ = await keyring_on(files, clock)
    shown = await custody.setup("seven green kettles")
    await custody.confirm(" ".join(shown.words[at - 1] for at in shown.ask))
    owner = replace(custody.owner(), device=b"device")
    custody.save_owner(owner)
    assert keyring.generation() == 1
    keyring.fenced_by(claim(2, kek=keyring.kek(), owner=owner.owner))
    for ring in (keyring, (await keyring_on(files.rebooted(), clock))[0]):
        assert not ring.may_bury()
        with pytest.raises(PiccoloError) as caught:
            ring.generation()
        assert caught.value.reason == "FENCED"
        assert "generation 2" in caught.value.message
        assert "2026-11-18 at" in caught.value.message
        assert caught.value.details["generation"] == "2"


@pytest.mark.parametrize(
    "forged",
    [
        claim(3),
        claim(2),
        claim(9, kek=Kek(bytes(32))),
        claim(9, owner=bytes(32)),
        claim(9)[:-1],
        b"",
    ],
)
def test_only_the_owners_own_claim_of_a_higher_generation_fences(forged: bytes) -> None:
    files = MemoryFiles()
    fence = fence_on(files)
    assert not fence.raise_for_claim(forged, OWNER)
    fence.check()
    assert not fence.up
    assert FENCE_FILE not in files.content


def test_a_fence_learns_more_and_forgets_nothing() -> None:
    files = MemoryFiles()
    fence = fence_on(files)
    fence.raise_for()
    assert "A newer device of yours took over." in fence.words
    fence.raise_for(generation=5, time=1_795_000_000, name="Ana's box")
    full = fence.words
    assert "Ana's box" in full
    for _ in range(2):
        fence.raise_for(generation=5)
        fence.raise_for()
        fence.raise_for_claim(claim(4), OWNER)
        assert fence_on(files.rebooted()).words == fence.words == full


class OwnStep:
    """A pending step of this very device."""

    def __init__(self, device: bytes) -> None:
        self.device = self
        self._hash = device

    def record_hash(self) -> bytes:
        return self._hash


def test_the_claim_of_this_devices_own_next_generation_does_not_fence_it() -> None:
    def pending(owner: OwnerRecord) -> OwnStep:
        return OwnStep(bytes(32))

    fence = Fence(MemoryFiles(), pending)  # type: ignore[arg-type]
    assert not fence.raise_for_claim(claim(4), OWNER)
    assert not fence.up


def test_nothing_is_buried_after_a_recovery_until_the_inventories_agree() -> None:
    files, clock = MemoryFiles(), SetClock()
    quiet = Quiet(files, clock)
    assert quiet.over
    quiet.begin()
    assert not quiet.over
    assert not Quiet(files.rebooted(), clock).over
    quiet.end()
    quiet.end()
    assert quiet.over
    assert Quiet(files.rebooted(), clock).over


@given(st.lists(st.tuples(st.integers(0, 40 * 86_400), st.integers(-(10**8), 10**8)), max_size=12))
def test_the_quiet_time_runs_on_the_slower_of_two_clocks(steps: list[tuple[int, int]]) -> None:
    files, clock = MemoryFiles(), SetClock()
    quiet = Quiet(files, clock)
    quiet.begin()
    began, ran = clock.wall(), 0
    for seconds, jump in steps:
        clock.pass_by(seconds)
        clock.at_wall += jump
        ran += seconds
        wrong = clock.wall() < began  # the clock was ahead then, or is behind now: it tells nothing
        assert quiet.over == (ran >= QUIET_SECONDS and (wrong or clock.wall() - began >= QUIET_SECONDS))


@pytest.mark.parametrize("restarts", [False, True])
def test_a_clock_that_was_ahead_at_the_recovery_does_not_lengthen_the_quiet_time(restarts: bool) -> None:
    year, day = 365 * 86_400, 86_400
    files, clock = MemoryFiles(), SetClock()
    clock.at_wall += year
    quiet = Quiet(files, clock)
    quiet.begin()
    clock.at_wall -= year
    for _ in range(44):
        clock.pass_by(day)
        quiet._tick(quiet._record)  # type: ignore[arg-type]
        if restarts:
            clock.at_running, files = 0.0, files.rebooted()
            quiet = Quiet(files, clock)
        assert not quiet.over
    clock.pass_by(2 * day)
    assert quiet.over
    clock.pass_by(year - 40 * day)  # where the clock was then
    assert quiet.over


def test_a_restart_forgets_at_most_what_was_not_kept_yet() -> None:
    files, clock = MemoryFiles(), SetClock()
    quiet = Quiet(files, clock)
    quiet.begin()
    clock.pass_by(QUIET_SECONDS - 10)
    quiet._tick(quiet._record)  # type: ignore[arg-type]
    clock.at_running = 0.0
    again = Quiet(files.rebooted(), clock)
    assert not again.over
    clock.pass_by(10)
    assert again.over


def test_an_unreadable_note_of_a_recovery_is_taken_for_a_fresh_one() -> None:
    clock = SetClock()
    quiet = Quiet(MemoryFiles(content={RESTORED_FILE: b"?"}), clock)
    assert not quiet.over
    clock.pass_by(QUIET_SECONDS)
    assert quiet.over


async def test_the_running_time_is_kept_every_hour(monkeypatch: pytest.MonkeyPatch) -> None:
    files, clock = MemoryFiles(), SetClock()
    quiet = Quiet(files, clock)
    quiet.begin()
    hours = 0

    async def sleep(seconds: float) -> None:
        nonlocal hours
        hours += 1
        if hours > 3:
            raise asyncio.CancelledError
        clock.pass_by(seconds)

    monkeypatch.setattr(asyncio, "sleep", sleep)
    with pytest.raises(asyncio.CancelledError):
        await quiet.run()
    assert Quiet(files.rebooted(), SetClock(at_wall=clock.at_wall))._record.running == 3 * 3600  # type: ignore[union-attr]
