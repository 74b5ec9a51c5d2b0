"""Typed configuration from layered TOML files.

Rules:
* Later files win, key by key; tables merge, everything else is replaced whole.
* A key that no field knows, a missing key and a value of the wrong type are fatal: a typo must not become
  a default. The error names the file, the key and what was expected.
* Settings are frozen dataclasses. Their `__post_init__` may refuse a value with ValueError, in words.
* Secrets are not settings: systemd hands them over as files (LoadCredential=), read by `credential`.
"""

from __future__ import annotations

import dataclasses
import os
import tomllib
import types
import typing
from collections.abc import Callable, Iterable, Mapping
from enum import Enum
from pathlib import Path
from typing import Any, TypeVar

from piccolo_chassis.errors import Kind, PiccoloError

T = TypeVar("T")


def default_layers(service: str) -> list[Path]:
    """Where a service's files lie on a device, weakest first: the image's, the owner's, this boot's."""
    places = [Path("/usr/lib/piccolo"), Path("/etc/piccolo"), Path("/run/piccolo/config")]
    layers = [place / f"{service}.toml" for place in places]
    return [layer for layer in layers if layer.is_file()]


def load(kind: type[T], layers: Iterable[Path]) -> T:
    """Reads, merges and checks the files of `layers` into an instance of the dataclass `kind`.

    Raises PiccoloError INVALID, CONFIG_UNREADABLE or CONFIG_WRONG.
    """
    merged: dict[str, Any] = {}
    paths = list(layers)
    for path in paths:
        try:
            merged = _merge(merged, tomllib.loads(path.read_text(encoding="utf-8")))
        except (OSError, ValueError) as unreadable:
            raise PiccoloError(
                Kind.INVALID,
                "CONFIG_UNREADABLE",
                f"The configuration file {path} cannot be read: {unreadable}",
            ) from unreadable
    try:
        return _build(kind, merged, "")
    except _WrongError as wrong:
        read = ", ".join(map(str, paths)) or "no file"
        raise PiccoloError(Kind.INVALID, "CONFIG_WRONG", f"Wrong configuration ({read}): {wrong}") from wrong


def credential(name: str) -> bytes:
    """The secret that the service manager handed to this process under `name`.

    Raises PiccoloError PRECONDITION, CREDENTIAL_MISSING.
    """
    folder = os.environ.get("CREDENTIALS_DIRECTORY")
    try:
        if folder is None:
            raise FileNotFoundError("CREDENTIALS_DIRECTORY is not set")
        return (Path(folder) / name).read_bytes()
    except OSError as missing:
        raise PiccoloError(
            Kind.PRECONDITION,
            "CREDENTIAL_MISSING",
            f"The credential {name!r} was not handed over ({missing}); the unit needs LoadCredential={name}.",
        ) from missing


class _WrongError(Exception):
    """A value that does not fit; the text names the key."""


def _merge(below: dict[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    result = dict(below)
    for key, value in above.items():
        old = result.get(key)
        result[key] = _merge(old, value) if isinstance(old, dict) and isinstance(value, dict) else value
    return result


def _build(kind: type[T], table: Mapping[str, Any], at: str) -> T:
    hints = typing.get_type_hints(kind)
    known = {field.name: field for field in dataclasses.fields(kind)}  # type: ignore[arg-type]
    if unknown := sorted(set(table) - set(known)):
        raise _WrongError(f"unknown key {at}{unknown[0]}; known here: {', '.join(sorted(known))}")
    values = {key: _convert(hints[key], value, f"{at}{key}") for key, value in table.items()}
    for name, field in known.items():
        required = field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
        if required and name not in values:
            raise _WrongError(f"{at}{name} is missing")
    try:
        return kind(**values)
    except ValueError as refused:
        raise _WrongError(f"{at.rstrip('.') or 'the settings'}: {refused}") from refused


def _convert(hint: Any, value: Any, at: str) -> Any:
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (types.UnionType, typing.Union):  # only `X | None`: TOML has no null, so X it is
        return _convert(next(a for a in arguments if a is not type(None)), value, at)
    if dataclasses.is_dataclass(hint):
        return _build(typing.cast("type[Any]", hint), _expect(dict, value, at), f"{at}.")
    if origin is tuple:
        items = _expect(list, value, at)
        return tuple(_convert(arguments[0], item, f"{at}[{i}]") for i, item in enumerate(items))
    if origin in (dict, Mapping):
        table = _expect(dict, value, at)
        return {key: _convert(arguments[1], item, f"{at}.{key}") for key, item in table.items()}
    if origin is typing.Literal:
        return _one_of(arguments, value, at)
    if isinstance(hint, type) and issubclass(hint, Enum):
        return hint(_one_of([member.value for member in hint], value, at))
    return _scalar(hint, value, at)


def _scalar(hint: Any, value: Any, at: str) -> Any:
    if hint is float and type(value) is int:
        return float(value)
    made: dict[Any, tuple[type, Callable[[Any], Any]]] = {
        **{kind: (kind, lambda same: same) for kind in (str, int, float, bool)},
        Path: (str, Path),
    }
    if hint not in made:
        raise TypeError(f"{at}: settings cannot be of type {hint}")
    expected, make = made[hint]
    return make(_expect(expected, value, at))


def _expect(kind: type[T], value: Any, at: str) -> T:
    if type(value) is not kind:  # not isinstance: True is no number here
        raise _WrongError(f"{at} must be {kind.__name__}, not {type(value).__name__}")
    return value


def _one_of(choices: Iterable[Any], value: Any, at: str) -> Any:
    if value not in choices:
        raise _WrongError(f"{at} must be one of {', '.join(map(repr, choices))}, not {value!r}")
    return value
