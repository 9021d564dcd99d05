"""Where a continuation may be written, and a plain sentence where it cannot be.

Knows files, and neither editors nor models. Two callers: the command line, where the user named the file,
and the language server, where a client did and only the workspace folders are open to it.

- A target is first resolved, every `..` and symbolic link followed, and judged by where it really is.
- It is then written through the folders of that resolved path, none of which may be a symbolic link by now:
  what is swapped between the check and the write is refused, not followed.
- A symbolic link to a file that may be written is followed, as a shell's `>` does, and stays a link;
  one that leads nowhere is refused, since following it would create a file that nobody named.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import stat
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Literal
from urllib.parse import unquote_to_bytes, urlsplit

from neocaret_server.held_folder import FileChangedError, HeldFolder, opened_folder, require_file

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

WriteMode = Literal["create", "overwrite", "append"]

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_DRIVE = re.compile(r"/[A-Za-z]:(/|$)")
_RESERVED_ON_WINDOWS = re.compile(
    r"(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³]|conin\$|conout\$)\s*(\..*)?", re.IGNORECASE
)
_LONGEST_NAME_BYTES = 255
_SHOWN_CHARACTERS = 200
_ATTEMPTS = 20
_WRITING = threading.Lock()
"""One write at a time in this process. Of other processes, a write sees that they came between, and starts over."""

_REASONS = {
    errno.EACCES: "permission denied; choose a file that you may write",
    errno.EPERM: "permission denied; choose a file that you may write",
    errno.EROFS: "the file system is read-only; choose another place",
    errno.ENOSPC: "the disk is full; make room or choose another place",
    errno.EDQUOT: "your disk quota is used up; make room or choose another place",
    errno.EFBIG: "the file would be larger than the file system allows; choose another place",
    errno.ENAMETOOLONG: "the name is too long; choose a shorter one",
    errno.ENOENT: "its folder does not exist; create the folder first",
    errno.ENOTDIR: "a part of its path is not a folder; name a file in a folder that exists",
    errno.ELOOP: "its symbolic links lead in a circle or were changed; name the file itself",
    errno.EISDIR: "it is a folder; name a file in it",
    errno.ENXIO: "it is a device, a pipe or a socket; name an ordinary file",
    errno.EBUSY: "others keep changing it; try again",
    errno.ETXTBSY: "it is a program that is running; choose another name",
}


class ExportError(Exception):
    """The text was not written, and nothing was changed; the message is meant for the user."""


def path_from_uri(uri: str, *, windows: bool = sys.platform == "win32") -> str:
    """Return the path that a `file:` URI names, percent-encoding undone.

    Raises:
        ExportError: the URI is of another scheme, of another machine, or malformed.
    """
    if _CONTROL.search(uri):
        raise ExportError(f"The URI {_shown(uri)} holds control characters; percent-encode them.")
    try:
        parts = urlsplit(uri)
    except ValueError as error:
        raise ExportError(f"{_shown(uri)} is not a valid URI; give one that starts with file:///.") from error
    if parts.scheme != "file":
        raise ExportError(f"{_shown(uri)} is not a file: URI; save to a file on this machine.")
    if parts.netloc.lower() not in {"", "localhost"}:
        raise ExportError(f"{_shown(uri)} is on another machine; save to a file on this machine.")
    if parts.query or parts.fragment:
        raise ExportError(f"{_shown(uri)} has a query or a fragment; write ? as %3F and # as %23 in a file's name.")
    if not parts.path.startswith("/"):
        raise ExportError(f"{_shown(uri)} is not an absolute URI; give one that starts with file:///.")
    try:
        path = unquote_to_bytes(parts.path).decode("utf-8")
    except UnicodeError as error:
        raise ExportError(f"{_shown(uri)} does not decode to UTF-8; percent-encode the UTF-8 bytes.") from error
    return path[1:] if windows and _DRIVE.match(path) else path


def resolve_target(path: str, roots: Sequence[Path], *, outside_allowed: bool) -> Path:
    """Return where `path` really leads, once it is sure that a file may be written there.

    Args:
        path: absolute, or relative to the first root.
        roots: the folders that are open to writing.
        outside_allowed: the user chose the file, so that it may be anywhere.

    Raises:
        ExportError: it leads outside the roots, or is nothing that a text can be written to.
    """
    _refuse_name(path)
    if not roots and not Path(path).is_absolute():
        raise ExportError(f"{_shown(path)} is relative, and no folder is open; give an absolute path.")
    named = roots[0] / path if roots else Path(path)
    with _explained(path):
        target = Path(os.path.realpath(named))
        if not outside_allowed and not any(target.is_relative_to(os.path.realpath(root)) for root in roots):
            raise ExportError(_outside(path, named, roots))
        found = _status(target)
        if found is None and named.is_symlink():
            raise ExportError(f"{_shown(path)} is a symbolic link that leads nowhere; name the file itself.")
        require_file(found)
        if found is None and not stat.S_ISDIR(target.parent.stat().st_mode):
            raise NotADirectoryError(errno.ENOTDIR, "not a folder")
    return target


def check_target(target: Path, mode: WriteMode) -> None:
    """Tell early what `write_text` would refuse, before the work that makes the text.

    Raises:
        ExportError: the file exists and is to be created, or may not be written.
    """
    with _explained(target):
        found = _status(target)
        require_file(found)
        _refuse_existing(target, found, mode)
        if not os.access(target if found else target.parent, os.W_OK):
            raise PermissionError(errno.EACCES, "not writable")


def write_text(target: Path, text: str, mode: WriteMode = "create") -> int:
    """Write `text` as UTF-8, line ends as they are; return the number of its bytes.

    A reader sees the old file or the whole new one at any moment, whatever interrupts. `create` never replaces
    a file, not even one that appeared meanwhile. `append` adds to what others wrote meanwhile. An existing file keeps
    its permissions.

    Args:
        target: as `resolve_target` returned it: a symbolic link on its path is refused.
        text: what to write, or to append.
        mode: what to do with an existing file.

    Raises:
        ExportError: nothing was written.
    """
    data = _encoded(target, text)
    attempts_left = 1 if mode == "create" else _ATTEMPTS
    with _explained(target), _WRITING, opened_folder(target.parent) as folder:
        while True:
            attempts_left -= 1
            try:
                _write(folder, target, data, mode)
            except (FileChangedError, FileExistsError):
                if not attempts_left:
                    raise
            else:
                return len(data)


def _write(folder: HeldFolder, target: Path, data: bytes, mode: WriteMode) -> None:
    before = folder.status(target.name)
    require_file(before)
    _refuse_existing(target, before, mode)
    if before is None:
        folder.create(target.name, data)
    elif mode == "append":
        folder.replace(target.name, folder.read(target.name) + data, before, unless_changed=True)
    else:
        folder.replace(target.name, data, before)


def _refuse_name(path: str) -> None:
    if not path.strip():
        raise ExportError("The file to write to has no name; give its path.")
    if _CONTROL.search(path):
        raise ExportError(f"The name {_shown(path)} holds control characters; choose one without.")
    try:
        os.fsencode(path)
    except UnicodeEncodeError as error:
        raise ExportError(f"The name {_shown(path)} is not valid Unicode; choose another.") from error
    if path.endswith(("/", os.sep)):
        raise ExportError(f"{_shown(path)} is a folder; name a file in it.")
    if len(os.fsencode(Path(path).name)) > _LONGEST_NAME_BYTES:
        raise ExportError(f"The name {_shown(path)} is too long; choose a shorter one.")
    if sys.platform == "win32":
        _refuse_windows_name(path)


def _refuse_windows_name(path: str) -> None:
    for part in re.split(r"[\\/]", re.sub(r"^[A-Za-z]:", "", path)):
        if _RESERVED_ON_WINDOWS.fullmatch(part) or ":" in part:
            raise ExportError(f"{_shown(path)} names a device or a stream, not a file; choose another name.")


def _refuse_existing(target: Path, found: os.stat_result | None, mode: WriteMode) -> None:
    if found is not None and mode == "create":
        raise FileExistsError(errno.EEXIST, "exists", str(target))


def _status(target: Path) -> os.stat_result | None:
    try:
        return target.lstat()
    except FileNotFoundError:
        return None


def _outside(path: str, named: Path, roots: Sequence[Path]) -> str:
    lexical = os.path.normpath(named)
    if any(Path(lexical).is_relative_to(root) for root in roots):
        return f"{_shown(path)} leads outside the workspace through a symbolic link; name a file inside it."
    return f"{_shown(path)} is outside the workspace; name a file inside it, or choose the file yourself."


def _encoded(target: Path, text: str) -> bytes:
    try:
        return text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise ExportError(
            f"{_shown(target)} was not written: the text holds a lone surrogate at character {error.start},"
            " which UTF-8 cannot express; remove it."
        ) from error


@contextlib.contextmanager
def _explained(path: str | Path) -> Iterator[None]:
    try:
        yield
    except FileExistsError as error:
        raise ExportError(
            f"{_shown(path)} exists already; overwrite it, append to it, or choose another name."
        ) from error
    except OSError as error:
        reason = _REASONS.get(error.errno or 0, f"{error.strerror or type(error).__name__}; choose another place")
        raise ExportError(f"{_shown(path)} cannot be written: {reason}.") from error


def _shown(path: str | Path) -> str:
    printable = str(path).encode("utf-8", "backslashreplace").decode("utf-8")
    printable = _CONTROL.sub(lambda match: f"\\x{ord(match[0]):02x}", printable)
    return printable if len(printable) <= _SHOWN_CHARACTERS else printable[:_SHOWN_CHARACTERS] + "..."
