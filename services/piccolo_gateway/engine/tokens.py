"""API tokens: made, found, revoked; kept in metadata.

Rules:
* What is kept is read at most every half minute, whatever strangers send: a wrong token costs metadata
  nothing.
* A token that is revoked here ends at once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Final

import msgspec
from piccolo_chassis.errors import Kind, PiccoloError

from piccolo_gateway.core import tokens as core
from piccolo_gateway.core.access import Actor
from piccolo_gateway.core.bodies.access import MadeToken, Scope, Token
from piccolo_gateway.core.tokens import Record
from piccolo_gateway.ports.machine import Clock
from piccolo_gateway.ports.memory import State

_BELIEVED: Final = 30.0
_MOST: Final = 200


class Tokens:
    """All tokens."""

    def __init__(self, state: State, clock: Clock, random: Callable[[int], bytes]) -> None:
        self._state, self._clock, self._random = state, clock, random
        self._known: dict[str, Record] = {}
        self._read_at = float("-inf")
        self._busy = asyncio.Lock()

    async def actor(self, secret: str) -> Actor:
        """Who a token stands for. Raises PiccoloError UNAUTHENTICATED (TOKEN_UNKNOWN)."""
        if self._clock.running() - self._read_at > _BELIEVED:
            async with self._busy:
                await self._read(_BELIEVED)
        record = self._known.get(core.digest(secret))
        now = self._clock.now()
        if record is None or record.over(now):
            raise PiccoloError(
                Kind.UNAUTHENTICATED,
                "TOKEN_UNKNOWN",
                "This token is not known: it has expired or was revoked.",
            )
        if now - record.last_used >= core.USED_GRAIN:
            await self._used(record, now)
        return Actor(f"token:{record.name}", record.known_scopes, token_id=record.token_id)

    def holds(self, token_id: str) -> bool:
        """Whether a token that was let in has neither expired nor been revoked here since."""
        now = self._clock.now()
        return any(one.token_id == token_id and not one.over(now) for one in self._known.values())

    async def make(self, name: str, scopes: list[Scope], lifetime: int) -> MadeToken:
        """A new token. Raises PiccoloError EXHAUSTED (TOO_MANY_TOKENS) or ALREADY_EXISTS (TOKEN_EXISTS)."""
        async with self._busy:
            await self._read(0)
            if len(self._known) >= _MOST:
                raise PiccoloError(
                    Kind.EXHAUSTED, "TOO_MANY_TOKENS", f"There are {_MOST} tokens; revoke one first."
                )
            if any(record.name == name for record in self._known.values()):
                raise PiccoloError(
                    Kind.ALREADY_EXISTS,
                    "TOKEN_EXISTS",
                    f"There is a token named {name!r}; choose another name.",
                )
            random = self._random(core.ID_BYTES + core.SECRET_BYTES)
            made = core.make(name, scopes, lifetime, self._clock.now(), random)
            await self._keep(made.record)
        return MadeToken(**msgspec.structs.asdict(made.record.told()), secret=made.secret)

    async def all(self) -> list[Token]:
        """All tokens, the latest first."""
        async with self._busy:
            await self._read(0)
        records = sorted(self._known.values(), key=lambda record: record.created, reverse=True)
        return [record.told() for record in records]

    async def revoke(self, token_id: str) -> Token:
        """Ends a token and returns it. Raises PiccoloError NOT_FOUND (TOKEN_NOT_FOUND)."""
        async with self._busy:
            await self._read(0)
            for digest, record in self._known.items():
                if record.token_id == token_id:
                    await self._state.remove(core.KEY + token_id)
                    del self._known[digest]
                    return record.told()
        raise PiccoloError(Kind.NOT_FOUND, "TOKEN_NOT_FOUND", "There is no such token (any more).")

    async def remove_all(self) -> None:
        """The device gets an owner, who made none of them."""
        async with self._busy:
            keys = list(await self._state.list(core.KEY))
            if keys:
                await self._state.remove(*keys)
            self._known = {}

    async def _read(self, believed: float) -> None:
        if self._clock.running() - self._read_at <= believed:
            return
        kept = await self._state.list(core.KEY)
        records = [record for value in kept.values() if (record := core.decode(value))]
        self._known = {record.digest: record for record in records}
        self._read_at = self._clock.running()

    async def _used(self, record: Record, now: int) -> None:
        """Notes that a token is used; that this cannot be kept is no reason to refuse it."""
        async with self._busy:
            if record.digest in self._known:  # not revoked meanwhile
                with suppress(PiccoloError):
                    await self._keep(msgspec.structs.replace(record, last_used=now))

    async def _keep(self, record: Record) -> None:
        await self._state.put({core.KEY + record.token_id: record.encode()})
        self._known[record.digest] = record
