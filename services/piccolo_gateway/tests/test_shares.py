"""Share links: who may make them, what their holders get, where they lead, and how they end."""

from __future__ import annotations

import asyncio
import io
import zipfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from piccolo_gateway.core import shares
from piccolo_gateway.core.bodies.shares import NewShare
from piccolo_gateway.tests.conftest import PASSPHRASE, World, started


async def make(world: World, path: str = "/a/film.mkv", **more: Any) -> Any:
    status, made = await world.json("POST", "/shares", json={"path": path, **more})
    assert status == 201, made
    return made


async def begun(visitor: World, secret: str, **body: str) -> str:
    status, told = await visitor.json("POST", f"/shared/{secret}/downloads", json=body)
    assert status == 201, told
    return str(told["address"])


async def read(visitor: World, address: str, **headers: str) -> tuple[int, bytes, Any]:
    async with visitor.request("GET", address, headers=headers) as response:
        return response.status, await response.read(), response.headers


@pytest.fixture
async def shared(world: World) -> World:
    await world.client.put("/a/film.mkv", b"0123456789")
    await world.client.put("/a/sub/b.txt", b"b")
    return world


@pytest.fixture
async def visitor(shared: World) -> AsyncIterator[World]:
    """Somebody without a session or a token."""
    async with shared.stranger() as made:
        yield made


async def test_a_file_from_a_link_to_its_last_byte(shared: World, visitor: World) -> None:
    made = await make(shared, downloads=2)
    secret = made["secret"]
    assert made["address"] == f"/s/{secret}"
    assert len(secret) * 6 >= 128
    _, told = await visitor.json("GET", f"/shared/{secret}")
    entry = {"name": "film.mkv", "kind": "file", "size": 10, "files": 1}
    assert told == {"expires": made["expires"], "left": 2, "password": False, "entry": entry}
    status, data, headers = await read(visitor, await begun(visitor, secret))
    assert (status, data) == (200, b"0123456789")
    assert headers["Content-Disposition"] == "attachment; filename*=UTF-8''film.mkv"


async def test_a_folder_comes_as_an_archive(shared: World, visitor: World) -> None:
    secret = (await make(shared, "/a"))["secret"]
    _, told = await visitor.json("GET", f"/shared/{secret}")
    assert told["entry"] == {"name": "a", "kind": "directory", "size": 11, "files": 2}
    status, data, headers = await read(visitor, await begun(visitor, secret))
    assert (status, headers["Content-Type"]) == (200, "application/zip")
    names = {one.filename for one in zipfile.ZipFile(io.BytesIO(data)).infolist()}
    assert names == {"a/", "a/film.mkv", "a/sub/", "a/sub/b.txt"}


async def test_a_download_that_was_cut_off_goes_on_and_counts_once(shared: World, visitor: World) -> None:
    secret = (await make(shared, downloads=1))["secret"]
    address = await begun(visitor, secret)
    status, data, headers = await read(visitor, address, Range="bytes=0-3")
    assert (status, data) == (206, b"0123")
    again = {"Range": "bytes=4-", "If-Range": headers["ETag"]}
    assert (await read(visitor, address, **again))[:2] == (206, b"456789")
    assert (await read(visitor, address))[:2] == (200, b"0123456789")
    status, problem = await visitor.json("POST", f"/shared/{secret}/downloads", json={})
    assert (status, problem["reason"]) == (410, "SHARE_OVER")
    ((one),) = (await shared.json("GET", "/shares"))[1]["shares"]
    assert (one["used"], one["works"]) == (1, False)


async def test_many_at_once_do_not_get_more_than_the_limit(shared: World, visitor: World) -> None:
    secret = (await make(shared, downloads=3))["secret"]
    asked = [visitor.json("POST", f"/shared/{secret}/downloads", json={}) for _ in range(8)]
    statuses = sorted([status for status, _ in await asyncio.gather(*asked)])
    assert statuses == [201] * 3 + [410] * 5


