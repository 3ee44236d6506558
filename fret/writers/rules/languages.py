"""The languages the rules know, by their codes."""

from fret.writers.rules.english import ENGLISH
from fret.writers.rules.french import FRENCH
from fret.writers.rules.german import GERMAN
from fret.writers.rules.spanish import SPANISH
from fret.writers.rules.wording import Wording

WORDINGS = {"en": ENGLISH, "de": GERMAN, "fr": FRENCH, "es": SPANISH}

# Sentences of other languages stand alone when they do not begin with one of these.
OTHER = Wording(
    openers="他 她 它 他们 她们 这 那 我 你 您 此 该 其 但 而 因此 所以 另外 不过 同时 然而 此外 "
    "如果 それ これ その この しかし また そして だから 彼 私",
    connectives=r"^(?:然而|但是|因此|此外|另外|不过|同时|所以|而且)[，,]?|"
    r"^(?:しかし|また|そして|さらに)[、，]?",
)

# Articles with which a sentence of a language without rules of its own may begin, though stopwords.
ARTICLES = (
    "il lo la i gli le l' un uno una un' o a os as um uma de het een en ei et den det der die das "
    "ett"
)
