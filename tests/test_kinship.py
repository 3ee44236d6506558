"""How candidates are akin to the seed."""

import random

import pytest

from fret.choosing.kinship import Kin, Kinship
from fret.choosing.sameness import Sameness

SEED = (
    "Descale the kettle with equal parts of vinegar and water, let it stand for an hour, and rinse "
    "it three times before the next cup of tea is made in it."
)


@pytest.mark.parametrize(
    ("passage_id", "text", "page_id", "kinship"),
    [
        ("s", SEED, "p", Kinship.SEED),
        ("x", SEED.upper(), "q", Kinship.DUPLICATE_OF_SEED),
        ("x", f"Before this. {SEED} After this.", "p", Kinship.DUPLICATE_OF_SEED),
        ("x", SEED[:80], "q", Kinship.DUPLICATE_OF_SEED),  # a part says nothing more
        ("x", SEED.replace("an hour", "two hours"), "q", Kinship.DUPLICATE_OF_SEED),
        ("x", "An octopus has three hearts and nine brains.", "p", Kinship.SAME_PAGE),
        ("x", "An octopus has three hearts and nine brains.", "q", Kinship.NONE),
        ("x", "", "q", Kinship.NONE),
    ],
)
def test_kinship_is_told(passage_id: str, text: str, page_id: str, kinship: Kinship) -> None:
    assert Kin("s", SEED, "p").relate(passage_id, text, page_id) is kinship


def test_what_is_not_compared_in_full_is_never_near() -> None:
    """Pieces that are looked for first must not let a near text pass."""
    draw = random.Random(1)
    words = [f"word{i}" for i in range(500)]
    sameness, n_near = Sameness(0.8), 0
    for _ in range(400):
        seed = draw.choices(words, k=draw.randint(5, 120))
        other = [draw.choice(words) if draw.random() < 0.06 else word for word in seed]
        start = draw.randint(0, len(other) // 2)
        texts = " ".join(seed), " ".join(other[start:])
        is_near = sameness.is_same(*texts)
        n_near += is_near
        found = Kin("s", texts[0], "p").relate("x", texts[1], "q")
        assert (found is Kinship.DUPLICATE_OF_SEED) == is_near
    assert 100 < n_near < 300
