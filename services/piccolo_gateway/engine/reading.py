"""Reading files by GET and HEAD.

Rules:
* A request without conditions and ranges opens the file at once, and learns its facts from the first message.
* Otherwise the facts are asked for first, and exactly that version is read: a range never mixes two versions.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from piccolo_chassis.errors import Kind, PiccoloError

from piccolo_gateway.core import conditions, ranges
from piccolo_gateway.core.bodies.files import Entry
from piccolo_gateway.core.conditions import Conditions, Outcome, Present
from piccolo_gateway.core.ranges import Span
from piccolo_gateway.ports.files import Files
from piccolo_gateway.ports.store import Head, Store, Wanted


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of a version."""

    version_id: str
    size: int
    modified: int
    media: str

    @property
    def present(self) -> Present:
        """What conditions are judged by."""
        return Present(self.version_id, self.modified)


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked for; no version is the current one."""

    path: str
    version: str | None
    conditions: Conditions
    range: str | None
    if_range: str | None

    @property
    def plain(self) -> bool:
        """Whether it is simply the current version, whole."""
        return self.version is None and self.range is None and not self.conditions.any


@dataclass(frozen=True, slots=True)
class Plan:
    """What will be answered: facts when they are known already, the span that is asked for."""

    facts: Facts | None = None
    span: Span | None = None
    not_modified: bool = False


class Reader:
    """Reads."""

    def __init__(self, files: Files, store: Store) -> None:
        self._files, self._store = files, store

    async def plan(self, asked: Request, *, head: bool, facts: Facts | None = None) -> Plan:
        """What to answer; with facts, of that version.

        Raises PiccoloError, CONFLICT (PRECONDITION_FAILED) and OUT_OF_RANGE too.
        """
        if facts is None:
            if asked.plain and not head:
                return Plan()
            facts = await self._facts(asked.path, asked.version)
        if asked.conditions.judge(facts.present, reading=True) is Outcome.NOT_MODIFIED:
            return Plan(facts, not_modified=True)
        if head or asked.range is None or not conditions.range_still_fits(asked.if_range, facts.present):
            return Plan(facts)
        return Plan(facts, ranges.parse(asked.range, facts.size))

    @asynccontextmanager
    async def open(
        self, path: str, plan: Plan
    ) -> AsyncIterator[tuple[Facts, AsyncIterator[bytes | memoryview]]]:
        """The facts and the bytes of a plan."""
        wanted = Wanted(path)
        if plan.facts is not None:
            span = plan.span or Span(0, plan.facts.size, plan.facts.size)
            wanted = Wanted(path, bytes.fromhex(plan.facts.version_id), span.offset, span.length)
        async with self._store.read(wanted) as (head, data):
            yield plan.facts or _facts(head), data

    async def _facts(self, path: str, version: str | None) -> Facts:
        if version is not None:
            return await self._facts_of_version(path, version)
        entry = await self._files.stat(path)
        if entry.kind == "directory":
            raise PiccoloError(Kind.PRECONDITION, "IS_A_DIRECTORY", f"{entry.path} is a directory.")
        return facts_of(entry)

    async def _facts_of_version(self, path: str, version: str) -> Facts:
        token = ""
        while True:
            page = await self._files.versions(path, page_size=0, page_token=token)
            for one in page.versions:
                if one.version_id == version:
                    return Facts(one.version_id, one.size, one.modified, one.media)
            if not (token := page.next_page_token):
                raise PiccoloError(
                    Kind.NOT_FOUND, "VERSION_NOT_FOUND", "The file has no such version (any more)."
                )


def facts_of(entry: Entry) -> Facts:
    """What is known of a file's present version."""
    return Facts(entry.version_id, entry.size, entry.modified, entry.media)


def _facts(head: Head) -> Facts:
    return Facts(head.version_id, head.size, head.modified, head.media)
