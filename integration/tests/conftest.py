"""What tests of machines begin with."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from piccolo_image import __main__ as image
from piccolo_image import root
from piccolo_image.root import Variant


@pytest.fixture(scope="session")
def device_tree() -> Path:
    """The image's root, of this checkout; its packages are cached in build/image."""

    async def build() -> Path:
        workshop = image.open_workshop()
        base = await workshop.packages("base", "root")
        tree = workshop.cache / "machines/tree"
        tree.parent.mkdir(exist_ok=True)
        await root.build(workshop, image.CHECKOUT, base, tree, Variant("production", "0"))
        return tree

    return asyncio.run(build())
