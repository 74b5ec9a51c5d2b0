"""Images for the scenarios; what ended well on an image is not tried on it again."""

from __future__ import annotations

import asyncio
import hashlib
import shutil
from collections.abc import Generator
from pathlib import Path
from typing import Final

import pytest
from piccolo_image import monitor, virtual
from piccolo_updater.core.manifest import NAME, encode

from integration.machines import images, publisher, qemu
from integration.machines.images import Image

_VERDICT: Final = pytest.StashKey[Path]()
_MACHINES: Final = Path(qemu.__file__).parent


@pytest.fixture(scope="session")
def development() -> Image:
    """An image that lets the tests in."""
    return asyncio.run(images.made("development"))


@pytest.fixture(scope="session")
def production() -> Image:
    """The image that people get."""
    return asyncio.run(images.made("production"))


@pytest.fixture(scope="session")
def ram() -> Image:
    """A medium whose root runs in memory, and lets the tests in."""
    return asyncio.run(images.made("development", in_ram=True))


@pytest.fixture(scope="session")
def settled(development: Image) -> Path:
    """A device that was started and shut down once, with a file; a snapshot of it."""
    snapshot = development.folder / "settled"

    async def settle() -> None:
        async with qemu.device(development, "settled") as made:
            await made.start()
            assert await made.booted() == "running"
            await made.inside("sh", "-c", "echo kept >/var/lib/piccolo-system/kept")
            await made.stop()
            made.snapshot(snapshot)

    if not snapshot.is_dir():
        asyncio.run(settle())
    return snapshot


@pytest.fixture(scope="session")
def site(development: Image) -> Path:
    """Version 2 as it should be; each scenario adds to a copy."""
    folder = development.folder / "site"

    async def publish() -> None:
        partial = development.folder / ".site"
        shutil.rmtree(partial, ignore_errors=True)
        _, manifest = await publisher.publish(development.workshop, development.keys, partial, "2")
        (partial / NAME).write_bytes(encode(manifest))
        partial.rename(folder)

    if not folder.is_dir():
        asyncio.run(publish())
    return folder


@pytest.fixture(autouse=True)
def _resumes(request: pytest.FixtureRequest) -> None:
    named = [name for name in ("production", "ram") if name in request.fixturenames]
    image: Image = request.getfixturevalue(named[0] if named else "development")
    code = hashlib.sha256(request.path.read_bytes())
    for source in sorted([*_MACHINES.glob("*.py"), Path(virtual.__file__), Path(monitor.__file__)]):
        code.update(source.read_bytes())
    verdict = image.folder / f"{request.node.name}-{code.hexdigest()[:16]}.passed"
    if verdict.exists() and not request.config.getoption("--again"):
        pytest.skip("it ended well on this very image; --again tries it again")
    request.node.stash[_VERDICT] = verdict


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Remembers what ended well."""
    report = yield
    if report.when == "call" and report.passed and (verdict := item.stash.get(_VERDICT, None)):
        verdict.touch()
    return report
