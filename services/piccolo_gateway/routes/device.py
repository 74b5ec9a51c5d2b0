"""The device: its state, its keys, its owner's words."""

from __future__ import annotations

from piccolo_gateway.core.access import OWNER, Actor
from piccolo_gateway.core.api import PREFIX, Answer, Endpoint
from piccolo_gateway.core.bodies.access import Scope, Session
from piccolo_gateway.core.bodies.base import Empty, Started
from piccolo_gateway.core.bodies.device import (
    BootKey,
    Confirmation,
    DeviceStatus,
    NewPassphrase,
    NewWords,
    NewWordsConfirmed,
    NewWordsWanted,
    Passphrase,
    Setup,
    Words,
    WordsTested,
    WordsToTest,
)
from piccolo_gateway.routes.call import Bound, Call, Reply
from piccolo_gateway.routes.services import Services
from piccolo_gateway.routes.sessions import COOKIE, begun, told

_TAG = "device"
_ARGON = 150.0
_SEALED = (
    "Secrets are sealed to /api/v1/boot-key, each for its purpose: the gateway carries what it cannot read."
)
_FRESH = "Needs a session with a fresh proof (POST /api/v1/sessions/proof); no token has one."


_STATUS = Endpoint(
    method="GET",
    path=f"{PREFIX}/status",
    summary="What anybody may know of this device",
    tag=_TAG,
    scope=None,
    answers={200: Answer("The state of the device.", DeviceStatus)},
)

_BOOT_KEY = Endpoint(
    method="GET",
    path=f"{PREFIX}/boot-key",
    summary="The key that secrets are sealed to",
    tag=_TAG,
    scope=None,
    answers={200: Answer("An X25519 public key; another one after each start.", BootKey)},
)

_SETUP = Endpoint(
    method="POST",
    path=f"{PREFIX}/setup",
    summary="Make an owner on a blank device",
    tag=_TAG,
    scope=None,
    body=Setup,
    refuses=(409, 429),
    answers={201: Answer("The 24 recovery words, sealed to reply_key. Shown once.", Words)},
    words=f"{_SEALED} Until the words are confirmed, setup may be begun anew."
    " `claim` in /api/v1/status says what else is needed.",
    seconds=_ARGON,
    audit="device.setup",
    secret=True,
)

_CONFIRM = Endpoint(
    method="POST",
    path=f"{PREFIX}/setup/confirm",
    summary="Give back the three words that were asked for",
    tag=_TAG,
    scope=None,
    body=Confirmation,
    refuses=(409,),
    answers={201: Answer("The device is unlocked, and this is a session.", Session, headers=(COOKIE,))},
    words=_SEALED,
    audit="device.confirm",
    repeatable=False,
)

_UNLOCK = Endpoint(
    method="POST",
    path=f"{PREFIX}/unlock",
    summary="Open the files",
    tag=_TAG,
    scope=Scope.ADMIN,
    body=Passphrase,
    refuses=(429,),
    answers={200: Answer("The device is unlocked.", Empty)},
    words=_SEALED,
    seconds=_ARGON,
    audit="device.unlock",
)

_LOCK = Endpoint(
    method="POST",
    path=f"{PREFIX}/lock",
    summary="Close the files; the device forgets the keys",
    tag=_TAG,
    scope=Scope.ADMIN,
    answers={200: Answer("The device is locked. It goes on keeping others' fragments.", Empty)},
    audit="device.lock",
)

_PASSPHRASE = Endpoint(
    method="POST",
    path=f"{PREFIX}/passphrase",
    summary="Change the passphrase",
    tag=_TAG,
    scope=Scope.ADMIN,
    body=NewPassphrase,
    refuses=(429,),
    answers={200: Answer("The passphrase is changed; other sessions have ended.", Empty)},
    words=f"{_SEALED} {_FRESH}",
    fresh=True,
    seconds=_ARGON,
    audit="device.passphrase",
)

_WORDS = Endpoint(
    method="POST",
    path=f"{PREFIX}/words/test",
    summary="Test whether recovery words are this owner's",
    tag=_TAG,
    scope=Scope.ADMIN,
    body=WordsToTest,
    answers={200: Answer("Whether they are.", WordsTested)},
    words=_SEALED,
    audit="device.words",
)


_DATA = Endpoint(
    method="POST",
    path=f"{PREFIX}/data/open",
    summary="Open the data of a device that could not, by its owner's words",
    tag=_TAG,
    scope=None,
    body=WordsToTest,
    refuses=(409,),
    answers={202: Answer("They are right; the services start anew on the data.", Empty)},
    words=f"{_SEALED} For a device whose `boot` in /.well-known/piccolo is `degraded`; it is `opened` once"
    " this is done, and asks for the passphrase. Wrong words change nothing.",
    seconds=150.0,
    repeatable=False,
)

