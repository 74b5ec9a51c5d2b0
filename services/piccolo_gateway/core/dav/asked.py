"""What the bodies of PROPFIND, PROPPATCH and LOCK ask for.

Rules:
* Elements that are not known are passed over (RFC 4918, section 17); a body whose root is another than the
  method's, or that asks for two things at once, is refused.
* A property is noted as its whole element, with the language that is in force around it.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto
from typing import Final
from xml.etree.ElementTree import Element

from piccolo_chassis.errors import Kind, PiccoloError

from piccolo_gateway.core.dav.markup import DAV, LANG, NAME_BYTES, parse, whole

VALUE_BYTES: Final = 65536


class Wanted(Enum):
    """Which properties."""

    ALL = auto()
    NAMES = auto()
    SOME = auto()


@dataclass(frozen=True, slots=True)
class Propfind:
    """What a PROPFIND wants; `names` are those asked for, with ALL the additional ones."""

    wanted: Wanted
    names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Change:
    """One property to be set to an element, or (no value) to be removed."""

    name: str
    value: str | None


@dataclass(frozen=True, slots=True)
class Lockinfo:
    """What lock is wanted, and what its owner says of itself: an element, or nothing."""

    exclusive: bool
    owner: str = ""


def propfind(raw: bytes) -> Propfind:
    """What a PROPFIND's body asks for; no body asks for everything.

    Raises PiccoloError INVALID (XML_...), as all here do.
    """
    if not raw:
        return Propfind(Wanted.ALL)
    root = _root(raw, "propfind")
    kinds = {
        "allprop": Wanted.ALL,
        "propname": Wanted.NAMES,
        "prop": Wanted.SOME,
    }
    found = [(kinds[local], one) for one in root if (local := one.tag.removeprefix(DAV)) in kinds]
    if len(found) != 1:
        raise _unexpected("propfind holds one of prop, propname and allprop")
    wanted, asked = found[0]
    if wanted is Wanted.ALL:
        included = root.find(f"{DAV}include")
        asked = Element("nothing") if included is None else included
    return Propfind(wanted, tuple(dict.fromkeys(_name(one) for one in asked)))


def proppatch(raw: bytes) -> list[Change]:
    """What a PROPPATCH's body changes, in its order."""
    root = _root(raw, "propertyupdate")
    changes = []
    for act in root:
        if act.tag not in {f"{DAV}set", f"{DAV}remove"}:
            continue
        for around in act.findall(f"{DAV}prop"):
            scopes = (root, act, around)
            lang = next((each.get(LANG) for each in reversed(scopes) if each.get(LANG)), None)
            changes += [_change(one, lang, kept=act.tag == f"{DAV}set") for one in around]
    if not changes:
        raise _unexpected("propertyupdate holds set and remove, and these name properties")
    return changes


def lockinfo(raw: bytes) -> Lockinfo:
    """What a LOCK's body asks for."""
    root = _root(raw, "lockinfo")
    scopes = [one.tag for around in root.findall(f"{DAV}lockscope") for one in around]
    kinds = [one.tag for around in root.findall(f"{DAV}locktype") for one in around]
    if kinds != [f"{DAV}write"] or scopes not in ([f"{DAV}exclusive"], [f"{DAV}shared"]):
        raise _unexpected("a lock is a write lock, exclusive or shared")
    owner = root.find(f"{DAV}owner")
    return Lockinfo(scopes == [f"{DAV}exclusive"], "" if owner is None else whole(owner))


def _root(raw: bytes, name: str) -> Element:
    root = parse(raw)
    if root.tag != DAV + name:
        raise _unexpected(f"its root must be {name} of the namespace DAV:")
    return root


def _change(one: Element, lang: str | None, *, kept: bool) -> Change:
    name = _name(one)
    if not kept:
        return Change(name, None)
    if lang and not one.get(LANG):
        one.set(LANG, lang)
    value = whole(one)
    if len(value.encode()) > VALUE_BYTES:
        raise PiccoloError(Kind.INVALID, "PROPERTIES_TOO_LARGE", f"A property may have {VALUE_BYTES} bytes.")
    return Change(name, value)


def _name(one: Element) -> str:
    if len(one.tag.encode()) > NAME_BYTES:
        raise _unexpected(f"a property's name may have {NAME_BYTES} bytes, its namespace included")
    return one.tag


def _unexpected(why: str) -> PiccoloError:
    return PiccoloError(Kind.INVALID, "XML_UNEXPECTED", f"The request's XML cannot be used: {why}.")
