"""evaluate, bench."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from siamese_core.cli import output
from siamese_core.cli.parser import add_data_root, add_device, add_run, command

PROTOCOLS = ("verification", "one-shot", "open-set", "laboratory", "lake", "signatures")


def add(commands: Any) -> None:
    """Add the commands to the parser."""
    about = "Measure a run on its own test classes, or on other data, by a published protocol."
    p = command(commands, "evaluate", about, evaluate)
    add_run(p)
    p.add_argument("protocol", metavar="PROTOCOL", choices=PROTOCOLS, help=" or ".join(PROTOCOLS))
    p.add_argument(
        "--data", metavar="DIR",
        help="a data set by name or in its published layout, class folders, or groups of class folders; "
        "lake: the folder with run01.. (default: the run's own test classes; lake: all_runs in the data root)",
    )  # fmt: skip
    add_data_root(p)
    p.add_argument("--beside", metavar="OTHER", help="verification: another run on the same pairs, and a paired test")
    p.add_argument("--n-way", type=int, metavar="N", help="classes a task (default: 20, or as many as there are)")
    p.add_argument("--k-shot", type=int, default=1, metavar="K", help="support pictures a class (default: 1)")
    p.add_argument(
        "--episodes", type=int, metavar="E",
        help="random tasks (default: 1000; open-set: 300; laboratory: 200 for every number of ways and shots)",
    )  # fmt: skip
    p.add_argument(
        "--reject", type=float, metavar="RATE",
        help="open-set: the false accept rate that 'none of these' is set to (default: 0.1)",
    )  # fmt: skip
    p.add_argument("--augment", action="store_true", help="open-set: mean embedding over slightly moved copies")
    p.add_argument("--within-groups", action="store_true", help="one-shot: each task's classes from one group")
    p.add_argument(
        "--rule", choices=("nearest", "prototype", "head"), default="nearest", help="one-shot: how a class is near"
    )
    p.add_argument("--max-pairs", type=int, default=20_000, metavar="P", help="verification: pairs of each kind")
    p.add_argument(
        "--references", type=int, default=12, metavar="K",
        help="signatures: a writer's genuine ones to compare with, beside the row for one (default: 12)",
    )  # fmt: skip
    p.add_argument("--seed", type=int, default=0, metavar="N", help="of the random pairs and tasks (default: 0)")
    add_device(p)
    p = command(commands, "bench", "Run the measured comparisons in benchmarks/.", bench)
    p.add_argument("name", metavar="NAME", nargs="?", help="one of them (default: all)")


def evaluate(args: argparse.Namespace) -> int:
    """One protocol's figures."""
    from siamese_core import datasets, protocols, runs, trained
    from siamese_core.errors import ConfigError

    if args.seed < 0 or args.max_pairs < 1:
        raise ConfigError("The seed must be at least 0 and the number of pairs at least 1.")
    if (args.reject is not None or args.augment) and args.protocol != "open-set":
        raise ConfigError(f"--reject and --augment go with open-set, not with {args.protocol}.")
    if args.beside is not None and args.protocol != "verification":
        raise ConfigError(f"--beside goes with verification, not with {args.protocol}.")
    run = runs.find(args.run, runs.runs_folder(args.runs))
    model = trained.load(run, args.device)
    root = None if args.data_root is None else Path(args.data_root).expanduser()
    ticker = output.Ticker()
    try:
        if args.protocol == "lake":
            folder = (
                Path(args.data).expanduser() if args.data else datasets.data_root(root) / "omniglot-py" / "all_runs"
            )
            found = protocols.lake(model, folder, run)
            source = str(folder)
        else:
            found, source = _on_classes(args, run, model, root, ticker)
    finally:
        ticker.clear()
    output.warn(found["warnings"])
    if "beside" in found:
        output.warn([f"{found['beside']['run']}: {w}" for w in found["beside"]["warnings"]])
    value = {"run": run.name, "weights": model.weights_digest, "data": source, **found}
    output.result(value, args.json, _sentence(value))
    return 0


