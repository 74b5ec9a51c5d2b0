"""What can be said of an image once its root is made."""

from __future__ import annotations

import asyncio
import json
import shutil
from pathlib import Path

import pytest
from piccolo_image import __main__ as image
from piccolo_image import artefacts, bill, keys, root
from piccolo_image.artefacts import Artefacts
from piccolo_image.root import Variant

pytestmark = pytest.mark.nspawn


def test_two_builds_of_one_version_give_the_same_root() -> None:
    """Whatever the folder it is made in: all that differs from build to build is left out."""
    workshop = image.open_workshop()

    async def build(folder: Path) -> str:
        base = await workshop.packages("base", "root")
        tree, made = folder / "tree", Artefacts(folder, "7")
        await root.build(workshop, image.CHECKOUT, base, tree, Variant("production", "7"))
        root.trust(tree, await keys.development(workshop))
        bill.write(tree, made.sbom, "7")
        await artefacts.prove(workshop, tree, made)
        return made.roothash

    hashes = set()
    for name in ("one", "another"):
        folder = workshop.cache / "twice" / name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        hashes.add(asyncio.run(build(folder)))
        told = json.loads((folder / "sbom.json").read_text(encoding="utf-8"))
        parts = {part["name"] for part in told["components"]}
        assert {"podman", "systemd", "wireguard-tools", "tor", "grpcio", "piccolo"} <= parts
    assert len(hashes) == 1
    shutil.rmtree(workshop.cache / "twice")
