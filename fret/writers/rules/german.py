"""What the rules know of German."""

# ruff: noqa: E501 - a pattern is read as one line

from fret.writers.rules.wording import CLAUSE_END, NOUN_PHRASE, Wording

# fmt: off
GERMAN = Wording(
    pronouns=(
        "ich mich mir mein meine meinen meiner wir uns unser unsere du dich dir dein deine deinen "
        "deiner ihr euch euer sie ihn ihm ihnen er es sein seine seinen seiner seinem ihre ihren "
        "ihrer ihrem dies diese dieser dieses diesem diesen jene jener jenes hier solche solcher "
        "solches man dazu dafür dabei damit davon dadurch daran darauf darin daraus darüber "
        "danach deren dessen letztere letzterer ersterer"
    ),
    openers=(
        "natürlich und aber oder denn sondern doch weil obwohl während wenn falls wo was wer wie "
        "warum dann deshalb daher dort auch andere beide jeder so nicht nein ja heute gestern "
        "morgen noch nun zudem außerdem dass damit bis sobald nachdem bevor welche welcher das "
        "letztere letzterer ersterer erstere letzteres"
    ),
    connectives=r"^(?:(?:und|aber|doch|denn|oder|allerdings|jedoch|zum beispiel|beispielsweise|übrigens|kurz),? )",
    determiners=(
        "der die das den dem des ein eine einen einem einer eines kein keine keinen jeder jede "
        "jedes"
    ),
    prepositions=(
        "in im an am auf aus bei beim mit nach von vom zu zum zur für gegen ohne um durch über "
        "unter vor hinter neben zwischen bis seit während wegen trotz ab statt pro"
    ),
    verbs=(
        "ist sind war waren wird werden wurde wurden hat haben hatte hatten kann können konnte "
        "muss müssen soll sollen sollte sollten darf dürfen mag möchte lässt lassen gibt geht "
        "gehen kommt kommen macht machen bleibt bleiben steht stehen liegt liegen heißt nicht nie "
        "dass weil wenn ob wie wo was wer welche auch nur schon noch sehr so"
    ),
    weak=(
        "art arten teil teile fall fälle beispiel beispiele weise möglichkeit mal uhr jahr jahre "
        "jahren tag tage tagen woche wochen monat monate minuten minute stunden stunde sekunden "
        "prozent euro grad dinge ding sache menge zeit ende anfang zahl ort stelle montag "
        "dienstag mittwoch donnerstag freitag samstag sonntag januar februar märz april mai juni "
        "juli august september oktober november dezember meist oft immer etwa rund mehr weniger "
        "viele viel wenig gut besser beste ganz gar kaum fast ja nein bereits sogar zwar jedoch "
        "außerdem deshalb daher darum dabei dazu damit"
    ),
    swaps=(
        (r"\b(?:etwa|ungefähr|circa|ca\.) (?=\d)", "rund "),
        (r"\brund (?=\d)", "etwa "),
        (r"(?<=\d) Prozent\b", " %"),
        (r"\bbeispielsweise\b", "zum Beispiel"),
        (r"\bhäufig\b", "oft"),
        (r"\boft\b", "häufig"),
        (r"\bjedoch ", ""),
        (r"\bmeist\b", "meistens"),
        (r"\bmehr als (?=\d)", "über "),
        (r"\bsofort\b", "gleich"),
        (r"\bbenötigt\b", "braucht"),
        (r"\bverwendet\b", "benutzt"),
        (r"\bgut\b(?= [a-zäöü]+t\b)", "ordentlich"),
    ),
    tails=r", (?:weil|da|während|wobei|sodass|so dass|denn|aber|obwohl|damit|und|was|die|der|das|den|dem|deren|dessen|weshalb|wo) .+$",
    questions=(
        (3.0, r"[Uu]nterschied zwischen (?P<a>[\w -]{2,35}?) und (?P<b>[\w -]{2,30}?)(?=$|[,;:.]| ist| liegt| besteht)",
         ("Was ist der Unterschied zwischen {a} und {b}?", "unterschied zwischen {a} und {b}")),
        (3.0, r"^um (?P<c>[^,;:()]{4,50}) zu (?P<i>[a-zäöüß]+e?n), ", ("Wie kann man {c} {i}?", "wie {c} {i}", "Was muss man tun, um {c} zu {i}?")),
        (2.9, r"^(?:wenn|falls) (?P<c>(?!es |er |sie |man |dies)[^,;:()]{10,75}), (?=sollte|hilft|muss|kann|darf|ist es|braucht|reicht|genügt|lohnt|gehört)",
         ("Was tun, wenn {c}?", "was tun wenn {c}")),
        (2.7, r"^(?:wenn|falls) (?P<c>(?!es |er |sie |dies)[^,;:()]{10,75}), ", ("Was passiert, wenn {c}?", "was passiert wenn {c}")),
        (2.8, rf"^{NOUN_PHRASE} (?P<a>ist|sind|kann|können|sollte|sollten|muss|müssen|darf|dürfen|wird|werden|war|waren|hat|haben|bleibt|bleiben) (?P<r>[^,;:()]{{4,70}}), (?:weil|da|denn) ",
         ("Warum {a} {s} {r}?", "warum {a} {s} {r}")),
        (2.6, rf"^{NOUN_PHRASE} (?P<b>ist|sind) (?:ein|eine|einer der|eine der|eines der|die|der|das) (?P<d>.{{8,}})$", ("Was {b} eigentlich {s}?", "Was {b} {s}?", "was genau {b} {s}")),
        (2.8, rf"^{NOUN_PHRASE} (?P<b>wurde|wurden) (?:im Jahr )?(?:1\d|20)\d\d (?P<r>[^,;:()]{{4,60}}?){CLAUSE_END}", ("Wann {b} {s} {r}?", "In welchem Jahr {b} {s} {r}?", "wann {b} {s} {r}")),
        (2.8, r"^(?:im Jahr|im Jahre|um|seit|)[ ]?(?:1\d|20)\d\d (?P<b>wurde|wurden|entstand|begann|starb|gründete|eröffnete|erschien|kam|gewann) (?P<r>[^,;:()]{6,80}?)(?=$|[,;:]| und )", ("Wann {b} {r}?", "In welchem Jahr {b} {r}?")),
        (2.9, rf"^{NOUN_PHRASE} (?P<v>dauert|dauern|hält|halten) (?P<x>[^,;:()\d]{{0,30}})(?:etwa |rund |mindestens |höchstens |bis zu )?(?:\d|ein|zwei|drei|vier|fünf)", ("Wie lange {v} {s}?", "wie lange {v} {s}", "Wie lange {v} {s} normalerweise?")),
        (2.9, rf"^{NOUN_PHRASE} (?P<v>kostet|kosten|wiegt|wiegen) (?:etwa |rund |mindestens |nur |bis zu )?\d", ("Wie viel {v} {s}?", "wie viel {v} {s}")),
        (2.7, rf"^{NOUN_PHRASE} (?P<v>besteht|bestehen) (?:hauptsächlich |meist )?aus ", ("Woraus {v} eigentlich {s}?", "woraus genau {v} {s}")),
        (2.5, rf"^{NOUN_PHRASE} (?P<v>enthält|enthalten|braucht|brauchen|frisst|fressen|bedeutet|verursacht|verhindert|bewirkt) (?!sich|nicht|es )", ("Was {v} {s}?", "was genau {v} {s}")),
        (2.4, rf"^{NOUN_PHRASE} (?P<v>lebt|leben|brütet|brüten|wächst|wachsen|nistet|nisten) (?:vor allem |meist |oft )?(?:in|im|an|am|auf|bei)\b ", ("Wo {v} {s}?", "wo genau {v} {s}")),
        (2.1, rf"^{NOUN_PHRASE} (?P<a>kann|können|sollte|sollten|darf|dürfen) (?:nicht |nie |auch |immer |nur )?(?P<r>(?!sich)[^,;:()]{{6,70}}?){CLAUSE_END}", ("{A} {s} {r}?", "{a} {s} {r}")),
        (2.6, rf"^{NOUN_PHRASE} gehör(?:t|en) nicht (?P<r>[^,;:()]{{6,70}}?){CLAUSE_END}", ("Gehört {s} {r}?", "Warum gehört {s} nicht {r}?")),
    ),
    headings=(
        (3.0, r"^(?P<w>[Ww]ie|[Ww]arum|[Ww]ann|[Ww]as|[Ww]o|[Ww]elche[rsn]?) (?P<r>[^:?]{8,70}?)\?$", ("{W} {r}?", "{w} {r}")),
        (2.8, r"^(?P<w>[Ww]ie|[Ww]arum|[Ww]ann|[Ww]as|[Ww]o|[Ww]oran|[Ww]elche[rsn]?) (?P<r>[^:?]{8,70}?)$", ("{w} {r}",)),
        (2.8, r"^(?P<i>(?!Richtig|Sicher|Einfach|Gut|So )[A-ZÄÖÜ][\wäöüß-]+(?<!en)(?<!ln)(?: [\wäöüß-]+){0,4} (?!den|einen|keinen|innen|außen|unten|oben|zehn|sieben)[a-zäöüß]{3,}en)$", ("Wie kann man {i}?", "wie {i}", "{i} wie geht das")),
        (2.9, r"^(?P<a>[\w -]{3,30}?) (?:vs\.?|oder) (?P<b>[\w -]{3,30})(?=$|[:,?])", ("Was ist der Unterschied zwischen {a} und {b}?", "{a} oder {b} was ist besser")),
    ),
    headlines=(
        (2.6, r"^um (?P<c>[^,;:()]{4,50}) zu (?P<i>[a-zäöüß]+e?n), ", ("Wie man {c} {i_t}", "So lässt sich {c} {i}")[1:]),
        (2.6, r"^(?:wenn|falls) (?P<c>(?!es |er |sie |man |dies)[^,;:()]{10,60}), ", ("Wenn {c}", "Was tun, wenn {c}?")[1:]),
        (2.6, rf"^{NOUN_PHRASE} (?P<a>ist|sind|sollte|sollten|muss|müssen) (?P<r>[^,;:()]{{4,60}}), (?:weil|da|denn) ", ("Warum {s} {r} {a}",)),
    ),
)
# fmt: on
