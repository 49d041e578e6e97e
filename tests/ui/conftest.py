"""Pages without a starter, trainings without processes, and runs in each of the worlds."""

from __future__ import annotations

import pytest
import worlds

from pages.parts.preview_work import Background
from siamese_core import forecast, jobs, runs


@pytest.fixture
def no_starter(tmp_path, monkeypatch):
    """The worlds are the same whether this copy has a starter model or not."""
    monkeypatch.setattr(runs, "STARTER", tmp_path / "no-starter")


@pytest.fixture
def no_process(monkeypatch):
    """Trainings are queued, but no process is started."""
    monkeypatch.setattr(jobs, "_spawn", lambda run, data_root: None)


@pytest.fixture
def world(finished_run, runs_folder):
    """Make a world in the runs folder; its run's folder."""
    return lambda name: worlds.make(name, finished_run, runs_folder)


@pytest.fixture(autouse=True)
def nothing_beside_the_page(monkeypatch):
    """What pages have worked out beside them is there at once, and no test measures the machine."""
    monkeypatch.setattr(Background, "_begin", Background.drain)
    monkeypatch.setattr(forecast, "measure_apart", lambda config, spec: forecast.Speed(0.001, 0.0002, "cpu"))
