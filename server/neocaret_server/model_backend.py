"""The backend over `neocaret_model`: the one file of the server that knows it.

Everything of `neocaret_model`, torch and transformers is imported inside functions: importing this file is cheap,
and the first `load` pays.
"""

from __future__ import annotations

import contextlib
import gc
import logging
import math
import sys
import traceback
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, cast

from neocaret_server.backend import (
    Backend,
    BackendError,
    CancelToken,
    Candidate,
    Completion,
    CompletionRequest,
    KnownModel,
    LoadProgress,
    ModelChoice,
    ModelInfo,
    Work,
)
from neocaret_server.freed_memory import give_back_freed_memory
from neocaret_server.less_memory import with_less

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import neocaret_model.engine.port as engine_port
    from neocaret_model.benchmarks.plan import Plan as BenchmarkPlan
    from neocaret_model.evaluation.held_out import CodePlan
    from neocaret_model.evaluation.human_eval import HumanEvalPlan
    from neocaret_model.evaluation.other_files import OtherFiles
    from neocaret_model.evaluation.run import Plan
    from neocaret_model.evaluation.suggestions import Asking
    from neocaret_server.benchmark import Benchmark, BenchmarkRequest
    from neocaret_server.evaluation import Evaluation, EvaluationRequest, WorkProgress
    from neocaret_server.quantising import QuantisedModel, QuantiseRequest

    EngineLoader = Callable[
        [str, str, str, Callable[[str, int, int], None], Callable[[], bool]],
        engine_port.SharedEngine,
    ]

MOST_CANDIDATES = 8
LARGEST_SEED = 2**32 - 1

_WARMER_BY = 0.25
_SPARE_ROWS = 5
"""Beyond the candidates asked for, where lines are compared: rows often say the same, and they share their steps."""
_HOTTEST = 100.0
_BENCHMARK_SEED = 1
_CUT_FILES = 64

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Machine:
    """What a model can run on, and where downloads are kept."""

    threads: int
    compiled: str | None
    """For which of the processor's instructions Neocaret's own library computes; none without the library."""
    cuda: str | None
    """The name of the first CUDA device."""
    mps: bool
    automatic: str
    """The device that `auto` stands for."""
    cache_folder: str


class ModelWork:
    """A request that the engine has begun; implements `backend.Work`."""

    def __init__(self, begin: Callable[[CompletionRequest], engine_port.Work], request: CompletionRequest) -> None:
        """`begin` has the engine begin a request."""
        self._begin = begin
        self._request = self._asked = request
        self.work = begin(request)

    def begin_with_less(self) -> bool:
        """Where the memory did not suffice, begin anew with half of what was asked; says whether that was done.

        Where it does not suffice to begin either, the work stays the one that has failed.
        """
        error = _failure(self.work)
        if error is None or not (_is_out_of_memory(error) or _is_out_of_memory(error.__cause__)):
            return False
        less = with_less(self._asked)
        if less is None:
            return False
        logger.warning(
            "out of memory; asked again with %d candidates and %d characters", less.candidates, len(less.prompt)
        )
        try:
            self.work = self._begin(less)
        except Exception as beginning:  # noqa: BLE001 - others are at work beside it, and its result tells of a failure
            _log_without_text(beginning, "beginning with less")
            return False
        self._asked = less
        return True

    @property
    def done(self) -> bool:
        """As `backend.Work.done`."""
        return self.work.done

    def partial(self) -> tuple[Candidate, ...]:
        """As `backend.Work.partial`."""
        return _ranked(self.work.partial(), self._asked)

    def result(self) -> Completion:
        """As `backend.Work.result`."""
        with _told_plainly("generating"):
            result = self.work.result()
        return Completion(
            candidates=_ranked(result.continuations, self._asked),
            prompt_tokens=result.prompt_tokens,
            used_tokens=result.used_tokens,
            reused_tokens=result.reused_tokens,
            prefill_ms=result.prefill_ms,
            decode_ms=result.decode_ms,
            similar_lines=_similar_lines(self._request),
        )


