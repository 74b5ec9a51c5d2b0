"""The OpenAPI 3.1 document, made of the endpoints that are served."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from piccolo_gateway.core.api import (
    JSON,
    NARROW,
    OCTETS,
    About,
    Answer,
    Endpoint,
    Header,
    StructType,
    Takes,
    schemas,
)
from piccolo_gateway.core.bodies.problem import Problem
from piccolo_gateway.core.problems import MEDIA as PROBLEM_MEDIA

_IDEMPOTENCY: Final = Header(
    "Idempotency-Key",
    "The same key with the same request gets the first answer again, for 24 hours and over a restart.",
    pattern=r"^[\x21-\x7e]{1,255}$",
)
_PATTERNS: Final = {
    "trash_id": "^[0-9]{1,18}$",
    "owner_id": "^[0-9a-f]{64}$",
    "roster_hash": "^[0-9a-f]{64}$",
    "invitation_id": "^[0-9a-f]{32}$",
    **{name: f"^({pattern})$" for name, pattern in NARROW.items()},
}
_ID: Final = "^[A-Za-z0-9_-]{1,64}$"
_PATH_WORDS: Final = (
    "An owner's path without its first slash; each name percent-encoded, slashes between them."
)


def document(about: About, endpoints: Sequence[Endpoint]) -> dict[str, Any]:
    """The whole document."""
    refs, components = schemas(_types(endpoints))
    paths: dict[str, Any] = {}
    for endpoint in endpoints:
        paths.setdefault(endpoint.path, {})[endpoint.method.lower()] = _operation(endpoint, refs)
    return {
        "openapi": "3.1.0",
        "info": {"title": about.title, "version": about.version, "description": about.words},
        "servers": [{"url": "/"}],
        "tags": [{"name": name, "description": words} for name, words in about.tags.items()],
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {
                "session": {"type": "apiKey", "in": "cookie", "name": "__Host-piccolo"},
                "token": {"type": "http", "scheme": "bearer"},
            },
            "responses": {
                "Problem": {
                    "description": "What happened, and what to do next.",
                    "content": {PROBLEM_MEDIA: {"schema": refs[Problem]}},
                }
            },
        },
    }


def _types(endpoints: Sequence[Endpoint]) -> list[StructType]:
    """Each type once, in a stable order."""
    found: dict[StructType, None] = {Problem: None}
    for endpoint in endpoints:
        for kind in (endpoint.query, endpoint.body, *(answer.body for answer in endpoint.answers.values())):
            if kind is not None:
                found.setdefault(kind)
    return list(found)


def _operation(endpoint: Endpoint, refs: dict[StructType, Any]) -> dict[str, Any]:
    security: list[dict[str, list[str]]] = [] if endpoint.scope is None else [{"session": []}, {"token": []}]
    operation: dict[str, Any] = {
        "operationId": endpoint.operation_id,
        "summary": endpoint.summary,
        "tags": [endpoint.tag],
        "security": security,
        "parameters": _parameters(endpoint),
        "responses": _responses(endpoint, refs),
        "x-scope": None if endpoint.scope is None else endpoint.scope.value,
        "x-fresh": endpoint.fresh,
    }
    if endpoint.words:
        operation["description"] = endpoint.words
    if endpoint.takes is Takes.JSON and endpoint.body is not None:
        operation["requestBody"] = {"required": True, "content": {JSON: {"schema": refs[endpoint.body]}}}
    elif endpoint.takes is Takes.BYTES:
        operation["requestBody"] = {"required": False, "content": {OCTETS: {}}}
    return operation


def _responses(endpoint: Endpoint, refs: dict[StructType, Any]) -> dict[str, Any]:
    responses = {str(status): _answer(answer, refs) for status, answer in sorted(endpoint.answers.items())}
    problem = {"$ref": "#/components/responses/Problem"}
    for status in (*endpoint.refusals, "default"):
        responses[str(status)] = problem
    return responses


def _answer(answer: Answer, refs: dict[StructType, Any]) -> dict[str, Any]:
    made: dict[str, Any] = {"description": answer.words}
    if answer.body is not None:
        made["content"] = {answer.media: {"schema": refs[answer.body]}}
    elif answer.media != JSON:
        made["content"] = {answer.media: {}}
    if answer.headers:
        made["headers"] = {
            header.name: {"description": header.words, "schema": {"type": "string"}}
            for header in answer.headers
        }
    return made


def _parameters(endpoint: Endpoint) -> list[dict[str, Any]]:
    made = [_path_parameter(name) for name in endpoint.parameters]
    if endpoint.query is not None:
        made += _query_parameters(endpoint.query)
    headers = (*endpoint.headers, _IDEMPOTENCY) if endpoint.keyed else endpoint.headers
    return made + [_header(header) for header in headers]


def _path_parameter(name: str) -> dict[str, Any]:
    schema = {"type": "string", "minLength": 1}
    if name != "path":
        schema["pattern"] = _PATTERNS.get(name, _ID)
    made = {"name": name, "in": "path", "required": True, "schema": schema}
    return {**made, "description": _PATH_WORDS} if name == "path" else made


def _query_parameters(kind: StructType) -> list[dict[str, Any]]:
    """A parameter for each field of a query; its fields are plain, so nothing is referred to."""
    _, components = schemas([kind])
    schema = components[kind.__name__]
    required = schema.get("required", [])
    return [
        {"name": name, "in": "query", "required": name in required, "schema": _without_null(field)}
        for name, field in schema["properties"].items()
    ]


def _without_null(schema: dict[str, Any]) -> dict[str, Any]:
    """A query's parameter is absent rather than null."""
    chosen = [one for one in schema.get("anyOf", []) if one.get("type") != "null"]
    rest = {key: value for key, value in schema.items() if key != "anyOf"}
    if not chosen:
        return schema
    if rest.get("default", "") is None:
        del rest["default"]
    return {**rest, **chosen[0]}


def _header(header: Header) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "string"}
    if header.pattern:
        schema["pattern"] = header.pattern
    return {
        "name": header.name,
        "in": "header",
        "required": header.required,
        "description": header.words,
        "schema": schema,
    }
