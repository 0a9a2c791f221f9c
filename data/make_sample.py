"""Draw the sample data set: data/sample/ in the layout and under the names of the official files.

Horse-like shapes on grass and sand under a sky, where brightness and place give the colour away, so
that small networks really learn something in a few epochs; and flowers with three-valued masks. The
same bits on every call with the same library versions.

Usage: python data/make_sample.py [FOLDER]   (default: data/sample)
"""

import gzip
import io
import sys
import tarfile
from pathlib import Path

import numpy as np
import scipy.io
from PIL import Image, ImageDraw, ImageFilter

SCALE = 4  # everything is drawn 4 times as large and reduced, for smooth edges
COATS = [(96, 58, 36), (60, 36, 24), (140, 90, 55), (30, 24, 20), (225, 222, 216)]
PETALS = [(220, 60, 90), (240, 200, 40), (200, 90, 200), (245, 240, 235), (235, 120, 40)]
NUM_TRAIN, NUM_TEST = 600, 120
NUM_FLOWERS, NUM_LABELLED = 60, 54  # the last six have no mask, as the real class 14
FLOWER_SIZE = (128, 96)
MASK_COLOURS = {"void": (0, 0, 0), "flower": (128, 0, 0), "background": (128, 128, 0)}


def gradient(width, height, top, bottom):
    """An image that fades from one RGB colour at the top to another at the bottom."""
    ramp = np.linspace(0, 1, height)[:, None, None]
    pixels = (1 - ramp) * np.array(top) + ramp * np.array(bottom)
    return Image.fromarray(np.broadcast_to(pixels, (height, width, 3)).astype(np.uint8))


def draw_horse(rng):
    """One scene: uint8 RGB [3, 32, 32]."""
    size = 32 * SCALE
    light = rng.uniform(0.85, 1.1)

    def shade(colour):
        return tuple(int(min(255, light * value)) for value in colour)

    scene = gradient(size, size, shade((120, 170, 220)), shade((205, 222, 236)))
    horizon = int(size * rng.uniform(0.3, 0.6))
    ground = (205, 185, 140), (175, 150, 105)
    if rng.random() < 0.7:
        ground = (125, 150, 75), (90, 115, 50)
    scene.paste(gradient(size, size - horizon, shade(ground[0]), shade(ground[1])), (0, horizon))
    draw, coat = ImageDraw.Draw(scene), shade(COATS[rng.integers(len(COATS))])

    length, height = rng.uniform(0.4, 0.55) * size, rng.uniform(0.16, 0.22) * size
    left, feet = rng.uniform(0.15, 0.35) * size, rng.uniform(0.8, 0.95) * size
    belly = feet - rng.uniform(0.2, 0.28) * size
    right, top = left + length, belly - height
    near, far = 0.08 * length, 0.25 * length
    for x in (left + near, left + far, right - far, right - near):
        draw.line([(x, belly - height / 3), (x + rng.uniform(-6, 6), feet)], fill=coat, width=7)
    draw.ellipse([left, top, right, belly], fill=coat)
    head = (right + 0.16 * size, top - 0.14 * size)
    draw.line([(right - 0.15 * length, top + height / 2), head], fill=coat, width=18)
    draw.ellipse([head[0] - 14, head[1] - 9, head[0] + 14, head[1] + 9], fill=coat)
    draw.line([(left + 4, top + height / 3), (left - 8, belly + 8)], fill=coat, width=6)
    if rng.random() < 0.5:
        scene = scene.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    pixels = np.asarray(scene.resize((32, 32), Image.Resampling.BOX)).astype(np.int16)
    pixels += rng.integers(-3, 4, pixels.shape, dtype=np.int16)
    return np.clip(pixels, 0, 255).astype(np.uint8).transpose(2, 0, 1)


