"""The circle, settings, recovery and words over HTTP."""

from __future__ import annotations

import base64
import xml.etree.ElementTree as ET

import pytest
from piccolo.attestation.v1 import circle_pb2 as pb
from piccolo_formats.client_seal import Purpose, open_text
from piccolo_formats.keypairs import SealingKey

from piccolo_gateway.tests.conftest import PASSPHRASE, World
from piccolo_gateway.tests.fakes.keys import WORDS

ANA = (b"o" * 32).hex()


async def test_before_there_is_a_circle(world: World) -> None:
    assert (await world.json("GET", "/status"))[1]["circle"] is False
    status, problem = await world.json("GET", "/circle")
    assert (status, problem["reason"]) == (404, "NO_CIRCLE")
    assert problem["next_step"] == "Found a circle, or join one by an invitation."


async def test_the_contacts_are_told_to_be_printed(world: World) -> None:
    assert (await world.json("GET", "/circle/contacts"))[0] == 404
    await world.client.found()
    status, told = await world.json("GET", "/circle/contacts")
    assert status == 200
    assert [(one["name"], one["line"]) for one in told["contacts"]] == [("Ana", "127.0.0.1:2#0000")]
    assert told["text"] == "circle#0000\n127.0.0.1:2#0000"
    assert "Print them" in told["words"]
    async with world.client.http.get("/api/v1/circle/contacts.txt") as printed:
        assert printed.content_type == "text/plain"
        assert await printed.text() == f"{told['words']}\n\n{told['text']}\n"
    world.fakes.circle.told = False
    assert "No other member" in (await world.json("GET", "/circle/contacts"))[1]["words"]


async def test_inviting_and_revoking(world: World) -> None:
    await world.client.found()
    status, made = await world.json("POST", "/circle/invitations", json={"note": "Ana"})
    assert status == 201
    svg = ET.fromstring(made["qr"])
    assert svg.tag == "{http://www.w3.org/2000/svg}svg"
    assert made["link"].startswith("piccolo:")
    path = f"/circle/invitations/{made['invitation_id']}"
    assert (await world.json("DELETE", path))[0] == 204
    _, known = await world.json("GET", "/circle/invitations")
    assert [(one["note"], one["state"]) for one in known["invitations"]] == [("Ana", "revoked")]
    assert made["code"] not in str(known)
    assert (await world.json("DELETE", f"/circle/invitations/{'f' * 32}"))[0] == 404
    assert (await world.json("DELETE", "/circle/invitations/nonsense"))[0] == 404


async def test_joining(world: World) -> None:
    link = "piccolo://join?code=" + "A" * 26
    status, opened = await world.json("POST", "/circle/invitation", json={"invitation": link})
    assert (status, opened["invited_by_name"]) == (200, "Ana")
    status, joined = await world.json("POST", "/circle/join", json={"invitation": link, "device_name": "box"})
    assert (status, joined["members"]) == (200, 2)
    assert (await world.json("GET", "/status"))[1]["circle"] is True


async def test_a_device_is_called_otherwise(world: World) -> None:
    status, problem = await world.json("PUT", "/circle/name", json={"device_name": "Attic"})
    assert (status, problem["reason"]) == (404, "NO_CIRCLE")
    await world.json("POST", "/circle", json={"device_name": "box"})
    status, _ = await world.json("PUT", "/circle/name", json={"device_name": "Attic"})
    members = (await world.json("GET", "/circle"))[1]["members"]
    assert (status, [one["name"] for one in members if one["self"]]) == (200, ["Attic"])