async def test_unknown_withdrawn_expired_and_used_up_are_told_alike(shared: World, visitor: World) -> None:
    withdrawn, used, expired, gone = [await make(shared, downloads=1) for _ in range(4)]
    await shared.json("DELETE", f"/shares/{withdrawn['share_id']}")
    await begun(visitor, used["secret"])
    key = ("gateway", f"share/{expired['share_id']}")
    record = shares.decode(shared.fakes.state.values[key])
    assert record is not None
    shared.fakes.state.values[key] = replace_record(record, expires=1).encode()
    await shared.json("GET", "/shares")  # reads what is kept anew
    told = []
    for secret in ("A" * 32, withdrawn["secret"], used["secret"], expired["secret"]):
        for method, path in (("GET", ""), ("POST", ""), ("POST", "/downloads")):
            body: dict[str, Any] = {} if method == "GET" else {"json": {}}
            status, problem = await visitor.json(method, f"/shared/{secret}{path}", **body)
            told.append((status, problem["reason"], problem["detail"], problem["next_step"]))
    assert len(set(told)) == 1
    assert told[0][:2] == (410, "SHARE_OVER")
    await shared.json("DELETE", "/files/a/film.mkv")
    assert (await visitor.json("GET", f"/shared/{gone['secret']}"))[0] == 410


def replace_record(record: shares.Record, **changes: Any) -> shares.Record:
    made = {name: getattr(record, name) for name in record.__struct_fields__}
    return shares.Record(**{**made, **changes})


async def test_withdrawing_ends_what_was_begun(shared: World, visitor: World) -> None:
    made = await make(shared)
    address = await begun(visitor, made["secret"])
    assert (await shared.json("DELETE", f"/shares/{made['share_id']}"))[0] == 204
    assert (await read(visitor, address))[0] == 410
    assert (await shared.json("DELETE", f"/shares/{made['share_id']}"))[0] == 404


async def test_a_link_goes_with_the_file_and_never_to_another(shared: World, visitor: World) -> None:
    secret = (await make(shared))["secret"]
    await shared.json("POST", "/move", json={"source": "/a", "destination": "/b"})
    await shared.json("POST", "/move", json={"source": "/b/film.mkv", "destination": "/b/movie.mkv"})
    await shared.client.put("/a/film.mkv", b"another")
    await shared.client.put("/b/movie.mkv", b"newer")
    _, data, headers = await read(visitor, await begun(visitor, secret))
    assert (data, headers["Content-Disposition"]) == (b"newer", "attachment; filename*=UTF-8''movie.mkv")
    ((one),) = (await shared.json("GET", "/shares"))[1]["shares"]
    assert one["path"] == "/b/movie.mkv"
    _, removed = await shared.json("DELETE", "/files/b/movie.mkv")
    await shared.client.put("/b/movie.mkv", b"took the name")
    assert (await visitor.json("GET", f"/shared/{secret}"))[0] == 410
    ((one),) = (await shared.json("GET", "/shares"))[1]["shares"]
    assert one["works"] is False
    await shared.json("POST", f"/trash/{removed['trash_id']}/restore", json={"path": "/back.mkv"})
    assert (await read(visitor, await begun(visitor, secret)))[1] == b"newer"


async def test_a_password_is_asked_for_and_slowed_down(shared: World, visitor: World) -> None:
    secret = (await make(shared, password="schön"))["secret"]
    _, told = await visitor.json("GET", f"/shared/{secret}")
    assert (told["password"], told["entry"]) == (True, None)
    for path in ("", "/downloads"):
        status, problem = await visitor.json("POST", f"/shared/{secret}{path}", json={})
        assert (status, problem["reason"]) == (403, "SHARE_PASSWORD_WRONG")
    _, told = await visitor.json("POST", f"/shared/{secret}", json={"password": "scho\u0308n"})
    assert told["entry"]["name"] == "film.mkv"
    address = await begun(visitor, secret, password="schön")
    assert (await read(visitor, address))[1] == b"0123456789"
    for _ in range(3):
        status, _ = await visitor.json("POST", f"/shared/{secret}", json={"password": "x"})
        assert status == 403
    async with visitor.request("POST", f"/api/v1/shared/{secret}", json={"password": "schön"}) as response:
        assert response.status == 429
        assert int(response.headers["Retry-After"]) >= 1
    kept = b"".join(shared.fakes.state.values.values())
    assert b"$argon2id$" in kept


async def test_guesses_at_once_are_not_all_looked_at(shared: World, visitor: World) -> None:
    secret = (await make(shared, password="right"))["secret"]
    asked = [visitor.json("POST", f"/shared/{secret}", json={"password": str(number)}) for number in range(8)]
    statuses = [status for status, _ in await asyncio.gather(*asked)]
    assert 429 in statuses
    assert statuses.count(403) <= 3


