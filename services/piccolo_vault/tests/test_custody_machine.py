"""Every order of calls to the custody, with restarts and clocks, against a model of it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from piccolo_chassis.errors import PiccoloError

from piccolo_vault.core.keys.custody import Stage
from piccolo_vault.core.keys.delay import delay_after
from piccolo_vault.core.keys.shown import Shown
from piccolo_vault.engine.keys.custody import Custody
from piccolo_vault.testing_keys import MemoryFiles, SetClock
from piccolo_vault.tests.test_custody import GOOD, OTHER, WRONG, custody_on


class AnyOrder(RuleBasedStateMachine):
    """Every order of calls, with restarts and clocks, against a model of what a person would expect."""

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.files, self.clock = MemoryFiles(), SetClock()

    @initialize()
    def begin(self) -> None:
        self.custody = self.run(self.open())
        self.stage = Stage.EMPTY
        self.passphrase = ""
        self.words: tuple[str, ...] = ()
        self.ask: tuple[int, ...] = ()
        self.held = False
        self.failures = 0
        self.until = 0.0

    def teardown(self) -> None:
        self.runner.close()

    def run(self, work: Awaitable[Custody]) -> Custody:
        async def wait() -> Custody:
            return await work

        return self.runner.run(wait())

    async def open(self) -> Custody:
        return custody_on(self.files, self.clock)

    def expect(self, call: Callable[[], Awaitable[object]], reason: str) -> None:
        """Runs a call that must be refused for this reason, or (empty) must succeed."""

        async def wait() -> str:
            try:
                await call()
            except PiccoloError as failed:
                return failed.reason
            return ""

        assert self.runner.run(wait()) == reason

    def guess(self, passphrase: str) -> str:
        """What a guess must come to; moves the model."""
        if self.stage is Stage.EMPTY:
            return "NOT_SET_UP"
        if self.clock.running() < self.until:
            return "PASSPHRASE_DELAY"
        if passphrase == self.passphrase:
            self.failures, self.until = 0, self.clock.running()
            return ""
        self.failures += 1
        self.until = self.clock.running() + delay_after(self.failures)
        return "PASSPHRASE_WRONG"

    @rule(passphrase=st.sampled_from([GOOD, OTHER, "password"]))
    def setup(self, passphrase: str) -> None:
        if self.stage in (Stage.LOCKED, Stage.UNLOCKED):
            self.expect(lambda: self.custody.setup(passphrase), "ALREADY_SET_UP")
        elif passphrase == "password":
            self.expect(lambda: self.custody.setup(passphrase), "PASSPHRASE_TRIVIAL")
        else:
            shown: list[Shown] = []

            async def call() -> None:
                shown.append(await self.custody.setup(passphrase))

            self.expect(call, "")
            self.words, self.ask = shown[0].words, shown[0].ask
            self.passphrase, self.stage, self.held = passphrase, Stage.UNCONFIRMED, True

    @rule(right=st.booleans())
    def confirm(self, right: bool) -> None:
        words = " ".join(self.words[at - 1] for at in self.ask) if right else "zoo zoo zoo"
        if self.stage is Stage.EMPTY:
            reason = "NOT_SET_UP"
        elif self.stage is not Stage.UNCONFIRMED:
            reason = "ALREADY_CONFIRMED"
        elif not self.held:
            reason = "LOCKED"
        else:
            reason = "" if right else "WORDS_DIFFER"
        self.expect(lambda: self.custody.confirm(words), reason)
        if not reason:
            self.stage = Stage.UNLOCKED

    @rule(passphrase=st.sampled_from([GOOD, OTHER, WRONG]))
    def unlock(self, passphrase: str) -> None:
        reason = self.guess(passphrase)
        self.expect(lambda: self.custody.unlock(passphrase), reason)
        if not reason:
            self.held = True
            if self.stage is Stage.LOCKED:
                self.stage = Stage.UNLOCKED

    @rule(passphrase=st.sampled_from([GOOD, OTHER, WRONG]))
    def verify(self, passphrase: str) -> None:
        self.expect(lambda: self.custody.verify(passphrase), self.guess(passphrase))

    @rule(old=st.sampled_from([GOOD, OTHER]), new=st.sampled_from([GOOD, OTHER, "password"]))
    def change(self, old: str, new: str) -> None:
        if self.stage is not Stage.EMPTY and new == "password":
            self.expect(lambda: self.custody.change(old, new), "PASSPHRASE_TRIVIAL")
            return
        reason = self.guess(old)
        self.expect(lambda: self.custody.change(old, new), reason)
        if not reason:
            self.passphrase = new

    @rule()
    def lock(self) -> None:
        self.expect(self.custody.lock, "NOT_SET_UP" if self.stage is Stage.EMPTY else "")
        self.held = False
        if self.stage is Stage.UNLOCKED:
            self.stage = Stage.LOCKED

    @rule()
    def restart(self) -> None:
        self.files = self.files.rebooted()
        self.custody = self.run(self.open())
        self.held = False
        self.until = self.clock.running() + delay_after(self.failures)
        if self.stage is Stage.UNLOCKED:
            self.stage = Stage.LOCKED

    @rule(seconds=st.sampled_from([0.5, 1.0, 8.0, 400.0]))
    def wait(self, seconds: float) -> None:
        self.clock.pass_by(seconds)

    @precondition(lambda self: self.stage is not Stage.EMPTY)
    @rule()
    def words_are_the_owners(self) -> None:
        assert self.custody.test_words(" ".join(self.words))

    @invariant()
    def stages_agree(self) -> None:
        assert self.custody.stage is self.stage
        assert self.custody.retry_after == pytest.approx(max(0.0, self.until - self.clock.running()))

    @invariant()
    def the_key_is_there_only_while_unlocked(self) -> None:
        try:
            words = self.custody.kek().to_words()
        except PiccoloError:
            assert self.stage is not Stage.UNLOCKED
        else:
            assert self.stage is Stage.UNLOCKED
            assert words == self.words
        assert self.held or bytes(self.custody._box._buffer) == bytes(32)


TestAnyOrder = AnyOrder.TestCase
TestAnyOrder.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
