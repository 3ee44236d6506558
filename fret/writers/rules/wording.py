"""What the rules know whatever the language, and what there is to know of each language.

Patterns see a sentence without its final stop and with a small first letter unless it is a name.
In their forms, {name} is a group of the pattern, {v_base} the infinitive of the English verb in
group v, {do} the "do" that goes with it, and {c_me} a group said by the reader (your -> my).
A group called s must be a noun phrase; groups c, i and r are parts of a clause.
"""

from dataclasses import dataclass


def list_set(words: str) -> frozenset[str]:
    """Make a set of a line of words."""
    return frozenset(words.split())


TASKS = {
    "question": (
        "Given a question, find a passage that answers it.",
        "Retrieve the text in which a person would find the answer to this question.",
        "Find the part of a web page that answers the user's question.",
        "Someone asks a question; look for a passage that contains the answer.",
        "Search for a passage from which the question can be answered.",
    ),
    "keywords": (
        "Given a few search words, find a passage about what they describe.",
        "Retrieve passages that match this short web search.",
        "Find the text that a person typing these keywords into a search box hopes to see.",
        "Given keywords, look for a passage that treats their subject.",
    ),
    "howto": (
        "Someone wants to know how to do something; find the passage that tells them.",
        "Given a practical problem, retrieve the text that says what to do.",
        "Find instructions for what the user is trying to do.",
        "Retrieve the part of a guide that helps with this.",
    ),
    "definition": (
        "Given a term, find a passage that says what it means.",
        "Retrieve the text that explains what the thing asked about is.",
        "Find an explanation of a term that the user does not know.",
    ),
    "comparison": (
        "Given two things, find a passage that says how they differ.",
        "Retrieve text that compares what the user names.",
        "Someone hesitates between two things; find a passage that compares them.",
    ),
    "entity": (
        "Given a question about a person or an office, find a passage that says who it is.",
        "Retrieve text that tells who the person is that the user looks for.",
        "Find a passage about the person in question.",
    ),
    "claim": (
        "Given a claim, find a passage that helps to decide whether it is true.",
        "Retrieve evidence that supports or refutes the statement.",
        "Find a passage against which this claim can be checked.",
        "Given a statement that needs a source, look for a text that confirms or denies it.",
    ),
    "title": (
        "Given a heading, find the text that belongs under it.",
        "Find the passage that fits this title.",
        "Retrieve the text that could have been published under the given headline.",
        "Given the headline of a piece of writing, look for a passage that treats its subject.",
    ),
    "similar": (
        "Given a sentence, find a passage that says the same thing.",
        "Retrieve text that is about the same matter as this sentence.",
        "Find a passage whose content agrees with that of the given sentence.",
        "Given a statement from one text, look for another text that makes the same point.",
    ),
}

BOILERPLATE = (
    r"\bbe sure to\b|check out|\bshop\b.*\bdeals\b|full story|see more|"
    r"(?:reporting|editing|writing) (?:by|from)|contributed (?:reporting|to this)|quantities|"
    r"\bprice we\b|\bdeclined to comment|\bread on\b|\blet[’']s\b|all right\b|this email|"
    r"the following|\bcopy/paste|\bpromo\b|coupon|discount code|free shipping|"
    r"\b(?:each|every) morning\b|sign (?:up|in)\b|\blog ?in\b|\bcookies?\b|subscrib|"
    r"newsletter|read more|click (?:here|on)|share this|all rights reserved|copyright|©|"
    r"privacy policy|terms of (?:use|service)|follow us|advertis|photo(?:graph)? by|getty|"
    r"image credit|loading|javascript|download (?:the )?app|http|www\.|\S@\S|"
    r"related (?:articles|posts)|leave a comment|posted (?:by|on|in)|last updated|"
    r"table of contents|alle rechte vorbehalten|abonnier|datenschutz|impressum|weiterlesen|"
    r"mehr lesen|jetzt anmelden|tous droits réservés|abonne[zr]|s'inscrire|en savoir plus|"
    r"lire la suite|mentions légales|todos los derechos|suscr[ií]b|leer más|aviso legal|"
    r"política de privacidad|registrarse|\[[^\]]*\]|\\|[{}<>|_=#@~^]|\$(?!\d)|…|\.\.\.|--"
)

