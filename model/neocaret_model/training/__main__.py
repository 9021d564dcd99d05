"""`python -m neocaret_model.training prepare|train|export`: what made the model in the package, and makes others."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from neocaret_model.training.recipe import Recipe, load_recipe


def main(arguments: list[str] | None = None) -> int:
    """Run one stage; returns the exit status."""
    parsed = _parser().parse_args(arguments)
    try:
        _STAGES[parsed.stage](load_recipe(parsed.recipe), parsed)
    except (ValueError, OSError, RuntimeError) as error:
        print(f"neocaret training: {error}", file=sys.stderr)
        return 1
    return 0


def _prepare(recipe: Recipe, parsed: argparse.Namespace) -> None:
    from neocaret_model.training.prepare import prepare

    prepare(recipe, parsed.folder)


def _train(recipe: Recipe, parsed: argparse.Namespace) -> None:
    from neocaret_model.training.loop import Run, RunOptions

    run = Run(recipe, parsed.folder, RunOptions(device=parsed.device, compiled=not parsed.no_compile))
    if parsed.start_from is not None:
        run.start_from(parsed.start_from)
    run.train()


def _export(recipe: Recipe, parsed: argparse.Namespace) -> None:
    from neocaret_model.training.export import export

    export(recipe, parsed.folder, parsed.destination)


_STAGES = {"prepare": _prepare, "train": _train, "export": _export}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m neocaret_model.training", description=__doc__)
    parser.add_argument("--recipe", default="small", help="a recipe of the package, or a TOML file (default: small)")
    parser.add_argument("--folder", type=Path, default=Path("runs/small"), help="the run's own folder")
    stages = parser.add_subparsers(dest="stage", required=True)
    stages.add_parser("prepare", help="fetch and filter the corpus, train the tokenizer, encode")
    train = stages.add_parser("train", help="train, or go on where an interrupted run stopped")
    train.add_argument("--device", default="auto", help="cuda or cpu (default: cuda where there is one)")
    train.add_argument("--no-compile", action="store_true", help="plain modules instead of torch.compile")
    train.add_argument("--start-from", type=Path, metavar="MODEL", help="begin with an exported model's weights")
    export = stages.add_parser("export", help="write the model as a folder that transformers loads")
    export.add_argument("destination", type=Path)
    return parser


if __name__ == "__main__":
    sys.exit(main())
