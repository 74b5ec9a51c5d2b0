"""Share links, as whoever holds one uses them: a description, a download, and a plain page without a script.

Rules:
* The page is at the address that people send to each other. Showing it counts nothing: programs that carry
  messages fetch such addresses to show what is there.
* A download has a place before its connection is kept from being cut for others, and of the places a link has
  few: who holds one link takes neither the door from its owner nor its place from another.
* Exactly what the link leads to is sent, as long as the link is there: never what took its name meanwhile.
* What goes wrong is told without a word of the owner's: no path, no name. Browsers are told by a page,
  programs by a problem document.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final
from urllib.parse import parse_qs

from aiohttp import web
from piccolo_chassis.errors import Kind, PiccoloError

from piccolo_gateway.core import archives, media, share_page, shares
from piccolo_gateway.core.access import Actor
from piccolo_gateway.core.api import PREFIX, Answer, Endpoint, Header
from piccolo_gateway.core.bodies.files import Entry
from piccolo_gateway.core.bodies.shares import BegunDownload, Shared, Ticket, Visit
from piccolo_gateway.core.languages import preferred
from piccolo_gateway.core.problems import retry_after, status_of
from piccolo_gateway.core.share_page import Drawing
from piccolo_gateway.core.shares import Record
from piccolo_gateway.engine.reading import Request, facts_of
from piccolo_gateway.routes.call import Bound, Call, Reply, Sink, let_in
from piccolo_gateway.routes.door import problem, respond
from piccolo_gateway.routes.keys import SHARE_STYLE
from piccolo_gateway.routes.manner import Credentials
from piccolo_gateway.routes.sending import head_of, head_of_archive, send, told_of
from piccolo_gateway.routes.services import Services

_TAG: Final = "shares"
_ONE: Final = f"{PREFIX}/shared/{{secret}}"
_PAGE: Final = "/s/{secret}"
_REFUSES: Final = (409, 410, 423, 429)
_FORM_BYTES: Final = 4096
_PASSED_ON: Final = frozenset(
    {
        "SHARE_OVER",
        "SHARE_BUSY",
        "SHARE_PASSWORD_WRONG",
        "SHARE_PASSWORD_DELAY",
        "TOO_MANY_STREAMS",
        "PRECONDITION_FAILED",
    }
)
_TOLD: Final = "Whoever accepts text/html is told by a page when it is refused."
_LATER: Final = "The device that keeps this cannot give it out at the moment."


_LOOK = Endpoint(
    method="GET",
    path=_ONE,
    summary="What a link leads to",
    tag=_TAG,
    scope=None,
    refuses=_REFUSES,
    answers={200: Answer("Its name, size and end; little of it when the link asks for a password.", Shared)},
)

_VISIT = Endpoint(
    method="POST",
    path=_ONE,
    summary="What a link with a password leads to",
    tag=_TAG,
    scope=None,
    body=Visit,
    refuses=_REFUSES,
    answers={200: Answer("Its name, size and end.", Shared)},
    repeatable=False,
)

_BEGIN = Endpoint(
    method="POST",
    path=f"{_ONE}/downloads",
    summary="Begin a download, which counts",
    tag=_TAG,
    scope=None,
    body=Visit,
    refuses=_REFUSES,
    answers={201: Answer("Where the bytes are.", BegunDownload)},
    words="The address is good for a day and for any number of requests: a download that was cut off goes on"
    " with Range, and does not count again.",
    audit="share.download",
    repeatable=False,
)

_CONTENT = Endpoint(
    method="GET",
    path=f"{_ONE}/content",
    summary="The bytes of a download that was begun",
    tag=_TAG,
    scope=None,
    query=Ticket,
    headers=(
        Header("Range", "One range of a file's bytes."),
        Header("If-Range", "Only if it is this version."),
    ),
    refuses=(*_REFUSES, 412),
    answers={
        200: Answer("The file; a folder as a ZIP file.", media="*/*"),
        206: Answer("A part of it.", media="*/*"),
        304: Answer("It is what the client has."),
    },
    words=_TOLD,
    seconds=None,
)

_SHOW_PAGE = Endpoint(
    method="GET",
    path=_PAGE,
    summary="A plain page of what a link leads to",
    tag=_TAG,
    scope=None,
    refuses=_REFUSES,
    answers={200: Answer("The page.", media="text/html")},
    words=f"In English or German, as Accept-Language says. {_TOLD}",
)

_USE_PAGE = Endpoint(
    method="POST",
    path=_PAGE,
    summary="Begin a download by the page's form",
    tag=_TAG,
    scope=None,
    takes_bytes=True,
    refuses=_REFUSES,
    answers={303: Answer("The download has begun.", headers=(Header("Location", "Where the bytes are."),))},
    words=_TOLD,
    audit="share.download",
    repeatable=False,
)


def endpoints(services: Services) -> list[Bound]:
    """The endpoints of who holds a link."""
    return [*_described(services), *_downloaded(services), *_paged(services)]


def _described(services: Services) -> list[Bound]:
    async def look(call: Call) -> Reply:
        with _discreet():
            return Reply(body=await services.shares.show(await _link(services, call), None))

    async def visit(call: Call) -> Reply:
        with _discreet():
            record = await _link(services, call)
            try:
                return Reply(body=await services.shares.show(record, call.body(Visit).password))
            except PiccoloError as failed:
                await _note_guess(services, record, failed)
                raise

    return [Bound(_LOOK, look), Bound(_VISIT, visit)]


def _downloaded(services: Services) -> list[Bound]:
    async def begin(call: Call) -> Reply:
        with _discreet():
            return Reply(201, await _begun(services, call, call.body(Visit).password))

    async def content(call: Call) -> Reply | web.StreamResponse:
        with _discreet():
            ticket = call.query(Ticket).ticket
            record = await services.shares.admitted(_secret(call), ticket)
            async with services.share_slots.one(record.share_id):
                services.shares.require(record)
                let_in(call.request)
                await services.device.require_unlocked()
                entry = await services.shares.entry(record)
                if services.shares.first(record, ticket):
                    await services.trail.note(_holder(record), "share.content", entry.path, None)
                sent = _file if entry.kind == "file" else _folder
                return await sent(services, call, record, entry)

    return [Bound(_BEGIN, begin), Bound(_CONTENT, content, _Pages())]


def _paged(services: Services) -> list[Bound]:
    async def show(call: Call) -> Reply:
        with _discreet():
            shared = await services.shares.show(await _link(services, call), None)
        return _page(_drawing(call.request).page(shared, services.clock.now()))

    async def use(call: Call) -> Reply:
        password = await _form_password(call)
        with _discreet():
            begun = await _begun(services, call, password)
        return Reply(303, headers={"Location": begun.address})

    return [Bound(_SHOW_PAGE, show, _Pages()), Bound(_USE_PAGE, use, _Pages())]


class _Pages:
    """How strangers are refused; they show nothing but what is in the address and the form."""

    def credentials(self, request: web.Request) -> Credentials:
        """None."""
        return Credentials()

    def refusal(self, request: web.Request, failed: PiccoloError) -> web.Response:
        """The page that says why, or the problem document."""
        if "text/html" not in request.headers.get("Accept", ""):
            return problem(failed)
        wait = retry_after(failed)
        more = {"Retry-After": wait} if wait else {}
        return respond(_page(_drawing(request).refused(failed), status_of(failed), more))


async def _link(services: Services, call: Call) -> Record:
    """The link that the address names, on a device that is open."""
    record = await services.shares.find(_secret(call))
    await services.device.require_unlocked()
    return record


def _holder(record: Record) -> Actor:
    """Whoever has a link, to the audit log."""
    return Actor(f"share:{record.share_id}")


async def _note_guess(services: Services, record: Record, failed: PiccoloError) -> None:
    """A guess of the password is one at this door, too."""
    if failed.reason == "SHARE_PASSWORD_WRONG":
        path = (await services.shares.entry(record)).path
        await services.trail.note(_holder(record), _BEGIN.audit, path, failed)


async def _begun(services: Services, call: Call, password: str) -> BegunDownload:
    record = await _link(services, call)
    call.actor = _holder(record)
    call.subject = (await services.shares.entry(record)).path
    return await services.shares.begin(record, _secret(call), password)


async def _folder(services: Services, call: Call, record: Record, entry: Entry) -> web.StreamResponse:
    async with services.shared_archives.open([entry.path], only=record.entry_id) as pieces:
        head = head_of_archive(archives.file_name([entry.path]))
        sink = Sink(call.request, head, services.idle_seconds)
        return await send(sink, pieces, lambda: services.shares.require(record))


async def _file(services: Services, call: Call, record: Record, entry: Entry) -> Reply | web.StreamResponse:
    headers = call.request.headers
    asked = Request(entry.path, None, call.conditions, headers.get("Range"), headers.get("If-Range"))
    plan = await services.reader.plan(asked, head=False, facts=facts_of(entry))
    if plan.not_modified and plan.facts is not None:
        return Reply(304, headers=told_of(plan.facts))
    async with services.reader.open(entry.path, plan) as (facts, data):
        head = head_of(plan, facts, media.attachment(entry.path.rpartition("/")[2]))
        sink = Sink(call.request, head, services.idle_seconds)
        return await send(sink, data, lambda: services.shares.require(record))


def _secret(call: Call) -> str:
    """The secret in the address; unlike other parameters it is no subject of the audit log."""
    return call.request.match_info["secret"]


async def _form_password(call: Call) -> str:
    kept = bytearray()
    async for piece in call.pieces():
        kept += piece
        if len(kept) > _FORM_BYTES:
            raise PiccoloError(Kind.INVALID, "BODY_TOO_LARGE", f"The form may have {_FORM_BYTES} bytes.")
    try:
        fields = parse_qs(kept.decode(), max_num_fields=4)
    except ValueError as wrong:
        raise PiccoloError(Kind.INVALID, "BODY_INVALID", "This is not the page's form.") from wrong
    return fields.get("password", [""])[0][:200]


@contextmanager
def _discreet() -> Iterator[None]:
    """Turns what a stranger must not read into words for strangers."""
    try:
        yield
    except PiccoloError as failed:
        if failed.reason in _PASSED_ON or failed.kind in {Kind.CANCELLED, Kind.OUT_OF_RANGE, Kind.INVALID}:
            raise
        if failed.kind is Kind.NOT_FOUND:
            raise shares.over() from failed
        if failed.kind in {Kind.LOCKED, Kind.PRECONDITION}:
            raise PiccoloError(Kind.LOCKED, "SHARE_LOCKED", f"{_LATER[:-1]}: it is locked.") from failed
        details = {key: failed.details[key] for key in ("retry_after", "incident") if key in failed.details}
        raise PiccoloError(failed.kind, failed.reason, _LATER, details) from failed


def _page(raw: bytes, status: int = 200, more: dict[str, str] | None = None) -> Reply:
    headers = {
        "Content-Security-Policy": share_page.POLICY,
        # under no-referrer a form's Origin is null, and browsers without Sec-Fetch-Site send nothing else
        "Referrer-Policy": "same-origin",
        "X-Robots-Tag": "noindex",
        **(more or {}),
    }
    return Reply(status, raw=raw, media=share_page.MEDIA, headers=headers)


def _drawing(request: web.Request) -> Drawing:
    return Drawing(preferred(request.headers.get("Accept-Language", "")), request.app[SHARE_STYLE])
