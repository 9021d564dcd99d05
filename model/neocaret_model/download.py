"""A model from the hub into huggingface_hub's own cache, file by file, going on where an earlier download broke off.

huggingface_hub 2.4 resumes only within one call: each call writes to a file of a new name, which it deletes when it
fails. So the bytes are fetched here, with huggingface_hub's own session, headers, locks and places: the rest of
`blobs/<etag>.incomplete` is asked for by a Range request, its hash is checked, and once it is whole `hf_hub_download`
finds it and does the rest.

Only configuration, tokenizer and safetensors files are ever asked for.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import filelock
from huggingface_hub import HfApi, constants, get_hf_file_metadata, hf_hub_download, hf_hub_url
from huggingface_hub.errors import (
    GatedRepoError,
    HfHubHTTPError,
    LocalEntryNotFoundError,
    OfflineModeIsEnabled,
    RemoteEntryNotFoundError,
    RepositoryNotFoundError,
)
from huggingface_hub.file_download import repo_folder_name
from huggingface_hub.utils import WeakFileLock  # type: ignore[attr-defined]  # public, but in no __all__

from neocaret_model.config import CONFIG_FILE, GENERATION_CONFIG_FILE
from neocaret_model.errors import (
    HubUnreachableError,
    LoadCancelledError,
    ModelError,
    ModelNotFoundError,
    UnsupportedModelError,
)
from neocaret_model.fetching import DamagedDownloadError, Remote, arrived, fetch, transport_errors
from neocaret_model.model_type import GPT_NEO, read_model_type
from neocaret_model.tokenizer import MERGES_FILE, TOKENIZER_FILE, VOCABULARY_FILE
from neocaret_model.weights import INDEX_FILE, WEIGHTS_FILE, shard_names

_SMALL_FILES = (
    CONFIG_FILE,
    GENERATION_CONFIG_FILE,
    TOKENIZER_FILE,
    VOCABULARY_FILE,
    MERGES_FILE,
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
)
_TIMEOUT_S = 10.0
_LOCK_S = 0.3


@dataclass(frozen=True, slots=True)
class _Snapshot:
    """A model of the hub at one commit."""

    repository: str
    commit: str
    files: frozenset[str]


class _Meter:
    """Adds up the bytes of all files for the caller's progress."""

    def __init__(self, repository: str, progress: Callable[[str, int, int], None]) -> None:
        self._message = f"Downloading {repository}"
        self._progress = progress
        self._before = 0
        self.total = 0

    def at(self, done: int) -> None:
        """So many bytes of the present file are here."""
        self._progress(self._message, self._before + done, self.total)

    def next(self, size: int) -> None:
        """The present file, of `size` bytes, is whole."""
        self._before += size


def download(repository: str, progress: Callable[[str, int, int], None], cancelled: Callable[[], bool]) -> Path:
    """Fetch what is needed of a hub model into huggingface_hub's cache, and return its folder there.

    Raises:
        ModelNotFoundError: the hub has no such model, or does not give it to everyone.
        HubUnreachableError: the hub did not answer, or the connection broke; what came is kept.
        UnsupportedModelError: the model has no configuration, or no safetensors, or is of a kind that cannot be loaded.
        LoadCancelledError: `cancelled` said so; what came is kept.
        ModelError: the disk is full, or the cache cannot be written to.
    """
    with _as_sentences(repository):
        snapshot = _look_up(repository)
        _require_loadable(snapshot)
        meter = _Meter(repository, progress)
        wanted = [name for name in _SMALL_FILES if name in snapshot.files]
        folder = _fetch_all(snapshot, wanted, meter, cancelled)
        _require_known(folder)
        _fetch_all(snapshot, _weights(snapshot, meter, cancelled), meter, cancelled)
        # Under the branch's name, and last: the cache then calls this commit "main", as transformers expects.
        hf_hub_download(repository, CONFIG_FILE)
    return folder


def _look_up(repository: str) -> _Snapshot:
    info = HfApi().model_info(repository, timeout=_TIMEOUT_S)
    files = frozenset(sibling.rfilename for sibling in info.siblings or ())
    if info.sha is None:
        raise HubUnreachableError(f"{constants.ENDPOINT} did not say which version of {repository} it has: try again.")
    return _Snapshot(repository, info.sha, files)


def _require_loadable(snapshot: _Snapshot) -> None:
    if CONFIG_FILE not in snapshot.files:
        raise UnsupportedModelError(f"{snapshot.repository} on the hub has no {CONFIG_FILE}: it is no language model.")
    if not snapshot.files & {WEIGHTS_FILE, INDEX_FILE}:
        raise UnsupportedModelError(
            f"{snapshot.repository} on the hub has no weights in safetensors, and pickled ones are never opened: "
            "name another model, or convert it."
        )


def _require_known(folder: Path) -> None:
    """Refuse a model that could not be loaded before its weights are fetched."""
    if read_model_type(folder) != GPT_NEO:
        from neocaret_model.other_config import read_other_config

        read_other_config(folder)


