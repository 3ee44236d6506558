"""Read datasets of a Hub, in a process of its own: its address counts when the library is loaded.

    python hub_cases.py NAME=JSON…     a case's name, and the arguments of `HubDataset`

Prints a JSON object: for each case the commit and the rows, or the message of the error.
"""

import json
import sys
from typing import Any

from fret.errors import FretError
from fret.sources.columns import Columns
from fret.sources.hub import HubDataset


def main() -> None:
    found = {}
    for case in sys.argv[1:]:
        name, _, options = case.partition("=")
        found[name] = read(**json.loads(options))
    print(json.dumps(found))


def read(name: str, text: str = "text", **options: Any) -> dict[str, Any]:
    source = HubDataset(name, Columns(text, "title", "url", "id"), **options)
    try:
        commit = source.describe().commit
        rows = [[row.name, row.text, row.url] for part in source.parts(4) for row in part]
    except FretError as error:
        return {"error": str(error), "exit_code": error.exit_code}
    return {"commit": commit, "rows": rows, "n": source.count_units()}


if __name__ == "__main__":
    main()
