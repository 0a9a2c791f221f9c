"""The own-photo cells on odd image files, which are made here from a drawn flower."""

import numpy as np
import pytest
import torch
from PIL import Image


@pytest.fixture(scope="module")
def flower(definitions):
    return definitions.draw_example()


def saved(image, path, **options):
    image.save(path, **options)
    return path


def test_a_16_bit_grey_photo_keeps_its_brightness(lib, flower, tmp_path):
    grey = np.asarray(flower.convert("L"))
    path = saved(Image.fromarray(grey.astype(np.uint16) * 257), tmp_path / "grey.png")
    opened = lib.open_photo(path)
    assert opened.mode == "RGB"
    assert np.array_equal(np.asarray(opened), np.stack([grey] * 3, axis=2))


def test_transparent_parts_of_a_palette_photo_become_white(lib, flower, tmp_path):
    palette = flower.convert("P", palette=Image.Palette.ADAPTIVE, colors=16)
    corner = palette.getpixel((0, 0))
    path = saved(palette, tmp_path / "palette.png", transparency=corner)
    opened = np.asarray(lib.open_photo(path))
    clear = np.asarray(palette) == corner
    assert (opened[clear] == 255).all() and not (opened[~clear] == 255).all()


def test_an_exif_turned_photo_is_put_upright(lib, flower, tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by a quarter
    path = saved(flower, tmp_path / "turned.jpg", exif=exif, quality=95)
    opened = lib.open_photo(path)
    assert opened.size == flower.size[::-1]
    difference = np.asarray(opened, dtype=float) - np.asarray(flower.rotate(-90, expand=True), dtype=float)
    assert np.abs(difference).mean() < 5


def test_a_large_photo_is_scaled_down_with_a_note(lib, flower, tmp_path, capsys):
    path = saved(flower.resize((4000, 3000)), tmp_path / "large.jpg")
    assert lib.open_photo(path).size == (1024, 768)
    assert "4000x3000 scaled down to 1024x768" in capsys.readouterr().out


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "YCbCr", "I;16"])
def test_every_mode_opens_as_rgb(lib, flower, tmp_path, mode):
    image = (
        Image.fromarray(np.asarray(flower.convert("L")).astype(np.uint16)) if mode == "I;16" else flower.convert(mode)
    )
    path = saved(image, tmp_path / ("photo.tif" if mode in ("CMYK", "YCbCr") else "photo.png"))
    opened = lib.open_photo(path)
    assert opened.mode == "RGB" and opened.size == flower.size


def test_what_is_no_image_is_named(lib, tmp_path):
    path = tmp_path / "photo.jpg"
    path.write_text("<!DOCTYPE html>")
    with pytest.raises(ValueError, match=r"photo\.jpg is not a readable image"):
        lib.open_photo(path)
    with pytest.raises(ValueError, match=r"absent\.jpg is not a readable image: .*No such file"):
        lib.open_photo(tmp_path / "absent.jpg")


@pytest.mark.parametrize("size", [(37, 21), (1, 1), (192, 144), (21, 300)])
def test_both_cells_draw_a_photo_of_any_size(lib, flower, size):
    photo = flower.resize(size)
    net = lib.prepare_for_fine_tuning(lib.build_segmentation_net("mobilenet_v3_large"))
    figure = lib.colourize_photo(lib.UNet(3, 4, 24, 1), photo)
    assert len(figure.axes) == 7
    assert lib.flower_probability(net, photo).shape == size[::-1]
    figure = lib.segment_photo(net, photo)
    assert len(figure.axes) == 3
    lib.plt.close("all")


def test_the_annealed_mean_goes_from_the_mean_to_the_likeliest_colour(lib):
    logits = torch.tensor([2.0, 1.0, *[-9.0] * 22])[:, None, None]
    colours = torch.from_numpy(lib.COLOURS).float()
    images = lib.colourings(logits, temperatures=(1.0, 0.01))
    assert torch.allclose(images["likeliest"][0, 0], colours[0])
    assert torch.allclose(images["mean,\nT = 0.01"][0, 0], colours[0], atol=1e-4)
    assert torch.allclose(images["mean,\nT = 1"][0, 0], logits[:, 0, 0].softmax(dim=0) @ colours, atol=1e-5)


def test_draws_follow_the_probabilities(lib):
    logits = torch.tensor([0.0, 0.0, *[-99.0] * 22])[:, None, None].repeat(1, 40, 40)
    drawn = lib.colourings(logits, temperatures=(1.0,))["drawn,\nT = 1"]
    share = (drawn == torch.from_numpy(lib.COLOURS[0]).float()).all(dim=-1).float().mean()
    assert 0.45 < share < 0.55


def test_without_a_path_the_example_is_drawn(lib, tmp_path):
    assert lib.choose_photo("").size == (192, 144)
    path = saved(lib.choose_photo("").resize((20, 10)), tmp_path / "mine.png")
    assert lib.choose_photo(str(path)).size == (20, 10)
