"""The card's front matter: what the Hub and `datasets` read."""

import re
from collections.abc import Mapping
from typing import Any

from fret.card.contents import Contents
from fret.card.facts import Facts
from fret.tables import Table

# The Hub's own classes.
_SIZES = [
    (10**3, "n<1K"),
    (10**4, "1K<n<10K"),
    (10**5, "10K<n<100K"),
    (10**6, "100K<n<1M"),
    (10**7, "1M<n<10M"),
    (10**8, "10M<n<100M"),
    (10**9, "100M<n<1B"),
]
_LANGUAGE = re.compile(r"[a-z]{2,3}")


def make_front_matter(
    facts: Facts, contents: Contents, publish: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the front matter; what is not known is left out."""
    languages = [code for code in facts.examples["languages"] if _LANGUAGE.fullmatch(code)]
    rows = sum(contents.rows("triplets").values())
    licence = publish.get("licence")
    return {
        **({"language": languages} if languages else {}),
        **({"license": licence} if licence else {}),
        "pretty_name": publish.get("pretty_name") or facts.name,
        **({"multilinguality": [_count_languages(len(languages))]} if languages else {}),
        "size_categories": [next((name for most, name in _SIZES if rows < most), "n>1T")],
        "task_categories": ["text-retrieval", "sentence-similarity", "feature-extraction"],
        "annotations_creators": ["machine-generated"],
        "language_creators": _name_creators(facts),
        "source_datasets": _name_sources(facts),
        "tags": ["sentence-transformers", "synthetic", "fret", "retrieval", "hard-negatives"],
        "configs": [
            _list_files(config, tables, contents) for config, tables in contents.tables.items()
        ],
        "dataset_info": _describe_tables(contents),
    }


def _count_languages(n: int) -> str:
    return "monolingual" if n == 1 else "multilingual"


def _name_creators(facts: Facts) -> list[str]:
    """Passages are found on pages; queries are too where they are the user's own."""
    return ["found"] if facts.writer["kind"] == "file" else ["found", "machine-generated"]


def _name_sources(facts: Facts) -> list[str]:
    dataset = facts.setting("pages", "source", "dataset")
    is_hub = facts.setting("pages", "source", "kind") == "hub" and dataset
    return [str(dataset)] if is_hub and re.fullmatch(r"[\w.-]+/[\w.-]+", dataset) else ["original"]


def _list_files(config: str, tables: Mapping[str, Table], contents: Contents) -> dict[str, Any]:
    # Named one by one, not by a pattern: see `fret.tables` on caches.
    files = [{"split": split, "path": contents.paths(table)} for split, table in tables.items()]
    default = {"default": True} if config == "triplets" else {}
    return {"config_name": config, "data_files": files, **default}


def _describe_tables(contents: Contents) -> list[dict[str, Any]]:
    """Describe columns and sizes as `datasets` does, by its own classes."""
    from datasets import DatasetInfo, Features, SplitDict, SplitInfo

    described = []
    for config, tables in contents.tables.items():
        splits = SplitDict()
        for split, table in tables.items():
            splits.add(SplitInfo(split, num_bytes=table.num_bytes, num_examples=table.rows))
        info = DatasetInfo(
            features=Features.from_arrow_schema(next(iter(tables.values())).schema),
            splits=splits,
            download_size=sum(table.file_bytes for table in tables.values()),
            dataset_size=sum(table.num_bytes for table in tables.values()),
        )
        described.append({"config_name": config, **info._to_yaml_dict()})
    return described
