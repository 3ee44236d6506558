"""Web pages that are one file, and hostile text that is shown on them.

Such a page has no address in it, and its policy lets it load and send nothing: only the one script
and the one style that were written with it count. Texts of pages and models lie in it as JSON in
which no character can end the script element, and are shown as text only.
"""

import base64
import hashlib
import json
import re
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

# All of C0 and C1 but tab and line ends; U+202A to U+202E and U+2066 to U+2069 of UAX #9.
_CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


def render_single_page(folder: Path, *, data: Any, **values: Any) -> str:
    """Return the page of page.html, page.css and page.js of a folder.

    Args:
        data: what the script reads, as JSON, from the element that the template puts it in.
        values: what else the template names; escaped where it is no `Markup`.
    """
    environment = Environment(
        loader=FileSystemLoader(folder), autoescape=True, undefined=StrictUndefined
    )
    style, script = ((folder / name).read_text("utf-8") for name in ("page.css", "page.js"))
    policy = (
        f"default-src 'none'; script-src {_hash_source(script)}; "
        f"style-src {_hash_source(style)}; base-uri 'none'; form-action 'none'"
    )
    return environment.get_template("page.html").render(
        policy=policy,
        style=Markup(style),
        script=Markup(script),
        data=Markup(escape_json(data)),
        **values,
    )


def escape_json(data: Any) -> str:
    """Return JSON that is safe inside a script element: no `<`, `>`, `&`, no U+2028 or U+2029."""
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text


def show_controls(text: str) -> str:
    """Show characters that would change how others look as replacement characters.

    Embeddings, overrides and isolates turn the order of what is read, which no text of a page
    needs. The marks of direction stay, and so do joiners: Arabic, Hebrew and Persian need them.
    """
    return _CONTROLS.sub("\N{REPLACEMENT CHARACTER}", text)


def _hash_source(text: str) -> str:
    digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
    return f"'sha256-{digest}'"
