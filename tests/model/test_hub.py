"""Downloads from a hub on the loopback interface: whole, broken, killed and resumed, missing, and not there at all.

huggingface_hub reads its environment when it is imported, so each download is a process of its own.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from transformers import GPTNeoForCausalLM

from neocaret_model.engine.port import GenerationRequest
from neocaret_model.loading import load_engine

NAME = "someone/tiny-neo"
COMMIT = "c0ffee" * 6 + "beef"
CHUNK = 256 * 1024
BIG = os.urandom(5 * CHUNK + 17)

DOWNLOAD = """
import json, os, sys
from neocaret_model.errors import ModelError
from neocaret_model.hub import resolve
done = 0
def progress(message, now, total):
    global done
    done = now
    print(json.dumps([message, now, total]), flush=True)
def cancelled():
    return done >= int(os.environ.get("CANCEL_AT", 10**9))
try:
    print(json.dumps({"folder": str(resolve(sys.argv[1], progress, cancelled))}))
except ModelError as error:
    print(json.dumps({"error": type(error).__name__, "sentence": str(error)}))
"""


@dataclass
class Hub:
    """What the server has, how it misbehaves, and what it was asked."""

    files: dict[str, bytes] = field(default_factory=dict)
    endpoint: str = ""
    gated: bool = False
    knows_ranges: bool = True
    break_after: int | None = None
    """Close the connection after so many bytes of a weight file; once."""
    stall_after: int | None = None
    """Fall silent after so many bytes of a weight file; once."""
    asked: list[tuple[str, str, str | None]] = field(default_factory=list)
    """Method, path and Range header of each request."""
    released: threading.Event = field(default_factory=threading.Event)

    def fetched(self, name: str) -> list[str | None]:
        """The Range headers with which the content of a file was asked for."""
        return [wanted for method, path, wanted in self.asked if method == "GET" and path.endswith(f"/{name}")]


def etag(name: str, content: bytes) -> str:
    if name.endswith(".safetensors"):
        return hashlib.sha256(content).hexdigest()
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()


class Handler(BaseHTTPRequestHandler):
    """The part of the hub's protocol that a download needs; weights are on a "CDN" that the hub redirects to."""

    hub: Hub

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002, the base class calls it that
        pass

    def do_HEAD(self) -> None:
        self._answer(with_body=False)

    def do_GET(self) -> None:
        self._answer(with_body=True)

    def _answer(self, *, with_body: bool) -> None:
        path = self.path.split("?")[0]
        self.hub.asked.append((self.command, path, self.headers.get("Range")))
        if self.hub.gated:
            self._refuse(403, "GatedRepo")
        elif path == f"/api/models/{NAME}":
            self._send_listing()
        elif path.startswith(f"/{NAME}/resolve/"):
            self._send_resolved(path.rsplit("/", 1)[1], with_body=with_body)
        elif path.startswith("/cdn/"):
            self._send_file(path.removeprefix("/cdn/"), with_body=with_body)
        else:
            self._refuse(404, "RepoNotFound")

    def _refuse(self, status: int, code: str) -> None:
        self.send_response(status)
        self.send_header("X-Error-Code", code)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _send_listing(self) -> None:
        siblings = [{"rfilename": name} for name in self.hub.files]
        body = json.dumps({"id": NAME, "sha": COMMIT, "siblings": siblings}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _send_resolved(self, name: str, *, with_body: bool) -> None:
        if name not in self.hub.files:
            self._refuse(404, "EntryNotFound")
        elif name.endswith(".safetensors"):
            content = self.hub.files[name]
            self.send_response(302)
            self.send_header("Location", f"{self.hub.endpoint}/cdn/{name}")
            self.send_header("X-Repo-Commit", COMMIT)
            self.send_header("X-Linked-Etag", f'"{etag(name, content)}"')
            self.send_header("X-Linked-Size", str(len(content)))
            self.send_header("Content-Length", "0")
            self.end_headers()
        else:
            self._send_file(name, with_body=with_body)

    def _send_file(self, name: str, *, with_body: bool) -> None:
        content, start = self.hub.files[name], 0
        wanted = self.headers.get("Range")
        if wanted and self.hub.knows_ranges:
            start = int(wanted.removeprefix("bytes=").removesuffix("-"))
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        self.send_header("X-Repo-Commit", COMMIT)
        self.send_header("ETag", f'"{etag(name, content)}"')
        self.send_header("Content-Length", str(len(content) - start))
        self.end_headers()
        if with_body:
            self._send_body(name, content[start:])

    def _send_body(self, name: str, body: bytes) -> None:
        if name.endswith(".safetensors") and self.hub.break_after is not None:
            body, self.hub.break_after = body[: self.hub.break_after], None
            self.close_connection = True
        if name.endswith(".safetensors") and self.hub.stall_after is not None:
            body, self.hub.stall_after = body[: self.hub.stall_after], None
            self.wfile.write(body)
            self.wfile.flush()
            self.hub.released.wait(30)
            return
        self.wfile.write(body)


@pytest.fixture
def hub() -> Iterator[Hub]:
    state = Hub(
        files={
            "config.json": b'{"model_type": "gpt_neo"}',
            "tokenizer.json": b"{}",
            "model.safetensors": BIG,
            "pytorch_model.bin": b"a pickle",
            "modeling_evil.py": b"raise SystemExit",
            "README.md": b"prose",
        }
    )
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("BoundHandler", (Handler,), {"hub": state}))
    server.daemon_threads = True
    state.endpoint = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield state
    state.released.set()
    server.shutdown()
    thread.join()
    server.server_close()


