"""What the rules know of French."""

# ruff: noqa: E501 - a pattern is read as one line

from fret.writers.rules.wording import NOUN_PHRASE, Wording

# fmt: off
FRENCH = Wording(
    pronouns=(
        "je j' me m' moi mon ma mes nous notre nos tu te t' toi ton ta tes vous votre vos il elle "
        "ils elles lui leur leurs le-ci ce c' cet cette ces ceci cela ça celui celle ceux celles "
        "son sa ses on y ici"
    ),
    openers=(
        "et mais ou car donc or ni puis alors parce quand lorsque si où qui que quoi comment "
        "pourquoi dont aussi même autre autres certains plusieurs ensuite enfin là non oui "
        "aujourd'hui hier demain encore bref voici voilà tout tous selon pourtant toutefois "
        "d'abord tandis jusqu'"
    ),
    connectives=r"^(?:(?:cependant|toutefois|pourtant|en effet|de plus|en outre|par ailleurs|par exemple|ainsi|donc|mais|et|"
    r"enfin|ensuite|puis|en revanche|au contraire|d'ailleurs|bref|en général|bien sûr|du coup|finalement|alors|or|aussi),? )",
    determiners="le la les l' un une des du au aux chaque tout toute quelques aucun aucune",
    prepositions=(
        "de d' du des à au aux en dans sur sous par pour avec sans entre vers chez depuis pendant "
        "avant après contre dès selon malgré"
    ),
    verbs=(
        "est sont était étaient sera seront a ont avait avaient aura peut peuvent pouvait doit "
        "doivent faut fait font va vont vient viennent permet permettent reste restent devient "
        "deviennent donne donnent met mettent prend prennent n' ne pas plus se s' qui que qu' "
        "dont où si quand très trop aussi puis c'est"
    ),
    weak=(
        "façon manière chose choses fois jour jours an ans année années mois semaine semaines "
        "heure heures minute minutes seconde secondes temps cas exemple partie parties type types "
        "sorte fin début nombre peu beaucoup bien mal mieux plus moins très trop assez tout toute "
        "tous toutes autre autres même mêmes seul seule premier première deux trois quatre cinq "
        "six sept huit neuf dix cent mille million millions souvent toujours jamais parfois "
        "plutôt plupart issu issue issus obtenu additionnée kilos litres grammes moitié moitiés "
        "déjà encore environ presque surtout seulement ainsi alors donc lundi mardi mercredi "
        "jeudi vendredi samedi dimanche janvier février mars avril mai juin juillet août "
        "septembre octobre novembre décembre bon bonne grand grande petit petite nouveau nouvelle "
        "possible fait faire faut peut doit reste restent devient permet donne met prend vient "
        "suffit évite évitez faites laissez ajoute ajoutent diffère diffèrent provient "
        "proviennent contient laisse sert servez versez coupez retire vers hors mettez prenez "
        "ajoutez utilisez gardez garde gardent être avoir aller mettre prendre laisser garder"
    ),
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
    tails=r",? (?:car|parce qu[e'’]|mais|ce qui|tandis qu[e'’]|alors qu[e'’]|puisque|afin [dq]|pour que|sinon) ?.+$|, (?:et|qui|dont|où) .+$",
    questions=(
        (3.0, r"différences? entre (?P<a>[\w' ’-]{2,35}?) et (?P<b>[\w' ’-]{2,30}?)(?=$|[,;:.]| est| tient| vient| se )", ("Quelle est la différence entre {a} et {b} ?", "différence entre {a} et {b}")),
        (3.0, r"^pour (?P<i>(?!que\b|cela|quatre|être|votre|ce |les? |la |l['’]|un|qui|des |ma |mon|nos|notre)(?:l['’]|les? |la |ne pas |bien |mieux )?[a-zéèêîôûçœ]+(?:er|ir|re|oir)\b[^,;:()]{4,60}), ", ("Comment {i} ?", "comment {i}", "Que faut-il faire pour {i} ?")),
        (2.8, r"^s(?:i|['’]) ?(?P<c>(?!il |ils |elle |on |tel|nécessaire|possible)[^,;:()]{10,75}), ", ("Que faire si {c} ?", "Que se passe-t-il si {c} ?", "que faire si {c}")),
        (2.6, r"^(?:quand|lorsque) (?P<c>(?!il |ils |elle |on )[^,;:()]{10,75}), ", ("Que se passe-t-il quand {c} ?", "Que faire quand {c} ?")),
        (2.8, rf"^{NOUN_PHRASE} (?P<v>est|sont|était|doit|doivent|peut|peuvent|ne |n['’]|se |s['’]) ?(?P<r>[^,;:()]{{4,70}}?),? (?:parce que|parce qu['’]|car|puisque) ", ("Pourquoi est-ce que {s} {v} {r} ?", "pourquoi {s} {v} {r}")),
        (2.8, r"^il (?:ne )?faut (?P<p>pas |jamais |toujours |absolument )?(?P<r>[a-zéèêî]+(?:er|ir|re|oir)\b[^,;:()]{5,70}?)(?=$|[,;:]| car | parce | et | mais | pour que | afin )", ("Faut-il {r} ?", "Pourquoi faut-il {p}{r} ?")[:1]),
        (2.4, r"^on peut (?:aussi |donc |très bien |même )?(?P<r>[a-zéèêî]+(?:er|ir|re|oir)\b[^,;:()]{5,70}?)(?=$|[,;:]| car | parce | et | mais )", ("Peut-on {r} ?", "peut-on {r}")),
        (2.6, r"^(?P<s>(?:l['’]|les? |la |une? )[^,;:()]{3,60}?) (?:est|sont) (?:une?|des|l['’]un|l['’]une|le|la|l['’]) ?(?P<d>.{8,})$", ("Qu'est-ce que {s} ?", "C'est quoi, {s} ?")),
        (2.8, rf"^{NOUN_PHRASE} (?:a|ont) été (?P<r>[^,;:()]{{3,50}}?) en (?:1\d|20)\d\d\b", ("Quand est-ce que {s} a été {r} ?", "En quelle année {s} a été {r} ?")[:1]),
        (2.6, r"^en (?:1\d|20)\d\d, (?P<r>[^,;:()]{12,80}?)(?=$|[,;:]| et )", ("En quelle année est-ce que {r} ?",)),
        (2.9, rf"^{NOUN_PHRASE} (?P<v>dure|durent|met|mettent) (?:environ |entre |de |au moins |jusqu'à )*(?:\d|une?|deux|trois|quatre|cinq|plusieurs) ", ("Combien de temps {v} {s} ?",)),
        (2.9, rf"^{NOUN_PHRASE} (?:se conserve|se conservent|se garde|se gardent) ", ("Combien de temps peut-on conserver {s} ?", "comment conserver {s}", "Comment conserver {s} ?")),
        (2.9, rf"^{NOUN_PHRASE} (?P<v>coûte|coûtent|pèse|pèsent) (?:environ |entre |de |au moins )*\d", ("Combien {v} {s} ?",)),
        (2.5, rf"^{NOUN_PHRASE} (?P<v>contient|contiennent|provoque|provoquent|permet|mange|mangent|signifie|empêche) (?!pas|plus|de |d['’])", ("Qu'est-ce que {v} {s} ?", "Que {v} {s} ?")[1:]),
        (2.4, rf"^{NOUN_PHRASE} (?P<v>vit|vivent|niche|nichent|pousse|poussent) (?:surtout |souvent )?(?:dans|en|sur|au|à) ", ("Où {v} {s} ?", "où {v} {s}")),
        (1.9, rf"^{NOUN_PHRASE} (?P<a>peut|peuvent|doit|doivent) (?P<r>(?!pas|plus)[a-zéèêî']+[^,;:()]{{6,60}}?)(?=$|[,;:]| car | parce | et | mais )", ("Est-ce que {s} {a} {r} ?", "est-ce que {s} {a} {r}")),
    ),
    headings=(
        (3.0, r"^(?P<w>[Cc]omment|[Pp]ourquoi|[Qq]uand|[Oo]ù|[Qq]ue|[Qq]uels?|[Qq]uelles?|[Ff]aut-il|[Pp]eut-on) (?P<r>[^:?]{8,70}?) ?\??$", ("{W} {r} ?", "{w} {r}")),
        (2.8, r"^(?P<i>(?:[Bb]ien )?[A-ZÉa-zé][a-zéèêî]+(?:er|ir|re) (?:l['’]|les? |la |une? |du |des |sa |son |ses )[^:;]{3,50})$", ("Comment {i_t} ?", "comment {i_t}")),
        (2.9, r"^(?P<a>[\w' -]{3,30}?) (?:vs\.?|ou) (?P<b>[\w' -]{3,30})(?=$| ?[:,?])", ("Quelle est la différence entre {a} et {b} ?", "{a} ou {b} que choisir")),
    ),
    headlines=(
        (2.6, r"^pour (?P<i>(?!que\b|cela|quatre|être|votre|ce |les? |la |l['’]|un|qui|des |ma |mon|nos|notre)[a-zéèê]+(?:er|ir|re|oir)\b[^,;:()]{4,60}), ", ("Comment {i}", "Bien {i}")[:1]),
        (2.6, r"^si (?P<c>(?!il |ils |elle |on |nécessaire|possible)[^,;:()]{10,60}), ", ("Que faire si {c} ?",)),
        (2.6, rf"^{NOUN_PHRASE} (?P<r>(?:est|sont|doit|doivent|peut|peuvent|ne |n['’]|se ) ?[^,;:()]{{4,60}}?),? (?:parce que|parce qu['’]|car|puisque) ", ("Pourquoi {s} {r}",)),
    ),
)
# fmt: on
