"""What points out of a query, language by language: at its page, or at something said before."""

# ruff: noqa: E501 - a pattern is read as one line

from dataclasses import dataclass


@dataclass(frozen=True)
class Pointing:
    """Patterns and words of one language; the patterns ignore case unless they say otherwise."""

    page: tuple[str, ...]
    """Patterns that point at the page, its author, or another place in it."""
    opening: str = ""
    """Pattern (case counts) of an opening that takes up something said before."""
    harmless: str = ""
    """Pattern of openings and questions that only look so: "it is safe to"."""
    bare: str = ""
    """Pattern (case counts) of a whole question that does not say of what: "the three steps?"."""
    pronouns: str = ""
    """Words that need something said before them, when a question has said nothing yet."""


_NOUN = r"(?:passage|article|text|excerpt|extract|paragraph|snippet|document|abstract|webpage|web page|blog post|essay|narrator|speaker|author|writer|story|report|content)s?"
_THIS = rf"(?:{_NOUN}|page|post|blog|site|website|section|chapter|guide|recipe|tutorial|study|paper|review|interview|video|news|list|table|figure|example|case|context|method|product|book|film)"
# What may follow a noun that stands alone: "in the text?", not "in the text editor".
_ALONE = r"(?=\s*(?:$|[?.!,;:)])|\s+(?:for|about|as|is|are|was|were|does|did|do|to|and|or|when|if|how|why|what|which|who|regarding|with|after|before|the|a|an|that|has|have)\b)"
_SAYS = r"(?:say|mention|state|describe|explain|claim|argue|suggest|recommend|discuss|give|call|identif|refer|compare|conclude|list|point|warn|note|define|present|propose|emphasi[sz]e|highlight)"
# Of these, in their bare form, many are the second half of a name: "story point", "author list".
_SAYS_BARE = rf"(?:(?!(?:list|point|note|claim|state|call|present|report)\b){_SAYS}y?\b|(?:list|point|note|claim|state|call|present)\b(?=\s*(?:$|[?.!,;])|\s+(?:as|for|about|the|a|an|to|out|that|in|of|regarding|when|among|under|between|on)\b))"
_NUMBERED = r"(?:\d+|two|three|four|five|six|seven|eight|nine|ten|main|first|second|third|last|next|other|different|key|final|most important)"
_PARTS = r"(?:steps?|reasons?|stages?|phases?|results?|conclusions?|findings|options|examples|methods?|types|kinds|categories|factors|causes|benefits|advantages|disadvantages|consequences|effects|requirements|parts|ways|ingredients|components|differences?|limitations?|symptoms|points|recommendations?|conditions?|exceptions?)"

