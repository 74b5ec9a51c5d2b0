"""Resumable uploads: the tus 1.0 protocol, and what may come between."""

from __future__ import annotations

import asyncio
import base64
import io
import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
from piccolo_chassis.errors import Kind, PiccoloError

from piccolo_gateway.core.tus import Target
from piccolo_gateway.engine.pump import Pump, nothing
from piccolo_gateway.engine.slots import Slots
from piccolo_gateway.engine.uploads import Uploads
from piccolo_gateway.ports.machine import Clock
from piccolo_gateway.ports.store import WriteStart
from piccolo_gateway.tests.conftest import PASSPHRASE, Start, World
from piccolo_gateway.tests.fakes import FakeDevice

ALL = "/api/v1/uploads"
TUS = {"Tus-Resumable": "1.0.0"}
BYTES = {**TUS, "Content-Type": "application/offset+octet-stream"}


def metadata(**values: str) -> str:
    return ",".join(f"{key} {base64.b64encode(value.encode()).decode()}" for key, value in values.items())


def begin(size: int, path: str = "/films/a.mkv", **more: str) -> dict[str, str]:
    return {**TUS, "Upload-Length": str(size), "Upload-Metadata": metadata(path=path, **more)}


async def send(
    world: World, method: str, where: str, headers: dict[str, str], data: Any = None
) -> tuple[int, Any, Any]:
    async with world.request(method, where, headers=headers, data=data) as response:
        raw = await response.read()
        return response.status, response.headers, json.loads(raw) if raw else None


async def create(world: World, size: int, **more: str) -> str:
    status, headers, _ = await send(world, "POST", ALL, begin(size, **more))
    assert status == 201
    return str(headers["Location"])


async def patch(world: World, where: str, offset: int, data: Any) -> tuple[int, Any, Any]:
    if isinstance(data, bytes):
        data = io.BytesIO(data)
    return await send(world, "PATCH", where, {**BYTES, "Upload-Offset": str(offset)}, data)


async def offset(world: World, where: str) -> int:
    status, headers, _ = await send(world, "HEAD", where, TUS)
    assert status == 200
    assert headers["Cache-Control"] == "no-store"
    return int(headers["Upload-Offset"])


async def test_what_of_tus_is_understood(blank: World) -> None:
    status, headers, _ = await send(blank, "OPTIONS", ALL, {})
    assert status == 204
    assert headers["Tus-Version"] == "1.0.0"
    assert headers["Tus-Extension"] == "creation,creation-with-upload,expiration,termination"


async def test_a_file_in_parts(world: World) -> None:
    data = os.urandom(2_500_000)
    where = await create(world, len(data), filetype="video/x-matroska", modified="1700000000")
    assert await offset(world, where) == 0
    for at in range(0, len(data), 900_000):
        status, headers, _ = await patch(world, where, at, data[at : at + 900_000])
        assert status == 204
        assert headers["Upload-Offset"] == str(min(len(data), at + 900_000))
        assert "Upload-Expires" in headers
    assert headers["Content-Location"] == "/api/v1/files/films/a.mkv"
    assert await offset(world, where) == len(data)  # for who missed the last answer
    async with world.request("GET", headers["Content-Location"]) as response:
        assert await response.read() == data
        assert response.headers["Content-Type"] == "video/x-matroska"
        assert response.headers["X-Modified"] == "1700000000"
        assert response.headers["ETag"] == headers["ETag"]


async def test_creation_with_upload(world: World) -> None:
    headers = {**begin(10), **BYTES}
    status, told, _ = await send(world, "POST", ALL, headers, b"01234")
    assert (status, told["Upload-Offset"]) == (201, "5")
    assert (await patch(world, told["Location"], 5, b"56789"))[0] == 204
    assert await world.client.get("/films/a.mkv") == b"0123456789"


async def test_creation_with_the_whole_file(world: World) -> None:
    status, told, _ = await send(world, "POST", ALL, {**begin(5), **BYTES}, b"01234")
    assert (status, told["Upload-Offset"]) == (201, "5")
    assert await world.client.get("/films/a.mkv") == b"01234"


