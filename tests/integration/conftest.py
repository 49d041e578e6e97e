"""Commands run in this process, and pictures to run them on."""

from __future__ import annotations

import json

import pytest

from siamese_core.cli import main
from tests.commands import scribble


@pytest.fixture
def cli(capsys):
    """Run a command in this process: (exit code, stdout, stderr)."""

    def run(*words):
        code = main([str(w) for w in words])
        out, err = capsys.readouterr()
        return code, out, err

    return run


@pytest.fixture
def cli_json(cli):
    """Run a command with --json that must succeed; its object."""

    def run(*words):
        code, out, err = cli(*words, "--json")
        assert code == 0, err
        assert out.count("\n") == 1
        return json.loads(out)

    return run


@pytest.fixture
def refused(cli):
    """Run a command that must be refused: exit 2, one line on stderr, nothing on stdout. The line."""

    def run(*words):
        code, out, err = cli(*words)
        assert code == 2, (out, err)
        assert out == ""
        assert err.startswith("siamese: ")
        assert err.count("\n") == 1
        return err

    return run


@pytest.fixture
def pictures(tmp_path):
    """Three different scribbles."""
    return [scribble(tmp_path / f"{i}.png", i) for i in range(3)]


@pytest.fixture
def support(tmp_path):
    """A support set of three classes with two pictures each."""
    for c, name in enumerate(("cross", "loop", "wave")):
        for k in range(2):
            scribble(tmp_path / "support" / name / f"{k}.png", 10 * c + k)
    return tmp_path / "support"
