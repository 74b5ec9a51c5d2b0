"""What holds for every test: no process is left behind, a slow machine is no failure, and Ctrl-C is heard."""

from __future__ import annotations

import gc
import signal
from collections.abc import Iterator
from typing import Final

import pytest
from hypothesis import settings
from piccolo_chassis.testing import forking, no_leaked_processes

__all__ = ["no_leaked_processes"]

_SERVICES: Final = ("attestation", "cloud", "fragment_store", "gateway", "metadata", "vault")
_CIRCLES: Final = ("circle", "browser", "nspawn")

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


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Circles are looked for in one folder only (script/test): elsewhere a test of one would never run."""
    for item in items:
        inside = item.nodeid.startswith("integration/")
        if not inside and any(item.get_closest_marker(mark) for mark in _CIRCLES):
            raise pytest.UsageError(f"{item.nodeid}: tests with whole devices belong under integration/")


@pytest.fixture(autouse=True, scope="session")
def _loads_services_once() -> Iterator[None]:
    with forking([f"piccolo_{name}.__main__" for name in _SERVICES]):
        yield


@pytest.fixture(autouse=True)
def _leaves_nothing_behind(request: pytest.FixtureRequest) -> None:
    if request.node.get_closest_marker("component"):
        request.getfixturevalue("no_leaked_processes")


@pytest.fixture(autouse=True, scope="module")
def _is_not_looked_through_again() -> Iterator[None]:
    """What a library keeps of loops that are closed, it keeps to the end of the run: with all of it, each
    collection took half a minute at last."""
    yield
    gc.collect()
    gc.freeze()
