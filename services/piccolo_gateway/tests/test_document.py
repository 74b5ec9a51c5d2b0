"""The API document says what is served: well formed, complete, and true."""

from __future__ import annotations

import re
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import pytest

from piccolo_gateway.routes.app import all_endpoints
from piccolo_gateway.tests.conftest import World


@pytest.fixture
async def document(blank: World) -> Any:
    async with blank.request("GET", "/api/v1/openapi.json") as response:
        assert response.headers["Content-Type"] == "application/json"
        return await response.json()


def test_every_schema_is_one(document: Any) -> None:
    assert document["openapi"] == "3.1.0"
    for schema in document["components"]["schemas"].values():
        jsonschema.Draft202012Validator.check_schema(schema)


def test_every_reference_leads_somewhere(document: Any) -> None:
    text = str(document)
    for name in re.findall(r"'#/components/schemas/(\w+)'", text):
        assert name in document["components"]["schemas"], name


def test_every_operation_is_told_in_full(document: Any) -> None:
    tags = {tag["name"] for tag in document["tags"]}
    seen = set()
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            where = f"{method} {path}"
            assert operation["summary"], where
            assert set(operation["tags"]) <= tags, where
            assert "default" in operation["responses"], where
            assert operation["operationId"] not in seen, where
            seen.add(operation["operationId"])
            named = {one["name"] for one in operation["parameters"] if one["in"] == "path"}
            assert named == set(re.findall(r"\{(\w+)\}", path)), where
    assert len(seen) > 50


def test_what_a_client_sends_is_closed_and_what_it_gets_is_open(document: Any) -> None:
    schemas = document["components"]["schemas"]
    assert schemas["Move"]["additionalProperties"] is False
    assert "additionalProperties" not in schemas["Entry"]


def test_what_is_shown_once_is_never_written_down() -> None:
    """An answer that is kept for Idempotency-Key on the disk must hold no secret, in no endpoint to come."""
    nothing: Any = None
    secret = set()
    for endpoint in (bound.endpoint for bound in all_endpoints(nothing)):
        answers = endpoint.answers.values()
        told = {name for one in answers if one.body for name in one.body.__struct_fields__}
        sent = {header.name for one in answers for header in one.headers}
        if endpoint.keyed and (told & {"secret", "code", "codes", "words"} or "Set-Cookie" in sent):
            assert endpoint.secret, endpoint.path
            secret.add(endpoint.path.removeprefix("/api/v1/"))
    assert secret == {
        *("tokens", "shares", "circle/invitations", "setup", "recovery", "words/rotation"),
        *("factors/totp", "factors/recovery-codes"),
    }


async def test_answers_are_what_the_document_says(world: World, document: Any) -> None:
    await world.client.found()
    await world.client.put("/a", b"x")
    answers = 0
    for path, methods in document["paths"].items():
        content = methods.get("get", {}).get("responses", {}).get("200", {}).get("content", {})
        schema = content.get("application/json", {}).get("schema")
        if schema is None or "{" in path.replace("{path}", ""):
            continue
        address = path.replace("{path}", "" if "totals" in path or "directories" in path else "a")
        query = "?query=a" if path.endswith("/search") else ""
        async with world.request("GET", address + query) as response:
            assert response.status == 200, path
            jsonschema.validate(await response.json(), {**schema, "components": document["components"]})
            answers += 1
    assert answers > 15


async def test_problems_are_what_the_document_says(world: World, document: Any) -> None:
    reference = document["components"]["responses"]["Problem"]["content"]["application/problem+json"][
        "schema"
    ]
    for path in ("/files/nothing", "/x", "/directories?page_size=x"):
        _, problem = await world.json("GET", path)
        jsonschema.validate(problem, {**reference, "components": document["components"]})
