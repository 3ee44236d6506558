"""Likelihood: the log-probability of a continuation, from log-probabilities of the whole prompt.

`echo` (completions) works on vLLM and SGLang; `prompt_logprobs` is vLLM's own, and says each
token's id; `generate` is SGLang's, and the only one with which the server's prefix cache serves the
part that all prompts share. All of them take many prompts at once.
"""

import math
import re
from bisect import bisect_left, bisect_right
from itertools import accumulate
from typing import Any

from fret.llm.forms.reading import Way, count_of, finite, usage_of
from fret.llm.types import Failure, FailureKind, Likelihood, LikelihoodReply, Reply, Usage

# What servers print for a token that holds only some bytes of a character.
_PIECE = "\N{REPLACEMENT CHARACTER}"
_PIECES = re.compile(f"{_PIECE}+")


def _echo_body(request: Likelihood, model: str, _: tuple[int, ...]) -> dict[str, Any]:
    # One token is generated and ignored: several servers refuse max_tokens = 0.
    text = request.prompt + request.continuation
    body = {"model": model, "prompt": text, "max_tokens": 1, "temperature": 0.0}
    return body | {"echo": True, "logprobs": 1}


def _prompt_body(request: Likelihood, model: str, _: tuple[int, ...]) -> dict[str, Any]:
    text = request.prompt + request.continuation
    # 0: only the token that stands there. More would cost the server rows of its vocabulary.
    return {
        "model": model,
        "prompt": text,
        "max_tokens": 1,
        "temperature": 0.0,
        "prompt_logprobs": 0,
    }


def _generate_body(request: Likelihood, model: str, _: tuple[int, ...]) -> dict[str, Any]:
    return {
        "text": request.prompt + request.continuation,
        "sampling_params": {"max_new_tokens": 1, "temperature": 0.0},
        "return_logprob": True,
        # Log-probabilities from here on; what lies before may come from the server's cache. A
        # word is one token or more, so this many words are safely within the prompt. The first
        # one told comes without its log-probability.
        "logprob_start_len": max(0, len(request.prompt.split()) - 1),
        "return_text_in_logprobs": True,
    }


def _read_echo(request: Likelihood, data: dict[str, Any]) -> Reply | Failure:
    logprobs, usage = data["choices"][0].get("logprobs") or {}, usage_of(data)
    tokens, values = logprobs.get("tokens") or [], logprobs.get("token_logprobs") or []
    # Without what was generated, which may look like a part of the text's last character.
    n_told = len(tokens) - usage.output_tokens
    reply = read_continuation(request, tokens[:n_told], values[:n_told], usage)
    if isinstance(reply, Failure):  # the count is not of what is told
        return read_continuation(request, tokens, values, usage)
    return reply


def _read_prompt_logprobs(request: Likelihood, data: dict[str, Any]) -> Reply | Failure:
    tokens: list[Any] = []
    values: list[float | None] = []
    for entry in data["choices"][0].get("prompt_logprobs") or []:
        # The token that stands there has an entry of its own, beside likelier ones if asked for.
        item = next(iter(entry.values())) if entry else {"decoded_token": None, "logprob": None}
        tokens.append(item["decoded_token"])
        values.append(item["logprob"])
    if tokens and tokens[0] is None:  # the first token is not told, nor whether it has a text
        return _read_end(request, tokens[1:], values[1:], usage_of(data))
    return read_continuation(request, tokens, values, usage_of(data))


def _read_generate(request: Likelihood, data: dict[str, Any]) -> Reply | Failure:
    meta = data["meta_info"]
    items = meta.get("input_token_logprobs") or []
    tokens, values = [str(item[2]) for item in items], [item[0] for item in items]
    names = ("prompt_tokens", "completion_tokens", "cached_tokens")
    return _read_end(request, tokens, values, Usage(*(count_of(meta.get(name)) for name in names)))


def _read_end(
    request: Likelihood, tokens: list[str], values: list[float | None], usage: Usage
) -> LikelihoodReply | Failure:
    """Do as `read_continuation` where only the tokens at the end of the text are told.

    Where they begin follows from their length, but for parts of characters, which show as longer
    than they are.
    """
    told, text = "".join(tokens), request.prompt + request.continuation
    first = max(0, len(text) - len(told))
    last = min(first + told.count(_PIECE), len(request.prompt))
    reply: LikelihoodReply | Failure = _not_covered()
    for place in (*range(first, last + 1), *_find_start_without_spaces(tokens, request)):
        end = Likelihood(request.prompt[place:], request.continuation)
        reply = read_continuation(end, tokens, values, usage)
        if isinstance(reply, LikelihoodReply):
            break
    return reply


def _not_covered() -> Failure:
    return Failure(FailureKind.UNREADABLE, "the log-probabilities do not cover the query")