def bench(args: argparse.Namespace) -> int:
    """One benchmark, or all of them."""
    from siamese_core import bench as benches

    if args.name is not None:
        found = benches.run(args.name)
        output.result(found, args.json, _bench_text(found))
        return 0
    all_found = []
    for name in benches.names():
        output.tell(f"Running {name}")
        all_found.append(benches.run(name))
    output.result({"benchmarks": all_found}, args.json, "\n\n".join(_bench_text(f) for f in all_found))
    return 0


def _on_classes(args: argparse.Namespace, run: Any, model: Any, root: Path | None, ticker: Any) -> tuple[Any, str]:
    """Verification, one-shot or signatures on a labelled set: (figures, where the data is from)."""
    from siamese_core import laboratory, one_shot, open_set, open_set_fit, protocols, signature_protocol
    from siamese_core.prepare import face_words

    data = protocols.data_for(run, args.data, "test", root, ticker)
    where = args.data or f"the test classes of {data.name}"
    if args.beside is not None:
        warnings = [*data.warnings, *protocols.overlap_warnings(run, data.items, data.class_names)]
        return _beside(args, run, model, data, warnings), where
    data = data.with_items(data.items.fitted(model.spec, ticker))
    warnings = [*data.warnings, *face_words(data), *protocols.overlap_warnings(run, data.items, data.class_names)]
    if args.protocol == "verification":
        found = protocols.verification(model, data, args.seed, args.max_pairs)
    elif args.protocol == "signatures":
        found = signature_protocol.measure(model, data, args.references, args.seed)
    elif args.protocol == "open-set":
        found = open_set_fit.measure(
            model, data, args.n_way or 20, args.k_shot, args.episodes or 300, args.seed, rule=args.rule,
            rate=open_set.RATE if args.reject is None else args.reject, augment=args.augment, progress=ticker,
        )  # fmt: skip
    elif args.protocol == "laboratory":
        studied = laboratory.study(
            model, data, episodes=args.episodes or laboratory.EPISODES, seed=args.seed, rule=args.rule,
            within_groups=args.within_groups, progress=ticker,
        )  # fmt: skip
        found = {"protocol": "laboratory", **studied.to_json(), "warnings": []}
    else:
        found = protocols.random_one_shot(
            model, data, args.n_way, args.k_shot, args.episodes or one_shot.EPISODES, args.seed,
            within_groups=args.within_groups, rule=args.rule, progress=ticker,
        )  # fmt: skip
    found["warnings"] = warnings + found["warnings"]
    return found, where


def _beside(args: argparse.Namespace, run: Any, model: Any, data: Any, warnings: list[str]) -> dict[str, Any]:
    """Verification of two runs on the same pairs; the data is not fitted yet, as each sees it in its own way."""
    from siamese_core import protocols, runs, trained

    other = runs.find(args.beside, runs.runs_folder(args.runs))
    beside = trained.load(other, args.device)
    found = protocols.verification(model, data, args.seed, args.max_pairs, beside, (run.name, other.name))
    found["warnings"] = warnings + found["warnings"]
    of_other = protocols.overlap_warnings(other, data.items, data.class_names) + found["beside"]["warnings"]
    found["beside"] = {"run": other.name, "weights": beside.weights_digest} | found["beside"] | {"warnings": of_other}
    return found


def _verified(v: dict[str, Any]) -> str:
    p = output.percent
    at = "" if v["accuracy"] is None else f", accuracy {p(v['accuracy'])} at the run's threshold {v['threshold']:.4g}"
    low, high = v["intervals"]["eer"]
    believed = "" if v["ece"] is None else f", calibration error {v['ece']:.3f}, Brier score {v['brier']:.4f}"
    line = (
        f"AUC {v['auc']:.4f}, equal error rate {p(v['eer'])} (95% interval {p(low)} to {p(high)}, "
        f"at {v['eer_threshold']:.4g}){at}{believed}; "
        f"{output.count(v['pairs'], 'pair')} of {output.count(v['classes'], 'class')}."
    )
    if "beside" not in v:
        return line
    b = v["beside"]
    return f"{line}\nBeside {b['run']} (AUC {b['auc']:.4f}, equal error rate {p(b['eer'])}): {b['verdict']}"


