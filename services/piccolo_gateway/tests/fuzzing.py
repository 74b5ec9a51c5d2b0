"""What schemathesis does differently here; it loads this by its name, in its own process.

* Only the statuses that an operation names are documented ones: `default` is for clients, not an excuse.
* Requests mean something more often: most name what exists (the environment tells what does), speak tus where
  that is spoken, and a key belongs to one request.
* The token that all of them carry is never revoked.
"""

from __future__ import annotations

import itertools
import json
import os
from typing import Any, Final

import schemathesis

_NUMBER: Final = itertools.count()
_KNOWN: Final[dict[str, str]] = json.loads(os.environ["FUZZING_KNOWN"])
_BODIES: Final = {"source": "/kept", "path": "/kept", "destination": "/b"}
_TUS: Final = {
    "Tus-Resumable": "1.0.0",
    "Upload-Length": "10",
    "Upload-Offset": "0",
    "Upload-Metadata": "path L2M=",  # /c
}


@schemathesis.hook
def before_load_schema(context: schemathesis.HookContext, raw_schema: dict[str, Any]) -> None:
    """Takes `default` from every operation."""
    for methods in raw_schema["paths"].values():
        for operation in methods.values():
            del operation["responses"]["default"]


@schemathesis.hook
def before_call(
    context: schemathesis.HookContext, case: schemathesis.Case[Any], kwargs: dict[str, Any]
) -> None:
    """Makes some requests meaningful."""
    number = next(_NUMBER)
    if number % 2:
        _name_what_exists(case)
    if number % 4:
        _head(case, str(number))
    parameters = case.path_parameters or {}
    if "own_token" in _KNOWN and parameters.get("token_id") == _KNOWN["own_token"]:
        parameters["token_id"] = "gone"


def _name_what_exists(case: schemathesis.Case[Any]) -> None:
    """Lets a request be about what there is; what is taken away or moved is the copy."""
    parameters = case.path_parameters or {}
    for name in parameters.keys() & _KNOWN.keys():
        parameters[name] = "b" if case.method == "DELETE" else _KNOWN[name]
    if isinstance(case.body, dict):
        for name in case.body.keys() & _BODIES.keys():
            case.body[name] = _BODIES[name]
        if case.path.endswith("/move"):
            case.body["source"], case.body["destination"] = "/b", "/c"


def _head(case: schemathesis.Case[Any], number: str) -> None:
    headers = case.headers
    if headers is None:
        return
    if "Idempotency-Key" in headers:
        headers["Idempotency-Key"] = number
    if "/uploads" in case.path:
        headers.update(_TUS)
