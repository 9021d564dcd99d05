from __future__ import annotations

import errno
import os
import signal
import socket
import stat
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from neocaret_server import export
from neocaret_server.export import ExportError, check_target, path_from_uri, resolve_target, write_text

unix_only = pytest.mark.skipif(sys.platform == "win32", reason="symbolic links, pipes and modes of Unix")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path.resolve() / "workspace"
    folder.mkdir()
    return folder


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    folder = tmp_path.resolve() / "outside"
    folder.mkdir()
    return folder


def names(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir())


# Where to write


def test_relative_path_is_relative_to_the_first_root(root: Path, outside: Path) -> None:
    assert resolve_target("out.txt", [root, outside], outside_allowed=False) == root / "out.txt"


def test_absolute_path_in_any_root_is_taken(root: Path, outside: Path) -> None:
    assert resolve_target(str(outside / "a.py"), [root, outside], outside_allowed=False) == outside / "a.py"


def test_dots_that_stay_inside_are_resolved(root: Path) -> None:
    (root / "a").mkdir()
    assert resolve_target("a/../b.txt", [root], outside_allowed=False) == root / "b.txt"


def test_path_outside_is_taken_where_the_user_chose_it(root: Path, outside: Path) -> None:
    assert resolve_target("../outside/b.txt", [root], outside_allowed=True) == outside / "b.txt"


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("", "no name"),
        ("  ", "no name"),
        (".", "folder"),
        ("..", "outside the workspace"),
        ("../outside/x", "outside the workspace"),
        ("../workspace-2/x", "outside the workspace"),
        ("/etc/passwd", "outside the workspace"),
        ("a/../../outside/x", "outside the workspace"),
        ("here/", "folder"),
        ("nul\0.txt", "control characters"),
        ("two\nlines", "control characters"),
        ("bell\x07", "control characters"),
        ("\ud800.txt", "not valid Unicode"),
        ("x" * 256, "too long"),
        ("é" * 128, "too long"),
        ("d/" * 3000 + "x", "cannot be written"),
        ("missing/x.txt", "create the folder first"),
        ("file/x.txt", "not a folder"),
    ],
)
def test_refused_paths_are_named_with_the_reason(root: Path, path: str, says: str) -> None:
    (root / "file").write_text("")
    with pytest.raises(ExportError, match=says):
        resolve_target(path, [root], outside_allowed=False)


def test_relative_path_without_a_folder_is_refused() -> None:
    with pytest.raises(ExportError, match="give an absolute path"):
        resolve_target("x.txt", [], outside_allowed=False)


def test_without_a_folder_everything_is_outside(tmp_path: Path) -> None:
    with pytest.raises(ExportError, match="outside the workspace"):
        resolve_target(str(tmp_path / "x.txt"), [], outside_allowed=False)


@unix_only
def test_link_that_leads_outside_is_refused(root: Path, outside: Path) -> None:
    (outside / "secret").write_text("kept")
    (root / "file").symlink_to(outside / "secret")
    (root / "folder").symlink_to(outside)
    for path in ("file", "folder/new", "folder/secret"):
        with pytest.raises(ExportError, match="symbolic link"):
            resolve_target(path, [root], outside_allowed=False)


@unix_only
def test_link_within_the_roots_is_followed_and_stays_a_link(root: Path) -> None:
    (root / "real").write_text("old")
    (root / "link").symlink_to("real")
    target = resolve_target("link", [root], outside_allowed=False)
    write_text(target, "new", "overwrite")
    assert (root / "link").is_symlink()
    assert (root / "real").read_text() == "new"


@unix_only
@pytest.mark.parametrize("outside_allowed", [False, True])
def test_link_that_leads_nowhere_or_round_is_refused(root: Path, *, outside_allowed: bool) -> None:
    (root / "nowhere").symlink_to("missing")
    (root / "round").symlink_to("round")
    with pytest.raises(ExportError, match="leads nowhere"):
        resolve_target("nowhere", [root], outside_allowed=outside_allowed)
    with pytest.raises(ExportError, match=r"round.*circle"):
        resolve_target("round", [root], outside_allowed=outside_allowed)


@unix_only
def test_roots_may_be_links_themselves(root: Path, outside: Path) -> None:
    (outside / "alias").symlink_to(root)
    assert resolve_target("x", [outside / "alias"], outside_allowed=False) == root / "x"


