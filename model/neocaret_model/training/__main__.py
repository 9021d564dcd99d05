"""`python -m neocaret_model.training STAGE`: what made the model in the package, and makes others."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from neocaret_model.training.recipe import Recipe, load_recipe, with_settings

if TYPE_CHECKING:
    from neocaret_model.training.loop import RunOptions

INTERRUPTED = 130


def main(arguments: list[str] | None = None) -> int:
    """Run one stage; returns the exit status."""
    parsed = _parser().parse_args(arguments)
    try:
        parsed.run(with_settings(load_recipe(parsed.recipe), dict(parsed.set)), parsed)
    except KeyboardInterrupt:
        print("neocaret training: interrupted; the same command goes on from the last checkpoint", file=sys.stderr)
        return INTERRUPTED
    except (ValueError, OSError, RuntimeError, ImportError) as error:
        print(f"neocaret training: {error}", file=sys.stderr)
        return 1
    return 0


def _prepare(recipe: Recipe, parsed: argparse.Namespace) -> None:
    from neocaret_model.training.prepare import prepare

    prepare(recipe, parsed.folder, parsed.tokenizer_from)


def _train(recipe: Recipe, parsed: argparse.Namespace) -> None:
    from neocaret_model.training.loop import Run

    run = Run(recipe, parsed.folder, _options(parsed))
    if parsed.start_from is not None:
        run.start_from(parsed.start_from)
    run.train()


def _anneal(recipe: Recipe, parsed: argparse.Namespace) -> None:
    from neocaret_model.training.loop import Run

    Run(recipe, parsed.folder, _options(parsed)).anneal()


def _options(parsed: argparse.Namespace) -> RunOptions:
    from neocaret_model.training.loop import RunOptions

    return RunOptions(device=parsed.device, compiled=not parsed.no_compile, processes=parsed.processes)


def _plot(_recipe: Recipe, parsed: argparse.Namespace) -> None:
    from neocaret_model.training.plot import plot

    plot(parsed.folder / "log.jsonl", parsed.picture or parsed.folder / "loss.png")


def _compare(_recipe: Recipe, parsed: argparse.Namespace) -> None:
    from neocaret_model.training.quality import Evaluated, plot_quality

    plot_quality([Evaluated.parse(text) for text in parsed.evaluations], parsed.picture)


def _export(recipe: Recipe, parsed: argparse.Namespace) -> None:
    from neocaret_model.training.export import export

    export(recipe, parsed.folder, parsed.destination)


def _average(recipe: Recipe, parsed: argparse.Namespace) -> None:
    from neocaret_model.training.average import average

    average(recipe, dict(parsed.models), parsed.destination)


def _make(recipe: Recipe, parsed: argparse.Namespace) -> None:
    for stage in (_prepare, _train, _anneal, _plot, _export):
        stage(recipe, parsed)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m neocaret_model.training", description=__doc__)
    parser.add_argument("--recipe", default="small", help="a recipe of the package, or a TOML file (default: small)")
    parser.add_argument("--folder", type=Path, default=Path("runs/small"), help="the run's own folder")
    parser.add_argument(
        "--set",
        type=_setting,
        action="append",
        default=[],
        metavar="NAME=NUMBER",
        help="another value of the recipe's [optimization], as tokens=2000000; may be repeated",
    )
    stages = parser.add_subparsers(required=True)
    prepare = _stage(stages, "prepare", "fetch and filter the corpus, train the tokenizer, encode", _prepare)
    train = _stage(stages, "train", "train at a constant rate, or go on where that stopped", _train)
    anneal = _stage(stages, "anneal", "let the rate fall to zero from where training has come to", _anneal)
    plot = _stage(stages, "plot", "draw the losses against the tokens seen, as a PNG", _plot)
    compare = _stage(stages, "compare", "draw what `neocaret eval --json` says of several models, as a PNG", _compare)
    compare.add_argument("evaluations", nargs="+", metavar="TOKENS=FILE", help="training tokens, and the JSON")
    compare.add_argument("--picture", type=Path, default=Path("quality.png"), help="(default: quality.png)")
    export = _stage(stages, "export", "write the model as a folder that transformers loads", _export)
    average = _stage(stages, "average", "average the weights of exported models that began from the same", _average)
    average.add_argument("models", nargs="+", type=_share, metavar="SHARE=MODEL", help="a number above 0, and a folder")
    average.add_argument("destination", type=Path)
    make = _stage(stages, "make", "prepare, train, anneal, plot and export, one after the other", _make)
    for stage in (prepare, make):
        stage.add_argument("--tokenizer-from", type=Path, metavar="MODEL", help="keep an exported model's tokenizer")
    for stage in (train, make):
        stage.add_argument("--start-from", type=Path, metavar="MODEL", help="begin with an exported model's weights")
    for stage in (train, anneal, make):
        stage.add_argument("--device", default="auto", help="cuda or cpu (default: cuda where there is one)")
        stage.add_argument(
            "--processes", type=_count, default=1, help="share each batch among so many, on a CPU (default: 1)"
        )
        stage.add_argument("--no-compile", action="store_true", help="plain modules instead of torch.compile")
    for stage in (plot, make):
        stage.add_argument("--picture", type=Path, help="the PNG to write (default: loss.png in the run's folder)")
    for stage in (export, make):
        stage.add_argument("destination", type=Path)
    return parser


def _share(text: str) -> tuple[Path, float]:
    share, _, folder = text.partition("=")
    try:
        return Path(folder), float(share)
    except ValueError:
        raise argparse.ArgumentTypeError(f"must be SHARE=MODEL, as 0.5=folder, not {text}") from None


def _setting(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise argparse.ArgumentTypeError(f"must be NAME=NUMBER, as tokens=2000000, not {text}")
    return name, value


def _count(text: str) -> int:
    if not text.isascii() or not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"must be 1 or more, not {text}")
    return int(text)


def _stage(
    stages: argparse._SubParsersAction[argparse.ArgumentParser],
    name: str,
    text: str,
    run: object,
) -> argparse.ArgumentParser:
    stage = stages.add_parser(name, help=text, description=text)
    stage.set_defaults(run=run)
    return stage


if __name__ == "__main__":
    sys.exit(main())
