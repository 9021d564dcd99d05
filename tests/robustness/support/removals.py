"""Protections taken out one by one, each with the test that then fails: the proof that the tests can."""

from __future__ import annotations

from dataclasses import dataclass

SERVER, MODEL, TESTS = "server/neocaret_server", "model/neocaret_model", "tests/robustness"


@dataclass(frozen=True, slots=True)
class Removal:
    """A piece of a file, what stands there without the protection, and the test that is red then."""

    row: str
    """The row of the README's table, by its first words."""
    what: str
    file: str
    old: str
    """Occurs once in the file."""
    new: str
    test: str


SOAK, LOAD, BAD, FILES = "Soak", "Load", "Bad input", "Safety of files"
ENGINE, FOLDERS, HUB = "Faults: an engine", "Faults: weights", "Faults: a hub"
SECRETS, SOCKETS = "Privacy: secrets", "Privacy: no connection"
HOSTILE, SUPPLY = "Hostile workspace", "Supply"

_SOAK = f"{TESTS}/test_soak.py"
_WIRE = "tests/e2e/test_wire.py"
_LARGE = f"{TESTS}/test_load.py"
_FAULTS = f"{TESTS}/test_faults.py"
_BROKEN = f"{TESTS}/test_broken_models.py"
_HUB = f"{TESTS}/test_hub_faults.py"
_DOWNLOAD = "tests/model/test_hub.py"
_MESSAGES = "tests/e2e/test_message_suite.py"
_INPUT = "tests/e2e/test_bad_input.py"
_FILES = f"{TESTS}/test_safety_of_files.py"
_EXPORT = "tests/server/test_export.py"
_PRIVACY = f"{TESTS}/test_privacy.py"
_HOSTILE = f"{TESTS}/test_hostile_workspace.py"
_SUPPLY = f"{TESTS}/test_supply.py"

