"""Cranfield with people's judgements, run through fret, and judges that answer from them.

Grades: Cranfield's 4 (complete answer) and 3 (high relevance) are 3 here, 2 (useful) is 2, 1
(minimum interest) is 1. Relevant to people is what has any grade, as in all figures about Cranfield
in this project.
"""

import json
import random
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from typing import Any

import yaml

import fret
from fret.choosing.choose import Choice, NoChoice, Rules, choose
from fret.choosing.negatives import NegativeRules
from fret.choosing.options import Options
from fret.choosing.positives import PositiveRules
from fret.pipeline import Pipeline
from fret.records import Candidates, Judgement, Passage, Query
from fret.retrieval.fuse import rank_scores
from fret.scorers.fusing import rank_fused

CRANFIELD = Path(__file__).parents[2] / "shared" / "data" / "retrieval" / "cranfield"

Grade = Callable[[str, str, int], float]
"""A judge: from query, passage and people's grade to an expected relevance."""


def read_lines(name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (CRANFIELD / name).read_text("utf-8").splitlines()]


def read_grades() -> dict[str, dict[str, int]]:
    """People's grades from 0 to 3 by query and passage."""
    grades: dict[str, dict[str, int]] = defaultdict(dict)
    for line in (CRANFIELD / "qrels.tsv").read_text("utf-8").splitlines()[1:]:
        query, passage, score = line.split("\t")
        grades[query][passage] = min(int(score), 3)
    return grades


def write_pipeline(folder: Path, *, n_queries: int = 225, **sections: Any) -> Path:
    """Write Cranfield as the user's own texts and queries, and a pipeline like `own_queries`."""
    texts = [
        {"text": row["text"] or "-", "title": row.get("title", ""), "url": row["_id"]}
        for row in read_lines("corpus.jsonl")
    ]
    queries = [{"text": row["text"]} for row in read_lines("queries.jsonl")[:n_queries]]
    for name, rows in (("texts.jsonl", texts), ("queries.jsonl", queries)):
        (folder / name).write_text("".join(f"{json.dumps(row)}\n" for row in rows), "utf-8")
    pipeline = {
        "run": "cranfield",
        "runs_dir": str(folder / "runs"),
        "vectors": str(folder / "vectors"),
        "answers": str(folder / "answers.sqlite"),
        "pages": {"source": {"kind": "jsonl", "path": str(folder / "texts.jsonl")}},
        "passages": {"split": "none", "min_size": 5},
        "queries": {
            "writer": {
                "kind": "file",
                "path": str(folder / "queries.jsonl"),
                "task": "Given a question, find a passage that answers it.",
            }
        },
        "judgements": {"scorers": [{"kind": "unigram"}, {"kind": "embedding"}]},
        **sections,
    }
    path = folder / "cranfield.yaml"
    path.write_text(yaml.safe_dump(pipeline), "utf-8")
    return path


@dataclass(frozen=True)
class Case:
    """One query with its candidates and what people say of them."""

    query: str
    candidates: Candidates
    judgement: Judgement
    texts: Mapping[str, str]
    people: Sequence[int]
    """Grades of all candidates."""
    all_people: Mapping[str, int]
    """Grades of all passages, by the name that they have in the collection."""

    @property
    def n_judged(self) -> int:
        return len(self.judgement.passage_ids)

    def scores_of(self, scorer: str) -> Sequence[float | None]:
        return next(s.scores for s in self.judgement.scorings if s.scorer == scorer)


def load_cases(pipeline: Pipeline) -> list[Case]:
    """Read the cases of a finished run."""
    grades = read_grades()
    named = {" ".join(row["text"].split()): row["_id"] for row in read_lines("queries.jsonl")}
    passages = {passage.id: passage for passage in pipeline.rows(Passage)}
    texts = {key: passage.text for key, passage in passages.items()}
    queries = {query.id: named[query.text] for query in pipeline.rows(Query)}
    judgements = {judgement.query_id: judgement for judgement in pipeline.rows(Judgement)}
    cases = []
    for found in pipeline.rows(Candidates):
        people = grades[queries[found.query_id]]
        given = [people.get(passages[i].url, 0) for i in found.passage_ids]
        judgement = judgements[found.query_id]
        cases.append(Case(queries[found.query_id], found, judgement, texts, given, people))
    return cases


def run_cranfield(folder: Path, **sections: Any) -> Pipeline:
    pipeline = fret.load(str(write_pipeline(folder, **sections)))
    pipeline.run(["pages", "passages", "queries", "candidates", "judgements"])
    return pipeline


# Judges that know what people say.


N_DRAWS = 8
"""Draws of a judge's noise: one alone moves the share of false negatives by up to 0.03."""


def judge_with_noise(noise: float, draw: int = 0) -> Grade:
    """A judge that says another grade, drawn at random, for this share of the candidates."""

    def grade(query: str, passage: str, people: int) -> float:
        luck = random.Random(f"noise\0{draw}\0{query}\0{passage}")
        if luck.random() < noise:
            return luck.choice([other for other in range(4) if other != people])
        return people

    return grade


# Made up after what is known of GPT-4 against people (kappa about 0.4): mostly a grade too far, and
# too generous rather than too strict.
_CONFUSION = ((80, 15, 4, 1), (25, 40, 25, 10), (12, 25, 38, 25), (5, 15, 30, 50))


def judge_like_a_model(query: str, passage: str, people: int) -> float:
    luck = random.Random(f"model\0{query}\0{passage}")
    return luck.choices(range(4), _CONFUSION[people])[0]


# Choosing, and what comes of it.


