"""The figures over queries, in a few lines."""

from collections.abc import Iterator, Mapping
from typing import Any


def describe_queries(found: Mapping[str, Any]) -> Iterator[str]:
    """Say how various the queries are, and how much they have from their passages."""
    if not found["n"]:
        return
    text = f"queries: {found['distinct_tasks']} different tasks"
    if len(found["task_types"]) > 1:
        text += f", task types {found['task_type_entropy_bits']:.2f} bits"
    if variety := found.get("variety"):
        text += (
            f"; of {variety['of']}: distinct-2 {variety['distinct_2']:.2f}, "
            f"compression {variety['compression_ratio']:.2f}, "
            f"self-repetition {variety['self_repetition']:.2f}"
        )
        if "vendi_score" in variety:
            text += f", Vendi {variety['vendi_score']:.1f}, cosine {variety['mean_cosine']:.2f}"
    yield text
    asked = 1 - found["question_words"].get("-", 0) / found["n"]
    text = f"queries: {asked:.0%} ask"
    if overlap := found["overlap"]:
        text += (
            f"; their passage has {overlap['content_words_in_passage']:.0%} of their content "
            f"words, {overlap['longest_run_words']:.1f} words in a row"
        )
    yield text
