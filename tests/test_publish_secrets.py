"""Keys and passwords in a dataset are found, shown masked; what only looks like them is not."""

import json
import random
import string
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from fret.publish.folder import Entry
from fret.publish.options import Quiet
from fret.publish.patterns import NEEDLES, PATTERNS, find_secrets, mask
from fret.publish.secrets import Finding, scan_files

DRAW = random.Random(7)
LETTERS = string.ascii_letters + string.digits


def some(n: int, letters: str = LETTERS) -> str:
    return "".join(DRAW.choice(letters) for _ in range(n))


BASE32, HEX = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", "0123456789abcdef"
PEM = "\n".join(some(64) for _ in range(6))
# Made up here, each as its maker writes it.
SECRETS = {
    "AWS access key": ["AKIA" + some(16, BASE32), "ASIA" + some(16, BASE32)],
    "GitHub token": ["ghp_" + some(36), "ghs_" + some(36), f"github_pat_{some(22)}_{some(59)}"],
    "GitLab token": ["glpat-" + some(20)],
    "Hugging Face token": ["hf_" + some(34), "api_org_" + some(34)],
    "OpenAI key": [f"sk-proj-{some(74)}T3BlbkFJ{some(74)}", f"sk-{some(20)}T3BlbkFJ{some(20)}"],
    "Anthropic key": [f"sk-ant-api03-{some(93)}AA"],
    "Google API key": ["AIza" + some(35)],
    "Google client secret": ["GOCSPX-" + some(28)],
    "Slack token": [f"xoxb-{some(12, string.digits)}-{some(12, string.digits)}-{some(24)}"],
    "Slack webhook": [f"hooks.slack.com/services/T{some(8, BASE32)}/B{some(8, BASE32)}/{some(24)}"],
    "Stripe key": ["sk_live_" + some(24), "rk_live_" + some(99)],
    "npm token": ["npm_" + some(36)],
    "PyPI token": ["pypi-AgEIcHlwaS5vcmc" + some(150)],
    "SendGrid key": [f"SG.{some(22)}.{some(43)}"],
    "Telegram bot token": [f"{some(10, '123456789')}:AA{some(33)}"],
    "DigitalOcean token": ["dop_v1_" + some(64, HEX)],
    "Azure storage key": [f"AccountKey={some(86)}=="],
    "web token": [f"eyJ{some(30)}.eyJ{some(60)}.{some(43)}"],
    "private key": [
        f"-----BEGIN RSA PRIVATE KEY-----\n{PEM}",
        f"-----BEGIN PRIVATE KEY-----\\n{PEM}".replace("\n", "\\n"),
        f"-----BEGIN OPENSSH PRIVATE KEY-----\n{PEM}".replace("\n", " "),
    ],
    "password in an address": [
        "postgres://app:k7Vq2xW9@db.intern.acme.io",
        "https://deploy:Tr0ub4dor&3@git.acme.io",
    ],
}
HARMLESS = [
    "AKIAIOSFODNN7EXAMPLE is Amazon's own example, AKIAXXXXXXXXXXXXXXXX a placeholder",
    "https://b.s3.amazonaws.com/f?AWSAccessKeyId=AKIA" + some(16, BASE32) + "&Expires=1",
    "ghp_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx and hf_" + "x" * 34,
    "hf_abcdefghijklmnopqrstuvwxyz12345678 and hf_transfer and hf_hub_download",
    "sk-proj-your-key-here, sk-..., $OPENAI_API_KEY and sk-ant-api03-...",
    "the npm_config_registry setting, npm_package_name_of_the_project_and_version",
    "-----BEGIN PUBLIC KEY-----\n" + PEM,
    "A file that starts with -----BEGIN RSA PRIVATE KEY----- is a private key.",
    "-----BEGIN PRIVATE KEY-----\n...\n-----END PRIVATE KEY-----",
    "https://user:password@example.com and ftp://user:secret@host and amqp://guest:guest@mq.acme.io",
    "postgres://postgres:hunter22@localhost:5432/app, redis://:pass@cache, mysql://root:root@db",
    "https://{user}:{password}@git.acme.io, https://<user>:<token>@git.acme.io, $U:$TOKEN_X@a.b.io",
    "http://a.example/b:c@d, see https://acme.io/page?x=1:2@3 and mailto:ann@acme.io",
    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxMjM0NTY3ODkwIiwibmFtZSI6IkpvaG4ifQ."
    "SflKxwRJSMeKKF2QT4fwpMeJf36POk6yJV_adQssw5c",
    "sha256 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08, "
    "commit d6cd1e2bd19e03a81132a23b2025920577f84e37, a UUID 123e4567-e89b-42d3-a456-556642440000",
    "AKIANDHERPROMISEDLANDOFMANYFRIENDS in one word of capitals, ASIAANDAFRICAANDEUROPEAN",
    "The score was 12:AAB, at SG.5 and xoxo-kisses; skip_live_tests = True",
    "data:image/png;base64," + "iVBORw0KGgo" * 20,
]