def _weights(snapshot: _Snapshot, meter: _Meter, cancelled: Callable[[], bool]) -> list[str]:
    if WEIGHTS_FILE in snapshot.files:
        return [WEIGHTS_FILE]
    folder = _fetch_all(snapshot, [INDEX_FILE], meter, cancelled)
    return shard_names(folder / INDEX_FILE)


def _fetch_all(snapshot: _Snapshot, names: list[str], meter: _Meter, cancelled: Callable[[], bool]) -> Path:
    remotes = [_remote(snapshot, name) for name in names]
    meter.total += sum(remote.size for remote in remotes)
    _require_space(snapshot.repository, remotes)
    folder = Path()
    for name, remote in zip(names, remotes, strict=True):
        folder = _fetch_one(snapshot, name, remote, meter, cancelled)
        meter.next(remote.size)
    return folder


def _remote(snapshot: _Snapshot, name: str) -> Remote:
    url = hf_hub_url(snapshot.repository, name, revision=snapshot.commit)
    metadata = get_hf_file_metadata(url, timeout=_TIMEOUT_S)
    if metadata.etag is None or metadata.size is None:
        raise HubUnreachableError(f"{constants.ENDPOINT} gave no size and no version for {name}: it is no model hub.")
    return Remote(url, metadata.etag, metadata.size)


def _fetch_one(snapshot: _Snapshot, name: str, remote: Remote, meter: _Meter, cancelled: Callable[[], bool]) -> Path:
    directory = repo_folder_name(repo_id=snapshot.repository, repo_type="model")
    cache = Path(constants.HF_HUB_CACHE)
    blob = cache / directory / "blobs" / remote.etag
    lock = cache / ".locks" / directory / f"{remote.etag}.lock"
    pointer = cache / directory / "snapshots" / snapshot.commit / name
    if not pointer.exists():
        blob.parent.mkdir(parents=True, exist_ok=True)
        lock.parent.mkdir(parents=True, exist_ok=True)

        def wait() -> None:
            # Another process is at it: what it has so far is as good as ours.
            meter.at(arrived(blob))
            if cancelled():
                raise LoadCancelledError("The download was cancelled; another process goes on with it.")

        with _locked(lock, wait):
            if not blob.exists():
                fetch(remote, blob, meter.at, cancelled)
    placed = Path(hf_hub_download(snapshot.repository, name, revision=snapshot.commit))
    meter.at(remote.size)
    if not placed.is_symlink():
        blob.unlink(missing_ok=True)  # no links on this disk: huggingface_hub has made a copy
    return placed.parent


@contextmanager
def _locked(path: Path, wait: Callable[[], None]) -> Iterator[None]:
    with ExitStack() as stack:
        while True:
            try:
                stack.enter_context(WeakFileLock(path, timeout=_LOCK_S))
                break
            except filelock.Timeout:
                wait()
        yield


def _require_space(repository: str, remotes: list[Remote]) -> None:
    cache = Path(constants.HF_HUB_CACHE)
    cache.mkdir(parents=True, exist_ok=True)
    needed, free = sum(remote.size for remote in remotes), shutil.disk_usage(cache).free
    if needed > free:
        raise ModelError(
            f"{repository} needs {needed / 1e9:.1f} GB in {cache}, which has {free / 1e9:.1f} GB left: "
            "make room, or set HF_HOME to a folder on another disk."
        )


@contextmanager
def _as_sentences(repository: str) -> Iterator[None]:
    try:
        yield
    except (ModelError, KeyboardInterrupt):
        raise
    except OfflineModeIsEnabled as error:
        raise HubUnreachableError(
            f"{repository} is not on this machine, and HF_HUB_OFFLINE forbids to ask for it: unset it to download."
        ) from error
    except GatedRepoError as error:
        raise ModelNotFoundError(
            f"{repository} is given only to those who accepted its terms on {constants.ENDPOINT}."
        ) from error
    except RepositoryNotFoundError as error:
        raise ModelNotFoundError(
            f"There is no public model {repository!r} on {constants.ENDPOINT}: check the name."
        ) from error
    except RemoteEntryNotFoundError as error:
        raise UnsupportedModelError(f"A file of {repository} is missing on {constants.ENDPOINT}: {error}.") from error
    except DamagedDownloadError as error:
        raise HubUnreachableError(
            f"{error} came damaged from {constants.ENDPOINT}: start the download again."
        ) from error
    except _network_errors() as error:
        raise HubUnreachableError(
            f"{constants.ENDPOINT} did not deliver {repository} ({_brief(error)}): check the connection and try again; "
            "what has come is kept."
        ) from error
    except OSError as error:
        raise ModelError(f"{repository} cannot be stored in {constants.HF_HUB_CACHE}: {error}.") from error


def _network_errors() -> tuple[type[Exception], ...]:
    return (HfHubHTTPError, LocalEntryNotFoundError, *transport_errors())


def _brief(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__
