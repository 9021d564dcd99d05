"""What an engine keeps of prompts and documents is bounded, however many there were."""

from __future__ import annotations

import gc
from typing import Any

from neocaret_model.engine.engine import LocalEngine
from neocaret_model.engine.open_document import MOST_DOCUMENTS
from neocaret_model.engine.port import CancelToken, GenerationRequest, Sampling
from neocaret_model.engine.stepper import MOST_PROMPTS


def _ask(engine: LocalEngine[Any], number: int) -> None:
    """Ask about one of many documents; each fifth question is cancelled on the way."""
    prompt = f"name_{number % 17} = {number}\n" * 8
    request = GenerationRequest(prompt, (Sampling(document_weight=1.0), Sampling(0.5, seed=1)), max_new_tokens=3)
    cancel = CancelToken()
    work = engine.begin(request, cancel)
    while not work.done:
        engine.advance([work])
        if number % 5 == 0:
            cancel.cancel()


def test_many_prompts_leave_no_more_behind_than_allowed(engine: LocalEngine[Any]) -> None:
    engine.clear_cache()
    counts = []
    for part in range(3):
        for number in range(60):
            _ask(engine, 60 * part + number)
        gc.collect()
        counts.append(len(gc.get_objects()))
        prefixes, documents = engine._stepper.prefixes, engine._documents
        prefixes.check()
        assert len(prefixes._slots) <= MOST_PROMPTS
        assert not any(slot.lent for slot in prefixes._slots)
        assert len(documents._free) <= MOST_DOCUMENTS
    assert counts[2] - counts[1] < 60
