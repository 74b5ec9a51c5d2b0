"""The words' slot and opening by the words, on a partition that is played."""

from __future__ import annotations

import json
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st
from piccolo_chassis.errors import Kind, PiccoloError

from piccolo_disk.core.answers import Answer
from piccolo_disk.core.asked import Asked, parse
from piccolo_disk.core.header import words_slots
from piccolo_disk.engine.enrolling import Enrolling
from piccolo_disk.engine.opening import Opening

KEY, OTHER = b"a" * 64, b"b" * 64
TPM = 0


@dataclass
class FakeLuks:
    """A header: which key is in which of the words' slots; slot 0 is the TPM's and is not among them."""

    keys: dict[int, bytes] = field(default_factory=dict)
    partition: bool = True
    opened: bool = False
    binds: bool = True
    fails: str = ""
    did: list[str] = field(default_factory=list)

    def there(self) -> bool:
        return self.partition

    def is_open(self) -> bool:
        return self.opened

    async def slots(self) -> frozenset[int]:
        return frozenset(self.keys)

    async def opens(self, key: bytes, slot: int) -> bool:
        return self.keys[slot] == key

    async def add(self, key: bytes) -> None:
        self._do("add")
        self.keys[max(self.keys, default=TPM) + 1] = key

    async def remove(self, slot: int) -> None:
        self._do("remove")
        del self.keys[slot]

    async def open(self, key: bytes) -> bool:
        self.opened = key in self.keys.values()
        return self.opened

    async def close(self) -> None:
        self.opened = False

    async def bind(self, key: bytes) -> bool:
        self._do("bind")
        return self.binds

    def _do(self, act: str) -> None:
        self.did.append(act)
        if act == self.fails:
            raise PiccoloError(Kind.INTERNAL, "COMMAND_FAILED", f"{act} failed")


@dataclass
class FakeHost:
    """A system in memory."""

    told: str = "degraded"
    mends: bool = True
    fails: str = ""
    did: list[str] = field(default_factory=list)

    def state(self) -> str:
        return self.told

    async def sound(self) -> bool:
        return self.mends

    async def stop(self) -> None:
        self._do("stop")

    async def take(self) -> None:
        self._do("take")

    async def start(self) -> None:
        self._do("start")

    def tell_opened(self) -> None:
        self._do("tell")
        self.told = "opened"

    def _do(self, act: str) -> None:
        self.did.append(act)
        if act == self.fails:
            raise PiccoloError(Kind.INTERNAL, "COMMAND_FAILED", f"{act} failed")


@given(st.binary(max_size=200))
def test_a_request_is_one_line_of_one_form_or_none(line: bytes) -> None:
    asked = parse(line)
    assert asked is None or line == f"{asked.act} {asked.key.decode()}\n".encode()


@given(st.sampled_from(["enrol", "open"]), st.binary(min_size=32, max_size=32))
def test_what_the_vault_writes_is_read(act: str, key: bytes) -> None:
    asked = parse(f"{act} {key.hex()}\n".encode())
    assert asked == Asked(act, key.hex().encode())
    assert key.hex() not in repr(asked)


def test_a_slot_that_a_token_refers_to_is_no_slot_of_words() -> None:
    tokens = '{"0": {"type": "systemd-tpm2", "keyslots": ["0"]}}'
    header = json.loads(f'{{"keyslots": {{"0": {{}}, "1": {{}}, "3": {{}}}}, "tokens": {tokens}}}')
    assert words_slots(header) == {1, 3}


@pytest.mark.parametrize("told", ["sealed", "opened"])
@pytest.mark.parametrize("before", [{}, {1: OTHER}, {1: OTHER, 2: KEY}, {1: KEY}])
async def test_after_enrolling_one_key_opens_it_and_no_other(told: str, before: dict[int, bytes]) -> None:
    luks = FakeLuks(dict(before))
    answer = await Enrolling(luks, FakeHost(told)).enrol(KEY)
    assert answer is (Answer.KEPT if KEY in before.values() else Answer.ENROLLED)
    assert list(luks.keys.values()) == [KEY]


@pytest.mark.parametrize("told", ["degraded", ""])
async def test_an_owner_in_memory_never_takes_the_slot_of_who_owns_the_disk(told: str) -> None:
    luks = FakeLuks({1: OTHER})
    assert await Enrolling(luks, FakeHost(told)).enrol(KEY) is Answer.NONE
    assert luks.keys == {1: OTHER}


async def test_a_slot_that_cannot_be_added_leaves_the_old_one() -> None:
    luks = FakeLuks({1: OTHER}, fails="add")
    with pytest.raises(PiccoloError):
        await Enrolling(luks, FakeHost("sealed")).enrol(KEY)
    assert luks.keys == {1: OTHER}


async def opened(luks: FakeLuks, host: FakeHost, key: bytes = KEY) -> list[Answer]:
    answers: list[Answer] = []

    def answer(one: Answer) -> None:
        assert "stop" not in host.did, "who asked is still there to hear it"
        answers.append(one)

    await Opening(luks, host).open(key, answer)
    return answers


async def test_the_words_open_it_services_start_on_it_and_the_tpm_is_bound() -> None:
    luks, host = FakeLuks({1: KEY}), FakeHost()
    assert await opened(luks, host) == [Answer.OPENED]
    assert host.did == ["stop", "take", "tell", "start"]
    assert (host.told, luks.did) == ("opened", ["bind"])


@pytest.mark.parametrize("luks", [FakeLuks({1: KEY}, binds=False), FakeLuks({1: KEY}, fails="bind")])
async def test_a_device_without_a_tpm_runs_on_its_data_all_the_same(luks: FakeLuks) -> None:
    host = FakeHost()
    assert await opened(luks, host) == [Answer.OPENED]
    assert host.did[-1] == "start"


@pytest.mark.parametrize(
    ("luks", "host", "answer"),
    [
        (FakeLuks({1: OTHER}), FakeHost(), Answer.WRONG),
        (FakeLuks(), FakeHost(), Answer.UNSET),
        (FakeLuks({1: KEY}, partition=False), FakeHost(), Answer.NONE),
        (FakeLuks({1: KEY}), FakeHost("sealed"), Answer.NONE),
        (FakeLuks({1: KEY}), FakeHost("opened"), Answer.NONE),
        (FakeLuks({1: KEY}), FakeHost(mends=False), Answer.DAMAGED),
    ],
)
async def test_what_is_refused_changes_nothing(luks: FakeLuks, host: FakeHost, answer: Answer) -> None:
    assert await opened(luks, host) == [answer]
    assert (host.did, luks.did, luks.opened) == ([], [], False)


async def test_what_is_open_already_and_not_in_use_is_damaged() -> None:
    assert await opened(FakeLuks({1: KEY}, opened=True), FakeHost()) == [Answer.DAMAGED]


async def test_services_start_again_when_the_data_cannot_be_put_to_use() -> None:
    luks, host = FakeLuks({1: KEY}), FakeHost(fails="take")
    with pytest.raises(PiccoloError):
        await opened(luks, host)
    assert host.did == ["stop", "take", "start"]
    assert host.told == "degraded"
