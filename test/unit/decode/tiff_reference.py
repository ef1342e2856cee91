"""Writes TIFFs with Pillow and tifffile, and reads every TIFF of a folder with Pillow.

usage: tiff_reference.py FOLDER
FOLDER may hold .tif files. More are written there. reference.json then has, for each name, the width, the height and
the pixels over white (base64 of [height, width, 3]), or the error.
"""

import base64
import json
import sys
import warnings
from pathlib import Path

import numpy as np
import tifffile
from PIL import Image, ImageCms, ImageOps

warnings.simplefilter("ignore")
folder = Path(sys.argv[1])

y, x = np.mgrid[0:50, 0:70]
colours = np.stack([x * 255 / 69, y * 255 / 49, (x + y) * 255 / 118], -1).astype("u1")
alpha = (255 - x * 3).astype("u1")
rgb = Image.fromarray(colours)
grey = rgb.convert("L")


def with_alpha(image):
    image = image.copy()
    image.putalpha(Image.fromarray(alpha))
    return image


srgb, lab = ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB")
images = {
    "1": rgb.convert("1"),
    "L": grey,
    "LA": with_alpha(grey),
    "P": rgb.convert("P"),
    "RGB": rgb,
    "RGBA": with_alpha(rgb),
    "CMYK": rgb.convert("CMYK"),
    "YCbCr": rgb.convert("YCbCr"),
    "LAB": ImageCms.profileToProfile(rgb, srgb, lab, outputMode="LAB"),
    "I;16": Image.fromarray(np.asarray(grey).astype("u2") * 257),
    "I": grey.convert("I"),
    "F": grey.convert("F"),
}
compressions = ["raw", "tiff_lzw", "tiff_adobe_deflate", "tiff_deflate", "packbits", "jpeg", "lzma", "zstd"]
for mode, image in images.items():
    for compression in compressions:
        # libjpeg has neither palettes nor other sizes than 8 bits.
        if compression != "jpeg" or mode in ("L", "LA", "RGB", "RGBA", "CMYK", "YCbCr"):
            image.save(folder / f"pillow {mode} {compression}.tif", compression=compression)
for compression in ["tiff_ccitt", "group3", "group4"]:
    images["1"].save(folder / f"pillow 1 {compression}.tif", compression=compression)
rgb.save(folder / "pillow strips.tif", compression="jpeg", tiffinfo={278: 16})
rgb.save(folder / "pillow big.tif", big_tiff=True)
rgb.save(folder / "pillow pages.tif", save_all=True, append_images=[grey, images["CMYK"]])
for orientation in range(1, 9):
    rgb.save(folder / f"pillow orientation {orientation}.tif", tiffinfo={274: orientation})

# Every pair of Cb and Cr, at two levels of Y
levels = np.stack(np.meshgrid([60, 200], np.arange(256), np.arange(256), indexing="ij"), -1).astype("u1")
for compression in ["raw", "tiff_lzw"]:
    every = Image.fromarray(levels.reshape(512, 256, 3), "YCbCr")
    every.save(folder / f"pillow all of YCbCr {compression}.tif", compression=compression)

g = np.asarray(grey)
rgba = np.dstack([colours, alpha])


def write(name, array, **options):
    tifffile.imwrite(folder / f"tifffile {name}.tif", array, metadata=None, **options)


for name, options in {
    "plain": {},
    "tiles": {"tile": (16, 32)},
    "big-endian": {"byteorder": ">"},
    "BigTIFF": {"bigtiff": True},
    "deflate": {"compression": "deflate", "rowsperstrip": 7},
    "deflate tiles": {"compression": "deflate", "tile": (16, 16)},
}.items():
    write(f"grey {name}", g, photometric="minisblack", **options)
    write(f"inverted {name}", g, photometric="miniswhite", **options)
    write(f"16-bit {name}", g.astype("u2") * 251, photometric="minisblack", **options)
    write(f"RGB {name}", colours, photometric="rgb", **options)
    write(f"16-bit RGB {name}", colours.astype("u2") * 251, photometric="rgb", **options)
    for extra in ["unspecified", "assocalpha", "unassalpha"]:
        array = rgba if extra != "assocalpha" else (rgba * (alpha[..., None] / 255)).round().astype("u1")
        write(f"{extra} {name}", array, photometric="rgb", extrasamples=[extra], **options)
    write(f"alpha and spare {name}", np.dstack([rgba, g]), photometric="rgb", extrasamples=[2, 0], **options)
    if "tile" not in options:
        write(f"planes {name}", colours.transpose(2, 0, 1), photometric="rgb", planarconfig="separate", **options)
for kind in ["i1", "i2", "i4", "u4", "u8", "f2", "f4", "f8", "c8"]:
    write(f"type {kind}", g.astype(kind), photometric="minisblack")
write("type RGB f4", colours.astype("f4") / 255, photometric="rgb")


def read(path):
    image = Image.open(path)
    image = ImageOps.exif_transpose(image)
    if image.mode.startswith("I;16"):
        # 16 bits become 8 by their high byte, which Pillow's own conversion would clip.
        return Image.fromarray((np.asarray(image) >> 8).astype("u1")).convert("RGB")
    if image.mode not in ("RGBA", "LA", "PA"):
        return image.convert("RGB")
    white = Image.new("RGBA", image.size, (255, 255, 255, 255))
    white.alpha_composite(image.convert("RGBA"))
    return white.convert("RGB")


reference = {}
for path in sorted(folder.glob("*.tif")):
    try:
        picture = read(path)
        pixels = base64.b64encode(picture.tobytes()).decode()
        reference[path.stem] = {"width": picture.width, "height": picture.height, "pixels": pixels}
    except Exception as error:
        reference[path.stem] = {"error": f"{type(error).__name__}: {error}"}
(folder / "reference.json").write_text(json.dumps(reference))
