"""The rules, without a store."""

from __future__ import annotations

import os
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from piccolo_chassis.errors import Kind, PiccoloError
from piccolo_formats.backup_entry import PREFIX_SIZE, VerifiedHeader, open_header, parse_prefix
from piccolo_formats.digests import digest
from piccolo_formats.keypairs import SigningKey
from piccolo_formats.records.backup import Delegation, EntryKind
from piccolo_formats.signed import sign

from piccolo_cloud.core import log as rules
from piccolo_cloud.core import mailbox
from piccolo_cloud.core.authority import Authority, prove, request_message
from piccolo_cloud.core.limits import BEYOND, Limits
from piccolo_cloud.core.names import arrival_of, entry_key, message_key, seq_of
from piccolo_cloud.core.nonces import LIFETIME, NONCE_SIZE, Nonces
from piccolo_cloud.tests.owners import Device, Entry, Owner


def refusal(told: pytest.ExceptionInfo[PiccoloError]) -> tuple[Kind, str]:
    return told.value.kind, told.value.reason


class TestNonces:
    def nonces(self, most: int = 1000) -> Nonces:
        return Nonces(bytes(32), most)

    def lapsed(self, nonces: Nonces, nonce: bytes, now: float) -> None:
        with pytest.raises(PiccoloError) as told:
            nonces.check(nonce, now)
        assert refusal(told) == (Kind.UNAUTHENTICATED, "NONCE_LAPSED")

    def test_once(self) -> None:
        nonces = self.nonces()
        nonce = nonces.mint(5, os.urandom(8))
        assert len(nonce) == NONCE_SIZE
        nonces.check(nonce, 6)
        nonces.check(nonce, 7)
        nonces.spend(nonce, 7)
        self.lapsed(nonces, nonce, 7)
        self.lapsed(nonces, nonce, 5 + LIFETIME - 1)

    @given(st.floats(0, 1e6), st.floats(0, 300))
    def test_a_minute(self, made: float, later: float) -> None:
        nonces = self.nonces()
        nonce = nonces.mint(made, bytes(8))
        if later < LIFETIME - 0.01:
            nonces.check(nonce, made + later)
        elif later > LIFETIME + 0.01:
            self.lapsed(nonces, nonce, made + later)

    @given(st.lists(st.floats(0, 40), min_size=1, max_size=50))
    def test_a_spent_nonce_never_comes_back(self, waits: list[float]) -> None:
        nonces, now, spent = self.nonces(), 0.0, []
        for number, wait in enumerate(waits):
            now += wait
            nonce = nonces.mint(now, number.to_bytes(8))
            nonces.check(nonce, now)
            nonces.spend(nonce, now)
            spent.append(nonce)
            for old in spent:
                self.lapsed(nonces, old, now)

    def test_foreign_and_altered(self) -> None:
        nonces = self.nonces()
        nonce = nonces.mint(5, bytes(8))
        self.lapsed(Nonces(b"1" * 32), nonce, 5)
        for position in range(NONCE_SIZE):
            altered = bytearray(nonce)
            altered[position] ^= 1
            self.lapsed(nonces, bytes(altered), 5)
        for wrong in (b"", nonce[:-1], nonce + b"0", bytes(32)):
            self.lapsed(nonces, wrong, 5)

    def test_memory_is_bounded_and_freed(self) -> None:
        nonces = self.nonces(most=3)
        for number in range(3):
            nonces.spend(nonces.mint(0, number.to_bytes(8)), 0)
        with pytest.raises(PiccoloError) as told:
            nonces.spend(nonces.mint(0, b"the next"), 0)
        assert refusal(told) == (Kind.EXHAUSTED, "TOO_MANY_REQUESTS")
        late = nonces.mint(LIFETIME, b"the last")
        nonces.check(late, LIFETIME)
        nonces.spend(late, LIFETIME)


