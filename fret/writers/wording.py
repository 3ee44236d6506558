"""Words and sentence patterns of the template writer, by language: data, without any logic.

Longer than other files because it is a table; a pattern stands on one line, since it is read as one.
Patterns see a sentence without its final stop and with a small first letter unless it is a name.
In their forms, {name} is a group of the pattern, {v_base} the infinitive of the English verb in
group v, {do} the "do" that goes with it, and {c_me} a group said by the reader (your -> my).
A group called s must be a noun phrase; groups c, i and r are parts of a clause.
"""

# ruff: noqa: E501

from dataclasses import dataclass

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
    r"\bbe sure to\b|check out|\bshop\b.*\bdeals\b|full story|see more|(?:reporting|editing|writing) by|"
    r"sign (?:up|in)\b|\blog ?in\b|\bcookies?\b|subscrib|newsletter|read more|click (?:here|on)|share this|"
    r"all rights reserved|copyright|©|privacy policy|terms of (?:use|service)|follow us|advertis|"
    r"photo(?:graph)? by|getty|image credit|loading|javascript|download (?:the )?app|http|www\.|\S@\S|"
    r"related (?:articles|posts)|leave a comment|posted (?:by|on|in)|last updated|table of contents|"
    r"alle rechte vorbehalten|abonnier|datenschutz|impressum|weiterlesen|mehr lesen|jetzt anmelden|"
    r"tous droits réservés|abonne[zr]|s'inscrire|en savoir plus|lire la suite|mentions légales|"
    r"todos los derechos|suscr[ií]b|leer más|aviso legal|política de privacidad|registrarse|"
    r"\[[^\]]*\]|\\|[{}<>|_=#$@~^]|…|\.\.\.|--"
)

# Where a sentence of a passage points at something outside of the sentence.
POINTERS = (
    r"\b(?:this|that|the|our|my) (?:article|post|page|passage|guide|section|chapter|recipe|blog|book|"
    r"video|chart|figure|table|list|review|interview)\b|\b(?:as )?(?:described|mentioned|shown|noted|seen|listed) "
    r"(?:above|below|earlier)|\b(?:above|below)(?: and|$)|\bdiese[rsmn]? (?:artikel|beitrag|seite|abschnitt)|"
    r"\b(?:oben|unten) (?:beschrieben|genannt)|\bcet(?:te)? (?:article|page|section)|\ball (?:two|three|four)\b|\b\w+ez-(?:le|la|les|lui|moi|vous|nous|y|en)\b|\bthe (?:two|three|former|latter|others?|last|third|first two|last two|other two|first three)\b(?! \w+s\b)(?= [a-z]+|$)|ci-(?:dessus|dessous|après)|"
    r"\best[ea] (?:artículo|página|sección)|(?:arriba|abajo|anteriormente) mencionad|\b(?:the )?(?:former|latter)\b|"
    r"\b(?:of|for|with|about|like|than|on|by|from|to|all|brought|made|do) (?:that|this|these|those)\b|"
    r"\b(?:this|these) (?!year|week|month|time)|\bdies(?:e|er|es|em|en)\b|\b(?:cet|cette|ces) |\bce (?!qu)|"
    r"\b(?:est[ea]s?|estos|es[ea]s?|esos) [a-z]+[aeo]s?\b|^the same\b|^auf der anderen seite|^zum (?:einen|anderen)\b|^d'autre part|^por otro lado|^entre un[oa] y otr|^on the other"
)


# Writer and reader, in all languages: no claim speaks of them.
SPEAKERS = "i we our my us me i'm we're ich wir uns unser mein je j' nous notre mon yo nosotros mi"
READERS = "you your ihr du dein vous votre tu te usted tus sie"
READER_SPEECH = (
    (r"\byou are\b", "I am"), (r"\byou[’']re\b", "I'm"), (r"\byourself\b", "myself"),
    (r"\byour\b", "my"), (r"\byours\b", "mine"), (r"\byou\b", "I"),
)  # fmt: skip
# A part of a sentence that ends with one of these has been cut in the wrong place.
UNFINISHED = "only not a an the of to in and or for with by my I nicht ne que de y et und"
FILLERS = r"\b(?:also|still|then|even|auch|aussi|también) "
SPANISH_AFTER_VERBS = ("en", "el", "la", "los", "las", "un", "una", "con", "por", "a", "al")
NUMERALS = "one two three four five six seven eight nine ten some many most several both"
INFINITIVES = {
    "began": "begin", "became": "become", "won": "win", "left": "leave", "lost": "lose",
    "bought": "buy", "built": "build", "dries": "dry", "relies": "rely", "married": "marry",
}  # fmt: skip
E_VERBS = "die move introduce release acquire close announce retire arrive collapse"


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
    questions: tuple[tuple[float, str, tuple[str, ...]], ...] = ()
    """Quality, pattern, forms."""
    headings: tuple[tuple[float, str, tuple[str, ...]], ...] = ()
    """The same for titles and headings."""
    headlines: tuple[tuple[float, str, tuple[str, ...]], ...] = ()
    """The same, from a sentence to a headline."""


ORDERS = (
    "add allow apply avoid bake blend boil bring brush build buy call change charge check "
    "choose clean close combine cook cool count cover cut drain draw drink drop dry eat "
    "elevate fill find fix fold freeze fry give grind heat hold increase insert install keep "
    "knead lean leave let lift lower make mark measure mix move open pay pinch place plug "
    "pour prepare press pull push put raise reduce remove repeat replace rest rinse rotate "
    "rub run save seal set shake simmer sit slide soak spread spin squeeze start stay steep "
    "stir stop store take test tie tighten transfer try turn type use wait warm wash watch "
    "wear wipe wrap write"
)
_ORDER = rf"(?:{ORDERS.replace(' ', '|')})\b"
_NP = r"(?P<s>[^,;:()\"“”–—]{3,70}?)"
_REST = r"(?P<r>[^,;:()\"“”–—]{4,80}?)"
_STOP = r"(?=$|[;:–—]|, (?:which|who|so|but|because|since|although|as|where|while|unless|if|when|for example)\b| because | so that | unless | but | and )"
_NUM = r"(?:about |around |roughly |approximately |nearly |almost |over |up to |at least |between |only |just )*(?:an? |\d[\d.,]*|two|three|four|five|six|seven|eight|nine|ten|twelve|twenty|thirty)"
_TIME = r"(?: ?(?:to|or|and|-|–) ?(?:\d+|[a-z]+))? ?(?:seconds?|minutes?|hours?|days?|weeks?|months?|years?)\b"
_ADV = r"(?:usually |typically |generally |normally |often |also |only |mainly |commonly |always |sometimes )?"
_MAIN = rf"(?:the|an?|it|they|you|your|there|this|that|these|those|some|most|no|both|each|all|do not|don't|never|try|[A-Z]\w+|\w+s|{_ORDER})\b"
_MONTH = "(?:January|February|March|April|May|June|July|August|September|October|November|December)"
_YEAR = rf"(?:(?:early |late |mid-)?(?:\d{{1,2}} )?(?:{_MONTH} )?(?:\d{{1,2}}, )?(?:1[0-9]|20)\d\d|\d{{1,2}} {_MONTH}|{_MONTH} \d{{1,2}})\b"
_PERSON = r"\b(?:president|senator|governor|actor|actress|singer|writer|author|director|man|woman|player|coach|lawyer|member|candidate|founder|leader|professor|mother|father|owner|year-old|politician|minister|journalist|musician|veteran|resident|who)\b"
_PAST = "began|opened|founded|died|became|won|joined|launched|moved|started|introduced|released|signed|published|left|lost|bought|acquired|ended|closed|announced|retired|returned|invented|discovered|adopted|married|built|passed|arrived|landed|erupted|collapsed"
NAME = r"(?:[A-Z][\w.'’-]+ )+[A-Z][\w'’-]+"