REMOVALS = (
    Removal(
        SOAK,
        "closed documents are forgotten",
        f"{SERVER}/server.py",
        "self.documents.close(uri)",
        "pass",
        f"{_SOAK}::test_a_day_of_typing_leaves_nothing_behind",
    ),
    Removal(
        SOAK,
        "requests that were answered are forgotten",
        f"{SERVER}/model_thread.py",
        "self._running.discard(cancel)",
        "pass",
        f"{_SOAK}::test_a_day_of_typing_leaves_nothing_behind",
    ),
    Removal(
        SOAK,
        "whoever is superseded is answered",
        f"{SERVER}/requests.py",
        'del each.waiters[waiting]\n                    waiter.settle("superseded")',
        "del each.waiters[waiting]",
        f"{_SOAK}::test_a_day_of_typing_leaves_nothing_behind",
    ),
    Removal(
        SOAK,
        "nothing is left of the tokenizer of a model that is gone",
        f"{MODEL}/tokenizer.py",
        "tokenizer.model._resize_cache(0)",
        "pass",
        "tests/model/test_text_tokenizer.py::test_nothing_is_left_of_a_tokenizer_that_is_gone",
    ),
    Removal(
        LOAD,
        "a thread of its own writes to the client",
        f"{SERVER}/writer.py",
        "self._queue.put(data)",
        "write_all(self._stream, data)",
        f"{_WIRE}::test_the_process_ends_though_nobody_reads",
    ),
    Removal(
        LOAD,
        "what a client leaves unread is bounded",
        f"{SERVER}/writer.py",
        "too_much = self._unread > self._most",
        "too_much = False",
        f"{_WIRE}::test_a_client_that_asks_on_and_on_and_never_reads_is_given_up",
    ),
    Removal(
        LOAD,
        "an edit does not build the document anew",
        f"{SERVER}/documents.py",
        "return ropes.replaced(rope, start, end, edit.text, encoding)",
        'whole = "".join(ropes.leaves(rope))\n'
        "    for _ in range(20):\n"
        "        anew = ropes.rope_of(whole[:start] + edit.text + whole[end:], encoding)\n"
        "    return anew",
        f"{_LARGE}::test_a_large_document_is_typed_into_and_completed",
    ),
    Removal(
        LOAD,
        "whoever is superseded is answered, a thousand times during one generation",
        f"{SERVER}/requests.py",
        'del each.waiters[waiting]\n                    waiter.settle("superseded")',
        "del each.waiters[waiting]",
        f"{_LARGE}::test_a_document_may_change_a_thousand_times_during_one_generation",
    ),
    Removal(
        ENGINE,
        "whoever waits is told where a step raises",
        f"{SERVER}/model_thread.py",
        "for job, _ in going:\n                job.settle(None, error)\n            return []",
        "return []",
        f"{_FAULTS}::test_an_engine_that_raises_answers_every_question_with_nothing[advance]",
    ),
    Removal(
        ENGINE,
        "the thread of the model survives a beginning that raises",
        f"{SERVER}/model_thread.py",
        "return [(job, job.work())]\n        except BaseException as error:",
        "return [(job, job.work())]\n        except KeyError as error:",
        f"{_FAULTS}::test_an_engine_that_raises_answers_every_question_with_nothing[begin]",
    ),
    Removal(
        ENGINE,
        "what is no Exception does not end the thread of the model",
        f"{SERVER}/model_thread.py",
        "self._backend.advance([work for _, work in going])\n        except BaseException as error:",
        "self._backend.advance([work for _, work in going])\n        except Exception as error:",
        f"{_FAULTS}::test_an_engine_that_raises_answers_every_question_with_nothing[panic at advance]",
    ),
    Removal(
        ENGINE,
        "an automatic question has a deadline",
        f"{SERVER}/requests.py",
        "due = None if math.isinf(patience.seconds) else",
        "due = None if math.isfinite(patience.seconds) else",
        f"{_FAULTS}::test_an_engine_that_hangs_holds_up_nothing_but_the_model",
    ),
    Removal(
        ENGINE,
        "half of the candidates are tried",
        f"{SERVER}/less_memory.py",
        "if request.candidates > 1:",
        "if request.candidates > 100:",
        f"{_FAULTS}::test_memory_for_fewer_rows_gives_fewer_candidates",
    ),
    Removal(
        ENGINE,
        "half of the context is tried",
        f"{SERVER}/less_memory.py",
        "if length < LEAST_CHARACTERS:",
        "if length >= 0:",
        f"{_FAULTS}::test_memory_for_fewer_tokens_gives_a_shorter_context",
    ),
    Removal(
        FOLDERS,
        "weights are copied out of their file",
        f"{MODEL}/quantisation.py",
        "dtype=dtype, copy=True)",
        "dtype=dtype)",
        f"{_BROKEN}::test_weights_replaced_while_they_are_used_change_nothing[float16]",
    ),
    Removal(
        FOLDERS,
        "a damaged file of weights is told",
        f"{MODEL}/weights.py",
        "except (SafetensorError, OSError) as error:",
        "except FileExistsError as error:",
        f"{_BROKEN}::test_a_broken_model_costs_a_sentence",
    ),
    Removal(
        FOLDERS,
        "shapes are compared with the configuration",
        f"{MODEL}/weights.py",
        "if found != shape:",
        "if len(found) > 9:",
        f"{_BROKEN}::test_a_broken_model_costs_a_sentence",
    ),
    Removal(
        FOLDERS,
        "a configuration's numbers are whole and in bounds",
        f"{MODEL}/config.py",
        "if type(value) is not int or not smallest <= value <= _LARGEST[key]:",
        "if key not in _LARGEST:",
        f"{_BROKEN}::test_a_broken_model_costs_a_sentence",
    ),
    Removal(
        FOLDERS,
        "an endless list of layers is cut",
        f"{MODEL}/config.py",
        "* min(repeats, count + 1)",
        "* min(repeats, 200_000_000)",
        _BROKEN,
    ),
    Removal(
        FOLDERS,
        "JSON of any depth is told",
        f"{MODEL}/config.py",
        "except (OSError, ValueError, RecursionError) as error:",
        "except (OSError, ValueError) as error:",
        f"{_BROKEN}::test_a_broken_model_costs_a_sentence[config deep]",
    ),
    Removal(
        FOLDERS,
        "the tokenizer belongs to the model",
        f"{MODEL}/loading.py",
        "if not 0 < tokenizer.vocabulary <= checkpoint.vocabulary:",
        "if tokenizer.vocabulary < 0:",
        f"{_BROKEN}::test_a_broken_model_costs_a_sentence[another vocabulary]",
    ),
    Removal(
        FOLDERS,
        "pickles are not opened",
        f"{MODEL}/weights.py",
        "    if any(path for pattern in _PICKLED for path in folder.glob(pattern)):\n",
        "    for path in folder.glob('*.bin'):\n"
        "        __import__('pickle').loads(path.read_bytes())\n"
        "    if any(path for pattern in _PICKLED for path in folder.glob(pattern)):\n",
        f"{_BROKEN}::test_a_pickle_in_the_folder_is_never_opened",
    ),
    Removal(
        HUB,
        "a download goes on where it stopped",
        f"{MODEL}/fetching.py",
        'headers["Range"] = f"bytes={start}-"',
        "start = 0",
        f"{_HUB}::test_a_full_disk_keeps_what_has_come_for_the_next_time",
    ),
    Removal(
        HUB,
        "a file appears when it is whole",
        f"{MODEL}/fetching.py",
        'return target.with_name(target.name + ".incomplete")',
        "return target",
        f"{_HUB}::test_a_full_disk_keeps_what_has_come_for_the_next_time",
    ),
    Removal(
        HUB,
        "a hub that is not there is told in a sentence",
        f"{MODEL}/download.py",
        "return (HfHubHTTPError, LocalEntryNotFoundError, *transport_errors())",
        "return (HfHubHTTPError,)",
        f"{_HUB}::test_a_hub_that_is_not_there_is_told",
    ),
    Removal(
        HUB,
        "what has come is compared with its hash",
        f"{MODEL}/fetching.py",
        "return _hash(path, hashlib.sha256()) == remote.etag",
        "return True",
        f"{_DOWNLOAD}::test_bytes_that_are_not_those_announced_never_become_a_model",
    ),
    Removal(
        HUB,
        "a broken connection is tried again",
        f"{MODEL}/fetching.py",
        "if failures == _ATTEMPTS:",
        "if failures >= 0:",
        f"{_DOWNLOAD}::test_a_broken_connection_is_taken_up_where_it_broke",
    ),
    Removal(
        BAD,
        "ten gigabytes are not waited for",
        f"{SERVER}/stdio.py",
        "if length > MOST_BYTES:",
        "if length < 0:",
        f"{_WIRE}::test_ten_gigabytes_are_refused_without_room_for_them",
    ),
    Removal(
        BAD,
        "values are taken for what they are",
        f"{SERVER}/protocol.py",
        "make_exact(converter)",
        "pass",
        _MESSAGES,
    ),
    Removal(
        BAD,
        "what is not JSON is answered",
        f"{SERVER}/protocol.py",
        "except (ValueError, RecursionError):",
        "except RecursionError:",
        f"{_WIRE}::test_what_is_not_json_is_told",
    ),
    Removal(
        BAD,
        "what cannot be structured is answered",
        f"{SERVER}/protocol.py",
        'self._refuse(msg_id, ErrorCodes.InvalidParams, f"{method}: {_what_is_wrong(error)}")\n            return',
        "return",
        _MESSAGES,
    ),
    Removal(
        BAD,
        "columns are counted in the units that were agreed on",
        f"{SERVER}/units.py",
        'return len(text.encode("utf-16-le", "surrogatepass")) // 2',
        "return len(text)",
        f"{TESTS}/test_edits.py::test_the_document_is_the_clients_after_random_edits[utf-16]",
    ),
    Removal(
        BAD,
        "a position past a line's end is its end",
        f"{SERVER}/documents.py",
        "return min(place, ropes.line_stop(rope, line, encoding))",
        "return place",
        "tests/server/test_documents.py",
    ),
    Removal(
        BAD,
        "a setting of a wrong type is told",
        f"{SERVER}/settings.py",
        "except ValueError:\n            default",
        "except KeyError:\n            default",
        f"{_INPUT}::test_settings_of_the_wrong_type_are_told_once_and_the_server_lives",
    ),
    Removal(
        BAD,
        "standard output is the protocol's alone",
        f"{SERVER}/stdio.py",
        "os.dup2(2, 1)",
        "pass",
        f"{_INPUT}::test_nothing_that_a_library_prints_breaks_the_stream",
    ),
    Removal(
        FILES,
        "nothing is written outside the workspace",
        f"{SERVER}/export.py",
        "if not outside_allowed and not any(",
        "if not roots and not any(",
        f"{_FILES}::test_nothing_beside_the_workspace_changes",
    ),
    Removal(
        FILES,
        "devices and pipes are refused",
        f"{SERVER}/held_folder.py",
        'raise OSError(errno.ENXIO, "not a file")',
        "return",
        f"{_FILES}::test_no_device_and_no_pipe_is_written_or_waited_for",
    ),
    Removal(
        FILES,
        "names with control characters are refused",
        f"{SERVER}/export.py",
        "if _CONTROL.search(path):",
        "if not path:",
        f"{_FILES}::test_what_names_no_file_here_is_refused",
    ),
    Removal(
        FILES,
        "another machine's URIs are refused",
        f"{SERVER}/export.py",
        'if parts.netloc.lower() not in {"", "localhost"}:',
        "if not parts:",
        f"{_EXPORT}::test_refused_uris_are_named_with_the_reason",
    ),
    Removal(
        FILES,
        "permissions are kept",
        f"{SERVER}/held_folder.py",
        "os.fchmod(handle, stat.S_IMODE(before.st_mode))",
        "return",
        f"{_FILES}::test_the_permissions_of_an_overwritten_file_are_kept",
    ),
    Removal(
        FILES,
        "what could not be written leaves no file",
        f"{SERVER}/held_folder.py",
        "with contextlib.suppress(FileNotFoundError):\n                self._remove(name)",
        "pass",
        f"{_FILES}::test_a_file_larger_than_may_be_leaves_the_old_one",
    ),
    Removal(
        FILES,
        "a file is written beside the old one, and takes its place whole",
        f"{SERVER}/held_folder.py",
        "with self._temporary(data, before) as temporary:\n"
        "            if unless_changed and not _same(before, self.status(name)):\n"
        "                raise FileChangedError\n"
        "            self._rename(temporary, name)",
        "(self.path / name).write_bytes(data)",
        f"{_FILES}::test_a_server_killed_during_exports_leaves_files_whole",
    ),
    Removal(
        "Safety of files: links",
        "folders are held by their real path",
        f"{SERVER}/held_folder.py",
        'os.O_DIRECTORY | os.O_NOFOLLOW | getattr(os, "O_PATH", os.O_RDONLY)',
        'os.O_DIRECTORY | getattr(os, "O_PATH", os.O_RDONLY)',
        f"{_EXPORT}::test_link_put_in_a_folders_place_after_the_check_is_not_followed",
    ),
    Removal(
        "Safety of files: links",
        "a link that is put in the file's place is seen",
        f"{SERVER}/held_folder.py",
        "dir_fd=self.handle, follow_symlinks=False)",
        "dir_fd=self.handle)",
        f"{_EXPORT}::test_link_put_in_the_files_place_after_the_check_is_not_followed",
    ),
    Removal(
        "Safety of files: links",
        "a new file's name is claimed by a link, which replaces nothing",
        f"{SERVER}/held_folder.py",
        "except FileExistsError:\n                raise\n            except (OSError, AttributeError):\n",
        "except (OSError, AttributeError):\n                self._rename(temporary, name)\n                return\n",
        f"{_EXPORT}::test_file_that_appears_meanwhile_is_not_replaced",
    ),
    Removal(
        "Safety of files: links",
        "what others append meanwhile is seen",
        f"{SERVER}/export.py",
        "before, unless_changed=True)",
        "before)",
        f"{_EXPORT}::test_append_is_added_to_what_another_process_wrote_meanwhile",
    ),
    Removal(
        SECRETS,
        "an excluded file is not completed",
        f"{SERVER}/trigger.py",
        "if is_excluded(question.uri, settings.exclude):",
        "if not question.uri:",
        f"{_PRIVACY}::test_no_prompt_has_what_is_excluded",
    ),
    Removal(
        SECRETS,
        "an excluded open file is not read for others",
        f"{SERVER}/other_files.py",
        " or is_excluded(file.uri, self._settings.exclude):",
        ":",
        f"{_PRIVACY}::test_no_prompt_has_what_is_excluded",
    ),
    Removal(
        SECRETS,
        "an excluded imported file is not read",
        f"{SERVER}/other_files.py",
        "return file not in opened and not is_excluded(file.as_uri(), look.exclude)",
        "return True",
        f"{_PRIVACY}::test_no_prompt_has_what_is_excluded",
    ),
    Removal(
        SECRETS,
        "the log has no words of an error",
        f"{SERVER}/wordless_log.py",
        "+ type(error).__name__)",
        "+ repr(error))",
        f"{_PRIVACY}::test_failures_are_told_without_text",
    ),
    Removal(
        SECRETS,
        "the log of the model has no words of an error",
        f"{SERVER}/model_backend.py",
        '"".join(traceback.format_tb(error.__traceback__))',
        "repr(error)",
        "tests/server/test_model_backend.py::test_log_has_the_place_of_a_failure_and_its_words_only_at_debug_level",
    ),
    Removal(
        SECRETS,
        "a thread that ends tells no words",
        f"{SERVER}/wordless_log.py",
        'threading.excepthook = lambda failed: _log.error("a thread has ended", exc_info=failed.exc_value)',
        "pass",
        f"{_PRIVACY}::test_a_crash_is_told_without_text",
    ),
    Removal(
        SECRETS,
        "a server that ends tells no words",
        f"{SERVER}/wordless_log.py",
        'sys.excepthook = lambda *error: _log.critical("the server ends", exc_info=error)',
        "pass",
        f"{_PRIVACY}::test_a_crash_is_told_without_text",
    ),
    Removal(
        SECRETS,
        "text of a document is logged for nobody",
        f"{SERVER}/model_backend.py",
        "            engine = self._engine\n",
        "            engine = self._engine\n            logger.info(request.prompt)\n",
        f"{_PRIVACY}::test_the_log_has_no_text_at_any_level_but_debug",
    ),
    Removal(
        SECRETS,
        "an answer has no words of an error",
        f"{SERVER}/protocol.py",
        '"internal error; the server\'s log says more"',
        "repr(error)",
        f"{_PRIVACY}::test_failures_are_told_without_text",
    ),
    Removal(
        SECRETS,
        "statistics have no text",
        f"{SERVER}/suggest.py",
        "suggestion.spot.language_id, {answer_name(ms): 1})",
        "suggestion.texts[0], {answer_name(ms): 1})",
        f"{_PRIVACY}::test_statistics_have_no_text",
    ),
    Removal(
        SOCKETS,
        "a local model asks for nothing",
        f"{SERVER}/model_backend.py",
        "        self.unload()\n\n        def report",
        "        self.unload()\n        __import__('socket').getaddrinfo('localhost', 80)\n\n        def report",
        f"{_PRIVACY}::test_a_local_model_needs_no_connection_and_tries_none",
    ),
    Removal(
        HOSTILE,
        "modules are not looked for in the folder",
        f"{SERVER}/cli/__init__.py",
        "import sys\n",
        "import sys\n\nsys.path.insert(0, '')\n",
        f"{_HOSTILE}::test_nothing_of_the_folder_runs",
    ),
    Removal(
        HOSTILE,
        "VS Code starts nothing in a folder that nobody trusts",
        "editors/vscode/package.json",
        '"supported": false,\n      "description": "A workspace',
        '"supported": true,\n      "description": "A workspace',
        f"{_HOSTILE}::test_a_folder_that_nobody_trusts_names_no_program_in_vs_code",
    ),
    Removal(
        SUPPLY,
        "what changes has an upper bound",
        "pyproject.toml",
        '"pygls>=2.1,<3"',
        '"pygls>=2.1"',
        f"{_SUPPLY}::test_what_changes_under_us_has_an_upper_bound",
    ),
    Removal(
        SUPPLY,
        "each dependency has a lower bound",
        "pyproject.toml",
        '"numpy>=1.26"',
        '"numpy"',
        f"{_SUPPLY}::test_each_dependency_has_a_lower_bound_that_is_kept",
    ),
    Removal(
        SUPPLY,
        "CI tests with versions that are allowed",
        ".ci/constraints.txt",
        "\npygls==2",
        "\npygls==1",
        f"{_SUPPLY}::test_ci_constrains_all_that_it_tests_with_to_versions_that_are_allowed",
    ),
    Removal(
        SUPPLY,
        "licences are listed",
        f"{TESTS}/licences.toml",
        'attrs = "MIT"\n',
        "",
        f"{_SUPPLY}::test_the_licence_of_each_dependency_is_listed",
    ),
)
