"""What the tests in a browser share."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from integration.browser.stage import Stage, stage
from integration.browser.visitor import CHROMIUM


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Without a browser there is nothing to test; the report says so."""
    missing = pytest.mark.skip(reason="no chromium on this machine")
    for item in items:
        if CHROMIUM is None and item.get_closest_marker("browser"):
            item.add_marker(missing)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def home(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    """A circle of three with a browser, shared by the tests of one file: what one leaves, the next finds."""
    async with stage(tmp_path_factory.mktemp("circle"), 3) as made:
        yield made
