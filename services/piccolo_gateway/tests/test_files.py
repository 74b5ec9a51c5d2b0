"""Files over HTTP: storing, reading, conditions, ranges, and all that may break off."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from typing import Any
from unicodedata import normalize
from urllib.parse import quote

import pytest

from piccolo_gateway.tests.conftest import World
from piccolo_gateway.tests.fakes.names import KEPT_UNTIL

FILE = "/api/v1/files/a.txt"
AT = "Tue, 14 Nov 2023 22:13:20 GMT"
BEFORE = "Tue, 14 Nov 2023 22:13:19 GMT"


async def put(
    world: World, data: Any = b"0123456789", path: str = FILE, **headers: str
) -> tuple[int, Any, Any]:
    async with world.request("PUT", path, data=data, headers=headers) as response:
        return response.status, await response.json(content_type=None), response.headers


async def get(world: World, path: str = FILE, method: str = "GET", **headers: str) -> tuple[int, bytes, Any]:
    async with world.request(method, path, headers=headers) as response:
        return response.status, await response.read(), response.headers


async def test_a_file_is_made_replaced_and_read(world: World) -> None:
    status, first, headers = await put(world, **{"Content-Type": "text/plain", "X-Modified": "1700000000"})
    assert status == 201
    assert headers["Location"] == FILE
    assert headers["ETag"] == f'"{first["version_id"]}"'
    status, second, headers = await put(world, b"abc", **{"Content-Type": "text/plain", "X-Modified": AT})
    assert status == 200
    assert second["version_id"] != first["version_id"]
    status, body, headers = await get(world)
    assert (status, body) == (200, b"abc")
    assert headers["Content-Type"] == "text/plain"
    assert headers["Content-Length"] == "3"
    assert headers["Last-Modified"] == AT
    assert headers["X-Modified"] == "1700000000"
    assert headers["ETag"] == f'"{second["version_id"]}"'
    status, body, _ = await get(world, f"{FILE}?version={first['version_id']}")
    assert (status, body) == (200, b"0123456789")
    assert (await get(world, f"{FILE}?version={'0' * 32}"))[0] == 404


async def test_head_is_get_without_the_bytes(world: World) -> None:
    await put(world, **{"Content-Type": "image/png"})
    _, _, got = await get(world)
    status, body, headed = await get(world, method="HEAD")
    assert (status, body) == (200, b"")
    for name in ("Content-Length", "Content-Type", "ETag", "Last-Modified", "Accept-Ranges"):
        assert headed[name] == got[name], name


@pytest.mark.parametrize(
    "name",
    [
        "日本語",
        "e\u0301",
        "👩\u200d🚀",
        "\u202egpj.exe",
        "\\",
        "%2e",
        " ",
        "tab\there",
        "two\nlines",
        "\r",
        "\x7f",
    ],
)
async def test_names_of_every_script_and_none(world: World, name: str) -> None:
    path = f"/api/v1/files/a/{quote(name, safe='')}"
    status, stored, _ = await put(world, b"x", path)
    assert (status, stored["path"]) == (201, f"/a/{normalize('NFC', name)}")
    assert (await get(world, path))[:2] == (200, b"x")
    for noun in ("versions", "health"):
        assert (await world.json("GET", f"/{noun}/a/{quote(name, safe='')}"))[0] == 200


@pytest.mark.parametrize("size", [0, 1, (1 << 20) - 1, 1 << 20, (1 << 20) + 1, 5 * (1 << 20) + 17])
@pytest.mark.parametrize("chunked", [False, True])
async def test_sizes_around_a_piece(world: World, size: int, chunked: bool) -> None:
    data = os.urandom(size)

    async def pieces() -> AsyncIterator[bytes]:
        for at in range(0, size, 70_001):
            yield data[at : at + 70_001]

    length = {} if chunked else {"Content-Length": str(size)}
    status, written, _ = await put(world, pieces(), **length)
    assert (status, written["size"]) == (201, size)
    assert (await get(world))[1] == data


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"If-Match": "TAG"}, 200),
        ({"If-Match": "*"}, 200),
        ({"If-Match": '"00"'}, 412),
        ({"If-None-Match": "*"}, 412),
        ({"If-None-Match": "TAG"}, 412),
        ({"If-None-Match": '"00"'}, 200),
        ({"If-Unmodified-Since": AT}, 200),
        ({"If-Unmodified-Since": BEFORE}, 412),
        ({"If-Match": "nonsense"}, 400),
    ],
)
async def test_conditional_puts(world: World, headers: dict[str, str], status: int) -> None:
    _, _first, told = await put(world, **{"X-Modified": AT})
    sent = {name: told["ETag"] if value == "TAG" else value for name, value in headers.items()}
    assert (await put(world, b"new", **sent))[0] == status
    _, body, _ = await get(world)
    assert body == (b"new" if status == 200 else b"0123456789")


@pytest.mark.parametrize(
    ("headers", "status"),
    [({"If-None-Match": "*"}, 201), ({"If-Match": "*"}, 412), ({"If-Match": '"0"'}, 412)],
)
async def test_conditional_puts_where_nothing_is(world: World, headers: dict[str, str], status: int) -> None:
    assert (await put(world, **headers))[0] == status


async def test_a_name_that_is_taken_while_its_bytes_come_is_not_overwritten(world: World) -> None:
    arrived, go_on = asyncio.Event(), asyncio.Event()

    async def slow() -> AsyncIterator[bytes]:
        yield b"late"
        arrived.set()
        await go_on.wait()

    late = asyncio.ensure_future(put(world, slow(), **{"If-None-Match": "*"}))
    await arrived.wait()
    assert (await put(world, b"early"))[0] == 201
    go_on.set()
    status, problem, _ = await late
    assert (status, problem["reason"]) == (412, "PRECONDITION_FAILED")
    assert (await get(world))[1] == b"early"


@pytest.mark.parametrize(
    ("headers", "status", "body"),
    [
        ({"If-None-Match": "TAG"}, 304, b""),
        ({"If-None-Match": "*"}, 304, b""),
        ({"If-None-Match": '"0"'}, 200, b"0123456789"),
        ({"If-Modified-Since": AT}, 304, b""),
        ({"If-Modified-Since": BEFORE}, 200, b"0123456789"),
        ({"If-Match": "TAG"}, 200, b"0123456789"),
        ({"If-Match": '"0"'}, 412, None),
        ({"Range": "bytes=2-4"}, 206, b"234"),
        ({"Range": "bytes=-3"}, 206, b"789"),
        ({"Range": "bytes=8-99"}, 206, b"89"),
        ({"Range": "bytes=0-1,4-5"}, 200, b"0123456789"),
        ({"Range": "bytes=10-"}, 416, None),
        ({"Range": "lines=1-2"}, 200, b"0123456789"),
        ({"Range": "bytes=2-4", "If-Range": "TAG"}, 206, b"234"),
        ({"Range": "bytes=2-4", "If-Range": AT}, 206, b"234"),
        ({"Range": "bytes=2-4", "If-Range": '"0"'}, 200, b"0123456789"),
        ({"Range": "bytes=99-", "If-Range": '"0"'}, 200, b"0123456789"),
        ({"Range": "bytes=2-4", "If-None-Match": "TAG"}, 304, b""),
    ],
)
async def test_conditional_and_ranged_gets(
    world: World, headers: dict[str, str], status: int, body: bytes | None
) -> None:
    _, _, told = await put(world, **{"X-Modified": AT})
    sent = {name: told["ETag"] if value == "TAG" else value for name, value in headers.items()}
    found, content, answered = await get(world, **sent)
    assert found == status
    assert body is None or content == body
    if status in {200, 206, 304}:
        assert answered["ETag"] == told["ETag"]
    if status == 206:
        assert answered["Content-Range"].endswith("/10")
        assert answered["Content-Length"] == str(len(content))
    if status == 416:
        assert answered["Content-Range"] == "bytes */10"


async def test_a_range_of_an_older_version(world: World) -> None:
    _, first, _ = await put(world)
    await put(world, b"new")
    status, body, headers = await get(world, f"{FILE}?version={first['version_id']}", Range="bytes=5-6")
    assert (status, body, headers["Content-Range"]) == (206, b"56", "bytes 5-6/10")


async def test_deleting_and_taking_back(world: World) -> None:
    await put(world)
    status, deleted = await world.json("DELETE", "/files/a.txt")
    assert (status, deleted["files"]) == (200, 1)
    assert (await get(world))[0] == 404
    _, trash = await world.json("GET", "/trash")
    assert [(one["entry"]["path"], one["kept_until"]) for one in trash["removed"]] == [("/a.txt", KEPT_UNTIL)]
    number = deleted["trash_id"]
    status, entry = await world.json("POST", f"/trash/{number}/restore", json={"path": "/b.txt"})
    assert (status, entry["path"]) == (200, "/b.txt")
    assert (await get(world, "/api/v1/files/b.txt"))[1] == b"0123456789"
    assert (await world.json("POST", f"/trash/{number}/restore", json={}))[0] == 404


async def test_purging_leaves_no_trash(world: World) -> None:
    await put(world)
    status, deleted = await world.json("DELETE", "/files/a.txt?purge=true")
    assert (status, deleted) == (200, {"files": 1, "trash_id": 0, "objects": 1})
    assert (await world.json("GET", "/trash"))[1]["removed"] == []


async def test_an_entry_of_the_trash_ends_by_one_call_and_no_other_with_it(world: World) -> None:
    for path in ("/d/a", "/d/b", "/kept"):
        await put(world, path=f"/api/v1/files{path}")
    removed = [
        (await world.json("DELETE", f"/files/{path}"))[1]["trash_id"] for path in ("d?recursive=true", "kept")
    ]
    await put(world, b"new", path="/api/v1/files/d/a")
    status, deleted = await world.json("DELETE", f"/trash/{removed[0]}")
    assert (status, deleted) == (200, {"files": 2, "trash_id": 0, "objects": 2})
    _, trash = await world.json("GET", "/trash")
    assert [one["trash_id"] for one in trash["removed"]] == [removed[1]]
    assert (await get(world, "/api/v1/files/d/a"))[1] == b"new"
    status, problem = await world.json("DELETE", f"/trash/{removed[0]}")
    assert (status, problem["reason"]) == (404, "TRASH_NOT_FOUND")
    assert (await world.json("DELETE", "/trash/x"))[1]["reason"] == "ID_UNKNOWN"
    _, log = await world.json("GET", "/audit?action=file.purge")
    told = [(one["subject"], one["outcome"]) for one in log["events"]]
    assert told == [("x", "ID_UNKNOWN"), (str(removed[0]), "TRASH_NOT_FOUND"), ("/d", "ok")]


async def test_a_locked_device_ends_nothing_of_its_trash(world: World) -> None:
    await put(world)
    number = (await world.json("DELETE", "/files/a.txt"))[1]["trash_id"]
    await world.client.lock()
    assert (await world.json("DELETE", f"/trash/{number}"))[0] == 423
    assert list(world.fakes.tree.trash) == [number]


@pytest.mark.parametrize("purge", ["false", "true"])
async def test_deleting_under_conditions(world: World, purge: str) -> None:
    _, _, told = await put(world)
    path = f"/files/a.txt?purge={purge}"
    status, problem = await world.json("DELETE", path, headers={"If-Match": '"0"'})
    assert (status, problem["reason"]) == (412, "PRECONDITION_FAILED")
    assert (await world.json("DELETE", path, headers={"If-Match": told["ETag"]}))[0] == 200


async def test_a_directory_is_deleted_only_when_it_is_said(world: World) -> None:
    await put(world, path="/api/v1/files/d/e/f")
    assert (await world.json("DELETE", "/files/d"))[0] == 409
    assert (await world.json("DELETE", "/files/d?recursive=true"))[0] == 200
    assert (await world.json("GET", "/directories"))[1]["entries"] == []


@pytest.mark.parametrize(
    "tail",
    [
        "a/%2e%2e/b",
        "a//b",
        "a/",
        "a%2Fb",
        "a%00",
        "%ff",
        "x" * 256,
        "/".join(["x" * 200] * 25),
        "%F0%9F%92%A9" * 200,
    ],
)
async def test_names_that_are_none_are_refused_before_a_byte_is_read(world: World, tail: str) -> None:
    async with world.raw() as (reader, writer):
        head = f"PUT /api/v1/files/{tail} HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n"
        writer.write((head + world.cookie() + "\r\n").encode())
        status = await reader.readline()
    assert status.startswith(b"HTTP/1.1 400 ")
    assert list(world.fakes.tree.nodes) == ["/"]


@pytest.mark.parametrize("tail", ["a/../../../etc/passwd", "../status", "./a", "..", "a/.."])
async def test_dots_never_lead_out_of_the_files(world: World, tail: str) -> None:
    async with world.raw() as (reader, writer):
        writer.write(f"GET /api/v1/files/{tail} HTTP/1.1\r\nHost: x\r\n{world.cookie()}\r\n".encode())
        status = await reader.readline()
    assert status.split()[1] in {b"400", b"404"}


@pytest.mark.parametrize(
    ("target", "status"),
    [
        ("https://x/api/v1/files/a", b"200"),
        ("/api/v1/files/%61", b"200"),
        ("/%61pi/v1/files/a", b"400"),
        ("/api/v1/files%2Fa", b"404"),
        ("/api/v1/status/../files/a", b"404"),
    ],
)
async def test_addresses_in_other_forms(world: World, target: str, status: bytes) -> None:
    await put(world, path="/api/v1/files/a")
    async with world.raw() as (reader, writer):
        writer.write(f"GET {target} HTTP/1.1\r\nHost: x\r\n{world.cookie()}\r\n".encode())
        assert (await reader.readline()).split()[1] == status


@pytest.mark.parametrize(
    ("headers", "reason"),
    [
        ({"X-Modified": "yesterday"}, "HEADER_INVALID"),
        ({"X-Modified": "1e3"}, "HEADER_INVALID"),
        ({"Content-Range": "bytes 0-1/2"}, "HEADER_INVALID"),
        ({"Content-Type": "x" * 300}, "HEADER_INVALID"),
        ({"Content-Encoding": "gzip"}, "ENCODING_UNSUPPORTED"),
    ],
)
async def test_headers_that_cannot_be_used(world: World, headers: dict[str, str], reason: str) -> None:
    status, problem, _ = await put(world, **headers)
    assert status in {400, 415}
    assert problem["reason"] == reason


async def test_pages_among_the_files_cannot_run(world: World) -> None:
    await put(world, b"<script>", **{"Content-Type": "text/html"})
    _, _, headers = await get(world)
    assert headers["Content-Disposition"].startswith("attachment;")
    assert "sandbox" in headers["Content-Security-Policy"]
    assert headers["X-Content-Type-Options"] == "nosniff"


async def test_the_names_of_a_tree(world: World) -> None:
    for path in ("d/a", "d/b", "d/e/c"):
        await put(world, path=f"/api/v1/files/{path}")
    _, page = await world.json("GET", "/directories/d?page_size=2")
    assert [entry["path"] for entry in page["entries"]] == ["/d/a", "/d/b"]
    _, page = await world.json("GET", f"/directories/d?page_size=2&page_token={page['next_page_token']}")
    assert [entry["path"] for entry in page["entries"]] == ["/d/e"]
    assert page["next_page_token"] == ""
    _, found = await world.json("GET", "/search?query=C&under=/d")
    assert [entry["path"] for entry in found["entries"]] == ["/d/e/c"]
    _, totals = await world.json("GET", "/totals/d")
    assert totals == {"files": 3, "directories": 1, "bytes": 30, "versions": 3}
    status, entry = await world.json("POST", "/move", json={"source": "/d", "destination": "/f/g"})
    assert (status, entry["path"]) == (200, "/f/g")
    status, entry = await world.json("POST", "/copy", json={"source": "/f/g/a", "destination": "/a"})
    assert (status, entry["path"]) == (201, "/a")
    status, problem = await world.json("POST", "/copy", json={"source": "/f/g/b", "destination": "/a"})
    assert (status, problem["reason"]) == (409, "ENTRY_EXISTS")
    assert (await world.json("PUT", "/directories/x/y"))[0] == 201
    assert (await world.json("GET", "/files/x"))[1]["reason"] == "IS_A_DIRECTORY"


async def test_an_older_version_becomes_the_newest_again(world: World) -> None:
    _, first, _ = await put(world)
    await put(world, b"new")
    status, entry = await world.json("POST", "/versions/a.txt", json={"version_id": first["version_id"]})
    assert (status, entry["size"]) == (200, 10)
    _, page = await world.json("GET", "/versions/a.txt")
    assert [one["size"] for one in page["versions"]] == [10, 3, 10]
    assert (await get(world))[1] == b"0123456789"


@pytest.mark.parametrize("act", ["move", "copy", "versions/a.txt"])
async def test_what_was_seen_may_be_named_wherever_a_name_changes(world: World, act: str) -> None:
    _, first, _ = await put(world)
    body = {"source": "/a.txt", "destination": "/b"} if act in {"move", "copy"} else {}
    body = body or {"version_id": first["version_id"]}
    stale = {**body, "expected_revision": first["revision"] + 1}
    status, problem = await world.json("POST", f"/{act}", json=stale)
    assert (status, problem["reason"]) == (409, "REVISION_CONFLICT")
    assert problem["next_step"] == "Read it again, then decide anew."
    status, _ = await world.json("POST", f"/{act}", json={**body, "expected_revision": first["revision"]})
    assert status in {200, 201}
