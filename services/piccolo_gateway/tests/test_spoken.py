"""Which language a page without a script speaks, and how it writes numbers, sizes and times."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from piccolo_gateway.core.languages import Language, preferred
from piccolo_gateway.core.spoken import SPEECH

NOON = int(datetime(2026, 11, 26, 12, tzinfo=UTC).timestamp())
DAY = 86400


@pytest.mark.parametrize(
    ("header", "wanted"),
    [
        ("", "en"),
        ("de", "de"),
        ("de-AT,de;q=0.9,en;q=0.8", "de"),
        ("en-US,en;q=0.9,de;q=0.8", "en"),
        ("fr-FR, DE ; Q=0.5", "de"),
        ("fr, *;q=0.1", "en"),
        ("en;q=0, de;q=0.001", "de"),
        ("de;q=0", "en"),
        ("den", "en"),
        ("de;q=1.1, de;q=x, d\u00e9", "en"),
    ],
)
def test_the_language_that_a_browser_wants_most(header: str, wanted: str) -> None:
    assert preferred(header) == wanted


SPACE = st.sampled_from(["", " ", "\t"])
PARTS = st.lists(
    st.tuples(
        st.sampled_from(["en", "de", "fr", "zh-Hant-TW", "de-CH", "EN-gb"]), st.integers(0, 1000), SPACE
    )
)


@given(PARTS)
def test_the_greatest_weight_wins_and_of_equal_ones_the_first(parts: list[tuple[str, int, str]]) -> None:
    header = ",".join(f"{space}{tag}{space};{space}q={q / 1000:.3f}{space}" for tag, q, space in parts)
    ours = [(tag.lower()[:2], q) for tag, q, _ in parts if tag.lower()[:2] in {"en", "de"} and q]
    most = max((q for _, q in ours), default=0)
    wanted = next((language for language, q in ours if q == most), "en")
    assert preferred(header) == wanted


@given(st.text(st.characters(codec="latin-1"), max_size=200))
@example("en;q=" + "0" * 200)
def test_whatever_stands_in_the_header_there_is_a_language(header: str) -> None:
    assert preferred(header) in {"en", "de"}


@pytest.mark.parametrize(
    ("size", "english", "german"),
    [
        (0, "0 bytes", "0 Byte"),
        (1, "1 byte", "1 Byte"),
        (999, "999 bytes", "999 Byte"),
        (1000, "1 kB", "1 kB"),
        (3_449_999, "3.4 MB", "3,4 MB"),
        (99_600_000, "100 MB", "100 MB"),
        (999_600_000, "1 GB", "1 GB"),
        (12_345 * 10**12, "12,345 TB", "12.345 TB"),
    ],
)
def test_sizes(size: int, english: str, german: str) -> None:
    assert (SPEECH["en"].size(size), SPEECH["de"].size(size)) == (english, german)


@pytest.mark.parametrize(
    ("left", "english", "german"),
    [
        (-5, "in 1 minute", "in 1 Minute"),
        (3599, "in 59 minutes", "in 59 Minuten"),
        (3600, "in 1 hour", "in 1 Stunde"),
        (DAY - 1, "in 23 hours", "in 23 Stunden"),
        (DAY, "in 1 day (27 November)", "in 1 Tag (27. November)"),
        (7 * DAY - 1, "in 7 days (3 December)", "in 7 Tagen (3. Dezember)"),
        (36 * DAY, "in 36 days (1 January 2027)", "in 36 Tagen (1. Januar 2027)"),
        (3660 * DAY, "in 3,660 days (3 December 2036)", "in 3.660 Tagen (3. Dezember 2036)"),
    ],
)
def test_how_far_away_an_end_is(left: int, english: str, german: str) -> None:
    told = [SPEECH[language].until(NOON + left, NOON) for language in ("en", "de")]
    assert told == [english, german]


def test_a_moment_exactly() -> None:
    march = int(datetime(2027, 3, 9, 7, 5, tzinfo=UTC).timestamp())
    assert SPEECH["en"].exact(march) == "9 March 2027, 07:05 UTC"
    assert SPEECH["de"].exact(march) == "9. März 2027, 07:05 UTC"


@given(st.sampled_from(["en", "de"]), st.integers(0, 2**32), st.integers(0, 10 * 366 * DAY))
def test_an_end_is_never_told_as_past_or_as_farther_than_it_is(
    language: Language, now: int, left: int
) -> None:
    number = int("".join(one for one in SPEECH[language].until(now + left, now).split()[1] if one.isdigit()))
    assert 1 <= number <= max(60, left / DAY + 1)