class ModelBackend(Backend):
    """Continues text with a GPT-Neo model; implements `backend.Backend`."""

    def __init__(self, load_engine: EngineLoader | None = None) -> None:
        """Take another loader of engines than the one of `neocaret_model`, for tests."""
        self._load_engine = load_engine or _load_engine
        self._engine: engine_port.SharedEngine | None = None

    def prepare(self) -> None:
        """As `backend.Backend.prepare`."""
        from neocaret_model.torch_start import preload_libraries

        preload_libraries()

    def load(self, choice: ModelChoice, progress: Callable[[LoadProgress], None], cancel: CancelToken) -> ModelInfo:
        """As `backend.Backend.load`."""
        self.unload()

        def report(message: str, done: int, total: int) -> None:
            progress(LoadProgress(message, done, total))

        with _told_plainly(f"loading the model {choice.model}"):
            # No name of this function's for it: what torch's import leaves behind keeps the function's frame for ever.
            self._engine = self._load_engine(
                choice.model, choice.device, choice.dtype, report, lambda: cancel.cancelled
            )
            info = self._engine.info
        return ModelInfo(
            model=info.name,
            folder=info.folder,
            device=info.device,
            dtype=info.dtype,
            parameters=info.parameters,
            positions=info.positions,
            note=info.note,
        )

    def begin(
        self,
        request: CompletionRequest,
        cancel: CancelToken,
        progress: Callable[[int, int], None] | None = None,
    ) -> ModelWork:
        """As `backend.Backend.begin`."""
        if self._engine is None:
            raise BackendError("No model is loaded; load one first.")
        with _told_plainly("generating"):
            engine = self._engine
            # The two tokens are one by structure: whoever generates only looks at `cancelled`.
            token = cast("engine_port.CancelToken", cancel)
            return ModelWork(lambda asked: engine.begin(generation_request(asked), token, progress), request)

    def advance(self, works: Sequence[Work]) -> None:
        """As `backend.Backend.advance`."""
        if self._engine is None:
            return
        with _told_plainly("generating"):
            own = [work for work in works if isinstance(work, ModelWork)]
            self._engine.advance([work.work for work in own])
            for work in own:
                if work.done and work.begin_with_less():
                    self._engine.clear_cache()

    def models(self) -> tuple[KnownModel, ...]:
        """As `backend.Backend.models`."""
        return known_models()

    def clear_cache(self) -> None:
        """As `backend.Backend.clear_cache`."""
        if self._engine is not None:
            self._engine.clear_cache()

    def unload(self) -> None:
        """As `backend.Backend.unload`."""
        if self._engine is None:
            return
        self._engine = None
        gc.collect()
        if (torch := sys.modules.get("torch")) is not None and torch.cuda.is_initialized():
            torch.cuda.empty_cache()
        # Small pieces do not go back by themselves, and a small model is many of them.
        give_back_freed_memory()


def generation_request(request: CompletionRequest) -> engine_port.GenerationRequest:
    """Translate a request of the server into one of the engine.

    With `greedy_first` the first row is greedy and the sampled ones climb: each is 25 % of the temperature warmer
    than the one before, so that they differ from the greedy one and from each other. Without it all rows have the
    temperature asked for. A temperature of 0 leaves one row, since all of them would be equal. Where several candidates
    of a line are asked for, there are more rows than that to choose them from.

    Raises:
        BackendError: a number is out of range.
        ValueError: a number is out of the engine's range.
    """
    from neocaret_model.engine.port import GenerationRequest

    if not 1 <= request.candidates <= MOST_CANDIDATES:
        raise BackendError(f"candidates must be between 1 and {MOST_CANDIDATES}, not {request.candidates}.")
    if request.seed is not None and not 0 <= request.seed <= LARGEST_SEED:
        raise BackendError(f"seed must be between 0 and {LARGEST_SEED}, not {request.seed}.")
    return GenerationRequest(
        prompt=request.prompt,
        rows=_rows(request),
        max_new_tokens=request.max_new_tokens,
        max_length=request.max_length,
        stop=request.stop,
        ends=request.ends,
        stop_repeating=request.stop_repeating,
        path=request.path,
        elsewhere=request.elsewhere,
        heal=True,
    )


