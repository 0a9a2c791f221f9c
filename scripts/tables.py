"""A run's tables: numbers by table, row and column, and how README and writeup write them.

As a script, it fills in README.md's, between <!--cell table/row/column/format--> and <!---->.
"""

import hashlib
import json
import re
import sys

from cells import ROOT, write_whole


def load_results(folder, profile="full"):
    """The results.json of a figures folder; SystemExit in one line."""
    path = folder / "results.json"
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        sys.exit(f"{path} cannot be used ({error!r}): make run PROFILE={profile}, or make unpack")


def stamp_of(results):
    """The beginning of the SHA-256 of what was run; a table can be shown anew without a run."""
    run = {key: content for key, content in results.items() if key != "tables"}
    content = json.dumps(run, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(content.encode()).hexdigest()[:12]


def as_text(label):
    """A row's or a column's label; one of two levels is a list."""
    return " ".join(map(str, label)).strip() if isinstance(label, list) else str(label)


class Tables:
    """The numbers of a results.json's tables, and texts about it; remembers what is looked up."""

    def __init__(self, results):
        provenance, seeds = results["provenance"], len(results["provenance"]["seeds"])
        self.about = {key: text for key, text in provenance.items() if isinstance(text, str)}
        self.about |= {"stamp": stamp_of(results), "profile": results["profile"]}
        self.about["seeds"] = f"{seeds} seeds" if seeds > 1 else "one seed"
        self.about["torch"] = provenance["versions"]["torch"].split("+")[0]
        self.numbers, self.looked_up = {}, {}
        for name, table in results["tables"].items():
            for row, values in zip(table["index"], table["data"], strict=True):
                for column, number in zip(table["columns"], values, strict=True):
                    place = name, as_text(row), as_text(column)
                    self.numbers[place] = None if place in self.numbers else number  # which?

    def row(self, table, row=None, column=None):
        """The numbers of a row, of a column, or the one in both, as a list."""
        found = []
        for place, number in self.numbers.items():
            if place[0] == table and row in (None, place[1]) and column in (None, place[2]):
                found.append(number)
        asked = ", ".join(label for label in (table, row, column) if label is not None)
        self.looked_up[asked] = found
        if not found or None in found:
            raise LookupError(f"results.json has no number at: {asked}")
        return found

    def column(self, table, column):
        return self.row(table, column=column)

    def __call__(self, table, row, column):
        return self.row(table, row, column)[0]


def formatted(number, form):
    """A number in a format of Python's; a leading | takes its size."""
    if form.startswith("|"):
        number, form = abs(number), form[1:]
    if isinstance(number, float) and number.is_integer() and form in ("", ",", "d"):
        number = int(number)
    return "0" if number == 0 and form.endswith("e") else format(number, form)


def written(tables, typeset, kind, *arguments):
    """The answer to a request; `typeset` makes text of a number, or of mean and sd."""
    if kind == "about":
        return typeset(tables.about[arguments[0]])
    *place, form = arguments
    if kind == "spread":
        table, row, column = place
        mean = tables(table, row, f"{column} mean")
        sd = tables.numbers.get((table, row, f"{column} std"))
        sd = "–" if sd is None else formatted(sd, form.strip("+|"))
        return typeset(formatted(mean, form), sd)
    look_up = tables.column if kind == "column" else tables.row
    return ", ".join(typeset(formatted(number, form)) for number in look_up(*place))


def in_plain(text, sd=None):
    """A number in plain text, alone or with its standard deviation."""
    text = f"{text.removesuffix('%')} ± {sd}" if sd else text
    return text.replace("-", "−").replace("%", " %")


def filled_in(text, results):
    """The README's text with the numbers of these results."""
    tables = Tables(results)

    def answer(found):
        request = found[2].replace(" ", "/", 1).split("/")
        try:
            return f"{found[1]}{written(tables, in_plain, *request)}<!---->"
        except (LookupError, ValueError, TypeError) as reason:
            sys.exit(f"README.md, {found[1]}: {reason}")

    filled, number = re.subn(r"(<!--(\w+ [^>]+)-->)[^<]*<!---->", answer, text)
    if not number == text.count("<!---->") == len(re.findall(r"<!--\w", text)):
        sys.exit("README.md: each <!--request--> wants an answer and a <!----> behind it")
    return filled


if __name__ == "__main__":
    readme = ROOT / "README.md"
    text = readme.read_text(encoding="utf-8")
    write_whole(readme, filled_in(text, load_results(ROOT / "figures")))
    print(f"numbers filled in: {readme}")
