from __future__ import annotations

from dataclasses import replace

import pytest

from neocaret_server.last_edit import EditKind
from neocaret_server.reasons import Reason
from neocaret_server.settings import Settings
from neocaret_server.trigger import Channel, Question, is_excluded, language_on, silence

TYPED = Question("file:///w/x.py", "python", "popup", automatic=True, document_blank=False, line_after="")
DEFAULTS = Settings()


def test_typing_in_an_ordinary_file_is_no_silence() -> None:
    assert silence(TYPED, DEFAULTS, "ready") is None


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        (Settings(automatic=False), "automatic-off"),
        (Settings(languages={"python": False}), "language-off"),
        (Settings(languages={"*": False}), "language-off"),
        (Settings(popup=False), "popup-off"),
        (Settings(exclude=("*.py",)), "excluded-file"),
        (Settings(inline=False), None),
        (Settings(languages={"*": False, "python": True}), None),
    ],
)
def test_settings_silence_what_typing_asks(settings: Settings, reason: Reason | None) -> None:
    assert silence(TYPED, settings, "ready") == reason


def test_inline_has_its_own_switch() -> None:
    assert silence(replace(TYPED, channel="inline"), Settings(inline=False), "ready") == "inline-off"


@pytest.mark.parametrize(
    ("state", "reason"),
    [
        ("starting", "model-loading"),
        ("loading", "model-loading"),
        ("failed", "model-failed"),
        ("paused", "model-paused"),
    ],
)
@pytest.mark.parametrize("automatic", [True, False])
def test_no_model_silences_everything(state: str, reason: Reason, automatic: bool) -> None:
    assert silence(replace(TYPED, automatic=automatic), DEFAULTS, state) == reason


@pytest.mark.parametrize(
    ("after", "reason"),
    [
        ("", None),
        ("  ", None),
        (")", None),
        ("]):", None),
        ("\t}", None),
        ("foo", "middle-of-line"),
        (") + 1", "middle-of-line"),
    ],
)
def test_the_rest_of_the_line_may_only_close(after: str, reason: Reason | None) -> None:
    assert silence(replace(TYPED, line_after=after), DEFAULTS, "ready") == reason


def test_an_empty_document_is_left_alone() -> None:
    assert silence(replace(TYPED, document_blank=True), DEFAULTS, "ready") == "empty-document"


@pytest.mark.parametrize(
    ("last_edit", "reason"),
    [("deletion", "after-deletion"), ("paste", "after-paste"), ("typing", None), (None, None)],
)
def test_who_deletes_or_pastes_is_left_alone(last_edit: EditKind | None, reason: Reason | None) -> None:
    assert silence(replace(TYPED, last_edit=last_edit), DEFAULTS, "ready") == reason


@pytest.mark.parametrize(
    ("settings", "reason"), [(DEFAULTS, "untitled"), (Settings(untitled=True), None)], ids=["default", "allowed"]
)
def test_a_document_without_a_name_is_left_alone_unless_it_shall_not_be(
    settings: Settings, reason: Reason | None
) -> None:
    assert silence(replace(TYPED, uri="untitled:Untitled-1"), settings, "ready") == reason


@pytest.mark.parametrize(
    ("largest", "characters", "reason"),
    [(2000, 2_000_000, None), (2000, 2_000_001, "huge-file"), (0, 10**9, None), (1, 1001, "huge-file")],
)
def test_a_huge_file_is_left_alone_unless_it_shall_not_be(largest: int, characters: int, reason: Reason | None) -> None:
    assert silence(replace(TYPED, characters=characters), Settings(largest_file=largest), "ready") == reason


@pytest.mark.parametrize("channel", ["popup", "inline"])
def test_who_asks_is_answered_anywhere(channel: Channel) -> None:
    asked = Question(
        "untitled:x",
        "python",
        channel,
        False,
        document_blank=True,
        line_after="foo",
        characters=10**9,
        last_edit="paste",
    )
    settings = Settings(automatic=False, languages={"python": False})
    assert silence(asked, settings, "ready") is None


def test_who_asks_in_a_secret_file_is_not_answered() -> None:
    asked = replace(TYPED, uri="file:///w/.env", automatic=False)
    assert silence(asked, DEFAULTS, "ready") == "excluded-file"


@pytest.mark.parametrize(
    "uri",
    [
        "file:///w/.env",
        "file:///w/.env.local",
        "file:///w/%2Eenv",
        "file:///w/.ENV",
        "file:///home/me/.ssh/config",
        "file:///home/me/.aws/deep/er/credentials",
        "file:///c%3A/Users/me/.ssh/id_rsa",
        "file:///w/server.pem",
        "file:///w/id_rsa.pub",
        "untitled:.env",
        "vscode-remote://ssh-remote+host/w/.env",
    ],
)
def test_secret_files(uri: str) -> None:
    assert is_excluded(uri, ())


@pytest.mark.parametrize(
    "uri", ["file:///w/environment.py", "file:///w/ssh/config", "file:///w/x.py", "untitled:Untitled-1", "", "x"]
)
def test_ordinary_files(uri: str) -> None:
    assert not is_excluded(uri, ())


@pytest.mark.parametrize(
    ("pattern", "uri", "excluded"),
    [
        ("*.md", "file:///w/a.md", True),
        ("*.md", "file:///w/a.md/b.py", False),
        ("vendor/", "file:///w/vendor/deep/b.py", True),
        ("vendor/", "file:///w/vendor", False),
        ("lib/vendor/", "file:///w/lib/vendor/b.py", True),
        ("docs/*.py", "file:///w/docs/b.py", True),
        ("docs/*.py", "file:///w/other/b.py", False),
        ("vendor/**", "file:///w/vendor/deep/b.py", True),
        ("vendor/**", "file:///w/vendor", False),
        ("**/vendor/**", "file:///w/vendor/b.py", True),
        ("**/*.md", "file:///w/deep/a.md", True),
        ("lib/**/b.py", "file:///w/lib/deep/er/b.py", True),
        ("lib/**/b.py", "file:///w/lib/b.py", True),
        ("lib/**/b.py", "file:///w/other/b.py", False),
        ("lib/**/gen/", "file:///w/lib/deep/gen/b.py", True),
        ("**/" * 40 + "a", "file:///" + "a/" * 40 + "b", False),
        ("!.env.example", "file:///w/.env.example", False),
        ("!.env.example", "file:///w/.env", True),
    ],
)
def test_patterns(pattern: str, uri: str, excluded: bool) -> None:
    assert is_excluded(uri, (pattern,)) == excluded


def test_the_last_pattern_decides() -> None:
    assert not is_excluded("file:///a.md", ("*.md", "!a.md"))
    assert is_excluded("file:///a.md", ("!a.md", "*.md"))


def test_a_language_without_a_switch_is_on() -> None:
    assert language_on({}, "python")
    assert language_on({"rust": False}, "python")