async def test_an_empty_file_is_done_at_once(world: World) -> None:
    where = await create(world, 0)
    assert await offset(world, where) == 0
    assert await world.client.get("/films/a.mkv") == b""
    assert (await patch(world, where, 0, b""))[0] == 204


@pytest.mark.parametrize(
    ("method", "one", "headers", "status"),
    [
        ("POST", False, {**begin(5), "Tus-Resumable": "0.2.2"}, 412),
        ("POST", False, {key: value for key, value in begin(5).items() if key != "Tus-Resumable"}, 412),
        ("POST", False, {**TUS, "Upload-Metadata": metadata(path="/a")}, 400),
        ("POST", False, {**begin(5), "Upload-Length": "-1"}, 400),
        ("POST", False, {**begin(5), "Upload-Length": "x"}, 400),
        ("POST", False, {**TUS, "Upload-Length": "5"}, 400),
        ("POST", False, begin(5, "/a/../b"), 400),
        ("POST", False, {**begin(5), "Upload-Metadata": "path !!!"}, 400),
        ("HEAD", True, {}, 412),
        ("PATCH", True, {**BYTES, "Tus-Resumable": "2"}, 412),
        ("PATCH", True, {**BYTES}, 400),
        ("PATCH", True, {**BYTES, "Upload-Offset": "-1"}, 400),
        ("PATCH", True, {**BYTES, "Upload-Offset": "1"}, 409),
        ("PATCH", True, {**TUS, "Content-Type": "text/plain", "Upload-Offset": "0"}, 415),
        ("DELETE", True, {}, 412),
        ("POST", True, TUS, 405),
        ("POST", True, {**TUS, "X-HTTP-Method-Override": "PUT"}, 405),
    ],
)
async def test_the_table_of_refusals(
    world: World, method: str, one: bool, headers: dict[str, str], status: int
) -> None:
    where = await create(world, 5) if one else ALL
    found, told, _ = await send(world, method, where, headers)
    assert found == status
    assert told["Tus-Resumable"] == "1.0.0"
    assert status != 412 or told["Tus-Version"] == "1.0.0"


@pytest.mark.parametrize("method", ["HEAD", "PATCH", "DELETE"])
async def test_an_upload_that_is_not_there(world: World, method: str) -> None:
    status, headers, _ = await send(world, method, f"{ALL}/nothing", {**BYTES, "Upload-Offset": "0"})
    assert status == 404
    assert "Upload-Offset" not in headers


async def test_the_wrong_offset_says_where_to_go_on(world: World) -> None:
    where = await create(world, 10)
    await patch(world, where, 0, b"012")
    status, _, problem = await patch(world, where, 2, b"23456789")
    assert (status, problem["reason"], problem["details"]["durable_bytes"]) == (409, "UPLOAD_OFFSET", "3")
    assert (await patch(world, where, 3, b"3456789"))[0] == 204


async def test_more_bytes_than_announced_are_refused_and_the_rest_stays(world: World) -> None:
    where = await create(world, 5)
    assert (await patch(world, where, 0, b"01"))[0] == 204
    status, _, problem = await patch(world, where, 2, b"23456")
    assert (status, problem["reason"]) == (413, "UPLOAD_TOO_LARGE")
    assert await offset(world, where) == 2


async def test_clients_that_cannot_send_patch(world: World) -> None:
    where = await create(world, 4)
    headers = {**BYTES, "Upload-Offset": "0", "X-HTTP-Method-Override": "PATCH"}
    assert (await send(world, "POST", where, headers, b"ab"))[0] == 204
    status, told, _ = await send(world, "POST", where, {**TUS, "X-HTTP-Method-Override": "HEAD"})
    assert (status, told["Upload-Offset"]) == (200, "2")
    assert (await send(world, "POST", where, {**TUS, "X-HTTP-Method-Override": "DELETE"}))[0] == 204


async def test_ending_an_upload(world: World) -> None:
    where = await create(world, 5)
    await patch(world, where, 0, b"01")
    assert (await send(world, "DELETE", where, TUS))[0] == 204
    assert (await send(world, "HEAD", where, TUS))[0] == 404
    assert world.fakes.store.uploads == {}


