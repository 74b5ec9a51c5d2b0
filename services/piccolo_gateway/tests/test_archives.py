"""Archives: what strangers' programs read in them, what cannot come out of them, and how they fail."""

from __future__ import annotations

import io
import shutil
import zipfile
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from hypothesis import given
from hypothesis import strategies as st
from piccolo_chassis import command

from piccolo_gateway.config import LimitsConfig
from piccolo_gateway.core import archives, paths
from piccolo_gateway.core.archives import Archive
from piccolo_gateway.tests.conftest import PASSPHRASE, Start, World

NAMES = st.text(st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1, max_size=20)


async def fetched(world: World, address: str) -> zipfile.ZipFile:
    async with world.request("GET", f"/api/v1/archives{address}") as response:
        assert response.status == 200, await response.text()
        assert response.headers["Content-Type"] == "application/zip"
        return zipfile.ZipFile(io.BytesIO(await response.read()))


async def put(world: World, path: str, data: bytes, modified: int = 1_700_000_001) -> None:
    address = paths.to_address(path)
    headers = {"X-Modified": str(modified)}
    async with world.request("PUT", f"/api/v1/files/{address}", data=data, headers=headers) as response:
        assert response.status == 201, await response.text()


async def test_a_folder_with_names_of_every_script_and_an_empty_folder(world: World, tmp_path: Path) -> None:
    files = {"/photos/été/日の出.jpg": b"dawn" * 1000, "/photos/Привет.txt": b"", "/photos/a.txt": b"x"}
    for path, data in files.items():
        await put(world, path, data)
    await world.json("PUT", "/directories/photos/empty")
    await put(world, "/elsewhere.txt", b"not this")
    async with world.request("GET", "/api/v1/archives/photos") as response:
        assert response.headers["Content-Disposition"] == "attachment; filename*=UTF-8''photos.zip"
        raw = await response.read()
    made = zipfile.ZipFile(io.BytesIO(raw))
    assert made.testzip() is None
    assert {f"/{one.filename}": made.read(one) for one in made.infolist() if not one.is_dir()} == files
    folders = {one.filename for one in made.infolist() if one.is_dir()}
    assert folders == {"photos/", "photos/empty/", "photos/été/"}
    (tmp_path / "a.zip").write_bytes(raw)
    unzip = shutil.which("unzip")
    if unzip is not None:
        await command.run([unzip, "-q", "a.zip"], seconds=30, folder=tmp_path)
        assert (tmp_path / "photos/été/日の出.jpg").read_bytes() == files["/photos/été/日の出.jpg"]
        assert (tmp_path / "photos/a.txt").stat().st_mtime == 1_700_000_001
        assert (tmp_path / "photos/empty").is_dir()


async def test_several_paths_as_one(world: World) -> None:
    for path in ("/a/x.txt", "/b/x.txt", "/b/y.txt"):
        await put(world, path, path.encode())
    made = await fetched(world, "?path=/a/x.txt&path=/b&path=/b/x.txt&path=/b")
    found = {one.filename: made.read(one) for one in made.infolist()}
    assert found == {
        "x.txt": b"/a/x.txt",
        "b/": b"",
        "b/x.txt": b"/b/x.txt",
        "b/y.txt": b"/b/y.txt",
        "x.txt (2)": b"/b/x.txt",
    }


async def test_the_root_and_a_single_file(world: World) -> None:
    await put(world, "/a/x.txt", b"1")
    assert [one.filename for one in (await fetched(world, "/")).infolist()] == ["a/", "a/x.txt"]
    assert [one.filename for one in (await fetched(world, "/a/x.txt")).infolist()] == ["x.txt"]


@pytest.mark.parametrize(
    ("address", "status", "reason"),
    [
        ("/none", 404, "ENTRY_NOT_FOUND"),
        ("?path=/a&path=/none", 404, "ENTRY_NOT_FOUND"),
        ("?path=/../a", 400, "PATH_INVALID"),
        ("", 400, "QUERY_INVALID"),
        ("?path=/a&other=1", 400, "QUERY_INVALID"),
    ],
)
async def test_what_cannot_begin_is_a_problem(world: World, address: str, status: int, reason: str) -> None:
    await put(world, "/a", b"1")
    told, problem = await world.json("GET", f"/archives{address}")
    assert (told, problem["reason"]) == (status, reason)


async def test_a_locked_device_says_so(world: World) -> None:
    await put(world, "/a/x", b"1")
    await world.client.lock()
    assert (await world.json("GET", "/archives/a"))[0] == 423


async def test_a_file_that_cannot_be_read_at_first_is_a_problem_and_later_a_cut(world: World) -> None:
    tree = world.fakes.tree
    tree.put("/a/small", tree.content(b"x", 10))
    tree.put("/a/tall", tree.content(bytes(1 << 20), 8 << 20))
    world.fakes.store.fail_reading = 0
    status, problem = await world.json("GET", "/archives/a")
    assert (status, problem["reason"]) == (500, "UNREADABLE")
    world.fakes.store.fail_reading = 4 << 20
    async with world.request("GET", "/api/v1/archives/a") as response:
        assert response.status == 200
        with pytest.raises(aiohttp.ClientPayloadError):
            await response.read()
    assert world.fakes.store.reading == 0


