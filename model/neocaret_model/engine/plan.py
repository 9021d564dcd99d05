"""What a request comes to on a given model: the tokens to feed, and how many to decode. No tensors."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from neocaret_model.engine.healing import Healed
from neocaret_model.engine.port import GenerationRequest
from neocaret_model.engine.window import new_token_limit, text_start, window_start
from neocaret_model.errors import RequestError
from neocaret_model.unicode import require_unicode


@dataclass(frozen=True, slots=True)
class Plan:
    """A request that fits the model's positions."""

    tokens: list[int]
    """The end of the prompt, at least one token."""
    prompt_tokens: int
    """How many tokens the prompt has before it is cut."""
    new_tokens: int
    """How many tokens each continuation may have, at least one; those that write the prompt's end again included."""
    rewritten: str = ""
    """The end of the prompt that is not in `tokens`: continuations begin with it."""
    rewritten_tokens: int = 0
    """How many tokens of the prompt that was."""
    document: list[int] = field(default_factory=list)
    """All tokens of the prompt that are not written again, also those that do not fit."""


def plan_request(
    request: GenerationRequest,
    encode: Callable[[str], list[int]],
    positions: int,
    heal: Callable[[list[int]], Healed] | None = None,
    header: str = "",
) -> Plan:
    """Cut a request to a model of so many `positions`, and take back the prompt's end where that is asked for.

    `header` is a first line that stays whatever is cut.

    Raises:
        RequestError: the prompt is empty, `encode` refuses it, or `max_length` leaves no room for a single token.
    """
    if not request.prompt:
        raise RequestError("The prompt is empty: give at least one character to continue.")
    require_unicode(request.prompt)
    text = request.prompt[text_start(request.prompt, positions) :]
    tokens, fixed = _encoded(text, header, encode)
    if not tokens:
        raise RequestError("The prompt comes to no tokens: give some text that this model's tokenizer knows.")
    new_tokens = new_token_limit(request.max_new_tokens, len(tokens), positions)
    if request.max_length is not None:
        new_tokens = min(new_tokens, _room(request.max_length, len(tokens)))
    start = window_start(len(tokens) - fixed, positions - new_tokens - fixed)
    plan = Plan(tokens[:fixed] + tokens[fixed + start :], len(tokens), new_tokens, document=tokens)
    return _healed(plan, heal) if request.heal and heal is not None else plan


def _encoded(text: str, header: str, encode: Callable[[str], list[int]]) -> tuple[list[int], int]:
    """The tokens of a text after its header, and how many of them are the header's."""
    if not header:
        return encode(text), 0
    head, tokens = encode(header), encode(f"{header}\n{text}")
    # A tokenizer may join the header's end with what follows: then there is nothing that could stay.
    return (tokens, len(head)) if tokens[: len(head)] == head else (encode(text), 0)


def _healed(plan: Plan, heal: Callable[[list[int]], Healed]) -> Plan:
    healed = heal(plan.tokens)
    taken_back = len(plan.tokens) - len(healed.tokens)
    return replace(
        plan,
        tokens=healed.tokens,
        new_tokens=plan.new_tokens + taken_back,
        rewritten=healed.text,
        rewritten_tokens=taken_back,
        document=plan.document[: len(plan.document) - taken_back],
    )


def _room(max_length: int, prompt_tokens: int) -> int:
    if max_length <= prompt_tokens:
        raise RequestError(
            f"max_length {max_length} leaves no room after a prompt of {prompt_tokens} tokens: "
            f"raise it above {prompt_tokens}, or give max_new_tokens instead."
        )
    return max_length - prompt_tokens
