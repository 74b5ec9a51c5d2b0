"""What strangers may send as a passkey: taken when it is whole, and else refused with a typed error."""

from __future__ import annotations

import base64
from typing import Any, Final

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from piccolo_chassis.errors import PiccoloError
from piccolo_formats.tests.mutations import FUZZ, mutated

from piccolo_gateway.adapters.passkeys import WebAuthn
from piccolo_gateway.core.bodies.factors import Assertion, Registration
from piccolo_gateway.core.sites import Site
from piccolo_gateway.tests.authenticator import Authenticator

SITE: Final = Site("piccolo.local", "https://piccolo.local")
CHALLENGE: Final = bytes(range(32))
WEB: Final = WebAuthn()
KEY: Final = Authenticator(SITE.origin)
MADE: Final = KEY.create(WEB.to_register(SITE, bytes(32), CHALLENGE, []))
KNOWN: Final = WEB.register(SITE, CHALLENGE, msgspec.convert(MADE, Registration))
SHOWN: Final = KEY.get(WEB.to_assert(SITE, CHALLENGE, [KNOWN]))


def raw(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "===")


def spoilt(credential: dict[str, Any], part: str, value: bytes) -> dict[str, Any]:
    text = base64.urlsafe_b64encode(value).decode().rstrip("=")
    return {**credential, "response": {**credential["response"], part: text}}


def test_what_is_whole_is_taken() -> None:
    assert KNOWN.credential_id == KEY.credential_id
    assert KNOWN.transports == ["internal", "of a standard to come"]
    assert WEB.check(SITE, CHALLENGE, KNOWN, msgspec.convert(SHOWN, Assertion)) == KEY.count
    (again,) = WEB.to_register(SITE, bytes(32), CHALLENGE, [KNOWN])["excludeCredentials"]
    assert raw(again["id"]) == KEY.credential_id
    assert again["transports"] == ["internal"]


@pytest.mark.parametrize("challenge", [bytes(32), b""])
def test_another_challenge_is_another_answer(challenge: bytes) -> None:
    with pytest.raises(PiccoloError, match="does not fit"):
        WEB.check(SITE, challenge, KNOWN, msgspec.convert(SHOWN, Assertion))


@FUZZ
@given(mutated(raw(MADE["response"]["attestationObject"])) | st.binary(max_size=200))
def test_a_spoilt_passkey_is_refused_or_made(content: bytes) -> None:
    spoilt_ = spoilt(MADE, "attestationObject", content)
    try:
        WEB.register(SITE, CHALLENGE, msgspec.convert(spoilt_, Registration, strict=True))
    except (PiccoloError, msgspec.ValidationError) as refused:
        reason = getattr(refused, "reason", "PASSKEY_INVALID")
        if reason != "PASSKEY_INVALID":
            raise


@FUZZ
@given(st.sampled_from(["clientDataJSON", "authenticatorData", "signature"]), st.data())
def test_a_spoilt_answer_is_refused(part: str, data: st.DataObject) -> None:
    whole = raw(SHOWN["response"][part])
    content = data.draw(mutated(whole).filter(lambda one: one not in (whole, b"")))
    try:
        asserted = msgspec.convert(spoilt(SHOWN, part, content), Assertion)
    except msgspec.ValidationError:
        return  # longer than the door lets in
    with pytest.raises(PiccoloError) as refused:
        WEB.check(SITE, CHALLENGE, KNOWN, asserted)
    assert refused.value.reason == "FACTOR_WRONG"
