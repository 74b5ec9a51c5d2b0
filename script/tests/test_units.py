"""The units say what services/callers.toml says: whose socket's folder a process may enter, and whose not."""

from __future__ import annotations

import configparser
import shutil
import tomllib
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest
import tomli_w
from hypothesis import given
from piccolo_attestation.config import Config as Attestation
from piccolo_chassis import command
from piccolo_chassis.config import load
from piccolo_chassis.serve import HasServe
from piccolo_disk.core.answers import Answer
from piccolo_fragment_store.config import Config as FragmentStore
from piccolo_gateway.adapters.provisioned import ProvisionStatus
from piccolo_gateway.config import Config as Gateway
from piccolo_gateway.core.power import PowerAct, PowerAnswer
from piccolo_metadata.config import Config as Metadata
from piccolo_power.core.answers import Answer as PowersAnswer
from piccolo_power.core.asked import Act
from piccolo_provision.adapters import system
from piccolo_provision.config import Config as Provision
from piccolo_provision.core.document import parse
from piccolo_provision.core.places import PLACES
from piccolo_provision.core.refusals import Reason
from piccolo_provision.core.render import render
from piccolo_provision.core.status import State, tell
from piccolo_provision.tests.nodes import NOW, documents
from piccolo_vault.config import Config as Vault
from piccolo_vault.core.keys.disk import DiskAnswer
from piccolo_vault.engine.keys.custody import RECOVERY_FILE, SEALED_FILE

from script.callers import ROOT, Service, groups
from script.callers import load as load_table

UNITS: Final = ROOT / "units"
IMAGE: Final = ROOT / "os-build/definition/root/usr/lib/systemd/system"
TABLE: Final = load_table()
CONFIGS: Final[dict[str, type[HasServe]]] = {
    "attestation": Attestation,
    "fragment-store": FragmentStore,
    "gateway": Gateway,
    "metadata": Metadata,
    "vault": Vault,
}
MOST_EXPOSED: Final = 2.0
# root's parts: who may open their socket, the setting of that service which names it, the most exposure
ROOTS: Final = {"disk": ("vault", "disk", 5.0), "power": ("gateway", "power", 2.0)}


def sections(path: Path) -> configparser.ConfigParser:
    """A unit, or a drop-in for one; of settings that may be given more than once the last ones."""
    parser = configparser.ConfigParser(strict=False, interpolation=None)
    parser.optionxform = str  # type: ignore[assignment,method-assign]  # systemd's keys have capitals
    parser.read_string(path.read_text(encoding="utf-8"))
    return parser


def unit(name: str) -> dict[str, str]:
    return dict(sections(UNITS / f"system/piccolo-{name}.service")["Service"])


def lines(path: str) -> list[list[str]]:
    text = (UNITS / path).read_text(encoding="utf-8")
    return [line.split() for line in text.splitlines() if line and not line.startswith("#")]


def test_every_service_has_a_unit_and_every_unit_a_service() -> None:
    there = {path.stem.removeprefix("piccolo-") for path in (UNITS / "system").glob("piccolo-*.service")}
    assert there == set(TABLE)


@pytest.mark.parametrize("service", TABLE.values(), ids=lambda row: row.name)
def test_a_process_is_in_the_groups_of_the_sockets_it_calls_and_in_no_other(service: Service) -> None:
    told = unit(service.name)
    assert told["User"] == told["Group"] == f"piccolo-{service.name}"
    assert told.get("SupplementaryGroups", "").split() == groups(TABLE, service.name)


def test_the_vault_knows_every_answer_of_roots_part_of_the_disk() -> None:
    assert {answer.value for answer in Answer} == {answer.value for answer in DiskAnswer}


def test_the_gateway_knows_what_can_be_asked_about_power_and_every_answer() -> None:
    assert {act.value for act in Act} == {act.value for act in PowerAct}
    assert {answer.value for answer in PowersAnswer} == {answer.value for answer in PowerAnswer}


@pytest.mark.parametrize("name", ROOTS)
def test_a_part_of_root_s_is_asked_by_one_user_only_and_one_at_a_time(name: str) -> None:
    caller, setting, _ = ROOTS[name]
    told = sections(IMAGE / f"device-{name}.socket")["Socket"]
    assert (told["SocketUser"], told["SocketMode"]) == (f"piccolo-{caller}", "0600")
    assert (told["Accept"], told["MaxConnections"]) == ("yes", "1")
    configured = tomllib.loads((UNITS / f"config/{caller}.toml").read_text(encoding="utf-8"))
    assert configured[setting] == told["ListenStream"]
    preset = (IMAGE.parent / "system-preset/00-piccolo.preset").read_text(encoding="utf-8")
    assert f"enable device-{name}.socket\n" in preset