_IMPERATIVE = rf"(?P<i>{_ORDER}[^.;:()\"“”]{{6,90}}?)"

# The one pattern that needs a key phrase beside it.
STATEMENT = rf"(?P<n>(?!The |In |New |[^,]*(?:Ministry|Bureau|Department|Office|Agency|Journal|Psychiatry)){NAME}),? (?:said|says|told|announced|warned|argued|claimed)\b"
# Headings that say nothing of the text below.
ASIDES = r"(?:Also|See|Related|Siehe|Voir|Véase|Q\b|A:|By )"

# fmt: off
ENGLISH = Wording(
    pronouns="i me my mine we us our ours you your yours he him his she her hers it its they them their theirs this "
    "that these those here such himself herself itself themselves one ones",
    openers="and but or so nor yet because although though while if when where which who whose what how why there then "
    "both another others some many most more few several neither either each other same again even not no yes well now "
    "today yesterday tomorrow meanwhile still once after before until since instead earlier later next first second "
    "third fourth finally lastly perhaps maybe please thanks thank let let's see note here's that's it's according "
    "like unlike said says asked got gone helping heading also as everyone everything anyone nothing something all",
    connectives=r"^(?:however|also|in addition|additionally|therefore|thus|hence|moreover|furthermore|besides|"
    r"of course|for example|for instance|in fact|indeed|as a result|consequently|on the other hand|in other words|"
    r"that said|still|then|and|but|so|yet|in short|in general|generally|overall|interestingly|fortunately|"
    r"unfortunately|importantly|notably|similarly|likewise|meanwhile|finally|first|second|third|next|lastly|"
    r"first of all|to be sure|in particular|nevertheless|nonetheless|otherwise|again|instead|note that|"
    r"remember that|it is important to note that|keep in mind that|after all|at the same time|by contrast|"
    r"in contrast|as such|now|well|plus|sadly|clearly|obviously|actually|basically|ultimately),?\s+",
    determiners="the a an this that these those his her its their my your our every each any some no",
    prepositions="of in on at by for with from to into onto over under between among through during before after about "
    "against across around behind beneath near without within upon toward towards per via as than until since despite "
    "beyond along like unlike inside outside off above below",
    verbs="is are was were be been being am isn't aren't wasn't weren't has have had do does did don't doesn't didn't "
    "can could should would may might must will cannot can't won't shall said says say that which who whom whose where "
    "when why how what if because although while whether there here not never also very too quite just only even often "
    "usually always sometimes already makes make made gets get got goes go went takes take took gives give gave "
    "becomes become became means comes come came keeps keep kept needs need puts seems seem looks look turns let lets "
    "tells told knows know knew thinks think wants want uses relies rely hunts believe believes expect expects shows showed believed "
    "announced later ago happens happen agree agrees argue argues allow allows help helps remain remains include "
    "includes provide provides produce produces cause causes reach reaches grow grows grew fall falls fell run runs ran "
    "follow follows begin begins began feel feels felt left lost met paid sold sent spent stood understand understood "
    "wrote won saw seen found asked called added explained noted reported claimed don't doesn’t don’t isn’t can’t",
    weak="way ways thing things lot lots kind kinds sort sorts bit time times day days year years people person part "
    "parts case cases example examples number numbers point points fact side end use used using good better best bad "
    "new old big small large great little long short high low many much several various different important possible "
    "available main first second third last next own one two three four five six seven eight nine ten hundred thousand "
    "million billion another others something anything everything nothing someone anyone everyone well also even still "
    "however though although therefore thus yet instead rather almost enough already always never often sometimes "
    "usually really likely able easy hard simple sure make makes making made take takes taking took taken give gives "
    "given giving get gets getting got go goes going gone went come comes coming came keep keeps kept put puts let lets "
    "see sees seen saw know known knew think thought want wants need needs needed look looks looking find found say "
    "says said tell told ask asked become becomes became begin begins began start starts started try tries tried help "
    "helps mean means meant seem seems turn turns turned leave leaves left show shows shown showed call called work "
    "works worked working set run runs would could may might must shall cannot since whether either neither among per "
    "via within without upon along across around near toward like unlike today yesterday tomorrow week weeks month "
    "months minute minutes hour hours second seconds monday tuesday wednesday thursday friday saturday sunday january "
    "february march april may june july august september october november december mr mrs ms dr percent back away "
    "together ago later earlier soon else every everybody anybody step steps please etc include includes including "
    "included according based due less least half whole full top bottom right real actual certain recent current "
    "hold holds bring brings add adds stay stays follow follows happen happens happened done much us said man men woman women latest review reviews guide tip tips basics introduction news daily explained cheat sheet degree degrees level levels moment moments brief entire matter matters wish practical lesson cent "
    "stops occurs rises falls drops exists appears remains ends arrives lies sits stands depends differs varies changes "
    "starts moves runs peaks swells cools dollars euros pounds initial public powerful favorite video difference differences problem problems result results huge massive broad reason reasons everything things",
    links="of",
    swaps=(
        (r"\b(?:about|around) (?=\d)", "roughly "),
        (r"\b(?:roughly|approximately) (?=\d)", "about "),
        (r"\bmore than (?=\d)", "over "),
        (r"\bover (?=\d[\d,.]* (?!and|or)[a-z]+s\b)", "more than "),
        (r"(?<=\d) percent\b", "%"),
        (r"\busually\b", "normally"),
        (r"\boften\b", "frequently"),
        (r"\bsuch as\b", "like"),
        (r"\bmay\b(?= [a-z])", "might"),
        (r"\bin order to\b", "to"),
        (r"\bapproximately\b", "about"),
        (r"\balmost\b", "nearly"),
        (r"\bbecause\b(?! of)", "since"),
        (r"\ba number of\b", "several"),
        (r"\bneeds? to\b", "must"),
        (r"\b(is|are) called\b", r"\1 known as"),
        (r"\balso ", ""),
        (r"\bbegan\b", "started"),
        (r"\bcannot\b", "can't"),
        (r"\b(is|are) not\b", r"\1n't"),
        (r"\ban? (?:large|great) number of\b", "many"),
        (r"\bis able to\b", "can"),
        (r"^((?:if|when|because|until|as soon as) [^,]{8,70}), (?!but|and)([^,]{12,120})$", r"\2 \1"),
        (r"^((?:in|since|by|during|until) (?:[A-Z][a-z]+ )?(?:1\d|20)\d\d), ([^,]{12,140})$", r"\2 \1"),
        (r"^([^,]{12,90}?)(?<!even)(?<!only)(?<!just)(?<!as)(?<!but)(?<!and)(?<!or)(?<!what),? ((?:because|if) [^,]{12,90})$", r"\2, \1"),
    ),
    questions=(
        (3.0, r"difference between (?P<a>[\w' -]{2,35}?) and (?P<b>[\w' -]{2,30}?)(?=$|[,;:.]| is| are| was| in )",
         ("What is the difference between {a} and {b}?", "difference between {a} and {b}")),
        (3.0, rf"^to (?P<i>(?!be\b|make matters|date\b|this\b|the\b|some|many|my|his|her|their|its|our|a\b|an\b)[a-z]+ (?!end,)[^,;:]{{5,60}}), (?=(?:{_ORDER}|you|it|the|an?|only|just|simply|first|there|all|try|git)\b.{{12}})",
         ("How do I {i_me}?", "how to {i_me}", "What is the best way to {i_me}?")),
        (2.9, rf"^(?:if|when) (?P<c>(?:you|a|an|the|your) [^,;:()]{{8,75}}), (?={_ORDER}|then|try|see|ask|do not|don't|never|always|go|seek|add )",
         ("What should I do if {c_me}?", "what to do if {c_me}")),
        (2.6, rf"^if (?P<c>(?:you|a|an|the|your|any|no) [^,;:()]{{8,75}}), (?={_MAIN}.{{9}})",
         ("What happens if {c_me}?", "what happens if {c_me}")),
        (2.2, rf"^when (?P<c>(?:you|a|an|the|your) [^,;:()]{{8,75}}), (?={_MAIN}.{{9}})",
         ("What happens when {c_me}?", "what happens when {c_me}")),
        (2.8, rf"^{_NP} (?P<a>is|are|was|were|can|could|should|must|will) (?:always |often |usually )?(?P<r>(?!not |a |an |the )[^,;:()\"“”–—]{{3,70}}?),? because (?!of\b)",
         ("Why {a} {s} {r}?", "why {a} {s} {r}")),
        (2.8, rf"^{_NP} (?P<a>cannot|can't|should not|shouldn't|must not|is not|are not) (?P<r>[^,;:()\"“”–—]{{3,70}}?),? because (?!of\b)",
         ("Why is it that {s} {a} {r}?", "why {s} {a} {r}")),
        (2.3, rf"^{_NP} (?P<r>(?!is |are |was |were |can |not )[a-z]+ [^,;:()\"“”–—]{{6,60}}?),? because (?!of\b)",
         ("why {s} {r}",)),
        (2.9, rf"^{_NP} {_ADV}(?P<v>takes?|lasts?) {_NUM}{_TIME}", ("How long {do} {s} {v_base}?", "how long {do} {s} {v_base}")),
        (2.9, rf"^{_NP} {_ADV}(?P<v>costs?|weighs?) {_NUM}", ("How much {do} {s} {v_base}?", "how much {do} {s} {v_base}")),
        (2.7, rf"^{_NP} {_ADV}(?P<v>heals?|dries|dry|hatch(?:es)?|cools?|expires?|recovers?|fades?|ends?|germinates?|arrives?) (?:with)?in {_NUM}{_TIME}",
         ("How long does it take for {s} to {v_base}?", "how long for {s} to {v_base}")),
        (3.0, rf"^(?!\w+ (?:to|while|for|until|in|over|and|\w+ly)\b){_IMPERATIVE} for {_NUM}{_TIME}", ("How long should I {i_me}?", "how long to {i_me}", "For how long do I {i_me}?")),
        (2.6, rf"^(?![A-Z][a-z]+ is )(?![^,]{{0,40}} and )(?!the (?:\S+ ){{4}}){_NP} (?P<b>is|are) (?:an?|one of the|any|the (?!same|first|case|only|reason|result|best|most|key|main|biggest|one|other|safest)) ?(?!.{{0,40}}{_PERSON})(?=.{{8}})",
         ("What {b} {s}?", "what {b} {s}", "What exactly {b} {s}?")),
        (2.6, rf"^(?P<n>{NAME}) (?:is|was) (?:an?|the|one of the) .{{0,40}}{_PERSON}", ("Who is {n}?", "who is {n}")),
        (2.4, rf"^{_NP} (?P<b>is|are) (?P<v>given|made|measured|calculated|graded|formed|produced|treated|prepared|stored|expressed|divided|controlled|chosen|cleaned|tested|described|classified|extracted|collected|fed|pressed|dried|cooled|heated) (?:as|by|in|with|from|into|on|at|using|to) ",
         ("How {b} {s} {v}?", "how {b} {s} {v}")),
        (1.9, rf"^{_NP} {_ADV}(?P<v>finds|creates|removes|copies|records|stores|replaces|controls|collects|lowers|raises|absorbs) (?!to |that |by |from |and )",
         ("What does {s} do?", "what does {s} do")),
        (2.8, r"^(?P<s>an? [^,;:()]{8,60}?) (?P<b>is|are) (?:called|known as) ", ("What {b} {s} called?", "what do you call {s}")),
        (2.5, rf"^{_NP} (?P<b>is|are) also (?:called|known as) ", ("What is another name for {s}?", "other names for {s}")),
        (2.7, rf"^{_NP} (?P<b>is|are) {_ADV}used (?:to|for|as) ", ("What {b} {s} used for?", "what {b} {s} used for")),
        (2.5, rf"^{_NP} {_ADV}(?P<v>consists?|depends?|feeds?|relies|rely) (?P<p>of|on) ",
         ("What {do} {s} {v_base} {p}?", "what {do} {s} {v_base} {p}")),
        (2.2, rf"^{_NP} {_ADV}(?P<v>contains?|includes?|requires?|causes?|eats?|produces?|measures?(?! \d)|covers?|prevents?|affects?|supports?|protects?|attracts?) (?!to |that |by |from |and )(?=.{{4}})",
         ("What {do} {s} {v_base}?", "what {do} {s} {v_base}")),
        (2.3, rf"\b(?P<v>causes|prevents|reduces|increases|improves|triggers|speeds up|slows down) (?P<o>(?!by|to|and|in|of|from|that)(?:[a-z-]+ ){{0,4}}[a-z-]{{4,}}){_STOP}",
         ("What {v} {o}?", "what {v} {o}")),
        (2.8, rf"^{_NP} (?P<b>was|were) (?:first |originally |officially )?(?P<r>(?:\w+ed|built|born|written|held|sold|made|begun|found|won|shot|cut|drawn)(?: [^,;:()]{{2,50}}?)?),? (?:back )?(?:in|on) {_YEAR}",
         ("When {b} {s} {r}?", "when {b} {s} {r}", "In which year {b} {s} {r}?")),
        (2.8, rf"^in {_YEAR},? {_NP} (?P<b>was|were) (?P<r>[^,;:()]{{4,60}}?){_STOP}",
         ("When {b} {s} {r}?", "when {b} {s} {r}", "In which year {b} {s} {r}?")),
        (2.7, rf"^{_NP} (?P<v>{_PAST})(?P<r>(?: [^,;:()\d]{{2,50}}?)?) (?:in|on) {_YEAR}",
         ("When did {s} {v_base}{r}?", "when did {s} {v_base}{r}")),
        (2.7, rf"^(?:in|on) {_YEAR},? {_NP} (?P<v>{_PAST})(?P<r>(?: [^,;:()\d]{{2,50}}?)?){_STOP}",
         ("When did {s} {v_base}{r}?", "when did {s} {v_base}{r}")),
        (2.6, rf"^(?P<n>{NAME}) (?P<v>founded|invented|discovered|wrote|directed|created|designed|developed|won|led|painted|composed|introduced|launched|replaced|beat|defeated|bought|acquired|signed) (?P<o>[^,;:()]{{5,60}}?){_STOP}",
         ("Who {v} {o}?", "who {v} {o}")),
        (2.6, rf"^{_NP} (?P<b>was|were) (?P<v>founded|invented|discovered|written|directed|created|designed|developed|built|painted|composed|introduced|launched|replaced) by (?=[A-Z])",
         ("Who {b} {s} {v} by?", "who {b} {s} {v} by")),
        (2.2, rf"^you (?P<a>can|should)(?: also| always)? (?P<r>(?!also|always|only|see|expect|not )[a-z]+ [^,;:()]{{5,60}}?){_STOP}", ("{A} I {r_me}?", "{a} i {r_me}")),
        (2.4, rf"^(?:you )?(?:(?P<a>should|do) not|don't|never) (?P<r>(?!be\b|forget|worry|know|have to|need)[a-z]+ [^,;:()]{{5,60}}?){_STOP}",
         ("Should I {r_me}?", "Why should I not {r_me}?", "is it bad to {r_me}")),
        (2.3, rf"^you (?P<a>need|have) to (?P<r>[a-z]+ [^,;:()]{{5,60}}?){_STOP}", ("Do I {a} to {r_me}?", "do i {a} to {r_me}")),
        (2.0, rf"^{_NP} (?P<a>can|should)(?: not|not|n't)? (?:also |always |never |only )?{_REST}{_STOP}", ("{A} {s} {r}?", "{a} {s} {r}")),
        (1.6, rf"^{_NP} (?:may|might) (?!have |be able ){_REST}{_STOP}", ("Can {s} {r}?", "can {s} {r}")),
        (2.6, rf"^{_NP} (?P<v>has|have) {_NUM} (?P<o>[a-z]+(?: [a-z]+)?s)\b(?! (?:old|ago))", ("How many {o} {do} {s} have?", "how many {o} {do} {s} have")),
        (2.6, rf"^{_NP} (?P<b>is|are|was|were) (?P<v>located|situated|based|born|buried|held|found) (?:in|at|on|near) ",
         ("Where {b} {s} {v}?", "where {b} {s} {v}")),
        (2.6, rf"^{_NP} (?P<v>lives?|nests?|breeds?|grows?|hunts?|hides?) {_ADV}(?:in|on|at|near|along) ", ("Where {do} {s} {v_base}?", "where {do} {s} {v_base}")),
        (2.7, r"^the (?P<s>(?:best|easiest|safest|simplest|cheapest|main|usual|biggest|most common|quickest|only|key) [^,;:()]{5,60}?) (?P<b>is|(?<=s )are) ",
         ("What {b} the {s}?", "what {b} the {s}", "{s}")),
        (2.4, r"^the (?P<s>(?:purpose|aim|goal|role|reason|cause|size|length|risk|price|cost|effect|result|advantage|disadvantage|drawback|benefit|name)s? (?:of|for|in) [^,;:()]{5,50}?) (?P<b>is|are|was) (?!not|given|made|still|also)",
         ("What {b} the {s}?", "{s}")),
        (2.3, rf"^{_NP} (?P<b>is|are) (?:very |most |especially |particularly )?(?P<r>(?:dangerous|safe|harmful|important|healthy|useful|effective|suitable|toxic|poisonous|common|rare|illegal|legal|necessary|best|better|worse|expensive|cheap|risky|\w+er than|(?:more|less) \w+ than)\b[^,;:()]{{0,45}}?){_STOP}",
         ("{B} {s} {r}?", "{b} {s} {r}")),
    ),
    headings=(
        (3.0, r"^(?:how[ -]?to:?) (?P<i>[a-z]+ .{5,60})$", ("How do I {i_me}?", "how to {i_me}")),
        (2.8, r"^when to (?P<i>[a-z]+ .{3,50})$", ("When should I {i_me}?", "when to {i_me}")),
        (2.8, r"^what to (?P<i>[a-z]+ .{3,50})$", ("What should I {i_me}?", "what to {i_me}")),
        (2.8, r"^(?P<w>how|why|what|where|who|which|when|is|are|can|does|do|should) (?P<r>(?:is|are|was|were|do|does|did|can|should|will|much|many|long|often|far)\b[^:]{6,70}?)\??$", ("{W} {r_me}?", "{w} {r_me}")),
        (2.6, r"^(?P<w>how|why|what|where|who|which) (?P<r>(?!to |you |it |if |is |are )[^:]{8,70}?)$", ("{w} {r_me}",)),
        (2.9, r"^(?P<a>[\w' -]{3,30}?) (?:vs\.?|versus) (?P<b>[\w' -]{3,30})(?=$|[:,?])", ("What is the difference between {a} and {b}?", "{a} vs {b}", "{a} or {b} which is better")),
    ),
    headlines=(
        (2.6, r"^to (?P<i>(?!be\b|make matters|date\b|this\b|the\b)[a-z]+ [^,;:]{8,60}), ", ("How to {i}", "How to {i}: what works")),
        (2.5, r"^if (?P<c>(?:you|a|an|the|your) [^,;:()]{10,60}), ", ("What to do if {c}", "What if {c}?")),
        (2.6, rf"^{_NP} (?P<r>(?:is|are|can|cannot|should|must|will) [^,;:()]{{4,60}}?),? because (?!of\b)", ("Why {s} {r}", "The reason why {s} {r}")),
    ),
)

