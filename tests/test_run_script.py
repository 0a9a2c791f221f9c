"""make run's script on a small notebook: what it shows, and what it never writes."""

import json

import pytest
from house import House

SETUP = "\nimport os\nfrom IPython.display import display"
INLINE = "    ? 1 module://matplotlib_inline.backend_inline\n"
TRAIN = """print("± 1", os.environ.get("MPLBACKEND"))
print("10 %\\r20 %")
for net in ("first", "second"):
    line = display({"text/plain": f"{net}: begun"}, raw=True, display_id=True)
    line.update({"text/plain": f"{net}: 2/2"}, raw=True)
display({"text/html": "<p>", "text/plain": "<Styler at 0x7f>"}, raw=True)
FACTS["UNet: val_loss"], FIGURE_DIR, stamp = [1, 2], Path("figures"), 3
"""


@pytest.fixture
def house(tmp_path):
    house = House(tmp_path)
    cells = house.cells()
    for cell in cells:
        source = "".join(cell["source"])
        if cell["id"] == "setup":
            cell["source"] = source.replace("\ndisplay = None", SETUP)
        if cell["id"] == "drawing":
            inline = 'plt.switch_backend("module://matplotlib_inline.backend_inline")\n'
            cell["source"] = inline + source + "    plt.close(fig)\n"
        if cell["id"] == "train-pool":
            cell["source"] = TRAIN
    house.write(cells)
    return house


def test_a_log_has_final_lines_only_and_the_notebook_all_pictures(house, monkeypatch):
    monkeypatch.setenv("MPLBACKEND", "svg")
    monkeypatch.setenv("PYTHONIOENCODING", "ascii")
    done = house.run("run_notebook", "full", bare=False)
    assert done.returncode == 0, done.stdout + done.stderr
    for line in (INLINE, "    20 %\n", "    first: 2/2\n", "    second: 2/2\n"):
        assert done.stdout.count(line) == 1, done.stdout
    assert "begun" not in done.stdout and "10 %" not in done.stdout
    cells = json.loads(house.notebook.read_text(encoding="utf-8"))["cells"]
    outputs = json.dumps([cell.get("outputs") for cell in cells])
    assert "image/png" in outputs and "first: 2/2" in outputs
    assert "begun" not in outputs and "Styler" not in outputs
    assert (house.figures / "drawn_by.txt").exists()


def test_a_notebook_without_a_picture_is_never_written_over_the_committed_one(house):
    text = house.notebook.read_text()
    house.notebook.write_text(text.replace("    display(fig)", "    pass"))
    before = house.notebook.read_bytes()
    done = house.run("run_notebook", "full", bare=False)
    assert done.returncode == 1 and "cell curves left no picture" in done.stderr
    assert house.notebook.read_bytes() == before
    assert (house.folder / "build/full/a2-cnn.stopped.ipynb").exists()
