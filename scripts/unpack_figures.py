"""Put the figures.zip of the notebook's last cell into the figures folder of its profile.

It may have been zipped again, in a folder. Of `figures.zip`, `figures (1).zip`, the newest counts.
The notebook there gets back the tags that Colab dropped.
"""

import hashlib
import json
import sys
import zipfile
from pathlib import PurePosixPath

import cells
from cells import NOTEBOOK, ROOT
from tables import stamp_of


def read_figures(path):
    """({name: bytes} of a zip file, its results); any Exception if it is not ours."""
    with zipfile.ZipFile(path) as archive:
        places = {PurePosixPath(name.replace("\\", "/")): name for name in archive.namelist()}
        folders = [place.parent for place in places if place.name == "results.json"]
        if len(folders) != 1:
            raise ValueError(f"it has {len(folders)} files results.json")
        files = {}
        for place, name in places.items():
            ours = place.suffix in (".pdf", ".png", ".json", ".npz") and place.name[0] != "."
            if ours and [place.parent] == folders:
                files[place.name] = archive.read(name)  # tests its checksum, too
    results = json.loads(files["results.json"])
    pictures = hashlib.sha256(files["pictures.npz"]).hexdigest()
    if results["provenance"]["pictures_sha256"] != pictures:
        raise ValueError("its pictures.npz belongs to another results.json")
    return files, results


def main():
    if not (zips := [*ROOT.glob("figures*.zip")]):
        sys.exit(f"there is no figures.zip in {ROOT}")
    path = max(zips, key=lambda path: path.stat().st_mtime)
    try:
        files, results = read_figures(path)
        base = cells.base_folder(results["profile"])
    except Exception as error:  # a damaged archive can fail anywhere
        sys.exit(f"{path} is no figures.zip of the notebook ({error!r}): nothing was changed")
    cells.replace_plots(base / "figures", files)
    print(f"{path}, stamp {stamp_of(results)}, is unpacked into {base / 'figures'}")
    if (notebook := base / NOTEBOOK.name).exists():
        cells.write_whole(notebook, cells.notebook_text(cells.read_notebook(notebook)))
    print(f"with its notebook in {base}: make writeup submission PROFILE={results['profile']}")


if __name__ == "__main__":
    main()