def keep_continuation(reply: LikelihoodReply, data: Any) -> dict[str, Any]:
    """Return an answer without what it repeats of the prompt, to be stored.

    A prompt of a thousand tokens comes back with a thousand log-probabilities, of which a dozen are
    the query's; the prompt itself is known.
    """
    usage = {
        "prompt_tokens": reply.usage.input_tokens,
        "completion_tokens": reply.usage.output_tokens,
        "prompt_tokens_details": {"cached_tokens": reply.usage.cached_tokens},
    }
    names = ("id", "model", "created", "system_fingerprint")
    kept = {name: data[name] for name in names if isinstance(data, dict) and name in data}
    continuation = {"logprob": reply.logprob, "n_tokens": reply.n_tokens}
    return {**kept, "continuation": continuation, "usage": usage}


def is_kept(data: Any) -> bool:
    return isinstance(data, dict) and isinstance(data.get("continuation"), dict)


def read_kept(data: dict[str, Any]) -> LikelihoodReply:
    """Read what `keep_continuation` made."""
    kept = data["continuation"]
    return LikelihoodReply(finite(kept["logprob"]), int(kept["n_tokens"]), usage_of(data))


def read_continuation(
    request: Likelihood, tokens: list[str], values: list[float | None], usage: Usage
) -> LikelihoodReply | Failure:
    """Add up the log-probabilities of exactly the continuation's tokens.

    A token that begins in the prompt and ends in the continuation counts as the continuation's.
    """
    if not values or len(tokens) != len(values):
        return Failure(FailureKind.UNREADABLE, "the server sent no log-probabilities of the prompt")
    text = request.prompt + request.continuation
    if tokens[0].startswith(" ") and not text.startswith(" "):
        tokens = [tokens[0][1:], *tokens[1:]]  # sentencepiece begins a text with a space
    shown = (tokens[0].lower(), tokens[0].lower().removeprefix("##"))  # see the word pieces below
    if values[0] is None and not text.lower().startswith(shown) and _PIECE not in tokens[0]:
        tokens, values = tokens[1:], values[1:]  # a token of its own that begins every text
    ends = find_ends(tokens, text)
    if ends is None and not (request.prompt[-1:] + request.continuation[:1]).isspace():
        ends = _find_ends_without_spaces(tokens, text)
    if ends is None:
        return Failure(FailureKind.UNREADABLE, "the tokens do not spell the text that was sent")
    first, last = bisect_right(ends, len(request.prompt)), bisect_left(ends, len(text))
    # vLLM shows the unfinished parts of a character as nothing, before the part that ends it: the
    # first of a continuation's character seem to end with the prompt.
    while first and not tokens[first - 1] and ends[first - 1] == len(request.prompt):
        first -= 1
    # Elsewhere tokens that hold parts of one character end together, at its end.
    # One without text is the end that the model generated.
    while last + 1 < len(ends) and ends[last + 1] == len(text) and tokens[last + 1]:
        last += 1
    wanted = values[first : last + 1]
    if not wanted or None in wanted:
        return _not_covered()
    return LikelihoodReply(math.fsum(map(finite, wanted)), len(wanted), usage)


def find_ends(tokens: list[str], text: str) -> list[int] | None:
    """Return where in a text each token ends, up to the text's end; None if they do not spell it.

    Offsets that servers send are no help: vLLM's count the begin-of-text token, SGLang's are -1.
    """
    if tokens and tokens[0].startswith(" ") and not text.startswith(" "):
        tokens = [tokens[0][1:], *tokens[1:]]  # sentencepiece begins a text with a space
    if "".join(tokens).startswith(text) and _PIECE not in text:
        return list(accumulate(map(len, tokens)))
    return _find_ends_of_pieces(tokens, text)


def _find_ends_of_pieces(tokens: list[str], text: str) -> list[int] | None:
    """Do the same where characters are split over tokens.

    Such tokens show as replacement characters: they take what lies before the next whole token.
    """
    ends: list[int] = []
    place = number = 0
    while place < len(text) and number < len(tokens):
        pieces = _count_pieces(tokens, number)
        end = _find_end(tokens, number, number + max(1, pieces), text, place)
        if end is None:
            return None
        ends += [end] * max(1, pieces)
        place, number = end, number + max(1, pieces)
    return ends if place >= len(text) else None


def _count_pieces(tokens: list[str], start: int) -> int:
    """Count the tokens from `start` on that hold parts of characters."""
    n = 0
    while start + n < len(tokens) and _PIECE in tokens[start + n]:
        n += 1
    return n


def _find_end(tokens: list[str], start: int, stop: int, text: str, place: int) -> int | None:
    """Find where tokens `start` to `stop` end that begin at `place`."""
    spelled = "".join(tokens[start:stop])
    if text.startswith(spelled, place):
        return place + len(spelled)
    if _PIECE not in spelled:
        return None
    if stop == len(tokens):
        return len(text)
    shown = re.compile(_PIECES.sub(_as_pattern, re.escape(spelled)))
    follow = "".join(tokens[stop : stop + 1 + _count_clean(tokens, stop)])[:20]
    for end in range(place + 1, min(place + len(spelled), len(text)) + 1):
        if text.startswith(follow[: len(text) - end], end) and shown.fullmatch(text, place, end):
            return end
    return None