ENGLISH = Pointing(
    page=(
        rf"\b(?:this|these|the (?:above|given|provided|preceding|following|present)|(?:the )?above) (?:\w+ )?{_THIS}\b(?! (?:element|sibling|tag|node))",
        rf"\b(?:according to|as (?:stated|described|mentioned|noted|explained|shown|discussed|given) (?:in|by)|based on|(?:mentioned|described|discussed|given|named|quoted|listed|cited|provided|presented|used|covered) (?:in|by)) the (?:{_NOUN}|study|researchers?|documentation|page|website)(?! (?:of|by|on|from|published|that) ){_ALONE}",
        rf"\b(?:in|from|per|for) the (?:passage|article|text|excerpt|snippet|paragraph)(?! (?:of|on|from|by|in) ){_ALONE}",
        rf"\bthe (?:{_NOUN}|page|website) (?:also )?{_SAYS}(?:s|es|ies|ed)\b|\bthe (?:{_NOUN}|page|website)'s (?:also )?{_SAYS}",
        rf"\b(?:do|does|did|can|could|may|might|must|would|should)(?:n't)? the (?:{_NOUN}|page|website) (?:also )?{_SAYS_BARE}|\bthe (?:authors|writers|narrators|speakers|texts|articles|passages) (?:also )?{_SAYS_BARE}",
        r"\bthe (?:author|writer|narrator|speaker)(?:'s|s')? (?:view|opinion|point|argument|attitude|tone|main|advice|claim|position)",
        rf"\b(?:main|central|key|overall) (?:idea|point|topic|theme|message|argument|purpose) of (?:(?:the|this|these) (?:\w+ )?(?:{_NOUN}|study|book|film|paper|page|website|section|chapter)\b{_ALONE}|this{_ALONE}|it\b)",
        r"\b(?:mentioned|described|shown|listed|discussed|given|stated|noted|seen|explained) (?:above|below|earlier|previously|here)\b",
        r"\b(?:mentioned|described|given|quoted|named) in the (?:first|last|second|third|next|previous) (?:sentence|paragraph|line|section|part)\b",
        r"\b(?:above|below)[- ]?mentioned\b|\baforementioned\b|\b(?:example|code|figure|table|text|passage|story|image|list) (?:above|below)\b",
        r"\bthe (?:documentation|text|passage|information|context|details|data|content|material|source)s? (?:provided|given)\b",
        r"\b(?:is|are|was|were) (?:also )?(?:mentioned|quoted|cited)\b(?! (?:in|by|on|at|for|as [A-Z]))",
    ),
    opening=r"^(?:It|it) (?:is|was|has|had|can|could|should|will|would|may|must|also|[a-z]+(?:s|ed))\b|^(?:They|they|He|he|She|she|We|we) (?!might be\b)[a-z]+|^(?:Its|its|His|his|Their|their|Her|her) [a-z]+ [a-z]+ [a-z]+|^(?:This|this|These|these|Those|those|That|that|Such|such) (?!who\b)[a-z]+ [a-z]+",
    harmless=r"\bit (?:really |ever |still )?(?:take|cost|mean|matter|pay|snow|rain|feel|make sense|get dark|hurt to)|\b(?:is|was|isn't|be|what's|what is) it (?:called|known as|worth|raining|snowing|like|about|that)\b|\b(?:is|was|be|being|isn't) it (?:\w+ ){1,4}(?:to|that|if|when|for|whether|because|in|without|who)\b|\bit(?:'s| is| was| would be| can be| may be| has been| will be) (?:not |very |more |often |too )?(?:safe|unsafe|legal|illegal|possible|impossible|necessary|important|ok|okay|good|bad|better|best|worse|worth|normal|hard|harder|easy|easier|difficult|true|wrong|right|time|healthy|unhealthy|dangerous|useful|common|likely|cheaper|rude|polite|advisable|recommended|enough|said|believed|known|allowed|permitted|forbidden|required|mandatory|fine|clear|customary|unusual|sensible|wise|smart|customary|a good|a bad|a crime|a myth|an?) (?:\w+ ){0,3}(?:to|that|if|when|whether|who)\b|\bit (?:is|was) [A-Z]\w+ (?:\w+ ){0,3}(?:who|that)\b|^it (?:takes?|took|costs?|seems|can take|may take|pays)\b|\btime is it\b|^they (?:say|call)\b|\b(?:this|these|that|those) (?:year|month|week|morning|evening|afternoon|summer|winter|spring|autumn|season|time|century|decade|days?|night)\b|(?-i:^(?:this|these|that|those|we|it|they|he|she|his|her|their|its) [\w ]*\b(?:season \d+|episode \d+|cast|plot|soundtrack|lyrics|reading order|trailer|(?:movie|film|book) review|ending explained|quote origin|imdb|netflix)\b[^.?!]*$)",
    bare=(
        rf"^(?:[Ww]hat|[Ww]hich) (?:are|were|is|was) the (?:{_NUMBERED} )*{_PARTS}\W*$"
        r"|^(?:[Ww]h\w+|[Hh]ow)(?: [a-z'’-]+){0,2} (?:did|does|has|had|was|is|would|could) s?he\b(?: [a-z'’-]+){0,4}\W*$"
        r"|^(?:[Ww]hat|[Ww]hich) [a-z]+ (?:did|do|have|had|were) they [a-z]+\W*$"
        r"|^(?:[Ww]h\w+|[Hh]ow) (?:did|does|has|had|would)(?: [A-Z][\w.'’-]*)+(?: [a-z]+){1,3} (?:it|this|that|them)\W*$"
        r"|^(?:[Ww]h\w+|[Hh]ow)(?: (?!and\b|if\b|when\b|in\b|to\b|from\b|at\b|on\b)[\w'’-]+){1,6} (?!are|is|were|was|be|been|out|over|get)[a-z]+ there\W*$"
    ),
    pronouns="it its he him his she her hers they them their theirs this that these those",
)
# Things that a text has spoken of before it calls them so; with nothing else, nobody knows which.
UNNAMED = (
    "company study researcher researchers survey experiment team project council event program "
    "programme organization organisation book film movie band building city town authors group "
    "report agency institution festival museum committee firm"
)

