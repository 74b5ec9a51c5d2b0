"""Throttles, challenges, codes, names: the rules of access without a wire."""

from __future__ import annotations

import random
from typing import Final

import pyotp
import pytest
from hypothesis import given
from hypothesis import strategies as st
from piccolo_chassis.errors import PiccoloError
from piccolo_formats.tests.mutations import FUZZ, mutated

from piccolo_gateway.core import claim, factors, totp
from piccolo_gateway.core.access import Caller
from piccolo_gateway.core.factors import Credential, Record, TotpSecret
from piccolo_gateway.core.pending import Pendings
from piccolo_gateway.core.sites import Sites
from piccolo_gateway.core.throttle import Pace, Throttle, nearby, network
from piccolo_gateway.engine.claiming import ClaimCode, Claiming
from piccolo_gateway.engine.guesses import Guesses
from piccolo_gateway.ports.machine import Clock

PACE: Final = Pace(free=3, longest=60.0, quiet=600.0, most=8)
SECRET: Final = totp.secret(bytes(range(20)))
APP: Final = Record("0" * 16, "phone", 1, 2, totp=TotpSecret(SECRET, 5))
KEY: Final = Record("1" * 16, "key", 1, 2, passkey=Credential(b"id", b"key", 3, "piccolo.local", ["usb"]))


def tries(throttle: Throttle, key: str, clock: float) -> bool:
    """Whether a wrong guess was looked at."""
    failed: PiccoloError | None = None
    try:
        throttle.begin(key, clock)
    except PiccoloError as refused:
        failed = refused
    assert failed is None or failed.reason == "TOO_MANY_TRIES"
    assert failed is None or 0 < float(failed.details["retry_after"]) <= PACE.longest
    return failed is None


@given(st.lists(st.floats(0, 30), max_size=200))
def test_whoever_guesses_on_gets_few_tries(pauses: list[float]) -> None:
    throttle, clock, looked_at = Throttle(PACE), 0.0, 0
    for pause in pauses:
        clock += pause
        looked_at += tries(throttle, "a", clock)
    doublings = 5  # 2 + 4 + 8 + 16 + 32 s, then 60 s each
    assert looked_at <= PACE.free + 1 + doublings + clock / PACE.longest


@given(st.lists(st.tuples(st.integers(0, 40), st.floats(0, 30)), max_size=200))
def test_strangers_are_remembered_in_bounded_memory_and_keep_no_one_else_out(
    guesses: list[tuple[int, float]],
) -> None:
    throttle, clock = Throttle(PACE), 0.0
    for who, pause in guesses:
        clock += pause
        tries(throttle, str(who), clock)
        assert len(throttle) <= PACE.most
    assert tries(throttle, "the owner", clock)


@given(st.integers(0, 300))
def test_nobody_waits_longer_than_the_longest_wait(failures: int) -> None:
    throttle, clock = Throttle(PACE), 0.0
    for _ in range(failures):
        tries(throttle, "a", clock)
        clock += PACE.longest
    assert tries(throttle, "a", clock)


def test_a_right_guess_and_a_quiet_time_forget_the_wrong_ones() -> None:
    throttle = Throttle(PACE)
    assert [tries(throttle, "a", 0.0) for _ in range(5)] == [True, True, True, True, False]
    throttle.right("a")
    assert [tries(throttle, "a", 0.0) for _ in range(5)] == [True, True, True, True, False]
    assert [tries(throttle, "a", 603.0) for _ in range(5)] == [True, True, True, True, False]


def test_what_was_not_looked_at_is_taken_back() -> None:
    throttle = Throttle(PACE)
    for _ in range(50):
        assert tries(throttle, "a", 0.0)
        throttle.take_back("a")
    throttle.take_back("nobody")
    assert len(throttle) == 0


@pytest.mark.parametrize(
    ("address", "counted_under"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::1", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", ""),
    ],
)
def test_a_caller_is_an_address_or_a_network_of_64_bits(address: str, counted_under: str) -> None:
    assert network(address) == counted_under


