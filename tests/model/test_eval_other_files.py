from __future__ import annotations

from collections.abc import Sequence

from neocaret_model.evaluation.other_files import MOST_FILES, OtherFiles, files_at_hand, no_files, related_to
from neocaret_model.evaluation.source_files import SourceFile


def sources(*paths: str, **texts: str) -> list[SourceFile]:
    return [SourceFile(path, texts.get(path.rpartition("/")[2].removesuffix(".py"), "x = 1\n")) for path in paths]


def imported(_path: str, text: str) -> list[str]:
    """The files whose paths stand in a text."""
    return text.split()


def test_imported_files_come_before_those_of_the_folder_and_none_comes_twice() -> None:
    page = "app/forms.py app/web/tables.py absent.py app/web/page.py"
    files = sources("app/web/a.py", "app/web/page.py", "app/web/tables.py", "app/forms.py", "app/other.py", page=page)
    at_hand = files_at_hand("app/web/page.py", {file.path: file for file in files}, imported)
    assert at_hand == ["app/forms.py", "app/web/tables.py", "app/web/a.py"]


def test_nobody_has_more_files_at_hand_than_so_many() -> None:
    files = sources(*(f"app/m{number}.py" for number in range(99)))
    assert len(files_at_hand("app/m0.py", {file.path: file for file in files}, imported)) == MOST_FILES


def test_the_asker_chooses_among_the_texts_of_the_files_at_hand() -> None:
    asked: list[tuple[str, Sequence[str]]] = []

    def choose(before: str, texts: Sequence[str]) -> list[str]:
        asked.append((before, texts))
        return [texts[-1][:3]]

    files = sources("app/page.py", "app/one.py", "app/two.py", one="read(path)\n", two="write(path)\n")
    related = related_to(files, OtherFiles(imported, choose))
    assert related("app/page.py", "wri") == ("wri",)
    assert asked == [("wri", ("read(path)\n", "write(path)\n"))]
    assert no_files("app/page.py", "read_table") == ()