async def test_ending_a_finished_upload_keeps_its_file(world: World) -> None:
    where = await create(world, 0)
    assert (await send(world, "DELETE", where, TUS))[0] == 204
    assert await world.client.get("/films/a.mkv") == b""


async def test_a_client_that_goes_away_comes_back(world: World) -> None:
    where = await create(world, 4 << 20)
    store = world.fakes.store

    async def half() -> AsyncIterator[bytes]:
        yield bytes(2 << 20)
        await store.seen(lambda: store.taken == 2 << 20)
        raise ConnectionError("the cable was pulled")

    with pytest.raises((aiohttp.ClientError, ConnectionError)):
        await patch(world, where, 0, half())
    await store.seen(lambda: store.writing == 0)
    assert store.parked == 1  # a stream that is cut off keeps less at the vault
    assert await offset(world, where) == 2 << 20
    assert (await patch(world, where, 2 << 20, bytes(2 << 20)))[0] == 204
    assert await world.client.get("/films/a.mkv") == bytes(4 << 20)


async def test_a_vault_that_fails_in_the_middle_says_how_far_it_is(world: World) -> None:
    where = await create(world, 4 << 20)
    await patch(world, where, 0, bytes(1 << 20))
    world.fakes.store.failure = PiccoloError(Kind.UNAVAILABLE, "NO_KEEPERS", "Too few members answer.")
    status, headers, problem = await patch(world, where, 1 << 20, bytes(3 << 20))
    assert (status, problem["reason"]) == (503, "NO_KEEPERS")
    assert problem["details"]["durable_bytes"] == str(1 << 20)
    assert headers["Retry-After"] == "1"
    assert (await patch(world, where, 1 << 20, bytes(3 << 20)))[0] == 204


async def test_the_end_of_the_process_tells_how_far_and_another_process_goes_on(
    start: Start, short: Any
) -> None:
    async with start() as world:
        fakes = await _owned(world)
        where = await create(world, 4 << 20)
        store = fakes.store

        async def endless() -> AsyncIterator[bytes]:
            yield bytes(3 << 20)
            await asyncio.Event().wait()

        sending = asyncio.ensure_future(patch(world, where, 0, endless()))
        await store.seen(lambda: store.taken == 3 << 20)
        world.host.stopping.set()
        status, _, problem = await sending
        assert (status, problem["reason"]) == (503, "STOPPING")
        assert problem["details"]["durable_bytes"] == str(3 << 20)
        assert "durable_bytes" in problem["next_step"]
        world.host.stopping.clear()  # as a process that has just started
        assert await offset(world, where) == 3 << 20
        assert (await patch(world, where, 3 << 20, bytes(1 << 20)))[0] == 204
        assert await world.client.get("/films/a.mkv") == bytes(4 << 20)


async def test_a_creation_that_breaks_off_tells_its_address(world: World) -> None:
    world.fakes.store.failure = PiccoloError(Kind.LOCKED, "LOCKED", "Somebody locked it.")
    status, _, problem = await send(world, "POST", ALL, {**begin(5), **BYTES}, b"01234")
    assert (status, problem["reason"]) == (423, "LOCKED")
    where = f"{ALL}/{problem['details']['upload_id']}"
    assert (await patch(world, where, 0, b"01234"))[0] == 204


async def test_a_creation_without_a_future_leaves_no_trace(world: World) -> None:
    world.fakes.store.free = 3
    status, _, problem = await send(world, "POST", ALL, {**begin(5), **BYTES}, b"01234")
    assert (status, problem["reason"]) == (507, "NO_ROOM")
    assert world.fakes.state.values == {}


async def test_two_clients_of_one_upload_do_not_mix(world: World) -> None:
    where = await create(world, 6)
    await patch(world, where, 0, b"abc")
    first, second = await asyncio.gather(patch(world, where, 3, b"def"), patch(world, where, 3, b"def"))
    assert {first[0], second[0]} <= {204, 409}
    assert await offset(world, where) == 6  # whoever was told 409 asks, as tus says
    assert await world.client.get("/films/a.mkv") == b"abcdef"


