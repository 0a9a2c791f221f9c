"""Write benchmarks/README.md from the reports in benchmarks/results/.

A report is what a benchmark writes with --json. For example:
  python benchmarks/muon.py --json > benchmarks/results/muon.json
"""

import json
from pathlib import Path

FOLDER = Path(__file__).resolve().parent
HEAD = """\
# Benchmarks

Each script answers one question; its `--help` says how. `write_readme.py` writes this file from the
reports in `results/`. To measure anew, let a command below write its report, as in
`python benchmarks/muon.py --json > benchmarks/results/muon.json`, then run `write_readme.py`.
`A2_MIRROR` names a folder or URL with the data.
"""


def section(report):
    """A benchmark's section of the README."""
    columns = []
    for row in report["rows"].values():
        columns += [column for column in row if column not in columns]
    text = f"\n## {report['script']}\n\n{report['question']}\n\n"
    text += f"`{report['command']}`: {report['date']}, {report['machine']}, {report['versions']}.\n"
    text += f"\n| | {' | '.join(columns)} |\n|---|{'---:|' * len(columns)}\n"
    for name, row in report["rows"].items():
        cells = []
        for column in columns:
            cells.append(f"{row[column]:.4g}" if column in row else "–")
        text += f"| {name} | {' | '.join(cells)} |\n"
    return text


def readme():
    """The whole text."""
    text = HEAD
    for path in sorted(FOLDER.glob("results/*.json")):
        text += section(json.loads(path.read_text()))
    return text


if __name__ == "__main__":
    (FOLDER / "README.md").write_text(readme())