GERMAN = Wording(
    pronouns="ich mich mir mein meine meinen meiner wir uns unser unsere du dich dir dein deine deinen deiner ihr euch "
    "euer sie ihn ihm ihnen er es sein seine seinen seiner seinem ihre ihren ihrer ihrem dies diese dieser dieses diesem "
    "diesen jene jener jenes hier solche solcher solches man dazu dafür dabei damit davon dadurch daran darauf darin "
    "daraus darüber danach deren dessen letztere letzterer ersterer",
    openers="natürlich und aber oder denn sondern doch weil obwohl während wenn falls wo was wer wie warum dann deshalb daher dort "
    "auch andere beide jeder so nicht nein ja heute gestern morgen noch nun zudem außerdem dass damit bis sobald nachdem "
    "bevor welche welcher das letztere letzterer ersterer erstere letzteres",
    connectives=r"^(?:(?:und|aber|doch|denn|oder|allerdings|jedoch|zum beispiel|beispielsweise|übrigens|kurz),? )",
    determiners="der die das den dem des ein eine einen einem einer eines kein keine keinen jeder jede jedes",
    prepositions="in im an am auf aus bei beim mit nach von vom zu zum zur für gegen ohne um durch über unter vor hinter "
    "neben zwischen bis seit während wegen trotz ab statt pro",
    verbs="ist sind war waren wird werden wurde wurden hat haben hatte hatten kann können konnte muss müssen soll sollen "
    "sollte sollten darf dürfen mag möchte lässt lassen gibt geht gehen kommt kommen macht machen bleibt bleiben steht "
    "stehen liegt liegen heißt nicht nie dass weil wenn ob wie wo was wer welche auch nur schon noch sehr so",
    weak="art arten teil teile fall fälle beispiel beispiele weise möglichkeit mal uhr jahr jahre jahren tag tage tagen "
    "woche wochen monat monate minuten minute stunden stunde sekunden prozent euro grad dinge ding sache menge zeit ende "
    "anfang zahl ort stelle montag dienstag mittwoch donnerstag freitag samstag sonntag januar februar märz april mai "
    "juni juli august september oktober november dezember meist oft immer etwa rund mehr weniger viele viel wenig gut "
    "besser beste ganz gar kaum fast ja nein bereits sogar zwar jedoch außerdem deshalb daher darum dabei dazu damit",
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
    questions=(
        (3.0, r"[Uu]nterschied zwischen (?P<a>[\w -]{2,35}?) und (?P<b>[\w -]{2,30}?)(?=$|[,;:.]| ist| liegt| besteht)",
         ("Was ist der Unterschied zwischen {a} und {b}?", "unterschied zwischen {a} und {b}")),
        (3.0, r"^um (?P<c>[^,;:()]{4,50}) zu (?P<i>[a-zäöüß]+e?n), ", ("Wie kann man {c} {i}?", "wie {c} {i}", "Was muss man tun, um {c} zu {i}?")),
        (2.9, r"^(?:wenn|falls) (?P<c>(?!es |er |sie |man |dies)[^,;:()]{10,75}), (?=sollte|hilft|muss|kann|darf|ist es|braucht|reicht|genügt|lohnt|gehört)",
         ("Was tun, wenn {c}?", "was tun wenn {c}")),
        (2.7, r"^(?:wenn|falls) (?P<c>(?!es |er |sie |dies)[^,;:()]{10,75}), ", ("Was passiert, wenn {c}?", "was passiert wenn {c}")),
        (2.8, rf"^{_NP} (?P<a>ist|sind|kann|können|sollte|sollten|muss|müssen|darf|dürfen|wird|werden|war|waren|hat|haben|bleibt|bleiben) (?P<r>[^,;:()]{{4,70}}), (?:weil|da|denn) ",
         ("Warum {a} {s} {r}?", "warum {a} {s} {r}")),
        (2.6, rf"^{_NP} (?P<b>ist|sind) (?:ein|eine|einer der|eine der|eines der|die|der|das) (?P<d>.{{8,}})$", ("Was {b} eigentlich {s}?", "Was {b} {s}?", "was genau {b} {s}")),
        (2.8, rf"^{_NP} (?P<b>wurde|wurden) (?:im Jahr )?(?:1\d|20)\d\d (?P<r>[^,;:()]{{4,60}}?){_STOP}", ("Wann {b} {s} {r}?", "In welchem Jahr {b} {s} {r}?", "wann {b} {s} {r}")),
        (2.8, r"^(?:im Jahr|im Jahre|um|seit|)[ ]?(?:1\d|20)\d\d (?P<b>wurde|wurden|entstand|begann|starb|gründete|eröffnete|erschien|kam|gewann) (?P<r>[^,;:()]{6,80}?)(?=$|[,;:]| und )", ("Wann {b} {r}?", "In welchem Jahr {b} {r}?")),
        (2.9, rf"^{_NP} (?P<v>dauert|dauern|hält|halten) (?P<x>[^,;:()\d]{{0,30}})(?:etwa |rund |mindestens |höchstens |bis zu )?(?:\d|ein|zwei|drei|vier|fünf)", ("Wie lange {v} {s}?", "wie lange {v} {s}", "Wie lange {v} {s} normalerweise?")),
        (2.9, rf"^{_NP} (?P<v>kostet|kosten|wiegt|wiegen) (?:etwa |rund |mindestens |nur |bis zu )?\d", ("Wie viel {v} {s}?", "wie viel {v} {s}")),
        (2.7, rf"^{_NP} (?P<v>besteht|bestehen) (?:hauptsächlich |meist )?aus ", ("Woraus {v} eigentlich {s}?", "woraus genau {v} {s}")),
        (2.5, rf"^{_NP} (?P<v>enthält|enthalten|braucht|brauchen|frisst|fressen|bedeutet|verursacht|verhindert|bewirkt) (?!sich|nicht|es )", ("Was {v} {s}?", "was genau {v} {s}")),
        (2.4, rf"^{_NP} (?P<v>lebt|leben|brütet|brüten|wächst|wachsen|nistet|nisten) (?:vor allem |meist |oft )?(?:in|im|an|am|auf|bei)\b ", ("Wo {v} {s}?", "wo genau {v} {s}")),
        (2.1, rf"^{_NP} (?P<a>kann|können|sollte|sollten|darf|dürfen) (?:nicht |nie |auch |immer |nur )?(?P<r>(?!sich)[^,;:()]{{6,70}}?){_STOP}", ("{A} {s} {r}?", "{a} {s} {r}")),
        (2.6, rf"^{_NP} gehör(?:t|en) nicht (?P<r>[^,;:()]{{6,70}}?){_STOP}", ("Gehört {s} {r}?", "Warum gehört {s} nicht {r}?")),
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
        (2.6, rf"^{_NP} (?P<a>ist|sind|sollte|sollten|muss|müssen) (?P<r>[^,;:()]{{4,60}}), (?:weil|da|denn) ", ("Warum {s} {r} {a}",)),
    ),
)

