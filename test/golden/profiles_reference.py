"""Writes pictures with ICC profiles of many kinds, and the sRGB that LittleCMS makes of them.

python profiles_reference.py OUT
OUT gets the pictures, NAME.rgb (the pixels) and list.json: [{file, width, height}]. The reference is Pillow's ImageCms in
its default intent (perceptual) on the 8-bit levels: the high bytes of 16-bit samples. Alpha is laid over white after the
conversion. A profile that LittleCMS refuses leaves the colours as they are, as Pillow does.
"""

import io
import json
import struct
import sys
import zlib

import numpy as np
from PIL import Image, ImageCms

out = sys.argv[1]
random = np.random.default_rng(2)
height, width = 16, 64
listed = []

D50 = (0.9642, 1, 0.8249)


def s15(*values):
    return b"".join(struct.pack(">l", round(value * 65536)) for value in values)


def profile(space, pcs, tags, version=2, intent=0):
    # libpng refuses a profile that compresses too well.
    notice = b"text\0\0\0\0No copyright: made for a test. The quick brown fox jumps over the lazy dog.\0"
    tags = {b"cprt": notice, b"wtpt": b"XYZ \0\0\0\0" + s15(*D50), **tags}
    offset, table, body = 132 + 12 * len(tags), b"", b""
    for name, data in tags.items():
        table += name + struct.pack(">LL", offset + len(body), len(data))
        body += data + bytes(-len(data) % 4)
    head = struct.pack(">L4sL", offset + len(body), b"lcms", version << 24) + b"mntr" + space + pcs
    head += struct.pack(">6H", 2024, 1, 1, 0, 0, 0) + b"acsp" + bytes(24) + struct.pack(">L", intent) + s15(*D50)
    return head.ljust(128, b"\0") + struct.pack(">L", len(tags)) + table + body


def gamma(value):
    return b"curv\0\0\0\0" + struct.pack(">LH", 1, round(value * 256))


def samples(values):
    return b"curv\0\0\0\0" + struct.pack(">L", len(values)) + b"".join(struct.pack(">H", round(v * 65535)) for v in values)


def formula(kind, *parameters):
    return b"para\0\0\0\0" + struct.pack(">HH", kind, 0) + s15(*parameters)


PRIMARIES = {
    "srgb": [(0.4361, 0.2225, 0.0139), (0.3851, 0.7169, 0.0971), (0.1431, 0.0606, 0.7141)],
    "adobe": [(0.60974, 0.31111, 0.01947), (0.20528, 0.62567, 0.06087), (0.14919, 0.06322, 0.74457)],
    "prophoto": [(0.79767, 0.28804, 0.0), (0.13519, 0.71188, 0.0), (0.03134, 0.00009, 0.82491)],
    "p3": [(0.51512, 0.2412, -0.00105), (0.29198, 0.69225, 0.04189), (0.1571, 0.06657, 0.78407)],
    "wide": [(0.7161, 0.2582, 0.0), (0.1009, 0.7249, 0.0517), (0.1471, 0.0169, 0.7734)],
}
SRGB_CURVE = formula(3, 2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)


def matrix(name, curve, **options):
    points = {b"rgb"[i : i + 1] + b"XYZ": b"XYZ \0\0\0\0" + s15(*PRIMARIES[name][i]) for i in range(3)}
    return profile(b"RGB ", b"XYZ ", {**points, b"rTRC": curve, b"gTRC": curve, b"bTRC": curve}, **options)


def grey(curve, pcs=b"XYZ ", **options):
    return profile(b"GRAY", pcs, {b"kTRC": curve}, **options)


def lab(xyz, scale):
    """L*a*b* (D50) of XYZ, encoded from 0 to `scale`."""
    t = xyz / np.array(D50)
    f = np.where(t > 0.008856, np.cbrt(np.maximum(t, 1e-9)), 7.787 * t + 16 / 116)
    lightness, a, b = 116 * f[:, 1] - 16, 500 * (f[:, 0] - f[:, 1]), 200 * (f[:, 1] - f[:, 2])
    return np.clip(np.stack([lightness / 100, (a + 128) / 255, (b + 128) / 255], -1) * scale, 0, 1)


