"""Pictures, drawn with matplotlib where that is installed."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING

from neocaret_server.backend import BackendError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_DOTS_PER_INCH = 120


def new_picture(width: float, height: float) -> Figure:
    """Return an empty picture, in inches, that no screen shows.

    Raises:
        BackendError: matplotlib is not installed.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise BackendError(
            "The picture is drawn with matplotlib, which is not installed: pip install 'neocaret[bench]'."
        ) from None
    return Figure(figsize=(width, height), layout="constrained")


def as_png(picture: Figure) -> bytes:
    """Return a picture as a PNG."""
    file = BytesIO()
    picture.savefig(file, format="png", dpi=_DOTS_PER_INCH)
    return file.getvalue()