def test_users_and_groups_are_made_and_no_others() -> None:
    made = lines("sysusers.d/piccolo.conf")
    assert {row[1] for row in made if row[0] == "u"} == {f"piccolo-{name}" for name in TABLE}
    callers = {f"piccolo-{row.name}-callers" for row in TABLE.values() if row.socket}
    assert {row[1] for row in made if row[0] == "g"} == {*callers, "piccolo-reserve"}
    numbers = [int(row[2]) for row in made]
    assert sorted(numbers) == list(range(900, 900 + len(made))), "files belong to numbers, in every release"


def test_what_a_full_disk_keeps_is_for_the_group_of_all_services() -> None:
    (number,) = [row[2] for row in lines("sysusers.d/piccolo.conf") if row[1] == "piccolo-reserve"]
    mounting = (ROOT / "os-build/definition/initrd/module/piccolo-data").read_text(encoding="utf-8")
    assert f"\ntune2fs -g {number} /dev/mapper/data\n" in mounting
    common = (UNITS / "system/piccolo-.service.d/10-common.conf").read_text(encoding="utf-8")
    assert "\nSupplementaryGroups=piccolo-reserve\n" in common


def test_a_socket_lies_where_only_its_callers_may_enter() -> None:
    folders = {row[1]: row[2:5] for row in lines("tmpfiles.d/piccolo.conf")}
    places = {f"/run/{Path(place.path).parent}" for place in PLACES.values()}
    for folder in ("/run/piccolo", *places):
        assert folders.pop(folder) == ["0755", "root", "root"]
    assert folders == {
        f"/run/piccolo/{row.name}": ["0710", f"piccolo-{row.name}", f"piccolo-{row.name}-callers"]
        for row in TABLE.values()
        if row.socket
    }
    for name in (row.name for row in TABLE.values() if row.socket):
        assert unit(name)["ReadWritePaths"] == f"/run/piccolo/{name}"
    assert set(unit("provision")["ReadWritePaths"].split()) == places


@pytest.mark.parametrize("name", CONFIGS)
def test_the_configuration_is_one_and_its_folders_are_the_unit_s(name: str) -> None:
    path = UNITS / f"config/{name}.toml"
    settings = load(CONFIGS[name], [path])
    state = tomllib.loads(path.read_text(encoding="utf-8"))["state"]
    assert state == f"/var/lib/{unit(name)['StateDirectory']}"
    socket = Path(f"/run/piccolo/{name}/s.sock") if TABLE[name].socket else None
    assert settings.serve.socket == socket


def test_provision_is_before_all_others_of_the_device() -> None:
    parser = configparser.ConfigParser(strict=False, interpolation=None)
    parser.read(UNITS / "system/piccolo-provision.service", encoding="utf-8")
    others = {f"piccolo-{name}.service" for name in set(TABLE) - {"provision", "cloud"}}
    assert set(parser["Unit"]["Before"].split()) == others
    assert str(Provision().state) == f"/var/lib/{unit('provision')['StateDirectory']}"
    assert str(Provision().handover) == f"/run/{unit('provision')['RuntimeDirectory']}"
    assert Gateway().provision.parent == Provision().handover


def test_provision_knows_by_the_vault_s_files_whether_somebody_owns_the_device() -> None:
    assert set(system.OWNED) == {SEALED_FILE, RECOVERY_FILE}
    assert str(Provision().vault) == f"/var/lib/{unit('vault')['StateDirectory']}"


def test_a_site_that_did_not_answer_is_asked_again_by_a_timer_that_provision_starts() -> None:
    assert system.ASK_AGAIN[-1] == "device-provision.timer"
    timer, service = (sections(IMAGE / f"device-provision.{kind}") for kind in ("timer", "service"))
    assert set(timer["Timer"]) == {"OnActiveSec", "RandomizedDelaySec", "AccuracySec"}, "once a start of it"
    assert service["Service"]["ExecStart"].endswith(" --no-block restart piccolo-provision.service")
    # which is over then: its end is what others of a boot wait for
    assert (
        "\nRemainAfterExit=yes\n" in (UNITS / "system/piccolo-provision.service.d/20-once.conf").read_text()
    )
    preset = (IMAGE.parent / "system-preset/00-piccolo.preset").read_text(encoding="utf-8")
    assert "device-provision" not in preset


