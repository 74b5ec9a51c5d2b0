"""The tree of names against a plain dictionary: whatever is done, both hold the same."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterator
from typing import TypeVar

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, initialize, invariant, rule
from piccolo_chassis.errors import Kind, PiccoloError

from piccolo_metadata.core.entries import Entry
from piccolo_metadata.core.pages import Page
from piccolo_metadata.core.paths import Path, fold
from piccolo_metadata.engine import copying, files, history, publishing, search, trash, tree, walk
from piccolo_metadata.ports import Rows
from piccolo_metadata.tests.builders import Bench, a_file, an_id, an_intent, run

NAMES = ["a", "Abc", "e\u0301a", "日本", "ß"]
Parts = tuple[str, ...]
PATHS = st.lists(st.sampled_from(NAMES), max_size=3).map(tuple)
QUERIES = st.sampled_from(["a", "A", "É", "éa", "bc", "abc", "日", "本", "ss", "nothing"])

DIRECTORY = None
Content = tuple[bytes, ...] | None  # a file's versions, oldest first; None for a directory
Tree = dict[Parts, Content]
T = TypeVar("T")


def nfc(parts: Parts) -> Parts:
    return tuple(unicodedata.normalize("NFC", part) for part in parts)


def below(model: Tree, top: Parts) -> Tree:
    return {parts[len(top) :]: content for parts, content in model.items() if parts[: len(top)] == top}


class RefusedError(Exception):
    """The model says no, with this reason."""


class TreeMachine(RuleBasedStateMachine):
    removed = Bundle("removed")

    @initialize(paths=st.lists(PATHS, min_size=5, max_size=12))
    def begin(self, paths: list[Parts]) -> None:
        self.bench = Bench()
        self.model: Tree = {(): DIRECTORY}
        self.trash: dict[int, tuple[Parts, Tree]] = {}
        self.contents = 0
        self.overwritten: tuple[Parts, Tree] | None = None
        for parts in paths:
            self.publish(parts, free=False)

    def teardown(self) -> None:
        if hasattr(self, "bench"):
            self.bench.close()

    # what the model does

    def need_parents(self, parts: Parts) -> None:
        for depth in range(len(parts)):
            if self.model.get(parts[:depth], DIRECTORY) is not DIRECTORY:
                raise RefusedError("NOT_A_DIRECTORY")

    def add_parents(self, parts: Parts) -> None:
        for depth in range(len(parts)):
            self.model.setdefault(parts[:depth], DIRECTORY)

    def take_out(self, parts: Parts) -> Tree:
        taken = below(self.model, parts)
        self.model = {key: value for key, value in self.model.items() if key[: len(parts)] != parts}
        return taken

    def put_in(self, parts: Parts, taken: Tree) -> None:
        self.add_parents(parts)
        self.model.update({parts + key: value for key, value in taken.items()})

    def make_room(self, parts: Parts, *, overwrite: bool, replace: bool = False) -> None:
        if not parts:
            raise RefusedError("ENTRY_EXISTS")
        self.need_parents(parts)
        if parts in self.model:
            if not replace and (self.model[parts] is DIRECTORY or not overwrite):
                raise RefusedError("ENTRY_EXISTS")
            self.overwritten = (parts, self.take_out(parts))

    def need_apart(self, old: Parts, new: Parts, *, replace: bool) -> None:
        if replace and old[: len(new)] == new:
            raise RefusedError("INTO_ITSELF")

    def check(self, real: Callable[[], T], expected: Callable[[], None]) -> T | None:
        """Runs both; they agree on whether and why it is refused. A refusal changes nothing."""
        before, self.overwritten = dict(self.model), None
        reason = ""
        try:
            expected()
        except RefusedError as refusal:
            reason = str(refusal)
        if reason:
            self.model = before
            with pytest.raises(PiccoloError) as refused:
                real()
            assert refused.value.reason == reason
            return None
        result = real()
        if self.overwritten:
            newest = max(number for (number,) in self.bench.rows("SELECT id FROM trash"))
            self.trash[newest] = self.overwritten
        return result

    # what both do

    @rule(parts=PATHS, free=st.booleans())
    def publish_one(self, parts: Parts, free: bool) -> None:
        self.publish(parts, free=free)

    def publish(self, parts: Parts, *, free: bool) -> None:
        self.contents += 1
        key, path = nfc(parts), "/" + "/".join(parts)
        file = a_file(path, self.contents, expected=0 if free else None)

        def expected() -> None:
            if self.model.get(key, ()) is DIRECTORY:
                raise RefusedError("IS_A_DIRECTORY")
            self.need_parents(key)
            if free and key in self.model:
                raise RefusedError("ENTRY_EXISTS")
            self.add_parents(key)
            self.model[key] = (*(self.model.get(key) or ()), file.version_id)

        def real() -> None:
            refused = self.bench.do(publishing.prepare, an_intent(file))
            if refused:
                raise PiccoloError(Kind.PRECONDITION, refused[0].reason, refused[0].message)
            self.bench.do(publishing.publish, an_intent(file).object.object_id, ())

        self.check(real, expected)

    @rule(parts=PATHS)
    def make_directory(self, parts: Parts) -> None:
        key = nfc(parts)

        def expected() -> None:
            if self.model.get(key) is not DIRECTORY:
                raise RefusedError("ENTRY_EXISTS")
            self.need_parents(key)
            self.put_in(key, {} if key in self.model else {(): DIRECTORY})

        self.check(lambda: self.bench.do(files.make_directory, Path(key)), expected)

    @rule(source=PATHS, goal=PATHS, overwrite=st.booleans(), replace=st.booleans())
    def move(self, source: Parts, goal: Parts, overwrite: bool, replace: bool) -> None:
        old, new = nfc(source), nfc(goal)

        def expected() -> None:
            if old not in self.model:
                raise RefusedError("ENTRY_NOT_FOUND")
            if not old:
                raise RefusedError("ROOT_FIXED")
            if new == old:
                return
            if new[: len(old)] == old:
                raise RefusedError("INTO_ITSELF")
            self.need_apart(old, new, replace=replace)
            self.make_room(new, overwrite=overwrite, replace=replace)
            self.put_in(new, self.take_out(old))

        def real() -> Entry:
            return self.bench.do(
                files.move, Path(old), Path(new), overwrite=overwrite, expected=None, replace=replace
            )

        self.check(real, expected)

    @rule(source=PATHS, goal=PATHS, overwrite=st.booleans(), replace=st.booleans(), shallow=st.booleans())
    def copy(self, source: Parts, goal: Parts, overwrite: bool, replace: bool, shallow: bool) -> None:
        old, new = nfc(source), nfc(goal)

        def expected() -> None:
            if old not in self.model:
                raise RefusedError("ENTRY_NOT_FOUND")
            if new[: len(old)] == old:
                raise RefusedError("INTO_ITSELF")
            self.need_apart(old, new, replace=replace)
            copied = {(): self.model[old]} if shallow else below(self.model, old)
            self.make_room(new, overwrite=overwrite, replace=replace)
            self.put_in(new, {key: value and value[-1:] for key, value in copied.items()})

        real = copying.copy(
            self.bench, Path(old), Path(new), overwrite=overwrite, replace=replace, shallow=shallow
        )
        self.check(lambda: run(real), expected)

    @rule(target=removed, parts=PATHS, recursive=st.booleans())
    def remove(self, parts: Parts, recursive: bool) -> int:
        key = nfc(parts)

        def expected() -> None:
            if key not in self.model:
                raise RefusedError("ENTRY_NOT_FOUND")
            if not key:
                raise RefusedError("ROOT_FIXED")
            if self.model[key] is DIRECTORY and not recursive and len(below(self.model, key)) > 1:
                raise RefusedError("DIRECTORY_NOT_EMPTY")
            self.taken = self.take_out(key)

        def real() -> tuple[int, int]:
            return self.bench.do(files.remove, Path(key), recursive=recursive, expected=None, doomed=False)

        done = self.check(real, expected)
        if done is None:
            return 0
        count, trash_id = done
        assert count == sum(content is not DIRECTORY for content in self.taken.values())
        self.trash[trash_id] = (key, self.taken)
        return trash_id

    @rule(trash_id=consumes(removed), elsewhere=st.none() | PATHS)
    def restore_removed(self, trash_id: int, elsewhere: Parts | None) -> None:
        where = nfc(elsewhere) if elsewhere is not None else None

        def expected() -> None:
            if trash_id not in self.trash:
                raise RefusedError("TRASH_NOT_FOUND")
            key = self.trash[trash_id][0] if where is None else where
            self.make_room(key, overwrite=False)
            self.put_in(key, self.trash.pop(trash_id)[1])

        path = Path(where) if where is not None else None
        self.check(lambda: self.bench.do(trash.restore, trash_id, path), expected)

    @rule(parts=PATHS, purge=st.just(value=True))
    def purge(self, parts: Parts, purge: bool) -> None:
        key = nfc(parts)
        if key not in self.model or not key:
            return
        self.take_out(key)
        self.bench.do(files.remove, Path(key), recursive=True, expected=None, doomed=purge)
        run(trash.take_apart(self.bench))

    @rule(trash_id=removed)
    def end_removed(self, trash_id: int) -> None:
        def expected() -> None:
            if self.trash.pop(trash_id, None) is None:
                raise RefusedError("TRASH_NOT_FOUND")

        self.check(lambda: self.bench.do(trash.doom, trash_id), expected)
        run(trash.take_apart(self.bench))

    @rule(parts=PATHS, number=st.integers(0, 5))
    def restore_version(self, parts: Parts, number: int) -> None:
        key = nfc(parts)
        kept = self.model.get(key) or ()
        version_id = kept[number] if number < len(kept) else an_id("unknown")

        def expected() -> None:
            if key not in self.model:
                raise RefusedError("ENTRY_NOT_FOUND")
            if self.model[key] is DIRECTORY:
                raise RefusedError("IS_A_DIRECTORY")
            if version_id not in kept:
                raise RefusedError("VERSION_NOT_FOUND")
            others = tuple(one for one in kept if one != version_id)
            self.model[key] = (*others, version_id)

        self.check(lambda: self.bench.do(history.restore, Path(key), version_id), expected)

    @rule(query=QUERIES, under=PATHS, most=st.integers(1, 3))
    def find(self, query: str, under: Parts, most: int) -> None:
        key = nfc(under)
        if self.model.get(key, ()) is not DIRECTORY:
            return
        wanted = [
            parts
            for parts in sorted(self.model)
            if parts[: len(key)] == key and parts != key and fold(query) in fold(parts[-1])
        ]

        def page(after: Entry | None) -> Page[Entry]:
            return self.bench.now(search.search, query, Path(key), after.path if after else None, most)

        assert list(_pages(page)) == wanted
        with pytest.MonkeyPatch.context() as patch:  # as if the tree were too large to be walked
            patch.setattr(search, "_SHORT_WALK", 0)
            assert list(_pages(page)) == wanted

    @rule(under=PATHS, most=st.integers(1, 4))
    def list_one_level(self, under: Parts, most: int) -> None:
        key = nfc(under)
        if self.model.get(key, ()) is not DIRECTORY:
            return
        wanted = [parts for parts in sorted(self.model) if parts and parts[:-1] == key]

        def page(after: Entry | None) -> Page[Entry]:
            return self.bench.now(files.listing, Path(key), after.path.name if after else "", most)

        assert list(_pages(page)) == wanted

    # what always holds

    @invariant()
    def the_trees_are_the_same(self) -> None:
        if not hasattr(self, "bench"):
            return
        found: Tree = {(): DIRECTORY}
        for path, node in self.bench.now(
            lambda rows: list(walk.walk(rows, tree.by_id(rows, tree.ROOT), Path()))
        ):
            found[path.parts] = DIRECTORY
            if not node.is_directory:
                kept = self.bench.now(history.versions, path, None, 100).items
                found[path.parts] = tuple(version.version_id for version in reversed(kept))
                assert (node.versions, node.version_id) == (len(kept), kept[0].version_id)
                assert [version.current for version in kept] == [True] + [False] * (len(kept) - 1)
        assert found == self.model
        assert list(found) == sorted(found)  # path order

    @invariant()
    def totals_and_trash_are_the_same(self) -> None:
        if not hasattr(self, "bench"):
            return
        totals = self.bench.now(files.totals, Path())
        kept = [content for content in self.model.values() if content is not DIRECTORY]
        assert (totals.files, totals.versions) == (len(kept), sum(map(len, kept)))
        assert totals.directories == len(self.model) - len(kept) - 1
        listed = self.bench.now(trash.listing, None, 1_000).items
        assert {one.trash_id: one.entry.path.parts for one in listed} == {
            trash_id: parts for trash_id, (parts, _) in self.trash.items()
        }

    @invariant()
    def what_nobody_can_name_is_reclaimable_and_nothing_else(self) -> None:
        if not hasattr(self, "bench"):
            return
        trees = [self.model, *(taken for _, taken in self.trash.values())]
        kept = {version for held in trees for content in held.values() for version in content or ()}
        rows = self.bench.rows("SELECT version_id, reclaimable FROM content JOIN object USING (object_id)")
        assert {version_id for version_id, reclaimable in rows if not reclaimable} == kept

    @invariant()
    def no_path_is_longer_than_its_directories_know(self) -> None:
        if not hasattr(self, "bench"):
            return
        nodes = {row[0]: tree.Node(*row) for row in self.bench.rows(f"SELECT {tree.COLUMNS} FROM entry")}
        for node in nodes.values():
            if node.parent > 3 or node.parent == tree.ROOT:
                assert nodes[node.parent].deep >= node.length or node.id == node.parent


def everything(rows: Rows) -> list[walk.Found]:
    return list(walk.walk(rows, tree.by_id(rows, tree.ROOT), Path()))


def _pages(page: Callable[[Entry | None], Page[Entry]]) -> Iterator[Parts]:
    after: Entry | None = None
    while True:
        found = page(after)
        yield from (entry.path.parts for entry in found.items)
        if not found.more:
            return
        after = found.items[-1]


TreeMachine.TestCase.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
TestTree = TreeMachine.TestCase
