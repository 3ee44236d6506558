"""What the rules know of English."""

# ruff: noqa: E501 - a pattern is read as one line

from fret.writers.rules.wording import CLAUSE_END, NOUN_PHRASE, Wording

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
NUMERALS = "one two three four five six seven eight nine ten some many most several both"
INFINITIVES = {
    "began": "begin", "became": "become", "won": "win", "left": "leave", "lost": "lose",
    "bought": "buy", "built": "build", "dries": "dry", "relies": "rely", "married": "marry",
}  # fmt: skip
E_VERBS = "die move introduce release acquire close announce retire arrive collapse"
# How the reader says what the text says to them.
READER_SPEECH = (
    (r"\byou are\b", "I am"), (r"\byou[’']re\b", "I'm"), (r"\byourself\b", "myself"),
    (r"\byour\b", "my"), (r"\byours\b", "mine"), (r"\byou\b", "I"),
)  # fmt: skip

_ORDER = rf"(?:{ORDERS.replace(' ', '|')})\b"
_REST = r"(?P<r>[^,;:()\"“”–—]{4,80}?)"
_NUM = r"(?:about |around |roughly |approximately |nearly |almost |over |up to |at least |between |only |just )*(?:an? |\d[\d.,]*|two|three|four|five|six|seven|eight|nine|ten|twelve|twenty|thirty)"
_TIME = r"(?: ?(?:to|or|and|-|–) ?(?:\d+|[a-z]+))? ?(?:seconds?|minutes?|hours?|days?|weeks?|months?|years?)\b"
_ADV = r"(?:usually |typically |generally |normally |often |also |only |mainly |commonly |always |sometimes )?"
_MAIN = rf"(?:the|an?|it|they|you|your|there|this|that|these|those|some|most|no|both|each|all|do not|don't|never|try|[A-Z]\w+|\w+s|{_ORDER})\b"
_MONTH = "(?:January|February|March|April|May|June|July|August|September|October|November|December)"
_YEAR = rf"(?:(?:early |late |mid-)?(?:\d{{1,2}} )?(?:{_MONTH} )?(?:\d{{1,2}}, )?(?:1[0-9]|20)\d\d|\d{{1,2}} {_MONTH}|{_MONTH} \d{{1,2}})\b"
_PERSON = r"\b(?:president|senator|governor|actor|actress|singer|writer|author|director|man|woman|player|coach|lawyer|member|candidate|founder|leader|professor|mother|father|owner|year-old|politician|minister|journalist|musician|veteran|resident|who)\b"
_PAST = "began|opened|founded|died|became|won|joined|launched|moved|started|introduced|released|signed|published|left|lost|bought|acquired|ended|closed|announced|retired|returned|invented|discovered|adopted|married|built|passed|arrived|landed|erupted|collapsed"
_NAME = r"(?:[A-Z][\w.'’-]+ )+[A-Z][\w'’-]+"

_IMPERATIVE = rf"(?P<i>{_ORDER}[^.;:()\"“”]{{6,90}}?)"

# The one pattern that needs a key phrase beside it.
STATEMENT = rf"(?P<n>(?!The |In |New |[^,]*(?:Ministry|Bureau|Department|Office|Agency|Journal|Psychiatry)){_NAME}),? (?:said|says|told|announced|warned|argued|claimed)\b"

