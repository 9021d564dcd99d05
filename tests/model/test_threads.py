from __future__ import annotations

import os

import pytest
import torch

from neocaret_model import threads
from neocaret_model.threads import SMALL_BYTES, choose_threads, let_waiting_threads_sleep


def test_waiting_threads_sleep_unless_the_user_wants_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GOMP_SPINCOUNT", raising=False)
    monkeypatch.setenv("OMP_WAIT_POLICY", "ACTIVE")
    let_waiting_threads_sleep()
    assert os.environ["OMP_WAIT_POLICY"] == "ACTIVE"
    monkeypatch.delenv("OMP_WAIT_POLICY")
    let_waiting_threads_sleep()
    assert os.environ["OMP_WAIT_POLICY"] == "PASSIVE"


def test_a_spin_count_of_the_users_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OMP_WAIT_POLICY", raising=False)
    monkeypatch.setenv("GOMP_SPINCOUNT", "100")
    let_waiting_threads_sleep()
    assert "OMP_WAIT_POLICY" not in os.environ


def test_a_small_model_computes_on_one_thread_and_a_large_one_on_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    chosen: list[int] = []
    monkeypatch.setattr(threads, "_everything", lambda: 7)
    monkeypatch.setattr(torch, "set_num_threads", chosen.append)
    choose_threads(SMALL_BYTES - 1)
    choose_threads(SMALL_BYTES)
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    choose_threads(SMALL_BYTES - 1)
    assert chosen == [1, 7]
