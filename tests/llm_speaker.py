"""A model behind a server of one kind: its options, and what all dialects share."""

from dataclasses import dataclass, field
from typing import Any, Literal

from llm_brain import Brain, Tokenizer, find_passage, find_query, passage_on_line

Flavour = Literal["openai", "vllm", "sglang", "llamacpp", "chat_only", "silent"]
Body = dict[str, Any]
Logprobs = list[float | None]


class Refused(Exception):
    """The server answers with an error."""

    def __init__(self, status: int, message: str, code: str | None = None) -> None:
        super().__init__(message)
        self.status, self.code = status, code


@dataclass
class Speaker:
    """What a server's model can do; every field is an option of `LLMServer`."""

    brain: Brain = field(default_factory=Brain)
    flavour: Flavour = "openai"
    """openai is lenient: a server that can do everything; with `strict` it is as the real one.
    silent: log-probabilities, formats and echo are accepted and ignored."""
    strict: bool = False
    """openai and chat_only refuse what OpenAI refuses: echo with logprobs, schemas out of the
    strict subset, fields that a model family does not take (by the model's name)."""
    tokenizer: Tokenizer = field(default_factory=Tokenizer)
    lists: bool = True
    """False: a list of prompts is refused."""
    scrambled: bool = False
    """Choices of a list of prompts come in another order than the prompts; `index` is right."""
    max_context: int | None = None
    """Longer prompts (in tokens, about words) are refused, the whole request with them."""
    truncate_at: int | None = None
    """Longer prompts are cut without a word, as by Ollama; usage shows it."""
    max_top_logprobs: int = 20
    refuse_logprobs: int = 403
    """The status with which chat_only refuses log-probabilities; 400 is seen as well."""
    schemas: bool = True
    """False: chat_only refuses json_schema; json_object is fine."""
    echo_status: int = 400
    """llama.cpp throws a runtime_error for echo, which newer versions may answer with 500."""
    reasons: bool = False
    """The model thinks first, unless reasoning_effort is none or enable_thinking is false."""
    think_tokens: int = 60
    decisions: bool = True
    """False: /v1/decisions is 404, as on most servers."""
    refuse_question: str = ""
    """Questions to /v1/decisions that hold this text are refused, each on its own."""
    version: str = ""
    """What the server says of its version; by default a recent one."""
    last_ids: list[int] = field(default_factory=list)
    """The prompt before this one, for SGLang's count of cached tokens."""

    # Tokens.

    def text_of(self, token: int) -> str:
        try:
            return self.tokenizer.text_of(token)
        except (KeyError, TypeError):
            raise Refused(400, f"token id {token} is out of vocabulary") from None

    def name_by_id(self, piece: str) -> str:
        """A token as vLLM names it with `return_tokens_as_token_ids`."""
        return f"token_id:{self.tokenizer.id_of(piece)}"

    def read_prompt(self, prompt: Any) -> str:
        """The text of a prompt, which may come as token ids."""
        return "".join(map(self.text_of, prompt)) if isinstance(prompt, list) else str(prompt)

    def count(self, text: str) -> int:
        return len(self.tokenizer.pieces(text)) + bool(self.brain.begin)

    def admit(self, prompt: str) -> int:
        """Check a prompt's length; return how many tokens of it are read."""
        n = self.count(prompt)
        if self.max_context is not None and n > self.max_context:
            raise Refused(
                400,
                f"This model's maximum context length is {self.max_context} tokens. However, your "
                f"request has {n} input tokens. Please reduce the length of the input messages.",
                "context_length_exceeded",
            )
        return n if self.truncate_at is None else min(n, self.truncate_at)

    def cut(self, text: str) -> str:
        """What is left of a text on a server that cuts: its end."""
        if self.truncate_at is None:
            return text
        return "".join(self.tokenizer.pieces(text)[-self.truncate_at :])

    # Log-probabilities.

    def score(self, prompt: str) -> tuple[list[str], Logprobs]:
        """The tokens of a text with their log-probabilities; the first one has none."""
        passage = passage_on_line(prompt) or find_passage(prompt) or "paris"
        tokens = self.tokenizer.pieces(prompt)
        values: Logprobs = [self.brain.token_logprob(token, passage) for token in tokens]
        if self.brain.begin:
            return [self.brain.begin, *tokens], [None, *values]
        return tokens, [None, *values[1:]] if values else []

    def top_tokens(self, prompt: str) -> list[Body]:
        """The likely first tokens of an answer to a prompt, best first."""
        brain = self.brain
        logprobs = brain.label_logprobs(find_query(prompt), find_passage(prompt))
        found = [*zip(brain.labels, logprobs, strict=True), *brain.others]
        items = [token_item(token, logprob) for token, logprob in found]
        return sorted(items, key=lambda item: -float(item["logprob"]))

    def logprob_of_id(self, token: int, prompt: str) -> float:
        """The log-probability of a token id as the first token of an answer."""
        query, passage = find_query(prompt), find_passage(prompt)
        return self.brain.first_token_logprob(self.text_of(token), query, passage)

    # Answers.

    def wrap(self, kind: str, body: Body, choices: list[Body], n_read: int, n_written: int) -> Body:
        return {
            "id": "x",
            "object": kind,
            "created": 1,
            "model": body["model"],
            "choices": choices,
            "usage": {
                "prompt_tokens": n_read,
                "completion_tokens": n_written,
                "total_tokens": n_read + n_written,
            },
        }

    def describe_error(self, status: int, message: str, code: str | None) -> Body:
        """The body of an error, whose shape differs between servers."""
        kind = "BadRequestError" if status == 400 else "planted"
        match self.flavour:
            case "sglang":
                return {
                    "object": "error",
                    "message": message,
                    "type": kind,
                    "param": None,
                    "code": status,
                }
            case "vllm":
                error = {"message": message, "type": kind, "param": None, "code": status}
            case "llamacpp":
                error = {"code": status, "message": message, "type": "invalid_request_error"}
            case _:
                error = {"message": message, "type": "planted", "code": code}
        return {"error": error}


def token_item(token: str, logprob: float) -> Body:
    return {"token": token, "logprob": logprob, "bytes": list(token.encode("utf-8", "replace"))}


def text_of_content(content: Any) -> str:
    """The text of a message's content, which may come in parts."""
    if isinstance(content, list):
        return "".join(str(part.get("text", "")) for part in content)
    return str(content or "")


def render_chat(body: Body) -> str:
    """The text that a chat template makes of messages."""
    messages = body["messages"]
    turns = [f"<|{m['role']}|>\n{text_of_content(m['content'])}\n" for m in messages]
    if body.get("continue_final_message"):
        return "".join(turns).removesuffix("\n")
    end = "<|assistant|>\n" if body.get("add_generation_prompt", True) else ""
    return "".join(turns) + end
