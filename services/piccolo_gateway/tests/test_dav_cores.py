"""What clients of WebDAV send: XML and headers, without a wire."""

from __future__ import annotations

import gc
import re
import tracemalloc
from collections.abc import Callable
from typing import Any, Final
from unicodedata import normalize
from xml.etree.ElementTree import fromstring

import pytest
from hypothesis import given
from hypothesis import strategies as st
from piccolo_chassis.errors import Kind, PiccoloError

from piccolo_gateway.core.dav import asked, headers, markup
from piccolo_gateway.core.dav.asked import Change, Lockinfo, Propfind, Wanted

HOST = "box.example:8443"


def reason(work: Callable[..., Any], *given_: Any) -> str:
    """Why something is refused; empty when it is not."""
    try:
        work(*given_)
    except PiccoloError as refused:
        return refused.reason
    return ""


# XML that strangers send

LAUGHS = b"""<!DOCTYPE lolz [<!ENTITY lol "lol"><!ENTITY lol2 "&lol;&lol;&lol;&lol;&lol;&lol;&lol;&lol;">]>
<D:propfind xmlns:D="DAV:"><D:prop><D:displayname>&lol2;</D:displayname></D:prop></D:propfind>"""


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        (LAUGHS, "XML_DOCTYPE"),
        (b'<!DOCTYPE a SYSTEM "file:///etc/passwd"><a/>', "XML_DOCTYPE"),
        (b'<!DOCTYPE a [<!ENTITY % x SYSTEM "http://x/"> %x;]><a/>', "XML_DOCTYPE"),
        (b"<!DOCTYPE html><html/>", "XML_DOCTYPE"),
        (b"<a>" * 60 + b"</a>" * 60, "XML_DEEP"),
        (b"<a>&lol;</a>", "XML_BROKEN"),
        (b"<a>", "XML_BROKEN"),
        (b"", "XML_BROKEN"),
        (b"not xml", "XML_BROKEN"),
        (b"<a/><b/>", "XML_BROKEN"),
        (b"<a:b/>", "XML_BROKEN"),
        (b'<b xmlns:a=""/>', "XML_BROKEN"),
        (b"<a>\x00</a>", "XML_BROKEN"),
        (b"<a>\xff</a>", "XML_BROKEN"),
        (b'<?xml version="1.0" encoding="no-such"?><a/>', "XML_BROKEN"),
        (b'<?xml version="1.0" encoding="shift_jis"?><a/>', "XML_BROKEN"),
    ],
)
def test_xml_that_harms_or_is_none_is_refused(raw: bytes, why: str) -> None:
    assert reason(markup.parse, raw) == why


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(raw: bytes) -> None:
    assert reason(markup.parse, raw) in {"", "XML_BROKEN", "XML_DEEP", "XML_DOCTYPE", "XML_UNEXPECTED"}


SAYABLE = st.text(st.characters(exclude_categories=["Cs"]), max_size=40).filter(markup.sayable)


@given(SAYABLE)
def test_what_is_written_is_what_is_read(text: str) -> None:
    read = fromstring(
        f'<D:a xmlns:D="DAV:" b="{markup.escaped(text.translate({9: " ", 10: " "}))}">'
        f"{markup.escaped(text)}</D:a>"
    )
    assert (read.text or "") == text
    assert read.get("b") == text.translate({9: " ", 10: " "})


@pytest.mark.parametrize("text", ["\0", "\x01", "\x0b", "\ufffe", "\uffff", "a\x1bb"])
def test_what_xml_cannot_say_is_known(text: str) -> None:
    assert not markup.sayable(text)


@pytest.mark.parametrize("name", ["{DAV:}a", "{urn:x}a", "a", '{urn:"<&>}é'])
def test_elements_of_any_namespace(name: str) -> None:
    inside = f'<D:r xmlns:D="DAV:">{markup.element(name, "1")}{markup.element(name)}</D:r>'
    assert [(one.tag, one.text) for one in fromstring(inside)] == [(name, "1"), (name, None)]


# what is asked for


