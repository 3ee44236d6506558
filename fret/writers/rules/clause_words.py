"""Where an English clause begins, where it ends, and what points out of it."""

# ruff: noqa: E501 - a pattern is read as one line

import re

from fret.writers.rules.wording import list_set

_MONTH = "January|February|March|April|May|June|July|August|September|October|November|December"
_DAY = "Monday|Tuesday|Wednesday|Thursday|Friday|Saturday|Sunday"
DATE = (
    rf"(?:in|on|since|by|of|from|during|until) (?:early |late |mid-)?(?:(?:{_MONTH})\.?(?: \d{{1,2}})?"
    r"(?:,? (?:of )?(?:19|20)\d\d)?|(?:1[5-9]|20)\d\d)\b"
)
# When it was written is not known to one who reads the clause alone.
RELATIVE = (
    rf" (?:(?:on|late|early|this|last|next|since|by|until|through|for) )*(?:{_DAY})(?: (?:morning|night|afternoon|evening))?\b"
    r"| (?:earlier |later |late |early )?(?:this|last|next) (?:week|month|year|morning|night|fall|spring|summer|season)\b"
    r"| (?:today|yesterday|tomorrow|tonight|overnight|earlier|recently|now|currently|also|still|already|again|too|instead|even|just|then|so far|at the time)\b(?! than)"
)
LEAD = re.compile(
    r"^(?P<lead>(?:In|On|At|By|During|Since|After|Before|Within|For|With|Under|As of|Last|Earlier|Over|"
    r"Following|Despite|Late|Early|Until|Throughout|Amid|To|If|When|While|As|Although|Though|Because) [^,]{2,90}), (?P<core>.{25,})$"
)
APPOSITION = re.compile(
    r"^(?P<name>[^,]{3,50}), (?P<role>(?:(?:an?|the|who|which|whose|one of|\d\d|also|now|then|former)\b|[a-z])[^,]{1,90}), (?P<core>[a-z].*)$"
)
_SPEECH = "said|says|told [A-Z][\\w. ]{2,30}|reported|reports|announced|added|wrote|confirmed|claimed|testified|noted|warned|found|believes|argues|argued|stated|showed|shows|explained|revealed"
ATTRIBUTION_AFTER = re.compile(
    rf"^(?P<core>[^“”\"]{{25,}}?), (?:according to (?P<a>[^,]{{3,60}})|(?P<b>[A-Z][^,]{{2,50}}) (?:{_SPEECH})|(?:he|she|they|it|officials|authorities|police|experts|researchers) (?:{_SPEECH}))[^,]*\.$"
)
ATTRIBUTION_BEFORE = re.compile(
    rf"^(?P<b>[A-Z][^,]{{2,60}}?)(?:, [^,]{{3,60}},)? (?:{_SPEECH})(?: (?:on |in )?(?:{_DAY}|a statement))?(?: that)? (?P<core>(?:the|an?|[A-Z]\w+|\w+s) [^“”\"]{{20,}})$"
)
BOUNDARY = re.compile(
    r"[;:–—]|,(?!\d)| (?:which|who|whom|whose|while|after|before|because|since|although|though|but|as|when|"
    r"where|if|unless|until|amid|so that|due to|despite|following|whether|rather|thanks to|saying|"
    r"including|even|in order|in which|(?:and|or) (?=\w+(?:ed|s|ing)? (?:the|an?|to|his|her|their|its|on|in|at|that|it|he|she|they|not)\b)|"
    r"and (?=(?:[A-Z]\w+ )+[a-z]+ed\b)|and (?=(?:is|are|was|were|has|have|had|will|would|can|could|should|then|that|it|he|she|they|we)\b))"
)
POINTING = list_set(
    "it they them he him she this these those there here such one ones another both same latter "
    "former above below following you your yours i we our us my me mine himself herself itself "
    "themselves theirs else what who whom others other more most less it's he's she's they're "
    "we're you're that's there's i'm something someone somebody anything everything thing things "
    "way ways someone's it’s they’re"
)
BEGINS_REST = list_set(
    "the a an his her its their to that on in at by for with from into of over about against after "
    "through under up down out off as no not some many more several all two three four five six "
    "seven eight nine ten hundreds thousands millions dozens back away around between among during "
    "without within nearly almost only what how why"
)
BAD_END = list_set(
    "the a an his her its their to that on in at by for with from into of over about against and or "
    "but not no as than some many only is are was were be been has have had will would very more "
    "most so up whether between such like including toward towards its per each every both any "
    "unlikely likely able allowed via new big own several first said says just it"
)


_BEGINS_CLAUSE = list_set("and or that how what why whether")
ADVERBS = list_set(
    "also now still already then ever often usually always sometimes once soon again later last "
    "finally recently currently long even just only reportedly previously probably largely simply "
    "typically generally normally really actually never basically especially"
)