async def test_no_secret_is_kept_or_written_into_the_audit_log(shared: World, visitor: World) -> None:
    made = await make(shared)
    address = await begun(visitor, made["secret"])
    await visitor.json("GET", f"/shared/{'B' * 32}")
    kept = b"".join(shared.fakes.state.values.values()).decode()
    log = str(shared.fakes.audit.events)
    for secret in (made["secret"], address.rpartition("=")[2]):
        assert secret not in kept
        assert secret not in log
    done = [(one.actor, one.action, one.subject) for one in shared.fakes.audit.events]
    share = f"share:{made['share_id']}"
    assert ("owner", "share.make", "/a/film.mkv") in done
    assert (share, "share.download", "/a/film.mkv") in done


@pytest.mark.parametrize("change", ["x", "", "0-", "ffffffffffffffffff-0", "-", "zz-00", "é-é"])
async def test_a_ticket_that_was_not_given_is_worth_nothing(
    shared: World, visitor: World, change: str
) -> None:
    secret = (await make(shared))["secret"]
    address = f"/api/v1/shared/{secret}/content?ticket={change}"
    assert (await read(visitor, address))[0] == 410
    other = (await make(shared))["secret"]
    foreign = (await begun(visitor, other)).replace(other, secret)
    assert (await read(visitor, foreign))[0] == 410


async def test_a_locked_device_says_so_plainly(shared: World, visitor: World) -> None:
    secret = (await make(shared))["secret"]
    address = await begun(visitor, secret)
    await shared.client.lock()
    for status, problem in (
        await visitor.json("GET", f"/shared/{secret}"),
        await visitor.json("POST", f"/shared/{secret}/downloads", json={}),
        await visitor.json("GET", address.removeprefix("/api/v1")),
    ):
        assert (status, problem["reason"]) == (423, "SHARE_LOCKED")
        assert "locked" in problem["detail"]
    assert (await visitor.json("GET", f"/shared/{'C' * 32}"))[0] == 410


async def test_what_goes_wrong_is_told_without_a_name(shared: World, visitor: World) -> None:
    secret = (await make(shared))["secret"]
    address = await begun(visitor, secret)
    shared.fakes.store.fail_reading = 0
    status, problem = await visitor.json("GET", address.removeprefix("/api/v1"))
    assert (status, problem["reason"]) == (500, "UNREADABLE")
    assert "film" not in str(problem)


@pytest.mark.parametrize("scope", ["read", "write"])
async def test_only_an_owner_makes_links(shared: World, scope: str) -> None:
    token = await shared.client.make_token(scope, scope)
    async with shared.stranger(token) as robot:
        assert (await robot.json("POST", "/shares", json={"path": "/a"}))[0] == 403
        assert (await robot.json("GET", "/shares"))[0] == 403


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"path": "/none"}, 404),
        ({"path": "/../a"}, 400),
        ({"path": "/a", "lifetime": 59}, 400),
        ({"path": "/a", "downloads": -1}, 400),
        ({"path": "/a", "password": "x" * 201}, 400),
    ],
)
async def test_what_cannot_be_shared(shared: World, body: dict[str, Any], status: int) -> None:
    assert (await shared.json("POST", "/shares", json=body))[0] == status


async def test_links_and_tickets_outlive_the_process(short: Path) -> None:
    async with started(short / "1") as world:
        world.fakes.keys.set_up(PASSPHRASE)
        await world.client.log_in()
        await world.client.put("/a", b"x")
        made = await make(world, "/a", downloads=1)
        address = await begun(world, made["secret"])
        kept, tree = dict(world.fakes.state.values), world.fakes.tree
    async with started(short / "2") as world:
        world.fakes.keys.set_up(PASSPHRASE)
        world.fakes.state.values.update(kept)
        world.fakes.tree.nodes, world.fakes.tree.revision = tree.nodes, tree.revision
        assert (await read(world, address))[:2] == (200, b"x")
        assert (await world.json("GET", f"/shared/{made['secret']}"))[0] == 410


@given(st.binary(min_size=shares.RANDOM_BYTES, max_size=shares.RANDOM_BYTES), st.integers(0, 2**40))
def test_a_ticket_is_good_until_its_end_and_for_its_link_only(random: bytes, until: int) -> None:
    asked = NewShare(path="/a")
    record = shares.make(asked, 7, "/a", "file", 0, random).record
    ticket = record.ticket(until)
    assert record.admits(ticket, until - 1)
    assert not record.admits(ticket, until)
    assert not record.admits(record.ticket(until)[:-1] + "x", until - 1)
    other = shares.make(asked, 7, "/a", "file", 0, bytes(shares.RANDOM_BYTES - 1) + random[:1] + b"").record
    assert other.key == record.key or not other.admits(ticket, until - 1)
    assert shares.decode(record.encode()) == record
