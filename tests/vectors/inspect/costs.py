#!/usr/bin/env python3
"""Makes the inspection vectors of files that cost more than they are, or that end before they are whole.

    tests/vectors/inspect/costs.py          writes them anew, beside itself

Needs `cjpeg` (on Debian: apt-get install libjpeg-turbo-progs) for the JPEGs of another maker, and nothing else but Python.
"""
import base64
import pathlib
import struct
import subprocess
import zlib

HERE = pathlib.Path(__file__).parent
UNREAD = "marks.unread text.unread words.unread"


def write(name, why, file, media_type, expect, prepared, data):
    head = f"why: {why}\nattachment: {file} {media_type}\nexpect: {expect}\nprepared: {prepared}\nencoding: base64\n===\n"
    text = base64.b64encode(data).decode()
    lines = [text[i:i + 104] for i in range(0, len(text), 104)]
    (HERE / f"{name}.txt").write_text(head + "\n".join(lines) + "\n")


def codes(*found):
    return " ".join(sorted(set(" ".join(found).split())))


# PNG

def chunk(kind, body):
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(width, height, bits, colour, rows, *before):
    header = struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, 0)
    picture = chunk(b"IDAT", zlib.compress(rows, 9))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + b"".join(before) + picture + chunk(b"IEND", b"")


def pngs():
    rows = b"\0\0\0\0" * 2
    for name, why, before in [
        ("bomb_png_palette", "a palette of a length that is no multiple of three", [chunk(b"PLTE", bytes(7))]),
        ("bomb_png_palette_empty", "a palette of no colour", [chunk(b"PLTE", b"")]),
        ("bomb_png_palette_none", "numbered colours without a palette", []),
        ("bomb_png_palette_long", "more colours than there are numbers", [chunk(b"PLTE", bytes(257 * 3))]),
        ("bomb_png_transparency", "more transparent colours than colours",
         [chunk(b"PLTE", bytes(6)), chunk(b"tRNS", bytes(3))]),
    ]:
        data = png(3, 2, 8, 3, rows, *before)
        outside = "types.shape" if before else ""
        write(name, why, "a.png", "image/png", codes("png.form", outside, UNREAD), "png.form", data)
    three = chunk(b"PLTE", bytes(range(9)))
    write("bomb_png_palette_beyond", "a pixel of a colour that the palette does not have", "a.png", "image/png",
          codes("png.palette types.shape", UNREAD), "png.palette", png(3, 2, 8, 3, b"\0\0\1\2\0\0\1\3", three))
    white = png(3000, 2000, 8, 2, (b"\0" + b"\xff" * 9000) * 2000)
    why = "eighteen million samples of nothing in a few thousand bytes"
    write("bomb_png_white", why, "a.png", "image/png", codes("image.size", UNREAD), "image.size", white)


# JPEG

def cjpeg(*options, width=33, height=17):
    pixels = bytes((x * 5 + y * 3 + c * 40) % 200 + 20 for y in range(height) for x in range(width) for c in range(3))
    ppm = b"P6 %d %d 255\n" % (width, height) + pixels
    return subprocess.run(["cjpeg", "-quality", "80", *options], input=ppm, capture_output=True, check=True).stdout


def segments(data):
    """Where each scan header begins, and where the coded data behind it end."""
    at, found = 2, []
    while data[at + 1] != 0xD9:
        begins, marker = at, data[at + 1]
        at += 2 + struct.unpack(">H", data[at + 2:at + 4])[0]
        if marker == 0xDA:
            coded = at
            while data[at] != 0xFF or data[at + 1] in (0, *range(0xD0, 0xD8)):
                at += 1
            found.append((begins, coded, at))
    return found


def segment(marker, body):
    return struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body


def progressive_bomb(side):
    """A progressive frame of this side, and a scan of which almost nothing is there."""
    frame = struct.pack(">BHHB", 8, side, side, 1) + b"\x01\x11\x00"
    tables = segment(0xDB, b"\0" + b"\x01" * 64) + segment(0xC4, b"\0" + b"\x01" + bytes(15) + b"\0")
    return b"\xff\xd8" + tables + segment(0xC2, frame) + segment(0xDA, b"\x01\x01\0\0\0\0") + bytes(29) + b"\xff\xd9"