# fmt: off
ENGLISH = Wording(
    pronouns=(
        "i me my mine we us our ours you your yours he him his she her hers it its they them "
        "their theirs this that these those here such himself herself itself themselves one ones"
    ),
    openers=(
        "and but or so nor yet because although though while if when where which who whose what "
        "how why there then both another others some many most more few several neither either "
        "each other same again even not no yes well now today yesterday tomorrow meanwhile still "
        "once after before until since instead earlier later next first second third fourth "
        "finally lastly perhaps maybe please thanks thank let let's see note here's that's it's "
        "according like unlike said says asked got gone helping heading also as everyone "
        "everything anyone nothing something all"
    ),
    connectives=r"^(?:however|also|in addition|additionally|therefore|thus|hence|moreover|furthermore|besides|"
    r"in other words|of course|so,|for example|for instance|in fact|indeed|as a result|consequently|on the other hand|in other words|"
    r"that said|still|then|and|but|so|yet|in short|in general|generally|overall|interestingly|fortunately|"
    r"unfortunately|importantly|notably|similarly|likewise|meanwhile|finally|first|second|third|next|lastly|"
    r"first of all|to be sure|in particular|nevertheless|nonetheless|otherwise|again|instead|note that|"
    r"remember that|it is important to note that|keep in mind that|after all|at the same time|by contrast|"
    r"in contrast|as such|now|well|plus|sadly|clearly|obviously|actually|basically|ultimately),?\s+",
    determiners=(
        "the a an this that these those his her its their my your our every each any some no"
    ),
    prepositions=(
        "of in on at by for with from to into onto over under between among through during before "
        "after about against across around behind beneath near without within upon toward towards "
        "per via as than until since despite beyond along like unlike inside outside off above "
        "below"
    ),
    verbs=(
        "is are was were be been being am isn't aren't wasn't weren't has have had do does did "
        "don't doesn't didn't can could should would may might must will cannot can't won't shall "
        "said says say that which who whom whose where when why how what if because although "
        "while whether there here not never also very too quite just only even often usually "
        "always sometimes already makes make made gets get got goes go went takes take took gives "
        "give gave becomes become became means comes come came keeps keep kept needs need puts "
        "seems seem looks look turns let lets tells told knows know knew thinks think wants want "
        "uses relies rely hunts believe believes expect expects shows showed believed announced "
        "later ago happens happen agree agrees argue argues allow allows help helps remain "
        "remains include includes provide provides produce produces cause causes reach reaches "
        "grow grows grew fall falls fell run runs ran follow follows begin begins began feel "
        "feels felt left lost met paid sold sent spent stood understand understood wrote won saw "
        "seen found asked called added explained noted reported claimed don't doesn’t don’t isn’t "
        "can’t"
    ),
    weak=(
        "way ways thing things lot lots kind kinds sort sorts bit time times day days year years "
        "people person part parts case cases example examples number numbers point points fact "
        "side end use used using good better best bad new old big small large great little long "
        "short high low many much several various different important possible available main "
        "first second third last next own one two three four five six seven eight nine ten "
        "hundred thousand million billion another others something anything everything nothing "
        "someone anyone everyone well also even still however though although therefore thus yet "
        "instead rather almost enough already always never often sometimes usually really likely "
        "able easy hard simple sure make makes making made take takes taking took taken give "
        "gives given giving get gets getting got go goes going gone went come comes coming came "
        "keep keeps kept put puts let lets see sees seen saw know known knew think thought want "
        "wants need needs needed look looks looking find found say says said tell told ask asked "
        "become becomes became begin begins began start starts started try tries tried help helps "
        "mean means meant seem seems turn turns turned leave leaves left show shows shown showed "
        "call called work works worked working set run runs would could may might must shall "
        "cannot since whether either neither among per via within without upon along across "
        "around near toward like unlike today yesterday tomorrow week weeks month months minute "
        "minutes hour hours second seconds monday tuesday wednesday thursday friday saturday "
        "sunday january february march april may june july august september october november "
        "december mr mrs ms dr percent back away together ago later earlier soon else every "
        "everybody anybody step steps please etc include includes including included according "
        "based due less least half whole full top bottom right real actual certain recent current "
        "hold holds bring brings add adds stay stays follow follows happen happens happened done "
        "much us said man men woman women latest review reviews guide tip tips basics "
        "introduction news daily explained cheat sheet degree degrees level levels moment moments "
        "brief entire matter matters wish practical lesson cent stops occurs rises falls drops "
        "exists appears remains ends arrives lies sits stands depends differs varies changes "
        "starts moves runs peaks swells cools dollars euros pounds initial public powerful "
        "favorite video difference differences problem problems result results huge massive broad "
        "reason reasons everything things key specific question questions story tale ultimate guides "
        "moments ways worst greatest best amazing interesting single couple couples bunch couple "
        "former similar wrong guy guys kid kids total additional previous following upcoming "
        "u.s u.k a.m p.m et reuters spokesperson spokesman spokeswoman excellent ambitious momentary "
        "existing complete disparate personal higher lower faster likely obsessed opinions advance "
        "concept worth situation existence visiting management close half "
        "alone instant substantial offering offer offers group groups list lists mix combination ideal stage boost boosted read produced faced "
        "possibility amount amounts majority place places series set sets bit word words spot "
        "pretty absolute exact entirety wonder impact impacts mr. mrs. dr. sen. rep. gov."
    ),
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
    tails=r",? (?:while|although|because|but|since|whereas) [^,]+\.$|, (?:which|who|where|so|usually|especially|mostly|including|making|leaving|giving|causing|and (?:then |so )?(?:it|they|he|she)) .+$",
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
        (2.8, rf"^{NOUN_PHRASE} (?P<a>is|are|was|were|can|could|should|must|will) (?:always |often |usually )?(?P<r>(?!not |a |an |the )[^,;:()\"“”–—]{{3,70}}?),? because (?!of\b)",
         ("Why {a} {s} {r}?", "why {a} {s} {r}")),
        (2.8, rf"^{NOUN_PHRASE} (?P<a>cannot|can't|should not|shouldn't|must not|is not|are not) (?P<r>[^,;:()\"“”–—]{{3,70}}?),? because (?!of\b)",
         ("Why is it that {s} {a} {r}?", "why {s} {a} {r}")),
        (2.3, rf"^{NOUN_PHRASE} (?P<r>(?!is |are |was |were |can |not )[a-z]+ [^,;:()\"“”–—]{{6,60}}?),? because (?!of\b)",
         ("why {s} {r}",)),
        (2.9, rf"^{NOUN_PHRASE} {_ADV}(?P<v>takes?|lasts?) {_NUM}{_TIME}", ("How long {do} {s} {v_base}?", "how long {do} {s} {v_base}")),
        (2.9, rf"^{NOUN_PHRASE} {_ADV}(?P<v>costs?|weighs?) {_NUM}", ("How much {do} {s} {v_base}?", "how much {do} {s} {v_base}")),
        (2.7, rf"^{NOUN_PHRASE} {_ADV}(?P<v>heals?|dries|dry|hatch(?:es)?|cools?|expires?|recovers?|fades?|ends?|germinates?|arrives?) (?:with)?in {_NUM}{_TIME}",
         ("How long does it take for {s} to {v_base}?", "how long for {s} to {v_base}")),
        (3.0, rf"^(?!\w+ (?:to|while|for|until|in|over|and|\w+ly)\b){_IMPERATIVE} for {_NUM}{_TIME}", ("How long should I {i_me}?", "how long to {i_me}", "For how long do I {i_me}?")),
        (2.6, rf"^(?![A-Z][a-z]+ is )(?![^,]{{0,40}} and )(?!the (?:\S+ ){{4}}){NOUN_PHRASE} (?P<b>is|are) (?:an? |one of the |any |the (?!same|first|case|only|reason|result|best|most|key|main|biggest|one|other|safest)\b)(?!.{{0,40}}{_PERSON})(?=.{{8}})",
         ("What {b} {s}?", "what {b} {s}", "What exactly {b} {s}?")),
        (2.6, rf"^(?P<n>{_NAME}) (?:is|was) (?:an?|the|one of the) .{{0,40}}{_PERSON}", ("Who is {n}?", "who is {n}")),
        (2.4, rf"^{NOUN_PHRASE} (?P<b>is|are) (?P<v>given|made|measured|calculated|graded|formed|produced|treated|prepared|stored|expressed|divided|controlled|chosen|cleaned|tested|described|classified|extracted|collected|fed|pressed|dried|cooled|heated) (?:as|by|in|with|from|into|on|at|using|to) ",
         ("How {b} {s} {v}?", "how {b} {s} {v}")),
        (1.9, rf"^{NOUN_PHRASE} {_ADV}(?P<v>finds|creates|removes|copies|records|stores|replaces|controls|collects|lowers|raises|absorbs) (?!to |that |by |from |and )",
         ("What does {s} do?", "what does {s} do")),
        (2.8, r"^(?P<s>an? [^,;:()]{8,60}?) (?P<b>is|are) (?:called|known as) ", ("What {b} {s} called?", "what do you call {s}")),
        (2.5, rf"^{NOUN_PHRASE} (?P<b>is|are) also (?:called|known as) ", ("What is another name for {s}?", "other names for {s}")),
        (2.7, rf"^{NOUN_PHRASE} (?P<b>is|are) {_ADV}used (?:to|for|as) ", ("What {b} {s} used for?", "what {b} {s} used for")),
        (2.5, rf"^{NOUN_PHRASE} {_ADV}(?P<v>consists?|depends?|feeds?|relies|rely) (?P<p>of|on) ",
         ("What {do} {s} {v_base} {p}?", "what {do} {s} {v_base} {p}")),
        (2.2, rf"^{NOUN_PHRASE} {_ADV}(?P<v>contains?|includes?|requires?|causes?|eats?|produces?|measures?(?! \d)|covers?|prevents?|affects?|supports?|protects?|attracts?) (?!to |that |by |from |and )(?=.{{4}})",
         ("What {do} {s} {v_base}?", "what {do} {s} {v_base}")),
        (2.3, rf"\b(?P<v>causes|prevents|reduces|increases|improves|triggers|speeds up|slows down) (?P<o>(?!by|to|and|in|of|from|that)(?:[a-z-]+ ){{0,4}}[a-z-]{{4,}}){CLAUSE_END}",
         ("What {v} {o}?", "what {v} {o}")),
        (2.8, rf"^{NOUN_PHRASE} (?P<b>was|were) (?:first |originally |officially )?(?P<r>(?:\w+ed|built|born|written|held|sold|made|begun|found|won|shot|cut|drawn)(?: [^,;:()]{{2,50}}?)?),? (?:back )?(?:in|on) {_YEAR}",
         ("When {b} {s} {r}?", "when {b} {s} {r}", "In which year {b} {s} {r}?")),
        (2.8, rf"^in {_YEAR},? {NOUN_PHRASE} (?P<b>was|were) (?P<r>[^,;:()]{{4,60}}?){CLAUSE_END}",
         ("When {b} {s} {r}?", "when {b} {s} {r}", "In which year {b} {s} {r}?")),
        (2.7, rf"^{NOUN_PHRASE} (?P<v>{_PAST})(?P<r>(?: [^,;:()\d]{{2,50}}?)?) (?:in|on) {_YEAR}",
         ("When did {s} {v_base}{r}?", "when did {s} {v_base}{r}")),
        (2.7, rf"^(?:in|on) {_YEAR},? {NOUN_PHRASE} (?P<v>{_PAST})(?P<r>(?: [^,;:()\d]{{2,50}}?)?){CLAUSE_END}",
         ("When did {s} {v_base}{r}?", "when did {s} {v_base}{r}")),
        (2.6, rf"^(?P<n>{_NAME}) (?P<v>founded|invented|discovered|wrote|directed|created|designed|developed|won|led|painted|composed|introduced|launched|replaced|beat|defeated|bought|acquired|signed) (?P<o>[^,;:()]{{5,60}}?){CLAUSE_END}",
         ("Who {v} {o}?", "who {v} {o}")),
        (2.6, rf"^{NOUN_PHRASE} (?P<b>was|were) (?P<v>founded|invented|discovered|written|directed|created|designed|developed|built|painted|composed|introduced|launched|replaced) by (?=[A-Z])",
         ("Who {b} {s} {v} by?", "who {b} {s} {v} by")),
        (2.2, rf"^you (?P<a>can|should)(?: also| always)? (?P<r>(?!also|always|only|see|expect|not )[a-z]+ [^,;:()]{{5,60}}?){CLAUSE_END}", ("{A} I {r_me}?", "{a} i {r_me}")),
        (2.4, rf"^(?:you )?(?:(?P<a>should|do) not|don't|never) (?P<r>(?!be\b|forget|worry|know|have to|need)[a-z]+ [^,;:()]{{5,60}}?){CLAUSE_END}",
         ("Should I {r_me}?", "Why should I not {r_me}?", "is it bad to {r_me}")),
        (2.3, rf"^you (?P<a>need|have) to (?P<r>[a-z]+ [^,;:()]{{5,60}}?){CLAUSE_END}", ("Do I {a} to {r_me}?", "do i {a} to {r_me}")),
        (2.0, rf"^{NOUN_PHRASE} (?P<a>can|should)(?: not|not|n't)? (?:also |always |never |only )?{_REST}{CLAUSE_END}", ("{A} {s} {r}?", "{a} {s} {r}")),
        (1.6, rf"^{NOUN_PHRASE} (?:may|might) (?!have |be able ){_REST}{CLAUSE_END}", ("Can {s} {r}?", "can {s} {r}")),
        (2.6, rf"^{NOUN_PHRASE} (?P<v>has|have) {_NUM} (?P<o>[a-z]+(?: [a-z]+)?s)\b(?! (?:old|ago))", ("How many {o} {do} {s} have?", "how many {o} {do} {s} have")),
        (2.6, rf"^{NOUN_PHRASE} (?P<b>is|are|was|were) (?P<v>located|situated|based|born|buried|held|found) (?:in|at|on|near) ",
         ("Where {b} {s} {v}?", "where {b} {s} {v}")),
        (2.6, rf"^{NOUN_PHRASE} (?P<v>lives?|nests?|breeds?|grows?|hunts?|hides?) {_ADV}(?:in|on|at|near|along) ", ("Where {do} {s} {v_base}?", "where {do} {s} {v_base}")),
        (2.7, r"^the (?P<s>(?:best|easiest|safest|simplest|cheapest|main|usual|biggest|most common|quickest|only|key) [^,;:()]{5,60}?) (?P<b>is|(?<=s )are) ",
         ("What {b} the {s}?", "what {b} the {s}", "{s}")),
        (2.4, r"^the (?P<s>(?:purpose|aim|goal|role|reason|cause|size|length|risk|price|cost|effect|result|advantage|disadvantage|drawback|benefit|name)s? (?:of|for|in) [^,;:()]{5,50}?) (?P<b>is|are|was) (?!not|given|made|still|also)",
         ("What {b} the {s}?", "{s}")),
        (2.3, rf"^{NOUN_PHRASE} (?P<b>is|are) (?:very |most |especially |particularly )?(?P<r>(?:dangerous|safe|harmful|important|healthy|useful|effective|suitable|toxic|poisonous|common|rare|illegal|legal|necessary|best|better|worse|expensive|cheap|risky|\w+er than|(?:more|less) \w+ than)\b[^,;:()]{{0,45}}?){CLAUSE_END}",
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
        (2.6, r"^to (?P<i>(?!be\b|make matters|date\b|this\b|the\b)[a-z]+ [^,;:]{8,60}), ", ("How to {i}",)),
        (2.5, r"^if (?P<c>(?:you|a|an|the|your) [^,;:()]{10,60}), ", ("What to do if {c}", "What if {c}?")),
        (2.6, rf"^{NOUN_PHRASE} (?P<r>(?:is|are|can|cannot|should|must|will) [^,;:()]{{4,60}}?),? because (?!of\b)", ("Why {s} {r}", "The reason why {s} {r}")),
    ),
)
# fmt: on
