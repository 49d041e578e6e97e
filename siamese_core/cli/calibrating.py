"""calibrate: a threshold, probabilities and error rates for a run, on labelled data."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from siamese_core.cli import output
from siamese_core.cli.parser import add_data_root, add_device, add_run, command
from siamese_core.cli.scoring import add_table, need_some, tell_broken


def add(commands: Any) -> None:
    """Add the command to the parser."""
    about = "Fit a run's threshold and probabilities anew, on classes it was not trained on."
    p = command(commands, "calibrate", about, calibrate)
    add_run(p)
    p.add_argument(
        "--data", metavar="DIR", help="a data set by name or class folders (default: the run's own validation classes)"
    )
    p.add_argument(
        "--folds", type=int, metavar="K",
        help="train the run's recipe anew K times, each without a part of its classes, and fit on what each network "
        "says of the part it never saw: for few identities, and for a run that learnt from all classes",
    )  # fmt: skip
    add_data_root(p)
    add_table(p)
    p.add_argument(
        "--operating-point", default="eer", metavar="{eer,far,accuracy,cost}",
        help="where the threshold lies: equal error rates, --far, best accuracy, or least cost (default: eer)",
    )  # fmt: skip
    p.add_argument("--far", type=float, metavar="X", help="far: the false accept rate that is allowed")
    p.add_argument(
        "--cost-false-accept", type=float, metavar="X", help="cost: of calling two different things the same"
    )
    p.add_argument("--cost-false-reject", type=float, metavar="Y", help="cost: of calling the same thing different")
    p.add_argument("--method", default="logistic", metavar="{logistic,isotonic}", help="(default: logistic)")
    p.add_argument("--prior", type=float, default=0.5, metavar="P", help="share of same pairs in use (default: 0.5)")
    p.add_argument(
        "--certainty", type=float, default=0.9, metavar="C",
        help="from which probability on an answer is sure; less is 'not sure' (default: 0.9)",
    )  # fmt: skip
    p.add_argument("--per-class", action="store_true", help="thresholds of their own for classes with pairs enough")
    p.add_argument(
        "--save-as", metavar="NAME", help="save it with a copy of the run under this name; the run stays as it is"
    )
    p.add_argument("--seed", type=int, default=0, metavar="N", help="of the pairs and the intervals (default: 0)")
    add_device(p)


def calibrate(args: argparse.Namespace) -> int:
    """Fit, save, and tell what came out."""
    from siamese_core import archive, calibration, runs
    from siamese_core.calibration_card import STARTER_STAYS

    folder = runs.runs_folder(args.runs)
    run = runs.find(args.run, folder)
    _check(args, run)
    how = {
        "operating_point": args.operating_point, "value": _value(args), "method": args.method, "prior": args.prior,
        "certainty": args.certainty,
    }  # fmt: skip
    calibration.check(**how)
    if args.save_as is not None:
        archive.refuse_copy(folder, args.save_as)
    ticker = output.Ticker()
    try:
        found, warnings, scores, bars, foreign = _fitted(args, run, folder, ticker, how | {"seed": args.seed})
    finally:
        ticker.clear()
    saved = _saved(args, run, folder, found, bars, foreign)
    if saved is None:
        warnings.append(f"{STARTER_STAYS}, so this was not saved; --save-as NAME saves it with a copy of your own.")
    broken = {} if scores is None else {"broken": tell_broken(scores), "broken_count": scores.broken_count}
    output.warn(warnings)
    rates = found.rates_at(found.threshold)
    value = {"run": run.name, "saved": saved, "warnings": warnings, "calibration": found.to_json(),
             "none_of_these": foreign is not None} | rates | broken  # fmt: skip
    output.result(value, args.json, _text(found, rates))
    return 0


def _check(args: argparse.Namespace, run: Any) -> None:
    """Raises ConfigError for options that do not go together."""
    from siamese_core.calibration_card import STARTER_STAYS
    from siamese_core.errors import ConfigError

    if args.seed < 0:
        raise ConfigError("The seed must be at least 0.")
    if (args.pairs is None) != (args.images is None) or (args.pairs is not None and args.data is not None):
        raise ConfigError("Give either --data DIR, or --pairs CSV with --images DIR_OR_ZIP.")
    if args.folds is not None and (args.data is not None or args.pairs is not None):
        raise ConfigError("--folds deals the run's own classes; leave out --data and --pairs, or --folds.")
    if args.folds is not None and run.is_starter and args.save_as is None:
        raise ConfigError(f"{STARTER_STAYS}, so give --save-as NAME, before its folds are trained.")
    if args.pairs is None and args.label_one != "same":
        raise ConfigError("--label-one goes with --pairs.")
    if args.pairs is not None and args.per_class:
        raise ConfigError("--per-class goes with classes, but --pairs has none; give class folders by --data.")


def _fitted(
    args: argparse.Namespace, run: Any, folder: Path, ticker: output.Ticker, how: dict[str, Any]
) -> tuple[Any, list[str], Any, Any, Any]:
    """The calibration, warnings, the scores of a table, the histogram of folds, and bounds for none of these; the last
    three or None."""
    from siamese_core import calibrate as calibrating
    from siamese_core import cross_fit

    if args.pairs is not None:
        fitted, scores = _of_pairs(args, run, ticker, how)
        return fitted.calibration, list(fitted.warnings), scores, None, None
    root = None if args.data_root is None else Path(args.data_root).expanduser()
    how = how | {"per_identity": args.per_class}
    if args.folds is None:
        fitted = calibrating.fit_run(run, args.data, args.device, root, ticker, foreign=True, **how)
        return fitted.calibration, list(fitted.warnings), None, None, fitted.open_set
    found, of_folds = cross_fit.fit_run(run, args.folds, folder, args.device, root, _Folds(ticker), **how)
    return found, [], None, cross_fit.bars(of_folds), None


def _of_pairs(args: argparse.Namespace, run: Any, ticker: Any, how: dict[str, Any]) -> tuple[Any, Any]:
    """The calibration from a table of pairs, and its scores."""
    from siamese_core import calibrate_pairs, calibration_card, pair_scoring, trained
    from siamese_core.datasets.picture_files import files_in
    from siamese_core.modalities.decoding import plain_name
    from siamese_core.pair_csv import read_pairs

    calibration_card.refuse_training(run)
    table = read_pairs(args.pairs, args.label_one)
    with files_in(args.images) as files:
        model = trained.load(run, args.device, calibrated=False)
        scores = pair_scoring.score(model, table, files, ticker)
    need_some(scores)
    return calibrate_pairs.fit_scores(run, scores, plain_name(args.pairs.name), **how), scores


def _saved(args: argparse.Namespace, run: Any, folder: Path, found: Any, bars: Any, foreign: Any) -> str | None:
    """Save it with the run, or with a copy of it; its name, or None where it must stay as it is."""
    from siamese_core import archive, calibration_card, open_set_fit

    if args.save_as is not None:
        run = archive.copy(run, folder, args.save_as)
    elif run.is_starter:
        return None
    calibration_card.save(run, found, bars)
    if foreign is not None:
        open_set_fit.save(run, foreign)
    return str(run.name)


class _Folds:
    """Progress that says each new thing once where there is no terminal."""

    def __init__(self, ticker: output.Ticker) -> None:
        self._ticker, self._last = ticker, ""

    def __call__(self, text: str, fraction: float) -> None:
        if "fold" in text and text != self._last:
            output.tell(text)
        self._last = text
        self._ticker(text, fraction)


def _value(args: argparse.Namespace) -> tuple[float, ...]:
    """The operating point's value. Raises ConfigError when options are given that go with another one."""
    from siamese_core.errors import ConfigError

    given = {
        "far": [args.far] if args.far is not None else [],
        "cost": [v for v in (args.cost_false_accept, args.cost_false_reject) if v is not None],
    }
    for point, option in (("far", "--far"), ("cost", "--cost-false-accept and --cost-false-reject")):
        if given[point] and args.operating_point != point:
            raise ConfigError(f"{option} goes with --operating-point {point}.")
    return tuple(given.get(args.operating_point, []))


def _text(found: Any, rates: dict[str, float]) -> str:
    p = output.percent
    low, high = found.band
    doubt = "nowhere sure" if low is None or high is None else f"not sure between {low:.4g} and {high:.4g}"
    return (
        f"Threshold {found.threshold:.4g} ({found.operating_point}), {doubt}; false accept rate {p(rates['far'])} "
        f"(95% interval {p(rates['far_low'])} to {p(rates['far_high'])}), false reject rate {p(rates['frr'])} "
        f"({p(rates['frr_low'])} to {p(rates['frr_high'])}); fitted on {found.source}, {found.intervals_are_over}."
    )
