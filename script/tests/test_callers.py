"""The table of callers: what it says of itself, what it forbids, and the groups it yields."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]


def _loaded(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, ROOT / f"script/{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    import sys

    sys.modules[name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


callers = _loaded("callers")

TABLE = """
[alpha]
socket = true
calls = ["beta"]
reaches = []
[beta]
socket = true
calls = []
reaches = ["gamma-ray"]
[gamma-ray]
socket = false
calls = []
reaches = []
"""


def table(folder: Path, text: str = TABLE) -> object:
    (path := folder / "callers.toml").write_text(text)
    return callers.load(path)


def found(folder: Path, package: str, code: str, name: str = "service.py") -> list[str]:
    place = folder / "services" / package / name
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(code)
    return list(callers.violations(table(folder), folder / "services"))


def test_the_project_s_own_table_holds_and_the_code_keeps_it() -> None:
    assert list(callers.violations(callers.load())) == []


@pytest.mark.parametrize(
    "code",
    [
        "from piccolo.gamma_ray.v1 import x_pb2",
        "import piccolo.gamma_ray.v1.x_pb2 as x",
        "from piccolo import gamma_ray",
        "def f():\n    from piccolo.gamma_ray.v1.x_pb2 import X",
        "if TYPE_CHECKING:\n    import piccolo.gamma_ray.v1",
    ],
)
def test_a_wire_that_the_table_does_not_allow_is_found(tmp_path: Path, code: str) -> None:
    (told,) = found(tmp_path, "piccolo_alpha", code)
    assert "services/piccolo_alpha/service.py" in told
    assert "piccolo.gamma_ray" in told


@pytest.mark.parametrize(
    ("package", "code", "name"),
    [
        ("piccolo_alpha", "from piccolo.beta.v1 import x_pb2", "service.py"),
        ("piccolo_alpha", "from piccolo.alpha.v1 import x_pb2", "adapters/x.py"),
        ("piccolo_beta", "from piccolo.gamma_ray.v1 import x_pb2", "service.py"),
        ("piccolo_alpha", "from piccolo.gamma_ray.v1 import x_pb2", "tests/test_x.py"),
        ("piccolo_chassis", "from piccolo.chassis.v1 import metrics_pb2", "metrics.py"),
        ("piccolo_alpha", "from .piccolo.gamma_ray import x", "service.py"),
    ],
)
def test_what_the_table_allows_passes(tmp_path: Path, package: str, code: str, name: str) -> None:
    assert found(tmp_path, package, code, name) == []


def test_the_chassis_and_the_formats_may_use_no_service_s_wire(tmp_path: Path) -> None:
    assert len(found(tmp_path, "piccolo_chassis", "import piccolo.alpha.v1.x_pb2")) == 1
    assert len(found(tmp_path, "piccolo_formats", "import piccolo.beta.v1.x_pb2")) == 2


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('["beta"]', '["bta"]', "no service is named bta"),
        ('["beta"]', '["gamma-ray"]', "has no socket"),
        ("socket = false", "sockets = false", "exactly the keys"),
    ],
)
def test_a_table_that_contradicts_itself_is_refused(tmp_path: Path, old: str, new: str, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        table(tmp_path, TABLE.replace(old, new))


def test_a_process_is_in_one_group_a_socket_it_may_reach(tmp_path: Path) -> None:
    rows = table(tmp_path)
    assert callers.groups(rows, "alpha") == ["piccolo-beta-callers"]
    assert callers.groups(rows, "beta") == []
