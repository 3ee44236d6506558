"""A small run over hostile texts, for tests of the audit."""

import json
from pathlib import Path

import yaml

import fret

RTL = "هل الماء ضروري للحياة؟ نعم، الماء ضروري لكل كائن حي على الأرض ويغطي معظم سطحها دائما"
CJK = "東京の春は三月の終わりに始まり、桜が一斉に咲く。公園には多くの人が集まり、夜まで花を見る。"
_PROSE = "The old lighthouse keeper counted ships and wrote the number of each day into a book."
HOSTILE = [
    f"</script><script>document.title='broken'</script> {_PROSE}",
    f"<img src=x onerror=\"document.title='broken'\"> <svg/onload=alert(1)> {_PROSE}",
    f"{{{{7*7}}}} {{% raw %}} ${{7*7}} <!--<script> --> ]]> {_PROSE}",
    f"one\u2028two\u2029three\x00four {_PROSE}".replace("\x00", "\x7f"),
    f"safe \u202e gnihton ton si siht \u2066 isolate \u200f mark {_PROSE}",
    f"<a href='https://example.org/x'>link</a> <base href=//evil.example> &lt;b&gt; {_PROSE}",
    RTL,
    CJK,
]
LONG = "A tower of words about ships and keepers. " * 25_000
"""A megabyte of text."""

_SUBJECTS = ("ships", "keepers", "lighthouse", "books", "days")


def texts() -> list[str]:
    plain = [
        f"About {subject}, part {part}: {_PROSE} It says {subject} {subject} in part {part}."
        for subject in _SUBJECTS
        for part in ("one", "two", "three")
    ]
    others = [f"{text} {number}" for text in (RTL, CJK) for number in ("7", "八", "٩")]
    return [*HOSTILE, LONG, *others, *plain]


QUERIES = [
    {
        "text": "what did the keeper count <b>ships</b> </script>",
        "task": "Find <i>it</i> & {{7*7}}",
    },
    {"text": "هل الماء ضروري", "task": "ابحث عن فقرة تجيب عن السؤال"},
    {"text": "東京の桜 春 三月", "task": "質問に答える文を探す。"},
    {"text": "safe \u202e gnihton lighthouse keeper"},
    *({"text": f"{subject} in part {part}"} for subject in _SUBJECTS for part in ("one", "two")),
]


def write_lines(path: Path, rows: list[dict[str, str]]) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")


def run_hostile(folder: Path) -> Path:
    """Run a pipeline over the hostile texts in a folder; return its file."""
    write_lines(
        folder / "texts.jsonl",
        [{"title": f"<b>Title</b> {i} & more", "text": text} for i, text in enumerate(texts())],
    )
    write_lines(folder / "queries.jsonl", QUERIES)
    settings = {
        "run": "hostile",
        "runs_dir": str(folder / "data" / "runs"),
        "answers": str(folder / "data" / "answers.sqlite"),
        "pages": {
            "source": {"kind": "jsonl", "path": str(folder / "texts.jsonl"), "title": "title"}
        },
        "passages": {"split": "none", "min_size": 1, "duplicates": {"near": None}},
        "queries": {"writer": {"kind": "file", "path": str(folder / "queries.jsonl")}},
        "candidates": {"top_k": 26, "dense": None},
        "judgements": {"scorers": [{"kind": "unigram"}]},
        # Texts that are nearly equal must serve as negatives here.
        "examples": {
            "splits": {"test": 0.2},
            "negatives": {"max_overlap": None, "max_similarity": None},
        },
    }
    path = folder / "hostile.yaml"
    path.write_text(yaml.safe_dump(settings), "utf-8")
    fret.load(path).run()
    return path
