"""Writes pictures with an orientation in every place, and what Pillow's exif_transpose makes of them.

python orientation_reference.py OUT
OUT gets the pictures, NAME.rgb (the pixels) and list.json: [{file, width, height}]. Pictures are 6 x 4 random colours, in
JPEG and AVIF in blocks of 16.
"""

import io
import json
import struct
import sys
import warnings
import zlib

import numpy as np
from PIL import Image, ImageOps

warnings.simplefilter("ignore")
out = sys.argv[1]
listed = []
width, height = 6, 4
pixels = np.random.default_rng(1).integers(0, 256, (height, width, 3), dtype=np.uint8)
small = Image.fromarray(pixels)
large = Image.fromarray(np.kron(pixels, np.ones((16, 16, 1), np.uint8)))


def add(name, data):
    with open(f"{out}/{name}", "wb") as file:
        file.write(data)
    upright = ImageOps.exif_transpose(Image.open(io.BytesIO(data))).convert("RGB")
    with open(f"{out}/{name}.rgb", "wb") as file:
        file.write(upright.tobytes())
    listed.append({"file": name, "width": upright.width, "height": upright.height})


def saved(image, format, **options):
    file = io.BytesIO()
    image.save(file, format, **options)
    return file.getvalue()


PREFIX = b"Exif\0\0"
FORMATS = {1: "B", 2: "B", 3: "H", 4: "L", 5: "LL", 6: "b", 7: "B", 8: "h", 9: "l", 10: "ll", 11: "f", 12: "d", 13: "L", 16: "Q"}


def block(values, type=3, count=1, endian="<", before=b"", tag=274):
    """An EXIF block with one field, behind the entries `before`."""
    payload = b"".join(struct.pack(endian + FORMATS[type][0], value) for value in values)
    entries = len(before) // 12 + 1
    after = 8 + 2 + 12 * entries + 4
    inline = payload.ljust(4, b"\0") if len(payload) <= 4 else struct.pack(endian + "L", after)
    head = (b"II*\0" if endian == "<" else b"MM\0*") + struct.pack(endian + "LH", 8, entries)
    entry = struct.pack(endian + "HHL", tag, type, count) + inline
    return head + before + entry + bytes(4) + (payload if len(payload) > 4 else b"")


def entry(tag, type, count, value):
    return struct.pack("<HHLL", tag, type, count, value)


def packet(orientation):
    return (
        b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        b'<rdf:Description xmlns:tiff="http://ns.adobe.com/tiff/1.0/" tiff:Orientation="%s"/></rdf:RDF></x:xmpmeta>'
    ) % str(orientation).encode()


def element(orientation):
    return b"<tiff:Orientation>%s</tiff:Orientation>" % str(orientation).encode()


png_bytes = saved(small, "PNG")
pixels_at, end_at = png_bytes.index(b"IDAT") - 4, png_bytes.index(b"IEND") - 4


def chunk(type, data):
    return struct.pack(">L", len(data)) + type + data + struct.pack(">L", zlib.crc32(type + data))


def png(before=b"", after=b""):
    return png_bytes[:pixels_at] + before + png_bytes[pixels_at:end_at] + after + png_bytes[end_at:]


def text(keyword, data, kind):
    if kind == "tEXt":
        return chunk(b"tEXt", keyword + b"\0" + data)
    if kind == "zTXt":
        return chunk(b"zTXt", keyword + b"\0\0" + zlib.compress(data))
    if kind == "iTXt":
        return chunk(b"iTXt", keyword + b"\0\0\0\0\0" + data)
    return chunk(b"iTXt", keyword + b"\0\1\0en\0key\0" + zlib.compress(data))


def raw(data):
    digits = data.hex().encode()
    lines = b"\n".join(digits[i : i + 72] for i in range(0, len(digits), 72))
    return b"\nexif\n%8d\n%s\n" % (len(data), lines)


jpeg_bytes = saved(large, "JPEG", quality=95, subsampling=0)


def segment(marker, data):
    return bytes([0xFF, marker]) + struct.pack(">H", len(data) + 2) + data


def jpeg(*segments):
    return jpeg_bytes[:2] + b"".join(segments) + jpeg_bytes[2:]


def exif_segment(data):
    return segment(0xE1, PREFIX + data)


def xmp_segment(data):
    return segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + data)


