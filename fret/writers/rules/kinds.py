"""Which need a question shows."""

import re

_KINDS = (
    (
        "comparison",
        r"difference between|unterschied zwischen|différence entre|diferencia entre|\bvs\b|"
        r"which is better|was ist besser|que choisir|qué es mejor|\bthan\b",
    ),
    ("entity", r"^who (?!should|can|will)"),
    (
        "howto",
        r"(?:^|: |\b)(?:how (?:do|can|should) i |how to |what is the best way to |when should i |"
        r"when to |what should i |what to |wie kann man |was tun|was muss man tun|wie geht das|"
        r"que faut-il faire|que faire|qué hay que hacer|qué hacer|cómo |"
        r"comment (?:\w+ )?\w+(?:er|ir|re|oir) )|^wie (?!lange|viel)[^?]+en$",
    ),
    (
        "definition",
        r"^¿?(?:what (?:exactly )?(?:is|are) (?!the )|what do you call|other names|was (?:genau )?"
        r"(?:eigentlich )?(?:ist|sind) |qu'est-ce qu|c'est quoi|qué (?:es|son) )",
    ),
)


def name_kind(form: str) -> str:
    """Say which need a question shows: a comparison, a way to do something, a meaning, a person."""
    for kind, pattern in _KINDS:
        if re.search(pattern, form, re.IGNORECASE):
            return kind
    return "question"
