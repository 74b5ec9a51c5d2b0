"""What the initrd tells of the data: only what it wrote, and never more."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from piccolo_gateway.core.boot import IN_RAM, REASONS, STATES, told

FORGETS = {"degraded", "ram"}
INITRD = Path(__file__).parents[3] / "os-build/definition/initrd/module/piccolo-data"


@given(st.text())
def test_whatever_is_written_is_told_or_not_and_never_by_half(text: str) -> None:
    boot = told(text)
    assert boot is None or (boot.state in STATES and (boot.state in FORGETS) == bool(boot.message))


@pytest.mark.parametrize("reason", sorted(REASONS))
def test_each_reason_is_told_in_its_own_words(reason: str) -> None:
    boot = told(f"STATE=degraded\nREASON={reason.lower().replace('_', '-')}\nDATA=no\n")
    assert boot is not None
    assert boot.reason == reason
    assert boot.message.startswith(REASONS[reason])
    assert not boot.data


def test_a_reason_of_another_release_is_still_degraded() -> None:
    boot = told("STATE=degraded\nREASON=moon-phase\n")
    assert boot is not None
    assert (boot.reason, boot.data) == ("MOON_PHASE", False)
    assert "gone when the power goes" in boot.message


def test_a_device_in_memory_without_a_data_volume_is_none_that_failed() -> None:
    boot = told("STATE=ram\nREASON=\nDATA=no\n")
    assert boot is not None
    assert (boot.state, boot.reason, boot.message, boot.data) == ("ram", "", IN_RAM, False)
    assert "in_memory ram '' no" in INITRD.read_text(encoding="ascii")


def test_the_initrd_knows_the_same_reasons() -> None:
    script = INITRD.read_text(encoding="ascii")
    for reason in REASONS:
        assert reason.lower().replace("_", "-") in script
    assert "DATA=%s" in script
