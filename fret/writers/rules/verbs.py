"""English verbs: their forms, and what a form shows."""

import re
from functools import cache

from fret.writers.rules.wording import list_set

# Verbs that carry a statement; those in NOUNISH are often nouns, and count only where they must.
BASES = (
    "accept accuse achieve acquire adapt add address admit adopt advise affect agree aid aim "
    "alert allege allow alter amend announce appeal appear apply appoint approve argue arrest "
    "arrive ask assault assess attract attempt attend avoid award backfire ban bar base battle "
    "beat become begin believe belong benefit bill blame block blow board book boost break bring "
    "broadcast build burn buy call campaign cancel carry cast cater cause celebrate challenge "
    "change charge choose claim clarify climb close collapse collect combine come comment commit "
    "compare compete complain complete compose conclude condemn conduct confirm connect consider "
    "contain continue contribute control cost cover crash create criticize cross cut damage deal "
    "debut decide declare decline defeat defend define delay delete deliver demand deny depend "
    "deploy describe design destroy detail detect determine develop die differ direct disclose "
    "discover discuss dismiss display dissolve distribute divide dominate donate double draw "
    "drive drop earn ease eat elect eliminate emerge employ enable encounter encourage end "
    "endorse enforce enjoy enter erupt establish estimate examine exceed exclude expand expect "
    "experience explain explore expose express extend face fail fall favor feature feed feel "
    "fight file fill fine finish fire fix flee fly focus follow force forecast form found fuel "
    "fund gain gather generate get give govern grant grow guarantee guard guide halt handle "
    "happen head heal help hire hit hold host hunt hurt identify ignore impeach implement import "
    "impose improve include increase indicate infect inform injure insist inspect inspire install "
    "intend introduce invade invent invest investigate invite involve issue join jump justify "
    "keep kick kill know label lack land last launch lead lean learn leave lend let lie lift "
    "limit link list live locate lose lower maintain make manage march mark marry match mean "
    "measure meet mention merge miss mock monitor move murder name need negotiate note notice "
    "notify obtain occupy occur offer open operate oppose order organize overcome overtake own "
    "participate partner pass pay peak perform permit place plan play plead pledge point post "
    "postpone praise predict prefer prepare present preserve press prevent prioritize produce "
    "prohibit project promise promote propose prosecute protect protest prove provide publish "
    "pull purchase pursue push put qualify question quit raise rank reach react read rebuild "
    "receive recognize recommend record recover recruit reduce refer reflect refuse regard "
    "regulate reiterate reject release rely remain remove rename renew reopen repair repeal "
    "repeat replace reply report represent request require rescue research resemble resign resist "
    "resolve respond restart restore restrict result resume retain retire return reveal reverse "
    "review revise rise risk rule run save say schedule score seal search secure see seek seize "
    "sell send sentence separate serve set settle shape share shift shoot show sign sink sit "
    "slash slip slow smuggle solve spark speak spend sponsor spot spread stand start state stay "
    "steal stop store stream strengthen strike struggle study submit succeed suffer suggest sue "
    "supply support suspect suspend sustain swear sweep switch take target teach tell test "
    "testify thank threaten tie top total touch track trade train transfer transform travel treat "
    "trigger turn undermine undergo unveil update urge use utilize value visit volunteer vote vow "
    "wait walk want warn waste watch weaken wear weigh welcome widen win withdraw work worry "
    "worsen wound write yield absorb attack attach dissolve dry feed filter fold grind hatch hang "
    "lay melt mix nest press rest rinse roast rotate shed soften stretch swell trap vary warm "
    "freeze hide preview crack ferment balance kneed knead store roll collide orbit reflect spin "
    "soak surprise shock please delight praise dub nominate ramp bind coat clog brew bake cook "
    "cool capture convert freeze erode disturb"
)  # fmt: skip
IRREGULAR = (
    "be was been/beat beat beaten/become became become/begin began begun/bind bound bound/"
    "blow blew blown/break broke broken/bring brought brought/broadcast broadcast broadcast/"
    "build built built/buy bought bought/cast cast cast/choose chose chosen/come came come/"
    "cost cost cost/cut cut cut/deal dealt dealt/do did done/draw drew drawn/drive drove driven/"
    "eat ate eaten/fall fell fallen/feed fed fed/feel felt felt/fight fought fought/"
    "flee fled fled/fly flew flown/forecast forecast forecast/freeze froze frozen/get got got/"
    "give gave given/go went gone/grind ground ground/grow grew grown/hang hung hung/"
    "hide hid hidden/hit hit hit/hold held held/hurt hurt hurt/keep kept kept/know knew known/"
    "lay laid laid/lead led led/leave left left/lend lent lent/let let let/lie lay lain/"
    "lose lost lost/make made made/mean meant meant/have had had/meet met met/"
    "overcome overcame overcome/overtake overtook overtaken/pay paid paid/put put put/"
    "quit quit quit/read read read/rebuild rebuilt rebuilt/rise rose risen/run ran run/"
    "say said said/see saw seen/seek sought sought/sell sold sold/send sent sent/set set set/"
    "shed shed shed/shoot shot shot/show showed shown/sink sank sunk/sit sat sat/"
    "speak spoke spoken/spend spent spent/spin spun spun/spread spread spread/stand stood stood/"
    "steal stole stolen/strike struck struck/swear swore sworn/sweep swept swept/"
    "swell swelled swollen/take took taken/teach taught taught/tell told told/"
    "undergo underwent undergone/wear wore worn/win won won/withdraw withdrew withdrawn/"
    "write wrote written"
)  # fmt: skip
NOUNISH = list_set(
    "address aid aim alert appeal assault attack attempt award balance ban bar base battle "
    "benefit bill blame block blow board book boost break broadcast burn call campaign cancel "
    "cast cause challenge change charge claim climb close coat collapse comment control cook cost "
    "cover crack crash cross cut damage deal debut decline defeat delay demand design detail "
    "display divide double draw drive drop ease end estimate experience face fall favor feature "
    "feed fight file fill filter fine finish fire fix fly focus fold force forecast form found "
    "fuel fund gain grant ground guarantee guard guide halt handle head help hire hit hold host "
    "hunt hurt import increase influence issue join jump kick label lack land last launch lead "
    "lean left lift like limit link list live lower march mark match mean measure meet melt "
    "mention miss mix mock monitor move murder name need nest note notice offer open order own "
    "partner pass pay peak place plan play pledge point post praise present press project promise "
    "protest purchase push question rank reach read record release repair repeat reply report "
    "request rescue research rest result return reverse review rise risk roast roll rule run save "
    "schedule score seal search secure sentence set shape share shed shift shock shot show sign "
    "slip slow spark spin sponsor spot spread stand start state stay steal stop store stream "
    "stretch strike struggle study supply support surprise suspect sweep swell switch target test "
    "thank tie top total touch track trade train transfer trap travel treat trigger turn update "
    "urge use value visit volunteer vote vow wait walk want warm waste watch wear welcome win "
    "work worry wound yield separate complete kneed dry cool orbit brew ramp project abuse crack"
)
AUXILIARIES = list_set(
    "is are was were has have had will would can could should must may might does do did"
)
_DOUBLED = list_set(
    "admit ban bar commit cut dub drop fit knit nod plan plug prefer pot refer rot rub ship shop "
    "skip slip spot stir stop strip submit swap tap top transfer trap trim wrap clog step"
)


