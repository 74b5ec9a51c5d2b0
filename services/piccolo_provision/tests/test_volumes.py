"""Real volumes, FAT and ext4, good and bad; and the real age and minisign, both ways."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import minisign
import pyrage
import pytest
from piccolo_chassis import command

from piccolo_provision.adapters.volume import SeedVolume
from piccolo_provision.core import seed
from piccolo_provision.core.opening import Measure, open_answer
from piccolo_provision.core.refusals import Reason, RefusedError
from piccolo_provision.core.seed import Answer
from piccolo_provision.tests.nodes import NOW, Household
from script.seeding import Plan, make, signing_key, update, write_volume

pytestmark = [
    pytest.mark.component,
    pytest.mark.skipif(
        None in [shutil.which(name) for name in ("age", "minisign", "mcopy", "debugfs")],
        reason="no age, minisign, mtools or e2fsprogs on this machine",
    ),
]
HOME = Household()
GOOD = HOME.answer()
TIME = {"time": {"servers": ["ntp.example.org"]}}
FILES = HOME.files(site=b"https://example.org", node_age=GOOD.sealed, node_age_minisig=GOOD.signature)


async def run(*words: str | Path) -> bytes:
    return (await command.run(words, seconds=60.0)).stdout


async def read(volume: Path) -> dict[str, bytes] | None:
    return await SeedVolume(volume, 0.0, lambda: 1.0).read()


async def refused(volume: Path) -> Reason:
    with pytest.raises(RefusedError) as found:
        await read(volume)
    return found.value.why


async def ext4(files: dict[str, bytes], out: Path, folder: Path) -> Path:
    content = folder / "content"
    content.mkdir()
    for name, each in files.items():
        (content / name).write_bytes(each)
    await run("mkfs.ext4", "-q", "-L", "PICCOLOSEED", "-d", content, out, "4M")
    return out


async def test_both_kinds_of_volume_are_read(tmp_path: Path) -> None:
    await write_volume(FILES, tmp_path / "fat")
    assert await read(tmp_path / "fat") == FILES
    assert await read(await ext4(FILES, tmp_path / "ext4", tmp_path)) == FILES
    assert (tmp_path / "fat").stat().st_mode & 0o777 == 0o600


@pytest.mark.skipif(shutil.which("udevadm") is None, reason="no udev on this machine")
async def test_a_volume_that_does_not_come_is_not_waited_for_for_ever(tmp_path: Path) -> None:
    assert await SeedVolume(tmp_path / "nothing", 1.1, lambda: 1.0).read() is None


async def test_what_is_not_there_is_not_there(tmp_path: Path) -> None:
    assert await read(tmp_path / "nothing") is None
    await write_volume({seed.NAME: b"kitchen"}, tmp_path / "fat")
    assert await read(tmp_path / "fat") == {seed.NAME: b"kitchen"}
    assert await read(await ext4({seed.NAME: b"kitchen"}, tmp_path / "ext4", tmp_path)) == {
        seed.NAME: b"kitchen"
    }


@pytest.mark.parametrize("kind", ["fat", "ext4"])
async def test_a_file_larger_than_any_of_a_seed_is_refused(tmp_path: Path, kind: str) -> None:
    files = FILES | {seed.NAME: b"k" * 4097}
    if kind == "fat":
        await write_volume(files, tmp_path / kind)
    else:
        await ext4(files, tmp_path / kind, tmp_path)
    assert await refused(tmp_path / kind) is Reason.SEED_UNREADABLE


@pytest.mark.parametrize("content", [b"", b"\0" * 4096, b"x" * 100_000])
async def test_what_is_no_volume_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "volume").write_bytes(content)
    assert await refused(tmp_path / "volume") is Reason.SEED_UNREADABLE


@pytest.mark.parametrize("left", [1024, 4096, 20_000])
@pytest.mark.parametrize("kind", ["fat", "ext4"])
async def test_a_truncated_volume_is_refused_or_lacks_files(tmp_path: Path, kind: str, left: int) -> None:
    if kind == "fat":
        await write_volume(FILES, tmp_path / kind)
    else:
        await ext4(FILES, tmp_path / kind, tmp_path)
    whole = (tmp_path / kind).read_bytes()
    (tmp_path / kind).write_bytes(whole[:left])
    with pytest.raises(RefusedError):
        seed.parse(await read(tmp_path / kind) or {})


def plan(folder: Path, serial: int = 1, told: dict[str, Any] | None = None) -> Plan:
    return Plan(
        "kitchen",
        told or {},
        serial=serial,
        days=30,
        site="",
        offline=True,
        folder=folder / "site",
        keys=folder / "keys",
    )


async def test_age_and_minisign_read_what_script_seed_made(tmp_path: Path) -> None:
    identity = pyrage.x25519.Identity.generate()
    files = make(plan(tmp_path, told=TIME), identity, NOW)
    (tmp_path / "key").write_bytes(files[seed.KEY])
    entry = tmp_path / "site/nodes/kitchen"
    await run("minisign", "-V", "-q", "-p", tmp_path / "keys/minisign.pub", "-m", entry)
    assert b"ntp.example.org" in await run("age", "-d", "-i", tmp_path / "key", entry)
    assert files[seed.SEALED] == entry.read_bytes()


async def test_what_age_and_minisign_made_is_taken(tmp_path: Path) -> None:
    key, public, secret = tmp_path / "age.key", tmp_path / "minisign.pub", tmp_path / "minisign.key"
    await run("age-keygen", "-o", key)
    await run("minisign", "-G", "-W", "-p", public, "-s", secret)
    recipient = (await run("age-keygen", "-y", key)).decode().strip()
    (tmp_path / "node").write_text('node = "kitchen"\nserial = 4\nexpires = 2027-01-01T00:00:00Z\n')
    await run("age", "-r", recipient, "-o", tmp_path / "node.age", tmp_path / "node")
    await run("minisign", "-S", "-s", secret, "-m", tmp_path / "node.age")
    files = {name: (tmp_path / name).read_bytes() for name in (seed.KEY, seed.SIGNER)}
    read = seed.parse({seed.NAME: b"kitchen\n", **files})
    answer = Answer((tmp_path / "node.age").read_bytes(), (tmp_path / "node.age.minisig").read_bytes())
    assert open_answer(answer, read, Measure(NOW, 0)).serial == 4


async def test_a_signer_s_key_is_one_for_both(tmp_path: Path) -> None:
    """The key that script/seed makes signs with minisign, and minisign's signs with script/seed."""
    signing_key(tmp_path / "ours")
    (tmp_path / "told").write_bytes(b"told")
    await run("minisign", "-S", "-s", tmp_path / "ours/minisign.key", "-m", tmp_path / "told")
    signature = minisign.Signature.from_file(tmp_path / "told.minisig")
    minisign.PublicKey.from_file(tmp_path / "ours/minisign.pub").verify(b"told", signature)
    (tmp_path / "theirs").mkdir()
    public, secret = tmp_path / "theirs/minisign.pub", tmp_path / "theirs/minisign.key"
    await run("minisign", "-G", "-W", "-p", public, "-s", secret)
    (tmp_path / "told.minisig").write_bytes(bytes(signing_key(tmp_path / "theirs").sign(b"told")) + b"\n")
    await run("minisign", "-V", "-p", public, "-m", tmp_path / "told")


