"""Grades of candidates, taken together over the scorers that grade."""

from collections.abc import Sequence

Grades = Sequence[float | None]


def gather_grades(lines: Sequence[Grades]) -> tuple[list[float | None], list[float | None]]:
    """Return the mean and the highest grade of each candidate over the scorers that grade.

    Args:
        lines: one per scorer, parallel to the candidates; None where it gave no grade.
    """
    graded = [grades for grades in lines if any(grade is not None for grade in grades)]
    if len(graded) == 1:
        return list(graded[0]), list(graded[0])
    n_candidates = len(lines[0]) if lines else 0
    known: list[list[float]] = [[] for _ in range(n_candidates)]
    for grades in graded:
        for place, grade in enumerate(grades):
            if grade is not None:
                known[place].append(grade)
    return (
        [sum(each) / len(each) if each else None for each in known],
        [max(each, default=None) for each in known],
    )
