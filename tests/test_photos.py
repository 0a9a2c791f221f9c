"""Own photos: odd image files, and what the networks make of a photo of any size."""

import collections

import numpy as np
import pytest
import torch
from conftest import import_notebook, run_cell
from PIL import Image

RGB = np.random.default_rng(0).integers(0, 256, (6, 9, 3), dtype=np.uint8)
GREY = RGB[..., 0]
GREY[0, :2] = 0, 255
AS_RGB = np.repeat(GREY[..., None], 3, axis=2)
TURNED = Image.Exif()
TURNED[0x0112] = 6  # by a quarter
PHOTOS = {
    "what is transparent is white": ("png", np.dstack([RGB, 0 * GREY]), {}, RGB | 255),
    "what is turned is put upright": ("png", RGB, {"exif": TURNED}, np.rot90(RGB, -1)),
    "grey of 16 bits": ("png", np.uint16(GREY) * 100 + 500, {}, AS_RGB),
    "grey as floats": ("tif", np.float32(GREY) / 255, {}, AS_RGB),
}


@pytest.mark.parametrize("kind", PHOTOS)
def test_a_photo_opens_as_a_viewer_shows_it(lib, tmp_path, kind):
    ending, pixels, options, expected = PHOTOS[kind]
    Image.fromarray(pixels).save(tmp_path / f"photo.{ending}", **options)
    opened = np.asarray(lib.open_photo(tmp_path / f"photo.{ending}", 100), dtype=int)
    assert opened.shape == expected.shape and np.abs(opened - expected).max() <= 1


@pytest.mark.parametrize("content", [None, b"", b"<!DOCTYPE html>", b"\x89PNG\r\n\x1a\ncut"])
def test_what_is_no_image_is_told_in_one_line_that_names_it(lib, tmp_path, content):
    if content is not None:
        (tmp_path / "photo.jpg").write_bytes(content)
    with pytest.raises(ValueError, match=r"^[^\n]*photo\.jpg[^\n]*export it as JPEG[^\n]*$"):
        lib.open_photo(tmp_path / "photo.jpg", 100)


def expected_size(size, longest):
    """Height and width of a photo that is scaled down to `longest`."""
    photo = Image.new("L", size)
    photo.thumbnail((longest, longest))
    return photo.size[::-1]


@pytest.mark.parametrize("size", [(37, 21), (1, 1), (300, 5)])
def test_an_own_photo_of_any_size_is_coloured_and_its_flower_cut_out(tmp_path, size):
    lib = import_notebook("sample", name="with_a_photo")
    Image.fromarray(RGB).resize(size).save(tmp_path / "photo.png")
    photos = torch.randint(256, (2, 3, 128, 128), dtype=torch.uint8)
    net = lib.prepare_for_fine_tuning(lib.load_segmentation_net(photos))
    lib.PHOTO, lib.segmentation_net = tmp_path / "photo.png", net
    lib.strong_nets, lib.unet_net = {}, lib.UNet(3, 4, 24, 1)
    layer = lib.last_layer_of(net)
    lib.last_layers = collections.defaultdict(lambda: layer)
    lib.test_images = np.zeros((5, 3, 32, 32), np.uint8)
    lib.strict = lib.Protocol("strict", [], [], [0], lib.VOID, "val_mean_iou")
    lib.flowers = lib.FlowerSet(None, photos, None)
    shown = []
    lib.show_image_rows = lambda rows, *_: shown.extend(rows.values())
    lib.display = print
    run_cell(lib, "own-photo-run")
    coloured, cut_out = [[image.shape for image in images] for images in shown]
    height, width = expected_size(size, 128)
    assert coloured == [(height, width, 3), (height, width), (height, width, 3)]
    assert cut_out == [(lib.PHOTO_SIZE, lib.PHOTO_SIZE, 3)] * 2