def dav(inside: str) -> bytes:
    """A document, with the namespaces D and x declared at its root."""
    return re.sub(r"<([\w:]+)", r'<\1 xmlns:D="DAV:" xmlns:x="urn:x"', inside, count=1).encode()


@pytest.mark.parametrize(
    ("body", "meant"),
    [
        ("<D:propfind><D:allprop/></D:propfind>", Propfind(Wanted.ALL)),
        ("<D:propfind><D:propname/></D:propfind>", Propfind(Wanted.NAMES)),
        (
            "<D:propfind><D:allprop/><D:include><x:a/></D:include></D:propfind>",
            Propfind(Wanted.ALL, ("{urn:x}a",)),
        ),
        (
            "<D:propfind><x:more/><D:prop><D:getetag/><x:a/><y/><x:a/></D:prop></D:propfind>",
            Propfind(Wanted.SOME, ("{DAV:}getetag", "{urn:x}a", "y")),
        ),
    ],
)
def test_propfind(body: str, meant: Propfind) -> None:
    assert asked.propfind(dav(body)) == meant


def test_a_propfind_without_a_body_wants_everything() -> None:
    assert asked.propfind(b"") == Propfind(Wanted.ALL)


@pytest.mark.parametrize(
    ("work", "body"),
    [
        (asked.propfind, "<D:propfind></D:propfind>"),
        (asked.propfind, "<D:propfind><D:allprop/><D:propname/></D:propfind>"),
        (asked.propfind, "<x:propfind><D:allprop/></x:propfind>"),
        (asked.propfind, f"<D:propfind><D:prop><{'y' * 2000}/></D:prop></D:propfind>"),
        (asked.proppatch, "<D:propertyupdate></D:propertyupdate>"),
        (asked.proppatch, "<D:propertyupdate><D:set><x:a/></D:set></D:propertyupdate>"),
        (asked.lockinfo, "<D:lockinfo><D:lockscope><D:exclusive/></D:lockscope></D:lockinfo>"),
        (
            asked.lockinfo,
            (
                "<D:lockinfo><D:lockscope><D:exclusive/><D:shared/></D:lockscope>"
                "<D:locktype><D:write/></D:locktype></D:lockinfo>"
            ),
        ),
    ],
)
def test_bodies_that_ask_for_nothing_or_too_much(work: Callable[[bytes], Any], body: str) -> None:
    assert reason(work, dav(body)) == "XML_UNEXPECTED"


def test_proppatch_keeps_the_order_the_language_and_all_that_is_inside() -> None:
    body = (
        '<D:propertyupdate><D:set xml:lang="de"><D:prop><x:a>1<y z="&quot;"/>2</x:a> </D:prop></D:set>'
        "<D:remove><D:prop><x:a/><b/></D:prop></D:remove></D:propertyupdate>"
    )
    first, *rest = asked.proppatch(dav(body))
    assert rest == [Change("{urn:x}a", None), Change("b", None)]
    kept = fromstring(first.value or "")
    assert (kept.tag, kept.text, kept.get(markup.LANG)) == ("{urn:x}a", "1", "de")
    assert [(one.tag, one.get("z"), one.tail) for one in kept] == [("y", '"', "2")]
    assert not (first.value or "").endswith(" ")


def test_a_property_has_a_size() -> None:
    body = f"<D:propertyupdate><D:set><D:prop><x:a>{'é' * 40_000}</x:a></D:prop></D:set></D:propertyupdate>"
    assert reason(asked.proppatch, dav(body)) == "PROPERTIES_TOO_LARGE"


def test_lockinfo() -> None:
    body = "<D:lockinfo><D:lockscope><D:{}/></D:lockscope><D:locktype><D:write/></D:locktype>{}</D:lockinfo>"
    assert asked.lockinfo(dav(body.format("shared", ""))) == Lockinfo(exclusive=False)
    mine = asked.lockinfo(dav(body.format("exclusive", "<D:owner>Ana &amp; <D:href>x</D:href></D:owner>")))
    assert mine.exclusive
    owner = fromstring(mine.owner)
    assert (owner.tag, owner.text, owner[0].tag) == ("{DAV:}owner", "Ana & ", "{DAV:}href")