# Where a sentence of a passage points at something outside of the sentence.
POINTERS = (
    r"\b(?:this|that|the|our|my) (?:article|post|page|passage|guide|section|chapter|recipe|blog|"
    r"book|video|chart|figure|table|list|review|interview)\b|"
    r"\b(?:as )?(?:described|mentioned|shown|noted|seen|listed) (?:above|below|earlier)|"
    r"\b(?:above|below)(?: and|$)|\bdiese[rsmn]? (?:artikel|beitrag|seite|abschnitt)|"
    r"\b(?:oben|unten) (?:beschrieben|genannt)|\bcet(?:te)? (?:article|page|section)|"
    r"\bsuch [a-z]+s\b|"
    r"\ball (?:two|three|four)\b|\b\w+ez-(?:le|la|les|lui|moi|vous|nous|y|en)\b|\bthe (?:two|"
    r"three|former|latter|others?|last|third|first two|last two|other two|"
    r"first three)\b(?! \w+s\b)(?= [a-z]+|$)|ci-(?:dessus|dessous|après)|"
    r"\best[ea] (?:artículo|página|sección)|(?:arriba|abajo|anteriormente) mencionad|"
    r"\b(?:the )?(?:former|latter)\b|\b(?:of|for|with|about|like|than|on|by|from|to|all|brought|"
    r"made|do) (?:that|this|these|those)\b|\b(?:this|these) (?!year|week|month|time)|"
    r"\bdies(?:e|er|es|em|en)\b|\b(?:cet|cette|ces) |\bce (?!qu)|"
    r"\b(?:est[ea]s?|estos|es[ea]s?|esos) [a-z]+[aeo]s?\b|^the same\b|^auf der anderen seite|"
    r"^zum (?:einen|anderen)\b|^d'autre part|^por otro lado|^entre un[oa] y otr|^on the other"
)

# Writer and reader, in all languages: no claim speaks of them.
SPEAKERS = "i we our my us me i'm we're ich wir uns unser mein je j' nous notre mon yo nosotros mi"
READERS = "you your ihr du dein vous votre tu te usted tus sie"
# A part of a sentence that ends with one of these has been cut in the wrong place.
UNFINISHED = "only not a an the of to in and or for with by my I nicht ne que de y et und"
FILLERS = r"\b(?:also|still|then|even|auch|aussi|también) "
# Headings that say nothing of the text below.
ASIDES = r"(?:Also|See|Related|Siehe|Voir|Véase|Q\b|A:|By )"

# Parts of the patterns of several languages.
NOUN_PHRASE = r"(?P<s>[^,;:()\"“”–—]{3,70}?)"
CLAUSE_END = (
    r"(?=$|[;:–—]|"
    r", (?:which|who|so|but|because|since|although|as|where|while|unless|if|when|for example)\b|"
    r" because | so that | unless | but | and )"
)


@dataclass(frozen=True)
class Wording:
    """What the rules know of one language; lists are words with spaces between them."""

    pronouns: str = ""
    """Words that refer to something said before, or to writer and reader."""
    openers: str = ""
    """Other words with which no sentence that is to stand alone may begin."""
    connectives: str = ""
    """Pattern of openings that can be cut off."""
    determiners: str = ""
    prepositions: str = ""
    verbs: str = ""
    """Finite verbs, modals and adverbs that no noun phrase holds."""
    weak: str = ""
    """Words that make no key phrase."""
    links: str = ""
    """Words that may stand inside a key phrase."""
    swaps: tuple[tuple[str, str], ...] = ()
    """Patterns and replacements that keep the meaning of a sentence."""
    tails: str = ""
    """Pattern of the end of a sentence that can be left out and does not change what it says."""
    questions: tuple[tuple[float, str, tuple[str, ...]], ...] = ()
    """Quality, pattern, forms."""
    headings: tuple[tuple[float, str, tuple[str, ...]], ...] = ()
    """The same for titles and headings."""
    headlines: tuple[tuple[float, str, tuple[str, ...]], ...] = ()
    """The same, from a sentence to a headline."""
