"""FlagEmbedding (BGE): lists of positives and negatives, with the teacher's scores of each.

Read by `FlagEmbedding/abc/finetune/embedder/AbsDataset.py`: `pos` and `neg` must be lists, an empty
`neg` divides by zero, and distillation wants a number for every text.
"""

from typing import Any, ClassVar

from fret.export.base import Job, list_extra_scores, list_scores, pair_up
from fret.export.texts import write_passage, write_query
from fret.records import Example

_Scored = list[tuple[str, float | None]]


class FlagEmbedding:
    name: ClassVar[str] = "flagembedding"
    takes: ClassVar[frozenset[str]] = frozenset({"form", "scores"})
    form: ClassVar[str] = "plain"

    def write(self, job: Job) -> None:
        scorer = job.scorer
        for example in job.examples():
            positives, negatives = _list_texts(example, job.form, scorer)
            if scorer:
                positives = _keep_scored(job, "further positives without a score", positives)
                negatives = _keep_scored(job, "negatives without a score", negatives)
            if not negatives or not positives:
                lacking = "scored " if scorer and example.negatives else ""
                job.left_out[f"no {lacking}negative" if positives else "no scored positive"] += 1
                continue
            row: dict[str, Any] = {
                "query": write_query(job.form, example),
                "pos": [text for text, _ in positives],
                "neg": [text for text, _ in negatives],
            }
            if scorer:
                row["pos_scores"] = [score for _, score in positives]
                row["neg_scores"] = [score for _, score in negatives]
            row["prompt"] = example.task if job.form == "plain" else ""
            row["type"] = "normal"
            # A folder for each split: the trainer reads every file of a folder that it is given.
            job.files.lines(f"{example.split}/examples.jsonl").write(row)

    def describe(self, job: Job) -> str:
        return (
            f"One JSON object a line: `query`, `pos` and `neg` (lists), {_describe_scores(job)}"
            "`prompt` (the task), `type`. Each split has its own folder, as the trainer reads all "
            "files of a folder.\n\n```sh\n"
            + "python -m FlagEmbedding.finetune.embedder.encoder_only.base … \\\n"
            + "  --train_data PATH_OF_THIS_FOLDER/train"
            + _instruct(job.form)
            + "\n```"
        )

    def configs(self, job: Job) -> list[dict[str, Any]]:
        return []


def _describe_scores(job: Job) -> str:
    if not job.scorer:
        return "no scores (`--scores SCORER` adds those of a scorer, for distillation), "
    return (
        f"`pos_scores` and `neg_scores` (of `{job.scorer}`; `--knowledge_distillation True` takes "
        "them for logits, so look at their range), "
    )


def _instruct(form: str) -> str:
    if form == "gecko":
        return ""
    return (
        " \\\n  --query_instruction_for_retrieval 'Given a query, retrieve relevant passages.' \\\n"
        "  --query_instruction_format 'task: {} | query: {}'\n"
        "# `prompt` of a row takes the place of the instruction, but only where one is given"
    )


def _list_texts(example: Example, form: str, scorer: str | None) -> tuple[_Scored, _Scored]:
    """Return the positives and the negatives, each with its score."""
    positives = pair_up(example.extra_positive_titles, example.extra_positives)
    positives.insert(0, (example.positive_title, example.positive))
    negatives = pair_up(example.negative_titles, example.negatives)
    first: float | None = None
    of_others: list[float | None] = [None] * len(example.extra_positives)
    of_negatives: list[float | None] = [None] * len(negatives)
    if scorer:
        first, of_negatives = list_scores(example, scorer)
        of_others = list_extra_scores(example, scorer)
    return (
        _write_texts(form, positives, [first, *of_others]),
        _write_texts(form, negatives, of_negatives),
    )


def _write_texts(form: str, passages: list[tuple[str, str]], scores: list[float | None]) -> _Scored:
    texts = (write_passage(form, title, text) for title, text in passages)
    return list(zip(texts, scores, strict=True))


def _keep_scored(job: Job, what: str, texts: _Scored) -> _Scored:
    kept = [pair for pair in texts if pair[1] is not None]
    job.note(what, len(texts) - len(kept))
    return kept
