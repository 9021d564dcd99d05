"""Files written whole or not at all, in a folder that is held open while it is done.

Knows the operating system, and neither users nor workspaces: what goes wrong is an `OSError`.
"""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import stat
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path


class FileChangedError(OSError):
    """The file is not what it was when it was looked at; nothing was written."""

    def __init__(self) -> None:
        super().__init__(errno.EBUSY, "changed meanwhile")


def require_file(found: os.stat_result | None) -> None:
    """Refuse what a text cannot be written to.

    Raises:
        OSError: EISDIR for a folder, ELOOP for a symbolic link, ENXIO for a device, a pipe or a socket.
    """
    if found is None or stat.S_ISREG(found.st_mode):
        return
    if stat.S_ISDIR(found.st_mode):
        raise IsADirectoryError(errno.EISDIR, "a folder")
    if stat.S_ISLNK(found.st_mode):
        raise OSError(errno.ELOOP, "a symbolic link")
    raise OSError(errno.ENXIO, "not a file")


@dataclass(frozen=True, slots=True)
class HeldFolder:
    """A folder held open, so that its files stay its files when its path is swapped."""

    path: Path
    handle: int | None
    """None where the platform cannot address files through a folder; then the path is used."""

    def status(self, name: str) -> os.stat_result | None:
        """Look at what has this name, a symbolic link itself; None where nothing has."""
        try:
            return os.stat(self._at(name), dir_fd=self.handle, follow_symlinks=False)
        except FileNotFoundError:
            return None

    def read(self, name: str) -> bytes:
        """Read a whole ordinary file; `require_file` says what is none."""
        # A pipe put in the file's place meanwhile must not be waited for.
        handle = self._open(name, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
        with os.fdopen(handle, "rb") as file:
            require_file(os.fstat(handle))
            return file.read()

    def create(self, name: str, data: bytes) -> None:
        """Make a whole new file; FileExistsError where one has the name, even one that appeared meanwhile."""
        with self._temporary(data, None) as temporary:
            try:
                os.link(self._at(temporary), self._at(name), src_dir_fd=self.handle, dst_dir_fd=self.handle)
            except FileExistsError:
                raise
            except (OSError, AttributeError):
                self._claim_and_replace(temporary, name)

    def replace(self, name: str, data: bytes, before: os.stat_result, *, unless_changed: bool = False) -> None:
        """Put a whole new file in an old one's place, with the permissions that `before` tells.

        Raises:
            OSError: FileChangedError where it is another file by now, if that was asked.
        """
        if not os.access(self._at(name), os.W_OK, dir_fd=self.handle):
            raise PermissionError(errno.EACCES, "not writable")
        with self._temporary(data, before) as temporary:
            if unless_changed and not _same(before, self.status(name)):
                raise FileChangedError
            self._rename(temporary, name)

    def _claim_and_replace(self, temporary: str, name: str) -> None:
        """Where there are no hard links: an empty file claims the name, which no existing file survives."""
        os.close(self._open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666))
        try:
            self._rename(temporary, name)
        except BaseException:
            self._remove(name)
            raise

    @contextlib.contextmanager
    def _temporary(self, data: bytes, before: os.stat_result | None) -> Iterator[str]:
        name = f".neocaret-{secrets.token_hex(8)}.tmp"
        # Never readable by more than the file that it becomes.
        handle = self._open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600 if before else 0o666)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
                file.flush()
                if before:
                    _keep_permissions(file.fileno(), before)
                os.fsync(file.fileno())
            yield name
        finally:
            with contextlib.suppress(FileNotFoundError):
                self._remove(name)

    def _open(self, name: str, flags: int, mode: int = 0o666) -> int:
        flags |= getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
        return os.open(self._at(name), flags, mode, dir_fd=self.handle)

    def _rename(self, old: str, new: str) -> None:
        os.replace(self._at(old), self._at(new), src_dir_fd=self.handle, dst_dir_fd=self.handle)

    def _remove(self, name: str) -> None:
        os.unlink(self._at(name), dir_fd=self.handle)

    def _at(self, name: str) -> str:
        return name if self.handle is not None else str(self.path / name)


@contextlib.contextmanager
def opened_folder(path: Path) -> Iterator[HeldFolder]:
    """Hold a folder open; OSError (ELOOP, ENOTDIR) where a symbolic link stands on its path."""
    if sys.platform == "win32":
        yield HeldFolder(path, None)
        return
    handle = _walk(path)
    try:
        yield HeldFolder(path, handle)
    finally:
        os.close(handle)


def _walk(path: Path) -> int:
    # O_PATH asks for no read permission on the folders above; only Linux has it.
    flags = os.O_DIRECTORY | os.O_NOFOLLOW | getattr(os, "O_PATH", os.O_RDONLY)
    handle = os.open(path.anchor, flags)
    for part in path.parts[1:]:
        try:
            below = os.open(part, flags, dir_fd=handle)
        finally:
            os.close(handle)
        handle = below
    return handle


def _same(before: os.stat_result, now: os.stat_result | None) -> bool:
    return now is not None and (before.st_ino, before.st_size, before.st_mtime_ns) == (
        now.st_ino,
        now.st_size,
        now.st_mtime_ns,
    )


def _keep_permissions(handle: int, before: os.stat_result) -> None:
    if sys.platform == "win32":
        return
    mine = os.fstat(handle)
    if (mine.st_uid, mine.st_gid) != (before.st_uid, before.st_gid):
        with contextlib.suppress(OSError):
            os.fchown(handle, before.st_uid, before.st_gid)
    os.fchmod(handle, stat.S_IMODE(before.st_mode))