FRENCH = Wording(
    pronouns="je j' me m' moi mon ma mes nous notre nos tu te t' toi ton ta tes vous votre vos il elle ils elles lui leur "
    "leurs le-ci ce c' cet cette ces ceci cela ça celui celle ceux celles son sa ses on y ici",
    openers="et mais ou car donc or ni puis alors parce quand lorsque si où qui que quoi comment pourquoi dont aussi même "
    "autre autres certains plusieurs ensuite enfin là non oui aujourd'hui hier demain encore bref voici voilà tout tous "
    "selon pourtant toutefois d'abord tandis jusqu'",
    connectives=r"^(?:(?:cependant|toutefois|pourtant|en effet|de plus|en outre|par ailleurs|par exemple|ainsi|donc|mais|et|"
    r"enfin|ensuite|puis|en revanche|au contraire|d'ailleurs|bref|en général|bien sûr|du coup|finalement|alors|or|aussi),? )",
    determiners="le la les l' un une des du au aux chaque tout toute quelques aucun aucune",
    prepositions="de d' du des à au aux en dans sur sous par pour avec sans entre vers chez depuis pendant avant après "
    "contre dès selon malgré",
    verbs="est sont était étaient sera seront a ont avait avaient aura peut peuvent pouvait doit doivent faut fait font va "
    "vont vient viennent permet permettent reste restent devient deviennent donne donnent met mettent prend prennent "
    "n' ne pas plus se s' qui que qu' dont où si quand très trop aussi puis c'est",
    weak="façon manière chose choses fois jour jours an ans année années mois semaine semaines heure heures minute minutes "
    "seconde secondes temps cas exemple partie parties type types sorte fin début nombre peu beaucoup bien mal mieux plus "
    "moins très trop assez tout toute tous toutes autre autres même mêmes seul seule premier première deux trois quatre "
    "cinq six sept huit neuf dix cent mille million millions souvent toujours jamais parfois plutôt plupart issu issue issus obtenu additionnée kilos litres grammes moitié moitiés déjà encore environ presque "
    "surtout seulement ainsi alors donc lundi mardi mercredi jeudi vendredi samedi dimanche janvier février mars avril mai "
    "juin juillet août septembre octobre novembre décembre bon bonne grand grande petit petite nouveau nouvelle possible "
    "fait faire faut peut doit reste restent devient permet donne met prend vient suffit évite évitez faites laissez ajoute ajoutent diffère diffèrent provient proviennent contient laisse sert servez versez coupez retire vers hors "
    "mettez prenez ajoutez utilisez gardez garde gardent être avoir aller mettre prendre laisser garder",
    links="de d' du des à",
    swaps=(
        (r"\b(?:environ|à peu près) (?=\d)", "autour de "),
        (r"(?<=\d) pour cent\b", " %"),
        (r"\bparce que\b", "car"),
        (r"\bcar\b(?= [lu])", "parce que"),
        (r"\bsouvent\b", "fréquemment"),
        (r"\bplus de (?=\d)", "au-delà de "),
        (r"\bafin (?:de|d')\b", "pour"),
        (r"\bafin de\b", "pour"),
        (r"\baussi bien\b", "autant"),
        (r"\bdoit être\b", "a besoin d'être"),
        (r"\bgénéralement\b", "en général"),
        (r"^((?:si|quand|lorsque) [^,]{8,70}), ([^,]{12,110})$", r"\2 \1"),
        (r"^(en (?:1\d|20)\d\d), ([^,]{12,140})$", r"\2 \1"),
    ),
    questions=(
        (3.0, r"différences? entre (?P<a>[\w' ’-]{2,35}?) et (?P<b>[\w' ’-]{2,30}?)(?=$|[,;:.]| est| tient| vient| se )", ("Quelle est la différence entre {a} et {b} ?", "différence entre {a} et {b}")),
        (3.0, r"^pour (?P<i>(?!que\b|cela|quatre|être|votre|ce |les? |la |l['’]|un|qui|des |ma |mon|nos|notre)(?:l['’]|les? |la |ne pas |bien |mieux )?[a-zéèêîôûçœ]+(?:er|ir|re|oir)\b[^,;:()]{4,60}), ", ("Comment {i} ?", "comment {i}", "Que faut-il faire pour {i} ?")),
        (2.8, r"^s(?:i|['’]) ?(?P<c>(?!il |ils |elle |on |tel|nécessaire|possible)[^,;:()]{10,75}), ", ("Que faire si {c} ?", "Que se passe-t-il si {c} ?", "que faire si {c}")),
        (2.6, r"^(?:quand|lorsque) (?P<c>(?!il |ils |elle |on )[^,;:()]{10,75}), ", ("Que se passe-t-il quand {c} ?", "Que faire quand {c} ?")),
        (2.8, rf"^{_NP} (?P<v>est|sont|était|doit|doivent|peut|peuvent|ne |n['’]|se |s['’]) ?(?P<r>[^,;:()]{{4,70}}?),? (?:parce que|parce qu['’]|car|puisque) ", ("Pourquoi est-ce que {s} {v} {r} ?", "pourquoi {s} {v} {r}")),
        (2.8, r"^il (?:ne )?faut (?P<p>pas |jamais |toujours |absolument )?(?P<r>[a-zéèêî]+(?:er|ir|re|oir)\b[^,;:()]{5,70}?)(?=$|[,;:]| car | parce | et | mais | pour que | afin )", ("Faut-il {r} ?", "Pourquoi faut-il {p}{r} ?")[:1]),
        (2.4, r"^on peut (?:aussi |donc |très bien |même )?(?P<r>[a-zéèêî]+(?:er|ir|re|oir)\b[^,;:()]{5,70}?)(?=$|[,;:]| car | parce | et | mais )", ("Peut-on {r} ?", "peut-on {r}")),
        (2.6, r"^(?P<s>(?:l['’]|les? |la |une? )[^,;:()]{3,60}?) (?:est|sont) (?:une?|des|l['’]un|l['’]une|le|la|l['’]) ?(?P<d>.{8,})$", ("Qu'est-ce que {s} ?", "C'est quoi, {s} ?")),
        (2.8, rf"^{_NP} (?:a|ont) été (?P<r>[^,;:()]{{3,50}}?) en (?:1\d|20)\d\d\b", ("Quand est-ce que {s} a été {r} ?", "En quelle année {s} a été {r} ?")[:1]),
        (2.6, r"^en (?:1\d|20)\d\d, (?P<r>[^,;:()]{12,80}?)(?=$|[,;:]| et )", ("En quelle année est-ce que {r} ?",)),
        (2.9, rf"^{_NP} (?P<v>dure|durent|met|mettent) (?:environ |entre |de |au moins |jusqu'à )*(?:\d|une?|deux|trois|quatre|cinq|plusieurs) ", ("Combien de temps {v} {s} ?",)),
        (2.9, rf"^{_NP} (?:se conserve|se conservent|se garde|se gardent) ", ("Combien de temps peut-on conserver {s} ?", "comment conserver {s}", "Comment conserver {s} ?")),
        (2.9, rf"^{_NP} (?P<v>coûte|coûtent|pèse|pèsent) (?:environ |entre |de |au moins )*\d", ("Combien {v} {s} ?",)),
        (2.5, rf"^{_NP} (?P<v>contient|contiennent|provoque|provoquent|permet|mange|mangent|signifie|empêche) (?!pas|plus|de |d['’])", ("Qu'est-ce que {v} {s} ?", "Que {v} {s} ?")[1:]),
        (2.4, rf"^{_NP} (?P<v>vit|vivent|niche|nichent|pousse|poussent) (?:surtout |souvent )?(?:dans|en|sur|au|à) ", ("Où {v} {s} ?", "où {v} {s}")),
        (1.9, rf"^{_NP} (?P<a>peut|peuvent|doit|doivent) (?P<r>(?!pas|plus)[a-zéèêî']+[^,;:()]{{6,60}}?)(?=$|[,;:]| car | parce | et | mais )", ("Est-ce que {s} {a} {r} ?", "est-ce que {s} {a} {r}")),
    ),
    headings=(
        (3.0, r"^(?P<w>[Cc]omment|[Pp]ourquoi|[Qq]uand|[Oo]ù|[Qq]ue|[Qq]uels?|[Qq]uelles?|[Ff]aut-il|[Pp]eut-on) (?P<r>[^:?]{8,70}?) ?\??$", ("{W} {r} ?", "{w} {r}")),
        (2.8, r"^(?P<i>(?:[Bb]ien )?[A-ZÉa-zé][a-zéèêî]+(?:er|ir|re) (?:l['’]|les? |la |une? |du |des |sa |son |ses )[^:;]{3,50})$", ("Comment {i_t} ?", "comment {i_t}")),
        (2.9, r"^(?P<a>[\w' -]{3,30}?) (?:vs\.?|ou) (?P<b>[\w' -]{3,30})(?=$| ?[:,?])", ("Quelle est la différence entre {a} et {b} ?", "{a} ou {b} que choisir")),
    ),
    headlines=(
        (2.6, r"^pour (?P<i>(?!que\b|cela|quatre|être|votre|ce |les? |la |l['’]|un|qui|des |ma |mon|nos|notre)[a-zéèê]+(?:er|ir|re|oir)\b[^,;:()]{4,60}), ", ("Comment {i}", "Bien {i}")[:1]),
        (2.6, r"^si (?P<c>(?!il |ils |elle |on |nécessaire|possible)[^,;:()]{10,60}), ", ("Que faire si {c} ?",)),
        (2.6, rf"^{_NP} (?P<r>(?:est|sont|doit|doivent|peut|peuvent|ne |n['’]|se ) ?[^,;:()]{{4,60}}?),? (?:parce que|parce qu['’]|car|puisque) ", ("Pourquoi {s} {r}",)),
    ),
)

