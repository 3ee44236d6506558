"""How tasks, queries and passages become what the model reads."""

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Format:
    """Two patterns, and what stands where something is missing.

    By default Gecko's (arXiv 2403.20327, appendix B).
    """

    query: str = "task: {task} | query: {query}"
    passage: str = "title: {title} | text: {text}"
    no_title: str = "none"
    default_task: str = "search result"

    def write_query(self, task: str, text: str) -> str:
        """Write a query, or a side of symmetric data."""
        return _fill(self.query, task=task or self.default_task, query=text)

    def write_passage(self, title: str, text: str) -> str:
        """Write a passage."""
        return _fill(self.passage, title=title or self.no_title, text=text)

    @property
    def prompts(self) -> dict[str, str]:
        """What a model that was trained so wants before queries and passages without more known.

        Only where nothing stands behind the text; empty otherwise, as a prompt cannot say it.
        """
        query = _fill(self.query, task=self.default_task, query="\0")
        passage = _fill(self.passage, title=self.no_title, text="\0")
        return {
            name: pattern[:-1] if pattern.endswith("\0") else ""
            for name, pattern in (("query", query), ("document", passage))
        }


def _fill(pattern: str, **values: str) -> str:
    # Not str.format: braces in a text are the text's own.
    parts = re.split(r"\{(\w+)\}", pattern)
    return "".join(values[part] if i % 2 else part for i, part in enumerate(parts))
