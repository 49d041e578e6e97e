"""Imports go down the floors; the core knows no screen; pages know no torch; state and caches have one place."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CORE = ROOT / "siamese_core"

FLOORS = {
    0: {
        "types",
        "errors",
        "config",
        "device",
        "presets",
        "files",
        "processes",
        "records",
        "svg",
        "findings",
        "sprites",
    },
    1: {
        "datasets",
        "modalities",
        "samplers",
        "augment",
        "near_copies",
        "folds",
        "pair_tables",
        "pair_csv",
        "support_set",
        "support_files",
        "episode_sampler",
    },
    2: {
        "encoders",
        "distances",
        "losses",
        "metrics",
        "retrieval",
        "nearest",
        "projections",
        "projection_quality",
        "novelty",
        "scored",
        "curves",
        "dyads",
        "binned",
        "bootstrap",
        "dynamic_tsne",
        "paired",
        "calibration",
        "calibration_fit",
        "calibration_json",
        "linked",
        "spectrum",
        "uniformity",
        "hubness",
        "separation",
        "space_health",
        "space_words",
        "class_rules",
        "open_set",
        "confusion",
        "views",
    },
    3: {
        "training",
        "runs",
        "jobs",
        "probe",
        "prepare",
        "checkpoint",
        "saver",
        "beginnings",
        "upkeep",
        "calibration_card",
        "snapshots",
    },
    4: {
        "trained",
        "verifier",
        "one_shot",
        "projection",
        "baseline",
        "preview",
        "forecast",
        "pair_scoring",
        "evolution",
        "galleries",
    },
    5: {
        "worker",
        "calibrate",
        "calibrate_pairs",
        "cross_fit",
        "reference",
        "protocols",
        "signature_protocol",
        "map_worker",
        "map_jobs",
        "map_files",
        "map_export",
        "map_export_table",
        "map_export_projector",
        "map_export_drawing",
        "map_export_page",
        "map_columns",
        "map_selection",
        "map_shelf",
        "bench",
        "make_starter",
        "archive",
        "archive_checks",
        "evaluation",
        "leaks",
        "side_leaks",
        "copy_leaks",
        "shortcuts",
        "shortcut_features",
        "collapse",
        "health",
        "open_set_fit",
        "open_set_tasks",
        "laboratory",
        "report",
        "report_charts",
        "report_page",
        "report_sections",
    },
    6: {"cli", "__main__"},
}
FLOOR_OF = {name: floor for floor, names in FLOORS.items() for name in names}
SIBLINGS = FLOORS[4]  # none imports another
SCREENS = {"streamlit", "plotly", "altair", "matplotlib", "bokeh"}


def imports(path: Path) -> list[str]:
    """Every module that a file imports, anywhere in it, by full name."""
    found = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found += [a.name for a in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            found.append(node.module or "")
            found += [f"{node.module}.{a.name}" for a in node.names]
    return found


def module_of(path: Path) -> str:
    """The top-level module of the core that a file belongs to."""
    return path.relative_to(CORE).parts[0].removesuffix(".py")


CORE_FILES = sorted(p for p in CORE.rglob("*.py"))
PAGE_FILES = [ROOT / "app.py", *sorted((ROOT / "pages").rglob("*.py"))]


@pytest.mark.parametrize("path", CORE_FILES, ids=lambda p: str(p.relative_to(CORE)))
def test_imports_go_down(path):
    me = module_of(path)
    if me == "__init__":
        return
    assert me in FLOOR_OF, f"{me} stands on no floor; put it on one in this test and in docs/architecture.md"
    for name in imports(path):
        top = name.split(".")[0]
        assert top not in SCREENS, f"the core imports {top}"
        assert top not in ("pages", "app"), "the core imports a page"
        if not name.startswith("siamese_core."):
            continue
        other = name.split(".")[1]
        if other == me or other not in FLOOR_OF:
            continue
        assert FLOOR_OF[other] <= FLOOR_OF[me], f"{me} (floor {FLOOR_OF[me]}) imports {other} (floor {FLOOR_OF[other]})"
        assert not ({me, other} <= SIBLINGS), f"the siblings {me} and {other} import each other"


@pytest.mark.parametrize("path", PAGE_FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_pages_never_touch_torch(path):
    tops = {name.split(".")[0] for name in imports(path)}
    assert not tops & {"torch", "sklearn"}


@pytest.mark.parametrize("path", PAGE_FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_state_and_caches_have_one_place(path):
    text = path.read_text(encoding="utf-8")
    if path.name != "state.py":
        assert "session_state" not in text
    if path.name != "cache.py":
        assert "cache_data" not in text
        assert "cache_resource" not in text


def test_nothing_reads_a_pickle():
    for path in [*CORE_FILES, *PAGE_FILES]:
        names = imports(path)
        assert not {"pickle", "joblib", "cloudpickle", "dill"} & {n.split(".")[0] for n in names}, path
        text = path.read_text(encoding="utf-8")
        assert "allow_pickle=True" not in text, path
        assert "torch.load" not in text, path


def test_every_public_function_of_the_core_is_annotated_and_documented():
    missing = []
    for path in CORE_FILES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_"):
                if isinstance(node, ast.FunctionDef) and node.returns is None:
                    missing.append(f"{path.name}:{node.lineno} {node.name} has no return type")
                if ast.get_docstring(node) is None and not _inside_function(path, node):
                    missing.append(f"{path.name}:{node.lineno} {node.name} has no docstring")
    assert not missing, "\n".join(missing)


def _inside_function(path: Path, node: ast.AST) -> bool:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for outer in ast.walk(tree):
        if isinstance(outer, ast.FunctionDef):
            for inner in ast.walk(outer):
                if inner is not outer and getattr(inner, "lineno", -1) == getattr(node, "lineno", -2):
                    return True
    return False
