"""Words by language: content words, stems, stop words, question words."""

from functools import cache, lru_cache

from fret.retrieval.tokenize import is_run, list_stopwords, tokenize

# What the lists lack; each changes nothing of what a question is about.
_MORE = {
    "en": "do does did doing done im ive dont doesnt cant would could should might must shall "
    "much many often get gets got getting one ones any some every also us isnt actually really "
    "exactly just",
    "de": "man wer was wie wo wann warum wieso weshalb welche welcher welches welchem welchen "
    "muss müssen soll sollte sollten kann können könnte darf lassen lässt lange viel viele oft "
    "bevor wieviel gibt geht macht machen bitte seine seinen "
    "eigentlich denn wohl überhaupt",
    "fr": "combien comment pourquoi quand où quel quelle quels quelles faut il elle doit peut "
    "est-ce être avoir fait faire",
    "es": "qué cuál cuáles quién cómo cuándo dónde cuánto cuánta cuántos puede puedo debe hay "
    "hace hacer se una un",
    "ru": "кто что где когда почему как какой какая какие сколько ли",
}
# Languages whose regular endings are cut, the longest first; only from words that stay long enough.
_ENDINGS = {
    "en": ("ings", "ing", "ies", "ed", "es", "s", "e", "y"),
    "de": ("ern", "en", "er", "em", "es", "e", "n", "s"),
    "fr": ("ées", "és", "ée", "es", "er", "é", "e", "s", "x"),
    "es": ("ando", "iendo", "ados", "adas", "es", "os", "as", "ar", "o", "a", "e", "s"),
    "ru": ("ами", "ями", "ого", "ому", "ыми", "ов", "ев", "ах", "ям", "ом", "ой", "ый", "ая", "ы",
           "и", "а", "я", "у", "ю", "е", "о", "ь"),
}  # fmt: skip
_SHORTEST_STEM = 3

# Words that make a question; each may stand anywhere in it ("and what next").
QUESTION_WORDS = {
    "en": "what who whom whose which when where why how what's who's where's how's whats",
    "de": "was wer wen wem wessen wann wo woher wohin wie warum wieso weshalb wozu womit wofür "
    "woran worin wodurch wovon worauf welche welcher welches welchem welchen wieviel",
    "fr": "que qu qui quoi quel quelle quels quelles quand où comment pourquoi combien lequel "
    "laquelle est-ce",
    "es": "qué quién quiénes cuál cuáles cuándo cuánto cuánta cuántos cuántas dónde adónde cómo",
    "ru": "кто что кого чего кому чем где куда откуда когда почему зачем как какой какая какое "
    "какие каким сколько чей ли",
}
# Verbs with which a question begins that is answered by yes or no.
QUESTION_STARTS = {
    "en": "is are was were do does did can could should would will may might has have had am must "
    "isn't aren't don't doesn't didn't can't won't shouldn't",
    "de": "ist sind war waren hat haben hatte kann können könnte muss müssen soll sollte sollten "
    "darf dürfen wird werden gibt macht hilft lohnt braucht",
    "fr": "est-ce peut doit faut a-t-il a-t-elle est-il est-elle existe-t-il y",
    "es": "es son está están puede puedo se hay tiene debe fue sirve",
    "ru": "можно нужно правда есть",
}


@cache
def load_stopwords(language: str) -> frozenset[str]:
    """Return the words of a language that say nothing of a subject; none where it is unknown."""
    return list_stopwords(language).union(_MORE.get(language, "").split())


def list_content(text: str, language: str) -> list[str]:
    """Return the content words of a text, lower-case, in order.

    Words are those of `fret.retrieval.tokenize`: where a script writes no spaces, pairs of
    neighbouring characters, each of which overlaps the next.
    """
    stops = load_stopwords(language)
    return [
        token
        for token in tokenize(text)
        if token not in stops and (len(token) > 1 or token.isdigit() or is_run(token))
    ]


@lru_cache(maxsize=4096)
def find_content(text: str, language: str) -> tuple[str, ...]:
    """Return the stems of a text's content words, in order; see `list_content`."""
    return tuple(stem(word, language) for word in list_content(text, language))


def count_content(text: str, language: str) -> int:
    """Count the content words of a text; two characters without spaces between them are one."""
    words = list_content(text, language)
    pairs = sum(is_run(word) for word in words)
    return len(words) - pairs + -(-pairs // 2)


def find_shared(query: str, passage: str, language: str) -> tuple[list[str], float]:
    """Return the content words of a query that its passage has too, in any form, and their share.

    Of pairs of characters that overlap only every second one is named.
    """
    words = list(dict.fromkeys(list_content(query, language)))
    theirs = set(find_content(passage, language))
    shared = [word for word in words if stem(word, language) in theirs]
    named = [w for n, w in enumerate(shared) if not (n % 2 and len(w) == 2 and is_run(w))]
    return named, len(shared) / max(1, len(words))


def stem(word: str, language: str) -> str:
    """Cut a regular ending from a word, so that most of its forms look the same."""
    if word.isdigit():
        return word
    for ending in _ENDINGS.get(language, ()):
        if word.endswith(ending) and len(word) - len(ending) >= _SHORTEST_STEM:
            return word[: -len(ending)]
    return word


def count_words(text: str) -> tuple[int, int]:
    """Count (words, characters of scripts that put no spaces between words)."""
    tokens = tokenize(text)
    runs = [token for token in tokens if is_run(token)]
    characters = sum(is_run(character) for character in text)
    return len(tokens) - len(runs), characters


def has_question_word(words: list[str], language: str) -> bool:
    """Whether a text asks, by its words; True for languages that fret does not know."""
    if language not in QUESTION_WORDS:
        return True
    asking, starts = QUESTION_WORDS[language].split(), QUESTION_STARTS[language].split()
    return not set(words).isdisjoint(asking) or (bool(words) and words[0] in starts)