async def test_joining_while_the_admins_are_away(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("piccolo_gateway.adapters.vault_keys._JOIN_SECONDS", 0.2)
    world.fakes.circle.admins_away = True
    body = {"invitation": "piccolo://join?code=" + "A" * 26, "device_name": "box"}
    status, problem = await world.json("POST", "/circle/join", json=body)
    assert (status, problem["reason"]) == (504, "ADMINS_AWAY")
    assert problem["next_step"].startswith("Ask the admins to unlock their devices")


@pytest.mark.parametrize("text", ["x" * 30, "ABCD"])
async def test_an_invitation_that_is_none(world: World, text: str) -> None:
    body = {"invitation": text, "device_name": "box"}
    status, problem = await world.json("POST", "/circle/join", json=body)
    assert (status, problem["reason"]) == (400, "INVITATION_UNREADABLE")


async def test_a_member_goes_by_proposal_and_consent(world: World) -> None:
    await world.client.found()
    status, proposed = await world.json("POST", f"/circle/members/{ANA}/removal", json={"state": "leaving"})
    assert status == 201
    _, waiting = await world.json("GET", "/circle/proposals")
    assert [one["roster_hash"] for one in waiting["proposals"]] == [proposed["roster_hash"]]
    assert [(one["kind"], one["member"]) for one in waiting["proposals"]] == [("LEAVES", "Ana")]
    status, approved = await world.json("POST", f"/circle/proposals/{proposed['roster_hash']}/approve")
    assert (status, approved) == (200, {"wanted": 0})


@pytest.mark.parametrize("state", ["active", "unknown", ""])
async def test_nobody_is_made_active_by_a_removal(world: World, state: str) -> None:
    await world.client.found()
    assert (await world.json("POST", f"/circle/members/{ANA}/removal", json={"state": state}))[0] == 400


@pytest.mark.parametrize("owner", ["x", ANA.upper(), ANA[:-2], ANA + "00"])
async def test_members_that_are_none(world: World, owner: str) -> None:
    await world.client.found()
    path = f"/circle/members/{owner}/removal"
    assert (await world.json("POST", path, json={"state": "leaving"}))[0] == 404


async def test_settings_are_values_of_their_own_type(world: World) -> None:
    _, told = await world.json("GET", "/settings")
    assert {one["name"]: one["value"] for one in told["settings"]} == {
        "device.name": "Piccolo",
        "versions.keep": 10,
    }
    changed = {"values": {"device.name": "Box", "versions.keep": 20}}
    _, told = await world.json("PATCH", "/settings", json=changed)
    assert [one["value"] for one in told["settings"]] == ["Box", 20]
    _, told = await world.json("PATCH", "/settings", json={"values": {"versions.keep": None}})
    assert [one["value"] for one in told["settings"]] == ["Box", 10]
    wrongs: list[dict[str, object]] = [{"device.name": 1}, {"unknown": 1}, {}, {"device.name": []}]
    for wrong in wrongs:
        assert (await world.json("PATCH", "/settings", json={"values": wrong}))[0] == 400


async def test_words_are_tested_without_being_told(world: World) -> None:
    for words, match in ((WORDS, True), (WORDS.upper(), False)):
        body = {"words": await world.sealed(Purpose.WORDS, words)}
        assert (await world.json("POST", "/words/test", json=body)) == (200, {"match": match})


async def test_new_words_are_shown_once_and_confirmed(world: World) -> None:
    reply = SealingKey(bytes(range(32)))
    asked = {
        "passphrase": await world.sealed(Purpose.PASSPHRASE, "not the passphrase"),
        "reply_key": base64.b64encode(reply.public).decode(),
    }
    status, problem = await world.json("POST", "/words/rotation", json=asked)
    assert (status, problem["reason"]) == (401, "PASSPHRASE_WRONG")
    early = {"words": await world.sealed(Purpose.CONFIRMATION, "a b c")}
    status, problem = await world.json("POST", "/words/rotation/confirm", json=early)
    assert (status, problem["reason"]) == (409, "NO_NEW_WORDS")

    asked["passphrase"] = await world.sealed(Purpose.PASSPHRASE, PASSPHRASE)
    world.fakes.keys.delay = 0.0
    status, told = await world.json("POST", "/words/rotation", json=asked)
    assert status == 201
    assert "do not protect what the old words could already open" in told["protects"]
    words = open_text(Purpose.WORDS, base64.b64decode(told["words"]), reply).split()
    said = " ".join(words[at - 1] for at in told["ask"])
    body = {"words": await world.sealed(Purpose.CONFIRMATION, said)}
    status, started = await world.json("POST", "/words/rotation/confirm", json=body)
    assert status == 202
    assert (await world.json("GET", f"/operations/{started['operation_id']}"))[0] == 200
    assert (await world.json("GET", "/status"))[1]["new_words"] is False
    assert not world.fakes.keys.exposed


async def test_words_that_were_exposed_are_told_to_be(world: World) -> None:
    reply = SealingKey(bytes(range(32)))
    asked = {
        "passphrase": await world.sealed(Purpose.PASSPHRASE, PASSPHRASE),
        "reply_key": base64.b64encode(reply.public).decode(),
    }
    _, told = await world.json("POST", "/words/rotation", json=asked)
    assert "confirm these ones with `exposed`" in told["protects"]
    assert "What somebody copied before that stays readable" in told["protects"]
    words = open_text(Purpose.WORDS, base64.b64decode(told["words"]), reply).split()
    sealed = await world.sealed(Purpose.CONFIRMATION, " ".join(words[at - 1] for at in told["ask"]))
    wrong = {"words": sealed, "exposed": "yes"}
    status, problem = await world.json("POST", "/words/rotation/confirm", json=wrong)
    assert (status, problem["status"]) == (400, 400)
    status, started = await world.json(
        "POST", "/words/rotation/confirm", json={"words": sealed, "exposed": True}
    )
    assert status == 202
    assert world.fakes.keys.exposed
    assert (await world.json("GET", f"/operations/{started['operation_id']}"))[0] == 200


async def test_recovery_on_a_device_that_has_an_owner(world: World) -> None:
    body = {
        "words": await world.sealed(Purpose.WORDS, WORDS),
        "passphrase": await world.sealed(Purpose.PASSPHRASE, PASSPHRASE),
    }
    status, problem = await world.json("POST", "/recovery", json=body)
    assert (status, problem["reason"]) == (409, "NOT_BLANK")
    assert (await world.json("GET", "/directories"))[0] == 200  # the owner's session was not ended by it


async def test_the_backup(world: World) -> None:
    assert (await world.json("GET", "/backup"))[1]["enabled"] is True
    _, witnesses = await world.json("GET", "/backup/witnesses")
    assert witnesses == {"seq": 7, "told": 2, "members": 3, "words": "2 of 3 members know of it."}
    assert (await world.json("POST", "/backup/snapshot"))[0] == 201
    assert [one["seq"] for one in (await world.json("GET", "/recovery/points"))[1]["points"]] == [1]


async def test_what_somebody_should_look_at_is_told(world: World) -> None:
    await world.client.found()
    quiet = (await world.json("GET", "/circle"))[1]
    assert (quiet["fenced"], quiet["alarms"]) == ("", [])
    circle = world.fakes.circle
    circle.frozen, circle.fenced, circle.alarms = (
        "Two rosters.",
        "A newer device took over.",
        {"Ana twice.": pb.Alarm(reason="DEVICE_TWICE", member=2, generation=3)},
    )
    told = (await world.json("GET", "/circle"))[1]
    assert told["fenced"] == "A newer device took over."
    assert told["alarms"] == ["Two rosters.", "A newer device took over.", "Ana twice."]
    facts = [(one["reason"], one["words"], one["member"]) for one in told["alarm_facts"]]
    assert facts == [("CIRCLE_FROZEN", "Two rosters.", ""), ("DEVICE_TWICE", "Ana twice.", "Ana")]


async def test_what_the_keys_know_of_a_newer_device_is_told_where_the_circle_tells_nothing(
    world: World,
) -> None:
    await world.client.found()
    world.fakes.keys.fenced = "A newer device of yours took over."
    told = (await world.json("GET", "/circle"))[1]
    assert (told["fenced"], told["alarms"]) == (world.fakes.keys.fenced, [world.fakes.keys.fenced])
    world.fakes.circle.fenced = "'box' (generation 2) took over."
    assert (await world.json("GET", "/circle"))[1]["fenced"] == "'box' (generation 2) took over."


async def test_a_fenced_backup_shows_its_proof(world: World) -> None:
    quiet = (await world.json("GET", "/backup"))[1]
    assert (quiet["fenced"], quiet["fenced_by"]) == (False, "")
    await world.fakes.backup.change(
        fenced=True, fenced_by=b"signed", problem="A newer device writes.", problem_reason="FENCED"
    )
    told = (await world.json("GET", "/backup"))[1]
    assert (told["fenced"], told["fenced_by"]) == (True, b"signed".hex())
    assert (told["problem"], told["problem_reason"]) == ("A newer device writes.", "FENCED")


async def test_what_everything_survives(world: World) -> None:
    await world.client.put("/a", b"x")
    assert (await world.client.health("/a")).words == "survives the loss of any 2 of 4 devices"
    _, told = await world.json("GET", "/health/a?ask=true")
    assert told["fragments"][0]["keeper_name"] == "Ana"
