"""Releases by the real ostree, from a server, onto a file system that may be full."""

from __future__ import annotations

import os
import shutil
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from aiohttp import web
from piccolo_chassis import command
from piccolo_chassis.errors import Kind, PiccoloError

from piccolo_updater.adapters.ostree import OSTree
from piccolo_updater.core.manifest import MANIFEST_KEY, decode, encode
from piccolo_updater.tests.test_manifest import release

pytestmark = [
    pytest.mark.component,
    pytest.mark.skipif(
        None in [shutil.which(name) for name in ("ostree", "gpg")] or os.geteuid() != 0,
        reason="no ostree or gpg on this machine, or no root to mount what can be full",
    ),
]
MIB = 1 << 20
REF = "piccolo/x86_64/stable"


async def run(*words: str | Path) -> str:
    return (await command.run(words, seconds=60.0)).stdout.decode().strip()


async def kilobytes(folder: Path) -> int:
    return int((await run("du", "-sk", folder)).split()[0])


@dataclass
class Site:
    """A repository that is served, and the keys that sign for it."""

    folder: Path
    url: str = ""

    async def key(self, name: str) -> Path:
        """Makes a key; the public half."""
        home, public = self.folder / name, self.folder / f"{name}.gpg"
        home.mkdir(mode=0o700)
        gpg = ("gpg", "--homedir", home, "--batch", "--quiet", "--no-tty")
        await run(*gpg, "--passphrase", "", "--quick-generate-key", name, "ed25519", "sign", "never")
        await run(*gpg, "--output", public, "--export", name)
        return public

    async def publish(self, version: str, size: int, signer: str = "ours", *, told: bool = True) -> str:
        """Adds a release whose root has so many bytes; with `told`, the commit says what it is."""
        tree, repository = self.folder / "tree", self.folder / "site"
        if not repository.exists():
            await run("ostree", f"--repo={repository}", "init", "--mode=archive")
        shutil.rmtree(tree, ignore_errors=True)
        tree.mkdir()
        for number in range(size // MIB):
            (tree / f"root{number or ''}").write_bytes(os.urandom(MIB))
        manifest, home = encode(release(version)).decode(), self.folder / signer
        listed = await run("gpg", "--homedir", home, "--with-colons", "--list-secret-keys")
        (key,) = [line.split(":")[9] for line in listed.splitlines() if line.startswith("fpr:")]
        commit = await run(
            *("ostree", f"--repo={repository}", "commit", f"--branch={REF}", f"--tree=dir={tree}"),
            *("--no-xattrs", "--owner-uid=0", "--owner-gid=0"),
            *([f"--add-metadata-string={MANIFEST_KEY}={manifest}"] if told else []),
            *(f"--gpg-sign={key}", f"--gpg-homedir={home}"),
        )
        await run("ostree", f"--repo={repository}", "summary", "--update")
        return commit


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    app = web.Application()
    app.router.add_static("/", tmp_path)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        (port,) = {address[1] for address in runner.addresses}
        yield Site(tmp_path, f"http://127.0.0.1:{port}/site")
    finally:
        await runner.cleanup()
        for home in tmp_path.glob("*/private-keys-v1.d"):
            await run("gpgconf", "--homedir", home.parent, "--kill", "all")


async def test_a_release_says_what_it_is_before_it_is_fetched(site: Site, disk: Path) -> None:
    device = OSTree(disk / "repo", await site.key("ours"))
    commit = await site.publish("2", 2 * MIB)
    told = await device.look(site.url, REF)
    assert (told.commit, told.whole, decode(told.manifest)) == (commit, False, release("2"))
    assert await kilobytes(disk) < 1024
    await device.fetch(REF, commit)
    await device.unpack(commit, disk / "unpacked")
    assert (disk / "unpacked/root").read_bytes() == (site.folder / "tree/root").read_bytes()
    assert (await device.look(site.url, REF)).whole


async def test_the_release_before_is_there_and_can_be_taken_instead(site: Site, disk: Path) -> None:
    device = OSTree(disk / "repo", await site.key("ours"))
    first, second = await site.publish("2", MIB), await site.publish("3", MIB)
    assert (await device.look(site.url, REF)).commit == second
    earlier = await device.before(second)
    assert earlier is not None
    assert (earlier.commit, earlier.whole, decode(earlier.manifest)) == (first, False, release("2"))
    assert await device.before(first) is None
    third = await site.publish("4", MIB)
    assert (await device.look(site.url, REF)).commit == third
    (site.folder / f"site/objects/{second[:2]}/{second[2:]}.commit").rename(site.folder / "aside")
    shutil.rmtree(disk / "repo")
    await device.look(site.url, REF)
    with pytest.raises(PiccoloError) as refused:
        await device.before(third)
    assert refused.value.reason == "RELEASE_UNREACHABLE"
    (site.folder / "aside").rename(site.folder / f"site/objects/{second[:2]}/{second[2:]}.commit")
    await device.before(third)
    await device.before(second)
    await device.fetch(REF, first)
    await device.unpack(first, disk / "unpacked")
    await device.forget_others(first)
    newest = await device.look(site.url, REF)
    assert (newest.commit, newest.whole) == (third, False)
    assert await device.before(third)
    again = await device.before(second)
    assert again is not None
    assert again.whole, "the base of the next delta"


async def test_what_another_key_signed_is_refused_before_it_is_fetched(site: Site, disk: Path) -> None:
    device = OSTree(disk / "repo", await site.key("ours"))
    await site.key("theirs")
    await site.publish("2", MIB, "theirs")
    with pytest.raises(PiccoloError) as refused:
        await device.look(site.url, REF)
    assert (refused.value.kind, refused.value.reason) == (Kind.DENIED, "RELEASE_UNSIGNED")


async def test_a_commit_that_does_not_say_what_it_is_cannot_be_read(site: Site, disk: Path) -> None:
    device = OSTree(disk / "repo", await site.key("ours"))
    await site.publish("2", MIB, told=False)
    told = await device.look(site.url, REF)
    with pytest.raises(PiccoloError) as refused:
        decode(told.manifest)
    assert refused.value.reason == "RELEASE_UNREADABLE"


async def test_a_full_data_partition_keeps_the_release_before_and_nothing_of_the_new_one(
    site: Site, disk: Path
) -> None:
    device = OSTree(disk / "repo", await site.key("ours"))
    one = await site.publish("1", 4 * MIB)
    await device.look(site.url, REF)
    await device.fetch(REF, one)
    await device.forget_others(one)
    before = await kilobytes(disk)
    two = await site.publish("2", 13 * MIB)
    assert not (await device.look(site.url, REF)).whole
    with pytest.raises(PiccoloError) as full:
        await device.fetch(REF, two)
    assert (full.value.kind, full.value.reason) == (Kind.FULL, "NO_ROOM")
    assert await kilobytes(disk) - before < 128
    await device.unpack(one, disk / "unpacked")
    shutil.rmtree(disk / "unpacked")


async def test_what_only_older_releases_need_goes_when_a_newer_one_is_whole(site: Site, disk: Path) -> None:
    device = OSTree(disk / "repo", await site.key("ours"))
    for version in ("1", "2"):
        commit = await site.publish(version, 4 * MIB)
        await device.look(site.url, REF)
        await device.fetch(REF, commit)
        await device.forget_others(commit)
        assert await kilobytes(disk) < 6 * 1024
    assert (await device.look(site.url, REF)).whole
