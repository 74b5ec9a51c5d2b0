"""The whole API under requests that its document allows and forbids: schemathesis and the real process."""

from __future__ import annotations

import json
import sys
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import pytest
from piccolo_chassis import command
from piccolo_chassis.testing import Service, running

from integration.client import Client
from piccolo_gateway.tests.conftest import PASSPHRASE
from piccolo_gateway.tests.fakes import device
from piccolo_gateway.tests.test_process import Running, settings, started

pytestmark = pytest.mark.component
CHECKS: Final = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "unsupported_method",
    "allow_header_conformance",
)


async def fired_at(
    owner: Client, login: str, folder: Path, known: dict[str, str], options: Sequence[str], seconds: float
) -> None:
    """Sends what schemathesis makes of the document, from one seed; every answer must be a documented one."""
    arguments = [
        *("run", f"{owner.url}/api/v1/openapi.json"),
        *("--header", login),
        *("--tls-verify", str(owner.certificate)),
        *("--checks", ",".join(CHECKS)),
        *("--seed", "1"),
        *("--request-timeout", "20"),
        *("--suppress-health-check", "all"),
        "--no-shrink",
        "--continue-on-failure",
        *options,
    ]
    environment = {
        "HOME": str(folder),
        "SCHEMATHESIS_HOOKS": "piccolo_gateway.tests.fuzzing",
        "FUZZING_KNOWN": json.dumps(known),
    }
    tool = Path(sys.executable).with_name("schemathesis")
    done = await command.run(
        [tool, *arguments], seconds=seconds, folder=folder, check=False, environment=environment
    )
    assert done.status == 0, done.stdout.decode(errors="replace")[-6000:]


def statuses(service: Service) -> dict[tuple[str, str], set[int]]:
    """What each operation has answered."""
    told: dict[tuple[str, str], set[int]] = defaultdict(set)
    for line in service.log():
        if line.get("message") == "answered":
            told[line["method"], line["route"]].add(line["status"])
    return told


async def _furnish(gateway: Running) -> dict[str, str]:
    """Makes one of each thing that a path or a body may name."""
    owner = gateway.client
    await owner.found()
    await owner.put("/kept", b"one")
    await owner.put("/kept", b"two")
    await owner.put("/old", b"x")
    await owner.delete("/old")
    trash = await owner.ask("GET", "/trash")
    upload = {"Tus-Resumable": "1.0.0", "Upload-Length": "10", "Upload-Metadata": "path L2M="}
    async with owner.http.post("/api/v1/uploads", headers=upload) as begun:
        upload_id = begun.headers["Location"].rpartition("/")[2]
    share = await owner.ask("POST", "/shares", {"path": "/kept"})
    tokens = await owner.ask("GET", "/tokens")
    return {
        "path": "kept",
        "upload_id": upload_id,
        "operation_id": await gateway.fakes.operations.start("check"),
        "trash_id": str(trash["removed"][0]["trash_id"]),
        "share_id": share["share_id"],
        "secret": share["secret"],
        "own_token": tokens["tokens"][0]["token_id"],
    }


async def test_no_request_that_the_document_allows_or_forbids_is_a_server_error(
    short: Path, tmp_path: Path
) -> None:
    async with started(short) as gateway:
        gateway.fakes.keys.set_up(PASSPHRASE)
        await gateway.client.log_in()
        gateway.token = await gateway.client.make_token("curl", "admin")
        known = await _furnish(gateway)
        without_end_or_way_back = ("/api/v1/events", "/api/v1/lock")
        options = [
            *("--phases", "examples,coverage,fuzzing,stateful"),
            *("--max-examples", "8"),
            *(word for path in without_end_or_way_back for word in ("--exclude-path", path)),
        ]
        login = f"Authorization: Bearer {gateway.token}"
        await fired_at(gateway.client, login, tmp_path, known, options, 600.0)
        told = statuses(gateway.service)
    assert not {one: them for one, them in told.items() if max(them) >= 500}
    assert not [one for one, them in told.items() if them == {401}], "its token was good to the end"
    assert len([one for one, them in told.items() if min(them) < 300]) > 60, "most was done, not only refused"


async def test_what_wants_a_fresh_proof_bears_any_request_of_a_session(short: Path, tmp_path: Path) -> None:
    async with (
        device(short) as fakes,
        running("gateway", settings(short, fakes), short / "p") as service,
        _owner_of(short) as owner,
    ):
        fakes.keys.set_up(PASSPHRASE)
        await owner.log_in()
        (cookie,) = owner.http.cookie_jar
        only = "/(factors|tokens|passphrase|rotation|proof|second-factor)|/audit$"
        options = [
            *("--phases", "coverage,fuzzing"),
            *("--max-examples", "4"),
            *("--include-path-regex", only),
        ]
        login = f"Cookie: __Host-piccolo={cookie.value}"
        await fired_at(owner, login, tmp_path, {}, options, 300.0)
        told = statuses(service)
    assert not {one: them for one, them in told.items() if max(them) >= 500}
    done = {route for (_, route), them in told.items() if min(them) < 300}
    assert {"/api/v1/factors/totp", "/api/v1/tokens", "/api/v1/sessions/proof"} <= done


def _owner_of(folder: Path) -> Client:
    url = f"https://127.0.0.1:{(folder / 'g' / 'port').read_text().strip()}"
    return Client(url, folder / "g" / "tls.pem", passphrase=PASSPHRASE)
