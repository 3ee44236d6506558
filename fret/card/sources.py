"""Whose texts these are, and whom to ask to have some left out."""

from typing import Any

from fret.card.facts import Facts
from fret.card.markdown import code, plain, table
from fret.figures import count, percent

_SHOWN_SITES, _SHOWN_LICENCES = 10, 10


def describe_sources(facts: Facts, contact: str | None) -> str:
    parts = [
        "## Sources",
        _say_what(facts),
        _list_sites(facts),
        _list_licences(facts),
        "The texts belong to the authors of the pages; `full` names the address of each page.",
        _say_whom_to_ask(contact),
    ]
    return "\n\n".join(filter(None, parts))


def _say_what(facts: Facts) -> str:
    kind = facts.setting("pages", "source", "kind")
    dataset = facts.setting("pages", "source", "dataset")
    named = f" of {code(str(dataset))}" if kind == "hub" and dataset else ""
    dates = facts.sources
    when = (
        f", dated {plain(dates.first_date)} to {plain(dates.last_date)} where they say a date"
        if dates.first_date
        else ""
    )
    return f"{count(dates.n_pages, 'page')}{named} (source: {code(str(kind))}){when}."


def _list_sites(facts: Facts) -> str:
    sites = facts.sources.sites
    total, known = sites.total(), len(sites) - ("" in sites)
    if not known:
        return "The pages have no addresses."
    largest = sorted(sites.items(), key=lambda item: (-item[1], item[0]))
    rows: list[tuple[Any, ...]] = [
        (code(site) if site else "no address", n, percent(n / total))
        for site, n in largest[:_SHOWN_SITES]
    ]
    rest = sum(n for _, n in largest[_SHOWN_SITES:])
    if rest:
        rows.append((count(len(largest) - _SHOWN_SITES, "other"), rest, percent(rest / total)))
    drawn = table(("site", "positives", "share"), rows)
    return f"The positives come from {count(known, 'site')}:\n\n{drawn}"


def _list_licences(facts: Facts) -> str:
    licences = facts.sources.licences
    stated = sorted(((n, name) for name, n in licences.items() if name), reverse=True)
    if not stated:
        return "No page states a licence."
    named = ", ".join(f"{n} {code(name[:120])}" for n, name in stated[:_SHOWN_LICENCES])
    more = len(stated) - _SHOWN_LICENCES
    others = f", and {count(more, 'other')}" if more > 0 else ""
    return f"Licences that pages state: {named}{others}. No licence: {count(licences[''], 'page')}."


def _say_whom_to_ask(contact: str | None) -> str:
    whom = plain(contact) if contact else "whoever published this dataset"
    return f"If a page is yours and you want its text left out, write to {whom}."
