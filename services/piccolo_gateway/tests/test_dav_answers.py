"""The If header, and what WebDAV answers, without a wire."""

from __future__ import annotations

from xml.etree.ElementTree import fromstring

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from piccolo_chassis.errors import Kind, PiccoloError

from piccolo_gateway.core.bodies.files import Entry
from piccolo_gateway.core.dav import conditions, live, multistatus, quota, refusals
from piccolo_gateway.core.dav.asked import Propfind, Wanted
from piccolo_gateway.core.dav.conditions import Alternative, Condition, If, State
from piccolo_gateway.tests.fakes.figures import member
from piccolo_gateway.tests.test_dav_cores import reason

# the If header


@pytest.mark.parametrize(
    ("header", "meant"),
    [
        ("(<a:b>)", [Alternative((Condition("a:b"),))]),
        ('(["x"])', [Alternative((Condition(tag="x"),))]),
        ('([W/"x"])', [Alternative((Condition(tag="x", weak=True),))]),
        (
            '(<a:b> ["x"]) (Not <a:b>not["y"])',
            [
                Alternative((Condition("a:b"), Condition(tag="x"))),
                Alternative((Condition("a:b", negated=True), Condition(tag="y", negated=True))),
            ],
        ),
        (
            "</dav/a>(<a:b>)(<c:d>) </dav/b> (<e:f>)",
            [
                Alternative((Condition("a:b"),), "/dav/a"),
                Alternative((Condition("c:d"),), "/dav/a"),
                Alternative((Condition("e:f"),), "/dav/b"),
            ],
        ),
    ],
)
def test_what_an_if_header_means(header: str, meant: list[Alternative]) -> None:
    assert conditions.read(header) == If(tuple(meant))


@pytest.mark.parametrize(
    "header",
    ["", "()", "(", "<a:b>", "(<a:b>", "<a:b>)", "(a:b)", "(Not)", "(Not Not <a:b>)", "(<a:b>) </x> (<c:d>)",
     "</x> </y> (<c:d>)", '(["x)', "(<>)", "((<a:b>))", "(<a b>)", "(<a:b>) x"],
)  # fmt: skip
def test_if_headers_that_are_none(header: str) -> None:
    assert reason(conditions.read, header) == "IF_INVALID"


@given(st.text('()<>[]"NotW/ a:', max_size=40))
def test_any_if_header_is_read_or_refused(header: str) -> None:
    if not (why := reason(conditions.read, header)):
        assert conditions.read(header).alternatives
    assert why in {"", "IF_INVALID"}


CONDITIONS = st.builds(Condition, token=st.sampled_from(["t:1", "t:2"]), negated=st.booleans()) | st.builds(
    Condition, tag=st.sampled_from(["x", "y"]), weak=st.booleans(), negated=st.booleans()
)
ABOUTS = st.sampled_from(["/dav/a", "/dav/b"])


def written(condition: Condition) -> str:
    word = f"<{condition.token}>" if condition.tag is None else f'[{"W/" * condition.weak}"{condition.tag}"]'
    return "Not " * condition.negated + word


@given(
    st.lists(st.tuples(ABOUTS, st.lists(CONDITIONS, min_size=1, max_size=3)), min_size=1, max_size=3),
    st.booleans(),
)
def test_what_is_written_holds_as_logic_says(lists: list[tuple[str, list[Condition]]], bare: bool) -> None:
    header = " ".join(
        ("" if bare else f"<{about}>") + "(" + " ".join(map(written, each)) + ")" for about, each in lists
    )
    read = conditions.read(header)
    states = {
        "/dav/a": State("x", frozenset({"t:1"})),
        "/dav/b": State(None, frozenset()),
        "": State("y", frozenset({"t:2"})),
    }

    def truth(one: Condition, state: State) -> bool:
        there = one.token in state.tokens if one.tag is None else (one.tag == state.tag and not one.weak)
        return not there if one.negated else there

    wanted = any(all(truth(one, states["" if bare else about]) for one in each) for about, each in lists)
    assert read.holds(lambda about: states[about]) == wanted
    assert read.tokens == {one.token for _, each in lists for one in each if one.token}
    assert read.tagged == any(one.tag is not None for _, each in lists for one in each)


