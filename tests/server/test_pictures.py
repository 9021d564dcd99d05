from __future__ import annotations

import sys

import pytest

from neocaret_server.backend import BackendError
from neocaret_server.pictures import as_png, new_picture


def test_picture_is_a_png_of_its_size() -> None:
    pytest.importorskip("matplotlib")
    data = as_png(new_picture(2, 1))
    assert data.startswith(b"\x89PNG")
    assert (int.from_bytes(data[16:20]), int.from_bytes(data[20:24])) == (240, 120)


def test_without_matplotlib_there_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(BackendError, match=r"pip install 'neocaret\[bench\]'"):
        new_picture(1, 1)
