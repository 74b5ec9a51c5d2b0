"""WebDAV's methods over the same files as the API's."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import suppress
from unicodedata import normalize
from urllib.parse import quote

import aiohttp
import pytest
from piccolo.vault.v1 import store_pb2

from integration.client import pieces_of
from piccolo_gateway.core.dav.markup import sayable
from piccolo_gateway.tests.conftest import World
from piccolo_gateway.tests.dav import Dav, dav_of

QUOTA = ("{DAV:}quota-available-bytes", "{DAV:}quota-used-bytes")
AT = "Tue, 14 Nov 2023 22:13:20 GMT"


@pytest.fixture
async def dav(world: World) -> AsyncIterator[Dav]:
    async with dav_of(world) as made:
        yield made


async def test_what_is_offered(dav: Dav) -> None:
    told = await dav("OPTIONS", "/")
    assert told.status == 200
    assert told.headers["DAV"] == "1, 2, 3"
    assert told.headers["MS-Author-Via"] == "DAV"
    for method in told.headers["Allow"].split(", "):
        assert (await dav(method, "/nothing")).status != 405, method
    assert (await dav("PATCH", "/a")).status == 405
    assert (await dav("POST", "/a")).status == 405


async def test_the_same_files_as_the_api(dav: Dav) -> None:
    await dav.put("/a.txt", b"0123456789")
    assert await dav.world.client.get("/a.txt") == b"0123456789"
    await dav.world.client.put("/b.txt", b"from the API")
    assert await dav.get("/b.txt") == b"from the API"
    assert await dav.names("/") == ["/dav/", "/dav/a.txt", "/dav/b.txt"]
    assert await dav.names("") == await dav.names("/")


async def test_put_tells_what_it_made_and_keeps_what_it_was_told(dav: Dav) -> None:
    told = await dav("PUT", "/a", b"1", Content_Type="text/plain", X_OC_Mtime="1700000000")
    assert (told.status, told.headers["X-OC-Mtime"]) == (201, "accepted")
    read = await dav("GET", "/a")
    assert read.headers["ETag"] == told.headers["ETag"]
    assert read.headers["Last-Modified"] == AT
    assert read.headers["Content-Type"] == "text/plain"
    props = await dav.prop("/a", "{DAV:}getlastmodified", "{DAV:}getetag", "{DAV:}getcontenttype")
    assert [one.text for _, one in props.values()] == [AT, told.headers["ETag"], "text/plain"]
    told = await dav("PUT", "/a", b"2", X_Modified="7")
    assert told.status == 204
    assert (await dav("HEAD", "/a")).headers["X-Modified"] == "7"
    assert (await dav("PUT", "/a", b"3", X_OC_Mtime="soon")).status == 400


@pytest.mark.parametrize("size", [0, 1, (1 << 20) + 1, 3 << 20])
@pytest.mark.parametrize("chunked", [False, True])
async def test_sizes(dav: Dav, size: int, chunked: bool) -> None:
    data = os.urandom(size)

    async def pieces() -> AsyncIterator[bytes]:
        for at in range(0, size, 70_001):
            yield data[at : at + 70_001]

    length = {} if chunked else {"Content_Length": str(size)}
    assert (await dav("PUT", "/a", pieces(), **length)).status == 201
    assert await dav.get("/a") == data


@pytest.mark.parametrize(
    ("headers", "status", "body"),
    [
        ({"Range": "bytes=2-4"}, 206, b"234"),
        ({"Range": "bytes=-3"}, 206, b"789"),
        ({"Range": "bytes=20-"}, 416, None),
        ({"Range": "bytes=2-4", "If_Range": '"00"'}, 200, b"0123456789"),
        ({"If_None_Match": "*"}, 304, b""),
        ({"If_Modified_Since": AT}, 304, b""),
        ({"If_Match": '"00"'}, 412, None),
    ],
)
async def test_ranges_and_conditions_of_get(
    dav: Dav, headers: dict[str, str], status: int, body: bytes | None
) -> None:
    await dav("PUT", "/a", b"0123456789", X_OC_Mtime="1700000000")
    told = await dav("GET", "/a", **headers)
    assert told.status == status
    assert body is None or told.body == body
    if status == 416:
        assert told.headers["Content-Range"] == "bytes */10"


async def test_conditions_of_what_changes(dav: Dav) -> None:
    tag = (await dav("PUT", "/a", b"1")).headers["ETag"]
    assert (await dav("PUT", "/a", b"2", If_None_Match="*")).status == 412
    assert (await dav("PUT", "/a", b"2", If='(["00"])')).status == 412
    assert (await dav("DELETE", "/a", If_Match='"00"')).status == 412
    assert (await dav("DELETE", "/a", If='(["00"])')).status == 412
    assert (await dav("MOVE", "/a", Destination="/dav/b", If_Match='"00"')).status == 412
    assert (await dav("COPY", "/a", Destination="/dav/b", If="(Not [" + tag + "])")).status == 412
    assert (await dav("PROPFIND", "/b", Depth="0")).status == 404
    assert (await dav("PUT", "/a", b"2", If=f"([{tag}])")).status == 204
    assert (await dav("PUT", "/a", b"3", If=f"</dav/a> ([{tag}])")).status == 412
    assert (await dav("PUT", "/a", b"3", If="nonsense")).status == 400
    assert await dav.get("/a") == b"2"


async def test_a_tag_that_was_judged_holds_to_the_end(dav: Dav) -> None:
    tag = (await dav("PUT", "/a", b"1")).headers["ETag"]
    arrived, go_on = asyncio.Event(), asyncio.Event()

    async def slow() -> AsyncIterator[bytes]:
        yield b"late"
        arrived.set()
        await go_on.wait()

    late = asyncio.ensure_future(dav("PUT", "/a", slow(), If=f"([{tag}])"))
    await arrived.wait()
    await dav.put("/a", b"first")
    go_on.set()
    assert (await late).status == 412
    assert await dav.get("/a") == b"first"


@pytest.mark.parametrize(
    "name",
    ["日本語", "e\u0301", "👩\u200d🚀", "\u202egpj.exe", "\\", "%2e", " ", "a&b<c>'\"", "#?;", "tab\there",
     "\r\n", "\x01", "\x7f", "\uffff", "ÅÄÖ.txt", "שלום", "مرحبا", "हिन्दी", "..."],
)  # fmt: skip
async def test_names_of_every_script_and_none(dav: Dav, name: str) -> None:
    kept, address = normalize("NFC", name), f"/{quote(name, safe='')}"
    await dav.put(address, b"x")
    where = f"/dav/{quote(kept, safe='')}"
    found = (await dav("PROPFIND", "/", Depth="1")).entries
    assert list(found) == ["/dav/", where]
    if sayable(kept):
        assert found[where]["{DAV:}displayname"][1].text == kept
    assert (await dav("MOVE", address, Destination=f"{where}%20b")).status == 201
    assert (await dav("COPY", f"{address}%20b", Destination=where)).status == 201
    assert await dav.get(address) == b"x"
    assert (await dav("DELETE", address)).status == 204
    assert await dav.get(address) == 404


async def test_directories(dav: Dav) -> None:
    assert (await dav("MKCOL", "/d/")).status == 201
    assert (await dav("MKCOL", "/d")).status == 405
    assert (await dav("MKCOL", "/")).status == 405
    assert (await dav("MKCOL", "/x/y")).status == 409
    assert (await dav("MKCOL", "/e", b"<x/>")).status == 415
    assert (await dav("PUT", "/x/y", b"1")).status == 409
    assert (await dav("PUT", "/d", b"1")).status == 405
    assert (await dav("PUT", "/f/", b"1")).status == 405
    assert (await dav("PUT", "/", b"1")).status == 405
    await dav.put("/d/a")
    assert (await dav("MKCOL", "/d/a/b")).status == 409
    assert (await dav("PUT", "/d/a/b", b"1")).status == 409
    told = await dav("GET", "/d/")
    assert (told.status, "PROPFIND" in told.headers["Allow"]) == (405, True)
    assert await dav.names("/d") == ["/dav/d/", "/dav/d/a"]
    props = await dav.prop("/d", "{DAV:}resourcetype", "{DAV:}getetag", "{DAV:}getcontentlength")
    assert [status for status, _ in props.values()] == [200, 404, 404]
    assert props["{DAV:}resourcetype"][1].find("{DAV:}collection") is not None


async def test_a_large_file_for_a_directory_is_refused_before_all_of_it_came(dav: Dav) -> None:
    await dav.mkcol("/d")
    dav.world.fakes.store.taken = 0
    with suppress(aiohttp.ClientError):  # cut off while it still sends
        assert (await dav("PUT", "/d", pieces_of(b"x" * (32 << 20)))).status == 405
    assert dav.world.fakes.store.taken <= 2 << 20
    assert await dav.names("/d") == ["/dav/d/"]


async def test_a_directory_that_was_just_deleted_is_not_believed_in(dav: Dav) -> None:
    for method, headers in (("DELETE", {}), ("MOVE", {"Destination": "/dav/e"})):
        await dav.mkcol("/d")
        await dav.put("/d/a")
        assert (await dav(method, "/d", **headers)).status in {201, 204}
        assert (await dav("PUT", "/d/b", b"x")).status == 409


async def test_of_two_who_make_a_directory_one_has_made_it(dav: Dav) -> None:
    both = await asyncio.gather(dav("MKCOL", "/lock"), dav("MKCOL", "/lock"))
    assert sorted(told.status for told in both) == [201, 405]


async def test_deleting_puts_into_the_trash(dav: Dav) -> None:
    await dav.mkcol("/d")
    await dav.put("/d/a", b"kept")
    assert (await dav("DELETE", "/d/")).status == 204
    assert await dav.get("/d/a") == 404
    _, trash = await dav.world.json("GET", "/trash")
    assert [one["entry"]["path"] for one in trash["removed"]] == ["/d"]
    assert (await dav("DELETE", "/d")).status == 404
    assert (await dav("DELETE", "/")).status == 403


@pytest.mark.parametrize("method", ["COPY", "MOVE"])
async def test_copying_and_moving(dav: Dav, method: str) -> None:
    await dav.mkcol("/d", "/e")
    await dav.put("/d/a", b"a")
    await dav.put("/e/b", b"b")
    assert (await dav(method, "/d", Destination="/dav/f/", Overwrite="F")).status == 201
    assert await dav.get("/f/a") == b"a"
    assert await dav.get("/d/a") == (b"a" if method == "COPY" else 404)
    assert (await dav(method, "/f", Destination="/dav/e", Overwrite="F")).status == 412
    assert await dav.get("/e/b") == b"b"
    assert (await dav(method, "/f", Destination="/dav/e")).status == 204
    assert await dav.names("/e") == ["/dav/e/", "/dav/e/a"]
    assert (await dav(method, "/e/a", Destination="/dav/e")).status == 403
    assert (await dav(method, "/e", Destination="/dav/e/in")).status == 403
    assert (await dav(method, "/e", Destination="/dav/e/")).status == 403
    assert (await dav(method, "/e", Destination="/dav/")).status == 403
    assert (await dav(method, "/e", Destination="/dav/no/such")).status == 409
    assert (await dav(method, "/nothing", Destination="/dav/g")).status == 404
    assert (await dav(method, "/e", Destination="/dav/g", Depth="1")).status == 400
    assert await dav.names("/e") == ["/dav/e/", "/dav/e/a"]


async def test_a_file_may_replace_a_directory_and_the_other_way_round(dav: Dav) -> None:
    await dav.mkcol("/d")
    await dav.put("/d/a", b"a")
    await dav.put("/b", b"b")
    assert (await dav("COPY", "/b", Destination="/dav/d")).status == 204
    assert await dav.get("/d") == b"b"
    await dav.mkcol("/e")
    assert (await dav("MOVE", "/e", Destination="/dav/b")).status == 204
    assert await dav.names("/b") == ["/dav/b/"]


async def test_a_shallow_copy(dav: Dav) -> None:
    await dav.mkcol("/d")
    await dav.put("/d/a")
    assert (await dav("COPY", "/d", Destination="/dav/e", Depth="0")).status == 201
    assert await dav.names("/e") == ["/dav/e/"]


async def test_properties_of_clients(dav: Dav) -> None:
    await dav.mkcol("/d")
    await dav.put("/d/a")
    patch = (
        '<D:propertyupdate xmlns:D="DAV:" xmlns:z="urn:z"><D:set><D:prop><z:author>Ana<z:b/></z:author>'
        "<z:gone>1</z:gone></D:prop></D:set><D:remove><D:prop><z:gone/></D:prop></D:remove>"
        "</D:propertyupdate>"
    )
    told = await dav("PROPPATCH", "/d/a", patch)
    assert told.status == 207
    assert [(name, status) for name, (status, _) in told.entries["/dav/d/a"].items()] == [
        ("{urn:z}author", 200),
        ("{urn:z}gone", 200),
    ]

    async def author(path: str) -> str | None:
        status, one = (await dav.prop(path, "{urn:z}author"))["{urn:z}author"]
        return one.text if status == 200 else None

    assert await author("/d/a") == "Ana"
    assert (await dav.prop("/d/a", "{urn:z}gone"))["{urn:z}gone"][0] == 404
    await dav.put("/d/a", b"new version")
    assert await author("/d/a") == "Ana"
    await dav("COPY", "/d/a", Destination="/dav/copy")
    await dav("MOVE", "/d", Destination="/dav/e")
    assert [await author("/copy"), await author("/e/a")] == ["Ana", "Ana"]
    everything = (await dav("PROPFIND", "/e", Depth="1")).entries["/dav/e/a"]
    assert everything["{urn:z}author"][1][0].tag == "{urn:z}b"
    await dav("DELETE", "/e/a")
    await dav.put("/e/a")
    assert await author("/e/a") is None


async def test_what_a_file_is_cannot_be_said_otherwise(dav: Dav) -> None:
    await dav.put("/a")
    patch = (
        '<D:propertyupdate xmlns:D="DAV:"><D:set><D:prop><D:getetag>"1"</D:getetag><x xmlns="urn:z">1</x>'
        "</D:prop></D:set></D:propertyupdate>"
    )
    told = await dav("PROPPATCH", "/a", patch)
    assert {name: status for name, (status, _) in told.entries["/dav/a"].items()} == {
        "{DAV:}getetag": 403,
        "{urn:z}x": 424,
    }
    assert b"cannot-modify-protected-property" in told.body
    assert (await dav.prop("/a", "{urn:z}x"))["{urn:z}x"][0] == 404
    assert (await dav("PROPPATCH", "/nothing", patch)).status == 404


async def test_a_large_directory_comes_in_pages(dav: Dav) -> None:
    for number in range(2500):
        dav.world.fakes.tree.put(f"/d/{number:04}", dav.world.fakes.tree.content(b"x", 1))
    assert len(await dav.names("/d")) == 2501


async def test_what_fails_in_the_middle_of_a_listing_is_not_taken_for_its_end(dav: Dav) -> None:
    for number in range(1500):
        dav.world.fakes.tree.put(f"/d/{number:04}", dav.world.fakes.tree.content(b"x", 1))
    dav.world.fakes.tree.pages = 1
    with pytest.raises(aiohttp.ClientError):
        await dav("PROPFIND", "/d", Depth="1")


async def test_depth_infinity_is_refused_by_its_name(dav: Dav) -> None:
    for headers in ({"Depth": "infinity"}, {}):
        told = await dav("PROPFIND", "/", **headers)
        assert (told.status, told.condition) == (403, "propfind-finite-depth")


async def test_room(dav: Dav) -> None:
    await dav.put("/a", b"123")
    dav.world.fakes.store.members = [
        store_pb2.MemberFigures(owner_id=b"o" * 32, state="active", heard=1, share_bytes=100, owner_bytes=40)
    ] * 2
    assert [one.text for _, one in (await dav.prop("/", *QUOTA)).values()] == ["60", "3"]
    assert [status for status, _ in (await dav.prop("/a", *QUOTA)).values()] == [404, 404]
    assert b"quota" not in (await dav("PROPFIND", "/", Depth="0")).body


async def test_room_that_nobody_knows(dav: Dav) -> None:
    assert [status for status, _ in (await dav.prop("/", *QUOTA)).values()] == [404, 404]


async def test_pages_among_the_files_cannot_run(dav: Dav) -> None:
    await dav("PUT", "/a", b"<script>", Content_Type="text/html")
    headers = (await dav("GET", "/a")).headers
    assert headers["Content-Disposition"] == "attachment; filename*=UTF-8''a"
    assert "sandbox" in headers["Content-Security-Policy"]
    for told in (await dav("PROPFIND", "/", Depth="1"), await dav("GET", "/none"), await dav("OPTIONS", "/")):
        assert told.headers["X-Content-Type-Options"] == "nosniff"
        assert "default-src 'none'" in told.headers["Content-Security-Policy"]


async def test_a_put_that_ends_early_leaves_nothing(dav: Dav) -> None:
    async def broken() -> AsyncIterator[bytes]:
        yield b"half"
        raise OSError("the cable")

    with pytest.raises(aiohttp.ClientError):
        await dav("PUT", "/a", broken())
    await dav.world.fakes.store.seen(lambda: dav.world.fakes.store.writing == 0)
    assert await dav.get("/a") == 404


async def test_no_space(dav: Dav) -> None:
    dav.world.fakes.store.free = 10
    told = await dav("PUT", "/a", b"x" * 11)
    assert (told.status, told.condition) == (507, "sufficient-disk-space")


async def test_a_locked_device_is_not_available(dav: Dav) -> None:
    await dav.world.client.lock()
    for method in ("PUT", "GET", "PROPFIND"):
        told = await dav(method, "/a", Depth="0")
        assert told.status == 503, method
        assert b'"LOCKED"' in told.body
    assert (await dav("OPTIONS", "/")).status == 200