@unix_only
def test_devices_pipes_and_sockets_are_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(os.path.relpath(tmp_path / "socket"))
        for path in (str(tmp_path / "pipe"), str(tmp_path / "socket"), "/dev/null"):
            with pytest.raises(ExportError, match="device, a pipe or a socket"):
                resolve_target(path, [tmp_path], outside_allowed=True)


@pytest.mark.parametrize("name", ["con", "NUL.txt", "com1", "a/lpt9.log", "file.txt:stream", r"C:\x\aux"])
def test_device_names_of_windows_are_refused(name: str) -> None:
    with pytest.raises(ExportError, match="device or a stream"):
        export._refuse_windows_name(name)


@pytest.mark.parametrize("name", ["console.txt", r"C:\x\file.py", "c:/com10", "auxiliary"])
def test_ordinary_names_pass_on_windows(name: str) -> None:
    export._refuse_windows_name(name)


# URIs


@pytest.mark.parametrize(
    ("uri", "path"),
    [
        ("file:///home/a/b.py", "/home/a/b.py"),
        ("FILE:///x", "/x"),
        ("file:/x", "/x"),
        ("file://localhost/x", "/x"),
        ("file:///a%20b%23%3F%25.txt", "/a b#?%.txt"),
        ("file:///%C3%A9%F0%9F%90%8D", "/é🐍"),
        ("file:///a/%2E%2E/b", "/a/../b"),
        ("file:///c%3A/x", "/c:/x"),
    ],
)
def test_file_uris_become_paths(uri: str, path: str) -> None:
    assert path_from_uri(uri, windows=False) == path


@pytest.mark.parametrize("uri", ["file:///c:/a/b.py", "file:///c%3A/a/b.py", "file:///c%3a/a/b.py"])
def test_drive_uris_become_paths_of_windows(uri: str) -> None:
    assert path_from_uri(uri, windows=True) == "c:/a/b.py"


@pytest.mark.parametrize(
    ("uri", "says"),
    [
        ("", "not a file: URI"),
        ("out.txt", "not a file: URI"),
        ("untitled:Untitled-1", "not a file: URI"),
        ("https://example.com/x", "not a file: URI"),
        ("C:/x", "not a file: URI"),
        ("file://server/share/x", "another machine"),
        ("file:x", "not an absolute"),
        ("file://", "not an absolute"),
        ("file:///a#b", "%23"),
        ("file:///a?b", "%3F"),
        ("file:///%FF", "UTF-8"),
        ("file://[::1/x", "not a valid URI"),
        ("file:///a\nb", "control characters"),
    ],
)
def test_refused_uris_are_named_with_the_reason(uri: str, says: str) -> None:
    with pytest.raises(ExportError, match=says):
        path_from_uri(uri)


# Writing


TEXTS = st.text(st.characters(codec="utf-8"), max_size=300) | st.text("a\r\n\t\0é🐍", max_size=50)
reused_folder = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)


@reused_folder
@given(old=TEXTS, new=TEXTS)
def test_any_text_comes_back_byte_for_byte(root: Path, old: str, new: str) -> None:
    target = root / "text"
    target.unlink(missing_ok=True)
    assert write_text(target, old) == len(old.encode())
    assert target.read_bytes() == old.encode()
    assert write_text(target, new, "append") == len(new.encode())
    assert target.read_bytes() == (old + new).encode()
    write_text(target, new, "overwrite")
    assert target.read_bytes() == new.encode()
    assert names(root) == ["text"]


def test_existing_file_is_not_replaced_unasked(root: Path) -> None:
    (root / "x").write_text("old")
    with pytest.raises(ExportError, match="exists already"):
        write_text(root / "x", "new")
    assert (root / "x").read_text() == "old"


@pytest.mark.parametrize("mode", ["overwrite", "append"])
def test_missing_file_is_created_in_every_mode(root: Path, mode: export.WriteMode) -> None:
    write_text(root / "x", "new", mode)
    assert (root / "x").read_text() == "new"


