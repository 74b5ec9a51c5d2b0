"""One owner's device as a program sees it: through its public API, and nothing else.

async with Client("https://127.0.0.1:8443", certificate) as owner:
    await owner.set_up()
    await owner.found()
    await owner.put("/notes/today.txt", b"...")
"""

from __future__ import annotations

import asyncio
import base64
import json
import secrets
from collections.abc import AsyncIterator, Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from piccolo_formats.client_seal import Purpose, open_text
from piccolo_formats.keypairs import SealingKey

from integration.answers import Health, Written
from integration.api import (
    ROOT,
    Api,
    ApiError,
    OperationFailedError,
    checked,
    encoded,
    pinned,
    refused,
)

__all__ = ["ApiError", "Client", "OperationFailedError", "pinned"]

_PIECE: Final = 1 << 20
_PAGE: Final = 5000
_JOIN_SECONDS: Final = 330.0


@dataclass(slots=True)
class Client(Api):
    """A device's owner. `words` are the 24 recovery words, once set up.

    Attributes:
        name: what the device calls itself in the circle.
    """

    name: str = "device"
    passphrase: str = field(default="", repr=False)
    words: str = field(default="", repr=False)

    async def status(self) -> dict[str, Any]:
        """What anybody may know of the device."""
        return await self.ask("GET", "/status")

    async def set_up(self) -> None:
        """Makes the keys, writes the words down, gives the three asked words back; that begins a session."""
        reply = SealingKey(secrets.token_bytes(32))
        body = {"passphrase": await self.sealed(Purpose.PASSPHRASE, self.passphrase)}
        answer = await self.ask("POST", "/setup", {**body, "reply_key": encoded(reply.public)})
        self.words = open_text(Purpose.WORDS, base64.b64decode(answer["words"]), reply)
        asked = " ".join(self.words.split()[position - 1] for position in answer["ask"])
        await self.ask("POST", "/setup/confirm", {"words": await self.sealed(Purpose.CONFIRMATION, asked)})

    async def log_in(self) -> None:
        """Begins a session, and opens the files."""
        await self.ask(
            "POST", "/sessions", {"passphrase": await self.sealed(Purpose.PASSPHRASE, self.passphrase)}
        )

    async def log_out(self) -> None:
        """Ends the session."""
        await self.ask("DELETE", "/sessions/current")

    async def unlock(self) -> None:
        """Opens the files."""
        await self.ask(
            "POST", "/unlock", {"passphrase": await self.sealed(Purpose.PASSPHRASE, self.passphrase)}
        )

    async def lock(self) -> None:
        """Closes them."""
        await self.ask("POST", "/lock")

    async def prove(self) -> None:
        """Proves by the passphrase that the session is still its owner's."""
        challenge = (await self.ask("POST", "/sessions/proof"))["challenge"]
        sealed = await self.sealed(Purpose.PASSPHRASE, self.passphrase)
        await self.ask("POST", "/sessions/second-factor", {"challenge": challenge, "passphrase": sealed})

    async def _ask_fresh(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """Asks for what wants a fresh proof, and gives one when it is wanted."""
        try:
            return await self.ask("POST", path, body)
        except ApiError as refused_:
            if refused_.reason != "PROOF_NEEDED":
                raise
        await self.prove()
        return await self.ask("POST", path, body)

    async def make_token(self, name: str, *scopes: str) -> str:
        """Makes a token; returns its secret."""
        made = await self._ask_fresh("/tokens", {"name": name, "scopes": list(scopes)})
        return str(made["secret"])

    async def found(self, *, at_risk: bool = False) -> None:
        """Founds a circle."""
        await self.ask("POST", "/circle", {"device_name": self.name, "at_risk": at_risk})

    async def invite(self) -> str:
        """Makes an invitation; returns its link."""
        return str((await self.ask("POST", "/circle/invitations", {}))["link"])

    async def join(self, invitation: str) -> None:
        """Accepts an invitation."""
        await self.ask(
            "POST",
            "/circle/join",
            {"invitation": invitation, "device_name": self.name},
            seconds=_JOIN_SECONDS,
        )

    async def owner_id(self) -> str:
        """Who the owner is to the circle, in hexadecimal."""
        return str((await self.ask("GET", "/circle"))["owner_id"])

    async def members(self) -> list[dict[str, Any]]:
        """The circle's members as this device knows them."""
        return list((await self.ask("GET", "/circle"))["members"])

    async def circle(self) -> dict[str, Any]:
        """The circle as this device knows it."""
        return await self.ask("GET", "/circle")

    async def propose_removal(self, owner_id: str, state: str) -> str:
        """Proposes that a member goes; returns the next roster's hash."""
        made = await self.ask("POST", f"/circle/members/{owner_id}/removal", {"state": state})
        return str(made["roster_hash"])

    async def approve(self, roster_hash: str, seconds: float = 60.0) -> None:
        """Signs a proposal as an admin, as soon as it was heard of."""
        async with asyncio.timeout(seconds):
            while roster_hash not in await self._proposed():  # noqa: ASYNC110 - other devices tell of it
                await asyncio.sleep(0.2)
        await self.ask("POST", f"/circle/proposals/{roster_hash}/approve")

    async def _proposed(self) -> set[str]:
        waiting = await self.ask("GET", "/circle/proposals")
        return {proposal["roster_hash"] for proposal in waiting["proposals"]}

    async def knows_members(self, count: int, seconds: float = 60.0) -> None:
        """Returns when this device knows that many members with an address."""
        async with asyncio.timeout(seconds):
            async for topic, circle in self.events():
                members = circle["members"] if topic == "circle" and circle else []
                if sum(bool(member["endpoints"]) for member in members) >= count:
                    return

    async def knows_name(self, owner_id: str, name: str, seconds: float = 60.0) -> None:
        """Returns when this device knows a member by that name."""
        async with asyncio.timeout(seconds):
            async for topic, circle in self.events():
                members = circle["members"] if topic == "circle" and circle else []
                if any((one["owner_id"], one["name"]) == (owner_id, name) for one in members):
                    return

    async def put(self, path: str, source: bytes | Path, *, modified: int = 0) -> Written:
        """Stores bytes, or a file, under a path."""
        headers = {"X-Modified": str(modified)} if modified else {}
        size = len(source) if isinstance(source, bytes) else source.stat().st_size
        headers["Content-Length"] = str(size)
        data = pieces_of(source)
        async with self.http.put(_address("/files", path), data=data, headers=headers) as response:
            return Written.of(await checked(response))

    async def get(self, path: str) -> bytes:
        """Reads a whole file."""
        return b"".join([piece async for piece in self.read(path)])

    async def read(self, path: str) -> AsyncIterator[bytes]:
        """Reads a file piece by piece."""
        async with self.http.get(_address("/files", path)) as response:
            await refused(response)
            async for piece in response.content.iter_chunked(_PIECE):
                yield piece

    async def delete(self, path: str, *, recursive: bool = False, purge: bool = False) -> None:
        """Puts an entry into the trash, or deletes it for good."""
        query = {"recursive": str(recursive).lower(), "purge": str(purge).lower()}
        async with self.http.delete(_address("/files", path), params=query) as response:
            await checked(response)

    async def list(self, path: str = "/") -> AsyncIterator[dict[str, Any]]:
        """Every entry below a directory."""
        query = {"recursive": "true", "page_size": str(_PAGE)}
        while True:
            async with self.http.get(_address("/directories", path), params=query) as response:
                page = await checked(response)
            for entry in page["entries"]:
                yield entry
            if not page["next_page_token"]:
                return
            query["page_token"] = page["next_page_token"]

    async def health(self, path: str = "") -> Health:
        """What everything survives, or one file."""
        if path:
            return Health.of((await self.ask("GET", f"/health/{_escaped(path)}"))["health"])
        return Health.of(await self.ask("GET", "/health"))

    async def reaches_all(self, seconds: float = 60.0, *, but: Collection[str] = ()) -> None:
        """Returns when no member is away, whatever becomes of those of these names."""
        async with asyncio.timeout(seconds):
            while set((await self.health()).away).difference(but):  # noqa: ASYNC110 - in another process
                await asyncio.sleep(0.2)

    async def check(self, percent: int = 0, seconds: float = 600.0) -> dict[str, Any]:
        """Asks the keepers for every fragment."""
        started = await self.ask("POST", "/check", {"read_percent": percent})
        return await self.finished(started["operation_id"], seconds)

    async def repair(self, seconds: float = 600.0) -> dict[str, Any]:
        """Works the repair queue off, now."""
        started = await self.ask("POST", "/repair", {"now": True})
        return await self.finished(started["operation_id"], seconds)

    async def heals(self, losses: int, *paths: str, seconds: float = 120.0) -> None:
        """Asks for repairs until these files, or all, survive so many losses.

        A write is acknowledged when it survives one: its last members may get their fragments later.
        """
        async with asyncio.timeout(seconds):
            while min([(await self.health(path)).survives for path in paths or ("",)]) < losses:
                await self.repair()
                await asyncio.sleep(0.2)

    async def new_words(self, *, exposed: bool = False) -> str:
        """Makes new words, writes them down, gives three back; returns the operation that carries it on.

        `exposed`: strangers may know the old ones.
        """
        words, asked = await self.offered_words()
        return await self.take_words(words, asked, exposed=exposed)

    async def offered_words(self) -> tuple[str, str]:
        """Makes new words, which hold nothing yet; returns them, and the three that are asked back."""
        reply = SealingKey(secrets.token_bytes(32))
        body = {"passphrase": await self.sealed(Purpose.PASSPHRASE, self.passphrase)}
        answer = await self._ask_fresh("/words/rotation", {**body, "reply_key": encoded(reply.public)})
        words = open_text(Purpose.WORDS, base64.b64decode(answer["words"]), reply)
        return words, " ".join(words.split()[position - 1] for position in answer["ask"])

    async def take_words(self, words: str, asked: str, *, exposed: bool = False) -> str:
        """Gives the three back; returns the operation that carries the change on."""
        sealed = await self.sealed(Purpose.CONFIRMATION, asked)
        said = {"words": sealed, "exposed": exposed}
        started = await self.ask("POST", "/words/rotation/confirm", said)
        self.words = words
        return str(started["operation_id"])

    async def recover(self, seconds: float = 600.0, **wish: Any) -> dict[str, Any]:
        """Brings the owner back on a blank device, from the words alone, and logs in; returns the result.

        `wish`: `seq`, `contacts`, `from_circle`, `accept_rolled_back`, as the API takes them.
        """
        started = await self.ask(
            "POST",
            "/recovery",
            {
                "words": await self.sealed(Purpose.WORDS, self.words),
                "passphrase": await self.sealed(Purpose.PASSPHRASE, self.passphrase),
                **wish,
            },
        )
        ended = await self.finished(started["operation_id"], seconds)
        await self.log_in()
        return dict(json.loads(ended["result"] or "{}"))

    async def contacts(self) -> str:
        """The circle's contacts, as they are printed with the words."""
        async with self.http.get(f"{ROOT}/circle/contacts.txt") as response:
            await refused(response)
            return await response.text()

    async def backup(self) -> dict[str, Any]:
        """How far the backup is, and what is wrong with it."""
        return await self.ask("GET", "/backup")

    async def back_up(self) -> None:
        """Starts a new chain now. Raises ApiError as the cloud refuses it."""
        await self.ask("POST", "/backup/snapshot")

    async def backed_up(self, seconds: float = 60.0) -> None:
        """Returns when the cloud has acknowledged everything that was committed."""
        async with asyncio.timeout(seconds):
            async for topic, backup in self.events():
                if topic == "backup" and backup["enabled"] and not backup["pending"]:
                    return


async def pieces_of(source: bytes | Path) -> AsyncIterator[bytes]:
    """Bytes, or a file's, in pieces of 1 MiB."""
    if isinstance(source, bytes):
        for at in range(0, len(source), _PIECE):
            yield source[at : at + _PIECE]
        return
    with source.open("rb") as file:
        while piece := await asyncio.to_thread(file.read, _PIECE):
            yield piece


def _address(noun: str, path: str) -> str:
    return f"{ROOT}{noun}/{_escaped(path)}"


def _escaped(path: str) -> str:
    return quote(path.removeprefix("/"), safe="/")
