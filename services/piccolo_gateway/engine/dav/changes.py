"""What changes files and names: PUT, MKCOL, DELETE, MOVE, COPY, PROPPATCH.

Rules:
* A name is only made in a directory that is there (409); the API would make it. That one is there is
  believed for half a second: many small files would else cost a further call each. At worst one that somebody
  else deletes at that moment is there again.
* A lock is looked at before the first byte of a file, and once more after the last.
* What is replaced or deleted goes into the trash, a whole directory in one step.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Final

from piccolo_chassis.errors import Kind, PiccoloError

from piccolo_gateway.core.bodies.files import Entry, Written
from piccolo_gateway.core.conditions import Conditions, Tags
from piccolo_gateway.core.dav.asked import Change
from piccolo_gateway.core.dav.live import PROTECTED
from piccolo_gateway.core.dav.locks import Place, is_below, parent
from piccolo_gateway.engine.dav.guard import Asked, Guard, strict
from piccolo_gateway.engine.pump import PIECE, nothing
from piccolo_gateway.engine.writing import Writer, find
from piccolo_gateway.ports.dav import DavFiles
from piccolo_gateway.ports.files import Files
from piccolo_gateway.ports.machine import Clock
from piccolo_gateway.ports.store import WriteStart

_BELIEVED: Final = 0.5
_ABSENT: Final = Conditions(if_none_match=Tags(any=True))


@dataclass(frozen=True, slots=True)
class Target:
    """Where something is moved or copied to."""

    path: str
    overwrite: bool


class Changes:
    """Changes."""

    def __init__(self, files: Files, names: DavFiles, writer: Writer, guard: Guard, clock: Clock) -> None:
        self._files, self._names, self._writer, self._guard = files, names, writer, guard
        self._clock = clock
        self._there, self._there_until = "", float("-inf")

    async def put(self, asked: Asked, start: WriteStart, pieces: AsyncIterator[bytes]) -> Written:
        """Stores a file.

        Where nothing else matters only the directory is looked up before, and what has the name while the
        vault is busy with the first bytes: each look costs a call, which small files feel.
        """
        if asked.path != "/" and self._guard.unconcerned(asked):
            await self._need_parent(asked.path)
            looked = self._guarded(asked, [Place(asked.path)], self._looking(asked, pieces))
            return await self._writer.put(start, asked.conditions, looked)
        present = await self._guard.judge(asked)
        _refuse_directory(present)
        if present is None:
            await self._need_parent(asked.path)
        places = _changed(asked.path, new=present is None)
        self._guard.require(asked, places)
        return await self._writer.put(start, strict(asked, present), self._guarded(asked, places, pieces))

    async def _looking(self, asked: Asked, pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        """The pieces; where there may be several, a directory of that name is refused after the first."""
        looked = False
        async for piece in pieces:
            yield piece
            if not looked and len(piece) == PIECE:
                _refuse_directory(await find(self._files, asked.path))
            looked = True

    async def _guarded(
        self, asked: Asked, places: Sequence[Place], pieces: AsyncIterator[bytes]
    ) -> AsyncIterator[bytes]:
        async for piece in pieces:
            yield piece
        self._guard.require(asked, places)

    async def may_make(self, asked: Asked) -> None:
        """Lets pass who may give a name that is free. Raises PiccoloError PRECONDITION or LOCKED."""
        await self._need_parent(asked.path)
        self._guard.require(asked, _changed(asked.path, new=True))

    async def make_empty(self, asked: Asked) -> bool:
        """Makes an empty file where nothing is; returns whether nothing was."""
        try:
            await self._writer.put(WriteStart(asked.path, size=0), _ABSENT, nothing())
        except PiccoloError as failed:
            if failed.reason != "PRECONDITION_FAILED":
                raise
            return False
        return True

    async def mkcol(self, asked: Asked) -> None:
        """Makes a directory."""
        if await self._guard.judge(asked) is not None:
            raise PiccoloError(Kind.ALREADY_EXISTS, "ENTRY_EXISTS", f"{asked.path} exists already.")
        await self.may_make(asked)
        await self._names.make_directory(asked.path)

    async def delete(self, asked: Asked) -> None:
        """Puts a file, or a directory with all that is in it, into the trash."""
        present = await self._guard.judge(asked)
        _refuse_root(asked.path)
        self._guard.require(asked, _gone(asked.path))
        await self._writer.delete(asked.path, strict(asked, present), recursive=True, purge=False)
        self._forget(asked.path)

    async def move(self, asked: Asked, target: Target) -> bool:
        """Renames; returns whether the new name was free."""
        _refuse_root(asked.path)
        there = await self._prepared(asked, target, _gone(asked.path))
        try:
            await self._names.move(asked.path, target.path, replace=target.overwrite)
        except PiccoloError as failed:
            raise _taken(failed) from failed
        self._forget(asked.path)
        return there is None

    async def copy(self, asked: Asked, target: Target, *, shallow: bool) -> bool:
        """Gives a second name; returns whether it was free."""
        there = await self._prepared(asked, target, [])
        try:
            await self._names.copy(asked.path, target.path, replace=target.overwrite, shallow=shallow)
        except PiccoloError as failed:
            raise _taken(failed) from failed
        return there is None

    async def patch(self, asked: Asked, changes: Sequence[Change]) -> dict[str, bool]:
        """Sets and forgets properties, all or none.

        Returns for each name whether it may be changed; nothing was, when one of them may not.
        """
        if await self._guard.judge(asked) is None:
            raise _missing(asked.path)
        self._guard.require(asked, [Place(asked.path)])
        outcome = {one.name: one.name not in PROTECTED for one in changes}
        if all(outcome.values()):
            last = {one.name: one.value for one in changes}
            put = {name: value for name, value in last.items() if value is not None}
            await self._names.note(asked.path, put, [name for name in last if name not in put])
        return outcome

    async def _prepared(self, asked: Asked, target: Target, leaving: list[Place]) -> Entry | None:
        """What has the new name, when everything may happen."""
        if await self._guard.judge(asked) is None:
            raise _missing(asked.path)
        if _within(asked.path, target.path) or _within(target.path, asked.path):
            raise PiccoloError(
                Kind.DENIED,
                "INTO_ITSELF",
                "Source and destination are the same, or one lies in the other.",
            )
        await self._need_parent(target.path)
        there = await find(self._files, target.path)
        if there is not None and not target.overwrite:
            raise _taken(PiccoloError(Kind.ALREADY_EXISTS, "ENTRY_EXISTS", ""))
        coming = [Place(target.path, deep=True)] if there else _changed(target.path, new=True)
        self._guard.require(asked, [*leaving, *coming])
        return there

    async def _need_parent(self, path: str) -> None:
        above = parent(path)
        if above == "/" or (above == self._there and self._clock.running() < self._there_until):
            return
        entry = await find(self._files, above)
        if entry is None or entry.kind != "directory":
            raise PiccoloError(
                Kind.PRECONDITION, "PARENT_MISSING", f"There is no directory {above}; make it first (MKCOL)."
            )
        self._there, self._there_until = above, self._clock.running() + _BELIEVED

    def _forget(self, path: str) -> None:
        """What was there is there no more, nor are the locks on it."""
        self._there = ""
        self._guard.locks.forget(path)


def _refuse_directory(present: Entry | None) -> None:
    if present is not None and present.kind == "directory":
        raise PiccoloError(Kind.PRECONDITION, "IS_A_DIRECTORY", f"{present.path} is a directory.")


def _changed(path: str, *, new: bool) -> list[Place]:
    """What a write changes: the entry, and the directory that gets a new name."""
    return [Place(path), Place(parent(path))] if new else [Place(path)]


def _gone(path: str) -> list[Place]:
    return [Place(path, deep=True), Place(parent(path))]


def _within(path: str, top: str) -> bool:
    return path == top or is_below(path, top)


def _missing(path: str) -> PiccoloError:
    return PiccoloError(Kind.NOT_FOUND, "ENTRY_NOT_FOUND", f"There is nothing named {path}.")


def _taken(failed: PiccoloError) -> PiccoloError:
    """That a name is taken, as the failed condition that `Overwrite: F` is."""
    if failed.kind is not Kind.ALREADY_EXISTS:
        return failed
    return PiccoloError(
        Kind.CONFLICT,
        "PRECONDITION_FAILED",
        "Nothing was changed: the destination exists, and Overwrite is F.",
    )


def _refuse_root(path: str) -> None:
    if path == "/":
        raise PiccoloError(Kind.DENIED, "ROOT_FIXED", "The root directory stays where it is.")
