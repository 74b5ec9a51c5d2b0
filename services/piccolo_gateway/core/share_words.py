"""What the page at a share link says, in English and German."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from piccolo_gateway.core.languages import Language
from piccolo_gateway.core.spoken import Forms


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why there is nothing to be had, and what to do next; `{}` is how long to wait."""

    heading: str
    what: str
    next_step: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """All of it in one language; `{}` stands for what differs, of two forms the first is for one.

    Attributes:
        refusals: by the reason of what went wrong.
        failed: whatever else went wrong.
    """

    something: str
    all_files: str
    file: str
    folder: str
    files: Forms
    asks: str
    password: str
    download: str
    ends: str
    left: Forms
    seconds: Forms
    incident: str
    refusals: Mapping[str, Refusal]
    failed: Refusal


_ENGLISH: Final = Words(
    something="Shared with you",
    all_files="All files",
    file="A file of {}.",
    folder="A folder with {}, {}. You get it as one ZIP file.",
    files=("{} file", "{} files"),
    asks="You need a password for it. Whoever sent you the link knows it.",
    password="Password",  # noqa: S106 - a label
    download="Download",
    ends="The link ends {}.",
    left=("It can be downloaded once more.", "It can be downloaded {} more times."),
    seconds=("{} second", "{} seconds"),
    incident="Incident {}",
    refusals={
        "SHARE_OVER": Refusal(
            "This link leads nowhere",
            "It has ended, was withdrawn, or was not copied as a whole.",
            "Compare it with the message that it came in, or ask whoever sent it for a new one.",
        ),
        "SHARE_LOCKED": Refusal(
            "Not available at the moment",
            "The device that keeps this is locked. Nothing is lost.",
            "Try again later, or tell whoever sent you the link.",
        ),
        "SHARE_PASSWORD_WRONG": Refusal(
            "Shared with you",
            "This is not the password.",
            "Look at capital letters and spaces, or ask whoever sent you the link.",
        ),
        "SHARE_PASSWORD_DELAY": Refusal(
            "Shared with you",
            "The next password has to wait a moment.",
            "That slows down anyone who only guesses. Try again in {}.",
        ),
        "SHARE_BUSY": Refusal(
            "Many want it at the moment",
            "Many downloads were begun by this link just now.",
            "Try again in {}.",
        ),
    },
    failed=Refusal(
        "Not available at the moment",
        "The device that keeps this cannot give it out.",
        "Open the link again in a few minutes. If it stays so, tell whoever sent it to you.",
    ),
)

_GERMAN: Final = Words(
    something="Für dich geteilt",
    all_files="Alle Dateien",
    file="Eine Datei mit {}.",
    folder="Ein Ordner mit {}, {}. Du bekommst ihn als eine ZIP-Datei.",
    files=("{} Datei", "{} Dateien"),
    asks="Dafür brauchst du ein Passwort. Die Person, die dir den Link geschickt hat, kennt es.",
    password="Passwort",  # noqa: S106 - a label
    download="Herunterladen",
    ends="Der Link endet {}.",
    left=("Es kann noch einmal heruntergeladen werden.", "Es kann noch {}-mal heruntergeladen werden."),
    seconds=("{} Sekunde", "{} Sekunden"),
    incident="Vorfall {}",
    refusals={
        "SHARE_OVER": Refusal(
            "Dieser Link führt nirgendwohin",
            "Er ist abgelaufen, wurde zurückgezogen oder nicht vollständig kopiert.",
            "Vergleiche ihn mit der Nachricht, in der er kam, oder bitte die Person, die ihn dir geschickt"
            " hat, um einen neuen.",
        ),
        "SHARE_LOCKED": Refusal(
            "Im Moment nicht verfügbar",
            "Das Gerät, das dies aufbewahrt, ist gesperrt. Verloren ist nichts.",
            "Versuche es später noch einmal, oder gib der Person Bescheid, die dir den Link geschickt hat.",
        ),
        "SHARE_PASSWORD_WRONG": Refusal(
            "Für dich geteilt",
            "Das ist nicht das Passwort.",
            "Achte auf Großbuchstaben und Leerzeichen, oder frag die Person, die dir den Link geschickt hat.",
        ),
        "SHARE_PASSWORD_DELAY": Refusal(
            "Für dich geteilt",
            "Mit dem nächsten Passwort musst du kurz warten.",
            "Das bremst alle, die nur raten. Versuche es in {} noch einmal.",
        ),
        "SHARE_BUSY": Refusal(
            "Gerade wollen es viele",
            "Mit diesem Link wurden eben viele Downloads begonnen.",
            "Versuche es in {} noch einmal.",
        ),
    },
    failed=Refusal(
        "Im Moment nicht verfügbar",
        "Das Gerät, das dies aufbewahrt, kann es nicht herausgeben.",
        "Öffne den Link in ein paar Minuten noch einmal. Bleibt es so, gib der Person Bescheid, die ihn dir"
        " geschickt hat.",
    ),
)

WORDS: Final[Mapping[Language, Words]] = MappingProxyType({"en": _ENGLISH, "de": _GERMAN})
