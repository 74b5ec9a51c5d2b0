"""What the initrd does after boots that did not end well."""

from __future__ import annotations

from pathlib import Path

import pytest

from piccolo_image.tests.test_memory import ROOT_HASH, Initrd, initrd

__all__ = ["initrd"]
VENDOR = "4a67b082-0a4c-41cf-b6c7-440b29bb8c4f"
MOST = 4


@pytest.fixture
def esp(initrd: Initrd) -> Path:
    """Its system partition, with the only version, which was blessed and is started."""
    variables = initrd.folder / "efivars"
    variables.mkdir()
    name = variables / f"LoaderEntrySelected-{VENDOR}"
    name.write_bytes(b"\x06\0\0\0" + "piccolo_2.efi\0".encode("utf-16-le"))
    made = initrd.folder / "run-esp"
    (made / "loader").mkdir(parents=True)
    (made / "EFI/Linux").mkdir(parents=True)
    (made / "EFI/Linux/piccolo_2.efi").touch()
    return made


async def boots(initrd: Initrd, times: int) -> None:
    for _ in range(times):
        await initrd.run("piccolo-guard")


async def test_power_that_goes_at_every_boot_stops_no_device_for_ever(initrd: Initrd, esp: Path) -> None:
    """After four of them the whole root is looked at; it is sound, and the counting begins anew."""
    await boots(initrd, MOST)
    assert (esp / "loader/piccolo-boots").read_text() == "4 piccolo_2.efi\n"
    assert not any(line.startswith("veritysetup") for line in initrd.did)
    await boots(initrd, 1)
    first, second = ROOT_HASH[:32], "f" * 32
    root, verity = "01234567-89ab-cdef-0123-456789abcdef", "ffffffff-ffff-ffff-ffff-ffffffffffff"
    assert f"veritysetup verify /{root} /{verity} {first}{second}" in initrd.did
    assert "it is started again" in initrd.said
    assert not (esp / "loader/piccolo-boots").exists()
    await boots(initrd, 2 * MOST)
    assert "halt -f" not in initrd.did


async def test_a_damaged_root_stops_in_words_at_every_further_start(initrd: Initrd, esp: Path) -> None:
    initrd.facts["FAILS"] = "veritysetup*"
    await boots(initrd, MOST + 1)
    assert "The device stops here." in initrd.said
    assert initrd.did[-1] == "halt -f"
    await boots(initrd, 1)
    assert initrd.did.count("halt -f") == 2


async def test_another_version_that_was_good_has_its_turn(initrd: Initrd, esp: Path) -> None:
    (esp / "EFI/Linux/piccolo_1.efi").touch()
    await boots(initrd, MOST + 1)
    assert initrd.did[-1] == "reboot -f"
    assert {path.name for path in (esp / "EFI/Linux").iterdir()} == {"piccolo_1.efi", "piccolo_2+0-4.efi"}


async def test_one_on_trial_is_counted_by_the_boot_loader_alone(initrd: Initrd, esp: Path) -> None:
    (initrd.folder / f"efivars/LoaderBootCountPath-{VENDOR}").touch()
    await boots(initrd, 2 * MOST)
    assert not (esp / "loader/piccolo-boots").exists()


PART_UUID = "00000000-ABCD-4000-8000-00000000000a"


async def test_the_system_partition_is_the_one_that_the_boot_loader_was_started_from(
    initrd: Initrd, esp: Path
) -> None:
    """Whatever other disk or stick has one of that name; later in the boot, too."""
    variable = initrd.folder / f"efivars/LoaderDevicePartUUID-{VENDOR}"
    variable.write_bytes(b"\x06\0\0\0" + f"{PART_UUID}\0".encode("utf-16-le"))
    await boots(initrd, 1)
    (mounted,) = (line for line in initrd.did if line.startswith("mount -t vfat"))
    assert f" /{PART_UUID.lower()} /run-esp" in mounted
    told = (initrd.folder / "units/efi.mount.d/own.conf").read_text().replace(f"{initrd.folder}/", "/")
    assert told == f"[Mount]\nWhat=/{PART_UUID.lower()}\n"


async def test_one_on_trial_has_its_system_partition_too(initrd: Initrd, esp: Path) -> None:
    (initrd.folder / f"efivars/LoaderBootCountPath-{VENDOR}").touch()
    variable = initrd.folder / f"efivars/LoaderDevicePartUUID-{VENDOR}"
    variable.write_bytes(b"\x06\0\0\0" + f"{PART_UUID}\0".encode("utf-16-le"))
    await boots(initrd, 1)
    assert (initrd.folder / "units/efi.mount.d/own.conf").exists()


@pytest.mark.parametrize("told", [None, b"\x06\0\0\0", b"\x06\0\0\0" + "../x\0".encode("utf-16-le")])
async def test_without_a_word_of_the_boot_loader_it_is_the_one_of_that_name(
    initrd: Initrd, esp: Path, told: bytes | None
) -> None:
    if told is not None:
        (initrd.folder / f"efivars/LoaderDevicePartUUID-{VENDOR}").write_bytes(told)
    await boots(initrd, 1)
    (mounted,) = (line for line in initrd.did if line.startswith("mount -t vfat"))
    assert " /esp /run-esp" in mounted
    assert not (initrd.folder / "units").exists()