_DE = r"(?:Text|Artikel|Abschnitt|Absatz|Beitrag|Autor|Autorin|Verfasser|Verfasserin|Passage|Textstelle|Auszug|Dokument|Erzähler|Textausschnitt)"
_DE_SAYS = r"(?:sagt|nennt|empfiehlt|beschreibt|erwähnt|erklärt|behauptet|meint|schreibt|berichtet|rät|zeigt|führt|gibt)"
GERMAN = Pointing(
    page=(
        rf"\b(?:laut|gemäß|zufolge|nach) (?:dem|der|diesem|dieser|des) {_DE}s?\b(?! (?:des|der|von|über) |\s*\d)",
        r"\b(?:im|aus dem) (?:Text|Artikel|Abschnitt|Absatz|Beitrag|Auszug|Textausschnitt)\b(?! (?:des|der|von|zu|über|\d))",
        rf"\b(?:dies(?:e|er|em|en|es)|vorliegende[nrms]?|obige[nrms]?|folgende[nrms]?) (?:{_DE}s?|Seite|Webseite|Studie|Bericht|Buch|Rezept|Anleitung|Kapitel)\b",
        rf"\b(?:der|die|das) {_DE} {_DE_SAYS}\b|\b{_DE_SAYS} (?:der|die|das) {_DE}\b(?! (?:des|der|von) )",
        r"\b(?:oben|unten|bereits|vorher|zuvor|hier) (?:genannt|erwähnt|beschrieben|gezeigt)|\boben(?:genannt|erwähnt)",
    ),
    opening=r"^(?:Er|Sie|Dies|Dieser|Diese|Dieses|Diesem|Diesen|Jene[rs]?|Solche|Seine|Ihre|Deren|Dessen|er|diese[rs]?|dies) [a-zäöüß]+|^(?:Seine?|Deren|Dessen) [A-ZÄÖÜ]\w+ [a-zäöüß]+|^Es (?:wird|wurde|hat|kann|ist ein|war ein)\b",
    harmless=r"^[^:]{3,40}: |\bman (?:\w+ )*sein|\bdies(?:e|er|es|em|en) (?:Jahr|Woche|Monat|Sommer|Winter|Herbst|Frühjahr|Frühling|Saison|Tage)|^Es (?:wird|wurde|hat|kann|ist|war) .*\b(?:zu|dass|ob|wenn)\b",
    pronouns=(
        "er sie ihn ihm ihnen dieser diese dieses diesem diesen davon daraus darin daran dies "
        "seine seinen seiner seinem"
    ),
)

_FR = r"(?:l['’]auteure?|le texte|l['’]article|le passage|l['’]extrait|le paragraphe|le document|ce texte|cet article|ce passage|cet extrait|ce paragraphe|ce document|cet auteur|cette page|le narrateur)"
_FR_SAYS = r"(?:dit|mentionne|recommande|explique|décrit|affirme|indique|conseille|précise|présente|évoque|parle|pense|cite)"
FRENCH = Pointing(
    page=(
        rf"(?:d['’]après|selon|dans|de) {_FR}\b(?! (?:de|du|des|\d)| d['’])",
        r"\b(?:ce texte|cet article|ce passage|cet extrait|ce paragraphe|ce document|cette page|cette étude|ce livre|ce chapitre|cette recette|ce guide)\b",
        rf"\b{_FR_SAYS}(?:-t-(?:il|elle))? {_FR}\b(?! (?:de|du|des)\b| d['’])|{_FR} {_FR_SAYS}\b|{_FR} {_FR_SAYS}-t-",
        r"\bci-(?:dessus|dessous|après)\b|\b(?:mentionné|cité|décrit|évoqué)e?s? (?:plus haut|précédemment)",
    ),
    opening=r"^(?:Ils?|Elles?|Ces?|Cette|Cet|Cela|Ceci|Son|Sa|Ses|Leurs?|Celui-ci|Celle-ci|il|elle|ils|elles|cette|ces) [a-zà-ÿ]+",
    harmless=r"^(?:il|ce|cela) (?:faut|faudra|faudrait|y a|existe|vaut|suffit|s['’]agit|pleut|fait|sont)\b|^(?:il|ce) (?:est|serait|était) (?:\S+ ){1,3}(?:de|d['’]|que|qu['’])|^c['’]est |\bce(?:tte|t)? (?:année|mois|semaine|été|hiver|saison|soir|matin|printemps|automne)\b|\best-il (?:\S+ ){1,3}(?:de|d['’]|que)|(?:faut|pleut|passe|vaut|suffit|y a-t)-(?:t-)?il|^ce qui|^ce que",
    pronouns="celui-ci celle-ci ceux-ci cet cette ces",
)
# A French question asks by turning verb and pronoun: "Combien pèse-t-elle ?", and names nothing.
FRENCH_TURNED = r"^(?:combien|quand|où|comment|pourquoi|que|quoi|à quoi|de quoi|depuis quand|quel(?:le)?s?)\s(?:\S+\s)?\S+-(?:t-)?(?:elles?|ils?)(?: \S+)?\s*\?*$"

