"""The page at a share link: what strangers read there, in which language, and how they are refused."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from dataclasses import fields
from pathlib import Path
from string import Formatter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from piccolo_chassis.errors import Kind, PiccoloError

from piccolo_gateway.core.bodies.shares import Shared, SharedEntry
from piccolo_gateway.core.languages import Language
from piccolo_gateway.core.share_page import POLICY, Drawing
from piccolo_gateway.core.share_words import WORDS
from piccolo_gateway.tests.conftest import PASSPHRASE, Start, World
from piccolo_gateway.tests.test_shares import begun, make, read

BROWSER = {"Accept": "text/html,*/*;q=0.8"}
GERMAN = {**BROWSER, "Accept-Language": "de-DE,de;q=0.9,en;q=0.5"}
LANGUAGES: tuple[Language, ...] = ("en", "de")


@pytest.fixture
async def visitor(world: World) -> AsyncIterator[World]:
    """Somebody without a session or a token; the owner has a film."""
    await world.client.put("/a/film.mkv", b"0123456789")
    async with world.stranger() as made:
        yield made


async def posted(visitor: World, secret: str, password: str = "", **headers: str) -> tuple[int, str, Any]:
    data = {"password": password}
    async with visitor.request("POST", f"/s/{secret}", data=data, headers=headers) as response:
        return response.status, await response.text(), response.headers


async def test_looking_counts_nothing_and_the_button_does(world: World, visitor: World) -> None:
    await world.client.put("/a/<b>&.txt", b"x")
    secret = (await make(world, "/a/<b>&.txt", downloads=1))["secret"]
    for _ in range(3):
        status, html, headers = await read(visitor, f"/s/{secret}")
        assert (status, headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert b"&lt;b&gt;&amp;.txt" in html
    assert b"<b>" not in html
    assert b"It can be downloaded once more." in html
    status, _, headers = await posted(visitor, secret)
    assert status == 303
    assert (await read(visitor, headers["Location"]))[1] == b"x"
    status, html, _ = await read(visitor, f"/s/{secret}", **BROWSER)
    assert (status, b"leads nowhere" in html) == (410, True)


async def test_the_form_takes_a_password(world: World, visitor: World) -> None:
    secret = (await make(world, password="schön"))["secret"]
    html = (await read(visitor, f"/s/{secret}"))[1]
    assert b'type="password"' in html
    assert b"film" not in html
    assert (await posted(visitor, secret, "schön"))[0] == 303


async def test_it_speaks_the_browsers_language(world: World, visitor: World) -> None:
    secret = (await make(world, downloads=3))["secret"]
    english = (await read(visitor, f"/s/{secret}"))[1].decode()
    german = (await read(visitor, f"/s/{secret}", **GERMAN))[1].decode()
    for html, language, words in (
        (english, "en", ["A file of 10 bytes.", ">in 7 days (", "3 more times", ">Download<"]),
        (german, "de", ["Eine Datei mit 10 Byte.", ">in 7 Tagen (", "noch 3-mal", ">Herunterladen<"]),
    ):
        assert f'<html lang="{language}">' in html
        assert [one for one in words if one not in html] == []


def in_our_dress(status: int, html: str, headers: Any, reason: str) -> None:
    """What every refusal has, in German."""
    told = WORDS["de"].refusals.get(reason, WORDS["de"].failed)
    assert headers["Content-Type"] == "text/html; charset=utf-8"
    assert headers["Content-Security-Policy"] == POLICY
    assert f"<h1>{told.heading}</h1>" in html
    assert told.what in html
    assert '<img src="/icon.svg"' in html
    assert ('type="password"' in html) is ("PASSWORD" in reason)
    assert ("Retry-After" in headers) is (status == 429)


async def test_every_refusal_is_told_by_a_page(world: World, visitor: World) -> None:
    made = await make(world, password="right")
    secret, ended = made["secret"], (await make(world))["secret"]
    address = await begun(visitor, ended)
    status, html, headers = await posted(visitor, secret, "wrong", **GERMAN)
    assert status == 403
    in_our_dress(status, html, headers, "SHARE_PASSWORD_WRONG")
    for _ in range(2):
        await posted(visitor, secret, "wrong")
    status, html, headers = await posted(visitor, secret, "right", **GERMAN)
    assert status == 429
    in_our_dress(status, html, headers, "SHARE_PASSWORD_DELAY")
    assert f"in {headers['Retry-After']} Sekunde" in html
    status, html, headers = await posted(visitor, secret, "x" * 5000, **GERMAN)
    assert status == 413
    in_our_dress(status, html, headers, "BODY_TOO_LARGE")
    await world.client.lock()
    for path in (f"/s/{secret}", address):
        status, raw, headers = await read(visitor, path, **GERMAN)
        assert status == 423
        in_our_dress(status, raw.decode(), headers, "SHARE_LOCKED")
    for path in (f"/s/{'A' * 32}", f"/api/v1/shared/{ended}/content?ticket=0-"):
        status, raw, headers = await read(visitor, path, **GERMAN)
        assert status == 410
        in_our_dress(status, raw.decode(), headers, "SHARE_OVER")
    log = [(one.actor, one.outcome) for one in world.fakes.audit.events if one.action == "share.download"]
    assert (f"share:{made['share_id']}", "SHARE_PASSWORD_WRONG") in log
    assert (f"share:{made['share_id']}", "ok") not in log


async def test_programs_are_told_by_a_problem_document(visitor: World) -> None:
    for path in (f"/s/{'A' * 32}", f"/api/v1/shared/{'A' * 32}/content?ticket=x"):
        status, _, headers = await read(visitor, path)
        assert (status, headers["Content-Type"]) == (410, "application/problem+json")


async def test_what_nobody_foresaw_is_a_page_with_its_number(
    world: World, visitor: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = (await make(world))["secret"]

    async def broken(*_: object, **__: object) -> None:
        raise KeyError("the film is called swordfish")

    monkeypatch.setattr("piccolo_gateway.engine.shares.Shares.begin", broken)
    status, html, headers = await posted(visitor, secret, **GERMAN)
    assert status == 500
    in_our_dress(status, html, headers, "INTERNAL")
    assert re.search(r"Vorfall [0-9a-zA-Z-]{12}<", html)
    assert "swordfish" not in html


async def test_the_form_works_in_a_browser_that_says_only_its_origin(world: World, visitor: World) -> None:
    secret = (await make(world))["secret"]
    headers = (await read(visitor, f"/s/{secret}"))[2]
    assert headers["Referrer-Policy"] == "same-origin"  # under no-referrer the form's origin would be null
    assert (await posted(visitor, secret, Origin=visitor.client.url))[0] == 303
    assert (await posted(visitor, secret, Origin="null"))[0] == 403


async def test_it_wears_the_stylesheet_that_was_built(start: Start, tmp_path: Path) -> None:
    (tmp_path / "assets").mkdir()
    for name in ("Share-1a2b.css", "share-1a-_B.css", "share-1a2b.js", "share-1a2b.css.gz"):
        (tmp_path / "assets" / name).write_text("body{}")
    async with start(ui=tmp_path) as world:
        world.fakes.keys.set_up(PASSPHRASE)
        async with world.stranger() as visitor:
            html = (await read(visitor, f"/s/{'A' * 32}", **BROWSER))[1].decode()
            (address,) = re.findall(r'<link rel="stylesheet" href="([^"]+)">', html)
            status, _, headers = await read(visitor, address)
    assert address == "/assets/share-1a-_B.css"
    assert (status, headers["Content-Type"]) == (200, "text/css; charset=utf-8")
    assert "immutable" in headers["Cache-Control"]


async def test_without_a_build_it_is_plain(start: Start, tmp_path: Path) -> None:
    async with start(ui=tmp_path) as world, world.stranger() as visitor:
        html = (await read(visitor, f"/s/{'A' * 32}", **BROWSER))[1].decode()
    assert "leads nowhere" in html
    assert "stylesheet" not in html


@given(
    st.sampled_from(LANGUAGES),
    st.text(max_size=50),
    st.integers(0, 2**70),
    st.integers(0, 2**33),
    st.booleans(),
    st.text(max_size=20),
)
def test_it_holds_no_markup_but_its_own(
    language: Language, name: str, size: int, expires: int, password: bool, incident: str
) -> None:
    drawing = Drawing(language, "/assets/share-1a2b.css")
    entry = SharedEntry(name=name, kind="directory", size=size, files=size)
    made = [
        drawing.page(Shared(expires=expires, left=3, password=password, entry=entry), 0),
        drawing.refused(PiccoloError(Kind.INTERNAL, "INTERNAL", name, {"incident": incident})),
    ]
    known = "html head meta title link body header img main h1 p time form label input button div strong"
    for html in (one.decode() for one in made):
        assert {*re.findall(r"<([a-z0-9]+)", html)} <= {*known.split()}
        assert " style=" not in re.sub(r">[^<]*<", "><", html)


def placeholders(words: object) -> dict[str, Any]:
    """How much each sentence leaves open."""
    if isinstance(words, str):
        return {"": sum(field is not None for _, field, _, _ in Formatter().parse(words))}
    if isinstance(words, tuple):
        return {str(number): placeholders(one) for number, one in enumerate(words)}
    if isinstance(words, dict):
        return {name: placeholders(one) for name, one in words.items()}
    return {one.name: placeholders(getattr(words, one.name)) for one in fields(words)}  # type: ignore[arg-type]


def test_both_languages_say_all() -> None:
    assert placeholders(WORDS["en"]) == placeholders(WORDS["de"])
    assert [*WORDS] == [*LANGUAGES]
