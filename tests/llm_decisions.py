"""`/v1/decisions` of the test server: many questions about one input.

Shapes: openai/types/decision.py and decision_create_params.py.
"""

from llm_brain import find_passage, find_query, spread, words_of
from llm_speaker import Body, Refused, Speaker, text_of_content


def decide(speaker: Speaker, body: Body) -> Body:
    """Answer all questions, in their order."""
    questions = body.get("questions") or []
    if not 1 <= len(questions) <= 400:
        raise Refused(400, "Invalid 'questions': expected an array of 1 to 400 questions.")
    if speaker.strict and body["model"] != "gpt-6-luna":
        raise Refused(400, f"The model '{body['model']}' is not supported by this endpoint.")
    text = _read_input(body["input"])
    said = [_read_input(question["instructions"]) for question in questions]
    n_read = speaker.admit(" ".join([text, *said]))
    answers = [
        _answer(speaker, question, instructions, text)
        for question, instructions in zip(questions, said, strict=True)
    ]
    usage = {
        "input_tokens": n_read,
        "input_tokens_details": {"cache_write_tokens": 0, "cached_tokens": 0},
        "output_tokens": 0,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": n_read,
    }
    return {"answers": answers, "model": body["model"], "usage": usage}


def _read_input(given: str | list[Body]) -> str:
    """The text of an input or of instructions, which may be messages or parts."""
    if isinstance(given, str):
        return given
    return "\n".join(text_of_content(part.get("content") or part.get("text")) for part in given)


def _answer(speaker: Speaker, question: Body, instructions: str, text: str) -> Body:
    named = {"name": question.get("name"), "type": question["type"]}
    if speaker.refuse_question and speaker.refuse_question in instructions:
        return {**named, "type": "refusal"}
    query = find_query(instructions) or find_query(text) or instructions
    # The passage stands in the question or in the input, which may be nothing else.
    passage = find_passage(instructions) or find_passage(text) or text
    grade = min(3.0, max(0.0, speaker.brain.grade(query, passage)))
    match question["type"]:
        case "predicate":
            return {**named, "probability": grade / 3}
        case "score":
            return {**named, **_score(question, grade)}
        case "choice":
            return {**named, **_choose(question, grade, passage)}
        case kind:
            raise Refused(400, f"Invalid type of question: {kind!r}.")


def _score(question: Body, grade: float) -> Body:
    """Levels count from 0; the score is their expectation."""
    levels = question["levels"]
    if not 2 <= len(levels) <= 10:
        raise Refused(400, "Invalid 'levels': expected an array of 2 to 10 levels.")
    shares = spread(grade * (len(levels) - 1) / 3, len(levels))
    return {
        "score": sum(value * share for value, share in enumerate(shares)),
        "confidence": max(shares),
        "probabilities": [
            {"label": level["label"], "value": value, "probability": share}
            for value, (level, share) in enumerate(zip(levels, shares, strict=True))
        ],
    }


def _choose(question: Body, grade: float, passage: str) -> Body:
    """True and False follow from the grade, other choices from the words they share."""
    choices = question["choices"]
    values = [choice["value"] for choice in choices]
    if not 2 <= len(values) <= 255 or len({(type(v), v) for v in values}) < len(values):
        raise Refused(400, "Invalid 'choices': expected 2 to 255 different choices.")
    known = set(words_of(passage))
    weights = []
    for choice in choices:
        if isinstance(choice["value"], bool):
            weights.append(0.01 + (grade if choice["value"] else 3 - grade))
            continue
        words = words_of(f"{choice['value']} {choice.get('description', '')}")
        weights.append(0.1 + sum(word in known for word in words))
    shares = [weight / sum(weights) for weight in weights]
    best = max(range(len(shares)), key=shares.__getitem__)
    return {
        "choice": values[best],
        "confidence": shares[best],
        "probabilities": [
            {"value": value, "probability": share}
            for value, share in zip(values, shares, strict=True)
        ],
    }