async def test_a_file_that_ends_early_cuts_the_connection(world: World) -> None:
    tree = world.fakes.tree
    tree.put("/a/tall", tree.content(bytes(1 << 20), 8 << 20))
    world.fakes.store.short = 1
    async with world.request("GET", "/api/v1/archives/a") as response:
        with pytest.raises(aiohttp.ClientPayloadError):
            await response.read()


async def test_too_many_names_are_refused_before_the_first_byte(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archives, "MOST_NAMES", 3)
    for number in range(3):
        await put(world, f"/a/{number}", b"")
    status, problem = await world.json("GET", "/archives/a")
    assert (status, problem["reason"], problem["details"]["names"]) == (409, "ARCHIVE_TOO_LARGE", "4")


async def test_archives_are_counted_and_a_client_that_goes_away_frees_its_place(start: Start) -> None:
    async with start(limits=LimitsConfig(archives=1, patience=0.2)) as world:
        world.fakes.keys.set_up(PASSPHRASE)
        await world.client.log_in()
        tree = world.fakes.tree
        tree.put("/a/tall", tree.content(bytes(1 << 20), 64 << 20))
        async with world.request("GET", "/api/v1/archives/a") as response:
            await response.content.readexactly(1 << 20)
            status, problem = await world.json("GET", "/archives/a")
            assert (status, problem["reason"]) == (429, "TOO_MANY_STREAMS")
            response.close()
        await world.fakes.store.seen(lambda: world.fakes.store.reading == 0)
        tree.put("/b", tree.content(b"x", 1))
        assert (await fetched(world, "/b")).read("b") == b"x"


def packed(parts: list[tuple[str, bytes, int]]) -> tuple[bytes, Archive]:
    archive, out = Archive(), bytearray()
    for name, data, modified in parts:
        for pieces in (archive.begin(name, modified, len(data)), archive.add(data), archive.finish()):
            out += b"".join(pieces)
    return bytes(out + b"".join(archive.close())), archive


@given(
    st.lists(st.lists(NAMES, min_size=1, max_size=4), min_size=1, max_size=6), st.integers(-(2**40), 2**40)
)
def test_no_name_leads_out_of_the_folder_and_no_file_is_lost(names: list[list[str]], modified: int) -> None:
    chosen = ["/top/" + "/".join(parts) for parts in names if not {".", ".."} & {*parts}]
    parts = [(archives.below("top", "/top", path), path.encode(), modified) for path in chosen]
    made = zipfile.ZipFile(io.BytesIO(packed(parts)[0]))
    assert made.testzip() is None
    assert [made.read(one) for one in made.infolist()] == [path.encode() for path in chosen]
    assert len({one.filename for one in made.infolist()}) == len(chosen)
    for one in made.infolist():
        assert one.filename.startswith("top/")
        assert not one.filename.endswith("/")
        assert "\\" not in one.filename
        for name in one.filename.split("/"):
            assert name.strip(" .")
            assert name[1:2] != ":" or not (name[0].isascii() and name[0].isalpha())


def test_a_file_of_more_than_four_gibibytes_is_read_as_such() -> None:
    size, piece, archive = (4 << 30) + 5, bytes(64 << 20), Archive()
    sent, tail = 0, b""

    def take(pieces: list[Any]) -> None:
        nonlocal sent, tail
        for one in pieces:
            sent += len(one)
            tail = (tail + bytes(one[-4096:]))[-4096:]

    take(archive.begin("film.mkv", 0, size))
    left = size
    while left:
        take(archive.add(memoryview(piece)[: min(len(piece), left)]))
        left -= min(len(piece), left)
    take(archive.finish())
    take(archive.begin("after", 0, 1))
    take(archive.add(b"x"))
    take(archive.finish())
    take(archive.close())
    made = zipfile.ZipFile(Tail(sent, tail))
    assert [one.file_size for one in made.infolist()] == [size, 1]
    assert made.infolist()[1].header_offset > size


class Tail(io.RawIOBase):
    """The end of a long file, as a file."""

    def __init__(self, size: int, tail: bytes) -> None:
        self._size, self._tail, self._at = size, tail, 0

    def seekable(self) -> bool:
        return True

    def seek(self, to: int, whence: int = 0) -> int:
        self._at = to + (0, self._at, self._size)[whence]
        return self._at

    def tell(self) -> int:
        return self._at

    def read(self, size: int = -1) -> bytes:
        begin = self._at - (self._size - len(self._tail))
        if begin < 0:
            raise ValueError("it was not kept")
        data = self._tail[begin:] if size < 0 else self._tail[begin : begin + size]
        self._at += len(data)
        return data