def flat(side):
    """A grey picture of one colour, two bits a block."""
    frame = struct.pack(">BHHB", 8, side, side, 1) + b"\x01\x11\x00"
    tables = segment(0xDB, b"\0" + b"\x01" * 64)
    for table in (0, 0x10):
        tables += segment(0xC4, bytes([table]) + b"\x01" + bytes(15) + b"\0")
    coded = bytes((((side + 7) // 8) ** 2 * 2 + 7) // 8)
    return b"\xff\xd8" + tables + segment(0xC0, frame) + segment(0xDA, b"\x01\x01\0\0\x3f\0") + coded + b"\xff\xd9"


SHAPED = ("-progressive", "-restart")


def jpegs():
    plain = ["-optimize"]
    for name, why, options in [
        # Two of these are of a shape that no gateway writes, which shows from the outside.
        ("sound_jpeg_progressive", "a progressive picture of another maker", ["-progressive"]),
        ("sound_jpeg_restart", "a picture with restarts of another maker", ["-restart", "1B", *plain]),
        ("sound_jpeg_grey", "a grey picture of another maker", ["-grayscale", *plain]),
        ("sound_jpeg_sampled", "a picture of whole colours of another maker", ["-sample", "1x1", *plain]),
    ]:
        # What another maker wrote is written anew, and passes.
        write(name, why, "a.jpg", "image/jpeg", 
              codes("rebuild.other-form", "types.shape" if options[0] in SHAPED else "", UNREAD), "rebuilt", cjpeg(*options))
    data = cjpeg("-optimize")
    (_, coded, end), = segments(data)
    form = codes("jpeg.form", UNREAD)
    trailing = codes("jpeg.trailing", UNREAD)
    half = (coded + end) // 2
    half -= data[half - 1] == 0xFF
    write("trailing_jpeg_short", "coded data that end in the middle of the picture", "a.jpg", "image/jpeg", form,
          "jpeg.form", data[:half] + data[end:])
    write("trailing_jpeg_coded", "words behind the last block, inside the coded data", "a.jpg", "image/jpeg", trailing,
          "jpeg.trailing", data[:end] + b"EXERCISE COPPER FINCH" + data[end:])
    scans = cjpeg("-progressive")
    last = segments(scans)[-1]
    outside = codes(form, "types.shape")
    write("trailing_jpeg_scans", "a progressive picture without its last scan", "a.jpg", "image/jpeg", outside,
          "jpeg.form", scans[:last[0]] + scans[last[2]:])
    write("trailing_jpeg_scan_twice", "a scan that brings what is there already", "a.jpg", "image/jpeg", outside,
          "jpeg.form", scans[:last[2]] + scans[last[0]:])
    write("bomb_jpeg_progressive", "sixteen million pixels announced in 164 bytes", "a.jpg", "image/jpeg", outside,
          "jpeg.form", progressive_bomb(4000))
    write("bomb_jpeg_flat", "a picture of one colour, and two bits for each block of it", "a.jpg", "image/jpeg",
          codes("image.size", "types.shape", UNREAD), "image.size", flat(3400))


# PDF

def stream(head, data):
    return b"<< /Length %d %s >>\nstream\n" % (len(data), head.encode()) + data + b"\nendstream"


def pdf(code, resources, *more):
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Count 1 /Kids [3 0 R] >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 4 0 R /Resources << %s >> >>" % resources,
        stream("", code), *more]
    out, places = b"%PDF-1.4\n", []
    for number, content in enumerate(objects, 1):
        places.append(len(out))
        out += b"%d 0 obj\n" % number + content + b"\nendobj\n"
    table = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(places) + 1)
    out += b"".join(b"%010d 00000 n \n" % at for at in places)
    out += b"trailer\n<< /Root 1 0 R /Size %d >>\nstartxref\n%d\n%%%%EOF\n" % (len(places) + 1, table)
    return out


def pictures(count, head, data):
    names = b" ".join(b"/I%d %d 0 R" % (n, n + 5) for n in range(count))
    code = b"".join(b"q 50 0 0 50 %d %d cm /I%d Do Q\n" % (9 + n % 10 * 55, 9 + n // 10 * 55, n) for n in range(count))
    return pdf(code, b"/XObject << %s >>" % names, *[stream(head, data)] * count)


def pdfs():
    def add(name, why, code, data, examined=None):
        write(name, why, "a.pdf", "application/pdf", codes(examined or code, UNREAD), code, data)

    image = "/Type /XObject /Subtype /Image /BitsPerComponent 8 /ColorSpace /DeviceGray"
    head = f"{image} /Filter /DCTDecode /Width %d /Height %d"
    add("bomb_pdf_jpegs", "twenty-five pictures of sixteen million pixels announced in 164 bytes each", "image.size",
        pictures(25, head % (4000, 4000), progressive_bomb(4000)))
    add("bomb_pdf_jpeg", "a picture of a million pixels of which nothing is there", "jpeg.form",
        pictures(1, head % (1000, 1000), progressive_bomb(1000)))
    add("bomb_pdf_jpegs_flat", "eight sound pictures of a million pixels of one colour each", "image.size",
        pictures(8, head % (1000, 1000), flat(1000)), "rebuild.other-form")
    white = zlib.compress(b"\xff" * 4_000_000, 9)
    packed = f"{image} /Filter /FlateDecode /Width 2000 /Height 2000"
    add("bomb_pdf_white", "two pictures of four million pixels of one colour each", "image.size",
        pictures(2, packed, white))
    code = b"BT /F1 12 Tf 72 700 Td (EXERCISE) Tj ET"
    font = b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>"
    fonts = b"/Font << /F1 5 0 R >>"
    drawn = zlib.compress(b"[" + b"0 " * 2_000_000 + b"] TJ", 9)
    add("bomb_pdf_list_drawn", "a list of two million numbers in the content of a page, packed", "pdf.size",
        content(drawn, fonts, font))
    unpacked = zlib.compress(b" " * 8_000_000, 9)
    add("bomb_pdf_spaces", "content of eight million spaces", "pdf.bomb", content(unpacked, fonts, font))


def content(packed, resources, *more):
    whole = pdf(b"", resources, *more)
    old, new = stream("", b""), stream("/Filter /FlateDecode", packed)
    head, tail = whole.split(old)
    moved, table = len(new) - len(old), tail.index(b"xref\n")
    begins = len(head) + len(old) + table
    lines = tail[table:].split(b"\n")
    for n, line in enumerate(lines):
        if line.endswith(b" n ") and int(line[:10]) > len(head):
            lines[n] = b"%010d 00000 n " % (int(line[:10]) + moved)
        elif line == b"%d" % begins:
            lines[n] = b"%d" % (begins + moved)
    return head + new + tail[:table] + b"\n".join(lines)


def texts():
    phrase = "EXERCISE " + "\ufdfa " * 2000 + "\n"
    write("bomb_text_phrase", "characters of which each is written out as eighteen", "a.txt", "text/plain", "text.phrase",
          "text.phrase", phrase.encode())


if __name__ == "__main__":
    texts()
    pngs()
    jpegs()
    pdfs()
