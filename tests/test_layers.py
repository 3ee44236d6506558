"""Imports go one way: a module imports lower layers, and its own layer's kin only where named."""

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "fret"

# What each part of the package may import, besides itself. Design: lower layers know nothing of
# higher ones.
BOTTOM = {"records", "reasons", "errors", "arrow", "printable", "figures"}
GROUND = BOTTOM | {
    "config",
    "prompts",
    "store",
    "shipped",
    "fingerprint",
    "durable",
    "locking",
    "lookup",
    "vectors",
    "pipeline_file",
    "manifest",
    "prices",
    "sites",
}
SHOWN = BOTTOM | {"retrieval.query_words", "terminal", "display_layout", "display_marks"}
MAY_IMPORT: dict[str, set[str]] = {
    "errors": set(),
    "arrow": set(),
    "reasons": set(),
    "printable": set(),
    "figures": set(),
    "records": {"arrow"},
    "shipped": set(),
    "durable": BOTTOM,
    "vectors": BOTTOM | {"durable"},
    "fingerprint": BOTTOM,
    "lookup": BOTTOM,
    "config": BOTTOM,
    "pipeline_file": BOTTOM | {"config", "shipped"},
    "prompts": BOTTOM | {"shipped"},
    "manifest": BOTTOM,
    "prices": BOTTOM | {"manifest"},
    "sites": set(),
    "locking": BOTTOM | {"durable"},
    "store": BOTTOM | {"durable", "locking", "manifest"},
    "unpack": set(),
    "sources": BOTTOM | {"unpack"},
    # language, tokenize: filters and duplicates go by words.
    "text": BOTTOM | {"unpack", "language", "retrieval.tokenize"},
    "llm": BOTTOM,
    "modules": BOTTOM,
    # modules.build: loads models that fret made.
    "retrieval": BOTTOM | {"modules.build"},
    "choosing": BOTTOM | {"retrieval"},
    "held_out": GROUND | {"choosing"},
    "language": {"retrieval.tokenize"},
    # text.splitting: passages and queries are cut from one splitter's sentences.
    "writers": BOTTOM | {"llm.types", "prompts", "retrieval", "language", "text.splitting"},
    "scorers": BOTTOM | {"llm.types", "prompts", "retrieval"},
    "checks": BOTTOM | {"llm.types", "prompts", "retrieval", "language"},
    "stages": GROUND
    | {"sources", "text", "llm", "retrieval", "choosing", "writers", "scorers", "checks"}
    | {"language"},
    "single_page": set(),
    "audit": GROUND | {"retrieval", "single_page"},
    # query_words: marked in passages; language: names for codes.
    "report": GROUND
    | {"retrieval.query_words", "retrieval.tokenize", "single_page", "language.names"},
    "training": GROUND | {"retrieval", "modules", "evaluation"},
    "ablation": GROUND | {"training", "evaluation"},
    "evaluation": GROUND | {"retrieval"},
    "tables": BOTTOM | {"durable"},
    "publicity": set(),
    "card": GROUND | {"tables", "publicity"},
    "dataset": GROUND | {"card", "held_out", "tables", "publicity"},
    "export": GROUND | {"retrieval", "dataset", "held_out"},
    "publish": BOTTOM | {"config", "store", "durable", "manifest"},
    "estimate": GROUND | {"stages", "llm"},
    "plan": GROUND | {"stages"},
    "shards": GROUND | {"stages", "llm.types", "plan"},
    "products": GROUND | {"dataset", "audit", "report", "export", "publish"},
    "pipeline": GROUND
    | {"stages", "dataset", "report", "products", "llm", "plan", "shards", "estimate"},
    "log_json": GROUND | {"stages"},
    "terminal": set(),
    "next_command": set(),
    "browse": GROUND,
    "display": GROUND
    | {"pipeline", "display_llm", "display_measures", "display_layout", "terminal", "next_command"},
    "display_measures": {"figures"},
    "display_progress": GROUND | {"terminal", "next_command"},
    "display_marks": {"retrieval.query_words", "terminal"},
    "display_layout": {"terminal", "figures"},
    "display_pages": SHOWN,
    "display_queries": SHOWN | {"display_pages"},
    "display_ranking": SHOWN,
    "display_examples": SHOWN | {"display_pages"},
    "display_show": GROUND
    | {"browse", "pipeline", "terminal", "display_layout", "display_queries", "display_pages"}
    | {"display_ranking", "display_examples"},
    "display_llm": GROUND | {"estimate", "llm", "terminal", "display_layout", "next_command"},
    "display_audit": GROUND | {"audit", "terminal", "display_layout"},
    "display_evaluate": {"evaluation", "terminal", "display_layout"},
    "display_export": GROUND | {"export", "terminal"},
    "display_publish": {"publish", "display_progress", "terminal", "display_layout", "figures"},
    "cli": GROUND
    | {
        "pipeline",
        "display",
        "display_llm",
        "display_progress",
        "cli_answers",
        "cli_audit",
        "cli_batch",
        "cli_evaluate",
        "cli_train",
        "cli_errors",
        "cli_report",
        "cli_export",
        "cli_show",
        "cli_publish",
        "log_json",
        "stages",
    },
    "cli_answers": GROUND | {"display_llm", "llm", "cli_errors"},
    "cli_audit": GROUND | {"audit", "display_audit", "pipeline", "cli_errors"},
    "cli_batch": GROUND | {"display_progress", "display_llm", "pipeline", "cli_errors"},
    "cli_evaluate": GROUND | {"evaluation", "display_evaluate", "display_progress", "cli_errors"},
    "cli_train": GROUND
    | {"training", "ablation", "pipeline", "display_training", "display_progress", "cli_errors"},
    "display_training": GROUND | {"display_evaluate", "display_progress", "terminal"},
    "cli_errors": GROUND | {"display", "next_command"},
    "cli_report": GROUND | {"pipeline", "terminal", "cli_errors"},
    "cli_show": GROUND | {"display_show", "pipeline", "cli_errors"},
    "cli_export": GROUND | {"export", "display_export", "pipeline", "cli_errors"},
    "cli_publish": GROUND | {"display_progress", "display_publish", "pipeline", "cli_errors"},
    "__init__": {"pipeline", "pipeline_file", "evaluation", "training", "ablation"},
    "__main__": {"cli"},
}

