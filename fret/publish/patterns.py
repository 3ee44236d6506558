"""What keys, tokens and passwords look like, and what only looks like them.

Only formats that their makers gave a mark of their own, so that prose is not taken for them. Where
the forms are from: the makers' own pages (AWS IAM "Unique identifiers"; GitHub "Behind GitHub's
new authentication token formats", 2021; GitLab "Token overview"; Slack "Token types"; Stripe "API
keys"; Hugging Face "User access tokens"; RFC 7468 for private keys; RFC 7519 for web tokens), and
the rules of gitleaks (MIT) where those say nothing of lengths. Not looked for: passwords in prose,
and tokens without a mark, which no pattern can tell from hashes and ids.
"""

import math
import re
from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple


class Pattern(NamedTuple):
    """A kind of secret.

    `needle` stands in all of its kind and is quick to look for, with RE2 too. A group
    `secret` of `form` is the part that must look random; without one, all of it.
    """

    kind: str
    needle: re.Pattern[str]
    form: re.Pattern[str]


def _pattern(kind: str, needle: str, form: str) -> Pattern:
    return Pattern(kind, re.compile(needle), re.compile(form))


_WORD = r"(?<![A-Za-z0-9_-])"
_END = r"(?![A-Za-z0-9_-])"

PATTERNS = (
    # Not in signed addresses, which are made to be given away.
    _pattern(
        "AWS access key",
        "A[KS]IA",
        r"(?<!AccessKeyId=)(?<!Credential=)(?<![A-Za-z0-9])A[KS]IA[A-Z2-7]{16}(?![A-Za-z0-9])",
    ),
    _pattern(
        "GitHub token", "gh[pousr]_", rf"{_WORD}gh[pousr]_(?P<secret>[A-Za-z0-9]{{36}}){_END}"
    ),
    _pattern(
        "GitHub token",
        "github_pat_",
        rf"{_WORD}github_pat_(?P<secret>[A-Za-z0-9]{{22}}_[A-Za-z0-9]{{59}}){_END}",
    ),
    _pattern("GitLab token", "glpat-", rf"{_WORD}glpat-(?P<secret>[A-Za-z0-9_-]{{20,}})"),
    _pattern("Hugging Face token", "hf_", rf"{_WORD}hf_(?P<secret>[A-Za-z0-9]{{34,40}}){_END}"),
    _pattern(
        "Hugging Face token", "api_org_", rf"{_WORD}api_org_(?P<secret>[A-Za-z0-9]{{34}}){_END}"
    ),
    _pattern(
        "OpenAI key",
        "sk-(proj|svcacct|admin)-",
        rf"{_WORD}sk-(?:proj|svcacct|admin)-(?P<secret>[A-Za-z0-9_-]{{40,}})",
    ),
    _pattern(
        "OpenAI key", "T3BlbkFJ", rf"{_WORD}sk-[A-Za-z0-9]{{20}}T3BlbkFJ[A-Za-z0-9]{{20}}{_END}"
    ),
    _pattern("Anthropic key", "sk-ant-", rf"{_WORD}sk-ant-(?P<secret>[a-z]+\d\d-[\w-]{{80,}})"),
    _pattern("Google API key", "AIza", rf"{_WORD}AIza(?P<secret>[A-Za-z0-9_-]{{35}}){_END}"),
    _pattern("Google client secret", "GOCSPX-", rf"{_WORD}GOCSPX-(?P<secret>[\w-]{{28}}){_END}"),
    _pattern(
        "Slack token",
        "xox[abeprs]-",
        rf"{_WORD}xox[abeprs]-(?:\d-)?(?:\d{{10,13}}-){{1,3}}(?P<secret>[A-Za-z0-9]{{24,}})",
    ),
    _pattern(
        "Slack webhook",
        "hooks[.]slack[.]com/services/",
        r"hooks\.slack\.com/services/T\w{8,}/B\w{8,}/(?P<secret>[A-Za-z0-9]{24})",
    ),
    _pattern(
        "Stripe key", "[rs]k_live_", rf"{_WORD}[rs]k_live_(?P<secret>[A-Za-z0-9]{{24,}}){_END}"
    ),
    _pattern("npm token", "npm_", rf"{_WORD}npm_(?P<secret>[A-Za-z0-9]{{36}}){_END}"),
    _pattern("PyPI token", "pypi-AgEI", rf"{_WORD}pypi-AgEI(?P<secret>[A-Za-z0-9_-]{{50,}})"),
    _pattern("SendGrid key", "SG[.]", rf"{_WORD}SG\.(?P<secret>[\w-]{{22}}\.[\w-]{{43}}){_END}"),
    _pattern("Telegram bot token", ":AA", r"(?<!\w)\d{8,10}:AA(?P<secret>[\w-]{33})(?![\w-])"),
    _pattern(
        "DigitalOcean token", "do[opr]_v1_", rf"{_WORD}do[opr]_v1_(?P<secret>[a-f0-9]{{64}}){_END}"
    ),
    _pattern("Azure storage key", "AccountKey=", r"AccountKey=(?P<secret>[A-Za-z0-9+/]{86})=="),
    _pattern(
        "web token",
        "eyJ",
        rf"{_WORD}eyJ[\w-]{{10,}}\.eyJ[\w-]{{10,}}\.(?P<secret>[\w-]{{20,}})",
    ),
    _pattern(
        "private key",
        "PRIVATE KEY",
        r"-----BEGIN (?:[A-Z]+ ){0,2}PRIVATE KEY(?: BLOCK)?-----(?:\\[nr]|\s)*"
        r"(?P<secret>(?:[A-Za-z0-9+/=]|\\[nr]|\s){64,}?)(?![A-Za-z0-9+/=\s\\])",
    ),
    _pattern(
        "password in an address",
        "://[^/?#\\s:@]+:[^/?#\\s:@]+@",
        r"(?<![\w+.-])[A-Za-z][\w+.-]*://(?P<user>[^/?#\s:@]+):(?P<password>[^/?#\s:@]{6,})"
        r"@(?P<host>[\w.-]+)",
    ),
)

