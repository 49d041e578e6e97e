"""What many tests share: folders of their own, a small run that is ready to use, networks that cannot see."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from tests.ready import make_run

settings.register_profile("untimed", deadline=None)  # a busy machine is no mistake
settings.load_profile("untimed")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests of real data need the data."""
    if os.environ.get("SIAMESE_DATA"):
        return
    for item in items:
        if item.get_closest_marker("data"):
            item.add_marker(pytest.mark.skip(reason="needs the real data sets: set SIAMESE_DATA to their folder"))


@pytest.fixture(scope="session", autouse=True)
def own_folders(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """No test writes into the runs of the person who runs the tests, or waits for their trainings."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SIAMESE_RUNS", str(tmp_path_factory.mktemp("runs")))
        patch.setenv("SIAMESE_LOCKS", str(tmp_path_factory.mktemp("locks")))
        yield


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> Iterator[None]:
    """Tiny tensors: a second thread only waits."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def no_opencv(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """As on a computer where it is not installed."""
    from siamese_core.modalities import face

    monkeypatch.setitem(sys.modules, "cv2", None)
    face._cascades.cache_clear()
    yield
    face._cascades.cache_clear()


@pytest.fixture
def runs_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty runs folder, which SIAMESE_RUNS names."""
    folder = tmp_path / "runs"
    folder.mkdir()
    monkeypatch.setenv("SIAMESE_RUNS", str(folder))
    return folder


@pytest.fixture(scope="session")
def finished_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run on the digits, with weights as they were drawn: read only; `tiny_run` is a copy."""
    folder = tmp_path_factory.mktemp("ready") / "tiny"
    make_run(folder)
    return folder


@pytest.fixture
def tiny_run(finished_run: Path, runs_folder: Path) -> Path:
    """A finished run called 'tiny' in `runs_folder`, to be used or spoiled."""
    import shutil

    return Path(shutil.copytree(finished_run, runs_folder / "tiny"))
