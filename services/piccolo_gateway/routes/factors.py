"""Second factors: apps with codes, passkeys, and the codes for when they are lost."""

from __future__ import annotations

from piccolo_gateway.core.api import PREFIX, Answer, Endpoint
from piccolo_gateway.core.bodies.access import Scope
from piccolo_gateway.core.bodies.factors import (
    Factor,
    Factors,
    NewFactor,
    PasskeyConfirmation,
    PasskeyEnrolment,
    RecoveryCodes,
    RenamedFactor,
    TotpConfirmation,
    TotpEnrolment,
)
from piccolo_gateway.routes.call import Bound, Call, Reply
from piccolo_gateway.routes.services import Services

_TAG = "factors"
_FRESH = "Needs a session with a fresh proof (POST /api/v1/sessions/proof); no token has one."
_ADDED = "It counts from now on; other sessions have ended."


_LISTING = Endpoint(
    method="GET",
    path=f"{PREFIX}/factors",
    summary="All second factors",
    tag=_TAG,
    scope=Scope.ADMIN,
    answers={200: Answer("The oldest first, without their secrets.", Factors)},
)

_TOTP = Endpoint(
    method="POST",
    path=f"{PREFIX}/factors/totp",
    summary="Begin to enrol an authenticator app",
    tag=_TAG,
    scope=Scope.ADMIN,
    body=NewFactor,
    refuses=(429,),
    answers={201: Answer("The app's secret, shown once. Nothing changes yet.", TotpEnrolment)},
    words=_FRESH,
    fresh=True,
    secret=True,
)

_TOTP_CONFIRM = Endpoint(
    method="POST",
    path=f"{PREFIX}/factors/totp/confirm",
    summary="Give the app's first code",
    tag=_TAG,
    scope=Scope.ADMIN,
    body=TotpConfirmation,
    refuses=(409, 429),
    answers={201: Answer(_ADDED, Factor)},
    words=f"Five tries within ten minutes. {_FRESH}",
    fresh=True,
    audit="factor.add",
    repeatable=False,
)

_PASSKEY = Endpoint(
    method="POST",
    path=f"{PREFIX}/factors/passkey",
    summary="Begin to make a passkey",
    tag=_TAG,
    scope=Scope.ADMIN,
    body=NewFactor,
    refuses=(409, 429),
    answers={201: Answer("What the browser needs. Nothing changes yet.", PasskeyEnrolment)},
    words=f"At one of the device's names only: an IP address can have no passkey (PASSKEY_HOST). {_FRESH}",
    fresh=True,
    repeatable=False,
)

_PASSKEY_CONFIRM = Endpoint(
    method="POST",
    path=f"{PREFIX}/factors/passkey/confirm",
    summary="Give the passkey that the browser made",
    tag=_TAG,
    scope=Scope.ADMIN,
    body=PasskeyConfirmation,
    refuses=(409, 429),
    answers={201: Answer(_ADDED, Factor)},
    words=f"One try within ten minutes. {_FRESH}",
    fresh=True,
    audit="factor.add",
    repeatable=False,
)

_CODES = Endpoint(
    method="POST",
    path=f"{PREFIX}/factors/recovery-codes",
    summary="Make new recovery codes",
    tag=_TAG,
    scope=Scope.ADMIN,
    refuses=(409,),
    answers={201: Answer("Ten codes, each good once, shown once; older ones end.", RecoveryCodes)},
    words=f"Each stands in for a second factor that is lost. {_FRESH}",
    fresh=True,
    audit="factor.codes",
    secret=True,
)

_RENAME = Endpoint(
    method="PATCH",
    path=f"{PREFIX}/factors/{{factor_id}}",
    summary="Rename a second factor",
    tag=_TAG,
    scope=Scope.ADMIN,
    body=RenamedFactor,
    refuses=(409,),
    answers={200: Answer("It has the name.", Factor)},
    words=_FRESH,
    fresh=True,
    audit="factor.rename",
)

_REMOVE = Endpoint(
    method="DELETE",
    path=f"{PREFIX}/factors/{{factor_id}}",
    summary="Remove a second factor",
    tag=_TAG,
    scope=Scope.ADMIN,
    answers={204: Answer("It is worth nothing any more.")},
    words=f"With the last one go the recovery codes: then the passphrase alone logs in. {_FRESH}",
    fresh=True,
    audit="factor.remove",
)


def endpoints(services: Services) -> list[Bound]:
    """The second factors' endpoints."""
    return [*_enrolling(services), *_keeping(services)]


def _enrolling(services: Services) -> list[Bound]:
    def added(call: Call, factor: Factor) -> Reply:
        call.subject = f"{factor.kind} {factor.name}"
        services.access.end_others(call.actor)
        return Reply(201, factor)

    async def totp(call: Call) -> Reply:
        return Reply(201, await services.factors.enrol_totp(call.body(NewFactor).name, call.request.host))

    async def totp_confirm(call: Call) -> Reply:
        return added(call, await services.factors.confirm_totp(call.body(TotpConfirmation)))

    async def passkey(call: Call) -> Reply:
        asked = call.body(NewFactor)
        return Reply(
            201, await services.factors.enrol_passkey(asked.name, services.sites.require(call.request.host))
        )

    async def passkey_confirm(call: Call) -> Reply:
        return added(call, await services.factors.confirm_passkey(call.body(PasskeyConfirmation)))

    return [
        Bound(_TOTP, totp),
        Bound(_TOTP_CONFIRM, totp_confirm),
        Bound(_PASSKEY, passkey),
        Bound(_PASSKEY_CONFIRM, passkey_confirm),
    ]


def _keeping(services: Services) -> list[Bound]:
    async def listing(call: Call) -> Reply:
        return Reply(body=await services.factors.told(services.sites.find(call.request.host)))

    async def codes(call: Call) -> Reply:
        return Reply(201, await services.factors.new_codes())

    async def rename(call: Call) -> Reply:
        factor = await services.factors.rename(call.parameter("factor_id"), call.body(RenamedFactor).name)
        call.subject = f"{factor.kind} {factor.name}"
        return Reply(body=factor)

    async def remove(call: Call) -> Reply:
        factor = await services.factors.remove(call.parameter("factor_id"))
        call.subject = f"{factor.kind} {factor.name}"
        return Reply(204)

    return [Bound(_LISTING, listing), Bound(_CODES, codes), Bound(_RENAME, rename), Bound(_REMOVE, remove)]