def _sentence(v: dict[str, Any]) -> str:
    p = output.percent
    if v["protocol"] == "verification":
        return _verified(v)
    if v["protocol"] == "signatures":
        return _signature_table(v)
    if v["protocol"] == "one-shot":
        low, high = v["interval"]
        return (
            f"{v['n_way']}-way {v['k_shot']}-shot accuracy {p(v['accuracy'])} (95% interval {p(low)} to {p(high)}, "
            f"chance {p(v['chance'])}); {output.count(v['episodes'], 'episode')} of "
            f"{output.count(v['classes'], 'class')}."
        )
    if v["protocol"] == "open-set":
        return _open_set(v)
    if v["protocol"] == "laboratory":
        return _laboratory(v)
    other = v["one_to_one_accuracy"]
    low, high = v["interval"]
    lines = [f"{r['run']}: {r['right']} of {r['trials']} right" for r in v["per_run"]]
    lines.append(
        f"Accuracy {p(v['accuracy'])} (95% interval {p(low)} to {p(high)}, chance {p(v['chance'])}) "
        f"in {v['trials']} trials" + ("." if other is None else f"; assigned one-to-one, another task: {p(other)}.")
    )
    return "\n".join(lines)


def _open_set(v: dict[str, Any]) -> str:
    p = output.percent
    low, high = v["interval"]
    line = (
        f"{v['n_way']}-way {v['k_shot']}-shot with as many queries of other classes: AUROC {v['auroc']:.3f} (95% "
        f"interval {low:.3f} to {high:.3f}, over {v['intervals_over']}), accuracy among known queries "
        f"{p(v['accuracy'])}; {output.count(v['episodes'], 'task')}."
    )
    if v["bound"] is None:
        return line
    (a, b), (c, d) = v["far_interval"], v["frr_interval"]
    return (
        f"{line}\nAt the run's bound for a false accept rate of {p(v['rate'])}: {p(v['far'])} of other classes are "
        f"named (95% interval {p(a)} to {p(b)}), {p(v['frr'])} of known ones are refused ({p(c)} to {p(d)}), "
        f"{p(v['accepted_right'])} are let in and named rightly."
    )


def _laboratory(v: dict[str, Any]) -> str:
    p = output.percent
    rows = [
        {"n_way": c["n_way"], "k_shot": c["k_shot"], "accuracy": p(c["accuracy"]),
         "interval": f"{p(c['low'])} to {p(c['high'])}", "pixels": p(c["pixels"]), "chance": p(c["chance"])}
        for c in v["cells"]
    ]  # fmt: skip
    heads = {"n_way": "ways", "k_shot": "shots", "accuracy": "accuracy", "interval": "95% interval",
             "pixels": "plain pixels", "chance": "chance"}  # fmt: skip
    hard = ", ".join(f"{h['name']} ({p(h['accuracy'])} of {h['queries']})" for h in v["hardest"][:5])
    return output.table(rows, heads) + (f"\nHardest classes: {hard}." if hard else "")


def _signature_table(v: dict[str, Any]) -> str:
    heads = {
        "references": "references", "rule": "compared by", "forgeries": "forgeries", "eer": "equal error rate",
        "auc": "AUC", "genuine": "genuine", "forged": "forged",
    }  # fmt: skip
    counts = [output.count(v["writers"], "writer"), f"{v['genuine']:,} genuine", f"{v['forged']:,} forged signatures"]
    return f"{', '.join(counts)}.\n" + output.table(v["rows"], heads)


def _bench_text(found: dict[str, Any]) -> str:
    keys = list(dict.fromkeys(key for row in found["rows"] for key in row))
    headline = found["headline"]
    lines = [found["name"], output.table(found["rows"], {k: k for k in keys})]
    return "\n".join([*lines, f"{headline['what']}: {headline['value']:.4g}"])
