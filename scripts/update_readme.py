"""Fill in the README's numbers, each between <!--spread table/row/column/format--> and <!---->.

The requests are those of a2-writeup.tex: cell, spread, byseed and column, and about.
"""

import re

from cells import ROOT, write_whole
from tables import Tables, load_results, written


def in_plain(text, sd=None):
    """A number in plain text, alone or with its standard deviation."""
    text = f"{text.removesuffix('%')} ± {sd}" if sd else text
    return text.replace("-", "−").replace("%", " %")


def filled_in(text, results):
    """The README's text with the numbers of these results."""
    tables = Tables(results)

    def answer(found):
        request = found[2].replace(" ", "/", 1).split("/")
        return f"{found[1]}{written(tables, in_plain, *request)}<!---->"

    return re.sub(r"(<!--(\w+ [^>]+)-->).*?<!---->", answer, text)


if __name__ == "__main__":
    readme = ROOT / "README.md"
    filled = filled_in(readme.read_text(encoding="utf-8"), load_results(ROOT / "figures"))
    write_whole(readme, filled)
