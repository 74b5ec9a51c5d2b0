"""What holds for every test: no process is left behind, and a slow machine is no failure."""

from __future__ import annotations

import pytest
from hypothesis import settings
from piccolo_chassis.testing import no_leaked_processes

__all__ = ["no_leaked_processes"]

settings.register_profile("piccolo", deadline=None, print_blob=True)
settings.load_profile("piccolo")


@pytest.fixture(autouse=True)
def _leaves_nothing_behind(request: pytest.FixtureRequest) -> None:
    if request.node.get_closest_marker("component"):
        request.getfixturevalue("no_leaked_processes")
