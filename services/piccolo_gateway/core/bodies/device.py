"""Bodies about the device, its keys, and its owner's words."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

import msgspec

from piccolo_gateway.core.bodies.base import Asked, DeviceName, PublicKey, Sealed, Told

KeyState: TypeAlias = Literal["empty", "unconfirmed", "locked", "unlocked"]
ClaimKind: TypeAlias = Literal["code", "lan", "claimed"]
ClaimCode: TypeAlias = Annotated[
    str,
    msgspec.Meta(
        max_length=128, description="The device's one-time code, where `status` says that `claim` is `code`."
    ),
]


class DeviceStatus(Told, frozen=True):
    """What anybody may know of this device."""

    product: Annotated[str, msgspec.Meta(description="Always `piccolo`.")]
    api: Annotated[str, msgspec.Meta(description="Where the API document lies.")]
    keys: Annotated[
        KeyState,
        msgspec.Meta(
            description="empty: no owner yet. unconfirmed: the recovery words were not confirmed. locked:"
            " files are closed. unlocked: files are open."
        ),
    ]
    claim: Annotated[
        ClaimKind,
        msgspec.Meta(
            description="What setup and recovery need. code: the one-time code of the device's console or"
            " seed volume, as claim_code. lan: to be called from the device's own network. claimed: there is"
            " an owner already."
        ),
    ]
    circle: Annotated[bool, msgspec.Meta(description="Whether the device is a member of a circle.")]
    ask: Annotated[
        list[int],
        msgspec.Meta(description="Which recovery words are asked back, from 1; only while unconfirmed."),
    ]
    retry_after: Annotated[float, msgspec.Meta(description="Seconds until a passphrase is looked at.")]
    recovering: Annotated[bool, msgspec.Meta(description="A recovery waits for the same words again.")]
    replaced: Annotated[bool, msgspec.Meta(description="A newer device of this owner took over.")]
    new_words: Annotated[
        bool,
        msgspec.Meta(description="New recovery words are being put in force; an operation tells how far."),
    ]


class BootKey(Told, frozen=True):
    """The key that secrets are sealed to; another one after each start of the vault."""

    public_key: PublicKey


class Setup(Asked, frozen=True):
    """A new owner."""

    passphrase: Annotated[Sealed, msgspec.Meta(extra_json_schema={"x-purpose": "passphrase"})]
    reply_key: PublicKey
    claim_code: ClaimCode = ""


class Words(Told, frozen=True):
    """The recovery words, shown once."""

    words: Annotated[
        bytes, msgspec.Meta(description="24 words joined by spaces, sealed as `words` to reply_key, base64.")
    ]
    ask: Annotated[list[int], msgspec.Meta(description="Which three are asked back, from 1.")]


class NewWords(Told, frozen=True):
    """New recovery words, shown once; the old ones stay in force until these are confirmed."""

    words: Annotated[
        bytes, msgspec.Meta(description="24 words joined by spaces, sealed as `words` to reply_key, base64.")
    ]
    ask: Annotated[list[int], msgspec.Meta(description="Which three are asked back, from 1.")]
    protects: Annotated[
        str, msgspec.Meta(description="What new words do not protect, in words: to be shown with them.")
    ]


class Confirmation(Asked, frozen=True):
    """The three words that were asked back."""

    words: Annotated[Sealed, msgspec.Meta(extra_json_schema={"x-purpose": "confirmation"})]


class NewWordsConfirmed(Asked, frozen=True):
    """Three of the new words, and whether the old ones may be known to strangers."""

    words: Annotated[Sealed, msgspec.Meta(extra_json_schema={"x-purpose": "confirmation"})]
    exposed: Annotated[
        bool,
        msgspec.Meta(
            description="My words were exposed: every file is sealed anew under other keys as well, and what "
            "the old words open is deleted for good, at the cloud and at the members."
        ),
    ] = False


class NewWordsWanted(Asked, frozen=True):
    """The owner's word for new recovery words: the passphrase, asked again."""

    passphrase: Annotated[Sealed, msgspec.Meta(extra_json_schema={"x-purpose": "passphrase"})]
    reply_key: PublicKey


class Passphrase(Asked, frozen=True):
    """A passphrase."""

    passphrase: Annotated[Sealed, msgspec.Meta(extra_json_schema={"x-purpose": "passphrase"})]


class NewPassphrase(Asked, frozen=True):
    """The passphrase and its successor."""

    old_passphrase: Annotated[Sealed, msgspec.Meta(extra_json_schema={"x-purpose": "passphrase"})]
    new_passphrase: Annotated[Sealed, msgspec.Meta(extra_json_schema={"x-purpose": "new-passphrase"})]


class WordsToTest(Asked, frozen=True):
    """Words that may be this owner's."""

    words: Annotated[Sealed, msgspec.Meta(extra_json_schema={"x-purpose": "words"})]


class WordsTested(Told, frozen=True):
    """Whether they are."""

    match: bool


class Recovery(Asked, frozen=True):
    """An owner to bring back on this blank device."""

    words: Annotated[Sealed, msgspec.Meta(extra_json_schema={"x-purpose": "words"})]
    passphrase: Annotated[
        Sealed,
        msgspec.Meta(
            description="The passphrase from now on.", extra_json_schema={"x-purpose": "passphrase"}
        ),
    ]
    seq: Annotated[
        int, msgspec.Meta(ge=0, le=2**63 - 1, description="The restore point; 0 is the newest.")
    ] = 0
    claim_code: ClaimCode = ""
    device_name: DeviceName | None = None
    accept_rolled_back: Annotated[
        bool,
        msgspec.Meta(
            description="Go on although members know of a newer backup than the cloud shows (ROLLED_BACK),"
            " or the cloud does not let its backup be compared with what they know (PROOF_WITHHELD)."
        ),
    ] = False
    contacts: Annotated[
        str,
        msgspec.Meta(
            max_length=8192,
            description="The circle's contacts as they were printed (`/api/v1/circle/contacts.txt`): how the"
            " circle is found when the cloud has no backup, or does not answer.",
        ),
    ] = ""
    from_circle: Annotated[bool, msgspec.Meta(description="Do not ask the cloud; needs `contacts`.")] = False
