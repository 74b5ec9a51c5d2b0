"""Second factors: enrolled, kept in metadata, checked.

Rules:
* A factor counts from the moment it has shown that it works: a code of the app, an answer of the passkey.
* That a code was used, a passkey's count, a recovery code that is spent: durable before anybody is let in.
  One is looked at at a time, so that the same code at the same moment opens one door only.
* With the last factor go the recovery codes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import msgspec
from piccolo_chassis.errors import Kind, PiccoloError

from piccolo_gateway.core import factors as core
from piccolo_gateway.core import totp
from piccolo_gateway.core.bodies.factors import (
    Assertion,
    Factor,
    Factors,
    PasskeyConfirmation,
    PasskeyEnrolment,
    RecoveryCodes,
    TotpConfirmation,
    TotpEnrolment,
)
from piccolo_gateway.core.factors import Kept, Record, TotpSecret
from piccolo_gateway.core.pending import Pendings
from piccolo_gateway.core.sites import Site
from piccolo_gateway.ports.factors import Drawing, Passkeys
from piccolo_gateway.ports.machine import Clock
from piccolo_gateway.ports.memory import State

_MOST: Final = 16
_LIFETIME: Final = 600.0
CHALLENGE_BYTES: Final = 32
_USER_BYTES: Final = 32


@dataclass(frozen=True, slots=True)
class _Enrolment:
    """A factor that has not shown yet that it works."""

    name: str
    totp: str = ""
    challenge: bytes = b""
    site: Site | None = None


class FactorBook:
    """All second factors of the owner."""

    def __init__(
        self, state: State, clock: Clock, random: Callable[[int], bytes], passkeys: Passkeys, draw: Drawing
    ) -> None:
        self._state, self._clock, self._random = state, clock, random
        self._passkeys, self._draw = passkeys, draw
        self._enrolling: Pendings[_Enrolment] = Pendings(_LIFETIME, most=16, tries=5, random=random)
        self._busy = asyncio.Lock()

    async def kept(self) -> Kept:
        """All of them. Raises PiccoloError UNAVAILABLE when they cannot be read: then nobody is let in."""
        found = [core.decode(key, value) for key, value in (await self._state.list(core.KEY)).items()]
        codes = core.decode_codes(await self._state.get(core.CODES_KEY)) if found else core.NO_CODES
        return Kept(tuple(sorted(found, key=lambda one: (one.created, one.factor_id))), codes)

    async def told(self, site: Site | None) -> Factors:
        """All of them as they are shown."""
        kept = await self.kept()
        return Factors(
            factors=[one.told() for one in kept.factors],
            recovery_codes_left=len(kept.codes.digests),
            recovery_codes_made=kept.codes.made,
            passkeys_here=site is not None,
        )

    async def enrol_totp(self, name: str, device: str) -> TotpEnrolment:
        """An app's new secret."""
        await self._check_room()
        secret = totp.secret(self._random(totp.SECRET_BYTES))
        uri = totp.address(secret, device)
        enrolment = self._enrolling.begin(_Enrolment(name, totp=secret), self._clock.running())
        qr = self._draw(uri)
        return TotpEnrolment(enrolment=enrolment, secret=secret, uri=uri, qr=qr, expires=self._expires())

    async def confirm_totp(self, said: TotpConfirmation) -> Factor:
        """Keeps an app that shows a code. Raises PiccoloError as `_begun`, INVALID (CODE_WRONG)."""
        begun = self._begun(said.enrolment)
        step = totp.matched(begun.totp, said.code, self._clock.now(), -1) if begun.totp else None
        if step is None:
            raise PiccoloError(
                Kind.INVALID, "CODE_WRONG", "This is not the app's code; the clocks must agree to the minute."
            )
        return await self._add(said.enrolment, self._new(begun.name, totp=TotpSecret(begun.totp, step)))

    async def enrol_passkey(self, name: str, site: Site) -> PasskeyEnrolment:
        """What a browser needs to make a passkey."""
        known = (await self._check_room()).passkeys(site.host)
        challenge = self._random(CHALLENGE_BYTES)
        # a user of its own for each: nothing but its id is ever asked for, and none replaces another
        options = self._passkeys.to_register(site, self._random(_USER_BYTES), challenge, known)
        begun = _Enrolment(name, challenge=challenge, site=site)
        enrolment = self._enrolling.begin(begun, self._clock.running())
        return PasskeyEnrolment(enrolment=enrolment, options=options, expires=self._expires())

    async def confirm_passkey(self, said: PasskeyConfirmation) -> Factor:
        """Keeps a passkey that was made. Raises PiccoloError as `_begun`, INVALID (PASSKEY_INVALID)."""
        begun = self._begun(said.enrolment)
        self._enrolling.end(said.enrolment)  # its challenge is good for one try
        if begun.site is None:
            raise _over()
        made = self._passkeys.register(begun.site, begun.challenge, said.passkey)
        return await self._add(said.enrolment, self._new(begun.name, passkey=made))

    async def rename(self, factor_id: str, name: str) -> Factor:
        """Another name. Raises PiccoloError NOT_FOUND (FACTOR_NOT_FOUND)."""
        async with self._busy:
            record = msgspec.structs.replace(_found(await self.kept(), factor_id), name=name)
            if record.kind == "unreadable":
                raise PiccoloError(
                    Kind.PRECONDITION, "FACTOR_UNREADABLE", "This factor cannot be read; remove it."
                )
            await self._keep(record)
        return record.told()

    async def remove(self, factor_id: str) -> Factor:
        """Removes one. Raises PiccoloError NOT_FOUND (FACTOR_NOT_FOUND)."""
        async with self._busy:
            kept = await self.kept()
            record = _found(kept, factor_id)
            last = len(kept.factors) == 1
            await self._state.remove(record.key, *([core.CODES_KEY] if last else []))
        return record.told()

    async def remove_all(self) -> None:
        """The device gets another owner."""
        async with self._busy:
            keys = list(await self._state.list(core.KEY))
            if keys:
                await self._state.remove(*keys, core.CODES_KEY)

    async def new_codes(self) -> RecoveryCodes:
        """New recovery codes. Raises PiccoloError PRECONDITION (NO_FACTOR)."""
        async with self._busy:
            if not (await self.kept()).wanted:
                raise PiccoloError(
                    Kind.PRECONDITION,
                    "NO_FACTOR",
                    "Recovery codes stand in for a second factor, and there is none.",
                )
            random = self._random(core.CODES * core.CODE_BYTES)
            codes, hashed = core.make_codes(random, self._clock.now())
            await self._state.put({core.CODES_KEY: hashed.encode()})
        return RecoveryCodes(codes=codes)

    async def use_totp(self, code: str) -> None:
        """Takes an app's code. Raises PiccoloError UNAUTHENTICATED (FACTOR_WRONG)."""
        async with self._busy:
            now = self._clock.now()
            for one in (await self.kept()).factors:
                step = totp.matched(one.totp.secret, code, now, one.totp.last_step) if one.totp else None
                if step is not None and one.totp is not None:
                    used = msgspec.structs.replace(one.totp, last_step=step)
                    return await self._keep(msgspec.structs.replace(one, totp=used, last_used=now))
        raise _wrong("This is not the app's code, or it was used already. Wait for the next one.")

    async def use_passkey(self, site: Site, challenge: bytes, shown: Assertion) -> None:
        """Takes a passkey's answer. Raises PiccoloError UNAUTHENTICATED (FACTOR_WRONG)."""
        async with self._busy:
            for one in (await self.kept()).factors:
                known = one.passkey
                if known and known.host == site.host and core.same_id(known.credential_id, shown.rawId):
                    count = self._passkeys.check(site, challenge, known, shown)
                    used = msgspec.structs.replace(known, sign_count=count)
                    now = self._clock.now()
                    return await self._keep(msgspec.structs.replace(one, passkey=used, last_used=now))
        raise _wrong("This passkey is not one of this device's.")

    async def use_code(self, code: str) -> None:
        """Spends a recovery code. Raises PiccoloError UNAUTHENTICATED (FACTOR_WRONG)."""
        async with self._busy:
            rest = (await self.kept()).codes.without(code)
            if rest is None:
                raise _wrong("This is none of the recovery codes, or it was used already.")
            await self._state.put({core.CODES_KEY: rest.encode()})

    def _begun(self, enrolment: str) -> _Enrolment:
        """Raises PiccoloError PRECONDITION (ENROLMENT_OVER)."""
        begun = self._enrolling.attempt(enrolment, self._clock.running())
        if begun is None:
            raise _over()
        return begun

    def _new(self, name: str, **what: TotpSecret | core.Credential) -> Record:
        return Record(self._random(core.ID_BYTES).hex(), name, self._clock.now(), 0, **what)  # type: ignore[arg-type]

    async def _add(self, enrolment: str, record: Record) -> Factor:
        self._enrolling.end(enrolment)
        async with self._busy:
            await self._check_room()
            await self._keep(record)
        return record.told()

    async def _check_room(self) -> Kept:
        kept = await self.kept()
        if len(kept.factors) >= _MOST:
            raise PiccoloError(
                Kind.EXHAUSTED, "TOO_MANY_FACTORS", f"There are {_MOST} second factors; remove one first."
            )
        return kept

    async def _keep(self, record: Record) -> None:
        await self._state.put({record.key: record.encode()})

    def _expires(self) -> int:
        return self._clock.now() + int(_LIFETIME)


def _found(kept: Kept, factor_id: str) -> Record:
    record = kept.find(factor_id)
    if record is None:
        raise PiccoloError(Kind.NOT_FOUND, "FACTOR_NOT_FOUND", "There is no such second factor (any more).")
    return record


def _over() -> PiccoloError:
    return PiccoloError(
        Kind.PRECONDITION, "ENROLMENT_OVER", "This enrolment has ended. Begin again with a new one."
    )


def _wrong(words: str) -> PiccoloError:
    return PiccoloError(Kind.UNAUTHENTICATED, "FACTOR_WRONG", words)
