"""Codes of languages: all of ISO 639-1, and which longer ones stand for the same (ISO 639-2)."""

LANGUAGE_CODES = frozenset(
    code
    for line in (
        "aa ab ae af ak am an ar as av ay az ba be bg bi bm bn bo br bs ca ce ch co cr cs cu",
        "cv cy da de dv dz ee el en eo es et eu fa ff fi fj fo fr fy ga gd gl gn gu gv ha he",
        "hi ho hr ht hu hy hz ia id ie ig ii ik io is it iu ja jv ka kg ki kj kk kl km kn ko",
        "kr ks ku kv kw ky la lb lg li ln lo lt lu lv mg mh mi mk ml mn mr ms mt my na nb nd",
        "ne ng nl nn no nr nv ny oc oj om or os pa pi pl ps pt qu rm rn ro ru rw sa sc sd se",
        "sg si sk sl sm sn so sq sr ss st su sv sw ta te tg th ti tk tl tn to tr ts tt tw ty",
        "ug uk ur uz ve vi vo wa wo xh yi yo za zh zu",
    )
    for code in line.split()
)

# Those of the larger languages; some have two: from their own name, and from the English one.
SHORT_CODES = dict(
    pair.split("=")
    for line in (
        "ara=ar bul=bg ben=bn cat=ca ces=cs cze=cs dan=da deu=de ger=de ell=el gre=el eng=en",
        "spa=es est=et fas=fa per=fa fin=fi fra=fr fre=fr heb=he hin=hi hrv=hr hun=hu ind=id",
        "ita=it jpn=ja kor=ko lit=lt lav=lv msa=ms may=ms nld=nl dut=nl nor=no pol=pl por=pt",
        "ron=ro rum=ro rus=ru slk=sk slo=sk slv=sl srp=sr swe=sv swa=sw tam=ta tel=te tha=th",
        "tur=tr ukr=uk urd=ur vie=vi zho=zh chi=zh",
    )
    for pair in line.split()
)