async def test_an_update_is_for_the_key_that_only_the_volume_has(tmp_path: Path) -> None:
    identity = pyrage.x25519.Identity.generate()
    read = seed.parse(make(plan(tmp_path), identity, NOW))
    update(plan(tmp_path, 2, TIME), NOW)
    entry = tmp_path / "site/nodes/kitchen"
    answer = Answer(entry.read_bytes(), entry.with_suffix(".minisig").read_bytes())
    node = open_answer(answer, read, Measure(NOW, 1))
    assert (node.serial, node.time.servers) == (2, ("ntp.example.org",))
    kept = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert str(identity).encode() not in kept


def test_nothing_is_published_that_a_device_would_refuse(tmp_path: Path) -> None:
    wrong: list[dict[str, Any]] = [{"tiem": {}}, {"node": "other"}]
    for told in wrong:
        with pytest.raises(RefusedError):
            make(plan(tmp_path, told=told), pyrage.x25519.Identity.generate(), NOW)
    make(plan(tmp_path), pyrage.x25519.Identity.generate(), NOW)
    before = (tmp_path / "site/nodes/kitchen").read_bytes()
    with pytest.raises(RefusedError):
        update(plan(tmp_path, 2, {"tiem": {}}), NOW)
    assert (tmp_path / "site/nodes/kitchen").read_bytes() == before
