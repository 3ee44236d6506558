"""The page that a person marks in a browser, and the key that stays with the run.

The page is one file that loads and sends nothing, and all text of the run is hostile: see
`fret.single_page`.
"""

import random
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from markupsafe import Markup

from fret.audit.files import Judge, Key, KeyPassage, KeyQuery, write_key
from fret.audit.sample import Shown, draw_examples, draw_passages
from fret.durable import make_folder, placed
from fret.errors import StoreError, UserError
from fret.records import Example, Judgement, Passage, hash_json
from fret.single_page import render_single_page, show_controls
from fret.store import Run

_HERE = Path(__file__).parent
_GENERATOR = '<meta name="generator" content="fret audit">'
_LETTERS = "abcdefghijklmnopqrstuvwxyz"
MAX_PER_QUERY = len(_LETTERS)
MIN_PER_QUERY = 3
"""The positive, a negative, and one more: of two, the worse would be known from the better."""


@dataclass(frozen=True, slots=True)
class Audit:
    """What `write_audit` made."""

    id: str
    page: Path
    key: Path
    n_queries: int
    n_passages: int
    n_examples: int
    """All examples of the run."""


def write_audit(
    run: Run, *, n: int = 100, out: Path | None = None, seed: int = 0, per_query: int = 4
) -> Audit:
    """Write the audit page of a finished run, and its key.

    The same run and arguments give the same files; the name of the audit is a hash of them.

    Args:
        n: how many examples to show; all, when the run has fewer.
        out: the page; by default audit.html in the run's folder. The key is always there.
        per_query: how many passages to show of each, 3 to 26.

    Raises:
        UserError: there is no finished run, or `out` is some other file.
        StoreError: the stages of the run do not fit together.
    """
    if n < 1 or not MIN_PER_QUERY <= per_query <= MAX_PER_QUERY:
        raise UserError(
            f"An audit needs at least one example (not {n}) and {MIN_PER_QUERY} to "
            f"{MAX_PER_QUERY} passages of each (not {per_query})."
        )
    _check_run(run)
    page = out or run.path / "audit.html"
    _check_page(page)
    examples, counts = draw_examples(run.rows(Example), n, seed)
    judgements = _find_judgements(run, {example.query_id for example in examples})
    shown = [
        draw_passages(e, judgements[e.query_id], per_query, random.Random(f"{seed}\0{e.query_id}"))
        for e in examples
    ]
    passages = _find_passages(run, {s.passage_id for group in shown for s in group})
    queries = [
        _page_query(number, example, group, passages)
        for number, (example, group) in enumerate(zip(examples, shown, strict=True), 1)
    ]
    first = judgements[examples[0].query_id]
    key = _make_key(run, seed, counts, first, list(zip(examples, shown, strict=True)), queries)
    key_path = run.path / f"audit-{key.audit}.key.json"
    write_key(key_path, key)
    make_folder(page.parent)
    with placed(page) as temporary:
        data = {"audit": key.audit, "queries": queries}
        temporary.write_text(render_page(run.name, data), "utf-8", newline="\n")
    return Audit(
        key.audit, page, key_path, len(queries), key.n_passages, n_examples=sum(counts.values())
    )


def render_page(run: str, data: dict[str, Any]) -> str:
    """Return the page as one text; `data` is what its script reads."""
    return render_single_page(_HERE, run=run, generator=Markup(_GENERATOR), data=data)


def _check_run(run: Run) -> None:
    for record in (Passage, Judgement, Example):
        if not run.stage(record.STAGE).finished:
            raise UserError(
                f"An audit needs a finished run, and in {run.path} the stage {record.STAGE} is not "
                "done. Run it first: `fret run PIPELINE`."
            )
    made_from = run.stage(Example.STAGE).require().reads
    for record in (Passage, Judgement):
        if made_from.get(record.STAGE) != run.stage(record.STAGE).require().fingerprint:
            raise UserError(
                f"The examples in {run.path} were made from other {record.STAGE} than lie there "
                "now. Make them anew: `fret run PIPELINE --redo examples`."
            )


def _check_page(page: Path) -> None:
    if page.is_dir():
        raise UserError(f"{page} is a folder; give the file to write, as {page / 'audit.html'}.")
    if page.exists() and _GENERATOR.encode() not in page.read_bytes()[:2000]:
        raise UserError(f"{page} exists and is no audit page; it was left as it is.")


def _find_judgements(run: Run, query_ids: set[str]) -> dict[str, Judgement]:
    rows: Iterable[Judgement] = run.rows(Judgement)
    found = {row.query_id: row for row in rows if row.query_id in query_ids}
    _refuse_missing(query_ids - found.keys(), "judgements")
    return found


def _find_passages(run: Run, passage_ids: set[str]) -> dict[str, Passage]:
    rows: Iterable[Passage] = run.rows(Passage)
    found = {row.id: row for row in rows if row.id in passage_ids}
    _refuse_missing(passage_ids - found.keys(), "passages")
    return found


def _refuse_missing(ids: set[str], stage: str) -> None:
    if ids:
        raise StoreError(
            f"The examples name {min(ids)}, which is not in the stage {stage}. "
            f"Make the later stages anew with `fret run PIPELINE --redo {stage}`."
        )


def _page_query(
    number: int, example: Example, group: list[Shown], passages: dict[str, Passage]
) -> dict[str, Any]:
    shown = [passages[s.passage_id] for s in group]
    return {
        "id": str(number),
        "task": show_controls(example.task),
        "text": show_controls(example.query),
        "language": example.language,
        "passages": [
            {
                "id": letter,
                "title": show_controls(p.full_title),
                "text": show_controls(p.text),
                "language": p.language,
            }
            for letter, p in zip(_LETTERS, shown, strict=False)
        ],
    }


def _make_key(
    run: Run,
    seed: int,
    counts: dict[tuple[str, str], int],
    first: Judgement,
    drawn: list[tuple[Example, list[Shown]]],
    queries: list[dict[str, Any]],
) -> Key:
    grading = [
        place
        for place in range(len(first.scorings))
        if any(s.grades[place] is not None for _, group in drawn for s in group)
    ]
    key = Key(
        audit="0" * 12,
        run=run.name,
        fingerprint=run.stage(Example.STAGE).require().fingerprint,
        seed=seed,
        rows={", ".join(filter(None, stratum)): count for stratum, count in counts.items()},
        scorers=[s.scorer for s in first.scorings],
        judges=[
            Judge(scorer=s.scorer, model=s.model) for s in (first.scorings[p] for p in grading)
        ],
        queries={
            query["id"]: _key_query(example, group, grading)
            for query, (example, group) in zip(queries, drawn, strict=True)
        },
    )
    return key.model_copy(update={"audit": hash_json([key.model_dump(), queries])[:12]})


def _key_query(example: Example, group: list[Shown], grading: list[int]) -> KeyQuery:
    return KeyQuery(
        query_id=example.query_id,
        task_type=example.task_type,
        split=example.split,
        language=example.language,
        positive_is_seed=example.positive_is_seed,
        passages={
            letter: KeyPassage(
                passage_id=s.passage_id,
                role=s.role,
                is_seed=s.is_seed,
                rank=s.rank,
                grades=[s.grades[place] for place in grading],
            )
            for letter, s in zip(_LETTERS, group, strict=False)
        },
    )
