"""What the rules know of Spanish."""

# ruff: noqa: E501 - a pattern is read as one line

from fret.writers.rules.wording import NOUN_PHRASE, Wording

SPANISH_AFTER_VERBS = ("en", "el", "la", "los", "las", "un", "una", "con", "por", "a", "al")

# fmt: off
SPANISH = Wording(
    pronouns=(
        "yo me mi mis nos nosotros nuestro nuestra tú tu tus te ti usted ustedes él ella ellos "
        "ellas lo le les su sus esto este esta estos estas eso ese esa esos esas aquel aquella "
        "aquello aquí allí ahí"
    ),
    openers=(
        "y e o u pero porque aunque mientras cuando donde que quien cual como cómo qué entonces "
        "luego así también otro otra otros otras ambos cada algunos algunas no sí hoy ayer mañana "
        "todavía aún ya además según después antes si tampoco tal tanto todo todos todas pues "
        "sino"
    ),
    connectives=r"^(?:(?:sin embargo|además|por eso|por ello|por lo tanto|por tanto|no obstante|por ejemplo|en cambio|así|"
    r"entonces|pero|y|también|de hecho|es decir|en general|por otro lado|finalmente|por último|por supuesto|eso sí|ahora bien),? )",
    determiners="el la los las un una unos unas al del cada todo toda ningún ninguna",
    prepositions=(
        "de del a al en con por para sin sobre entre hasta desde hacia según contra durante ante "
        "bajo tras"
    ),
    verbs=(
        "es son era eran fue fueron será serán está están estaba ha han había hay puede pueden "
        "podía debe deben tiene tienen tenía hace hacen va van se que queda quedan conviene "
        "permite permiten da dan pone ponen deja dejan suele suelen no nunca muy más cuando si "
        "donde como"
    ),
    weak=(
        "manera forma cosa cosas vez veces día días año años mes meses semana semanas hora horas "
        "minuto minutos segundo segundos tiempo caso casos ejemplo parte partes tipo tipos fin "
        "principio número poco mucho bien mal mejor peor más menos muy tan tanto todo toda todos "
        "todas otro otra mismo misma solo sólo primer primera primero dos tres cuatro cinco seis "
        "siete ocho nueve diez cien mil millón millones siempre nunca casi cerca ya aún todavía "
        "lunes martes miércoles jueves viernes sábado domingo enero febrero marzo abril mayo "
        "junio julio agosto septiembre octubre noviembre diciembre buen buena bueno gran grande "
        "pequeño pequeña nuevo nueva posible hace hacen hacer puede pueden debe deben queda "
        "quedan conviene basta sirve deja dejan dejar pone ponen poner tiene tienen da dan suele "
        "suelen queda permite evita ser estar tener haber ir usar usa usan mantiene mantener "
        "contiene contienen libera liberan sumergido sumergidos absorbe absorben pierde pierden "
        "aparece aparecen permanecen huele prefiere tarda ocurre cambia lleva llevan separa "
        "separan añade añaden viene vienen llega llegan sale salen produce producen da ayuda "
        "influye vuelve vuelven sigue siguen bastante alrededor gramos kilos litros mitad mayoría"
    ),
    links="de del al",
    swaps=(
        (r"(?<!de )\b(?:unos|unas|alrededor de|aproximadamente) (?=\d)", "cerca de "),
        (r"(?<=\d) por ciento\b", " %"),
        (r"\ba menudo\b", "con frecuencia"),
        (r"\bmás de (?=\d)", "por encima de "),
        (r"\bcon el fin de\b", "para"),
        (r"\bnormalmente\b", "por lo general"),
        (r"\bsuele ser\b", "normalmente es"),
        (r"\bademás de\b", "aparte de"),
        (r"\bporque\b", "ya que"),
        (r"\bya que\b", "porque"),
        (r"^((?:si|cuando) [^,]{8,70}), ([^,]{12,110})$", r"\2 \1"),
        (r"^(en (?:1\d|20)\d\d), ([^,]{12,140})$", r"\2 \1"),
    ),
    tails=r",? (?:porque|ya que|pero|mientras que|aunque|pues|para que) .+$|, (?:y|que|donde|lo que|cuyo|cuya) .+$",
    questions=(
        (3.0, r"diferencias? entre (?P<a>[\w ]{2,35}?) y (?P<b>[\w ]{2,30}?)(?=$|[,;:.]| es| está| son)", ("¿Cuál es la diferencia entre {a} y {b}?", "diferencia entre {a} y {b}")),
        (3.0, r"^para (?P<i>(?!ser |estar |poder |tener )(?:no |evitar que )?[a-záéíóúñ]+(?:[aei]r)(?:l[oae]s?)?\b[^,;:()]{4,60}), ", ("¿Cómo {i}?", "cómo {i}", "¿Qué hay que hacer para {i}?")),
        (2.8, r"^si (?P<c>(?!lo |la que|se |es |no se|fuera)[^,;:()]{10,75}), ", ("¿Qué hacer si {c}?", "¿Qué pasa si {c}?", "qué hacer si {c}")),
        (2.6, r"^cuando (?P<c>(?!se |lo )[^,;:()]{10,75}), ", ("¿Qué pasa cuando {c}?", "¿Qué hacer cuando {c}?")),
        (2.8, rf"^{NOUN_PHRASE} (?P<r>(?:es|son|no|se|está|están|debe|deben|puede|pueden|hay) [^,;:()]{{4,70}}?),? (?:porque|ya que|pues) ", ("¿Por qué {s} {r}?", "por qué {s} {r}")),
        (2.6, r"^no (?P<r>(?:conviene|se debe|hay que|es|basta) [^,;:()]{6,60}?),? (?:porque|ya que|pues) ", ("¿Por qué no {r}?", "por qué no {r}")),
        (2.7, r"^hay que (?P<r>[a-záéíóúñ]+[aei]r(?:l[oae]s?)?\b[^,;:()]{5,70}?)(?=$|[,;:]| porque | y | pero )", ("¿Hay que {r}?", "hay que {r}")),
        (2.6, r"^(?:no )?conviene (?P<r>[a-záéíóúñ]+[aei]r(?:l[oae]s?)?\b[^,;:()]{5,70}?)(?=$|[,;:]| porque | y | pero | para que )", ("¿Conviene {r}?", "¿Es buena idea {r}?")),
        (2.6, r"^se puede (?P<r>[a-záéíóúñ]+[aei]r\b[^,;:()]{5,70}?)(?=$|[,;:]| porque | y | pero )", ("¿Se puede {r}?", "se puede {r}")),
        (2.6, r"^(?P<s>(?:el|la|los|las|un|una) [^,;:()]{3,60}?) (?P<b>es|son) (?:un|una|unos|unas|el|la|uno de|una de) (?P<d>.{8,})$", ("¿Qué {b} {s}?", "qué {b} {s}")),
        (2.8, rf"^{NOUN_PHRASE} (?P<b>fue|fueron) (?P<r>[^,;:()]{{3,50}}?) en (?:1\d|20)\d\d\b", ("¿Cuándo {b} {r} {s}?", "¿En qué año {b} {r} {s}?")),
        (2.6, r"^en (?:1\d|20)\d\d,? (?P<r>(?!se )[^,;:()]{12,80}?)(?=$|[,;:]| y )", ("¿En qué año {r}?",)),
        (2.9, rf"^{NOUN_PHRASE} (?P<v>dura|duran|aguanta|aguantan|tarda|tardan|se conserva|se conservan) (?:unos |unas |entre |de |al menos |hasta |bien |fresc[oa] )*(?:\d|un|una|dos|tres|cuatro|cinco|varios|varias) ", ("¿Cuánto tiempo {v} {s}?", "cuánto {v} {s}")),
        (2.9, rf"^{NOUN_PHRASE} (?P<v>cuesta|cuestan|pesa|pesan) (?:unos |unas |entre |alrededor de )*\d", ("¿Cuánto {v} {s}?", "cuánto {v} {s}")),
        (2.5, rf"^{NOUN_PHRASE} (?P<v>contiene|contienen|provoca|provocan|come|comen|significa|necesita|necesitan|evita) (?!que|de |a )", ("¿Qué {v} {s}?", "qué {v} {s}")),
        (2.4, rf"^{NOUN_PHRASE} (?P<v>vive|viven|anida|anidan|crece|crecen|se guarda|se guardan) (?:en|cerca|sobre) ", ("¿Dónde {v} {s}?", "dónde {v} {s}")),
        (1.9, rf"^{NOUN_PHRASE} (?P<a>puede|pueden|debe|deben) (?P<r>(?!que|no )[a-záéíóú]+[aei]r(?:se)?\b[^,;:()]{{4,60}}?)(?=$|[,;:]| porque | y | pero )", ("¿{A} {s} {r}?",)),
    ),
    headings=(
        (3.0, r"^¿?(?P<w>[Cc]ómo|[Pp]or qué|[Cc]uándo|[Dd]ónde|[Qq]ué|[Cc]uánto|[Cc]uál) (?P<r>[^:?]{8,70}?)\??$", ("¿{W} {r}?", "{w} {r}")),
        (2.8, r"^(?P<i>[A-ZÁÉÍÓÚ][a-záéíóúñ]+[aei]r (?:el|la|los|las|un|una) [^:;]{3,50})$", ("¿Cómo {i_t}?", "cómo {i_t}")),
        (2.9, r"^(?P<a>[\w -]{3,30}?) (?:vs\.?|o) (?P<b>[\w -]{3,30})(?=$|[:,?])", ("¿Cuál es la diferencia entre {a} y {b}?", "{a} o {b} qué es mejor")),
    ),
    headlines=(
        (2.6, r"^para (?P<i>(?!ser |estar |poder |tener )(?:no |evitar que )?[a-záéíóúñ]+(?:[aei]r)(?:l[oae]s?)?\b[^,;:()]{4,60}), ", ("Cómo {i}",)),
        (2.6, r"^si (?P<c>(?!lo |la que|se |es |no se|fuera)[^,;:()]{10,60}), ", ("Qué hacer si {c}",)),
        (2.6, rf"^{NOUN_PHRASE} (?P<r>(?:es|son|no|se|está|están|debe|deben|puede|pueden) [^,;:()]{{4,60}}?),? (?:porque|ya que|pues) ", ("Por qué {s} {r}",)),
    ),
)
# fmt: on
