"""How languages are named to a model that is to write in them."""

# The larger languages of the web; models know the others by their code (ISO 639-1).
LANGUAGE_NAMES = dict(
    pair.split("=")
    for line in (
        "ar=Arabic bg=Bulgarian bn=Bengali ca=Catalan cs=Czech da=Danish de=German el=Greek",
        "en=English es=Spanish et=Estonian fa=Persian fi=Finnish fr=French he=Hebrew hi=Hindi",
        "hr=Croatian hu=Hungarian id=Indonesian it=Italian ja=Japanese ko=Korean lt=Lithuanian",
        "lv=Latvian ms=Malay nl=Dutch no=Norwegian pl=Polish pt=Portuguese ro=Romanian ru=Russian",
        "sk=Slovak sl=Slovene sr=Serbian sv=Swedish sw=Swahili ta=Tamil te=Telugu th=Thai",
        "tr=Turkish uk=Ukrainian ur=Urdu vi=Vietnamese zh=Chinese",
    )
    for pair in line.split()
)
