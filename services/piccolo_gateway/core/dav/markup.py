"""XML: a stranger's, read into a tree, and our own, written.

Rules:
* What could harm is refused before anything is made of it: a DOCTYPE (and with it every entity, so no
  expansion and no outside file), nesting deeper than 50, and more or longer names than any client sends.
  How long a body may be is its reader's business.
* Names are counted and measured before prefixes are put in full: a namespace of 30,000 signs stands in a body
  once, and would be in memory with each name.
* Names are in Clark's form, `{namespace}local`.
* Text that XML 1.0 has no characters for is never written; `sayable` tells.
"""

from __future__ import annotations

import re
from typing import Final
from xml.etree.ElementTree import Element, TreeBuilder, tostring
from xml.parsers import expat

from piccolo_chassis.errors import Kind, PiccoloError

DAV: Final = "{DAV:}"
LANG: Final = "{http://www.w3.org/XML/1998/namespace}lang"
NAME_BYTES: Final = 1024
_MOST_NAMES: Final = 1000
_DEEPEST: Final = 50
_UNSAYABLE: Final = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_ESCAPES: Final = {ord("&"): "&amp;", ord("<"): "&lt;", ord(">"): "&gt;", ord('"'): "&quot;", 13: "&#13;"}


def parse(raw: bytes) -> Element:
    """The root of a document.

    Raises PiccoloError INVALID (XML_BROKEN, XML_DOCTYPE, XML_DEEP, XML_UNEXPECTED).
    """
    try:
        _Measure().read(raw)
        return _Reader().read(raw)
    except expat.ExpatError as broken:
        raise PiccoloError(Kind.INVALID, "XML_BROKEN", f"The request's body is no XML: {broken}.") from broken
    except (LookupError, ValueError) as unknown:
        raise PiccoloError(
            Kind.INVALID, "XML_BROKEN", "The request's body is in an encoding that is not known; send UTF-8."
        ) from unknown


class _Measure:
    """Refuses what would harm. It takes names as they are written, and keeps none."""

    def __init__(self) -> None:
        self._depth = self._names = 0

    def read(self, raw: bytes) -> None:
        parser = expat.ParserCreate()
        parser.StartDoctypeDeclHandler = self._doctype
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.Parse(raw, True)

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self._depth += 1
        if self._depth > _DEEPEST:
            raise PiccoloError(
                Kind.INVALID, "XML_DEEP", f"The request's XML is nested deeper than {_DEEPEST}."
            )
        self._names += 1 + len(attributes)
        spaces = [value for key, value in attributes.items() if key == "xmlns" or key.startswith("xmlns:")]
        longest = max(len(text.encode()) for text in (name, *attributes, *spaces))
        if self._names > _MOST_NAMES or longest > NAME_BYTES:
            raise PiccoloError(
                Kind.INVALID,
                "XML_UNEXPECTED",
                f"The request's XML may have {_MOST_NAMES} names, each of {NAME_BYTES} bytes.",
            )

    def _end(self, name: str) -> None:
        self._depth -= 1

    def _doctype(self, *_: object) -> None:
        raise PiccoloError(
            Kind.INVALID, "XML_DOCTYPE", "The request's XML must not have a DOCTYPE, nor entities of its own."
        )


class _Reader:
    """Makes a tree of what was measured."""

    def __init__(self) -> None:
        self._builder = TreeBuilder()

    def read(self, raw: bytes) -> Element:
        parser = expat.ParserCreate(namespace_separator="}")
        parser.buffer_text = True
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._builder.data
        parser.Parse(raw, True)
        return self._builder.close()

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self._builder.start(_clark(name), {_clark(key): value for key, value in attributes.items()})

    def _end(self, name: str) -> None:
        self._builder.end(_clark(name))


def _clark(name: str) -> str:
    return "{" + name if "}" in name else name


def split(name: str) -> tuple[str, str]:
    """Namespace (empty: none) and local part of a name."""
    namespace, _, local = name.rpartition("}")
    return namespace.removeprefix("{"), local


def whole(element: Element) -> str:
    """An element as text that stands for itself, with all namespaces that it needs."""
    tail, element.tail = element.tail, None
    try:
        return tostring(element, encoding="unicode")
    finally:
        element.tail = tail


def sayable(text: str) -> bool:
    """Whether XML has characters for all of a text."""
    return _UNSAYABLE.search(text) is None


def escaped(text: str) -> str:
    """Text as it stands in an element or in a quoted attribute."""
    return text.translate(_ESCAPES)


def element(name: str, inside: str = "") -> str:
    """An element whose content is XML already; `D` stands for DAV: around it."""
    namespace, local = split(name)
    if namespace == "DAV:":
        tag, declared = f"D:{local}", ""
    elif namespace:
        tag, declared = f"x:{local}", f' xmlns:x="{escaped(namespace)}"'
    else:
        tag, declared = local, ' xmlns=""'
    return f"<{tag}{declared}>{inside}</{tag}>" if inside else f"<{tag}{declared}/>"
