"""What holds for every test: no process is left behind, a slow machine is no failure, and Ctrl-C is heard.

Tests that start whole circles all belong to one worker, however many a run has: they watch what devices
promise within seconds, and two circles on a few cores take those seconds from each other. They come first:
the other workers do all else beside them, file by file.
"""

from __future__ import annotations

import signal
from typing import Final

import pytest
from hypothesis import settings
from piccolo_chassis.testing import no_leaked_processes

__all__ = ["no_leaked_processes"]

_ALONE: Final = ("circle", "browser", "nspawn")

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


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Says which tests go to one worker together, when there are several."""
    if config.getoption("dist", "no") != "loadgroup":
        return
    items.sort(key=lambda item: not _is_alone(item))
    for item in items:
        file = item.nodeid.partition("::")[0]
        item.add_marker(pytest.mark.xdist_group("alone" if _is_alone(item) else file))


def _is_alone(item: pytest.Item) -> bool:
    return any(item.get_closest_marker(mark) for mark in _ALONE)


@pytest.fixture(autouse=True)
def _leaves_nothing_behind(request: pytest.FixtureRequest) -> None:
    if request.node.get_closest_marker("component"):
        request.getfixturevalue("no_leaked_processes")
