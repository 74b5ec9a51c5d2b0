"""Bodies about second factors, and how a caller proves more than the passphrase."""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeAlias

import msgspec

from piccolo_gateway.core.bodies.base import Asked, Sealed, Seconds, Told

FactorKind: TypeAlias = Literal["totp", "passkey", "unreadable"]
Method: TypeAlias = Literal["totp", "passkey", "recovery-code", "words", "passphrase"]
Secret: TypeAlias = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]
Code: TypeAlias = Annotated[
    str, msgspec.Meta(max_length=16, pattern=r"^[0-9 ]{6,16}$", description="Six digits of the app.")
]
FactorName: TypeAlias = Annotated[
    str,
    msgspec.Meta(min_length=1, max_length=64, pattern=r"^[^\x00-\x1f\x7f]+$", examples=["my phone"]),
]
Options: TypeAlias = dict[str, Any]
Base64Url: TypeAlias = Annotated[
    str, msgspec.Meta(min_length=1, max_length=8192, pattern="^[A-Za-z0-9_=-]*$")
]


class Browsers(msgspec.Struct, frozen=True, kw_only=True):
    """What a browser makes, not we: further fields are borne."""


class AttestationAnswer(Browsers, frozen=True):
    """AuthenticatorAttestationResponseJSON (WebAuthn level 3), as far as it is looked at."""

    clientDataJSON: Base64Url  # noqa: N815 - the standard's name
    attestationObject: Base64Url  # noqa: N815
    transports: Annotated[list[Annotated[str, msgspec.Meta(max_length=32)]], msgspec.Meta(max_length=16)] = []


class AssertionAnswer(Browsers, frozen=True):
    """AuthenticatorAssertionResponseJSON, as far as it is looked at."""

    clientDataJSON: Base64Url  # noqa: N815
    authenticatorData: Base64Url  # noqa: N815
    signature: Base64Url


class Registration(Browsers, frozen=True):
    """RegistrationResponseJSON: what `credential.toJSON()` gives after `navigator.credentials.create()`."""

    id: Base64Url
    rawId: Base64Url  # noqa: N815
    type: Literal["public-key"]
    response: AttestationAnswer


class Assertion(Browsers, frozen=True):
    """AuthenticationResponseJSON: what `credential.toJSON()` gives after `navigator.credentials.get()`."""

    id: Base64Url
    rawId: Base64Url  # noqa: N815
    type: Literal["public-key"]
    response: AssertionAnswer


class Factor(Told, frozen=True):
    """One second factor, without its secret."""

    factor_id: str
    kind: FactorKind
    name: str
    created: Seconds
    last_used: Annotated[int, msgspec.Meta(description="Seconds since 1970; 0 is never.")]
    host: Annotated[str, msgspec.Meta(description="A passkey works at this host name only; else empty.")]


class Factors(Told, frozen=True):
    """All second factors, the oldest first. With none, the passphrase alone logs in."""

    factors: list[Factor]
    recovery_codes_left: int
    recovery_codes_made: Annotated[int, msgspec.Meta(description="Seconds since 1970; 0 is never.")]
    passkeys_here: Annotated[
        bool,
        msgspec.Meta(
            description="Whether a passkey can be made at this address: only at one of the device's names."
        ),
    ]


class NewFactor(Asked, frozen=True):
    """A factor to be enrolled."""

    name: FactorName


class RenamedFactor(Asked, frozen=True):
    """A factor's other name."""

    name: FactorName


class TotpEnrolment(Told, frozen=True):
    """An app's secret, shown once. It counts when a code of it was given."""

    enrolment: Secret
    secret: Annotated[str, msgspec.Meta(description="Base32, to be typed where no QR code can be read.")]
    uri: Annotated[str, msgspec.Meta(description="otpauth://totp/...")]
    qr: Annotated[str, msgspec.Meta(description="The URI as a QR code: one SVG element.")]
    expires: Seconds


class TotpConfirmation(Asked, frozen=True):
    """The first code of an app."""

    enrolment: Secret
    code: Code


class PasskeyEnrolment(Told, frozen=True):
    """What the browser needs to make a passkey."""

    enrolment: Secret
    options: Annotated[
        Options,
        msgspec.Meta(
            description="PublicKeyCredentialCreationOptionsJSON, for"
            " `PublicKeyCredential.parseCreationOptionsFromJSON`."
        ),
    ]
    expires: Seconds


class PasskeyConfirmation(Asked, frozen=True):
    """The passkey that the browser made."""

    enrolment: Secret
    passkey: Registration


class RecoveryCodes(Told, frozen=True):
    """New recovery codes, shown once; those of before are worth nothing any more."""

    codes: list[str]


class Challenge(Told, frozen=True):
    """More has to be proven. This is no session: it can do nothing but be answered."""

    challenge: Secret
    methods: Annotated[
        list[Method],
        msgspec.Meta(
            description="What is taken, the handiest first. `passphrase` only where there is no second"
            " factor; `passkey` only at the host name that one was made for. `words`, the 24 recovery words,"
            " are always taken where there is one."
        ),
    ]
    passkey: Annotated[
        Options | None,
        msgspec.Meta(
            description="PublicKeyCredentialRequestOptionsJSON, for"
            " `PublicKeyCredential.parseRequestOptionsFromJSON`; good for one try."
        ),
    ]
    expires: Seconds


class Proof(Asked, frozen=True):
    """The answer to a challenge: exactly one of the methods."""

    challenge: Secret
    code: Code | None = None
    recovery_code: Annotated[str, msgspec.Meta(max_length=64)] | None = None
    passkey: Assertion | None = None
    words: Annotated[Sealed, msgspec.Meta(extra_json_schema={"x-purpose": "words"})] | None = None
    passphrase: Annotated[Sealed, msgspec.Meta(extra_json_schema={"x-purpose": "passphrase"})] | None = None

    @property
    def methods(self) -> list[Method]:
        """Which are given."""
        given: dict[Method, object] = {
            "totp": self.code,
            "passkey": self.passkey,
            "recovery-code": self.recovery_code,
            "words": self.words,
            "passphrase": self.passphrase,
        }
        return [method for method, value in given.items() if value is not None]
