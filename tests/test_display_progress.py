"""How fast a run is said to be: by what it did, not by what it waited for first."""

import time

import pytest

from fret.display_progress import Display, Rate


def test_what_comes_before_the_first_unit_is_no_part_of_a_rate() -> None:
    rate = Rate()
    assert rate.measure(1, 1000.0) is None
    assert rate.measure(2, 1000.2) is None  # over so short a time it would say little
    assert rate.measure(11, 1005.0) == pytest.approx(2.0)


def test_units_that_are_done_at_once_count_from_the_last_of_them() -> None:
    rate = Rate()
    for done in range(1, 65):
        assert rate.measure(done, 50.0 + done / 10_000) is None
    assert rate.measure(128, 58.0064) == pytest.approx(8.0)


def test_a_line_of_progress_gives_the_rate_without_the_loading(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    now = 0.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    with Display(quiet=False) as display:
        display.starts("encoding", 100, 500)
        now = 60.0  # a model is loaded
        display.advanced("encoding", {})
        for _ in range(120):
            now += 0.5
            display.advanced("encoding", {})
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "encoding: 101 of 500"
    assert len(lines) == 2 and lines[1].endswith(" of 500, 2.0/s")