def draw_flower(rng):
    """An RGB image of FLOWER_SIZE and its mask, a palette image with void along the border."""
    width, height = FLOWER_SIZE
    top, bottom = rng.integers(40, 90, 3) + [0, 40, 0], rng.integers(20, 60, 3) + [0, 40, 0]
    photo = gradient(2 * width, 2 * height, top, bottom)
    draw = ImageDraw.Draw(photo)
    for _ in range(25):  # leaves
        x, y = rng.integers(0, 2 * width), rng.integers(0, 2 * height)
        w, h = rng.integers(10, 60, 2)
        colour = int(rng.integers(20, 90)), int(rng.integers(80, 150)), 40
        draw.ellipse([x, y, x + w, y + h], fill=colour)
    flower = Image.new("L", photo.size, 0)
    shape, colour = ImageDraw.Draw(flower), np.array(PETALS[rng.integers(len(PETALS))])
    x, y = rng.uniform(0.35, 0.65) * 2 * width, rng.uniform(0.4, 0.6) * 2 * height
    radius = rng.uniform(40, 75)
    turn, petals = rng.uniform(0, np.pi), int(rng.integers(5, 9))
    for angle in turn + 2 * np.pi * np.arange(petals) / petals:
        px, py = x + 0.6 * radius * np.cos(angle), y + 0.6 * radius * np.sin(angle)
        r = 0.42 * radius
        tint = tuple(int(value) for value in np.clip(colour + rng.integers(-15, 16), 0, 255))
        draw.ellipse([px - r, py - r, px + r, py + r], fill=tint)
        shape.ellipse([px - r, py - r, px + r, py + r], fill=255)
    core = 0.3 * radius
    draw.ellipse([x - core, y - core, x + core, y + core], fill=(150, 110, 30))
    shape.ellipse([x - core, y - core, x + core, y + core], fill=255)

    photo = photo.resize(FLOWER_SIZE, Image.Resampling.BOX)
    flower = flower.resize(FLOWER_SIZE, Image.Resampling.NEAREST)
    inside = np.asarray(flower.filter(ImageFilter.MinFilter(5))) > 0
    near = np.asarray(flower.filter(ImageFilter.MaxFilter(5))) > 0
    labels = np.where(inside, 1, np.where(near, 0, 2)).astype(np.uint8)  # positions in MASK_COLOURS
    mask = Image.fromarray(labels, "P")
    mask.putpalette([value for colour in MASK_COLOURS.values() for value in colour])
    return photo, mask


def encode(image, kind, **options):
    """The bytes of `image` as a file of this kind."""
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def write_archive(path, members):
    """A .tgz of {name: bytes} without times and owners: the same members give the same bytes."""
    with (
        open(path, "wb") as raw,
        gzip.GzipFile("", "wb", mtime=0, fileobj=raw) as zipped,
        tarfile.open(fileobj=zipped, mode="w") as archive,
    ):
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))


def write_splits(path, rng):
    """Three random splits, as in the official file: 1/2 training, 1/4 validation, 1/4 test."""
    splits = {}
    for number in (1, 2, 3):
        ids = rng.permutation(np.arange(1, NUM_FLOWERS + 1))
        parts = np.split(ids, [NUM_FLOWERS // 2, 3 * NUM_FLOWERS // 4])
        for name, part in zip(("trn", "val", "tst"), parts, strict=True):
            splits[f"{name}{number}"] = np.sort(part)[None].astype(np.uint16)
    with open(path, "wb") as file:
        scipy.io.savemat(file, splits)
        file.seek(0)
        # where savemat puts the time of day
        file.write(b"MATLAB 5.0 MAT-file, drawn sample".ljust(116))
    return splits


def main(folder):
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(413)
    horses = {
        name: np.stack([draw_horse(rng) for _ in range(count)])
        for name, count in (("x_train", NUM_TRAIN), ("x_test", NUM_TEST))
    }
    np.savez_compressed(folder / "cifar10_horses.npz", **horses)

    splits = write_splits(folder / "datasplits.mat", rng)
    drawn = {number: draw_flower(rng) for number in range(1, NUM_FLOWERS + 1)}
    # One near duplicate across training and test, as in the real set: the same, a little brighter.
    source, twin = splits["trn2"][0, 0], splits["tst2"][0, 0]
    photo, mask = drawn[source]
    drawn[twin] = (photo.point(lambda value: min(value + 1, 255)), mask)
    photos, masks = {}, {}
    for number, (photo, mask) in drawn.items():
        photos[f"jpg/image_{number:04d}.jpg"] = encode(photo, "JPEG", quality=90)
        if number <= NUM_LABELLED:
            masks[f"trimaps/image_{number:04d}.png"] = encode(mask, "PNG")
    write_archive(folder / "17flowers.tgz", photos)
    write_archive(folder / "trimaps.tgz", masks)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent / "sample")
