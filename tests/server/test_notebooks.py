from __future__ import annotations

from neocaret_server.notebooks import Cell, Neighbours, Notebooks

NOTEBOOK = "file:///n.ipynb"


def notebook(*names: str) -> list[Cell]:
    """Cells of these URIs; those in capitals are prose."""
    return [Cell(name, is_code=name.islower()) for name in names]


def test_the_neighbours_of_a_cell_are_cells_of_code_in_order() -> None:
    notebooks = Notebooks()
    notebooks.open(NOTEBOOK, notebook("a", "B", "c", "d", "E", "f"))
    assert notebooks.neighbours("d") == Neighbours(("a", "c"), ("f",))
    assert notebooks.neighbours("a") == Neighbours((), ("c", "d", "f"))
    assert notebooks.neighbours("x") == Neighbours()
    assert notebooks.holding("E") == NOTEBOOK
    assert notebooks.holding("x") is None


def test_cells_come_and_go() -> None:
    notebooks = Notebooks()
    notebooks.open(NOTEBOOK, notebook("a", "b", "c"))
    notebooks.splice(NOTEBOOK, 1, 1, notebook("d", "e"))
    assert notebooks.neighbours("c").above == ("a", "d", "e")
    assert notebooks.neighbours("b") == Neighbours()
    notebooks.splice("file:///other.ipynb", 0, 0, notebook("x"))
    assert notebooks.holding("x") is None


def test_a_cell_may_become_prose() -> None:
    notebooks = Notebooks()
    notebooks.open(NOTEBOOK, notebook("a", "b", "c"))
    notebooks.update(NOTEBOOK, [Cell("b", is_code=False)])
    assert notebooks.neighbours("c").above == ("a",)


def test_a_closed_notebook_tells_its_cells_once() -> None:
    notebooks = Notebooks()
    notebooks.open(NOTEBOOK, notebook("a", "B"))
    assert notebooks.close(NOTEBOOK) == ("a", "B")
    assert notebooks.close(NOTEBOOK) == ()
    assert notebooks.neighbours("a") == Neighbours()
