"""The bill of materials (CycloneDX 1.6): every Debian package and every Python distribution of a root.

It rides in the root (/usr/share/piccolo/sbom.json, with packages.txt for people) and beside the image.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib.metadata import distributions
from pathlib import Path
from typing import Final
from uuid import NAMESPACE_URL, uuid5

from cyclonedx.model.bom import Bom, BomMetaData
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output import make_outputter
from cyclonedx.schema import OutputFormat, SchemaVersion
from packageurl import PackageURL

_STATUS: Final = "usr/lib/sysimage/dpkg/status"
_SITE: Final = "usr/lib/piccolo/site-packages"
_SHARE: Final = "usr/share/piccolo"
_TIME: Final = datetime(2023, 11, 14, tzinfo=UTC)  # two builds of one root tell the same


def write(tree: Path, beside: Path, version: str) -> None:
    """Writes what a root consists of, into it and beside it."""
    parts = sorted([*_debian(tree), *_python(tree)], key=lambda part: (part.purl or PackageURL()).to_string())
    itself = Component(
        name="piccolo", version=version, type=ComponentType.OPERATING_SYSTEM, bom_ref="piccolo-os"
    )
    bom = Bom(
        components=parts,
        metadata=BomMetaData(component=itself, timestamp=_TIME),
        serial_number=uuid5(NAMESPACE_URL, "\n".join(f"{part.purl}" for part in parts)),
    )
    bom.register_dependency(itself, parts)
    share = tree / _SHARE
    share.mkdir(parents=True, exist_ok=True)
    told = make_outputter(bom, OutputFormat.JSON, SchemaVersion.V1_6).output_as_string(indent=1)
    (share / "sbom.json").write_text(told, encoding="utf-8")
    lines = [f"{part.name} {part.version}\n" for part in parts]
    (share / "packages.txt").write_text("".join(lines), encoding="utf-8")
    shutil.copy(share / "sbom.json", beside)


def _debian(tree: Path) -> Iterator[Component]:
    for paragraph in (tree / _STATUS).read_text(encoding="utf-8").split("\n\n"):
        fields = dict(
            line.split(": ", 1) for line in paragraph.splitlines() if ": " in line and line[0] != " "
        )
        if fields.get("Status") == "install ok installed":
            yield _part("deb", "debian", fields["Package"], fields["Version"], fields["Architecture"])


def _python(tree: Path) -> Iterator[Component]:
    for found in distributions(path=[str(tree / _SITE)]):
        yield _part("pypi", None, found.metadata["Name"].lower(), found.version)


def _part(kind: str, namespace: str | None, name: str, version: str, architecture: str = "") -> Component:
    qualifiers = {"arch": architecture} if architecture else None
    purl = PackageURL(kind, namespace, name, version, qualifiers=qualifiers)
    return Component(name=name, version=version, purl=purl, bom_ref=purl.to_string())
