from __future__ import annotations

from raw_client import EXPLICIT, RawClient, Start, at

COMPLETION = "textDocument/completion"


def test_all_that_was_offered_last_can_be_looked_at_and_exported_by_its_id(start: Start) -> None:
    client = start(script={"x = ": ["1", "2"], "y = ": ["3"]})
    client.initialize()
    assert client.command("neocaret.candidates")["result"] == {"candidates": []}
    client.open("x = \ny = ")
    client.ask(COMPLETION, at(0, 4, **EXPLICIT))
    offered = client.command("neocaret.candidates")["result"]["candidates"]
    assert [each["text"] for each in offered] == ["1", "2"]
    client.ask(COMPLETION, at(1, 4, **EXPLICIT))
    assert texts(client) == ["3"]
    argument = {"path": "second.txt", "completionId": offered[1]["id"], "outsideWorkspace": False}
    assert "no folder" in client.command("neocaret.exportCompletion", argument)["error"]["message"]


def texts(client: RawClient) -> list[str]:
    return [each["text"] for each in client.command("neocaret.candidates")["result"]["candidates"]]


def test_the_models_are_listed_while_one_is_loading(start: Start) -> None:
    client = start(load_seconds=60)
    client.initialize(wait_until_ready=False)
    models = client.command("neocaret.models")["result"]["models"]
    assert [(model["name"], model["here"]) for model in models] == [("bundled", True), ("fake/bigger", False)]