# answers

FILE = Entry(
    path="/d/a&b",
    kind="file",
    revision=1,
    version_id="0a",
    size=3,
    modified=0,
    media='text/x; a="<"',
    versions=1,
)
DIRECTORY = Entry(
    path="/d", kind="directory", revision=1, version_id="", size=0, modified=0, media="", versions=0
)


def props(text: str) -> dict[str, str | None]:
    return {one.tag: one.text for one in fromstring(f'<D:prop xmlns:D="DAV:">{text}</D:prop>')}


def test_live_properties() -> None:
    told = props("".join(live.of(FILE, [], 0.0).values()))
    assert told["{DAV:}displayname"] == "a&b"
    assert told["{DAV:}getetag"] == '"0a"'
    assert told["{DAV:}getcontentlength"] == "3"
    assert told["{DAV:}getcontenttype"] == 'text/x; a="<"'
    assert told["{DAV:}getlastmodified"] == "Thu, 01 Jan 1970 00:00:00 GMT"
    assert set(live.of(DIRECTORY, [], 0.0, live.Quota(5, 6))) >= live.QUOTA
    assert "{DAV:}getetag" not in live.of(DIRECTORY, [], 0.0)
    assert set(live.of(FILE, [], 0.0)) <= live.PROTECTED


def test_a_name_that_xml_cannot_say_has_no_displayname() -> None:
    odd = live.of(msgspec.structs.replace(FILE, path="/\x01"), [], 0.0)
    assert "{DAV:}displayname" not in odd


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (Propfind(Wanted.SOME, ("{DAV:}getetag", "{urn:x}no", "z")), {200: 1, 404: 2}),
        (Propfind(Wanted.SOME, ("{urn:x}no",)), {404: 1}),
        (Propfind(Wanted.SOME, ()), {200: 0}),
        (Propfind(Wanted.SOME, ("{urn:x}a",)), {200: 1}),
        (Propfind(Wanted.ALL), {200: 9}),
        (Propfind(Wanted.NAMES), {200: 9}),
    ],
)
def test_what_is_there_and_what_is_not(wanted: Propfind, found: dict[int, int]) -> None:
    noted = {"{urn:x}a": '<ns0:a xmlns:ns0="urn:x">1</ns0:a>'}
    stats = multistatus.found(wanted, live.of(FILE, [], 0.0), noted)
    whole = multistatus.BEGIN + multistatus.response("/dav/d/a%26b", stats) + multistatus.END
    (response,) = fromstring(whole)
    told = {}
    for stat in response.findall("{DAV:}propstat"):
        status = int((stat.findtext("{DAV:}status") or "").split()[1])
        (prop,) = stat.findall("{DAV:}prop")
        told[status] = len(prop)
    assert told == found


def test_a_refusal_with_a_name_says_it() -> None:
    locked = PiccoloError(Kind.LOCKED, "LOCK_TOKEN_NEEDED", "<&>", {"paths": "/ a%20b"})
    error = fromstring(refusals.body_of(locked) or b"")
    assert [one.text for one in error.iter("{DAV:}href")] == ["/dav/", "/dav/a%20b"]
    assert error[0].tag == "{DAV:}lock-token-submitted"
    assert error.findtext("{urn:piccolo:problem}detail") == "<&>"
    assert refusals.body_of(PiccoloError(Kind.NOT_FOUND, "ENTRY_NOT_FOUND", "x")) is None


def test_the_quota_counts_what_is_sure() -> None:
    sure = member(share_bytes=100, owner_bytes=40)
    borrowed = member(share_bytes=100, owner_bytes=130)
    gone = member(share_bytes=1000, owner_bytes=0, state="leaving")
    unheard = member(share_bytes=0, owner_bytes=0, heard=0)
    assert quota.quota([sure, sure, borrowed, gone, unheard], 7) == live.Quota(120 // 3, 7)
    assert quota.quota([sure], 7) == live.Quota(60, 7)
    assert quota.quota([unheard], 7) is None
