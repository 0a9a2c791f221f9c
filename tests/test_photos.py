"""Odd image files, and what the networks make of a photo of any size."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from notebook import code_cells, execute
from PIL import Image

RGB = np.random.default_rng(0).integers(0, 256, (6, 9, 3), dtype=np.uint8)
GREY = RGB[..., 0]
TURNED = Image.Exif()
TURNED[0x0112] = 6  # by a quarter
PHOTOS = [
    pytest.param(np.dstack([RGB, 0 * GREY]), {}, np.full_like(RGB, 255), id="what is transparent is white"),
    pytest.param(RGB, {"exif": TURNED}, np.rot90(RGB, -1), id="what is turned is put upright"),
]


@pytest.mark.parametrize(("pixels", "options", "expected"), PHOTOS)
def test_a_photo_opens_as_a_viewer_shows_it(lib, tmp_path, pixels, options, expected):
    Image.fromarray(pixels).save(tmp_path / "photo.png", **options)
    assert np.array_equal(lib.open_photo(tmp_path / "photo.png"), expected)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "CMYK"])
def test_every_mode_opens_as_rgb_within_the_longest_side(lib, tmp_path, mode):
    Image.fromarray(RGB).convert(mode).resize((900, 600)).save(tmp_path / "photo.tif")
    assert np.asarray(lib.open_photo(tmp_path / "photo.tif", longest=90)).shape == (60, 90, 3)


def test_a_file_that_is_no_image_is_told_by_name(lib, tmp_path):
    (tmp_path / "photo.jpg").write_text("<!DOCTYPE html>")
    with pytest.raises(OSError, match=r"cannot identify image file .*photo\.jpg"):
        lib.open_photo(tmp_path / "photo.jpg")


@pytest.mark.parametrize("size", [(37, 21), (1, 1), (300, 5)])
def test_an_own_photo_of_any_size_is_coloured_and_cut_out(lib, tmp_path, size):
    Image.fromarray(RGB).resize(size).save(tmp_path / "photo.png")
    photos = torch.randint(256, (2, 3, 128, 128), dtype=torch.uint8)
    net = lib.prepare_for_fine_tuning(lib.load_segmentation_net(photos))
    names = {"PHOTO": tmp_path / "photo.png", "strong_nets": {}, "unet_nets": [lib.UNet(3, 4, 24, 1)]}
    names |= {"segmentation_net": net, "first_layers": {"cross_entropy": net.classifier[4]}, "test_images": None}
    names |= {"flowers": lib.FlowerSet(None, photos, None), "protocols": {"leak-free": SimpleNamespace(test=[0])}}
    execute([cell for cell in code_cells() if cell.id == "colourize-photo-run"], vars(lib) | names)
    pictures = {name: picture for name, picture in lib.PICTURES.items() if name.startswith("own photo: ")}
    assert len(pictures) == 5 and len({picture.shape for picture in pictures.values()}) == 1
    colours = {tuple(colour) for colour in (255 * lib.COLOURS).round()}
    assert {tuple(pixel) for pixel in pictures["own photo: likeliest"].reshape(-1, 3)} <= colours
    assert lib.PICTURES["flower probability"].shape == size[::-1] == lib.PICTURES["flower photo"].shape[:2]