def test_a_manager_that_hangs_is_reset_by_the_machine_s_watchdog() -> None:
    told = sections(IMAGE.parent / "system.conf.d/10-piccolo.conf")["Manager"]
    assert 60 <= seconds(told["RuntimeWatchdogSec"]) <= 240, "of the slowest machine, and of any watchdog"


def test_only_a_boot_on_trial_has_a_limit_and_one_that_no_slow_machine_meets() -> None:
    """What it waits for at most, one after the other: provision, a service, and their judge."""
    limited = {path for path in IMAGE.rglob("*") if path.is_file() and "JobTimeoutSec" in path.read_text()}
    assert limited == {IMAGE / "boot-complete.target.d/10-limit.conf"}, "which no other boot has a job for"
    told = sections(*limited)["Unit"]
    assert told["JobTimeoutAction"] == "reboot-force"
    common = sections(UNITS / "system/piccolo-.service.d/10-common.conf")["Service"]
    judge = sections(IMAGE / "device-health.service")
    assert judge["Install"]["RequiredBy"] == "boot-complete.target"
    waits = 2 * seconds(common["TimeoutStartSec"]) + seconds(judge["Service"]["TimeoutStartSec"])
    assert waits < seconds(told["JobTimeoutSec"]) <= 1800


def seconds(told: str) -> int:
    """A span of time as our units say it."""
    number, unit_of_time = told.removesuffix("min"), 60 if told.endswith("min") else 1
    return int(number) * unit_of_time


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("reason", [None, *Reason])
def test_the_gateway_reads_what_provision_tells(state: State, reason: Reason | None, tmp_path: Path) -> None:
    (tmp_path / "status.json").write_bytes(msgspec.json.encode(tell(state, reason)))
    told = ProvisionStatus(tmp_path / "status.json").told()
    assert told is not None
    assert (told.state, told.reason) == (state, reason or "")
    assert told.message


@given(documents)
def test_no_configuration_of_a_node_keeps_a_service_from_starting(
    tmp_path_factory: pytest.TempPathFactory, told: dict[str, Any]
) -> None:
    """Whatever passes as one; the services read what is made of it over the image's settings."""
    folder = tmp_path_factory.mktemp("config")
    node = parse(tomli_w.dumps({"node": "kitchen", "serial": 1, "expires": NOW, **told}).encode())
    for name, content in render(node).items():
        (folder / name).write_bytes(content)
    for name, kind in CONFIGS.items():
        layers = UNITS / f"config/{name}.toml", folder / f"{name}.toml"
        load(kind, filter(Path.is_file, layers))


@pytest.mark.component
@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd-analyze on this machine")
@pytest.mark.parametrize("name", TABLE)
async def test_a_service_is_walled_in(name: str, tmp_path: Path) -> None:
    """By systemd's own reckoning, from 0 (all walls) to 10 (none)."""
    shutil.copytree(UNITS / "system", tmp_path / "usr/lib/systemd/system")
    assert await exposure(tmp_path, f"piccolo-{name}.service", MOST_EXPOSED) < MOST_EXPOSED


@pytest.mark.component
@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd-analyze on this machine")
@pytest.mark.parametrize("name", ROOTS)
async def test_a_part_of_root_s_is_walled_in(name: str, tmp_path: Path) -> None:
    """As far as what it does can be done behind walls."""
    system, most = tmp_path / "usr/lib/systemd/system", ROOTS[name][2]
    system.mkdir(parents=True)
    shutil.copy(IMAGE / f"device-{name}@.service", system / f"device-{name}@1.service")
    assert await exposure(tmp_path, f"device-{name}@1.service", most) < most


async def exposure(root: Path, name: str, most: float) -> float:
    """What systemd-analyze reckons for a unit of a root."""
    told = await command.run(
        [
            *("systemd-analyze", "security", "--offline=true", "--no-pager", f"--root={root}"),
            *(f"--threshold={most * 10:.0f}", name),
        ],
        seconds=60.0,
        check=False,
    )
    assert told.status == 0, told.stdout.decode() + told.stderr.decode()
    words = told.stdout.decode().rstrip().splitlines()[-1].split()
    return float(words[words.index(f"{name}:") + 1])