_ES = r"(?:texto|artículo|autora?|pasaje|fragmento|párrafo|documento|extracto|narrador)"
_ES_SAYS = r"(?:dice|menciona|recomienda|explica|describe|afirma|señala|indica|aconseja|sostiene|cita|habla|trata)"
SPANISH = Pointing(
    page=(
        rf"\b(?:según|de acuerdo con) (?:el|la|este|esta|dicho) {_ES}\b(?! (?:de|del|\d))",
        rf"\b(?:est[ea]|dich[oa]|presente|siguiente) (?:{_ES}|página|estudio|libro|receta|guía|capítulo|sección)\b",
        r"\b(?:en|del) (?:el )?(?:texto|artículo|pasaje|fragmento|párrafo|extracto)\b(?! (?:de|del|\d))(?=\s*(?:$|[?.!,;])| (?:se|sobre|que|para|como)\b)",
        rf"\b{_ES_SAYS} (?:el|la) {_ES}\b(?! (?:de|del)\b)|\b(?:el|la) {_ES} {_ES_SAYS}\b",
        r"\b(?:mencionad|citad|descrit|señalad)[oa]s? (?:arriba|anteriormente|antes|aquí)\b",
    ),
    opening=r"^¿?(?:Est[aeo]s?|Es[ao]s?|Aquell[oa]s?|Él|Ella|Ellos|Ellas|Dich[oa]s?|est[ao]s?|él|ella|ellos|dich[oa]s?) (?!de\b)[a-zà-ÿ]+",
    harmless=r"^¿?est[ea] (?:año|mes|semana|noche|tarde|mañana|verano|invierno|primavera|otoño|temporada)\b|^esto es\b",
    pronouns="él ella ellos ellas esto esta este estos estas eso esa ese esos esas ello",
)

RUSSIAN = Pointing(
    page=(
        r"\b(?:в|из|о) (?:этом |этой |данном |данной |этого |этой )?(?:тексте|статье|отрывке|абзаце|текста|статьи|отрывка)\b(?!\s+\d)(?=\s*(?:$|[?.!,;])| (?:о|об|про|говорится|упоминается|сказано|автор)\b)",
        r"\b(?:согласно|по мнению|по словам) (?:автор[уа]|тексту?|стать[еи])",
        r"\b(?:эт(?:от|ом|ого|а|ой|у)|данн(?:ый|ом|ая|ой)) (?:текст|стат|отрыв|абзац|страниц)",
        r"\bавтор (?:говорит|утверждает|пишет|считает|советует|упоминает|рекомендует|называет|имеет)",
        r"\bупомянут\S* выше|\bвышеупомянут|\bвыше упомянут",
    ),
    opening=r"^(?:Он|Она|Оно|Они|Этот|Эта|Эти|Его|Её|Ее|Их|он|она|они|этот|эта|эти) [а-яё]+",
    harmless=r"^эт(?:от|а|ой|ом|и) (?:год|зим|осен|недел|месяц|лет|дни)",
    pronouns="он она оно они его её ее их им ему ей этот эта эти этого этой",
)

CHINESE = Pointing(
    page=(
        r"这篇|本文|该文|这段|上述|上文|文中|本段|前文|下文|以上(?:内容|文字|段落|材料)|(?:根据|按照)(?:文章|文本|原文|材料|段落)",
        r"(?:文章|段落|文本|原文)(?:中|里|说|提到|认为|指出|介绍|主要|的主旨|描述)|作者(?:认为|说|提到|指出|建议|如何|为什么|对|的观点|在)",
    ),
    opening=r"^(?:它|他|她|它们|他们|她们|这(?!几年|些年|里|样|么)|那(?!些年|里|么)|其(?!他|实|它)|该)",
)
JAPANESE = Pointing(
    page=(
        r"(?:この|本|上の|次の|以下の)(?:文章|記事|文|段落|本文|テキスト|資料)|筆者|著者(?:は|が|の考え|の意見|によ)|文章によると|本文|上記|前述|文中",
    ),
    opening=r"^(?:それ|これ|その(?!他|まま)|この(?!頃|ごろ)|あの|彼(?!岸)|彼女)",
)

POINTING = {
    "en": ENGLISH, "de": GERMAN, "fr": FRENCH, "es": SPANISH, "ru": RUSSIAN, "zh": CHINESE,
    "ja": JAPANESE,
}  # fmt: skip
