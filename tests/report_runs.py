"""Runs for tests of the report."""

from pathlib import Path
from typing import Any

import yaml

import fret
from audit_run import CJK, RTL, write_lines
from fret.pipeline import Pipeline

WORD = "w" * 10_000
PROSE = "The old lighthouse keeper counted ships and wrote the number of each day into a book."
HOSTILE = [
    f"</script><script>document.title='broken'</script> {PROSE}",
    f"<img src=x onerror=\"document.title='broken'\"> <!-- <script> ]]> & &lt;b&gt; {PROSE}",
    f"{{{{7*7}}}} {{% raw %}} ${{7*7}} $x^2$ 'single' \"double\" {PROSE}",
    f"{WORD} {PROSE}",
    f"smile \U0001f600 family \U0001f468\u200d\U0001f469\u200d\U0001f467 {PROSE}",
    f"safe \u202e gnihton \u2066 isolate \x7f delete \u2028 line {PROSE}",
    RTL,
    CJK,
]
"""Texts of passages."""
TASK_TYPES = ["</svg><script>alert(1)</script>", "שאלה", "$x$ & \u202e kind", "question"]


def write_hostile(folder: Path) -> Path:
    """Write a pipeline whose passages, queries, tasks and addresses are hostile."""
    subjects = ("ships", "keepers", "lighthouse", "books", "days")
    others = [f"{text} {number}" for text in (RTL, CJK) for number in ("7", "八", "٩")]
    texts = [
        *HOSTILE,
        *others,
        *(f"About {s} {i}: {PROSE} {s} {s} {i}." for s in subjects for i in "1234"),
    ]
    pages = [
        {
            "title": f"<b>Title</b> {i} & {WORD if i == 3 else 'more'}",
            "text": text,
            "url": f"https://host{i % 5}.example/<{i}>?q=\"'&x",
        }
        for i, text in enumerate(texts)
    ]
    queries = [
        {
            "text": "what did the keeper count <b>ships</b> </script>",
            "task": "Find <i>it</i> {{7*7}}",
        },
        {"text": "هل الماء ضروري", "task": "ابحث عن فقرة تجيب عن السؤال", "language": "ar"},
        {"text": "東京の桜 春 三月", "task": "質問に答える文を探す。", "language": "ja"},
        {"text": f"keeper {WORD}", "task": WORD},
        {"text": "smile \U0001f600 keeper"},
        *({"text": f"{s} of part {i}"} for s in subjects for i in "12"),
    ]
    for place, query in enumerate(queries):
        query["task_type"] = TASK_TYPES[place % len(TASK_TYPES)]
    write_lines(folder / "texts.jsonl", pages)
    write_lines(folder / "queries.jsonl", queries)
    return write_pipeline(folder, "hostile", top_k=12, dense=None)


def write_pipeline(folder: Path, run: str, *, count: int = 2, **candidates: Any) -> Path:
    """Write a pipeline over texts.jsonl and queries.jsonl of the folder."""
    settings = {
        "run": run,
        "runs_dir": str(folder / "data" / "runs"),
        "answers": str(folder / "data" / "answers.sqlite"),
        "vectors": str(folder / "data" / "vectors"),
        "pages": {
            "source": {"kind": "jsonl", "path": str(folder / "texts.jsonl"), "title": "title"}
        },
        "passages": {"split": "none", "min_size": 1, "duplicates": {"near": None}},
        "queries": {"writer": {"kind": "file", "path": str(folder / "queries.jsonl")}},
        "candidates": candidates,
        "judgements": {"scorers": [{"kind": "unigram"}]},
        "examples": {
            "splits": {},
            "negatives": {
                "count": count,
                "at_least": 1,
                "max_overlap": None,
                "max_similarity": None,
            },
        },
    }
    path = folder / f"{run}.yaml"
    path.write_text(yaml.safe_dump(settings), "utf-8")
    return path


def run_hostile(folder: Path) -> Pipeline:
    pipeline = fret.load(write_hostile(folder))
    pipeline.run()
    return pipeline


def run_single(folder: Path) -> Pipeline:
    """Run a pipeline that makes one example."""
    write_lines(
        folder / "texts.jsonl",
        [
            {"title": "", "text": f"The {word} lies on the table. {PROSE}"}
            for word in ("book", "lamp", "map")
        ],
    )
    write_lines(folder / "queries.jsonl", [{"text": "where is the lamp"}])
    pipeline = fret.load(write_pipeline(folder, "single", count=1, top_k=3, dense=None))
    pipeline.run()
    return pipeline