def table(channels, grid, to_xyz, bits=16):
    """A lookup table (mft2 or mft1) from the channels to Lab."""
    axes = np.meshgrid(*[np.linspace(0, 1, grid)] * channels, indexing="ij")
    xyz = to_xyz(np.stack(axes, -1).reshape(-1, channels))
    head = bytes([channels, 3, grid, 0]) + s15(1, 0, 0, 0, 1, 0, 0, 0, 1)
    if bits == 8:
        identity, colors = bytes(range(256)), np.round(lab(xyz, 1) * 255).astype("u1").tobytes()
        return b"mft1\0\0\0\0" + head + identity * channels + colors + identity * 3
    ends = struct.pack(">HH", 0, 65535)
    colors = np.round(lab(xyz, 0xFF00 / 0xFFFF) * 65535).astype(">u2").tobytes()
    return b"mft2\0\0\0\0" + head + struct.pack(">HH", 2, 2) + ends * channels + colors + ends * 3


def lut(space, channels, grid, perceptual, colorimetric=None, bits=16, **options):
    tags = {b"A2B0": table(channels, grid, perceptual, bits)}
    if colorimetric:
        tags[b"A2B1"] = table(channels, grid, colorimetric, bits)
    return profile(space, b"Lab ", tags, **options)


def rgb_to_xyz(name, power, black=0.0):
    return lambda rgb: (black + (1 - black) * rgb**power) @ np.array(PRIMARIES[name])


def cmyk_to_xyz(black):
    def convert(cmyk):
        rgb = (1 - 0.95 * cmyk[:, :3]) * (1 - 0.97 * cmyk[:, 3:]) * (1 - black) + black
        return rgb**2 @ np.array(PRIMARIES["srgb"])

    return convert


adobe = matrix("adobe", gamma(2.2))
wide_lut = lut(b"RGB ", 3, 9, rgb_to_xyz("wide", 1.8))
cmyk_lut = lut(b"CMYK", 4, 5, cmyk_to_xyz(0.02))
profiles = {
    "L": {
        **{f"gamma{value}": grey(gamma(value)) for value in (1.0, 1.75, 2.2)},
        "identity": grey(samples([])),
        "samples": grey(samples([(i / 255) ** 1.75 for i in range(256)])),
        "inverted": grey(samples([1 - i / 255 for i in range(256)])),
        "lab": grey(gamma(1.75), pcs=b"Lab "),
        "v4-gamma": grey(formula(0, 1.75), version=4),
        "v4-srgb": grey(SRGB_CURVE, version=4),
        "lut": lut(b"GRAY", 1, 33, lambda g: g**1.5 * np.array([0.97, 1, 0.7])),
        "of-rgb": adobe,
        "damaged": grey(gamma(1.75))[:140],
    },
    "RGB": {
        **{name: matrix(name, gamma(2.2)) for name in PRIMARIES},
        "linear": matrix("srgb", gamma(1.0)),
        "srgb-v4": matrix("srgb", SRGB_CURVE, version=4),
        "p3-v4": matrix("p3", SRGB_CURVE, version=4),
        "formula1": matrix("wide", formula(1, 2.0, 0.9, 0.1), version=4),
        "formula4": matrix("wide", formula(4, 2.4, 0.9, 0.1, 0.05, 0.04, 0.0, 0.0), version=4),
        "lut": wide_lut,
        "lut8": lut(b"RGB ", 3, 9, rgb_to_xyz("wide", 1.8), bits=8),
        "lut-v4": lut(b"RGB ", 3, 9, rgb_to_xyz("wide", 1.8, 0.03), version=4),
        "lut-black": lut(b"RGB ", 3, 9, rgb_to_xyz("wide", 1.8, 0.03)),
        "lut-intents": lut(b"RGB ", 3, 9, rgb_to_xyz("wide", 1.8, 0.05), rgb_to_xyz("p3", 2.0)),
        "lut-header": lut(b"RGB ", 3, 9, rgb_to_xyz("wide", 1.8, 0.05), rgb_to_xyz("p3", 2.0), intent=1),
        "of-grey": grey(gamma(1.75)),
        "of-cmyk": cmyk_lut,
        "tail": adobe + bytes(100),
        "damaged-cut": adobe[:200],
        "damaged-zero": bytes(300),
        "damaged-no-tags": adobe[:128] + bytes(4),
        "damaged-no-curve": adobe.replace(b"rTRC", b"xTRC"),
        "damaged-signature": adobe.replace(b"acsp", b"xxxx"),
        "damaged-table": wide_lut[:900],
    },
    "CMYK": {
        "lut": cmyk_lut,
        "lut-v4": lut(b"CMYK", 4, 5, cmyk_to_xyz(0.02), version=4),
        "lut-intents": lut(b"CMYK", 4, 5, cmyk_to_xyz(0.02), cmyk_to_xyz(0.08)),
    },
}


