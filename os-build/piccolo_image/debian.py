"""Trees of Debian packages, made by mmdebstrap from the mirror that this machine itself uses."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from piccolo_chassis.errors import Kind, PiccoloError

from piccolo_image.programs import Programs

SUITE: Final = "trixie"
_KEYRINGS: Final = "/usr/share/keyrings/"
_LEAN: Final = (
    '--aptopt=Apt::Install-Recommends "false"',
    '--aptopt=Acquire::Languages "none"',
    "--dpkgopt=path-exclude=/usr/share/man/*",
    "--dpkgopt=path-exclude=/usr/share/info/*",
    "--dpkgopt=path-exclude=/usr/share/locale/*",
    "--dpkgopt=path-exclude=/usr/share/doc/*",
    "--dpkgopt=path-include=/usr/share/doc/*/copyright",
)


def packages(definition: Path, *lists: str) -> list[str]:
    """The packages of some lists of the definition, in order, each once."""
    told = tomllib.loads((definition / "packages.toml").read_text(encoding="utf-8"))
    return sorted({name for which in lists for name in told[which]})


async def mirror(programs: Programs) -> str:
    """Where this machine gets Debian from. Raises PiccoloError PRECONDITION, NO_MIRROR."""
    told = await programs.run(
        "apt-get", "indextargets", "--format", "$(ORIGIN) $(LABEL) $(REPO_URI)", "Created-By: Packages"
    )
    found = [line.split()[-1] for line in told.splitlines() if line.startswith("Debian Debian ")]
    if not found:
        raise PiccoloError(
            Kind.PRECONDITION,
            "NO_MIRROR",
            "This machine's apt knows no mirror of Debian. Add one to its sources, run apt-get update, and"
            " try again.",
        )
    return found[0]


async def bootstrap(programs: Programs, target: Path, wanted: Sequence[str]) -> None:
    """Makes a tree of packages in a folder that is not there yet."""
    await programs.run(
        # whatever it mounts ends with it, also when it is killed
        *("unshare", "--mount", "--propagation", "private", "mmdebstrap"),
        *("--variant=minbase", "--mode=root", "--format=directory", f"--keyring={_KEYRINGS}"),
        *_LEAN,
        f"--include={','.join(wanted)}",
        *(SUITE, target, await mirror(programs)),
        environment={"SOURCE_DATE_EPOCH": "0"},
    )
