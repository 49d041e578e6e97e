"""The words of the command line. Every setting of TrainConfig is an option of `train`."""

from __future__ import annotations

import argparse
import sys
from dataclasses import Field, fields
from typing import Any, NoReturn, get_type_hints

from siamese_core import __version__
from siamese_core.config import TrainConfig

RUN_HELP = "a run's folder, its name in the runs folder, or 'starter' (the small model that ships)"
NOT_OPTIONS = ("dataset", "hold_out")  # a positional, and one with a grammar of its own


class Parser(argparse.ArgumentParser):
    """An argument parser whose mistakes are one line, and that guesses no abbreviations."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{"allow_abbrev": False} | kwargs)

    def error(self, message: str) -> NoReturn:
        """Tell the mistake in one line and end with code 2."""
        print(f"siamese: {message}; see `{self.prog} --help`.", file=sys.stderr)
        sys.exit(2)


def build() -> Parser:
    """The whole parser; `args.handler(args)` runs the chosen command."""
    from siamese_core.cli import (
        calibrating,
        checking,
        classifying,
        health,
        mapping,
        measuring,
        reporting,
        scoring,
        searching,
        training,
        using,
    )

    parser = Parser(
        prog="python -m siamese_core",
        description="Train siamese (twin) networks and use them. Results on stdout, messages on stderr.",
    )
    parser.add_argument("--version", action="version", version=f"Siamese Lab {__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True, dest="command")
    for module in (
        training, using, classifying, searching, scoring, measuring, checking, calibrating, reporting, mapping, health,
    ):  # fmt: skip
        module.add(commands)
    return parser


def command(commands: Any, name: str, help: str, handler: Any) -> argparse.ArgumentParser:
    """Add one command with the options that all have."""
    parser: argparse.ArgumentParser = commands.add_parser(name, help=help, description=help)
    parser.add_argument("--json", action="store_true", help="print one JSON object and nothing else on stdout")
    parser.set_defaults(handler=handler)
    return parser


def add_run(parser: argparse.ArgumentParser, positional: bool = True) -> None:
    """RUN and the runs folder."""
    if positional:
        parser.add_argument("run", metavar="RUN", help=RUN_HELP)
    parser.add_argument("--runs", metavar="DIR", help="the runs folder (default: $SIAMESE_RUNS, else ./runs)")


def add_device(parser: argparse.ArgumentParser) -> None:
    """The device to compute on."""
    parser.add_argument("--device", default="auto", metavar="{auto,cpu,cuda,mps}", help="where to compute")


def add_data_root(parser: argparse.ArgumentParser) -> None:
    """The data root."""
    parser.add_argument(
        "--data-root", metavar="DIR", help="where data sets live (default: $SIAMESE_DATA, else the user's cache)"
    )


def add_settings(parser: argparse.ArgumentParser) -> None:
    """An option for every setting; impossible values are all told at once, by TrainConfig itself."""
    hints = get_type_hints(TrainConfig)
    sections: dict[str, Any] = {}
    for f in fields(TrainConfig):
        if f.name in NOT_OPTIONS:
            continue
        section = f.metadata["section"]
        if section not in sections:
            sections[section] = parser.add_argument_group(f"settings: {section.lower()}")
        flag = "--" + f.name.replace("_", "-")
        if hints[f.name] is bool:
            sections[section].add_argument(
                flag, dest=f.name, action=argparse.BooleanOptionalAction, default=None, help=_help(f)
            )
        else:
            sections[section].add_argument(
                flag, dest=f.name, type=hints[f.name], default=None, metavar=_metavar(f, hints[f.name]), help=_help(f)
            )


def given_settings(args: argparse.Namespace) -> dict[str, Any]:
    """The settings that were given, by name."""
    names = [f.name for f in fields(TrainConfig) if f.name not in NOT_OPTIONS]
    return {name: getattr(args, name) for name in names if getattr(args, name, None) is not None}


def _help(f: Field[Any]) -> str:
    return f"{f.metadata['label']}. {f.metadata['help']} (default of the settings: {f.default})".replace("%", "%%")


def _metavar(f: Field[Any], kind: type) -> str:
    if f.metadata["choices"]:
        return "{" + ",".join(str(c) for c in f.metadata["choices"]) + "}"
    return {int: "N", float: "X"}.get(kind, "TEXT")