SPANISH = Wording(
    pronouns="yo me mi mis nos nosotros nuestro nuestra tú tu tus te ti usted ustedes él ella ellos ellas lo le les su sus "
    "esto este esta estos estas eso ese esa esos esas aquel aquella aquello aquí allí ahí",
    openers="y e o u pero porque aunque mientras cuando donde que quien cual como cómo qué entonces luego así también otro "
    "otra otros otras ambos cada algunos algunas no sí hoy ayer mañana todavía aún ya además según después antes si "
    "tampoco tal tanto todo todos todas pues sino",
    connectives=r"^(?:(?:sin embargo|además|por eso|por ello|por lo tanto|por tanto|no obstante|por ejemplo|en cambio|así|"
    r"entonces|pero|y|también|de hecho|es decir|en general|por otro lado|finalmente|por último|por supuesto|eso sí|ahora bien),? )",
    determiners="el la los las un una unos unas al del cada todo toda ningún ninguna",
    prepositions="de del a al en con por para sin sobre entre hasta desde hacia según contra durante ante bajo tras",
    verbs="es son era eran fue fueron será serán está están estaba ha han había hay puede pueden podía debe deben tiene "
    "tienen tenía hace hacen va van se que queda quedan conviene permite permiten da dan pone ponen deja dejan suele "
    "suelen no nunca muy más cuando si donde como",
    weak="manera forma cosa cosas vez veces día días año años mes meses semana semanas hora horas minuto minutos segundo "
    "segundos tiempo caso casos ejemplo parte partes tipo tipos fin principio número poco mucho bien mal mejor peor más "
    "menos muy tan tanto todo toda todos todas otro otra mismo misma solo sólo primer primera primero dos tres cuatro cinco "
    "seis siete ocho nueve diez cien mil millón millones siempre nunca casi cerca ya aún todavía lunes martes miércoles "
    "jueves viernes sábado domingo enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre "
    "buen buena bueno gran grande pequeño pequeña nuevo nueva posible hace hacen hacer puede pueden debe deben queda quedan "
    "conviene basta sirve deja dejan dejar pone ponen poner tiene tienen da dan suele suelen queda permite evita ser estar "
    "tener haber ir usar usa usan mantiene mantener contiene contienen libera liberan sumergido sumergidos absorbe absorben pierde pierden aparece aparecen permanecen huele prefiere tarda ocurre cambia lleva llevan separa separan añade añaden viene vienen llega llegan sale salen produce producen da ayuda influye vuelve vuelven sigue siguen bastante alrededor gramos kilos litros mitad mayoría",
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
    questions=(
        (3.0, r"diferencias? entre (?P<a>[\w ]{2,35}?) y (?P<b>[\w ]{2,30}?)(?=$|[,;:.]| es| está| son)", ("¿Cuál es la diferencia entre {a} y {b}?", "diferencia entre {a} y {b}")),
        (3.0, r"^para (?P<i>(?!ser |estar |poder |tener )(?:no |evitar que )?[a-záéíóúñ]+(?:[aei]r)(?:l[oae]s?)?\b[^,;:()]{4,60}), ", ("¿Cómo {i}?", "cómo {i}", "¿Qué hay que hacer para {i}?")),
        (2.8, r"^si (?P<c>(?!lo |la que|se |es |no se|fuera)[^,;:()]{10,75}), ", ("¿Qué hacer si {c}?", "¿Qué pasa si {c}?", "qué hacer si {c}")),
        (2.6, r"^cuando (?P<c>(?!se |lo )[^,;:()]{10,75}), ", ("¿Qué pasa cuando {c}?", "¿Qué hacer cuando {c}?")),
        (2.8, rf"^{_NP} (?P<r>(?:es|son|no|se|está|están|debe|deben|puede|pueden|hay) [^,;:()]{{4,70}}?),? (?:porque|ya que|pues) ", ("¿Por qué {s} {r}?", "por qué {s} {r}")),
        (2.6, r"^no (?P<r>(?:conviene|se debe|hay que|es|basta) [^,;:()]{6,60}?),? (?:porque|ya que|pues) ", ("¿Por qué no {r}?", "por qué no {r}")),
        (2.7, r"^hay que (?P<r>[a-záéíóúñ]+[aei]r(?:l[oae]s?)?\b[^,;:()]{5,70}?)(?=$|[,;:]| porque | y | pero )", ("¿Hay que {r}?", "hay que {r}")),
        (2.6, r"^(?:no )?conviene (?P<r>[a-záéíóúñ]+[aei]r(?:l[oae]s?)?\b[^,;:()]{5,70}?)(?=$|[,;:]| porque | y | pero | para que )", ("¿Conviene {r}?", "¿Es buena idea {r}?")),
        (2.6, r"^se puede (?P<r>[a-záéíóúñ]+[aei]r\b[^,;:()]{5,70}?)(?=$|[,;:]| porque | y | pero )", ("¿Se puede {r}?", "se puede {r}")),
        (2.6, r"^(?P<s>(?:el|la|los|las|un|una) [^,;:()]{3,60}?) (?P<b>es|son) (?:un|una|unos|unas|el|la|uno de|una de) (?P<d>.{8,})$", ("¿Qué {b} {s}?", "qué {b} {s}")),
        (2.8, rf"^{_NP} (?P<b>fue|fueron) (?P<r>[^,;:()]{{3,50}}?) en (?:1\d|20)\d\d\b", ("¿Cuándo {b} {r} {s}?", "¿En qué año {b} {r} {s}?")),
        (2.6, r"^en (?:1\d|20)\d\d,? (?P<r>(?!se )[^,;:()]{12,80}?)(?=$|[,;:]| y )", ("¿En qué año {r}?",)),
        (2.9, rf"^{_NP} (?P<v>dura|duran|aguanta|aguantan|tarda|tardan|se conserva|se conservan) (?:unos |unas |entre |de |al menos |hasta |bien |fresc[oa] )*(?:\d|un|una|dos|tres|cuatro|cinco|varios|varias) ", ("¿Cuánto tiempo {v} {s}?", "cuánto {v} {s}")),
        (2.9, rf"^{_NP} (?P<v>cuesta|cuestan|pesa|pesan) (?:unos |unas |entre |alrededor de )*\d", ("¿Cuánto {v} {s}?", "cuánto {v} {s}")),
        (2.5, rf"^{_NP} (?P<v>contiene|contienen|provoca|provocan|come|comen|significa|necesita|necesitan|evita) (?!que|de |a )", ("¿Qué {v} {s}?", "qué {v} {s}")),
        (2.4, rf"^{_NP} (?P<v>vive|viven|anida|anidan|crece|crecen|se guarda|se guardan) (?:en|cerca|sobre) ", ("¿Dónde {v} {s}?", "dónde {v} {s}")),
        (1.9, rf"^{_NP} (?P<a>puede|pueden|debe|deben) (?P<r>(?!que|no )[a-záéíóú]+[aei]r(?:se)?\b[^,;:()]{{4,60}}?)(?=$|[,;:]| porque | y | pero )", ("¿{A} {s} {r}?",)),
    ),
    headings=(
        (3.0, r"^¿?(?P<w>[Cc]ómo|[Pp]or qué|[Cc]uándo|[Dd]ónde|[Qq]ué|[Cc]uánto|[Cc]uál) (?P<r>[^:?]{8,70}?)\??$", ("¿{W} {r}?", "{w} {r}")),
        (2.8, r"^(?P<i>[A-ZÁÉÍÓÚ][a-záéíóúñ]+[aei]r (?:el|la|los|las|un|una) [^:;]{3,50})$", ("¿Cómo {i_t}?", "cómo {i_t}")),
        (2.9, r"^(?P<a>[\w -]{3,30}?) (?:vs\.?|o) (?P<b>[\w -]{3,30})(?=$|[:,?])", ("¿Cuál es la diferencia entre {a} y {b}?", "{a} o {b} qué es mejor")),
    ),
    headlines=(
        (2.6, r"^para (?P<i>(?!ser |estar |poder |tener )(?:no |evitar que )?[a-záéíóúñ]+(?:[aei]r)(?:l[oae]s?)?\b[^,;:()]{4,60}), ", ("Cómo {i}",)),
        (2.6, r"^si (?P<c>(?!lo |la que|se |es |no se|fuera)[^,;:()]{10,60}), ", ("Qué hacer si {c}",)),
        (2.6, rf"^{_NP} (?P<r>(?:es|son|no|se|está|están|debe|deben|puede|pueden) [^,;:()]{{4,60}}?),? (?:porque|ya que|pues) ", ("Por qué {s} {r}",)),
    ),
)
# fmt: on

# Sentences of other languages stand alone when they do not begin with one of these.
OTHER = Wording(
    openers="他 她 它 他们 她们 这 那 我 你 您 此 该 其 但 而 因此 所以 另外 不过 同时 然而 此外 如果 それ これ その この "
    "しかし また そして だから 彼 私",
    connectives=r"^(?:然而|但是|因此|此外|另外|不过|同时|所以|而且)[，,]?|^(?:しかし|また|そして|さらに)[、，]?",
)

# Articles with which a sentence of a language without rules of its own may begin, though stopwords.
ARTICLES = "il lo la i gli le l' un uno una un' o a os as um uma de het een en ei et den det der die das ett"

WORDINGS = {"en": ENGLISH, "de": GERMAN, "fr": FRENCH, "es": SPANISH}
