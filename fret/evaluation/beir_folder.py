"""Folders as BEIR has them: corpus.jsonl, queries.jsonl, and judgements in qrels/SPLIT.tsv."""

from collections.abc import Iterator
from pathlib import Path

from fret.errors import UserError
from fret.evaluation.collection import Collection, GradeRow, PassageRow, QueryRow, make_collection
from fret.evaluation.rows import open_text, read_rows, take_grade, take_id, take_text

_ID = ("_id", "id")
_TASK = ("instruction", "task")
_HEADS = ("query-id", "query_id", "qid")


def is_beir(folder: Path) -> bool:
    """Whether a folder has BEIR's corpus, packed or not."""
    return _find(folder, "corpus.jsonl") is not None


def read_beir(folder: Path, *, name: str, split: str) -> Collection:
    """Read such a folder.

    Args:
        split: whose judgements; where there is but one file of them, it is taken.

    Raises:
        UserError: a part is missing or not as BEIR has it.
    """
    corpus, queries = _find(folder, "corpus.jsonl"), _find(folder, "queries.jsonl")
    if corpus is None or queries is None:
        missing = "corpus.jsonl" if corpus is None else "queries.jsonl"
        raise UserError(f"{folder} holds no {missing}. BEIR's folders have it; add it.")
    qrels = _find_qrels(folder, split)
    return make_collection(name, _read_corpus(corpus), _read_queries(queries), _read_grades(qrels))


def read_passage(place: str, row: object) -> PassageRow:
    """Return id, title and text of a row of a corpus."""
    assert isinstance(row, dict)
    title = take_text(row, ("title",), place) if row.get("title") is not None else ""
    return take_id(row, _ID, place), title, take_text(row, ("text",), place)


def read_query(place: str, row: object) -> QueryRow:
    """Return id, text and task of a row of queries."""
    assert isinstance(row, dict)
    task = next((str(row[column]) for column in _TASK if row.get(column)), "")
    return take_id(row, _ID, place), take_text(row, ("text", "query"), place), task


def _read_corpus(path: Path) -> Iterator[PassageRow]:
    return (read_passage(place, row) for place, row in read_rows(path))


def _read_queries(path: Path) -> Iterator[QueryRow]:
    return (read_query(place, row) for place, row in read_rows(path))


def _find(folder: Path, name: str) -> Path | None:
    return next((p for p in (folder / name, folder / f"{name}.gz") if p.is_file()), None)


def _find_qrels(folder: Path, split: str) -> Path:
    named = folder / "qrels" / f"{split}.tsv"
    if named.is_file():
        return named
    files = [p for p in (folder / "qrels.tsv", *sorted(folder.glob("qrels/*.tsv"))) if p.is_file()]
    if len(files) == 1:
        return files[0]
    if not files:
        raise UserError(
            f"{folder} holds no judgements: neither qrels/{split}.tsv nor qrels.tsv. Add them: "
            "lines of query-id, corpus-id and score, with tabs between."
        )
    found = ", ".join(p.stem for p in files)
    raise UserError(f"{folder} has no judgements of the split {split!r}. Name one: --split {found}")


def _read_grades(path: Path) -> Iterator[GradeRow]:
    """Read lines of query id, passage id and grade; also TREC's, with a 0 as second of four."""
    try:
        with open_text(path) as file:
            for number, line in enumerate(file, 1):
                if line.strip():
                    yield from _read_grade(line.rstrip("\r\n"), number, path)
    except (OSError, EOFError, UnicodeDecodeError) as error:
        raise UserError(f"{path} cannot be read: {error}. Mend the file.") from error


def _read_grade(line: str, number: int, path: Path) -> Iterator[GradeRow]:
    parts = [part.strip() for part in line.split("\t")]
    if len(parts) == 1 and len(line.split()) == 4:
        parts = line.split()
    if number == 1 and parts[0].lower() in _HEADS:
        return
    if len(parts) == 4:
        del parts[1]
    place = f"{path}, line {number}"
    if len(parts) != 3 or not all(parts):
        raise UserError(
            f"{place}: a line holds query-id, corpus-id and score, with tabs between. Mend it."
        )
    yield parts[0], parts[1], take_grade(parts[2], place)
