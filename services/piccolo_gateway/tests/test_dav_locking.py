"""LOCK and UNLOCK, and what locks forbid."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from xml.etree.ElementTree import fromstring

import pytest

from piccolo_gateway.tests.conftest import World
from piccolo_gateway.tests.dav import LOCKINFO, Dav, dav_of


@pytest.fixture
async def dav(world: World) -> AsyncIterator[Dav]:
    async with dav_of(world) as made:
        yield made


@pytest.fixture
async def other(world: World) -> AsyncIterator[Dav]:
    async with dav_of(world, "other") as made:
        yield made


async def test_a_lock_is_told_kept_begun_anew_and_released(dav: Dav) -> None:
    await dav.put("/a")
    told = await dav.lock("/a", Timeout="Second-100")
    assert told.status == 200
    (active,) = fromstring(told.body).iter("{DAV:}activelock")
    assert active.findtext("{DAV:}locktoken/{DAV:}href") == told.token.strip("<>")
    assert active.findtext("{DAV:}lockroot/{DAV:}href") == "/dav/a"
    assert active.findtext("{DAV:}owner") == "Ana"
    assert active.findtext("{DAV:}depth") == "infinity"
    assert active.findtext("{DAV:}timeout") == "Second-100"
    assert (await dav("LOCK", "/a", If=f"({told.token})", Timeout="Second-200")).status == 200
    _, found = (await dav.prop("/a", "{DAV:}lockdiscovery"))["{DAV:}lockdiscovery"]
    seconds = found.findtext(".//{DAV:}timeout") or ""
    assert 100 < int(seconds.removeprefix("Second-")) <= 200
    assert (await dav("UNLOCK", "/a", Lock_Token=told.token)).status == 204
    told = await dav("UNLOCK", "/a", Lock_Token=told.token)
    assert (told.status, told.condition) == (409, "lock-token-matches-request-uri")
    assert (await dav("UNLOCK", "/a")).status == 400


async def test_a_lock_on_a_free_name_makes_an_empty_file(dav: Dav) -> None:
    told = await dav.lock("/new")
    assert told.status == 201
    assert await dav.get("/new") == b""
    assert (await dav("PUT", "/new", b"1")).status == 423
    assert (await dav("PUT", "/new", b"1", If=f"({told.token})")).status == 204
    assert (await dav.lock("/no/such")).status == 409
    assert (await dav.lock("/no/such")).status == 409  # the one before has left no lock


async def test_what_exclusive_and_shared_locks_bear(dav: Dav, other: Dav) -> None:
    await dav.put("/a")
    first = await dav.lock("/a", "shared")
    assert (await other.lock("/a", "shared")).status == 200
    told = await other.lock("/a")
    assert (told.status, told.condition) == (423, "no-conflicting-lock")
    assert b"<D:href>/dav/a</D:href>" in told.body
    assert (await dav("PUT", "/a", b"2", If=f"({first.token})")).status == 204
    assert (await dav("PUT", "/a", b"2")).status == 423


async def test_only_who_took_a_lock_may_use_it(dav: Dav, other: Dav) -> None:
    await dav.put("/a")
    token = (await dav.lock("/a")).token
    assert (await other("PUT", "/a", b"2", If=f"({token})")).status == 423
    assert (await other("LOCK", "/a", If=f"({token})")).status == 412
    assert (await other("UNLOCK", "/a", Lock_Token=token)).status == 403
    assert (await dav("PUT", "/a", b"2", If=f"({token})")).status == 204


async def test_a_locked_directory_and_what_is_in_it(dav: Dav, other: Dav) -> None:
    await dav.mkcol("/d", "/d/e")
    await dav.put("/d/a")
    token = (await dav.lock("/d")).token
    refused = [
        await other("PUT", "/d/a", b"2"),
        await other("PUT", "/d/e/new", b"2"),
        await other("MKCOL", "/d/f"),
        await other("DELETE", "/d/a"),
        await other("DELETE", "/d"),
        await other("MOVE", "/d/a", Destination="/dav/a"),
        await other("COPY", "/d/a", Destination="/dav/d/b"),
        await other("PROPPATCH", "/d/a", PATCH),
        await other.lock("/d/a"),
    ]
    assert [told.status for told in refused] == [423] * len(refused)
    assert {told.condition for told in refused[:-1]} == {"lock-token-submitted"}
    assert (await other("COPY", "/d/a", Destination="/dav/a")).status == 201
    held = f"</dav/d> ({token})"
    assert (await dav("MKCOL", "/d/f", If=held)).status == 201
    assert (await dav("PROPPATCH", "/d/a", PATCH, If=held)).status == 207
    assert (await dav("MOVE", "/d/a", Destination="/dav/d/b", If=held)).status == 201
    assert (await dav("DELETE", "/d", If=held)).status == 204
    assert (await other("MKCOL", "/d")).status == 201  # the lock went with what it was on


PATCH = '<D:propertyupdate xmlns:D="DAV:"><D:set><D:prop><x>1</x></D:prop></D:set></D:propertyupdate>'


async def test_a_shallow_lock_is_on_the_names_alone(dav: Dav, other: Dav) -> None:
    await dav.mkcol("/d")
    await dav.put("/d/a")
    await dav.lock("/d", Depth="0")
    assert (await other("PUT", "/d/a", b"2")).status == 204
    assert (await other("PUT", "/d/b", b"2")).status == 423
    assert (await other("DELETE", "/d/a")).status == 423
    assert (await other("MOVE", "/d/a", Destination="/dav/c")).status == 423
    assert (await other.lock("/d/b")).status == 423
    assert (await other.lock("/d", Depth="1")).status == 400


async def test_a_lock_deep_in_a_directory_holds_all_of_it(dav: Dav, other: Dav) -> None:
    await dav.mkcol("/d", "/e")
    await dav.put("/d/a", b"mine")
    token = (await dav.lock("/d/a")).token
    assert (await other("DELETE", "/d")).status == 423
    assert (await other("MOVE", "/d", Destination="/dav/f")).status == 423
    assert (await other("MOVE", "/e", Destination="/dav/d")).status == 423
    assert (await other("COPY", "/e", Destination="/dav/d")).status == 423
    assert (await other.lock("/d")).status == 423
    assert (await other("COPY", "/d", Destination="/dav/f")).status == 201
    assert await dav.get("/d/a") == b"mine"
    assert (await dav("DELETE", "/d", If=f"</dav/d/a> ({token})")).status == 204


async def test_one_name_in_two_forms_is_one_lock(dav: Dav, other: Dav) -> None:
    await dav.put("/e%CC%81")
    assert (await dav.lock("/e%CC%81")).status == 200
    assert (await other("PUT", "/%C3%A9", b"2")).status == 423


async def test_what_is_locked_while_its_bytes_come_is_not_overwritten(dav: Dav, other: Dav) -> None:
    await dav.put("/a", b"before")
    arrived, go_on = asyncio.Event(), asyncio.Event()

    async def slow() -> AsyncIterator[bytes]:
        yield b"late"
        arrived.set()
        await go_on.wait()

    late = asyncio.ensure_future(other("PUT", "/a", slow()))
    await arrived.wait()
    assert (await dav.lock("/a")).status == 200
    go_on.set()
    assert (await late).status == 423
    assert await dav.get("/a") == b"before"


async def test_the_conditions_of_the_if_header_come_first(dav: Dav) -> None:
    await dav.put("/a")
    token = (await dav.lock("/a")).token
    assert (await dav("PUT", "/a", b"2", If="(<urn:uuid:another>)")).status == 412
    assert (await dav("PUT", "/a", b"2", If=f"({token}) (Not <DAV:no-lock>)")).status == 204
    assert (await dav("PUT", "/a", b"2", If="(Not <DAV:no-lock>)")).status == 423
    elsewhere = f"<https://elsewhere/dav/a> ({token})"
    assert (await dav("PUT", "/a", b"2", If=elsewhere)).status == 412


async def test_the_api_is_not_bound_by_the_locks_of_programs(dav: Dav) -> None:
    await dav.put("/a", b"1")
    await dav.lock("/a")
    await dav.world.client.put("/a", b"2")
    _, page = await dav.world.json("GET", "/versions/a")
    assert len(page["versions"]) == 2  # nothing was lost


async def test_bodies_of_lock_that_cannot_be_used(dav: Dav) -> None:
    assert (await dav("LOCK", "/a", LOCKINFO.format("eternal"))).status == 400
    assert (await dav("LOCK", "/a")).status == 412  # nothing to begin anew
    assert (await dav("LOCK", "/a", LOCKINFO.format("shared").replace("Ana", "x" * 70_000))).status == 413
    assert await dav.get("/a") == 404
