from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from piccolo_chassis.errors import Kind, PiccoloError

from piccolo_metadata.core.settings import CATALOGUE, parse
from piccolo_metadata.engine import settings
from piccolo_metadata.tests.builders import Bench

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)


@pytest.mark.parametrize("name", sorted(CATALOGUE))
def test_every_default_is_a_good_value_and_has_a_meaning(name: str) -> None:
    setting = CATALOGUE[name]
    assert parse(name, json.dumps(setting.default)) == setting.default
    assert setting.meaning.endswith(".")


@given(st.sampled_from(sorted(CATALOGUE)), JSON)
def test_a_value_is_taken_as_it_is_or_refused_in_words(name: str, value: object) -> None:
    setting = CATALOGUE[name]
    if value is None or setting.shape.problem(value) is None:
        assert parse(name, json.dumps(value)) == value
        assert value is None or type(value) is type(setting.default)
    else:
        with pytest.raises(PiccoloError, match=name) as refused:
            parse(name, json.dumps(value))
        assert refused.value.reason == "SETTING_WRONG"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("versions.keep", "0"),
        ("versions.keep", "true"),
        ("versions.keep", "10.0"),
        ("versions.keep", '"10"'),
        ("versions.min_age_days", "29"),  # younger versions are never pruned
        ("device.name", '""'),
        ("device.name", '"two\\nlines"'),
        ("device.name", '" blank"'),
        ("storage.k", "-1"),
        ("storage.k", "{"),
        ("storage.k", ""),
    ],
)
def test_wrong_values_are_refused(name: str, text: str) -> None:
    with pytest.raises(PiccoloError, match=name) as refused:
        parse(name, text)
    assert refused.value.reason == "SETTING_WRONG"


def test_an_unknown_name_is_told_which_there_are() -> None:
    with pytest.raises(PiccoloError, match=r"versions\.keep") as refused:
        parse("versions.kept", "1")
    assert refused.value.reason == "SETTING_UNKNOWN"


def test_settings_are_changed_together_or_not_at_all() -> None:
    bench = Bench()
    before = bench.now(settings.get_all)
    with pytest.raises(PiccoloError):
        bench.do(settings.set_some, {"versions.keep": "3", "zzz": "1"})
    assert bench.now(settings.get_all) == before
    changed = bench.do(settings.set_some, {"versions.keep": "3", "device.name": '"Küche"'})
    assert (changed["versions.keep"], changed["device.name"]) == (3, "Küche")
    assert bench.now(settings.get_all) == changed
    assert list(changed) == sorted(CATALOGUE)


def test_null_and_the_default_go_back_and_leave_no_row() -> None:
    bench = Bench()
    bench.do(settings.set_some, {"versions.keep": "3", "trash.days": "5"})
    bench.do(settings.set_some, {"versions.keep": "null", "trash.days": "30"})
    assert bench.now(settings.get_all)["versions.keep"] == 10
    assert bench.rows("SELECT * FROM setting") == []


@pytest.mark.parametrize(("k", "m"), [(5, 4), (2, 2), (1, 1), (0, 1), (31, 0), (255, 255), (3, 256)])
def test_k_and_m_must_leave_something_to_lose(k: int, m: int) -> None:
    with pytest.raises(PiccoloError, match=r"storage\.[km]") as told:
        Bench().do(settings.set_some, {"storage.k": str(k), "storage.m": str(m)})
    assert (told.value.kind, told.value.reason) == (Kind.INVALID, "SETTING_WRONG")


@pytest.mark.parametrize(("k", "m"), [(3, 10), (1, 2), (254, 255), (30, 0), (0, 255), (0, 2)])
def test_k_and_m_as_an_explicit_choice(k: int, m: int) -> None:
    changed = Bench().do(settings.set_some, {"storage.k": str(k), "storage.m": str(m)})
    assert (changed["storage.k"], changed["storage.m"]) == (k, m)
