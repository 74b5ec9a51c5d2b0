"""The door: what happens around each request, whatever it asks for.

Rules, in this order:
* It has a request id, which travels on; every failure is a problem document; what nobody foresaw is an
  incident.
* What another site's page sends is refused. Then the caller is identified, must hold the endpoint's scope,
  and have given a fresh proof where the endpoint asks for one.
* A small body is read, within limits, before the handler begins; a stream is not.
* What belongs into the audit log is done to its end, even when its client goes away; an Idempotency-Key makes
  that it is done once.
* What changed something tells its noun to whoever shows it.
* One log line and one count each; entries of the audit log where the endpoint says so.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final

from aiohttp import web
from piccolo_chassis import deadline, logs
from piccolo_chassis.errors import Kind, PiccoloError
from piccolo_chassis.status import incident

from piccolo_gateway.core import access, idempotency
from piccolo_gateway.core.access import NOBODY, SAFE_METHODS, Actor
from piccolo_gateway.core.api import Endpoint, Takes
from piccolo_gateway.core.problems import MEDIA as PROBLEM
from piccolo_gateway.core.problems import problem_of, retry_after, status_of
from piccolo_gateway.engine.access import Access
from piccolo_gateway.engine.device import Device
from piccolo_gateway.engine.repeating import Repeating
from piccolo_gateway.engine.trail import Trail
from piccolo_gateway.routes import headers
from piccolo_gateway.routes.call import Bound, Call, Reply, let_in, read_json, read_nothing, visitor_of
from piccolo_gateway.routes.counting import Counts
from piccolo_gateway.routes.keys import ENDPOINT, MANNER, REQUEST_ID
from piccolo_gateway.routes.manner import Credentials, Manner

_SCHEME: Final = "bearer "
_CONTINUE: Final = "100-continue"
_log = logging.getLogger(__name__)
AiohttpHandler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Door:
    """Goes around every handler."""

    def __init__(
        self,
        reach: Access,
        device: Device,
        repeating: Repeating,
        trail: Trail,
        counts: Counts,
        changed: Callable[[str], None],
    ) -> None:
        self._access, self._device, self._repeating = reach, device, repeating
        self._trail, self._counts, self._changed = trail, counts, changed

    def around(self, bound: Bound) -> AiohttpHandler:
        """What aiohttp calls for an endpoint."""

        async def handle(request: web.Request) -> web.StreamResponse:
            request[ENDPOINT], request[MANNER] = bound.endpoint, bound.manner or _API
            return await self._enter(request, bound)

        return handle

    @web.middleware
    async def outermost(self, request: web.Request, handler: AiohttpHandler) -> web.StreamResponse:
        """Turns every failure into an answer, and tells of the request."""
        number = logs.adopt_request_id(request.headers.get(logs.REQUEST_ID))
        request[REQUEST_ID] = number
        began = asyncio.get_running_loop().time()
        status = 499
        try:
            response = await self._answered(request, handler)
            status = response.status
            return response
        finally:
            endpoint = request.get(ENDPOINT)
            where = endpoint.path if endpoint else "unknown"
            seconds = asyncio.get_running_loop().time() - began
            self._counts.ended(where, request.method if endpoint else "any", status, seconds)
            told = logs.fields(method=request.method, route=where, status=status, seconds=round(seconds, 6))
            _log.info("answered", extra=told)

    async def _answered(self, request: web.Request, handler: AiohttpHandler) -> web.StreamResponse:
        try:
            return await handler(request)
        except web.HTTPException as routed:
            return problem(as_error(routed), allow=routed.headers.get("Allow"))
        except PiccoloError as failed:
            return _manner(request).refusal(request, failed)
        except ConnectionError as gone:
            _log.info("the client went away")
            return problem(PiccoloError(Kind.CANCELLED, "CLIENT_GONE", str(gone)))
        except Exception as unforeseen:
            return _manner(request).refusal(request, foreseen(unforeseen, "the door"))

    async def _enter(self, request: web.Request, bound: Bound) -> web.StreamResponse:
        endpoint = bound.endpoint
        actor = await self._admit(request, endpoint)
        raw = await _body(request, endpoint)
        call = Call(request, endpoint, actor, raw)
        key = call.header("Idempotency-Key") if endpoint.keyed else None
        if key is None and not endpoint.audit:
            made = await self._work(call, bound)
            return respond(made) if isinstance(made, Reply) else made
        if key is None:
            return _again(await self._repeating.outlive(lambda: self._settled(call, bound)), {})
        caller = "" if actor is NOBODY else actor.token_id or actor.name
        same = idempotency.fingerprint(request.method, request.raw_path, raw)
        answer, again = await self._repeating.once(
            caller, key, same, lambda: self._settled(call, bound), secret=endpoint.secret
        )
        return _again(answer, {"Idempotency-Replayed": "true"} if again else {})

    async def _admit(self, request: web.Request, endpoint: Endpoint) -> Actor:
        """Who asks, when that caller may."""
        headers_ = request.headers
        access.refuse_cross_site(
            request.method, request.host, headers_.get("Origin"), headers_.get("Sec-Fetch-Site")
        )
        if endpoint.scope is None:
            return NOBODY
        shown = _manner(request).credentials(request)
        actor = await self._access.identify(shown.cookie, shown.token, visitor_of(request))
        if shown.cookie and actor is NOBODY:
            raise PiccoloError(Kind.UNAUTHENTICATED, "SESSION_ENDED", "This session has ended.")
        access.require(actor, endpoint.scope)
        if endpoint.fresh:
            access.require_fresh(actor)
        let_in(request)
        if endpoint.unlocked:
            await self._device.require_unlocked()
        return actor

    async def _settled(self, call: Call, bound: Bound) -> idempotency.Answer:
        """The work's answer, whatever it is."""
        try:
            response = respond(_whole(await self._work(call, bound)))
        except Exception as error:
            failed = error if isinstance(error, PiccoloError) else foreseen(error, bound.endpoint.path)
            response = _manner(call.request).refusal(call.request, failed)
        body = response.body if isinstance(response.body, bytes) else b""
        return idempotency.Answer(response.status, dict(response.headers), body)

    async def _work(self, call: Call, bound: Bound) -> Reply | web.StreamResponse:
        """The handler's answer; every failure of it as a PiccoloError, and in the audit log."""
        try:
            made = await _in_time(call, bound)
        except Exception as error:
            failed = error if isinstance(error, PiccoloError) else foreseen(error, call.endpoint.path)
            await self._note(call, failed)
            raise failed from error
        await self._note(call, None)
        if call.request.method not in SAFE_METHODS:
            self._changed(call.endpoint.tag)
        return made

    async def _note(self, call: Call, failed: PiccoloError | None) -> None:
        if call.endpoint.audit and call.noted:
            await self._trail.note(call.actor, call.endpoint.audit, call.subject, failed)