def make_options(
    case: Case,
    grade: Grade | None,
    *,
    weights: tuple[float, float] = (2, 1),
    k: float = 0,
    seeded: bool = False,
) -> Options:
    """A judged list: grades fused with the unigram likelihood, or the likelihood alone.

    Args:
        weights: of the judge and of the likelihood.
        seeded: the seed is what the retriever has first; else there is none.
    """
    n, found = case.n_judged, case.candidates
    ids = found.passage_ids
    weak = case.scores_of("unigram")
    grades: list[float | None] = [None] * n
    lines, ranked_by = [weak], [weights[1]]
    if grade:
        grades = [grade(case.query, ids[i], case.people[i]) for i in range(n)]
        lines, ranked_by = [grades, weak], list(weights)
    seed = 0 if seeded else None
    rankings = [rank_scores(line) for line in lines]
    _, ranks = rank_fused(rankings, lines, k=k, seed=seed, weights=ranked_by)
    has_cosines = any(score is not None for score in found.dense_scores)
    return Options(
        ids=ids,
        fused_ranks=ranks,
        mean_grades=grades,
        max_grades=grades,
        similarities=found.dense_scores if has_cosines else found.bm25_scores,
        page_of=ids.__getitem__,
        split_of=lambda i: "train",
        text_of=lambda i: case.texts[ids[i]],
        seed=seed,
    )


@dataclass(frozen=True)
class Figures:
    """What people would say of the examples."""

    n: int
    kept: float
    """Share of the queries that gave an example."""
    best: float
    """Share of the positives that have the highest grade present."""
    right: float
    """Share of the positives that are relevant."""
    extra_right: float | None
    """Share of the further positives that are relevant."""
    false: float
    """Share of the examples whose (first) negative is relevant."""
    hardness: float
    """Median similarity of the negatives, as a share of the positive's."""
    unjudged: float
    """Share of the negatives from beyond the judged candidates."""
    reasons: dict[str, int]


def measure(cases: Sequence[Case], options: Sequence[Options], rules: Rules) -> Figures:
    """Choose for each case that has something relevant among the judged candidates."""
    made: list[tuple[Case, Options, Choice]] = []
    reasons: dict[str, int] = defaultdict(int)
    n = 0
    for case, given in zip(cases, options, strict=True):
        if not any(case.people[: case.n_judged]):
            continue
        n += 1
        choice = choose(given, rules, firsts=[], draw=case.query)
        if isinstance(choice, NoChoice):
            reasons[choice.reason] += 1
        else:
            made.append((case, given, choice))
    extra = [case.people[i] > 0 for case, _, choice in made for i in choice.extra_positives]
    shares = []
    for _, given, choice in made:
        least, most = given.similarities[choice.negatives[0]], given.similarities[choice.positive]
        if least is not None and most:
            shares.append(least / most)
    return Figures(
        n=n,
        kept=len(made) / n,
        best=_mean(c.people[x.positive] == max(c.people[: c.n_judged]) for c, _, x in made),
        right=_mean(c.people[x.positive] > 0 for c, _, x in made),
        extra_right=_mean(extra) if extra else None,
        false=_mean(c.people[x.negatives[0]] > 0 for c, _, x in made),
        hardness=median(shares),
        unjudged=_mean(x.negatives[0] >= c.n_judged for c, _, x in made),
        reasons=dict(reasons),
    )


def average(found: Sequence[Figures]) -> Figures:
    """Return the means of figures over draws."""
    names = ("kept", "best", "right", "false", "hardness", "unjudged")
    means = {name: _mean(getattr(each, name) for each in found) for name in names}
    further = [each.extra_right for each in found if each.extra_right is not None]
    return replace(found[0], **means, extra_right=_mean(further) if further else None, reasons={})


def rate_of_missed(cases: Sequence[Case], options: Sequence[Options], bound: float) -> float:
    """Share of the relevant judged candidates that the judge lets pass as irrelevant."""
    grades = [
        given.max_grades[i]
        for case, given in zip(cases, options, strict=True)
        for i in range(case.n_judged)
        if case.people[i] > 0
    ]
    return _mean(grade is not None and grade <= bound for grade in grades)


def _mean(values: Any) -> float:
    found = list(values)
    return sum(found) / len(found) if found else 0.0


DEFAULTS = Rules(
    PositiveRules(min_relevance=1.5, extra_count=3, extra_margin=0.25),
    NegativeRules(
        max_similarity=0.95,
        max_relevance=0.5,
        unjudged_similarity=0.9,
        same_page="refuse",
        seed="refuse",
    ),
    max_overlap=0.8,
)
"""The pipeline file's defaults; a test compares them."""
NAIVE = Rules(PositiveRules(), NegativeRules(pick="hardest"))
"""No guard."""


def change(rules: Rules, **changes: Any) -> Rules:
    """Change the rules for negatives."""
    return replace(rules, negatives=replace(rules.negatives, **changes))


def grade_from_table(
    table: Mapping[tuple[str, str], int], judge: Grade
) -> Callable[[str, str], float]:
    """What the test server's brain grades by: people's grades by query and passage, through a
    judge. The passage comes as the prompt shows it, below its title."""

    def grade(query: str, shown: str) -> float:
        passage = " ".join(shown.partition("\n")[2].split())
        return judge(query, passage, table.get((query, passage), 0))

    return grade


def make_table(n_queries: int) -> dict[tuple[str, str], int]:
    """People's grades by the texts of query and passage."""
    queries = {row["_id"]: row["text"] for row in read_lines("queries.jsonl")[:n_queries]}
    texts = {row["_id"]: row["text"] for row in read_lines("corpus.jsonl")}
    return {
        (_joined(queries[query]), _joined(texts[passage])): grade
        for query, found in read_grades().items()
        if query in queries
        for passage, grade in found.items()
        if passage in texts
    }


def _joined(text: str) -> str:
    return " ".join(text.split())
