"""What fills a root is counted by who brought it."""

from __future__ import annotations

from pathlib import Path

from integration.bench.device.sizes import by_package

SITE = "usr/lib/piccolo/site-packages"
FILES = {
    "usr/bin/podman": 50,
    "usr/lib/thing.so": 30,
    f"{SITE}/nacl/sign.py": 7,
    f"{SITE}/nacl/__pycache__/sign.cpython-313.pyc": 8,
    "usr/share/piccolo/sbom.json": 3,
}


def test_each_byte_counts_for_the_package_that_brought_it(tmp_path: Path) -> None:
    texts = {
        "usr/lib/sysimage/dpkg/info/podman.list": "/.\n/usr/bin/podman\n/usr/share/gone\n",
        "usr/lib/sysimage/dpkg/info/libthing1:amd64.list": "/lib/thing.so\n",
        f"{SITE}/pynacl-1.6.2.dist-info/RECORD": "nacl/sign.py,sha256=x,7\n",
    }
    for path, content in {**{path: "x" * size for path, size in FILES.items()}, **texts}.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(content, encoding="ascii")
    own = sum(len(text) for text in texts.values()) + FILES["usr/share/piccolo/sbom.json"]
    assert by_package(tmp_path) == [
        *sorted([("(made by the build)", own), ("podman", 50), ("libthing1", 30), ("pynacl (Python)", 15)],
                key=lambda each: -each[1]),
    ]  # fmt: skip