webp_pixels = saved(small, "WEBP", lossless=True)[12:]


def riff(type, data):
    return type + struct.pack("<L", len(data)) + data + b"\0" * (len(data) % 2)


def webp(flags, *chunks, before=b""):
    size = struct.pack("<L", width - 1)[:3] + struct.pack("<L", height - 1)[:3]
    body = b"WEBP" + riff(b"VP8X", bytes([flags, 0, 0, 0]) + size) + before + webp_pixels + b"".join(chunks)
    return b"RIFF" + struct.pack("<L", len(body)) + body


# Values of the EXIF tag, in every container, alone and beside XMP.
blocks = {f"{endian}{o}": block([o], endian={"le": "<", "be": ">"}[endian]) for endian in ("le", "be") for o in range(11)}
blocks |= {f"type{type}": block([6], type) for type in (1, 2, 4, 6, 7, 8, 9, 11, 12, 13, 16)}
blocks |= {f"type{type}be": block([6], type, endian=">") for type in (1, 4, 6, 8, 11, 12, 16)}
blocks |= {"rational": block([12, 2], 5), "rational0": block([6, 0], 5), "srational": block([6, 1], 10)}
blocks |= {"two": block([6, 3], 3, 2), "three": block([6, 3, 1], 3, 3), "none": block([6], 3, 0), "bytes": block([6, 3], 1, 2)}
blocks |= {
    "twice": block([6], before=entry(274, 3, 1, 8)),
    "unknown": block([6], before=entry(274, 99, 1, 8)),
    "outside": block([6], before=entry(270, 2, 5, 9999)),
    "long": block([6], before=entry(270, 2, 4_000_000_000, 8)),
    "absent": block([1], tag=256),
    "empty": b"",
    "far": block([6])[:4] + struct.pack("<L", 5000) + block([6])[8:],
    "swapped": b"II\0*" + block([6])[4:],
}
blocks |= {f"cut{length}": block([6])[:length] for length in (8, 15, 20, 22)}
for name, data in blocks.items():
    add(f"exif-{name}.jpg", jpeg(exif_segment(data)))
    add(f"exif-{name}.png", png(chunk(b"eXIf", data)))
    add(f"exif-{name}.webp", webp(8, riff(b"EXIF", data)))
    add(f"exif-{name}-xmp8.jpg", jpeg(exif_segment(data), xmp_segment(packet(8))))
    add(f"exif-{name}-xmp8.png", png(chunk(b"eXIf", data) + text(b"XML:com.adobe.xmp", packet(8), "iTXt")))

# Places.
for o in range(1, 9):
    data = block([o])
    for prefix, prefixed in (("", data), ("prefix", PREFIX + data)):
        add(f"eXIf-{prefix}-{o}.png", png(chunk(b"eXIf", prefixed)))
        add(f"EXIF-{prefix}-{o}.webp", webp(8, riff(b"EXIF", prefixed)))
        add(f"app1-{prefix}-{o}.jpg", jpeg(exif_segment(prefixed)))
        for kind in ("tEXt", "zTXt", "iTXt", "iTXt-compressed"):
            for name in (b"exif", b"APP1"):
                keyword = b"Raw profile type " + name
                add(f"raw-{name.decode()}-{kind}-{prefix}-{o}.png", png(text(keyword, raw(prefixed), kind)))
    add(f"eXIf-after-{o}.png", png(after=chunk(b"eXIf", data)))
    add(f"exif-text-{o}.png", png(text(b"exif", data, "tEXt")))
    add(f"split-{o}.jpg", jpeg(exif_segment(data[:12]), exif_segment(data[12:])))
    for form, xmp in (("attribute", packet(o)), ("element", element(o))):
        for kind in ("tEXt", "zTXt", "iTXt", "iTXt-compressed"):
            add(f"xmp-{form}-{kind}-{o}.png", png(text(b"XML:com.adobe.xmp", xmp, kind)))
        add(f"xmp-{form}-after-{o}.png", png(after=text(b"XML:com.adobe.xmp", xmp, "iTXt")))
        add(f"xmp-{form}-{o}.jpg", jpeg(xmp_segment(xmp)))
        add(f"xmp-{form}-{o}.webp", webp(4, riff(b"XMP ", xmp)))
        add(f"xmp-{form}-before-{o}.webp", webp(4, before=riff(b"XMP ", xmp)))
        add(f"xmp-{form}-no-flag-{o}.webp", webp(0, riff(b"XMP ", xmp)))
        add(f"xmp-{form}-{o}.tif", saved(small, "TIFF", tiffinfo={700: xmp}))
    for compression in (None, "tiff_lzw"):
        add(f"tag-{compression}-{o}.tif", saved(small, "TIFF", tiffinfo={274: o, 700: packet(6)}, compression=compression))
    add(f"tag-big-{o}.tif", saved(small, "TIFF", tiffinfo={274: o}, big_tiff=True))
    exif = Image.Exif()
    exif[274] = o
    still = {"quality": 100, "subsampling": "4:4:4"}
    add(f"irot-{o}.avif", saved(large, "AVIF", exif=exif.tobytes(), **still))
    add(f"irot-xmp3-{o}.avif", saved(large, "AVIF", exif=exif.tobytes(), xmp=packet(3), **still))
    add(f"xmp-{o}.avif", saved(large, "AVIF", xmp=packet(o), **still))
    # EXIF alone: written as another tag, which Pillow leaves where it is, then renamed.
    other = Image.Exif()
    other[40961] = o
    renamed = saved(large, "AVIF", exif=other.tobytes(), xmp=packet(6), **still)
    renamed = renamed.replace(struct.pack("<HHLH", 40961, 3, 1, o), struct.pack("<HHLH", 274, 3, 1, o))
    add(f"exif-xmp6-{o}.avif", renamed)