class TestAuthority:
    nonce = bytes(range(32))

    def refused(self, authority: Authority, method: str = "Append", argument: int = 7) -> str:
        with pytest.raises(PiccoloError) as told:
            prove(authority, method, argument)
        assert told.value.kind is Kind.UNAUTHENTICATED
        return told.value.reason

    def test_locator_and_delegate(self) -> None:
        owner = Owner()
        device = owner.device()
        by_owner = prove(owner.authority(self.nonce, "Append", 7), "Append", 7)
        assert (by_owner.locator, by_owner.key, by_owner.is_owner) == (owner.locator, owner.locator, True)
        by_device = prove(device.authority(self.nonce, "Append", 7), "Append", 7)
        assert (by_device.locator, by_device.key, by_device.is_owner) == (
            owner.locator,
            device.key.public,
            False,
        )

    def test_the_message_is_as_the_contract_says(self) -> None:
        request = digest("request", b"l" * 32, (7).to_bytes(8, "big"))
        expected = b"piccolo/cloud/v1\x00Append\x00" + self.nonce + request
        assert request_message("Append", self.nonce, b"l" * 32, 7) == expected

    def test_a_signature_is_good_for_one_request_only(self) -> None:
        owner = Owner()
        for good in (
            owner.authority(self.nonce, "Append", 7),
            owner.device().authority(self.nonce, "Append", 7),
        ):
            assert self.refused(good, "DropChain", 7) == "SIGNATURE_WRONG"
            assert self.refused(good, "Append", 8) == "SIGNATURE_WRONG"
            assert self.refused(replace(good, nonce=bytes(32))) == "SIGNATURE_WRONG"
            assert self.refused(replace(good, signature=bytes(64))) == "SIGNATURE_WRONG"

    def test_another_owners_delegation(self) -> None:
        owner, thief = Owner(), Owner()
        stolen = thief.device().authority(self.nonce, "Append", 7)
        assert self.refused(replace(stolen, locator=owner.locator)) == "DELEGATION_WRONG"
        by_thief = thief.authority(self.nonce, "Append", 7)
        assert self.refused(replace(by_thief, locator=owner.locator)) == "SIGNATURE_WRONG"

    def test_a_delegate_cannot_delegate(self) -> None:
        owner = Owner()
        device, helper = owner.device(), SigningKey(os.urandom(32))
        record = Delegation(locator=owner.locator, generation=1, key=helper.public, backup=bytes(32))
        forged = sign(record, device.key).to_bytes()
        message = request_message("Append", self.nonce, owner.locator, 7)
        assert (
            self.refused(Authority(owner.locator, forged, self.nonce, helper.sign(message)))
            == "DELEGATION_WRONG"
        )

    @given(st.binary(max_size=200))
    def test_any_bytes_for_a_delegation(self, delegation: bytes) -> None:
        authority = Authority(bytes(32), delegation, self.nonce, bytes(64))
        self.refused(authority)


def verified(entry: Entry) -> VerifiedHeader:
    length = parse_prefix(entry.data[:PREFIX_SIZE])
    return open_header(entry.data[PREFIX_SIZE : PREFIX_SIZE + length], entry.header.locator)


class TestLog:
    def check(self, before: Entry | None, entry: Entry) -> None:
        head = rules.head_of(verified(before)) if before else None
        rules.check_follows(head, verified(entry))

    def refused(self, before: Entry | None, entry: Entry) -> tuple[Kind, str]:
        with pytest.raises(PiccoloError) as told:
            self.check(before, entry)
        if before:
            assert told.value.details["head_seq"] == str(before.seq)
            assert told.value.details["head_hash"] == before.hash.hex()
        return refusal(told)

    @pytest.fixture
    def device(self) -> Device:
        return Owner().device()

    def test_what_follows(self, device: Device) -> None:
        first = device.entry(None)
        self.check(None, first)
        second = device.entry(first, EntryKind.CHANGESET)
        self.check(first, second)
        third = device.entry(second)
        self.check(second, third)
        heir = device.owner.device(generation=3)
        claim = heir.entry(third, EntryKind.CLAIM)
        self.check(third, claim)
        self.check(claim, heir.entry(claim))
        moved = heir.entry(claim, EntryKind.MOVED)
        self.check(claim, moved)
        assert self.refused(moved, heir.entry(moved)) == (Kind.PRECONDITION, "LOG_MOVED")

    def test_order(self, device: Device) -> None:
        first = device.entry(None)
        second = device.entry(first, EntryKind.CHANGESET)
        third = device.entry(second, EntryKind.CHANGESET)
        assert self.refused(None, second) == (Kind.PRECONDITION, "LOG_GAP")
        assert self.refused(first, third) == (Kind.PRECONDITION, "LOG_GAP")
        assert self.refused(second, second) == (Kind.PRECONDITION, "LOG_GAP")
        assert self.refused(third, first) == (Kind.PRECONDITION, "LOG_GAP")

    def test_another_history(self, device: Device) -> None:
        first, other = device.entry(None), device.entry(None, plain=b"another database")
        follower = device.entry(other, EntryKind.CHANGESET)
        assert self.refused(first, follower) == (Kind.ALREADY_EXISTS, "FORK")

    def test_another_chain(self, device: Device) -> None:
        first = device.entry(None)
        second = device.entry(first)
        wrong = device.entry(second, EntryKind.CHANGESET, base=1)
        assert self.refused(second, wrong) == (Kind.INVALID, "CHAIN_WRONG")

    def test_generations(self, device: Device) -> None:
        owner = device.owner
        first = device.entry(None)
        heir, twin = owner.device(2), owner.device(2)
        assert self.refused(first, heir.entry(first)) == (Kind.PRECONDITION, "CLAIM_FIRST")
        claim = heir.entry(first, EntryKind.CLAIM)
        assert self.refused(claim, twin.entry(claim, EntryKind.CLAIM)) == (Kind.CONFLICT, "GENERATION_TAKEN")
        assert self.refused(claim, twin.entry(claim)) == (Kind.CONFLICT, "GENERATION_TAKEN")
        assert self.refused(claim, heir.entry(claim, EntryKind.CLAIM)) == (Kind.CONFLICT, "GENERATION_TAKEN")
        head = rules.head_of(verified(claim))
        assert rules.is_fenced(head, verified(device.entry(claim)))
        assert not rules.is_fenced(head, verified(heir.entry(claim)))
        assert not rules.is_fenced(None, verified(first))


