"""From an error to what a person reads: RFC 9457 problem details.

Rules:
* The status is the kind's (the chassis's one table), save for the few reasons that HTTP has a status of its
  own for.
* Each problem says what to do next: its reason's step, else its kind's.
* `details` holds facts for programs. What the transport said of sockets stays inside.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from piccolo_chassis.errors import Kind, PiccoloError

from piccolo_gateway.core.bodies.problem import Problem

MEDIA: Final = "application/problem+json"
_TYPE: Final = "urn:piccolo:problem:"
_INSIDE: Final = frozenset({"transport", "incident"})

# Statuses that belong to HTTP itself; all others are the kind's.
STATUSES: Final[Mapping[str, int]] = MappingProxyType(
    {
        "ARCHIVE_TOO_LARGE": 409,
        "BODY_TOO_LARGE": 413,
        "ENCODING_UNSUPPORTED": 415,
        "EXPECTATION_FAILED": 417,
        "IDEMPOTENCY_KEY_REUSED": 422,
        "MEDIA_UNSUPPORTED": 415,
        "METHOD_NOT_ALLOWED": 405,
        "PRECONDITION_FAILED": 412,
        "SHARE_OVER": 410,
        "SUPERSEDED": 409,
        "TUS_VERSION": 412,
        "UPLOAD_OVER": 410,
        "UPLOAD_TOO_LARGE": 413,
    }
)

_TITLES: Final[Mapping[Kind, str]] = MappingProxyType(
    {
        Kind.INVALID: "The request cannot be used",
        Kind.NOT_FOUND: "Not found",
        Kind.ALREADY_EXISTS: "It is there already",
        Kind.CONFLICT: "It has changed meanwhile",
        Kind.PRECONDITION: "Not possible now",
        Kind.LOCKED: "The device is locked",
        Kind.DENIED: "Not allowed",
        Kind.UNAUTHENTICATED: "Who are you?",
        Kind.EXHAUSTED: "Too much at once",
        Kind.FULL: "No space left",
        Kind.UNAVAILABLE: "Not available at the moment",
        Kind.TIMEOUT: "It took too long",
        Kind.DATA_LOSS: "Data is damaged",
        Kind.OUT_OF_RANGE: "Beyond the end",
        Kind.UNIMPLEMENTED: "Not offered",
        Kind.CANCELLED: "Cancelled",
        Kind.INTERNAL: "An unforeseen failure",
    }
)

_STEPS_BY_KIND: Final[Mapping[Kind, str]] = MappingProxyType(
    {
        Kind.INVALID: "Correct the request; /api/v1/openapi.json describes it.",
        Kind.NOT_FOUND: "Check the name, or list what is there.",
        Kind.ALREADY_EXISTS: "Choose another name, or ask to overwrite.",
        Kind.CONFLICT: "Read it again, then decide anew.",
        Kind.PRECONDITION: "Do first what the message names, then try again.",
        Kind.LOCKED: "Unlock the device with your passphrase: POST /api/v1/unlock, or log in.",
        Kind.DENIED: "The message says why; it stays refused until that has changed.",
        Kind.UNAUTHENTICATED: "Log in at /api/v1/sessions, or send a valid token.",
        Kind.EXHAUSTED: "Wait as long as Retry-After says, then try again.",
        Kind.FULL: "Free some space, or ask the circle's members to give more.",
        Kind.UNAVAILABLE: "Try again in a moment; nothing was lost.",
        Kind.TIMEOUT: "Look whether it was done, then try again.",
        Kind.DATA_LOSS: "Start a check: POST /api/v1/check. Repairs are made from the other fragments.",
        Kind.OUT_OF_RANGE: "Ask for bytes within the file's size.",
        Kind.UNIMPLEMENTED: "Use what /api/v1/openapi.json offers.",
        Kind.CANCELLED: "Start it again if you still want it.",
        Kind.INTERNAL: "Try again; if it stays, report the incident number.",
    }
)

_STEPS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "ADMINS_AWAY": "Ask the admins to unlock their devices, then accept the same invitation again.",
        "ALREADY_CONFIRMED": "Log in with your passphrase.",
        "ALREADY_IN_CIRCLE": "Leave that circle first, or join from a blank device.",
        "ALREADY_SET_UP": "Log in with your passphrase.",
        "ARCHIVE_TOO_LARGE": "Choose less, such as one folder in it after the other.",
        "CHALLENGE_OVER": "Log in again: POST /api/v1/sessions.",
        "CLAIM_CODE_MISSING": "Read the code on the device's console or label, and give it as claim_code.",
        "CLAIM_CODE_UNREADABLE": "Hand the code to the device again as its notes say, and restart it.",
        "CLAIM_CODE_WRONG": "Read the code again on the device's console or label.",
        "CLAIM_NOT_LOCAL": "Use a browser in the device's own network, or give the device a one-time code.",
        "CODE_WRONG": "Check that the device's and the phone's clocks are right, then give the next code.",
        "CROSS_SITE": "Open the device's own address and try from there.",
        "DATA_CLOSED": "Open the data with the 24 words first (/api/v1/data/open), or restart the device.",
        "ENROLMENT_OVER": "Begin the enrolment again.",
        "FACTOR_UNREADABLE": "Remove it, and enrol it again.",
        "FACTOR_WRONG": "Try the next code, another factor, a recovery code, or the 24 words.",
        "FENCED": "Go on with the newer device; if you did not set it up yourself, tell your circle.",
        "IDEMPOTENCY_KEY_BUSY": "Wait for the first request's answer, or ask again in a moment.",
        "IDEMPOTENCY_KEY_LOST": "Look whether it was done; if not, or if you need what it answered, send it"
        " with a new Idempotency-Key.",
        "IDEMPOTENCY_KEY_REUSED": "Use a new Idempotency-Key for another request.",
        "INTO_ITSELF": "Choose a place outside of it.",
        "INVITATION_EXPIRED": "Ask for a new invitation.",
        "INVITATION_FOREIGN": "Ask who invited you for a new invitation, and take it whole.",
        "INVITATION_NOT_FOUND": "Compare the code with the invitation, or ask for a new one.",
        "INVITATION_REVOKED": "Ask for a new invitation.",
        "INVITATION_UNREADABLE": "Compare the code with the invitation, or open its link.",
        "INVITATION_USED": "Ask for a new invitation.",
        "IS_A_DIRECTORY": "List it at /api/v1/directories.",
        "NAME_DIFFERS": "Read the name at /api/v1/device, and type it letter by letter.",
        "NOT_ADMIN": "Ask an admin of the circle: /api/v1/circle shows who they are.",
        "NOT_A_DEVICE": "End the programs on the computer that they run on.",
        "NOT_SET_UP": "Set the device up, or recover an owner from the 24 words.",
        "NO_CIRCLE": "Found a circle, or join one by an invitation.",
        "NO_FACTOR": "Enrol an app or a passkey first.",
        "NO_KEEPERS": "Invite at least one member, or wait until members are back.",
        "NO_UPLOAD": "Begin a new upload.",
        "PASSKEY_HOST": "Open one of the names that the message lists, and log in there.",
        "PASSKEY_INVALID": "Begin again, and let the browser make a new passkey.",
        "PASSPHRASE_CHARACTERS": "Choose another passphrase.",
        "PASSPHRASE_COMMON": "Choose four or five unrelated words.",
        "PASSPHRASE_SHORT": "Choose a longer passphrase.",
        "PASSPHRASE_TRIVIAL": "Choose another passphrase.",
        "PASSPHRASE_WRONG": "Check capital letters and the keyboard's language, then try again.",
        "PATH_INVALID": "Choose another name; each has 1 to 255 bytes and neither slash nor NUL.",
        "PATH_TOO_LONG": "Choose a shorter path.",
        "PRECONDITION_FAILED": "Read the file again, then decide anew.",
        "PROOF_INVALID": "Choose one of the methods that the challenge lists.",
        "PROOF_NEEDED": "Prove yourself in a session: POST /api/v1/sessions/proof.",
        "RECOVERY_UNFINISHED": "Give the same 24 words again: POST /api/v1/recovery.",
        "SCOPE_MISSING": "Use a session or a token that may do this.",
        "SEALED_WRONG": "Fetch /api/v1/boot-key and seal the secret again.",
        "SESSION_ENDED": "Log in again.",
        "SETTING_UNKNOWN": "List the settings at /api/v1/settings.",
        "SETTING_WRONG": "Choose another value; /api/v1/settings says what each means.",
        "SHARE_LOCKED": "Try again later, or ask whoever sent you the link.",
        "SHARE_OVER": "Ask whoever sent you the link for a new one.",
        "SHARE_PASSWORD_WRONG": "Ask whoever sent you the link for its password.",
        "STOPPING": "Try again in a moment; an upload goes on from durable_bytes.",
        "TOKEN_UNKNOWN": "Make a new token, or use one that was not revoked.",
        "TOO_MANY_TRIES": "Wait as long as Retry-After says, or use another way to prove who you are.",
        "UPLOAD_OFFSET": "Ask for the offset with HEAD and go on from there.",
        "UPLOAD_OVER": "Begin a new upload.",
        "WORDS_CHECKSUM": "Compare every word with your note, then give them again.",
        "WORDS_COUNT": "Give all 24 words, in the order of your note.",
        "WORDS_DIFFER": "Compare your note with what the device showed; if that is gone, set it up again.",
        "WORDS_UNCONFIRMED": "Confirm the words, or set the device up again.",
        "WORDS_UNKNOWN": "Correct that word, then give all of them again.",
    }
)


def status_of(error: PiccoloError) -> int:
    """The HTTP status of an error."""
    return STATUSES.get(error.reason, error.kind.http)


def problem_of(error: PiccoloError) -> Problem:
    """What is answered for an error."""
    step = _STEPS.get(error.reason) or _STEPS_BY_KIND[error.kind]
    return Problem(
        type=f"{_TYPE}{error.reason}",
        title=_TITLES[error.kind],
        status=status_of(error),
        detail=error.message,
        reason=error.reason,
        kind=error.kind.name,
        next_step=step,
        incident=error.details.get("incident", ""),
        details={key: value for key, value in error.details.items() if key not in _INSIDE},
    )


def retry_after(error: PiccoloError) -> str | None:
    """The Retry-After header of an error, whole seconds; None when it has none."""
    told = error.details.get("retry_after")
    if told is None:
        return "1" if error.kind in (Kind.EXHAUSTED, Kind.UNAVAILABLE) else None
    try:
        seconds = float(told)
    except ValueError:
        return None
    return str(max(1, math.ceil(seconds))) if 0 <= seconds < 1e6 else None
