"""How good are the examples, by people's judgements on Cranfield, and how fast are they chosen?

    PYTHONPATH=. HF_HUB_OFFLINE=1 python tests/benchmarks/choosing.py [--folder DIR] [--only a,b,c]

a: built-in scorers (nDCG@10) and their negatives; b: judges that answer from people's grades, with
noise, and like a model; c: 100,000 queries of 20 judged and 80 further candidates.

Prints only; `tests/test_promises.py` keeps the promises. `--folder` keeps the run (encoding the
1,400 abstracts takes a minute or two) for the next time.
"""

import argparse
import math
import random
import resource
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from fret.choosing.choose import Choice, Rules, choose
from fret.choosing.options import Options
from fret.choosing.positives import PositiveRules
from fret.retrieval.fuse import rank_scores
from fret.scorers.fusing import rank_fused
from judged import (  # after the path
    DEFAULTS,
    N_DRAWS,
    NAIVE,
    Case,
    Figures,
    average,
    change,
    judge_like_a_model,
    judge_with_noise,
    load_cases,
    make_options,
    measure,
    rate_of_missed,
    run_cranfield,
)

PICKS = ("hardest", "random", "lowest", "band")
SEED_AND_HARDEST = Rules(PositiveRules(rule="seed"), NAIVE.negatives)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--only", default="a,b,c")
    given = parser.parse_args()
    parts = given.only.split(",")
    with tempfile.TemporaryDirectory() as temporary:
        folder = given.folder or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        if {"a", "b"} & set(parts):
            cases = load_cases(run_cranfield(folder))
            if "a" in parts:
                measure_scorers(cases)
                measure_picks(cases)
            if "b" in parts:
                measure_noise(cases)
                measure_model(cases)
    if "c" in parts:
        measure_speed(100_000)


# a


def measure_scorers(cases: Sequence[Case]) -> None:
    print("\nnDCG@10 (relevant: any grade), 225 queries, top 20")
    print(f"  the retriever itself    {mean_ndcg(cases, range_of):.3f}")
    for name in ("unigram", "embedding"):
        ranks = [rank_scores(case.scores_of(name)) for case in cases]
        orders = {case.query: order_by(r) for case, r in zip(cases, ranks, strict=True)}
        print(f"  {name:<23} {mean_ndcg(cases, lambda case, o=orders: o[case.query]):.3f}")
    for k in (0, 60):
        print(f"  fused, k = {k:<12} {mean_ndcg(cases, lambda case, k=k: fuse(case, k)):.3f}")


def range_of(case: Case) -> list[int]:
    return list(range(case.n_judged))


def fuse(case: Case, k: float) -> list[int]:
    lines = [case.scores_of("unigram"), case.scores_of("embedding")]
    return order_by(rank_fused([rank_scores(line) for line in lines], lines, k=k, seed=None)[1])


def order_by(ranks: Sequence[int | None]) -> list[int]:
    return sorted(range(len(ranks)), key=lambda i: (ranks[i] or 99, i))


def mean_ndcg(cases: Sequence[Case], order_of) -> float:  # type: ignore[no-untyped-def]
    total = 0.0
    for case in cases:
        gains = [float(case.people[i] > 0) for i in order_of(case)[:10]]
        n_relevant = sum(grade > 0 for grade in case.all_people.values())
        ideal = sum(1 / math.log2(place + 2) for place in range(min(10, n_relevant)))
        found = sum(gain / math.log2(place + 2) for place, gain in enumerate(gains))
        total += found / ideal
    return total / len(cases)


def measure_picks(cases: Sequence[Case]) -> None:
    """Without grades: unigram and embedding fused, as in the recipe `own_queries`."""
    print("\nWithout grades (unigram and embedding): negatives that people find relevant")
    options = [plain_options(case) for case in cases]
    plain = Rules(PositiveRules(), NAIVE.negatives, max_overlap=None)
    for pick in PICKS:
        for share in (None, 0.95, 0.8):
            name = f"{pick}, under {share} of the positive" if share else f"{pick}, no guard"
            show(name, measure(cases, options, change(plain, pick=pick, max_similarity=share)))
    show("fret's defaults", measure(cases, options, DEFAULTS))


def plain_options(case: Case) -> Options:
    return replace(make_options(case, None), fused_ranks=case.judgement.fused_ranks)


# b


def measure_noise(cases: Sequence[Case]) -> None:
    for noise in (0.0, 0.1, 0.2, 0.3, 0.4):
        print(
            f"\nA judge with {noise:.0%} noise (weight 2) and the unigram likelihood (1), "
            f"the mean of {N_DRAWS} draws"
        )
        judges = [judge_with_noise(noise, draw) for draw in range(N_DRAWS)]
        options = [[make_options(case, judge) for case in cases] for judge in judges]
        seeds = [[make_options(case, judge, seeded=True) for case in cases] for judge in judges]

        def mean(given: list[list[Options]], rules: Rules) -> Figures:
            return average([measure(cases, each, rules) for each in given])

        missed = sum(rate_of_missed(cases, each, 0.5) for each in options) / N_DRAWS
        bound = mean(options, NAIVE).false * missed + 0.01
        print(f"  missed relevants {missed:.3f}: bound {bound:.3f}")
        show("seed + hardest", mean(seeds, SEED_AND_HARDEST))
        for pick in PICKS:
            show(f"{pick}, no guard", mean(options, change(NAIVE, pick=pick)))
            guarded = change(NAIVE, pick=pick, max_relevance=0.5)
            show(f"{pick}, relevance <= 0.5", mean(options, guarded))
            show(f"{pick}, all guards", mean(options, change(DEFAULTS, pick=pick)))
        show("fret's defaults, seed known", mean(seeds, DEFAULTS))


