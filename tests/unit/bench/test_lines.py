"""What the bench prints: names, values, medians, ratios and targets."""

from __future__ import annotations

import pytest

from tests.bench.figures import FIGURES
from tests.bench.lines import Line, Target, each_more, lines, number, ratio
from tests.bench.measure import Sample, median

SAMPLES = [Sample(4.0, 1.0, 50e6), Sample(2.0, 3.0, 70e6), Sample(9.0, 2.0, 60e6)]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.004, "0.00"),
        (0.456, "0.46"),
        (9.994, "9.99"),
        (12.34, "12.3"),
        (99.9, "99.9"),
        (100.4, "100"),
        (1234.5, "1234"),
    ],
)
def test_numbers_have_about_three_digits(value: float, text: str) -> None:
    assert number(value) == text


def test_a_line_is_a_name_a_value_and_its_unit_or_a_ratio() -> None:
    assert str(Line("recover-40", 4.2, "s")) == "recover-40: 4.20 s"
    assert str(Line("recover-40 shell", 5.5)) == "recover-40 shell ratio: 5.50"


def test_each_median_is_of_its_own_column() -> None:
    assert median(SAMPLES) == Sample(4.0, 2.0, 60e6)
    assert median(SAMPLES[:2]) == Sample(3.0, 2.0, 60e6)
    with pytest.raises(ValueError, match="no sample"):
        median([])


def test_a_command_has_three_lines_with_what_they_are_the_medians_of() -> None:
    assert [str(line) for line in lines("x", SAMPLES)] == ["x: 4.00 s", "x-cpu: 2.00 CPU-s", "x-memory: 60.0 MB"]
    assert [line.values for line in lines("x", SAMPLES)] == [(4.0, 2.0, 9.0), (1.0, 3.0, 2.0), (50.0, 70.0, 60.0)]


def test_a_ratio_says_how_many_times_as_long_the_first_took() -> None:
    line = ratio("x", SAMPLES, [Sample(0.5, 9.0, 9.0)], Target(4, at_least=True))
    assert (line.value, line.unit, line.target) == (8.0, "", Target(4, at_least=True))


def test_what_each_cluster_more_costs_is_between_the_fewest_and_the_most() -> None:
    samples = {size: [Sample(1.0 + size, 2.0 * size, 1.0)] for size in (1, 3, 9)}
    assert [str(line) for line in each_more("x", samples)] == ["x-each-more: 1.00 s", "x-each-more-cpu: 2.00 CPU-s"]


@pytest.mark.parametrize(
    ("target", "value", "met"),
    [
        (Target(4, at_least=True), 4.0, True),
        (Target(4, at_least=True), 3.9, False),
        (Target(1.5), 1.5, True),
        (Target(1.5), 1.6, False),
    ],
)
def test_targets(target: Target, value: float, met: bool) -> None:
    assert target.met(value) is met


def test_targets_in_words() -> None:
    assert (str(Target(4, at_least=True)), str(Target(150))) == ("at least 4", "at most 150")


@pytest.mark.parametrize("name", FIGURES)
def test_a_figure_has_words_for_the_page(name: str) -> None:
    assert FIGURES[name].what
