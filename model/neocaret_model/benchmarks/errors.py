"""What can go wrong with a benchmark that is no fault of the model's."""

from __future__ import annotations

from neocaret_model.errors import ModelError


class BenchmarkError(ModelError):
    """What is asked for cannot be measured, or not here; the message says what to do."""