@pytest.mark.parametrize(
    ("address", "here", "near"),
    [
        ("127.0.0.1", "127.0.0.1", True),
        ("::1", "::1", True),
        ("192.168.1.20", "192.168.1.2", True),
        ("10.0.0.1", "10.0.0.2", True),
        ("169.254.1.1", "169.254.1.2", True),
        ("fe80::1%eth0", "fe80::2", True),
        ("fd00::1", "fd00::2", True),
        ("::ffff:192.168.1.20", "::ffff:192.168.1.2", True),
        ("::ffff:8.8.8.8", "::ffff:192.168.1.2", False),
        ("8.8.8.8", "192.168.1.2", False),
        ("2a00:1450::1", "2a00:1450::2", True),  # a neighbour: the same network of 64 bits
        ("2a00:1450:0:1::1", "2a00:1450:0:2::2", False),
        ("", "192.168.1.2", False),
        ("not an address", "192.168.1.2", False),
        ("2001:0:53aa:64c:0:7b:3f57:fefe", "2a02::1", False),  # Teredo: from anywhere
        ("2002:c000:204::1", "2a02::1", False),  # 6to4
        ("2002:a00:1::1", "2a02::1", False),
        ("64:ff9b:1::1", "2a02::1", False),
        ("100.64.0.1", "192.0.2.1", False),  # a provider's other customers
        ("198.18.0.1", "192.0.2.1", False),
        ("203.0.113.7", "192.0.2.1", False),
        ("192.0.0.8", "192.0.2.1", False),
        ("240.0.0.1", "192.0.2.1", False),
        ("0.0.0.0", "192.0.2.1", False),
        ("100::1", "2a02::1", False),
        ("2001:db8::1", "2a02::1", False),
        ("3fff::1", "2a02::1", False),
        ("fd00::7", "2a02::1", True),
        ("fe80::1%eth0", "2a02::1", True),
        ("172.31.255.255", "192.0.2.1", True),
        ("::ffff:169.254.1.1", "192.0.2.1", True),
    ],
)
def test_who_is_near(address: str, here: str, near: bool) -> None:
    assert nearby(address, here) is near


def claiming(code: str | None) -> Claiming:
    return Claiming(None if code is None else ClaimCode(code), Guesses(Clock(lambda: 0, lambda: 0.0)))


async def refusal(door: Claiming, given_: str, address: str = "192.168.1.9") -> str:
    try:
        await door.check(given_, Caller(address, "192.168.1.2", "piccolo.local"))
    except PiccoloError as refused:
        return refused.reason
    return ""


async def test_who_may_claim_a_device() -> None:
    assert await refusal(claiming(None), "") == ""
    assert await refusal(claiming(None), "", "8.8.8.8") == "CLAIM_NOT_LOCAL"
    coded = claiming("ABCD-EFGH-2345")
    assert await refusal(coded, "") == "CLAIM_CODE_MISSING"
    assert await refusal(coded, "abcd efgh 2345", "8.8.8.8") == ""
    assert await refusal(claiming(""), "anything") == "CLAIM_CODE_UNREADABLE"
    found = [await refusal(coded, "ABCD-EFGH-2346") for _ in range(8)]
    assert found == ["CLAIM_CODE_WRONG"] * 6 + ["TOO_MANY_TRIES"] * 2
    assert await refusal(coded, "ABCD-EFGH-2345") == "TOO_MANY_TRIES"
    assert await refusal(coded, "ABCD-EFGH-2345", "192.168.1.10") == ""


@given(st.text(), st.text())
def test_codes_are_the_same_when_a_person_would_say_so(one: str, other: str) -> None:
    assert claim.same(one, other) is (claim.normal(one) == claim.normal(other))


@given(st.integers(0, 1 << 34), st.integers(-3, 3))
def test_a_code_is_taken_near_its_time_and_once(now: int, steps: int) -> None:
    at = now // totp.STEP + steps
    code = pyotp.TOTP(SECRET).generate_otp(max(at, 0))
    found = totp.matched(SECRET, code, now, -1)
    if at >= 0 and abs(steps) <= 1:
        assert found is not None
        assert totp.matched(SECRET, code, now, found) is None
    elif found is not None:  # the same digits by chance
        assert pyotp.TOTP(SECRET).generate_otp(found) == code