def _as_pattern(pieces: re.Match[str]) -> str:
    # Each part of a character shows as one mark or more; ASCII has no parts.
    return rf"[^\x00-\x7f]{{1,{len(pieces[0])}}}"


def _count_clean(tokens: list[str], start: int) -> int:
    n = 0
    while n < 8 and start + n + 1 < len(tokens) and _PIECE not in tokens[start + n + 1]:
        n += 1
    return n


def _find_ends_without_spaces(tokens: list[str], text: str) -> list[int] | None:
    """Do the same where tokens show without the spaces before them.

    So do those of sentencepiece when each is decoded alone, and BERT's, which mark what goes on
    with a word ("##ing") instead and may know no capitals. A token of which nothing is left takes
    all the spaces where it stands, so those at the boundary must be on one side of it.
    """
    ends: list[int] = []
    place = 0
    if text != text.rstrip():
        return None
    for token in tokens:
        while place < len(text) and text[place].isspace():
            place += 1
        if place == len(text):
            break
        shown = token.strip()
        if text[place : place + len(shown)].lower() != shown.lower():
            shown = shown.removeprefix("##")
        if text[place : place + len(shown)].lower() != shown.lower():
            return None
        place += len(shown)
        ends.append(place)
    return ends if place == len(text) else None


def _find_start_without_spaces(tokens: list[str], request: Likelihood) -> list[int]:
    """Return where in the prompt such tokens begin that reach to the text's end; none if unsure."""
    n_told = sum(len(re.sub(r"\s|^##(?=.)", "", token)) for token in tokens)
    text = request.prompt + request.continuation
    places = [place for place, character in enumerate(text) if not character.isspace()]
    start = places[-n_told] if 0 < n_told <= len(places) else len(text)
    return [start] if start <= len(request.prompt) else []


def _join_prompts(bodies: list[dict[str, Any]]) -> dict[str, Any]:
    return {**bodies[0], "prompt": [body["prompt"] for body in bodies]}


def _join_texts(bodies: list[dict[str, Any]]) -> dict[str, Any]:
    fields = ("text", "logprob_start_len")  # the sampling parameters hold for all
    return {**bodies[0], **{field: [body[field] for body in bodies] for field in fields}}


def _split_choices(data: dict[str, Any], n: int) -> list[Any]:
    """Give each prompt its choice and its tokens, which add up to the whole.

    What a prompt is said to cost must not depend on the others that travelled with it.
    """
    choices = sorted(data["choices"], key=lambda choice: int(choice["index"]))
    if [choice["index"] for choice in choices] != list(range(n)):
        raise ValueError(f"it has {len(choices)} choices")
    usage = usage_of(data)
    n_input = _count_tokens(choices, usage)
    return [
        {
            "choices": [{**choice, "index": 0}],
            "usage": {
                "prompt_tokens": n_input[i],
                "completion_tokens": _share(usage.output_tokens, n, i),
                "prompt_tokens_details": {"cached_tokens": _share(usage.cached_tokens, n, i)},
            },
        }
        for i, choice in enumerate(choices)
    ]


def _count_tokens(choices: list[Any], usage: Usage) -> list[int]:
    """Count each prompt's tokens: those that are told, where they are all; else an even share."""
    n = len(choices)
    told = [
        len((choice.get("logprobs") or {}).get("tokens") or choice.get("prompt_logprobs") or ())
        for choice in choices
    ]
    if sum(told) == usage.input_tokens:
        return told
    if sum(told) == usage.input_tokens + usage.output_tokens:  # an echo, with what was generated
        return [count - _share(usage.output_tokens, n, i) for i, count in enumerate(told)]
    return [_share(usage.input_tokens, n, i) for i in range(n)]


def _share(total: int, n: int, i: int) -> int:
    return total // n + (i < total % n)


def _split_list(data: Any, n: int) -> list[Any]:
    if not isinstance(data, list) or len(data) != n:
        raise ValueError("it is not a list of as many")
    return data


def _is_generated(data: Any) -> bool:
    return isinstance(data, dict) and isinstance(data.get("meta_info"), dict)


LIKELIHOOD_WAYS = {
    "generate": Way(
        "/generate", _generate_body, _read_generate, _is_generated, _join_texts, _split_list
    ),
    "echo": Way(
        "/v1/completions", _echo_body, _read_echo, join=_join_prompts, split=_split_choices
    ),
    "prompt_logprobs": Way(
        "/v1/completions",
        _prompt_body,
        _read_prompt_logprobs,
        join=_join_prompts,
        split=_split_choices,
    ),
}