def measure_model(cases: Sequence[Case]) -> None:
    print("\nA judge with whole grades that errs like a model, and the unigram likelihood")
    fusions = {"the judge alone": (1, 0), "weights 1 : 1": (1, 1), "weights 2 : 1": (2, 1)}
    for name, weights in fusions.items():
        options = [make_options(case, judge_like_a_model, weights=weights) for case in cases]
        show(name, measure(cases, options, DEFAULTS))
    first = [make_options(case, judge_like_a_model, seeded=True) for case in cases]
    show(
        "the retriever's first",
        measure(cases, first, Rules(PositiveRules(rule="seed"), NAIVE.negatives)),
    )
    options = [make_options(case, judge_like_a_model) for case in cases]
    print("  bounds")
    for bound in (None, 2.5, 1.5, 0.5):
        show(
            f"hardest, max_relevance {bound}",
            measure(cases, options, change(DEFAULTS, pick="hardest", max_relevance=bound)),
        )
    for share in (None, 1.0, 0.95, 0.9, 0.8):
        show(
            f"max_similarity {share}",
            measure(cases, options, change(DEFAULTS, max_similarity=share)),
        )
    for floor in (None, 1.0, 1.5, 2.0, 2.5):
        changed = replace(DEFAULTS, positives=replace(DEFAULTS.positives, min_relevance=floor))
        show(f"min_relevance {floor}", measure(cases, options, changed))
    print("  7 negatives wanted, the deeper pool under shares of the least similar relevant one")
    many = replace(change(DEFAULTS, count=7), at_least=7)
    for share in (None, 1.0, 0.95, 0.9, 0.8, 0.7):
        show_all(
            f"unjudged_similarity {share}", cases, options, change(many, unjudged_similarity=share)
        )


def show_all(name: str, cases: Sequence[Case], options: Sequence[Options], rules: Rules) -> None:
    """Figures over all negatives, and over those from the deeper pool."""
    kept = false = n = deep_false = deep_n = 0
    for case, given in zip(cases, options, strict=True):
        choice = choose(given, rules, firsts=[], draw=case.query)
        if isinstance(choice, Choice):
            kept += 1
            for i in choice.negatives:
                n += 1
                false += case.people[i] > 0
                deep_n += i >= case.n_judged
                deep_false += i >= case.n_judged and case.people[i] > 0
    print(
        f"  {name:<38} kept {kept / len(cases):.3f}  false {false / max(n, 1):.3f}  "
        f"of {deep_n / max(n, 1):.3f} deeper ones {deep_false / max(deep_n, 1):.3f}"
    )


def show(name: str, found: Figures) -> None:
    extra = "    -" if found.extra_right is None else f"{found.extra_right:.3f}"
    print(
        f"  {name:<38} kept {found.kept:.3f}  best {found.best:.3f}  right {found.right:.3f}  "
        f"further {extra}  false {found.false:.3f}  hardness {found.hardness:.2f}  "
        f"deeper {found.unjudged:.3f}"
    )


# c


def measure_speed(n: int) -> None:
    """Fusing and choosing alone, on made-up lists with texts of 60 words."""
    luck = random.Random(1)
    words = [f"w{luck.randrange(10**6)}" for _ in range(20_000)]
    texts = [" ".join(luck.choices(words, k=60)) for _ in range(5000)]
    ids = [f"{luck.randrange(16**20):020x}" for _ in range(5000)]
    kept = 0
    spent = wall = 0.0
    for start in range(0, n, 1000):
        made = [make_list(luck, ids, texts) for _ in range(1000)]
        began, began_wall = time.process_time(), time.perf_counter()
        for number, (given, lines) in enumerate(made, start):
            rankings = [rank_scores(line) for line in lines]
            _, ranks = rank_fused(rankings, lines, k=0, seed=3, weights=[2, 1])
            given = replace(given, fused_ranks=ranks)
            kept += isinstance(choose(given, DEFAULTS, firsts=[], draw=str(number)), Choice)
        spent += time.process_time() - began
        wall += time.perf_counter() - began_wall
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"\n{n:,} queries x 20 judged and 80 further candidates, fused and chosen: {spent:.1f} s "
        f"of one core ({wall:.1f} s on the clock), {kept:,} kept, peak {peak:.0f} MB"
    )


def make_list(
    luck: random.Random, ids: list[str], texts: list[str]
) -> tuple[Options, list[list[float]]]:
    places = [luck.randrange(5000) for _ in range(100)]
    grades = [luck.choice((0.0, 0.1, 0.3, 1.2, 2.0, 2.7)) for _ in range(20)]
    lines = [grades, [luck.random() for _ in range(20)]]
    cosines = sorted((luck.random() for _ in range(100)), reverse=True)
    return Options(
        ids=[ids[place] for place in places],
        fused_ranks=[None] * 20,
        mean_grades=grades,
        max_grades=grades,
        similarities=cosines,
        page_of=lambda i: str(places[i]),
        split_of=lambda i: "train",
        text_of=lambda i: texts[places[i]],
        seed=3,
    ), lines


if __name__ == "__main__":
    main()
