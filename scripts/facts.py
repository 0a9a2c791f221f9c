"""A run's facts (a number, a word, or a list with one number a seed), and how to write them."""

import json
import re
import sys
from statistics import fmean, stdev

from cells import stamp_of

# How a fact is written, by what its name ends in: (format, factor, unit). Others have three digits.
STYLES = {
    r"val_accuracy": (".1f", 100, " %"),
    r"void share": (".1f", 100, " %"),
    r"accuracy at distance \d+": (".0f", 100, " %"),
    r"(flower found|called flower), [\w ]+": (".0f", 100, " %"),
    r"called_flower, epoch \d+": (".1f", 100, " %"),
    r"best epoch": (".0f", 1, ""),
    r"slope, epoch \d+": (".0e", 1, ""),
}


def load_results(folder, profile="full"):
    """(results.json of a figures folder, its stamp); SystemExit in one line."""
    path = folder / "results.json"
    try:
        results = json.loads(path.read_text(encoding="utf-8"))
        if results["schema"] != 3:
            raise ValueError(f"its schema is {results['schema']}, not 3")
        return results, stamp_of(folder)
    except (OSError, ValueError, KeyError, TypeError) as error:
        sys.exit(f"{path} cannot be used ({error}): run `make run PROFILE={profile}` first")


def written(name, value):
    """{form: text}: all ways in which README and writeup may write a fact.

    fact: the mean, with its unit; spread: mean ± sd; seeds, signed, size: a list, one a seed.
    """
    if isinstance(value, str | int):
        return {"fact": value if isinstance(value, str) else f"{value:,}"}
    form, factor, unit = ".3f", 1, ""
    for ending, style in STYLES.items():
        if re.search(f"{ending}$", name):
            form, factor, unit = style
    numbers = value if isinstance(value, list) else [value]
    numbers = [factor * number for number in numbers]
    mean = f"{fmean(numbers):{form}}"
    sd = f"{stdev(numbers):{form}}" if len(numbers) > 1 else "–"
    texts = {
        "fact": mean + unit,
        "spread": f"{mean} ± {sd}{unit}",
        "seeds": ", ".join(f"{number:{form}}" for number in numbers),
        "signed": ", ".join(f"{number:+{form}}" for number in numbers),
        "size": ", ".join(f"{abs(number):{form}}" for number in numbers),
    }
    return {name: text.replace("-", "−") for name, text in texts.items()}
