"""Put the figures.zip of the notebook's last cell into the figures folder of its profile.

It may have been unpacked and zipped again, in a folder, with other files. Plots that it lacks are
removed when all of it is in place.

Usage: python scripts/unpack_figures.py [figures.zip]
"""

import hashlib
import json
import sys
import tempfile
import zipfile
from pathlib import Path, PurePosixPath

from cells import NOTEBOOK, base_folder, drawing_hash, stamp_of, swap_plots, write_whole

TAKEN = ("results.json", "pictures.npz", "drawn_by.txt")


def read_figures(path):
    """{name: bytes} of what is taken from a zip file; any Exception if it is not ours."""
    with zipfile.ZipFile(path) as archive:
        places = {PurePosixPath(name.replace("\\", "/")): name for name in archive.namelist()}
        folders = [place.parent for place in places if place.name == "results.json"]
        if len(folders) != 1:
            raise ValueError(f"it has {len(folders)} files results.json")
        files = {}
        for place, name in places.items():
            known = place.name in TAKEN or place.suffix in (".pdf", ".png")
            if known and place.parent == folders[0] and not place.name.startswith("."):
                files[place.name] = archive.read(name)  # tests its checksum, too
    pictures = hashlib.sha256(files["pictures.npz"]).hexdigest()
    if json.loads(files["results.json"])["provenance"]["pictures_sha256"] != pictures:
        raise ValueError("its pictures.npz belongs to another results.json")
    return files


def main(path):
    try:
        files = read_figures(path)
        profile = json.loads(files["results.json"])["profile"]
    except Exception as error:  # a damaged archive can fail anywhere
        reason = f"{error}".replace("\n", " ") or type(error).__name__
        sys.exit(f"{path} is no figures.zip of the notebook ({reason}): nothing was changed")
    figures = base_folder(profile) / "figures"
    figures.mkdir(parents=True, exist_ok=True)
    # A zip from Colab does not say which cells drew its plots: those that came with it.
    files.setdefault("drawn_by.txt", drawing_hash().encode())
    with tempfile.TemporaryDirectory(prefix=".unpacked-", dir=figures) as new:
        for name, content in files.items():
            write_whole(Path(new) / name, content)
        swap_plots(Path(new), figures)
    stamp = stamp_of(figures)
    print(f"{len(files)} files of the {profile} profile, stamp {stamp}: unpacked into {figures}")
    place, setting = base_folder(profile) / NOTEBOOK.name, ""
    if place != NOTEBOOK:
        setting = f" PROFILE={profile}"
        print(f"the notebook of this run belongs at {place}")
        if stamp in NOTEBOOK.read_text(encoding="utf-8", errors="replace"):
            print(f"next: move {NOTEBOOK.name} there, then git checkout {NOTEBOOK.name}")
    print(f"next: make writeup submission{setting}")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "figures.zip")