# Only these may open connections or read the web.
NETWORK = {
    "openai",
    "aiohttp",
    "httpx2",
    "requests",
    "urllib.request",
    "socket",
    "huggingface_hub",
    "fsspec",
}
MAY_REACH = {
    "llm/sender.py",
    "llm/batch_service.py",
    "llm/database.py",
    "publish/asking.py",
    "publish/hub.py",
    "publish/hub_errors.py",
    "publish/publishing.py",
    "store.py",
    "retrieval/hub.py",
    "locking.py",
    "retrieval/model_files.py",
    "retrieval/tokenizer_files.py",
    "sources/archive_files.py",
    "sources/hub.py",
    "sources/urls.py",
    "sources/web/addresses.py",
    "sources/web/client.py",
}


def part_of(path: Path) -> str:
    relative = path.relative_to(PACKAGE)
    return relative.parts[0] if len(relative.parts) > 1 else relative.stem


def imports_of(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


MODULES = sorted(PACKAGE.rglob("*.py"))


@pytest.mark.parametrize("path", MODULES, ids=lambda p: p.relative_to(PACKAGE).as_posix())
def test_imports_go_down(path: Path) -> None:
    part = part_of(path)
    allowed = MAY_IMPORT[part] | {part}
    for name in imports_of(path):
        if name.startswith("fret."):
            inner = name.removeprefix("fret.")
            assert any(inner == a or inner.startswith(f"{a}.") for a in allowed) or (
                any(a.startswith(f"{inner}.") for a in allowed)
            ), f"{path.name} imports {name}"


def test_no_stage_imports_another_stage() -> None:
    shared = {"base", "checking", "context", "join", "keys", "lanes", "models", "prices", "seeds"}
    shared |= {"evaluation_texts", "page_filters", "page_sources", "shard_notes", "text_workers"}
    shared |= {"bootstrapping", "dense", "effort", "encoding", "page_groups", "word_index"}
    variants = {"queries": {"own_queries"}, "judgements": {"panel"}}  # two forms; a part
    names = {p.stem for p in (PACKAGE / "stages").glob("*.py")} - shared - {"__init__"}
    for name in names:
        imported = imports_of(PACKAGE / "stages" / f"{name}.py")
        others = {n for n in names - {name} if f"fret.stages.{n}" in imported}
        assert others <= variants.get(name, set())


def test_only_named_modules_can_reach_a_network() -> None:
    for path in MODULES:
        if imports_of(path) & NETWORK:
            assert path.relative_to(PACKAGE).as_posix() in MAY_REACH


def test_only_the_command_line_prints() -> None:
    for path in MODULES:
        calls = [n for n in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(n, ast.Call)]
        prints = [n for n in calls if isinstance(n.func, ast.Name) and n.func.id == "print"]
        assert not prints or path.name in {"cli.py", "cli_answers.py", "cli_batch.py"}, path
