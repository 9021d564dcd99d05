"""One file over HTTP into a place on the disk, whole or not at all, resumed where an earlier attempt broke off."""

from __future__ import annotations

import hashlib
import importlib
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from huggingface_hub import constants, get_session
from huggingface_hub.utils import (  # type: ignore[attr-defined]  # public, but in no __all__
    build_hf_headers,
    hf_raise_for_status,
)

from neocaret_model.errors import LoadCancelledError

_CHUNK_BYTES = 256 * 1024
_ATTEMPTS = 4
_PAUSE_S = 0.5
_PARTIAL_CONTENT = 206


class DamagedDownloadError(Exception):
    """What arrived is not what was announced; the message is the file's address."""


@dataclass(frozen=True, slots=True)
class Remote:
    """A file of the hub."""

    url: str
    etag: str
    """SHA-256 of a large file, git's hash of a small one."""
    size: int
    """In bytes."""


def transport_errors() -> tuple[type[Exception], ...]:
    """What huggingface_hub's session raises when the network fails: it is httpx or httpx2, depending on the version."""
    library = importlib.import_module(type(get_session()).__module__.partition(".")[0])
    return (library.TransportError,)


def fetch(remote: Remote, target: Path, progress: Callable[[int], None], cancelled: Callable[[], bool]) -> None:
    """Fetch a file to `target`, which appears when it is whole and its hash is right.

    Until then the bytes are in a file beside it that ends in `.incomplete` and is kept for the next attempt. A broken
    connection is tried again at once; attempts are counted from the last one that brought anything.

    Raises:
        DamagedDownloadError: the hash is wrong; the bytes are deleted.
        LoadCancelledError: `cancelled` said so.
        Exception: one of `transport_errors()`, or huggingface_hub's error for the server's answer.
    """
    partial = _partial(target)
    partial.touch()
    failures = 0
    while (before := _size(partial)) != remote.size:
        try:
            _continue(remote, partial, before if before < remote.size else 0, progress, cancelled)
        except transport_errors():
            failures = 0 if _size(partial) > before else failures + 1
            if failures == _ATTEMPTS:
                raise
            time.sleep(_PAUSE_S)
        else:
            if _size(partial) != remote.size:
                break
    if not _is_right(partial, remote):
        partial.unlink(missing_ok=True)
        raise DamagedDownloadError(remote.url)
    partial.replace(target)


def _continue(
    remote: Remote, partial: Path, start: int, progress: Callable[[int], None], cancelled: Callable[[], bool]
) -> None:
    headers = build_hf_headers() | {"Accept-Encoding": "identity"}
    if start:
        headers["Range"] = f"bytes={start}-"
    with get_session().stream(
        "GET", remote.url, headers=headers, timeout=constants.HF_HUB_DOWNLOAD_TIMEOUT, follow_redirects=True
    ) as response:
        hf_raise_for_status(response)
        if response.status_code != _PARTIAL_CONTENT:
            start = 0  # the server sends the whole file, asked or not
        with partial.open("r+b" if start else "wb") as file:
            file.seek(start)
            for chunk in response.iter_bytes(_CHUNK_BYTES):
                if cancelled():
                    raise LoadCancelledError("The download was cancelled; what has come is kept.")
                file.write(chunk)
                progress(file.tell())


def arrived(target: Path) -> int:
    """How many bytes of a file are here, fetched by whichever process."""
    return _size(target) or _size(_partial(target))


def _partial(target: Path) -> Path:
    return target.with_name(target.name + ".incomplete")


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _is_right(path: Path, remote: Remote) -> bool:
    """Whether size and hash are those announced; where the etag is no hash, the size must do."""
    if _size(path) != remote.size:
        return False
    if re.fullmatch(r"[0-9a-f]{64}", remote.etag):
        return _hash(path, hashlib.sha256()) == remote.etag
    if re.fullmatch(r"[0-9a-f]{40}", remote.etag):
        return _hash(path, hashlib.sha1(b"blob %d\0" % remote.size, usedforsecurity=False)) == remote.etag
    return True


def _hash(path: Path, digest: hashlib._Hash) -> str:
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