def test_lone_surrogate_is_refused_before_anything_is_touched(root: Path) -> None:
    (root / "x").write_text("old")
    with pytest.raises(ExportError, match="lone surrogate at character 2"):
        write_text(root / "x", "ab\udc80", "overwrite")
    assert (root / "x").read_text() == "old"
    assert names(root) == ["x"]


@unix_only
@pytest.mark.parametrize("mode", ["overwrite", "append"])
def test_permissions_of_an_existing_file_are_kept(root: Path, mode: export.WriteMode) -> None:
    (root / "x").write_text("old")
    (root / "x").chmod(0o750)
    write_text(root / "x", "new", mode)
    assert stat.S_IMODE((root / "x").stat().st_mode) == 0o750


@unix_only
def test_new_file_obeys_the_umask(root: Path) -> None:
    before = os.umask(0o027)
    try:
        write_text(root / "x", "new")
    finally:
        os.umask(before)
    assert stat.S_IMODE((root / "x").stat().st_mode) == 0o640


def failing(code: int) -> Any:
    def fail(*_: object, **__: object) -> None:
        raise OSError(code, os.strerror(code))

    return fail


@pytest.mark.parametrize(
    ("code", "says"),
    [
        (errno.ENOSPC, "disk is full"),
        (errno.EROFS, "read-only"),
        (errno.EACCES, "permission denied"),
        (errno.EDQUOT, "quota"),
        (errno.EIO, "choose another place"),
    ],
)
@pytest.mark.parametrize("mode", ["create", "overwrite", "append"])
def test_failure_is_explained_and_leaves_all_as_it_was(
    root: Path, monkeypatch: pytest.MonkeyPatch, code: int, says: str, mode: export.WriteMode
) -> None:
    if mode != "create":
        (root / "x").write_text("old")
    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", failing(code))
        with pytest.raises(ExportError, match=says) as caught:
            write_text(root / "x", "new", mode)
    assert str(root / "x") in str(caught.value)
    assert names(root) == ([] if mode == "create" else ["x"])
    assert mode == "create" or (root / "x").read_text() == "old"


def test_interrupt_leaves_no_temporary_file(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(_: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write_text(root / "x", "new")
    assert names(root) == []


def test_without_hard_links_the_file_is_still_created_once(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "link", failing(errno.EPERM))
    write_text(root / "x", "new")
    assert (root / "x").read_text() == "new"
    assert names(root) == ["x"]


def test_without_hard_links_a_failed_rename_takes_its_claim_back(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "link", failing(errno.EPERM))
    monkeypatch.setattr(os, "replace", failing(errno.EIO))
    with pytest.raises(ExportError):
        write_text(root / "x", "new")
    assert names(root) == []


@pytest.mark.parametrize("links", [True, False])
def test_file_that_appears_meanwhile_is_not_replaced(
    root: Path, monkeypatch: pytest.MonkeyPatch, *, links: bool
) -> None:
    def appear(_: int) -> None:
        (root / "x").write_text("theirs")

    monkeypatch.setattr(os, "fsync", appear)
    if not links:
        monkeypatch.setattr(os, "link", failing(errno.EPERM))
    with pytest.raises(ExportError, match="exists already"):
        write_text(root / "x", "mine")
    assert (root / "x").read_text() == "theirs"
    assert names(root) == ["x"]


@pytest.mark.parametrize("exists", [True, False])
def test_concurrent_appends_are_all_kept(root: Path, *, exists: bool) -> None:
    if exists:
        (root / "x").write_text("")
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda each: write_text(root / "x", f"{each}\n", "append"), range(16)))
    assert sorted(map(int, (root / "x").read_text().split())) == list(range(16))
    assert names(root) == ["x"]


@pytest.mark.parametrize("exists", [True, False])
@pytest.mark.parametrize("links", [True, False])
def test_append_is_added_to_what_another_process_wrote_meanwhile(
    root: Path, monkeypatch: pytest.MonkeyPatch, *, exists: bool, links: bool
) -> None:
    if exists:
        (root / "x").write_text("old ")
    others = ["theirs "]

    def another_writes(_: int) -> None:
        if others:
            with (root / "x").open("a") as file:
                file.write(others.pop())

    monkeypatch.setattr(os, "fsync", another_writes)
    if not links:
        monkeypatch.setattr(os, "link", failing(errno.EPERM))
    write_text(root / "x", "mine", "append")
    assert (root / "x").read_text() == ("old theirs mine" if exists else "theirs mine")
    assert names(root) == ["x"]


