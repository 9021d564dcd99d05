"""What five rows cost beside one, by format: `python tests/bench/rows.py [TOKENS]`.

The shape of gpt-neo-125m with random weights, so that no guess is right, after 1,900 tokens of prompt by default.
Requests of one and of five rows take turns, since the pace of a machine's memory changes by the minute: each pair is
compared within itself. Prints the median of the pairs' ratios with their quartiles, and the median milliseconds of a
step. Run it on an idle machine.
"""

from __future__ import annotations

import statistics
import sys

from neocaret_model.benchmarks.shapes import checkpoint
from neocaret_model.engine.port import Engine, GenerationRequest, Sampling
from neocaret_model.loading import load_engine

FORMATS = ("int8", "bfloat16", "float32")
ROWS = (1, 5)
NEW_TOKENS, PAIRS = 17, 31


def step_ms(engine: Engine, prompt: str, rows: int) -> float:
    """The milliseconds of one more token of so many rows, all sampled."""
    asked = tuple(Sampling(temperature=0.4, top_p=0.95, seed=row) for row in range(rows))
    result = engine.generate(GenerationRequest(prompt, asked, NEW_TOKENS))
    return result.decode_ms / result.steps


def main() -> None:
    """Print a line for each format."""
    tokens = int(sys.argv[1]) if len(sys.argv) > 1 else 1900
    with checkpoint("125m") as found:
        for dtype in FORMATS:
            engine = load_engine(found.model, device="cpu", dtype=dtype)
            prompt = _prompt(engine, tokens)
            step_ms(engine, prompt, ROWS[-1])
            pairs = [[step_ms(engine, prompt, rows) for rows in ROWS] for _ in range(PAIRS)]
            low, middle, high = statistics.quantiles([five / one for one, five in pairs])
            one, five = (statistics.median(times) for times in zip(*pairs, strict=True))
            print(
                f"{dtype:9} {ROWS[0]} row {one:6.2f} ms, {ROWS[1]} rows {five:6.2f} ms, "
                f"ratio {middle:.2f} ({low:.2f} to {high:.2f})",
                flush=True,
            )


def _prompt(engine: Engine, tokens: int) -> str:
    """Return a text of so many tokens, or of one or two more."""
    prompt = "x"
    while engine.generate(GenerationRequest(prompt, max_new_tokens=1)).prompt_tokens < tokens:
        prompt += " x" * max(1, tokens // 100)
    return prompt


if __name__ == "__main__":
    main()
