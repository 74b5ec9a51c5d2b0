"""The three ways to end, on a partition that is played, and a header as cryptsetup writes it."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st
from piccolo_chassis import command
from piccolo_chassis.errors import Kind, PiccoloError

from piccolo_power.adapters.cryptsetup import Cryptsetup
from piccolo_power.adapters.system import System
from piccolo_power.core.answers import Answer
from piccolo_power.core.asked import Act, parse
from piccolo_power.core.mark import MARK
from piccolo_power.engine.ending import Ending

ROOT: Final = Path(__file__).parents[3]
INITRD: Final = ROOT / "os-build/definition/initrd/module"
KEY: Final = b"k" * 64


class PowerCutError(Exception):
    """The power went."""


@dataclass
class FakePartition:
    """A header: whether it is marked, how many keys open it; after `cut` writes the power goes."""

    partition: bool = True
    marked: bool = False
    keys: int = 2
    fails: str = ""
    cut: int | None = None

    def there(self) -> bool:
        return self.partition

    async def mark(self) -> None:
        self._write("mark")
        self.marked = True

    async def erase(self) -> None:
        while self.keys:
            self._write("erase")
            self.keys -= 1

    def starts(self) -> str:
        """What the next start finds, as the initrd does it."""
        if self.partition and self.marked:
            return "fresh"
        return "whole" if self.keys == 2 else "closed"

    def _write(self, act: str) -> None:
        if act == self.fails:
            raise PiccoloError(Kind.INTERNAL, "COMMAND_FAILED", f"{act} failed")
        if self.cut is not None:
            self.cut -= 1
            if self.cut < 0:
                raise PowerCutError


@dataclass
class FakeHost:
    """A system in memory."""

    told: str = "sealed"
    fails: bool = False
    did: list[str] = field(default_factory=list)

    def state(self) -> str:
        return self.told

    async def restart(self) -> None:
        self._do("restart")

    async def shut_down(self) -> None:
        self._do("shutdown")

    def _do(self, act: str) -> None:
        if self.fails:
            raise PiccoloError(Kind.INTERNAL, "COMMAND_FAILED", f"{act} failed")
        self.did.append(act)


@given(st.binary(max_size=80))
def test_a_request_is_one_word_and_nothing_else(line: bytes) -> None:
    act = parse(line)
    assert act is None or line == f"{act}\n".encode()


@pytest.mark.parametrize("act", Act)
def test_what_the_gateway_writes_is_read(act: Act) -> None:
    assert parse(f"{act}\n".encode()) is act
    for odd in (f"{act}", f" {act}\n", f"{act} \n", f"{act}\n\n", f"{act.upper()}\n", f"{act}\nreset\n"):
        assert parse(odd.encode()) is None


@pytest.mark.parametrize("told", ["sealed", "opened", "degraded", ""])
@pytest.mark.parametrize("act", [Act.RESTART, Act.SHUTDOWN])
async def test_restart_and_shutdown_touch_no_key(act: Act, told: str) -> None:
    partition, host = FakePartition(), FakeHost(told)
    assert await Ending(partition, host).end(act) is Answer.ENDING
    assert (host.did, partition) == ([act.value], FakePartition())


@pytest.mark.parametrize("told", ["sealed", "opened"])
async def test_a_reset_leaves_no_key_and_restarts(told: str) -> None:
    partition, host = FakePartition(), FakeHost(told)
    assert await Ending(partition, host).end(Act.RESET) is Answer.ENDING
    assert (partition.marked, partition.keys, host.did) == (True, 0, ["restart"])


@given(st.integers(0, 4))
async def test_whenever_the_power_goes_the_device_is_whole_or_fresh(cut: int) -> None:
    partition = FakePartition(cut=cut)
    try:
        await Ending(partition, FakeHost()).end(Act.RESET)
    except PowerCutError:
        assert cut < 3
    assert partition.starts() == ("fresh" if cut else "whole")


async def test_a_mark_that_cannot_be_written_changes_nothing() -> None:
    partition, host = FakePartition(fails="mark"), FakeHost()
    with pytest.raises(PiccoloError):
        await Ending(partition, host).end(Act.RESET)
    assert (partition.starts(), host.did) == ("whole", [])


async def test_once_marked_it_restarts_whatever_becomes_of_the_keys() -> None:
    partition, host = FakePartition(fails="erase"), FakeHost()
    assert await Ending(partition, host).end(Act.RESET) is Answer.ENDING
    assert (partition.starts(), host.did) == ("fresh", ["restart"])


async def test_a_reset_that_cannot_restart_says_so_and_can_be_asked_for_again() -> None:
    partition = FakePartition()
    with pytest.raises(PiccoloError):
        await Ending(partition, FakeHost(fails=True)).end(Act.RESET)
    assert await Ending(partition, FakeHost()).end(Act.RESET) is Answer.ENDING


@pytest.mark.parametrize(
    ("told", "there", "answer", "did"),
    [
        ("degraded", True, Answer.CLOSED, []),
        ("degraded", False, Answer.ENDING, ["restart"]),
        ("", True, Answer.NONE, []),
        ("", False, Answer.NONE, []),
        ("odd", True, Answer.NONE, []),
    ],
)
async def test_data_that_nothing_opened_is_never_reset(
    told: str, there: bool, answer: Answer, did: list[str]
) -> None:
    partition, host = FakePartition(partition=there), FakeHost(told)
    assert await Ending(partition, host).end(Act.RESET) is answer
    assert (host.did, partition) == (did, FakePartition(partition=there))


@pytest.mark.parametrize(
    ("text", "state"), [("STATE=sealed\nREASON=\nDATA=yes\n", "sealed"), ("", ""), ("odd", "")]
)
def test_the_state_is_what_the_initrd_wrote(text: str, state: str, tmp_path: Path) -> None:
    (tmp_path / "boot").write_text(text, encoding="ascii")
    assert System(tmp_path / "boot").state() == state
    assert System(tmp_path / "none").state() == ""


def test_the_initrd_finds_the_mark_and_makes_the_partition_anew_before_anything_reads_it() -> None:
    assert f"Label:*{MARK}" in (INITRD / "piccolo-reset").read_text(encoding="ascii")
    unit = (INITRD / "piccolo-reset.service").read_text(encoding="ascii")
    assert "Before=systemd-repart.service piccolo-data.service" in unit
    assert "FactoryReset=yes" in (ROOT / "os-build/definition/root/usr/lib/repart.d/50-data.conf").read_text()


async def header(folder: Path) -> tuple[Path, Cryptsetup]:
    """A file with a header as systemd-repart makes one, and a key in it."""
    disk = folder / "disk"
    with disk.open("wb") as file:
        file.truncate(20 << 20)
    cheap = ("--pbkdf", "pbkdf2", "--pbkdf-force-iterations", "1000")
    made = ("--type", "luks2", "--batch-mode", "--label", "piccolo-data", *cheap, "--key-file", "-")
    await command.run(["cryptsetup", "luksFormat", *made, disk], stdin=KEY, seconds=60.0)
    return disk, Cryptsetup(disk)


async def opens(disk: Path) -> bool:
    words: list[str | Path] = ["cryptsetup", "open", "--test-passphrase", "--key-file", "-", disk]
    return (await command.run(words, stdin=KEY, seconds=60.0, check=False)).status == 0


async def dumped(disk: Path, *options: str) -> str:
    return (await command.run(["cryptsetup", "luksDump", *options, disk], seconds=60.0)).stdout.decode()


@pytest.mark.component
@pytest.mark.skipif(shutil.which("cryptsetup") is None, reason="no cryptsetup on this machine")
class TestRealHeader:
    """What the fake says of a header, said by cryptsetup."""

    async def test_the_mark_takes_no_key_away_and_the_initrd_sees_it(self, tmp_path: Path) -> None:
        disk, luks = await header(tmp_path)
        assert luks.there()
        assert not await self.is_seen(disk)
        for _ in range(2):
            await luks.mark()
            assert await opens(disk)
            assert await self.is_seen(disk)

    async def test_erased_nothing_opens_it_and_the_mark_stays(self, tmp_path: Path) -> None:
        disk, luks = await header(tmp_path)
        await luks.mark()
        for _ in range(2):
            await luks.erase()
            assert not await opens(disk)
            assert json.loads(await dumped(disk, "--dump-json-metadata"))["keyslots"] == {}
            assert await self.is_seen(disk)

    async def test_what_is_no_such_partition_is_refused_in_words(self, tmp_path: Path) -> None:
        luks = Cryptsetup(tmp_path / "none")
        assert not luks.there()
        for act in (luks.mark, luks.erase):
            with pytest.raises(PiccoloError, match="cryptsetup failed"):
                await act()

    async def is_seen(self, disk: Path) -> bool:
        """As the initrd's script asks."""
        script = f'case $(cryptsetup luksDump "$0" | grep "^Label:") in Label:*{MARK}) exit 0 ;; esac; exit 1'
        return (await command.run(["sh", "-c", script, disk], seconds=60.0, check=False)).status == 0
