"""Seeds in Ignition's words: what is taken of them, and that nothing else is passed over in silence."""

from __future__ import annotations

import gzip
import json
from base64 import b64encode
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from piccolo_provision.adapters.firmware import Firmware
from piccolo_provision.core import ignition, seed
from piccolo_provision.core.document import LARGEST
from piccolo_provision.core.refusals import Reason, RefusedError
from piccolo_provision.tests.nodes import Household

HOME = Household()
FILES = HOME.files(site=b"https://example.org")


def base64(content: bytes) -> dict[str, Any]:
    return {"source": f"data:;base64,{b64encode(content).decode()}"}


def percent(content: bytes) -> dict[str, Any]:
    return {"source": f"data:text/plain,{quote(content)}"}


def packed(content: bytes) -> dict[str, Any]:
    return base64(gzip.compress(content)) | {"compression": "gzip"}


def config(files: dict[str, dict[str, Any]], version: str = "3.3.0", **others: Any) -> bytes:
    listed = [{"path": f"/run/piccolo/seed/{name}", "contents": each} for name, each in files.items()]
    return json.dumps({"ignition": {"version": version}, "storage": {"files": listed}, **others}).encode()


def why(told: bytes) -> Reason:
    with pytest.raises(RefusedError) as refused:
        seed.parse({seed.IGNITION: told})
    return refused.value.why


writings = st.tuples(st.binary(), st.sampled_from([base64, percent, packed]))


@pytest.mark.parametrize("written", [base64, percent, packed])
@pytest.mark.parametrize("version", ["3.0.0", "3.3.0"])
def test_a_seed_in_ignition_s_words_is_the_same_seed(written: Any, version: str) -> None:
    told = config({name: written(content) for name, content in FILES.items()}, version)
    read = seed.parse({seed.IGNITION: told})
    assert (read.node, read.site, str(read.identity)) == (
        "kitchen",
        "https://example.org",
        str(HOME.identity),
    )


@given(st.dictionaries(st.sampled_from(seed.FILES), writings))
def test_bytes_come_as_they_were_sent(sent: dict[str, tuple[bytes, Any]]) -> None:
    told = config({name: written(content) for name, (content, written) in sent.items()})
    assert ignition.files(told) == {name: content for name, (content, _) in sent.items()}


@pytest.mark.parametrize(
    "told",
    [
        config({}, "3.4.0"),
        config({}, "2.2.0"),
        config({}, "3.3.0\n"),
        config({}, passwd={"users": []}),
        config({}, systemd={"units": []}),
        config({"../../etc/passwd": base64(b"x")}),
        config({"nodename": {"source": "https://example.org/nodename"}}),
        config({"nodename": {"source": "data:;base64,!"}}),
        config({"nodename": {"source": "data:"}}),
        config({"nodename": base64(b"x") | {"compression": "gzip"}}),
        config({"nodename": base64(gzip.compress(b"x" * 99)[:-9]) | {"compression": "gzip"}}),
        config({"nodename": packed(b"x" * (LARGEST + 2))}),
        b"[" * 100_000,
    ],
)
def test_what_would_not_be_done_is_refused(told: bytes) -> None:
    assert why(told) is Reason.SEED_IGNITION


@given(st.binary(min_size=1, max_size=100))
def test_no_data_does_more_than_being_refused(told: bytes) -> None:
    assert why(told) is Reason.SEED_IGNITION


@given(st.dictionaries(st.sampled_from(seed.FILES), st.binary()))
def test_what_is_written_is_read(sent: dict[str, bytes]) -> None:
    assert ignition.files(ignition.write(sent)) == sent


def test_what_a_hypervisor_hands_over_is_read(tmp_path: Path) -> None:
    item = tmp_path / "raw"
    assert Firmware(item).read() is None
    item.write_bytes(b"{}")
    assert Firmware(item).read() == {seed.IGNITION: b"{}"}
    (tmp_path / "large").write_bytes(b" " * (seed.LARGEST_IGNITION + 1))
    for spoilt in (tmp_path / "large", tmp_path):
        with pytest.raises(RefusedError) as refused:
            Firmware(spoilt).read()
        assert refused.value.why is Reason.SEED_UNREADABLE