def levels(mode):
    if mode == "L":
        return np.arange(256, dtype=np.uint8).repeat(4).reshape(height, width)
    picture = random.integers(0, 256, (height, width, len(mode)), dtype=np.uint8)
    # Saturated colours, black and white; for CMYK also without black ink.
    picture[0, :8, :3] = [[255, 0, 0], [0, 255, 0], [0, 0, 255], [255, 255, 255], [0, 0, 0], [128] * 3, [255, 255, 0], [0, 255, 255]]
    picture[:4, 3:, 3:] = 0
    return picture


srgb = ImageCms.createProfile("sRGB")


def converted(picture, mode, icc):
    image = Image.fromarray(picture) if mode != "CMYK" else Image.frombytes("CMYK", picture.shape[1::-1], picture.tobytes())
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(icc))
        return np.asarray(ImageCms.profileToProfile(image, source, srgb, outputMode="RGB"))
    except (OSError, ImageCms.PyCMSError):
        return np.asarray(image.convert("RGB"))


def over_white(rgb, alpha):
    weight = alpha[..., None].astype(float)
    return np.rint((rgb * weight + 255 * (255 - weight)) / 255).astype(np.uint8)


def sixteen(picture):
    return (picture.astype(np.uint16) << 8) | random.integers(0, 256, picture.shape).astype(np.uint16)


def chunk(type, data):
    return struct.pack(">L", len(data)) + type + data + struct.pack(">L", zlib.crc32(type + data))


def png(picture, color_type, icc=None, chunks=b""):
    depth = picture.dtype.itemsize * 8
    rows = picture.reshape(len(picture), -1).astype(f">u{depth // 8}")
    data = zlib.compress(b"".join(b"\0" + row.tobytes() for row in rows))
    head = struct.pack(">LLBBBBB", picture.shape[1], len(picture), depth, color_type, 0, 0, 0)
    described = (chunk(b"iCCP", b"icc\0\0" + zlib.compress(icc)) if icc else b"") + chunks
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + described + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def tiff(picture, photometric, alpha, icc, endian="<"):
    rows, columns = picture.shape[:2]
    channels = picture.size // rows // columns
    size = picture.dtype.itemsize
    data = picture.astype(picture.dtype.newbyteorder(endian)).tobytes()
    fields = [(256, 4, 1, columns), (257, 4, 1, rows), (258, 3, channels, struct.pack(endian + "H", size * 8) * channels)]
    fields += [(259, 3, 1, 1), (262, 3, 1, photometric), (273, 4, 1, 8), (277, 3, 1, channels), (278, 4, 1, rows)]
    fields += [(279, 4, 1, len(data)), *([(338, 3, 1, 2)] if alpha else []), (34675, 7, len(icc), icc)]
    start = 8 + len(data)
    after = start + 2 + 12 * len(fields) + 4
    entries, extra = b"", b""
    for tag, type, count, value in fields:
        if isinstance(value, bytes) and len(value) > 4:
            value, extra = struct.pack(endian + "L", after + len(extra)), extra + value + b"\0" * (len(value) % 2)
        elif not isinstance(value, bytes):
            value = struct.pack(endian + ("H" if type == 3 else "L"), value)
        entries += struct.pack(endian + "HHL", tag, type, count) + value.ljust(4, b"\0")
    head = (b"II*\0" if endian == "<" else b"MM\0*") + struct.pack(endian + "L", start)
    return head + data + struct.pack(endian + "H", len(fields)) + entries + bytes(4) + extra


def add(name, data, expected):
    with open(f"{out}/{name}", "wb") as file:
        file.write(data)
    with open(f"{out}/{name}.rgb", "wb") as file:
        file.write(np.ascontiguousarray(expected).tobytes())
    listed.append({"file": name, "width": expected.shape[1], "height": expected.shape[0]})


