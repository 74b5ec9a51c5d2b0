"""What can be said of an image before it is made: its cache, its packages, its disk's layout."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from piccolo_chassis.errors import PiccoloError

from piccolo_image import debian, disk
from piccolo_image.__main__ import CHECKOUT, parser, size, variant_of, version
from piccolo_image.artefacts import Artefacts, command_line
from piccolo_image.programs import Programs
from piccolo_image.workshop import Workshop

DEFINITION = CHECKOUT / "os-build/definition"


@pytest.fixture
def workshop(tmp_path: Path) -> Workshop:
    return Workshop(tmp_path, DEFINITION, Programs(tmp_path / "log"))


async def test_a_tree_is_made_once_for_its_inputs(workshop: Workshop) -> None:
    made: list[Path] = []

    async def make(target: Path) -> None:
        made.append(target)
        target.mkdir()
        (target / "file").write_text("x")

    first = await workshop.tree("t", "one", make)
    assert await workshop.tree("t", "one", make) == first
    assert await workshop.tree("t", "two", make) != first
    assert len(made) == 2
    assert (first / "file").read_text() == "x"


async def test_a_tree_whose_making_was_cut_off_is_made_anew(workshop: Workshop) -> None:
    async def cut_off(target: Path) -> None:
        target.mkdir()
        (target / "half").write_text("x")
        raise RuntimeError("the power went")

    async def whole(target: Path) -> None:
        target.mkdir()

    with pytest.raises(RuntimeError):
        await workshop.tree("t", "one", cut_off)
    assert list((await workshop.tree("t", "one", whole)).iterdir()) == []


@pytest.mark.parametrize(("part", "mebibytes"), [("root", 640), ("verity", 16), ("uki", 100)])
def test_a_release_that_no_slot_has_room_for_is_refused(tmp_path: Path, part: str, mebibytes: int) -> None:
    made = Artefacts(tmp_path, "1.2.3")
    for path in (made.root, made.verity, made.uki):
        path.touch()
    with (tmp_path / part).open("wb") as file:
        file.truncate(mebibytes << 20)
    disk.check_room(made)
    with (tmp_path / part).open("ab") as file:
        file.write(b"x")
    with pytest.raises(PiccoloError, match=f"room for {mebibytes} MiB") as refused:
        disk.check_room(made)
    assert refused.value.reason == "RELEASE_TOO_LARGE"


async def test_a_program_that_fails_is_named_with_what_it_said(tmp_path: Path) -> None:
    programs = Programs(tmp_path / "log")
    with pytest.raises(PiccoloError, match=r"(?s)sh ended with 3.*no such disk") as failed:
        await programs.run("sh", "-c", "echo no such disk >&2; exit 3")
    assert failed.value.reason == "BUILD_FAILED"
    assert "no such disk" in (tmp_path / "log").read_text()


def test_the_production_image_has_no_way_in() -> None:
    told = tomllib.loads((DEFINITION / "packages.toml").read_text(encoding="utf-8"))
    assert "openssh-server" in told["development"]
    assert not {"openssh-server", "dropbear", "login", "sudo"} & set(debian.packages(DEFINITION, "root"))


def test_slots_are_found_by_the_root_hash(tmp_path: Path) -> None:
    (tmp_path / "roothash").write_text("00112233445566778899aabbccddeeff" + "f" * 32 + "\n")
    made = Artefacts(tmp_path, "7")
    assert str(made.slot.root) == "00112233-4455-6677-8899-aabbccddeeff"
    table = disk.table(made)
    assert f"uuid={made.slot.root}" in table
    assert f"uuid={made.slot.verity}" in table
    assert table.count('name="_empty"') == 2, "one free slot, for the next version"


@pytest.fixture
def made(tmp_path: Path) -> Artefacts:
    (tmp_path / "roothash").write_text("ab" * 32 + "\n")
    for name, length in (("root", 8192), ("verity", 4096)):
        (tmp_path / name).write_bytes(bytes(length))
    return Artefacts(tmp_path, "7")


def test_the_flavour_ram_has_production_s_root_and_one_slot(made: Artefacts) -> None:
    told = parser().parse_args(["image", "--flavour", "ram", "out"])
    variant = variant_of(told.flavour, told.version)
    assert (variant.flavour, variant.in_ram, told.size) == ("production", True, None)
    assert not variant_of("development", "1").in_ram
    table = disk.table(made, slots=1)
    assert f"uuid={made.slot.root}" in table
    assert "_empty" not in table
    sizes = [int(each) for each in re.findall(r"size=(\d+)MiB", table)]
    assert (sum(sizes) + 2) << 20 <= disk.MEDIUM, "and both tables of the partitions"
    with pytest.raises(SystemExit):
        parser().parse_args(["release", "--flavour", "ram", "out"])


def test_a_root_that_runs_in_memory_is_the_same_and_its_command_line_says_where(made: Artefacts) -> None:
    usual = command_line(made, development=False, in_ram=False)
    in_ram = command_line(made, development=False, in_ram=True)
    assert "piccolo.ram" not in usual
    assert "mask" not in usual
    assert set(usual.split()) < set(in_ram.split())
    words = in_ram.split()
    assert "piccolo.ram=8192,4096" in words
    assert {"systemd.verity_root_data=/dev/loop0", "systemd.verity_root_hash=/dev/loop1"} < set(words)


@pytest.mark.parametrize("in_ram", [False, True])
def test_only_the_development_flavour_takes_credentials_from_outside(made: Artefacts, in_ram: bool) -> None:
    """They may hold units (systemd-debug-generator(8)), and are in no measurement that data are sealed to."""
    word = "systemd.import_credentials=no"
    assert word in command_line(made, development=False, in_ram=in_ram).split()
    assert word not in command_line(made, development=True, in_ram=in_ram).split()


def test_whatever_names_the_system_partition_is_masked_in_memory(made: Artefacts) -> None:
    words = command_line(made, development=False, in_ram=True).split()
    masked = {word.partition("=")[2] for word in words if "systemd.mask=" in word}
    units = DEFINITION / "root/usr/lib/systemd/system"
    files = [path for path in units.iterdir() if path.is_file()]
    naming = {path.name for path in files if re.search(r"/efi|partlabel/esp", path.read_text())}
    scripts = (path for path in (DEFINITION / "initrd/module").iterdir() if not path.suffix)
    naming |= {f"{path.name}.service" for path in scripts if "partlabel/esp" in path.read_text()}
    assert {"efi.mount", "piccolo-guard.service", "device-settled.service"} <= naming
    assert naming - masked == {"device-settling.service"}, "which nothing but a masked timer starts"
    assert {"systemd-repart.service", "piccolo-reset.service"} <= masked, "they divide the root's disk"


@given(
    pieces=st.lists(st.tuples(st.booleans(), st.integers(1, 3)), min_size=1, max_size=5), at=st.integers(0, 5)
)
def test_a_partition_is_written_whole_and_its_zeros_stay_holes(
    tmp_path_factory: pytest.TempPathFactory, pieces: list[tuple[bool, int]], at: int
) -> None:
    folder = tmp_path_factory.mktemp("disk")
    content = b"".join((b"\0" if hole else b"x") * (count << 19) for hole, count in pieces)
    (folder / "content").write_bytes(content)
    target = folder / "disk"
    with target.open("wb") as file:
        file.truncate((at << 20) + len(content))
    disk.put(folder / "content", target, at << 20)
    assert target.read_bytes()[at << 20 :] == content
    assert target.stat().st_size == (at << 20) + len(content)


@pytest.mark.parametrize("told", ["", "1.", "v1", '1", type=x', "1\n2", "../1"])
def test_what_is_no_version_never_gets_into_a_partition_s_name(told: str) -> None:
    assert version("12.3") == "12.3"
    with pytest.raises(ValueError, match=f"^{re.escape(told)}$"):
        version(told)


def test_a_disk_holds_both_slots() -> None:
    assert size("3") == 3
    with pytest.raises(ValueError, match="2"):
        size("2")