async def test_who_hears_that_all_bytes_are_here_finds_the_file(world: World) -> None:
    where = await create(world, 1 << 20)
    store = world.fakes.store

    async def all_but_the_end() -> AsyncIterator[bytes]:
        yield bytes(1 << 20)
        await store.seen(lambda: store.taken == 1 << 20)
        raise ConnectionError("the cable was pulled")

    with pytest.raises((aiohttp.ClientError, ConnectionError)):
        await patch(world, where, 0, all_but_the_end())
    await store.seen(lambda: store.writing == 0)
    assert await offset(world, where) == 1 << 20
    assert await world.client.get("/films/a.mkv") == bytes(1 << 20)


async def test_a_client_that_asks_while_its_file_gets_its_name_waits_for_it(world: World) -> None:
    where = await create(world, 6)
    store = world.fakes.store
    store.naming.clear()
    sending = asyncio.ensure_future(patch(world, where, 0, b"abcdef"))
    await store.seen(lambda: store.finishing)
    asking = asyncio.ensure_future(offset(world, where))
    done, _ = await asyncio.wait({asking}, timeout=0.2)
    assert not done
    store.naming.set()
    assert (await asking, (await sending)[0]) == (6, 204)


async def test_uploads_that_nobody_touches_end(world: World) -> None:
    where = await create(world, 5)
    await patch(world, where, 0, b"01")
    key = ("gateway", "upload/" + where.rpartition("/")[2])
    record = json.loads(world.fakes.state.values[key])
    world.fakes.state.values[key] = json.dumps({**record, "expires": 1}).encode()
    status, _, problem = await patch(world, where, 2, b"234")
    assert (status, problem["reason"]) == (410, "UPLOAD_OVER")


async def test_a_creation_that_is_refused_leaves_no_bytes(world: World) -> None:
    headers = {**begin(2 << 20), **BYTES}
    status, _, problem = await send(world, "POST", ALL, headers, io.BytesIO(bytes(5 << 19)))
    assert (status, problem["reason"]) == (413, "UPLOAD_TOO_LARGE")
    assert not world.fakes.store.uploads
    assert not world.fakes.state.values


class _Kept:
    """State and vault in one; the vault refuses all that is stored."""

    def __init__(self) -> None:
        self.values: dict[str, bytes] = {}
        self.bytes: set[str] = set()
        self.away = False
        self.removed = asyncio.Event()

    async def list(self, prefix: str) -> dict[str, bytes]:
        return dict(self.values)

    async def put(self, values: dict[str, bytes]) -> None:
        self.values |= values

    async def remove(self, key: str) -> None:
        del self.values[key]
        if not self.values:
            self.removed.set()

    async def abandon(self, upload_id: str) -> None:
        if self.away:
            raise PiccoloError(Kind.UNAVAILABLE, "AWAY", "It is away.")
        self.bytes.remove(upload_id)

    @asynccontextmanager
    async def write(self, start: WriteStart) -> AsyncIterator[Any]:
        self.bytes.add(start.upload_id)
        raise PiccoloError(Kind.FULL, "NO_ROOM", "There is no room.")
        yield


async def test_what_cannot_be_abandoned_now_is_abandoned_later() -> None:
    kept, seconds = _Kept(), 0
    anything: Any = kept
    uploads = Uploads(
        anything,
        anything,
        Pump(asyncio.Event(), 1.0),
        Slots(1, 1.0, "uploads"),
        Clock(lambda: seconds, lambda: 0.0),
        os.urandom,
    )
    kept.away = True
    with pytest.raises(PiccoloError, match="no room"):
        await uploads.create(Target("/a", "", 0), 5, nothing())
    assert (len(kept.values), len(kept.bytes)) == (1, 1)
    kept.values["upload/rotten"] = b"rotten"
    kept.bytes.add("rotten")
    kept.away, seconds = False, 8 * 86400
    sweeping = asyncio.ensure_future(uploads.sweep())
    try:
        async with asyncio.timeout(10):
            await kept.removed.wait()
    finally:
        sweeping.cancel()
    assert not kept.bytes


async def _owned(world: World) -> FakeDevice:
    world.fakes.keys.set_up(PASSPHRASE)
    await world.client.log_in()
    return world.fakes