def test_append_to_a_file_that_never_rests_is_given_up(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def another_writes(_: int) -> None:
        with (root / "x").open("a") as file:
            file.write("t")

    (root / "x").write_text("t")
    monkeypatch.setattr(os, "fsync", another_writes)
    with pytest.raises(ExportError, match="others keep changing it"):
        write_text(root / "x", "mine", "append")
    assert set((root / "x").read_text()) == {"t"}
    assert names(root) == ["x"]


@unix_only
@pytest.mark.parametrize("mode", ["create", "overwrite", "append"])
def test_link_put_in_the_files_place_after_the_check_is_not_followed(
    root: Path, outside: Path, mode: export.WriteMode
) -> None:
    (outside / "secret").write_text("kept")
    target = resolve_target("x", [root], outside_allowed=False)
    target.symlink_to(outside / "secret")
    with pytest.raises(ExportError):
        write_text(target, "new", mode)
    assert (outside / "secret").read_text() == "kept"
    assert names(root) == ["x"]


@unix_only
@pytest.mark.parametrize("depth", [1, 2])
def test_link_put_in_a_folders_place_after_the_check_is_not_followed(root: Path, outside: Path, depth: int) -> None:
    (root / "a" / "b").mkdir(parents=True)
    (outside / "b").mkdir()
    target = resolve_target("a/b/x", [root], outside_allowed=False)
    swapped = root / "a" if depth == 1 else root / "a" / "b"
    swapped.rename(root / "moved")
    swapped.symlink_to(outside if depth == 1 else outside / "b")
    with pytest.raises(ExportError):
        write_text(target, "new")
    assert names(outside / "b") == []


@unix_only
def test_folder_swapped_during_the_write_is_not_followed(
    root: Path, outside: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (root / "a").mkdir()
    target = resolve_target("a/x", [root], outside_allowed=False)

    def swap(_: int) -> None:
        (root / "a").rename(root / "moved")
        (root / "a").symlink_to(outside)

    monkeypatch.setattr(os, "fsync", swap)
    write_text(target, "new")
    assert names(outside) == []
    assert (root / "moved" / "x").read_text() == "new"


@unix_only
def test_no_handle_is_left_open(root: Path) -> None:
    fds = Path("/proc/self/fd")
    if not fds.exists():
        pytest.skip("the platform does not list the handles of a process")
    before = len(names(fds))
    write_text(root / "x", "new")
    write_text(root / "x", "new", "append")
    with pytest.raises(ExportError):
        write_text(root / "x", "new")
    with pytest.raises(ExportError):
        write_text(root / "missing" / "x", "new")
    assert len(names(fds)) == before


def test_check_tells_what_the_write_would_refuse(root: Path) -> None:
    (root / "x").write_text("old")
    check_target(root / "new", "create")
    check_target(root / "x", "append")
    with pytest.raises(ExportError, match="exists already"):
        check_target(root / "x", "create")


def test_unwritable_file_is_refused_early_and_late(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (root / "x").write_text("old")
    monkeypatch.setattr(os, "access", lambda *_, **__: False)
    with pytest.raises(ExportError, match="permission denied"):
        check_target(root / "x", "overwrite")
    with pytest.raises(ExportError, match="permission denied"):
        write_text(root / "x", "new", "overwrite")


WRITER = """
import sys
from pathlib import Path
from neocaret_server.export import write_text
target = Path(sys.argv[1])
print("ready", flush=True)
turn = 0
while True:
    turn += 1
    write_text(target, "ab"[turn % 2] * 300_000, "overwrite")
"""


@unix_only
def test_killed_writer_leaves_the_old_file_or_the_new_one_whole(root: Path) -> None:
    target = root / "x"
    target.write_text("a" * 300_000)
    for turn in range(8):
        with subprocess.Popen([sys.executable, "-c", WRITER, str(target)], stdout=subprocess.PIPE) as writer:
            assert writer.stdout is not None
            assert writer.stdout.readline() == b"ready\n"
            time.sleep(0.003 * turn)
            writer.send_signal(signal.SIGKILL)
        assert target.read_bytes() in {b"a" * 300_000, b"b" * 300_000}