def _rows(request: CompletionRequest) -> tuple[engine_port.Sampling, ...]:
    from neocaret_model.engine.port import Sampling

    asked = Sampling(
        temperature=request.temperature,
        top_k=request.top_k,
        top_p=request.top_p,
        repetition_penalty=request.repetition_penalty,
        document_weight=1.0 if request.document_ngrams else 0.0,
    )
    greedy = replace(asked, temperature=0.0, top_k=0, top_p=1.0)

    def sampled(row: int) -> engine_port.Sampling:
        climb = 1 + _WARMER_BY * (row - 1) if request.greedy_first else 1.0
        return replace(
            asked,
            temperature=min(asked.temperature * climb, _HOTTEST),
            seed=None if request.seed is None else request.seed + row,
        )

    if request.temperature == 0:
        return (greedy,)
    rows = request.candidates
    if rows > 1 and _is_single_line(request):
        rows += _SPARE_ROWS
    if request.greedy_first:
        return (greedy, *(sampled(row) for row in range(1, rows)))
    return tuple(sampled(row) for row in range(rows))


def _is_single_line(request: CompletionRequest) -> bool:
    return "\n" in request.stop


def _ranked(continuations: Sequence[engine_port.Continuation], request: CompletionRequest) -> tuple[Candidate, ...]:
    """Return as many as were asked for, the likeliest first, blank texts behind those, and behind all what comes again.

    A line is as likely as all its tokens together, which is how often it is what was meant; of texts of many lines that
    would make the shortest the best, and their tokens' mean counts.
    """
    likelihood = _line_likelihood if _is_single_line(request) else _token_likelihood
    order = sorted(continuations, key=lambda one: (bool(one.text.strip()), likelihood(one)), reverse=True)
    first: dict[str, engine_port.Continuation] = {}
    for one in order:
        first.setdefault(one.text, one)
    others = [one for one in order if first[one.text] is not one]
    return tuple(
        Candidate(text=one.text, mean_logprob=one.mean_logprob, tokens=one.tokens, finish_reason=one.finish_reason)
        for one in [*first.values(), *others][: request.candidates]
    )


def _similar_lines(request: CompletionRequest) -> tuple[str, ...]:
    from neocaret_model.similar_line import similar_lines

    text = "\n".join((*request.elsewhere, request.prompt))
    return tuple(similar_lines(text, request.candidates)) if request.similar_lines else ()


def _line_likelihood(one: engine_port.Continuation) -> float:
    return _known(one, one.logprob)


def _token_likelihood(one: engine_port.Continuation) -> float:
    return _known(one, one.mean_logprob)


def _known(one: engine_port.Continuation, logprob: float) -> float:
    # A row that was cancelled before its first token has no probability to go by.
    return logprob if one.tokens > 0 and not math.isnan(logprob) else -math.inf


def _load_engine(
    model: str, device: str, dtype: str, progress: Callable[[str, int, int], None], cancelled: Callable[[], bool]
) -> engine_port.SharedEngine:
    from neocaret_model.torch_start import import_torch

    import_torch()
    from neocaret_model.loading import load_engine

    return load_engine(model=model, device=device, dtype=dtype, progress=progress, cancelled=cancelled)


def _loader(
    load_engine: EngineLoader | None, loading: Callable[[LoadProgress], None], cancel: CancelToken
) -> Callable[[str, str, str], engine_port.Engine]:
    """Return what loads a model, on a device, in a number format."""

    def load(model: str, device: str, dtype: str) -> engine_port.Engine:
        def report(message: str, done: int, total: int) -> None:
            loading(LoadProgress(message, done, total))

        return (load_engine or _load_engine)(model, device, dtype, report, lambda: cancel.cancelled)

    return load


@contextlib.contextmanager
def _told_plainly(doing: str) -> Iterator[None]:
    from neocaret_model.errors import ModelError

    try:
        yield
    except BackendError:
        raise
    except (ModelError, ValueError) as error:
        raise BackendError(str(error)) from error
    except Exception as error:
        _log_without_text(error, doing)
        if _is_out_of_memory(error):
            raise BackendError(
                f"Out of memory while {doing}; choose a smaller model, fewer candidates, or another device."
            ) from error
        # Not the error's own words: they may be long, and may hold text of the user's document.
        raise BackendError(f"An unexpected {type(error).__name__} while {doing}; the log says where.") from error


def _log_without_text(error: Exception, doing: str) -> None:
    # An error's own words may quote the document, and the document is for the debug level only.
    where = "".join(traceback.format_tb(error.__traceback__))
    logger.error("%s while %s\n%s", type(error).__name__, doing, where)
    logger.debug("the same with its message", exc_info=error)