# headers


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, 600),
        ("Second-5", 5),
        ("Infinite, Second-4100000000", 3600),
        ("Second-4100000000", 3600),
        ("Second-0", 1),
        ("Nonsense, second-7", 7),
        ("Second-99999999999999999999", 600),
        ("", 600),
    ],
)
def test_how_long_a_lock_is_given(header: str | None, seconds: int) -> None:
    assert headers.timeout(header) == seconds


def test_small_headers() -> None:
    assert [headers.depth(one, "0") for one in (None, "1", " Infinity ")] == ["0", "1", "infinity"]
    assert reason(headers.depth, "2", "0") == "HEADER_INVALID"
    assert reason(headers.depth, "1", "0", "1") == "HEADER_INVALID"
    assert [headers.overwrite(one) for one in (None, "t", "F")] == [True, True, False]
    assert reason(headers.overwrite, "maybe") == "HEADER_INVALID"
    assert headers.lock_token(" <urn:uuid:1> ") == "urn:uuid:1"
    for wrong in (None, "", "urn:uuid:1", "<>", "<no-scheme>", "<a:b> <c:d>"):
        assert reason(headers.lock_token, wrong) == "HEADER_INVALID", wrong
    assert [headers.modified(one) for one in (None, "7", "-7", "1.9")] == [None, 7, -7, 1]
    for wrong in ("", "yesterday", "1e3", "٣", "1.", "9" * 13):
        assert reason(headers.modified, wrong) == "HEADER_INVALID", wrong


@pytest.mark.parametrize(
    ("header", "path"),
    [
        ("/dav/a", "/a"),
        ("/dav/", "/"),
        ("/dav", "/"),
        ("/dav/a/", "/a"),
        (f"https://{HOST}/dav/a%20b/%C3%A9", "/a b/é"),
        (f"http://{HOST.upper()}/dav/a", "/a"),
        (f"https://ana@{HOST}/dav/a", "/a"),
        ("/dav/e%CC%81", "/é"),
        ("/dav/%23%3F", "/#?"),
    ],
)
def test_destinations_here(header: str, path: str) -> None:
    assert headers.destination(header, HOST) == path


@pytest.mark.parametrize(
    ("header", "why"),
    [
        (None, "HEADER_INVALID"),
        ("https://elsewhere/dav/a", "DESTINATION_FOREIGN"),
        (f"https://{HOST}.evil/dav/a", "HEADER_INVALID"),
        ("https://box.example.evil:8443/dav/a", "DESTINATION_FOREIGN"),
        ("https://box.example/dav/a", "DESTINATION_FOREIGN"),
        (f"https://evil@elsewhere:8443/dav/a?{HOST}", "HEADER_INVALID"),
        ("//elsewhere/dav/a", "DESTINATION_FOREIGN"),
        ("ftp://box.example:8443/dav/a", "DESTINATION_FOREIGN"),
        ("https:///dav/a", "DESTINATION_FOREIGN"),
        ("https://[/dav/a", "HEADER_INVALID"),
        ("https://box.example:99999999/dav/a", "HEADER_INVALID"),
        ("/api/v1/files/a", "DESTINATION_OUTSIDE"),
        ("/davos/a", "DESTINATION_OUTSIDE"),
        ("/%64av/a", "DESTINATION_OUTSIDE"),
        ("dav/a", "DESTINATION_OUTSIDE"),
        ("/dav/../etc", "PATH_INVALID"),
        ("/dav/a/%2e%2E/b", "PATH_INVALID"),
        ("/dav/a%2Fb", "PATH_INVALID"),
        ("/dav//a", "PATH_INVALID"),
        ("/dav/a//", "PATH_INVALID"),
        ("/dav/%00", "PATH_INVALID"),
        ("/dav/%ff", "PATH_INVALID"),
        ("/dav/" + "x" * 256, "PATH_INVALID"),
        ("/dav/a?b", "HEADER_INVALID"),
        ("/dav/a#b", "HEADER_INVALID"),
        ("/dav/a#", "HEADER_INVALID"),
        ("/dav/é", "HEADER_INVALID"),
        ("/dav/a\tb", "HEADER_INVALID"),
    ],
)
def test_destinations_that_are_none(header: str | None, why: str) -> None:
    assert reason(headers.destination, header, HOST) == why