class TestNames:
    def test_entries(self) -> None:
        locator = Owner().locator
        key = entry_key(locator, 0xAB)
        assert key == f"{digest('locator', locator).hex()}/log/00000000000000ab"
        assert seq_of(key) == 0xAB
        assert seq_of("x/log/00000000000000AB") is None
        assert seq_of("x/log/ab") is None

    @given(st.lists(st.integers(0, 2**63), min_size=2, max_size=20))
    def test_messages_sort_by_arrival(self, arrivals: list[int]) -> None:
        names = [message_key(bytes(32), arrival, os.urandom(8)) for arrival in arrivals]
        assert [arrival_of(name) for name in sorted(names)] == sorted(arrivals)


class TestMailbox:
    HOUR = 3_600_000

    def key(self, arrival: int) -> str:
        return message_key(bytes(32), arrival, bytes(8))

    def test_two_days(self) -> None:
        key = self.key(1000 * self.HOUR)
        for hours, expired in ((0, False), (47, False), (48, True), (900, True), (-47, False), (-48, True)):
            assert mailbox.is_expired(key, (1000 + hours) * self.HOUR) is expired
        assert not mailbox.is_expired("mailbox/00/something else", 0)

    def test_arrival_never_runs_backwards(self) -> None:
        kept = [self.key(1000)]
        assert mailbox.next_arrival([], 5) == 5
        assert mailbox.next_arrival(kept, 2000) == 2000
        assert mailbox.next_arrival(kept, 900) == 1001

    def test_full(self) -> None:
        kept = [self.key(number) for number in range(16)]
        with pytest.raises(PiccoloError) as told:
            mailbox.next_arrival(kept, 0)
        assert refusal(told) == (Kind.FULL, "MAILBOX_FULL")

    @pytest.mark.parametrize("size", [0, 65_537])
    def test_sizes(self, size: int) -> None:
        mailbox.check_message(bytes(1))
        mailbox.check_message(bytes(65_536))
        with pytest.raises(PiccoloError) as told:
            mailbox.check_message(bytes(size))
        assert refusal(told) == (Kind.INVALID, "MESSAGE_SIZE")


class TestLimits:
    def test_sizes(self) -> None:
        limits = Limits(entry=100, log=250)
        limits.check_append(100, 150)
        for size, kept, reason in ((101, 0, "ENTRY_TOO_LARGE"), (100, 151, "LOG_FULL")):
            with pytest.raises(PiccoloError) as told:
                limits.check_append(size, kept)
            assert refusal(told) == (Kind.FULL, reason)

    def test_who_follows_is_noted_in_a_full_log_too(self) -> None:
        limits = Limits(entry=100, log=250)
        limits.check_append(100, 250, beyond=BEYOND)
        limits.check_append(100, 250 + BEYOND - 100, beyond=BEYOND)
        for size, kept, reason in ((101, 0, "ENTRY_TOO_LARGE"), (100, 250 + BEYOND - 99, "LOG_FULL")):
            with pytest.raises(PiccoloError) as told:
                limits.check_append(size, kept, beyond=BEYOND)
            assert refusal(told) == (Kind.FULL, reason)

    def test_impossible_limits_are_refused(self) -> None:
        for entry, log in ((0, 10), (11, 10), (6 << 30, 60 << 30)):
            with pytest.raises(ValueError, match="5 GiB"):
                Limits(entry=entry, log=log)
