"""Passkeys by py_webauthn.

The library is imported when the first passkey is made or used: it takes 9 MiB that most devices never need.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import msgspec
from piccolo_chassis.errors import Kind, PiccoloError

from piccolo_gateway.core.bodies.factors import Assertion, Options, Registration
from piccolo_gateway.core.factors import Credential
from piccolo_gateway.core.sites import Site

_OWNER = "owner"


class WebAuthn:
    """Makes options and checks answers. User verification is the passphrase's part: presence is enough."""

    def to_register(self, site: Site, user: bytes, challenge: bytes, known: Sequence[Credential]) -> Options:
        """What the browser needs to make one."""
        import webauthn
        from webauthn.helpers.structs import AuthenticatorSelectionCriteria, ResidentKeyRequirement

        options = webauthn.generate_registration_options(
            rp_id=site.host,
            rp_name="Piccolo",
            user_name=_OWNER,
            user_id=user,
            challenge=challenge,
            authenticator_selection=AuthenticatorSelectionCriteria(
                resident_key=ResidentKeyRequirement.PREFERRED
            ),
            exclude_credentials=_descriptors(known),
        )
        return _plain(options)

    def register(self, site: Site, challenge: bytes, made: Registration) -> Credential:
        """The passkey that was made. Raises PiccoloError INVALID (PASSKEY_INVALID)."""
        import webauthn

        try:
            found = webauthn.verify_registration_response(
                credential=msgspec.to_builtins(made),
                expected_challenge=challenge,
                expected_rp_id=site.host,
                expected_origin=site.origin,
            )
        except Exception as wrong:  # a stranger's CBOR and keys: the library lets errors of others through
            raise PiccoloError(
                Kind.INVALID, "PASSKEY_INVALID", "What the browser sent is no passkey for this device."
            ) from wrong
        return Credential(
            found.credential_id,
            found.credential_public_key,
            found.sign_count,
            site.host,
            list(made.response.transports),
        )

    def to_assert(self, site: Site, challenge: bytes, known: Sequence[Credential]) -> Options:
        """What the browser needs to use one."""
        import webauthn

        options = webauthn.generate_authentication_options(
            rp_id=site.host, challenge=challenge, allow_credentials=_descriptors(known)
        )
        return _plain(options)

    def check(self, site: Site, challenge: bytes, known: Credential, shown: Assertion) -> int:
        """The passkey's new count of uses. Raises PiccoloError UNAUTHENTICATED (FACTOR_WRONG)."""
        import webauthn

        try:
            found = webauthn.verify_authentication_response(
                credential=msgspec.to_builtins(shown),
                expected_challenge=challenge,
                expected_rp_id=site.host,
                expected_origin=site.origin,
                credential_public_key=known.public_key,
                credential_current_sign_count=known.sign_count,
            )
        except Exception as wrong:  # as above
            raise PiccoloError(
                Kind.UNAUTHENTICATED, "FACTOR_WRONG", "This passkey's answer does not fit."
            ) from wrong
        return found.new_sign_count


def _descriptors(known: Sequence[Credential]) -> Any:
    from webauthn.helpers.structs import AuthenticatorTransport, PublicKeyCredentialDescriptor

    ways = {way.value: way for way in AuthenticatorTransport}
    return [
        PublicKeyCredentialDescriptor(
            id=one.credential_id, transports=[ways[way] for way in one.transports if way in ways] or None
        )
        for one in known
    ]


def _plain(options: Any) -> Options:
    import webauthn

    made: Options = json.loads(webauthn.options_to_json(options))
    return made
