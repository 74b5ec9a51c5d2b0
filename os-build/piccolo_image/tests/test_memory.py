"""The initrd's scripts; root's tools are played, its places in a folder."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from piccolo_chassis import command

from piccolo_image.__main__ import CHECKOUT

MODULE = CHECKOUT / "os-build/definition/initrd/module"
ROOT_HASH = "0123456789abcdef" * 4
UUIDS = ("01234567-89ab-cdef-0123-456789abcdef",) * 2
ROOT, VERITY = b"r" * 8192, b"v" * 4096
TOOLS = (
    *(
        "blkid",
        "cryptsetup",
        "e2fsck",
        "halt",
        "losetup",
        "mkfs.ext4",
        "modprobe",
        "mount",
        "mountpoint",
        "partx",
    ),
    *(
        "reboot",
        "systemd-cryptenroll",
        "systemd-cryptsetup",
        "systemd-repart",
        "tune2fs",
        "udevadm",
        "umount",
    ),
    "veritysetup",
)
SECONDS = 30.0
PLAYED = """#!/bin/sh
echo "${0##*/} $*" >>"$DID"
case "${0##*/} $*" in $FAILS) exit 1 ;; esac
case "${0##*/} $*" in
    blkid*TYPE*) echo "$KIND" ;;
    blkid*LABEL*) echo "$LABEL" ;;
    blkid*PART_ENTRY_NAME*) for node; do :; done; cat "$node.name" ;;
    cryptsetup?luksDump*) echo "Label: $LABEL" ;;
    mountpoint*) echo 254:0 ;;
esac
"""


class Initrd:
    """Its places in a folder; `did` is what its tools were asked for."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.facts = {"DID": str(folder / "did"), "FAILS": "none", "KIND": "", "LABEL": ""}
        (folder / "bin").mkdir()
        for name in TOOLS:
            (folder / "bin" / name).write_text(PLAYED)
            (folder / "bin" / name).chmod(0o755)
        (folder / "console").touch()
        (folder / "did").touch()

    async def run(self, script: str, *words: str) -> None:
        """Runs one of the scripts."""
        own = self.folder / "bin/piccolo-own"
        own.write_text(self._here("piccolo-own"), encoding="utf-8")
        own.chmod(0o755)
        path = f"{self.folder / 'bin'}:{os.environ['PATH']}"
        told = ["env", f"PATH={path}", *(f"{name}={value}" for name, value in self.facts.items())]
        text = self._here(script)
        await command.run([*told, "sh", "-c", text, "sh", *words], seconds=SECONDS, check=False)

    def _here(self, script: str) -> str:
        """A script, whose places are in the folder."""
        text = (MODULE / script).read_text(encoding="ascii")
        for place, here in (
            ("/dev/disk/by-partuuid/", f"{self.folder}/"),
            ("/dev/disk/by-partlabel/", f"{self.folder}/"),
            ("/run/piccolo", f"{self.folder}/run"),
            ("/run/systemd/system", f"{self.folder}/units"),
            ("/proc/", f"{self.folder}/"),
            ("/sys/firmware/efi/efivars", f"{self.folder}/efivars"),
            ("/sys/class/block", f"{self.folder}/class"),
            ("/sys/dev/block", f"{self.folder}/block"),
            (">/dev/console", f">>{self.folder}/console"),
            ("/dev/piccolo-data", f"{self.folder}/own"),
            ("/dev/tpmrm0", f"{self.folder}/tpmrm0"),
            ("/dev/$", f"{self.folder}/$"),
        ):
            text = text.replace(place, here)
        return text

    @property
    def did(self) -> list[str]:
        """One line for each tool."""
        return (self.folder / "did").read_text(encoding="utf-8").replace(str(self.folder), "").splitlines()

    @property
    def said(self) -> str:
        """What is on its console."""
        return (self.folder / "console").read_text(encoding="utf-8")


@pytest.fixture
def initrd(tmp_path: Path) -> Initrd:
    made = Initrd(tmp_path)
    first, second = ROOT_HASH[:32], "f" * 32
    (tmp_path / "cmdline").write_text(f"ro roothash={first}{second} piccolo.ram={len(ROOT)},{len(VERITY)}\n")
    (tmp_path / "meminfo").write_text("MemTotal:  2097152 kB\nMemAvailable:  1048576 kB\n")
    (tmp_path / UUIDS[0]).write_bytes(ROOT + b"what else is on the partition")
    (tmp_path / "ffffffff-ffff-ffff-ffff-ffffffffffff").write_bytes(VERITY)
    return made