def test_the_usual_port_may_be_said_or_not() -> None:
    for here, named in (("box", "https://box:443/"), ("box:443", "https://box/"), ("box", "https://BOX/")):
        assert headers.destination(f"{named}dav/a", here) == "/a"
    assert reason(headers.destination, "https://box:80/dav/a", "box") == "DESTINATION_FOREIGN"


NAMES = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="/\0"), min_size=1, max_size=20)


@given(st.lists(NAMES.filter(lambda name: name not in {".", ".."}), max_size=4), st.booleans())
def test_every_path_has_an_address_and_comes_back_from_it(names: list[str], directory: bool) -> None:
    path = normalize("NFC", "/" + "/".join(names))
    where = headers.href(path, directory=directory)
    assert where.isascii()
    assert "&" not in where
    assert headers.reference(f"https://{HOST}{where}", HOST) == path


@given(st.text(max_size=60))
def test_any_destination_is_a_path_or_refused(header: str) -> None:
    if not (why := reason(headers.destination, header, HOST)):
        assert headers.destination(header, HOST).startswith("/")
    assert why in {
        *("", "HEADER_INVALID", "DESTINATION_FOREIGN", "DESTINATION_OUTSIDE", "PATH_INVALID", "PATH_TOO_LONG")
    }


def _filled(begin: str, one: str, end: str, size: int = 65536) -> bytes:
    """A body of this size at most, of as many of these as there is room for."""
    made, room = [begin], size - len(begin) - len(end)
    number = 0
    while room >= len(text := one.format(number)):
        made.append(text)
        room -= len(text)
        number += 1
    return "".join([*made, end]).encode()


_PROPS: Final = '<D:propfind xmlns:D="DAV:" xmlns:a="u:{}"><D:prop>', "</D:prop></D:propfind>"


@pytest.mark.parametrize(
    "raw",
    [
        _filled(_PROPS[0].format("a" * 30000), "<a:_{:x}/>", _PROPS[1]),
        _filled(_PROPS[0].format("a" * 30000) + "<D:x ", 'a:_{:x}="" ', f"/>{_PROPS[1]}"),
        _filled(_PROPS[0].format("a" * 1000), "<a:_{:x}/>", _PROPS[1]),
        _filled(_PROPS[0].format("a" * 1000) + "<D:x ", 'a:_{:x}="" ', f"/>{_PROPS[1]}"),
        _filled(_PROPS[0].format("a" * 1000), "<a:x/>", _PROPS[1]),
        _filled(_PROPS[0].format("a"), "<_{:x}/>", _PROPS[1]),
        _filled('<D:propfind xmlns:D="DAV:">', '<x xmlns="u:{0:0500}">', ""),
        ("<a" + "b" * 60000 + "/>").encode(),
        ("<a " + "b" * 60000 + "=''/>").encode(),
        ("<a xmlns='" + "b" * 60000 + "'/>").encode(),
    ],
)
def test_no_body_becomes_much_more_than_it_is(raw: bytes) -> None:
    assert len(raw) <= 65536
    gc.collect()
    gc.disable()
    tracemalloc.start()
    try:
        with pytest.raises(PiccoloError) as refused:
            asked.propfind(raw)
        assert refused.value.kind is Kind.INVALID
        _, peak = tracemalloc.get_traced_memory()
        del refused
        left, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
        gc.enable()
    assert peak < 8 << 20
    assert left < 256 << 10


def test_names_of_a_sane_number_and_length_are_read() -> None:
    raw = _filled(_PROPS[0].format("a" * 900), "<a:_{:x}/>", _PROPS[1], 8000)
    assert len(asked.propfind(raw).names) > 500
