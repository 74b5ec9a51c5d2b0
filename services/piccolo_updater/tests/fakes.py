"""A repository and slots in folders, that fail when they are told to."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from piccolo_chassis.errors import Kind, PiccoloError

from piccolo_updater.core.manifest import FILES, Manifest, encode
from piccolo_updater.ports.releases import Announced


class PowerCut(BaseException):
    """Nothing catches it."""


@dataclass
class Cut:
    """The power goes at the so-many-th step."""

    left: int = -2
    steps: int = 0

    def step(self) -> None:
        """One step."""
        self.steps += 1
        self.left -= 1
        if self.left == -1:
            raise PowerCut


@dataclass
class FakeReleases:
    """What is published: manifests as bytes, the newest first, besides the files; None: it was taken away."""

    cut: Cut
    manifests: list[bytes | None]
    missing: frozenset[str] = frozenset()
    whole: bool = False
    fetched: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)

    async def look(self, url: str, ref: str) -> Announced:
        """As the port says."""
        self.cut.step()
        return self._announced(0)

    async def before(self, commit: str) -> Announced | None:
        """As the port says."""
        self.cut.step()
        following = self.commits.index(commit) + 1
        return self._announced(following) if following < len(self.manifests) else None

    async def fetch(self, ref: str, commit: str) -> None:
        """As the port says."""
        self.cut.step()
        self.fetched.append(commit)

    async def unpack(self, commit: str, folder: Path) -> None:
        """As the port says."""
        folder.mkdir()
        for name in FILES:
            self.cut.step()
            if name not in self.missing:
                (folder / name).write_text(f"{commit} {name}")

    async def forget_others(self, commit: str) -> None:
        """As the port says."""
        self.cut.step()
        self.kept.append(commit)

    @property
    def commits(self) -> list[str]:
        """The checksums of what is published, the newest first."""
        return [f"c0ffee{number}" for number in range(len(self.manifests))]

    def _announced(self, number: int) -> Announced:
        if (manifest := self.manifests[number]) is None:
            raise PiccoloError(Kind.UNAVAILABLE, "RELEASE_UNREACHABLE", "It is not there.")
        return Announced(self.commits[number], manifest, self.whole)


@dataclass
class FakeData:
    """What services have written, and the running ones open: `kept` and `opens`, by service."""

    kept: dict[str, int] = field(default_factory=lambda: {"vault": 1})
    opens: dict[str, int] = field(default_factory=lambda: {"vault": 1, "metadata": 4})
    free: int = 1 << 30

    def formats(self) -> Mapping[str, int]:
        """As the port says."""
        return self.kept

    def opened(self) -> Mapping[str, int]:
        """As the port says."""
        return self.opens

    def room(self) -> int:
        """As the port says."""
        return self.free


@dataclass
class FakeBoot:
    """A boot with its data, or without for some reason."""

    reason: str = ""

    def missing(self) -> str:
        """As the port says."""
        return self.reason


@dataclass
class FakeSlots:
    """Two slots: `entries` by version, `written` the names that were staged for each."""

    cut: Cut
    version: str = "1"
    entries: set[str] = field(default_factory=lambda: {"1"})
    written: dict[str, set[str]] = field(default_factory=dict)
    failing: Callable[[], None] = lambda: None
    in_ram: bool = False
    tried: bool = True
    free: int = 1 << 30

    def on_trial(self) -> bool:
        """As the port says."""
        return not self.tried

    def there(self) -> bool:
        """As the port says."""
        return not self.in_ram

    def running(self) -> str:
        """As the port says."""
        return self.version

    def room(self) -> int:
        """As the port says."""
        return self.free

    async def write(self, staging: Path, version: str) -> None:
        """As the port says."""
        names: set[str] = set()
        for path in sorted(staging.iterdir(), key=lambda path: path.suffix == ".efi"):
            self.cut.step()
            names.add(path.name)
        self.failing()
        self.written[version] = names
        self.entries.add(version)

    async def verify(self, manifest: Manifest) -> None:
        """As the port says."""
        self.cut.step()


def published(newest: Manifest, cut: Cut | None = None, *older: Manifest) -> FakeReleases:
    """A repository with one release, or with older ones too."""
    return FakeReleases(cut or Cut(), [encode(each) for each in (newest, *older)])
