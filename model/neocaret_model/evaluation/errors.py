"""What can go wrong with an evaluation that is no fault of the model's."""

from __future__ import annotations

from neocaret_model.errors import ModelError


class EvaluationError(ModelError):
    """The files to evaluate on, or the machine, do not allow it; the message says what to do."""