def _failure(work: engine_port.Work) -> Exception | None:
    try:
        work.result()
    except Exception as error:  # noqa: BLE001 - it is looked at, and told by whoever asks for the result
        return error
    return None


def _is_out_of_memory(error: BaseException | None) -> bool:
    # torch says it by a subclass of RuntimeError on a GPU, and by a sentence on a CPU.
    return (
        isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError" or "allocate memory" in str(error)
    )


def known_models() -> tuple[KnownModel, ...]:
    """Return the models that can be loaded by name."""
    from neocaret_model.catalogue import list_models

    with _told_plainly("listing the models"):
        return tuple(
            KnownModel(model.name, model.parameters, model.bytes, model.licence, model.here, model.own)
            for model in list_models()
        )


def quantise(request: QuantiseRequest, loading: Callable[[LoadProgress], None], cancel: CancelToken) -> QuantisedModel:
    """Write a model in int8.

    Raises:
        BackendError: the model cannot be read, or the folder cannot be written; nothing is left of it then.
    """
    from neocaret_model.torch_start import import_torch

    import_torch()
    from neocaret_model.int8_checkpoint import write_int8
    from neocaret_server.quantising import QuantisedModel

    def report(message: str, done: int, total: int) -> None:
        loading(LoadProgress(message, done, total))

    with _told_plainly(f"quantising the model {request.model}"):
        written = write_int8(
            request.model,
            request.folder,
            overwrite=request.overwrite,
            progress=report,
            cancelled=lambda: cancel.cancelled,
        )
    return QuantisedModel(written.bytes_before, written.bytes)


def evaluate(
    request: EvaluationRequest,
    loading: Callable[[LoadProgress], None],
    working: WorkProgress,
    cancel: CancelToken,
    load_engine: EngineLoader | None = None,
) -> Evaluation:
    """Load a model and measure it.

    `cancel` gives the loading up; the measuring, which runs for minutes, is ended by an exception.

    Raises:
        BackendError: the model cannot be loaded, or there is nothing to measure it on.
    """
    from neocaret_model.evaluation.report import as_json
    from neocaret_model.evaluation.run import evaluate as measure
    from neocaret_model.evaluation.tables import as_text
    from neocaret_server.evaluation import Evaluation

    load, choice = _loader(load_engine, loading, cancel), request.choice
    with _told_plainly(f"evaluating the model {choice.model}"):
        plan = _evaluation_plan(request)
        report = measure(plan, lambda: load(choice.model, choice.device, choice.dtype), working)
        return Evaluation(as_json(report), as_text(report))


def _evaluation_plan(request: EvaluationRequest) -> Plan:
    from neocaret_model.evaluation.run import Plan

    return Plan(
        code=_code_plan(request) if request.code else None,
        human_eval=_human_eval_plan(request, request.human_eval) if request.human_eval else None,
    )


def _code_plan(request: EvaluationRequest) -> CodePlan:
    from neocaret_model.evaluation.held_out import CodePlan

    return CodePlan(
        folders=request.folders or _own_source(),
        carets=request.carets,
        asking=_asking(request, request.candidates),
        typed_lines=request.lines,
        typing=_asking(request, CompletionRequest("").candidates),
        text_bytes=request.kilobytes * 1000,
        seed=request.seed,
        other_files=_other_files(request.other_files) if request.other_files else None,
    )


def _other_files(windows: int) -> OtherFiles:
    """Use other files as the server does."""
    from neocaret_model.evaluation.other_files import OtherFiles
    from neocaret_server.imports import absolute_paths, relative_paths
    from neocaret_server.related_windows import cut_text, related_windows

    cut = lru_cache(maxsize=_CUT_FILES)(cut_text)

    def imported(path: str, text: str) -> Iterator[str]:
        return chain(relative_paths(path, text), absolute_paths(text))

    def choose(before: str, texts: Sequence[str]) -> list[str]:
        return [window.text for window in related_windows(before, (("", cut(text)) for text in texts), windows)]

    return OtherFiles(imported, choose)