async def test_a_whole_medium_is_copied_proven_and_attached(initrd: Initrd) -> None:
    await initrd.run("piccolo-ram")
    memory = initrd.folder / "run/ram"
    assert (memory / "root").read_bytes() == ROOT
    assert (memory / "verity").read_bytes() == VERITY
    told = f"veritysetup verify /run/ram/root /run/ram/verity {ROOT_HASH[:32]}{'f' * 32}"
    attached = ["losetup -r /dev/loop0 /run/ram/root", "losetup -r /dev/loop1 /run/ram/verity"]
    assert initrd.did[-2:] == attached
    assert told in initrd.did
    assert "halt -f" not in initrd.did


async def test_a_medium_that_is_not_there_ends_in_words(initrd: Initrd) -> None:
    initrd.facts["FAILS"] = "udevadm*"
    await initrd.run("piccolo-ram")
    assert "The medium is not there" in initrd.said
    assert initrd.did[-1] == "halt -f"


async def test_a_medium_that_ends_too_early_ends_in_words(initrd: Initrd) -> None:
    (initrd.folder / UUIDS[0]).write_bytes(ROOT[:-1])
    await initrd.run("piccolo-ram")
    assert "could not be read to its end" in initrd.said
    assert initrd.did[-1] == "halt -f"


async def test_a_medium_that_was_changed_ends_in_words(initrd: Initrd) -> None:
    initrd.facts["FAILS"] = "veritysetup*"
    await initrd.run("piccolo-ram")
    assert "The medium is damaged" in initrd.said
    assert initrd.did[-1] == "halt -f"


async def test_too_little_memory_ends_in_words_and_figures(initrd: Initrd) -> None:
    (initrd.folder / "meminfo").write_text("MemAvailable:  204800 kB\n")
    await initrd.run("piccolo-ram")
    assert "too little memory: 200 MiB, and 256 are needed" in initrd.said
    assert initrd.did[-1] == "halt -f"
    assert not any(line.startswith("mount") for line in initrd.did)


@pytest.fixture
def volume(initrd: Initrd) -> Path:
    """A blank partition."""
    made = initrd.folder / "piccolo-data"
    with made.open("wb") as file:
        file.truncate(17 << 20)
    return made


MAKING = [
    "cryptsetup luksFormat --batch-mode --type luks2 --label piccolo-new",
    "cryptsetup open",
    "mkfs.ext4",
    "cryptsetup close piccolo-new",
    "systemd-cryptenroll",
    "cryptsetup config --batch-mode --label piccolo-data",
]


def making(initrd: Initrd) -> list[str]:
    """Which steps of making a volume were taken, in order."""
    done = [line for line in initrd.did if line.startswith(("cryptsetup", "mkfs", "systemd-cryptenroll"))]
    return [step for line, step in zip(done, MAKING, strict=False) if line.startswith(step)]


@pytest.mark.parametrize(
    ("kind", "label"), [("", ""), ("crypto_LUKS", "piccolo-new"), ("crypto_LUKS", "piccolo-reset")]
)
async def test_a_volume_is_made_of_what_is_blank_or_was_cut_off(
    initrd: Initrd, volume: Path, kind: str, label: str
) -> None:
    initrd.facts |= {"KIND": kind, "LABEL": label}
    await initrd.run("piccolo-volume", "--tpm2-pcrs=7")
    assert making(initrd) == MAKING
    (enrolled,) = (line for line in initrd.did if line.startswith("systemd-cryptenroll"))
    assert "--wipe-slot=password --tpm2-device=auto --tpm2-pcrs=7 /piccolo-data" in enrolled
    assert not (initrd.folder / "run-volume-key").exists()


@pytest.mark.parametrize(
    ("kind", "label"), [("crypto_LUKS", "piccolo-data"), ("crypto_LUKS", ""), ("ext4", "")]
)
async def test_what_holds_anything_else_is_left_alone(
    initrd: Initrd, volume: Path, kind: str, label: str
) -> None:
    initrd.facts |= {"KIND": kind, "LABEL": label}
    if kind == "ext4":
        volume.write_bytes(b"\0" * 1024 + b"x" + b"\0" * (17 << 20))
    await initrd.run("piccolo-volume")
    assert making(initrd) == []


async def test_what_only_looks_like_no_file_system_is_not_blank(initrd: Initrd, volume: Path) -> None:
    volume.write_bytes(bytes(15 << 20) + b"x" + bytes(2 << 20))
    await initrd.run("piccolo-volume")
    assert making(initrd) == []


@pytest.mark.parametrize("at", range(len(MAKING)))
async def test_a_step_that_fails_leaves_a_volume_that_is_made_anew(
    initrd: Initrd, volume: Path, at: int
) -> None:
    initrd.facts["FAILS"] = f"{MAKING[at].replace('--label piccolo-new', '*')}*"
    await initrd.run("piccolo-volume")
    assert making(initrd) == MAKING[: at + 1]
    assert not (initrd.folder / "run-volume-key").exists()