def test_codes_are_those_of_the_rfc() -> None:
    secret = totp.secret(b"12345678901234567890")  # RFC 6238, appendix B; the last six digits of eight
    for now, code in ((59, "287082"), (1111111109, "081804"), (20000000000, "353130")):
        assert totp.matched(secret, code, now, -1) == now // totp.STEP


@given(st.text(max_size=20))
def test_no_text_breaks_the_comparison_of_codes(text: str) -> None:
    assert totp.matched(SECRET, text, 59, -1) is None or len(text) >= 6


@given(st.binary(min_size=100, max_size=100), st.integers(0, 9))
def test_recovery_codes_are_good_once(seed: bytes, at: int) -> None:
    codes, kept = factors.make_codes(seed, 7)
    rest = kept.without(codes[at].upper().replace("-", " "))
    assert rest is not None
    assert rest.without(codes[at]) is None
    assert kept.without("") is None
    assert not any(code in str(kept) for code in codes)


@FUZZ
@given(mutated(APP.encode()) | mutated(KEY.encode()) | st.sampled_from([b"", b"null", b"[" * 3000, b"\xff"]))
def test_a_factor_that_was_spoilt_is_a_factor_still(kept: bytes) -> None:
    record = factors.decode(APP.key, kept)
    assert record.key == APP.key
    assert record.told().kind in {"totp", "passkey", "unreadable"}


@FUZZ
@given(mutated(factors.make_codes(bytes(100), 7)[1].encode()))
def test_recovery_codes_that_were_spoilt_open_nothing(kept: bytes) -> None:
    assert factors.decode_codes(kept).without("wrong") is None


def test_what_is_kept_comes_back() -> None:
    for record in (APP, KEY):
        assert factors.decode(record.key, record.encode()) == record


@given(st.lists(st.tuples(st.sampled_from(["begin", "attempt", "end"]), st.floats(0, 50)), max_size=60))
def test_what_is_begun_lives_so_long_and_so_many_tries(steps: list[tuple[str, float]]) -> None:
    book: Pendings[int] = Pendings(100.0, most=3, tries=2, random=random.Random(1).randbytes)
    known: list[list[float]] = []  # the secret's number, since, tries
    secrets: list[str] = []
    clock = 0.0
    for number, (step, pause) in enumerate(steps):
        clock += pause
        if step == "begin":
            known = [*[one for one in known if clock - one[1] <= 100][-2:], [len(secrets), clock, 0]]
            secrets.append(book.begin(number, clock))
        elif secrets:
            living = {int(one[0]): one for one in known if clock - one[1] <= 100 and one[2] < 2}
            last = len(secrets) - 1
            if step == "attempt":
                assert (book.attempt(secrets[last], clock) is not None) is (last in living)
                if last in living:
                    living[last][2] += 1
            else:
                book.end(secrets[last])
                known = [one for one in known if one[0] != last]
        known = [one for one in known if one[2] < 2]
        assert len(book) <= 3
    assert not any(secret in repr(book) for secret in secrets)


@pytest.mark.parametrize(
    ("host", "found"),
    [
        ("piccolo.local", ("piccolo.local", "https://piccolo.local")),
        ("PICCOLO.local:443", ("piccolo.local", "https://piccolo.local")),
        ("piccolo.local:8443", ("piccolo.local", "https://piccolo.local:8443")),
        ("piccolo.local.", None),
        ("a.piccolo.local", None),
        ("192.0.2.1", None),
        ("[2001:db8::1]:443", None),
        ("", None),
        ("[", None),
        ("piccolo.local:port", None),
        ("evil@piccolo.local", ("piccolo.local", "https://piccolo.local")),
    ],
)
def test_where_a_browser_is(host: str, found: tuple[str, str] | None) -> None:
    site = Sites(("Piccolo.local", "192.0.2.1")).find(host)
    assert (site and (site.host, site.origin)) == found