def _human_eval_plan(request: EvaluationRequest, file: Path) -> HumanEvalPlan:
    from neocaret_model.evaluation.human_eval import HumanEvalPlan

    return HumanEvalPlan(
        file=file,
        samples=request.samples,
        temperature=request.temperature,
        top_p=CompletionRequest("").top_p,
        seed=request.seed,
    )


def _asking(request: EvaluationRequest, candidates: int) -> Asking:
    """Ask as a suggestion of one line is asked for, and offer what it would offer."""
    from neocaret_model.evaluation.suggestions import Asking
    from neocaret_server.tidy import CaretText, offered

    counts = request.document_ngrams
    asked = CompletionRequest(
        "", candidates, seed=request.seed, document_ngrams=counts, similar_lines=counts, stop=("\n",)
    )

    def offer(before: str, others: Sequence[str], continuations: Sequence[engine_port.Continuation]) -> list[str]:
        similar = _similar_lines(replace(asked, prompt=before, elsewhere=tuple(others)))
        return offered(_ranked(continuations, asked), similar, CaretText(before), single_line=True, most=candidates)

    return Asking(candidates, rows=_rows(asked), max_new_tokens=request.max_new_tokens, offer=offer)


def source_files(folders: tuple[Path, ...]) -> tuple[tuple[str, str], ...]:
    """Return the paths and texts of the Python files in folders; of Neocaret's own source where there are none.

    Raises:
        BackendError: a folder is none, or there is no file.
    """
    from neocaret_model.evaluation.source_files import read_source_files

    with _told_plainly("reading files"):
        return tuple((file.path, file.text) for file in read_source_files(folders or _own_source()).files)


def _own_source() -> tuple[Path, ...]:
    import neocaret_model
    import neocaret_server

    return tuple(Path(package.__path__[0]) for package in (neocaret_server, neocaret_model))


def inspect_machine() -> Machine:
    """Look at the processor, at the devices that torch sees and at the folder of downloaded models."""
    import torch
    from huggingface_hub import constants

    from neocaret_model.device import choose_device
    from neocaret_model.native.library import library

    native = library()
    cuda = torch.cuda.get_device_name(0) if torch.cuda.is_available() else None
    return Machine(
        threads=torch.get_num_threads(),
        compiled=None if native is None else native.level_name(native.levels - 1).decode(),
        cuda=cuda,
        mps=torch.backends.mps.is_available(),
        automatic=str(choose_device("auto")),
        cache_folder=constants.HF_HUB_CACHE,
    )


def benchmark(
    request: BenchmarkRequest,
    loading: Callable[[LoadProgress], None],
    working: WorkProgress,
    cancel: CancelToken,
    load_engine: EngineLoader | None = None,
) -> Benchmark:
    """Load models and measure how fast they answer.

    `cancel` gives a loading up; the measuring, which runs for minutes, is ended by an exception.

    Raises:
        BackendError: a model cannot be loaded, or has no room for what is asked.
    """
    from neocaret_model.threads import let_waiting_threads_sleep

    let_waiting_threads_sleep()  # before any of these imports torch
    from neocaret_model.benchmarks.errors import BenchmarkError
    from neocaret_model.benchmarks.plot import plot
    from neocaret_model.benchmarks.report import as_json
    from neocaret_model.benchmarks.run import benchmark as measure
    from neocaret_model.benchmarks.tables import as_text
    from neocaret_server.benchmark import Benchmark

    load = _loader(load_engine, loading, cancel)
    with _told_plainly("measuring"):
        plan = _benchmark_plan(request)
        report = measure(plan, lambda model, dtype: load(model, request.device, dtype), working)
        try:
            picture, note = plot(report), ""
        except BenchmarkError as error:
            picture, note = None, str(error)
        return Benchmark(as_json(report), as_text(report), picture, note)


def _benchmark_plan(request: BenchmarkRequest) -> BenchmarkPlan:
    from neocaret_model.benchmarks.plan import Plan

    return Plan(
        models=request.models,
        device=request.device,
        dtypes=request.dtypes,
        lengths=request.prompt_tokens,
        rows=request.candidates,
        new_tokens=request.new_tokens,
        repetitions=request.repetitions,
        asked_rows=lambda count: _rows(CompletionRequest("", candidates=count, seed=_BENCHMARK_SEED)),
        peers=request.peers,
        cancels=request.cancels,
        minutes=math.inf if request.minutes is None else request.minutes,
    )
