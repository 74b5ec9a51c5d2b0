"""The support bundle holds what helps, and nothing of its owner: secrets and names are sown and sought."""

from __future__ import annotations

import io
import json
import logging
import zipfile
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from piccolo.metadata.v1 import memory_pb2
from piccolo.vault.v1 import store_pb2
from piccolo_chassis.logs import fields

from piccolo_gateway.core import support
from piccolo_gateway.tests.conftest import PASSPHRASE, World

SOWN = "xQzSown"


async def bundle(world: World) -> dict[str, str]:
    async with world.request("GET", "/api/v1/support-bundle") as response:
        assert response.status == 200, await response.text()
        assert response.headers["Content-Disposition"].endswith("piccolo-support.zip")
        made = zipfile.ZipFile(io.BytesIO(await response.read()))
    return {one.filename.rpartition("/")[2]: made.read(one).decode() for one in made.infolist()}


async def sow(world: World) -> list[str]:
    """Uses the device with secrets and names that can be found again; returns the secrets."""
    fakes = world.fakes
    await world.client.found()
    await world.client.put(f"/{SOWN}/letters/{SOWN}.odt", b"x")
    token = await world.client.make_token(SOWN, "read")
    _, made = await world.json("POST", "/shares", json={"path": f"/{SOWN}", "password": f"{SOWN}-pw"})
    _, begun = await world.json(
        "POST", f"/shared/{made['secret']}/downloads", json={"password": f"{SOWN}-pw"}
    )
    await world.json("PATCH", "/settings", json={"values": {"device.name": SOWN}})
    await world.json("DELETE", f"/files/{SOWN}/letters/{SOWN}.odt?purge=true")
    await world.json("GET", f"/files/{SOWN}/none")
    member = store_pb2.MemberFigures(owner_id=b"o" * 32, name=SOWN, words=f"{SOWN} is away.", urgent=True)
    fakes.store.members = [member]
    await fakes.backup.change(problem=f"{SOWN} cannot be reached")
    operation = await fakes.operations.start("check", f"/{SOWN}")
    failed = memory_pb2.OPERATION_STATE_FAILED
    told = {"phase": f"reading {SOWN}", "error_message": f"/{SOWN} is lost", "error_reason": "UNREADABLE"}
    await fakes.operations.advance(operation, state=failed, result=f'{{"lost": "{SOWN}"}}', **told)
    log = logging.getLogger("piccolo_gateway.test")
    log.warning("it failed", extra=fields(path=f"/{SOWN}", problem=SOWN, reason="LOUD"))
    log.warning(f"an unforeseen {SOWN}: %s", SOWN)  # noqa: G004 - as a careless line would
    logging.getLogger("stranger").error("%s is mine", SOWN)
    (cookie,) = world.http.cookie_jar
    return [token, made["secret"], begun["address"].rpartition("=")[2], cookie.value, PASSPHRASE]


async def test_nothing_of_the_owners_is_in_it(world: World) -> None:
    secrets = await sow(world)
    found = await bundle(world)
    whole = "\n".join([*found, *found.values()])
    for secret in (*secrets, SOWN, SOWN.lower(), (b"o" * 32).hex(), *PASSPHRASE.split()):
        assert secret not in whole, secret


async def test_what_helps_is_in_it(world: World) -> None:
    await sow(world)
    found = await bundle(world)
    told: dict[str, Any] = {name: json.loads(text) for name, text in found.items() if name.endswith(".json")}
    assert told["facts.json"]["packages"]["aiohttp"]
    assert told["facts.json"]["services"]["vault"] is True
    assert told["device.json"]["keys"] == "unlocked"
    assert told["health.json"]["survives"] == 2
    assert told["circle.json"]["members"][0]["owner_id"] == (b"s" * 32).hex()[:8]
    assert told["operations.json"][0]["error_reason"] == "UNREADABLE"
    assert told["members.json"]["urgent"] == 1
    assert told["audit.json"]["token.make ok"] == 1
    assert told["limits.json"]["uploads"] == 32
    assert 'piccolo_up{service="vault"} 1' in found["metrics.txt"]
    lines = [json.loads(line) for line in found["log.jsonl"].splitlines()]
    (loud,) = [line for line in lines if line.get("reason") == "LOUD"]
    assert loud["message"] == "it failed"
    assert world.fakes.audit.events[-1].action == "support.bundle"


async def test_a_service_that_is_away_is_named_and_the_rest_is_there(world: World) -> None:
    await world.fakes.stop("attestation")
    found = await bundle(world)
    assert json.loads(found["circle.json"]) == {"unavailable": "UNAVAILABLE"}
    assert json.loads(found["health.json"])["survives"] == 2


async def test_it_needs_admin(world: World) -> None:
    async with world.stranger(await world.client.make_token("robot", "read", "write")) as robot:
        assert (await robot.json("GET", "/support-bundle"))[0] == 403


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["state", "name", "words", "x"]), inner),
    max_leaves=20,
)


@given(JSON)
def test_only_plain_words_of_listed_fields_pass(value: Any) -> None:
    def check(shown: Any, name: str = "") -> None:
        if isinstance(shown, dict):
            for key, one in shown.items():
                check(one, key)
        elif isinstance(shown, list):
            for one in shown:
                check(one)
        elif isinstance(shown, str):
            assert name == "state"
            assert not set(shown) & set(" /\\\n'\"")

    check(support.figures(value))


def test_metrics_with_another_label_do_not_pass() -> None:
    text = '# HELP a b\na{service="x"} 1\na{service="x",path="/secret"} 2\nb 3\n'
    assert support.exposition(text) == '# HELP a b\na{service="x"} 1\nb 3\n'


def test_a_careless_line_shows_no_text() -> None:
    line = support.log_line(1.0, "INFO", "piccolo_x", "it is %s", {"reason": "a b", "status": 200, "x": 1})
    assert line == {"time": 1.0, "level": "info", "logger": "piccolo_x", "message": "", "status": 200}