# Spellings of XMP.
spellings = {
    "single": b"tiff:Orientation='6'",
    "spaces": b'tiff:Orientation = "6"',
    "space": b'tiff:Orientation=" 6"',
    "prefix": packet(6).replace(b"tiff:", b"t:"),
    "two-digits": packet(12),
    "nine": packet(9),
    "zero": packet(0),
    "word-first": packet("six") + packet(6),
    "two": packet(3) + packet(6),
    "newline": element("\n6"),
    "comment": b'<!-- tiff:Orientation="6" -->',
    "utf16": packet(6).decode().encode("utf-16"),
    "not-utf8": b"\xff\xfe\x80" + packet(6),
    "cut": packet(6)[: packet(6).index(b'="6"') + 2],
    "large": b" " * 60_000 + packet(6),
}
for name, xmp in spellings.items():
    add(f"spelling-{name}.png", png(text(b"XML:com.adobe.xmp", xmp, "iTXt")))
    add(f"spelling-{name}.jpg", jpeg(xmp_segment(xmp)))
    add(f"spelling-{name}.webp", webp(4, riff(b"XMP ", xmp)))

# Several blocks, and places that do not count.
six, eight = block([6]), block([8])
add("two-xmp.jpg", jpeg(xmp_segment(packet(3)), xmp_segment(packet(6))))
add("two-exif.jpg", jpeg(exif_segment(six), exif_segment(eight)))
add("app2.jpg", jpeg(segment(0xE2, PREFIX + six)))
add("fill.jpg", jpeg(b"\xff\xff\xff", exif_segment(six)))
add("extended.jpg", jpeg(segment(0xE1, b"http://ns.adobe.com/xmp/extension/\0" + packet(6))))
add("two-eXIf.png", png(chunk(b"eXIf", six) + chunk(b"eXIf", eight)))
add("eXIf-and-raw.png", png(chunk(b"eXIf", six) + text(b"Raw profile type exif", raw(eight), "tEXt")))
add("empty-eXIf-and-raw.png", png(chunk(b"eXIf", blocks["absent"]) + text(b"Raw profile type exif", raw(eight), "tEXt")))
add("two-raw.png", png(text(b"Raw profile type exif", raw(six), "tEXt") + text(b"Raw profile type exif", raw(eight), "zTXt")))
add("raw-crlf.png", png(text(b"Raw profile type exif", raw(six).replace(b"\n", b"\r\n"), "tEXt")))
add("two-exif.webp", webp(8, riff(b"EXIF", six), riff(b"EXIF", eight)))
add("no-flag.webp", webp(0, riff(b"EXIF", six)))
add("xmp.gif", saved(small, "GIF", xmp=packet(6)))
with open(f"{out}/list.json", "w") as file:
    json.dump(listed, file)