_NEW_WORDS = Endpoint(
    method="POST",
    path=f"{PREFIX}/words/rotation",
    summary="Make new recovery words",
    tag=_TAG,
    scope=Scope.ADMIN,
    body=NewWordsWanted,
    refuses=(409, 429),
    answers={
        201: Answer("24 new words, sealed to reply_key. Shown once; nothing changes yet.", NewWords),
    },
    words=f"{_SEALED} The old words stay in force until these are confirmed and everything has moved over."
    f" {_FRESH}",
    fresh=True,
    seconds=_ARGON,
    audit="device.words.new",
    secret=True,
)

_NEW_WORDS_CONFIRM = Endpoint(
    method="POST",
    path=f"{PREFIX}/words/rotation/confirm",
    summary="Give back three of the new words; from then on they are put in force",
    tag=_TAG,
    scope=Scope.ADMIN,
    body=NewWordsConfirmed,
    refuses=(409,),
    answers={202: Answer("The new words are being put in force. It goes on by itself.", Started)},
    words=(
        f"{_SEALED} With `exposed` the operation counts bytes: it ends when every file is sealed anew, and "
        "what the old words open is gone from the cloud and from every member. What somebody copied before "
        "stays readable to them."
    ),
    audit="device.words.confirm",
)

_PROTECTS = (
    "New words lock out whoever only knows the old ones: from what is stored from now on, from your circle "
    "and from your backup. They do not protect what the old words could already open: who has the old words, "
    "and gets at your backup or fragments of today, can read those. If somebody may know your old words, "
    "confirm these ones with `exposed`: then every file is sealed anew, and what the old words open is "
    "deleted for good. What somebody copied before that stays readable to them; nothing can take it back. "
    "Keep the old note safe until this has ended, then destroy it."
)


def endpoints(services: Services) -> list[Bound]:
    """The device's endpoints."""
    return [*_open(services), *_data(services), *_owners(services)]


def _open(services: Services) -> list[Bound]:
    """What has to be done before anybody can have a session."""

    async def status(call: Call) -> Reply:
        return Reply(body=await services.device.status(services.claiming.kind))

    async def boot_key(call: Call) -> Reply:
        return Reply(body=BootKey(public_key=await services.keys.boot_key()))

    async def setup(call: Call) -> Reply:
        asked = call.body(Setup)
        await services.claiming.check(asked.claim_code, call.caller)
        await services.leftovers.clear()
        words = await services.keys.setup(asked.passphrase, asked.reply_key)
        services.access.end_all()
        return Reply(201, words)

    async def confirm(call: Call) -> Reply:
        await services.leftovers.clear()
        await services.keys.confirm(call.body(Confirmation).words)
        secret, session = services.access.confirmed(call.caller)
        call.actor = Actor(OWNER)
        return Reply(201, told(services, session, session.session_id), begun(services, secret))

    return [
        Bound(_STATUS, status),
        Bound(_BOOT_KEY, boot_key),
        Bound(_SETUP, setup),
        Bound(_CONFIRM, confirm),
    ]


def _data(services: Services) -> list[Bound]:
    """What opens the data of a device that could not."""

    async def opened(call: Call) -> Reply:
        await services.keys.open_disk(call.body(WordsToTest).words)
        return Reply(202, Empty())

    return [Bound(_DATA, opened)]


def _owners(services: Services) -> list[Bound]:
    """What only the owner may do."""

    async def unlock(call: Call) -> Reply:
        await services.access.unlock(call.body(Passphrase).passphrase, call.caller)
        return Reply(body=Empty())

    async def lock(call: Call) -> Reply:
        await services.keys.lock()
        services.device.doubt()
        return Reply(body=Empty())

    async def passphrase(call: Call) -> Reply:
        asked = call.body(NewPassphrase)
        await services.access.change(asked.old_passphrase, asked.new_passphrase, call.actor)
        return Reply(body=Empty())

    async def words(call: Call) -> Reply:
        return Reply(body=WordsTested(match=await services.keys.test_words(call.body(WordsToTest).words)))

    async def new_words(call: Call) -> Reply:
        asked = call.body(NewWordsWanted)
        made = await services.keys.begin_rotation(asked.passphrase, asked.reply_key)
        return Reply(201, NewWords(words=made.words, ask=made.ask, protects=_PROTECTS))

    async def new_words_confirm(call: Call) -> Reply:
        said = call.body(NewWordsConfirmed)
        operation = await services.keys.confirm_rotation(said.words, exposed=said.exposed)
        services.device.doubt()
        return Reply(202, Started(operation_id=operation))

    return [
        Bound(_UNLOCK, unlock),
        Bound(_LOCK, lock),
        Bound(_PASSPHRASE, passphrase),
        Bound(_WORDS, words),
        Bound(_NEW_WORDS, new_words),
        Bound(_NEW_WORDS_CONFIRM, new_words_confirm),
    ]