@dataclass
class Client:
    """Downloads into one cache, a process each."""

    home: Path
    endpoint: str

    def start(self, name: str = NAME, **environment: str) -> subprocess.Popen[str]:
        kept = {key: value for key, value in os.environ.items() if not key.lower().endswith("_proxy")}
        ours = {"HF_HOME": str(self.home), "HF_ENDPOINT": self.endpoint, "PYTHONWARNINGS": "error"}
        return subprocess.Popen(
            [sys.executable, "-c", DOWNLOAD, name],
            env=kept | ours | environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, name: str = NAME, **environment: str) -> tuple[dict[str, str], list[tuple[str, int, int]]]:
        """What came of it, and the progress told on the way; nothing else may be printed."""
        out, err = self.start(name, **environment).communicate(timeout=60)
        assert err == ""
        *progress, result = (json.loads(line) for line in out.splitlines())
        return result, [tuple(step) for step in progress]

    def folder(self, **environment: str) -> Path:
        result, _ = self.run(**environment)
        assert "folder" in result, result
        return Path(result["folder"])

    @property
    def partial(self) -> Path:
        blobs = self.home / "hub" / "models--someone--tiny-neo" / "blobs"
        return blobs / f"{etag('model.safetensors', BIG)}.incomplete"


@pytest.fixture
def client(hub: Hub, tmp_path: Path) -> Client:
    return Client(tmp_path / "home", hub.endpoint)


def test_a_download_brings_what_is_needed_and_nothing_else(hub: Hub, client: Client) -> None:
    folder = client.folder()
    assert folder == client.home / "hub" / "models--someone--tiny-neo" / "snapshots" / COMMIT
    assert sorted(path.name for path in folder.iterdir()) == ["config.json", "model.safetensors", "tokenizer.json"]
    assert (folder / "model.safetensors").read_bytes() == BIG
    assert {path.rsplit("/", 1)[1] for _, path, _ in hub.asked} == {
        "tiny-neo",  # the listing
        "config.json",
        "model.safetensors",
        "tokenizer.json",
    }
    assert not client.partial.exists()


def test_what_is_here_is_taken_without_a_single_request(hub: Hub, client: Client) -> None:
    first = client.folder()
    hub.asked.clear()
    assert client.folder() == first
    assert client.folder(HF_HUB_OFFLINE="1") == first
    assert hub.asked == []


def test_progress_counts_all_the_bytes(client: Client) -> None:
    _, progress = client.run()
    sizes = [done for _, done, _ in progress]
    assert sizes == sorted(sizes)
    assert {message for message, *_ in progress} == {f"Downloading {NAME}"}
    assert progress[-1][1] == progress[-1][2] == len(BIG) + len(b'{"model_type": "gpt_neo"}') + len(b"{}")