@cache
def _past_forms() -> dict[str, tuple[str, str]]:
    triples = (triple.split() for triple in IRREGULAR.split("/"))
    return {base: (past, participle) for base, past, participle in triples}


def spell_past(base: str) -> str:
    """Return the past tense of a verb."""
    if base in _past_forms():
        return _past_forms()[base][0]
    if base.endswith("e"):
        return f"{base}d"
    if re.search(r"[^aeiou]y$", base):
        return f"{base[:-1]}ied"
    return f"{base}{base[-1]}ed" if base in _DOUBLED else f"{base}ed"


def spell_third_person(base: str) -> str:
    """Return the form of a verb that goes with he, she and it."""
    if base == "have":
        return "has"
    if re.search(r"[^aeiou]y$", base):
        return f"{base[:-1]}ies"
    return f"{base}es" if re.search(r"(?:s|sh|ch|x|z|o)$", base) else f"{base}s"


@cache
def load_verbs() -> dict[str, tuple[str, str]]:
    """Return base and tense (past, third, base, participle) of each form that is known."""
    forms: dict[str, tuple[str, str]] = {}
    bases = dict.fromkeys([*BASES.split(), *_past_forms()])
    for base in bases:
        participle = _past_forms().get(base, ("", spell_past(base)))[1]
        forms.setdefault(participle, (base, "participle"))
        forms[spell_third_person(base)] = (base, "third")
        forms.setdefault(base, (base, "base"))
    for base in bases:
        forms[spell_past(base)] = (base, "past")
    return {form: found for form, found in forms.items() if found[0] not in {"be", "do"}}


@cache
def load_plain_verbs() -> frozenset[str]:
    """Return the forms that are never a noun, nor an adjective before one."""
    return frozenset(
        form
        for form, (base, tense) in load_verbs().items()
        if form not in NOUNISH
        and not (base in NOUNISH and tense == "third")
        and not (tense in {"past", "participle"} and form.endswith("ed"))
    ) - {"found", "ground", "left", "like", "content", "laid"}
