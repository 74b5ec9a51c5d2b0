"""What holds for every test: no process is left behind, a slow machine is no failure, and Ctrl-C is heard.

Of the tests that start whole circles one runs at a time, however many workers a run has: they watch what
devices promise within seconds, and two circles on a few cores take those seconds from each other. So one
worker has them all, from the beginning (pyproject.toml names their folder first), and none waits for another.
"""

from __future__ import annotations

import fcntl
import signal
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest
from hypothesis import settings
from piccolo_chassis.testing import no_leaked_processes
from xdist.scheduler import LoadFileScheduling

__all__ = ["no_leaked_processes"]

_ALONE: Final = ("circle", "browser", "nspawn")
_CIRCLES: Final = "integration/"

# A shell without job control starts what runs in its background with SIGINT ignored, and every process that
# a test starts would inherit that.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Options of the tests at random."""
    parser.addoption(
        "--seed", type=int, help="what the tests at random begin with (default: another each time)"
    )
    parser.addoption("--rounds", type=int, default=20, help="how many rounds they take (default: 20)")
    parser.addoption("--again", action="store_true", help="try scenarios of qemu that ended well, too")


def pytest_configure(config: pytest.Config) -> None:
    """More rounds are more examples of Hypothesis too, where a test does not say how many: 5 a round."""
    examples = 5 * config.getoption("--rounds")
    settings.register_profile("piccolo", deadline=None, print_blob=True, max_examples=examples)
    settings.load_profile("piccolo")


class _Files(LoadFileScheduling):  # type: ignore[misc]
    """Gives each file to one worker, and all files of circles to the same."""

    def _split_scope(self, nodeid: str) -> str:
        return _CIRCLES if nodeid.startswith(_CIRCLES) else super()._split_scope(nodeid)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> LoadFileScheduling | None:
    """Says who gets which tests, where a run is by files."""
    return _Files(config, log) if config.getoption("dist") == "loadfile" else None


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Gives a circle the machine, from its fixtures to its end."""
    shared = hasattr(item.config, "workerinput")
    if not shared or not any(item.get_closest_marker(mark) for mark in _ALONE):
        return (yield)
    with _alone(Path(item.config.option.basetemp).parent / "alone.lock"):
        return (yield)


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    with path.open("wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@pytest.fixture(autouse=True)
def _leaves_nothing_behind(request: pytest.FixtureRequest) -> None:
    if request.node.get_closest_marker("component"):
        request.getfixturevalue("no_leaked_processes")