def test_transformers_and_we_find_the_same_model(hub: Hub, client: Client, tiny_folder: Path) -> None:
    hub.files = {path.name: path.read_bytes() for path in tiny_folder.iterdir()}
    ours = load_engine(str(client.folder()), dtype="float32")
    theirs = GPTNeoForCausalLM.from_pretrained(NAME, cache_dir=client.home / "hub", local_files_only=True)
    assert sum(parameter.numel() for parameter in theirs.parameters()) == ours.info.parameters
    assert ours.generate(GenerationRequest("import", max_new_tokens=2)).continuations[0].tokens == 2


def test_shards_are_fetched_by_their_index(hub: Hub, client: Client) -> None:
    del hub.files["model.safetensors"]
    index = {"weight_map": {"a": "one.safetensors", "b": "two.safetensors", "c": "one.safetensors"}}
    hub.files |= {"model.safetensors.index.json": json.dumps(index).encode()}
    hub.files |= {"one.safetensors": b"1" * 10, "two.safetensors": b"2" * 20, "three.safetensors": b"3"}
    folder = client.folder()
    assert (folder / "two.safetensors").read_bytes() == b"2" * 20
    assert hub.fetched("one.safetensors") == [None, None]  # the hub, and where it redirects to
    assert hub.fetched("three.safetensors") == []


def test_a_model_of_another_architecture_is_fetched_and_loaded(
    hub: Hub, client: Client, other_folders: dict[str, Path]
) -> None:
    hub.files = {path.name: path.read_bytes() for path in other_folders["codegen"].iterdir()}
    engine = load_engine(str(client.folder()), dtype="float32")
    assert engine.generate(GenerationRequest("import", max_new_tokens=2)).continuations[0].tokens == 2


@pytest.mark.parametrize(
    ("config", "says"),
    [
        (b'{"model_type": "gpt_quantum"}', "knows no causal language model of this type"),
        (b'{"model_type": "gpt_neo", "quantization_config": {}}', "quantised weights"),
        (b'{"model_type": "t5", "is_encoder_decoder": true}', "an encoder with a decoder"),
    ],
)
def test_what_could_not_be_loaded_is_told_before_its_weights_are_fetched(
    hub: Hub, client: Client, config: bytes, says: str
) -> None:
    hub.files["config.json"] = config
    result, _ = client.run()
    assert result["error"] == "UnsupportedModelError"
    assert says in result["sentence"]
    assert hub.fetched("model.safetensors") == []


def test_a_broken_connection_is_taken_up_where_it_broke(hub: Hub, client: Client) -> None:
    hub.break_after = 2 * CHUNK + 5
    assert (client.folder() / "model.safetensors").read_bytes() == BIG
    assert hub.fetched("model.safetensors")[-1] == f"bytes={2 * CHUNK}-"


def test_a_killed_download_is_resumed_by_the_next_process(hub: Hub, client: Client) -> None:
    hub.stall_after = 3 * CHUNK
    victim = client.start()
    assert victim.stdout is not None
    for line in victim.stdout:
        if json.loads(line)[1] > 2 * CHUNK:
            break
    victim.kill()
    victim.communicate()
    arrived = client.partial.stat().st_size
    assert CHUNK <= arrived < len(BIG)
    hub.asked.clear()
    assert (client.folder() / "model.safetensors").read_bytes() == BIG
    assert hub.fetched("model.safetensors") == [f"bytes={arrived}-"] * 2


def test_a_cancelled_download_is_kept_for_the_next_time(hub: Hub, client: Client) -> None:
    result, _ = client.run(CANCEL_AT=str(2 * CHUNK))
    assert result["error"] == "LoadCancelledError"
    arrived = client.partial.stat().st_size
    assert 0 < arrived <= 3 * CHUNK
    client.folder()
    assert hub.fetched("model.safetensors")[-1] == f"bytes={arrived}-"