def _whole(made: Reply | web.StreamResponse) -> Reply:
    if not isinstance(made, Reply):
        raise TypeError("a stream cannot be repeated")
    return made


async def _in_time(call: Call, bound: Bound) -> Reply | web.StreamResponse:
    seconds = call.endpoint.seconds
    if seconds is None:
        deadline.forget()
        return await bound.handler(call)
    deadline.begin(seconds)
    try:
        async with asyncio.timeout(seconds):
            return await bound.handler(call)
    except TimeoutError as late:
        raise PiccoloError(
            Kind.TIMEOUT, "DEADLINE_EXCEEDED", f"It took longer than {seconds:g} seconds."
        ) from late


async def _body(request: web.Request, endpoint: Endpoint) -> bytes:
    if request.headers.get("Expect", _CONTINUE).lower() != _CONTINUE:
        raise PiccoloError(Kind.INVALID, "EXPECTATION_FAILED", "Only Expect: 100-continue is understood.")
    encoding = request.headers.get("Content-Encoding", "identity").strip().lower()
    if encoding != "identity":
        raise PiccoloError(
            Kind.INVALID, "ENCODING_UNSUPPORTED", "Send the body as it is, without a Content-Encoding."
        )
    if endpoint.takes is Takes.JSON:
        return await read_json(request)
    if endpoint.takes is Takes.NOTHING:
        return await read_nothing(request)
    return b""


