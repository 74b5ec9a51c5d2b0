"""What can be said of a release before it is made: what it consists of, and what a TPM will hold."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from piccolo_image import bill, pcrs

STATUS = """Package: podman
Status: install ok installed
Architecture: amd64
Version: 5.4.2+ds1-2
Description: engine
 Version: not this one

Package: gone
Status: deinstall ok config-files
Architecture: amd64
Version: 1
"""
METADATA = "Metadata-Version: 2.4\nName: PyNaCl\nVersion: 1.6.2\n"


def tree(folder: Path) -> Path:
    root = folder / "tree"
    info = root / "usr/lib/piccolo/site-packages/pynacl-1.6.2.dist-info"
    for path, content in ((root / "usr/lib/sysimage/dpkg/status", STATUS), (info / "METADATA", METADATA)):
        path.parent.mkdir(parents=True)
        path.write_text(content)
    return root


def test_a_bill_names_what_is_installed_and_rides_inside_and_beside(tmp_path: Path) -> None:
    root = tree(tmp_path)
    bill.write(root, tmp_path / "sbom.json", "3")
    told = json.loads((tmp_path / "sbom.json").read_text())
    assert {part["purl"] for part in told["components"]} == {
        "pkg:deb/debian/podman@5.4.2%2Bds1-2?arch=amd64",
        "pkg:pypi/pynacl@1.6.2",
    }
    assert (told["bomFormat"], told["metadata"]["component"]["version"]) == ("CycloneDX", "3")
    share = root / "usr/share/piccolo"
    assert (share / "sbom.json").read_text() == (tmp_path / "sbom.json").read_text()
    assert (share / "packages.txt").read_text() == "podman 5.4.2+ds1-2\npynacl 1.6.2\n"


def test_the_same_root_has_the_same_bill(tmp_path: Path) -> None:
    told = []
    for name in ("one", "another"):
        (tmp_path / name).mkdir()
        bill.write(tree(tmp_path / name), tmp_path / name / "sbom.json", "3")
        told.append((tmp_path / name / "sbom.json").read_bytes())
    assert told[0] == told[1]


def test_a_register_is_the_chain_of_its_digests() -> None:
    first, second = hashlib.sha256(b"first").digest(), hashlib.sha256(b"second").digest()
    assert pcrs.extended([]) == bytes(32)
    once = hashlib.sha256(bytes(32) + first).digest()
    assert pcrs.extended([first, second]) == hashlib.sha256(once + second).digest()