def add_jpeg(name, picture, mode, icc):
    # Blocks of 8 x 8, so that quality 100 keeps the levels but for one or two.
    large = picture.repeat(8, axis=0).repeat(8, axis=1)
    image = Image.fromarray(large) if mode != "CMYK" else Image.frombytes("CMYK", large.shape[1::-1], large.tobytes())
    image.save(file := io.BytesIO(), "JPEG", quality=100, subsampling=0, icc_profile=icc)
    add(f"{name}.jpg", file.getvalue(), converted(np.asarray(Image.open(file)), mode, icc))


for mode, of_mode in profiles.items():
    for name, icc in of_mode.items():
        name, picture = f"{mode}-{name}", levels(mode)
        expected = converted(picture, mode, icc)
        add_jpeg(name, picture, mode, icc)
        if mode == "CMYK":
            for bits, samples in ((8, picture), (16, sixteen(picture))):
                add(f"{name}-{bits}.tif", tiff(samples, 5, False, icc), expected)
            continue
        color_type, photometric = (0, 1) if mode == "L" else (2, 2)
        alpha = random.integers(0, 256, (height, width), dtype=np.uint8)
        with_alpha = np.dstack([picture, alpha])
        flat = over_white(expected, alpha)
        add(f"{name}-8.png", png(picture, color_type, icc), expected)
        add(f"{name}-16.png", png(sixteen(picture), color_type, icc), expected)
        add(f"{name}-8-alpha.png", png(with_alpha, color_type + 4, icc), flat)
        add(f"{name}-16-alpha.png", png(sixteen(with_alpha), color_type + 4, icc), flat)
        add(f"{name}-8.tif", tiff(picture, photometric, False, icc), expected)
        add(f"{name}-16.tif", tiff(sixteen(picture), photometric, False, icc), expected)
        add(f"{name}-16-big-endian.tif", tiff(sixteen(picture), photometric, False, icc, ">"), expected)
        add(f"{name}-16-alpha.tif", tiff(sixteen(with_alpha), photometric, True, icc), flat)
        if mode == "RGB":
            Image.fromarray(picture).save(file := io.BytesIO(), "WEBP", lossless=True, icc_profile=icc)
            add(f"{name}.webp", file.getvalue(), expected)

# Other descriptions of colours in PNG: Pillow reads none of them, and a profile counts beside them.
picture = levels("RGB")
primaries = struct.pack(">8L", 31270, 32900, 70000, 29000, 17000, 79700, 13100, 4600)
for name, chunks in {
    "gAMA": chunk(b"gAMA", struct.pack(">L", 100_000)),
    "cHRM": chunk(b"cHRM", primaries),
    "sRGB": chunk(b"sRGB", b"\0"),
    "cICP-PQ": chunk(b"cICP", bytes([9, 16, 0, 1])),
    "cICP-P3": chunk(b"cICP", bytes([12, 13, 0, 1])),
}.items():
    add(f"{name}-8.png", png(picture, 2, None, chunks), picture)
    add(f"{name}-16.png", png(sixteen(picture), 2, None, chunks), picture)
    add(f"{name}-8-profile.png", png(picture, 2, adobe, chunks), converted(picture, "RGB", adobe))
    add(f"{name}-16-profile.png", png(sixteen(picture), 2, adobe, chunks), converted(picture, "RGB", adobe))

# A profile in several segments of a JPEG, in any order; without one of them there is none.
icc = profiles["RGB"]["lut-intents"] + bytes(70_000)
icc = struct.pack(">L", len(icc)) + icc[4:]
Image.fromarray(picture.repeat(8, axis=0).repeat(8, axis=1)).save(file := io.BytesIO(), "JPEG", quality=100, subsampling=0)
jpeg, decoded = file.getvalue(), np.asarray(Image.open(file))
parts = [icc[i : i + 30_000] for i in range(0, len(icc), 30_000)]
segments = []
for number, part in enumerate(parts, 1):
    data = b"ICC_PROFILE\0" + bytes([number, len(parts)]) + part
    segments.append(b"\xff\xe2" + struct.pack(">H", len(data) + 2) + data)
for name, order, expected in (
    ("in-order", segments, converted(decoded, "RGB", icc)),
    ("reversed", segments[::-1], converted(decoded, "RGB", icc)),
    ("one-missing", segments[1:], decoded),
):
    add(f"segments-{name}.jpg", jpeg[:2] + b"".join(order) + jpeg[2:], expected)
with open(f"{out}/list.json", "w") as file:
    json.dump(listed, file)