NEEDLES = "|".join(pattern.needle.pattern for pattern in PATTERNS)
"""Whatever holds a secret holds one of these."""

# Below this many bits per character a token is a placeholder: xxxx, 0000, abcabc. gitleaks uses 2
# to 3.5 for tokens of these lengths; of random base 32 in 20 characters 1 in 10,000 is below 3.
_MIN_ENTROPY = 3.0
# What stands in documentation: AWS's own example, the signature on jwt.io, runs of the alphabet.
_EXAMPLES = re.compile(
    r"example|sample|dummy|fake|placeholder|your[_-]?|redacted|abcdefgh|12345678|x{6}|\*{3}"
    r"|SflKxwRJSMeKKF2QT4fwpMeJf36POk6yJV_adQssw5c",
    re.IGNORECASE,
)
_NO_PASSWORDS = re.compile(
    r"pass(?:word|wd|wort|phrase)?\d*|pwd|secret|changeme|hunter2|token|api_?key|letmein"
    r"|my[_-]?\w+|some[_-]?\w+|[<{\[$%(].*|\W+|(.)\1*",
    re.IGNORECASE,
)
_NO_HOSTS = re.compile(
    r"[^.]*|.*\bexample\b.*|127\.\S*|0\.0\.0\.0|.*\.(?:test|invalid|localhost|local)|host\b.*",
    re.IGNORECASE,
)


def find_secrets(text: str) -> Iterator[tuple[str, str]]:
    """Yield the kind and the whole of each secret in a text."""
    for pattern in PATTERNS:
        if pattern.needle.search(text):
            for match in pattern.form.finditer(text):
                if _is_real(match):
                    yield pattern.kind, match[0]


def mask(kind: str, secret: str) -> str:
    """Return what may be shown of a secret: enough to find it, not to use it."""
    if kind == "password in an address":
        scheme, _, rest = secret.partition("://")
        return f"{scheme}://…:…@{rest.rpartition('@')[2]}"
    return f"{secret[:6]}… ({len(secret)} characters)"


def _is_real(match: re.Match[str]) -> bool:
    groups = match.groupdict()
    if "host" in groups:
        return not (
            _NO_PASSWORDS.fullmatch(groups["password"])
            or _EXAMPLES.search(groups["password"])
            or groups["password"] == groups["user"]
            or _NO_HOSTS.fullmatch(groups["host"])
        )
    secret = groups.get("secret") or match[0]
    return _entropy(secret) >= _MIN_ENTROPY and not _EXAMPLES.search(secret)


def _entropy(text: str) -> float:
    """Return Shannon's entropy in bits per character."""
    counts = Counter(text).values()
    return -sum(n / len(text) * math.log2(n / len(text)) for n in counts)