@pytest.mark.parametrize("kind", SECRETS)
def test_each_kind_is_found_wherever_it_stands(kind: str) -> None:
    for secret in SECRETS[kind]:
        for before, after in (("", ""), ("key=", "\n"), ("(", ")."), ("„", "“ and more")):
            found = list(find_secrets(f"{before}{secret}{after}"))
            assert [k for k, _ in found] == [kind], (secret, found)
            shown = mask(*found[0])
            assert len(shown) < 60 and secret not in shown
            assert secret[8:] not in shown and "Tr0ub" not in shown and "k7Vq" not in shown


def test_every_pattern_has_a_case_and_is_behind_a_needle() -> None:
    assert {pattern.kind for pattern in PATTERNS} == set(SECRETS)
    texts = [text for secrets in SECRETS.values() for text in secrets]
    import pyarrow.compute as pc

    assert pc.all(pc.match_substring_regex(pa.array(texts), NEEDLES)).as_py()
    for pattern in PATTERNS:
        assert any(pattern.form.search(text) for text in SECRETS[pattern.kind]), pattern


@pytest.mark.parametrize("text", HARMLESS)
def test_what_only_looks_like_one_is_let_pass(text: str) -> None:
    assert list(find_secrets(text)) == []


def scan(*paths: Path, not_secret: frozenset[str] = frozenset()) -> list[Finding]:
    entries = [Entry(path.name, path, path.stat().st_size) for path in paths]
    return scan_files(entries, Quiet(), not_secret=not_secret)


def test_tables_are_searched_at_any_depth(tmp_path: Path) -> None:
    first, second, third = SECRETS["GitHub token"]
    rows = [
        {"text": "nothing", "lists": None, "deep": [{"a": "x", "n": 1}], "n": 1, "kind": "a"},
        {"text": None, "lists": ["x", None, f"y {first}"], "deep": [], "n": 2, "kind": "b"},
        {"text": "x", "lists": [], "deep": [{"a": None, "n": 0}, {"a": second, "n": 1}], "n": 3},
        {"text": f"again {first} twice {first}", "lists": ["x"], "deep": None, "n": 4},
    ]
    table = pa.Table.from_pylist(rows * 800)
    wide = pa.array([*["a"] * (len(table) - 1), third]).dictionary_encode()
    path = tmp_path / "rows.parquet"
    pq.write_table(table.append_column("wide", wide), path, row_group_size=700)
    found = {f.masked: f for f in scan(path)}
    assert len(found) == 3
    places = {f.place: f.n for f in found.values()}
    assert places == {
        "rows.parquet, row 3, column text": 3 * 800,
        "rows.parquet, row 2, column deep": 800,
        "rows.parquet, row 3199, column wide": 1,
    }


def test_text_files_are_searched_whole_and_pictures_are_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = SECRETS["Hugging Face token"][0]
    page = tmp_path / "report.html"
    filler = "lorem ipsum " * 700_000
    page.write_text(f"{filler}{secret}{filler}", "utf-8")  # across pieces, in one of them
    picture = tmp_path / "picture.html"
    picture.write_text(f'<img src="data:image/png;base64,{secret.replace("_", "/")}">', "utf-8")
    image = tmp_path / "chart.png"
    image.write_bytes(secret.encode())
    (found,) = scan(page, picture, image)
    assert found.place.startswith("report.html") and found.kind == "Hugging Face token"


def test_what_a_person_has_looked_at_passes(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text(
        "".join(json.dumps({"t": t}) + "\n" for t in SECRETS["AWS access key"]), "utf-8"
    )
    first, second = scan(path)
    assert scan(path, not_secret=frozenset({first.hash})) == [second]
    assert scan(path, not_secret=frozenset({first.hash, second.hash})) == []