def _again(answer: idempotency.Answer, more: dict[str, str]) -> web.Response:
    return web.Response(status=answer.status, body=answer.body or None, headers={**answer.headers, **more})


class _ApiManner:
    """Sessions and bearer tokens; every failure is a problem document."""

    def credentials(self, request: web.Request) -> Credentials:
        """The cookie, and the token."""
        return Credentials(request.cookies.get(headers.COOKIE), bearer(request.headers.get("Authorization")))

    def refusal(self, request: web.Request, failed: PiccoloError) -> web.Response:
        """The problem document."""
        return problem(failed)


_API: Final = _ApiManner()


def _manner(request: web.Request) -> Manner:
    found: Manner = request.get(MANNER, _API)
    return found


def bearer(header: str | None) -> str | None:
    """The token of an Authorization header. Raises PiccoloError UNAUTHENTICATED (AUTHORIZATION_UNKNOWN)."""
    if header is None:
        return None
    if not header.lower().startswith(_SCHEME):
        raise PiccoloError(
            Kind.UNAUTHENTICATED,
            "AUTHORIZATION_UNKNOWN",
            "The Authorization header must be Bearer and a token.",
        )
    return header[len(_SCHEME) :].strip()


def respond(reply: Reply) -> web.Response:
    """The answer of a handler."""
    content = reply.content
    media = {"Content-Type": reply.media} if content else {}
    return web.Response(status=reply.status, body=content or None, headers={**reply.headers, **media})


def problem(error: PiccoloError, allow: str | None = None) -> web.Response:
    """The answer for a failure."""
    status = status_of(error)
    extra = {"Retry-After": retry_after(error), "Allow": allow}
    if status == 401:
        extra["WWW-Authenticate"] = 'Bearer realm="piccolo"'
    if status == 416 and "size" in error.details:
        extra["Content-Range"] = f"bytes */{error.details['size']}"
    found = {name: value for name, value in extra.items() if value}
    reply = Reply(status, problem_of(error), found, media=PROBLEM)
    return respond(reply)


def malformed(status: int) -> web.Response:
    """The answer to what is no HTTP that we understand."""
    if status >= 500:
        error = PiccoloError(Kind.INTERNAL, "INTERNAL", "Something went wrong that Piccolo did not foresee.")
    else:
        error = PiccoloError(
            Kind.INVALID, "HTTP_MALFORMED", "This is no HTTP request, or its head is too long."
        )
    made = problem(error)
    made.headers.update(headers.ALWAYS)
    made.force_close()
    return made


def as_error(routed: web.HTTPException) -> PiccoloError:
    """What the router or the parser found, in our words."""
    if routed.status == 404:
        return PiccoloError(
            Kind.NOT_FOUND,
            "ADDRESS_UNKNOWN",
            "Nothing has this address; /api/v1/openapi.json lists them all.",
        )
    if routed.status == 405:
        return PiccoloError(
            Kind.UNIMPLEMENTED, "METHOD_NOT_ALLOWED", "This address does not take this method."
        )
    if routed.status == 417:
        return PiccoloError(Kind.INVALID, "EXPECTATION_FAILED", "Only Expect: 100-continue is understood.")
    return PiccoloError(Kind.INVALID, "REQUEST_INVALID", f"The request cannot be used: {routed.reason}.")


def foreseen(error: Exception, where: str) -> PiccoloError:
    """The error that an exception stands for: the first foreseen one of a group, else an incident."""
    if isinstance(error, ExceptionGroup):
        known, unknown = error.split(PiccoloError)
        leaf: BaseException | None = None if unknown else known
        while isinstance(leaf, BaseExceptionGroup):
            leaf = leaf.exceptions[0]
        if isinstance(leaf, PiccoloError):
            return leaf
    return incident(error, where=where)
