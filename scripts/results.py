"""Reading a results folder: its records by what they are, and its comparisons seed by seed."""

import json

import numpy as np
from notebook import stamp_of


def load_results(folder):
    """(results.json of a figures folder, its stamp)."""
    return json.loads((folder / "results.json").read_text(encoding="utf-8")), stamp_of(folder)


def runs_of(results, **wanted):
    """The records that have all these values, by seed."""
    runs = [run for run in results["runs"] if all(run.get(key) == value for key, value in wanted.items())]
    return sorted(runs, key=lambda run: run["seed"])


def colour_values(results, net, metric="val_loss", recipe="handout", epoch=-1):
    """A history metric of a network of Parts A to C, or by the strong recipe, at an epoch: one number a seed."""
    return [run["history"][metric][epoch] for run in runs_of(results, net=net, recipe=recipe, study=None)]


def batch_records(results, size):
    """The records of B.5 at one batch size and the handout's epochs."""
    return runs_of(results, part="B.5", study="same epochs", batch_size=size) or runs_of(results, part="B")


def segmentation_values(results, loss, score, when, protocol="handout", recipe="mended", study=None):
    """A score of Part D: when is an epoch's number (validation), "validation" or "test" (at the best epoch)."""
    runs = runs_of(results, loss=loss, protocol=protocol, recipe=recipe, study=study)
    if isinstance(when, int):
        return [run["history"][f"val_{score}"][when - 1] for run in runs]
    return [run[when][score] for run in runs]


def gaps(results, comparison):
    """The differences of a comparison in summary.paired, one a seed; none if this run has not made it."""
    return results["summary"]["paired"].get(comparison, {"differences": []})["differences"]


def mean_and_sd(values):
    """(mean, sample standard deviation or None for a single value)."""
    return np.mean(values), np.std(values, ddof=1) if len(values) > 1 else None