def test_who_waits_for_another_process_sees_its_progress_and_can_give_up(hub: Hub, client: Client) -> None:
    hub.stall_after = 3 * CHUNK
    first = client.start()
    assert first.stdout is not None
    for line in first.stdout:
        if json.loads(line)[1] > 2 * CHUNK:
            break
    result, progress = client.run(CANCEL_AT=str(2 * CHUNK))
    first.kill()
    first.communicate()
    assert result == {
        "error": "LoadCancelledError",
        "sentence": "The download was cancelled; another process goes on with it.",
    }
    assert 2 * CHUNK < progress[-1][1] < len(BIG)


def test_an_empty_file_is_a_file(hub: Hub, client: Client) -> None:
    hub.files["tokenizer.json"] = b""
    assert (client.folder() / "tokenizer.json").read_bytes() == b""


def test_a_server_that_ignores_ranges_sends_it_all_again(hub: Hub, client: Client) -> None:
    hub.knows_ranges = False
    hub.break_after = 2 * CHUNK
    assert (client.folder() / "model.safetensors").read_bytes() == BIG


def test_bytes_that_are_not_those_announced_never_become_a_model(client: Client) -> None:
    client.partial.parent.mkdir(parents=True)
    client.partial.write_bytes(b"x" * CHUNK)
    result, _ = client.run()
    assert result["error"] == "HubUnreachableError"
    assert "model.safetensors came damaged from" in result["sentence"]
    assert "start the download again" in result["sentence"]
    assert (client.folder() / "model.safetensors").read_bytes() == BIG


def test_a_leftover_longer_than_the_file_is_thrown_away(client: Client) -> None:
    client.partial.parent.mkdir(parents=True)
    client.partial.write_bytes(b"x" * (len(BIG) + 1))
    assert (client.folder() / "model.safetensors").read_bytes() == BIG


def test_a_name_that_the_hub_does_not_know_is_told(client: Client) -> None:
    result, _ = client.run("someone/else")
    assert result["error"] == "ModelNotFoundError"
    assert result["sentence"] == f"There is no public model 'someone/else' on {client.endpoint}: check the name."


def test_a_gated_model_is_told(hub: Hub, client: Client) -> None:
    hub.gated = True
    result, _ = client.run()
    assert result["error"] == "ModelNotFoundError"
    assert "only to those who accepted its terms" in result["sentence"]


def test_an_unreachable_hub_is_told(client: Client) -> None:
    client.endpoint = "http://127.0.0.1:9"
    result, _ = client.run()
    assert result["error"] == "HubUnreachableError"
    assert result["sentence"].startswith(f"http://127.0.0.1:9 did not deliver {NAME} (")
    assert result["sentence"].endswith("check the connection and try again; what has come is kept.")


def test_offline_is_told_by_the_name_of_its_switch(hub: Hub, client: Client) -> None:
    result, _ = client.run(HF_HUB_OFFLINE="1")
    assert result["error"] == "HubUnreachableError"
    assert "HF_HUB_OFFLINE forbids" in result["sentence"]
    assert hub.asked == []


@pytest.mark.parametrize(
    ("missing", "sentence"),
    [
        ("config.json", "has no config.json"),
        ("model.safetensors", "no weights in safetensors, and pickled ones are never"),
    ],
)
def test_a_model_that_lacks_what_is_needed_is_told_before_anything_is_fetched(
    hub: Hub, client: Client, missing: str, sentence: str
) -> None:
    del hub.files[missing]
    result, _ = client.run()
    assert result["error"] == "UnsupportedModelError"
    assert sentence in result["sentence"]
    assert hub.asked == [("GET", f"/api/models/{NAME}", None)]


def test_a_short_name_is_that_of_the_published_model(client: Client) -> None:
    result, _ = client.run("125M")
    assert "'EleutherAI/gpt-neo-125m'" in result["sentence"]


def test_a_cache_that_cannot_be_written_is_told(client: Client) -> None:
    client.home.write_text("a file where the folder should be")
    result, _ = client.run()
    assert result["error"] == "ModelError"
    assert "cannot be stored in" in result["sentence"]
