"""Unpack the figures.zip that the notebook's last cell gave the browser over the figures folder of its profile.

full: figures/; quick: build/quick/figures/. Plots of an earlier run are removed. Then: `make writeup submission`.

Usage: python scripts/unpack_figures.py [figures.zip]
"""

import json
import sys
import zipfile

from notebook import NOTEBOOK, base_folder, stamp_of

RESULTS, PLOTS = ("results.json", "pictures.npz"), (".pdf", ".png")


def main(path):
    try:
        with zipfile.ZipFile(path) as archive:
            files = {name: archive.read(name) for name in archive.namelist()}  # tests the checksums, too
        faults = [f"{name} is missing" for name in RESULTS if name not in files]
        strange = [n for n in files if "/" in n or "\\" in n or not (n in RESULTS or n.endswith(PLOTS))]
        faults += [f"{name} is in it" for name in strange]
        if faults:
            raise ValueError(faults[0])
        profile = json.loads(files["results.json"])["profile"]
    except (OSError, zipfile.BadZipFile, ValueError, KeyError) as error:
        sys.exit(f"{path} is not what the notebook's last cell gives ({error}): nothing was changed")
    figures = base_folder(profile) / "figures"
    figures.mkdir(parents=True, exist_ok=True)
    for old in figures.iterdir():
        if old.suffix in PLOTS:
            old.unlink()
    for name, content in files.items():
        (figures / name).write_bytes(content)
    print(f"{len(files)} files of the {profile} profile, stamp {stamp_of(figures)}: unpacked into {figures}")
    place = base_folder(profile) / NOTEBOOK.name
    if place != NOTEBOOK:
        found = stamp_of(figures) in NOTEBOOK.read_text(encoding="utf-8")
        mend = f": move {NOTEBOOK.name} there, then `git checkout {NOTEBOOK.name}`" if found else ""
        print(f"the notebook of this run belongs at {place}{mend}")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "figures.zip")
