#!/usr/bin/env python3
"""Writes the vectors of words that nobody sees in a PDF, and of their neighbours that everybody sees.

    python3 tests/vectors/inspect/make_hidden.py          writes them
    python3 tests/vectors/inspect/make_hidden.py --check  says which differ from what is here

Each hidden one is one page of Helvetica on which `EXERCISE UNSEEN` is hidden by one means; each sound one is as near to it as
words that are seen can be. On those out of order (`pdforder`) a mark is to be seen, whose letters are drawn in no order.
"""

import math
import sys
import zlib
from pathlib import Path

CODES = {"pdf_link_border": "pdf.annotation", "pdf_link_appearance": "pdf.annotation", "pdf_font_widths": "pdf.font"}
HIDDEN = "marks.unread pdf.hidden text.unread words.unread"
SOUND = "marks.unread rebuild.other-form text.unread words.unread"


def pdf(code, resources="", more=(), page="", above="", font="", faces="", base="Helvetica", sheet=(612, 792)):
    """A file of one page of 612 by 792 points; objects from 6 on are those of `more`. The others are further entries: of
    the page, of the tree above it, of its font, of its fonts; the name of its font, and another size."""
    data = code.encode("ascii")
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Count 1 /Kids [3 0 R]" + above.encode("ascii") + b" >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 %d %d]" % sheet
        + page.encode("ascii")
        + b" /Contents 4 0 R /Resources << /Font << /F1 5 0 R"
        + faces.encode("ascii")
        + b" >>"
        + resources.encode("ascii")
        + b" >> >>",
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(data), data),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /%s /Encoding /WinAnsiEncoding" % base.encode("ascii")
        + font.encode("ascii")
        + b" >>",
        *more,
    ]
    out, places = b"%PDF-1.4\n", []
    for number, body in enumerate(objects, 1):
        places.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    head = b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    tail = b"trailer\n<< /Root 1 0 R /Size %d >>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, len(out))
    return out + head + table + tail


def image(width, height, grey):
    """An image in one grey, with a darker edge."""
    edge = lambda x, y: x in (0, width - 1) or y in (0, height - 1)
    pixels = bytes(0 if edge(x, y) else grey for y in range(height) for x in range(width))
    packed = zlib.compress(pixels, 9)
    return (
        b"<< /Type /XObject /Subtype /Image /Width %d /Height %d /BitsPerComponent 8 /ColorSpace /DeviceGray "
        b"/Filter /FlateDecode /Length %d >>\nstream\n%s\nendstream" % (width, height, len(packed), packed)
    )


def words(text, before="", at=(72, 700), size=12):
    return f"BT /F1 {size} Tf {before}{at[0]} {at[1]} Td ({text}) Tj ET"


def shuffled(text, at, degrees, wave=0, step=9, upright=False):
    """Letters of Courier, each drawn by itself, in an order that is none; every second one moved across their line."""
    angle, out = math.radians(degrees), []
    sin, cos = math.sin(angle), math.cos(angle)
    for i, letter in enumerate(text):
        beside = wave * (i % 2)
        x, y = at[0] + step * i * cos - beside * sin, at[1] + step * i * sin + beside * cos
        turned = "1 0 0 1" if upright else f"{cos:.4f} {sin:.4f} {-sin:.4f} {cos:.4f}"
        if letter != " ":
            out.append(f"BT /F1 14 Tf {turned} {x:.2f} {y:.2f} Tm ({letter}) Tj ET")
    return "\n".join(out[i * 8 % len(out)] for i in range(len(out)))


def set_out(pieces, place, size=12):
    """Pieces of words, each drawn where `place` says for its number, in an order that is none."""
    drawn = [f"BT /F1 {size} Tf {place(i)[0]:.2f} {place(i)[1]:.2f} Td ({piece}) Tj ET" for i, piece in enumerate(pieces)]
    return "\n".join(drawn[i * 5 % len(drawn)] for i in range(len(drawn)))


def around(i):
    """The place of a letter upon a circle, clockwise from the left."""
    return 300 - 60 * math.cos(0.4 * i), 400 + 60 * math.sin(0.4 * i)


def slits(pitch, thick, count=60):
    """What cuts a page to slits above each other, about words at their usual place."""
    return "".join(f"60 {696 + pitch * i:.3f} 300 {thick:.3f} re " for i in range(count)) + "W n "


def traced(times, thick):
    """The objects of a font of drawings whose letters are a line upright and a line across, so thick, gone round so often."""
    letters = sorted(set("EXERCISE"))
    bar = lambda x0, y0, x1, y1: f"{x0} {y0} m\n{x1} {y0} l\n{x1} {y1} l\n{x0} {y1} l\nh\n"
    drawings, said = [], []
    for i, letter in enumerate(letters):
        level = 100 + 90 * i
        drawn = bar(100, 0, 100 + thick, 700) * times + bar(100, level, 500, level + thick) * times
        code = f"600 0 100 0 500 700 d1\n{drawn}f\n".encode("ascii")
        drawings.append(b"<< /Length %d >>\nstream\n%s\nendstream" % (len(code), code))
        said.append(f"<{33 + i:02X}> <{ord(letter):04X}>\n")
    map_ = (
        "/CIDInit /ProcSet findresource begin\n12 dict begin\nbegincmap\n/CMapName /Letters def\n/CMapType 2 def\n"
        "1 begincodespacerange\n<00> <FF>\nendcodespacerange\n"
        f"{len(said)} beginbfchar\n{''.join(said)}endbfchar\nendcmap\nCMapName currentdict /CMap defineresource pop\nend\nend\n"
    ).encode("ascii")
    names = " ".join(f"{33 + i} /g{33 + i}" for i in range(len(letters)))
    procedures = " ".join(f"/g{33 + i} {7 + i} 0 R" for i in range(len(letters)))
    font = (
        "<< /Type /Font /Subtype /Type3 /FontBBox [0 0 0 0] /FontMatrix [0.001 0 0 0.001 0 0] /FirstChar 33 "
        f"/LastChar {32 + len(letters)} /Widths [{' '.join(['600'] * len(letters))}] /Encoding << /Type /Encoding "
        f"/Differences [{names}] >> /CharProcs << {procedures} >> /Resources << >> /ToUnicode {7 + len(letters)} 0 R >>"
    )
    return [font.encode("ascii"), *drawings, b"<< /Length %d >>\nstream\n%s\nendstream" % (len(map_), map_)]


def in_traced(size):
    """`EXERCISE` in the codes of such a font."""
    letters = sorted(set("EXERCISE"))
    codes = "".join(f"{33 + letters.index(letter):02X}" for letter in "EXERCISE")
    return f"BT /F2 {size} Tf 72 700 Td <{codes}> Tj ET"


UNSEEN = "EXERCISE UNSEEN"
# As many letters as have no divisor in common with eight.
MARK = "TOP SECRET//SI//NOFORN"
COURIER = {"base": "Courier"}
STATES = " /ExtGState << /G << /ca 0.3 >> /H << /ca 0.9 >> >>"
MAPPED = {"fonts": "mapped", "faces": " /F2 6 0 R"}
# A colour that is white whatever is asked for.
WHITENED = "[/Separation /X /DeviceGray << /FunctionType 2 /Domain [0 1] /C0 [1] /C1 [1] /N 1 >>]"
APPEARANCE = b"<< /Type /XObject /Subtype /Form /BBox [0 0 200 30] /Length 23 >>\nstream\n0 g 0 0 200 30 re f    \nendstream"
# The published widths of Helvetica from the space to Z.
HELVETICA = (
    "278 278 355 556 556 889 667 191 333 333 389 584 278 333 278 278 556 556 556 556 556 556 556 556 556 556 278 278 584 584 "
    "584 556 1015 667 667 722 722 667 611 778 722 278 500 667 556 833 722 778 667 778 722 667 611 722 667 944 667 667 611"
)
# The line of the report: the page ends within it, and the copy goes on.
LONG = "EXERCISE LINE THAT GOES ON BEYOND THE EDGE OF THE PAGE ON WHICH IT STANDS " + "AND ON AND ON " * 3 + "WITH THE HIDDEN COLOUR OF"
OTHERS = ["EXERCISE UNSEEN", "FLOWERS GARDEN", "MOUNTAIN RIVERS"]
TRIANGLE = "0 g 60 680 m 260 730 l 260 729.6 l h f "
IMAGE = " /XObject << /I1 6 0 R >>"

PAGES = {
    # name: (why, content of the page, its further resources, its further objects)
    "pdfhidden_line_long": ("a line that goes on where the page ends", words(LONG)),
    "pdfhidden_line_long_clip": ("a line that goes on where the page is cut", f"q 60 600 300 150 re W n {words(LONG)} Q"),
    "pdfhidden_spacing_letters": ("letters spaced off the page (Tc)", words(UNSEEN, "60 Tc ")),
    "pdfhidden_spacing_words": ("words spaced off the page (Tw)", words(UNSEEN, "700 Tw ")),
    "pdfhidden_spacing_list": (
        "words spaced off the page (TJ)",
        "BT /F1 12 Tf 72 700 Td [(EXERCISE) -60000 (UNSEEN)] TJ ET",
    ),
    "pdfhidden_spacing_quote": (
        "words spaced off the page (the operator of three operands)",
        "BT /F1 12 Tf 72 700 Td 14 TL 700 0 (EXERCISE UNSEEN) \" ET",
    ),
    "pdfhidden_spacing_back": (
        "letters set back upon each other (TJ)",
        "BT /F1 12 Tf 72 700 Td [(E) 650 (X) 650 (E) 650 (R) 700 (C) 700 (I) 270 (S) 650 (E)] TJ ET",
    ),
    "pdfhidden_flat_slanted": ("letters whose both axes are along one line", "BT /F1 12 Tf 1 1 1 1.01 72 500 Tm (EXERCISE UNSEEN) Tj ET"),
    "pdfhidden_speck_black": ("white on white, with a black speck", f"0 g 80 703 0.6 0.6 re f 1 g {words(UNSEEN)}"),
    "pdfhidden_speck_white": (
        "black on black, with a white speck",
        f"0 g 60 690 200 30 re f 1 g 80 703 0.6 0.6 re f 0 g {words(UNSEEN)}",
    ),
    "pdfhidden_triangle": ("white on white, in the bounding box of a hairline triangle", f"{TRIANGLE}1 g {words(UNSEEN)}"),
    "pdfhidden_hole": (
        "white on white, in the hole of a black frame",
        f"0 g 50 680 230 50 re 60 690 200 30 re f* 1 g {words(UNSEEN)}",
    ),
    "pdfhidden_panel_cut": (
        "white on white, where a black panel is cut away",
        f"q 60 600 5 5 re W n 0 g 60 690 200 30 re f Q 1 g {words(UNSEEN)}",
    ),
    "pdfhidden_panel_half": (
        "white words that a black panel holds only the first half of",
        f"0 g 60 690 60 30 re f 1 g {words(UNSEEN)}",
    ),
    "pdfhidden_panel_lines": (
        "black words on a panel of thin black lines",
        "0 G 1.2 w " + "".join(f"60 {690 + i} m 260 {690 + i} l S " for i in range(31)) + words(UNSEEN),
    ),
    "pdfhidden_covered_lines": (
        "words covered by many thin lines",
        words(UNSEEN) + " 0 G 0.6 w " + "".join(f"60 {696 + 0.5 * i:g} m 260 {696 + 0.5 * i:g} l S " for i in range(36)),
    ),
    "pdfhidden_covered_half": ("words the second half of which is covered", words(UNSEEN) + " 1 g 138 690 100 30 re f"),
    "pdfhidden_covered_letters": (
        "words covered by other letters until none can be read",
        words(UNSEEN)
        + " BT /F1 12 Tf "
        + "".join(f"1 0 0 1 {68 + i % 5} {697 + i} Tm (MWMWMWMWMWMWMWM) Tj " for i in range(7))
        + "ET",
    ),
    "pdfhidden_overprinted": (
        "three words printed over each other",
        " ".join(words(other) for other in OTHERS),
    ),
    "pdfhidden_pale_small": ("two points in a pale grey", f"0.85 g {words(UNSEEN, size=2)}"),
    "pdfhidden_image_tiny": ("an image of a point", "q 1 0 0 1 60 60 cm /I1 Do Q", IMAGE, [image(8, 8, 200)]),
    "pdfhidden_image_shrunk": (
        "an image of 200 by 60 pixels drawn as five points by five",
        "q 5 0 0 5 72 700 cm /I1 Do Q",
        IMAGE,
        [image(200, 60, 200)],
    ),
    "pdfhidden_crop_above": (
        "words that the tree of pages cuts away",
        words(UNSEEN),
        "",
        (),
        {"above": " /CropBox [0 0 612 600]"},
    ),
    "pdfhidden_state_line": (
        "words covered by a line that a graphics state makes thick",
        words(UNSEEN) + " /G gs 66 704 m 260 704 l S",
        " /ExtGState << /G << /LW 24 >> >>",
    ),
    "pdfhidden_colours_made": (
        "black that the page makes white",
        "0 g " + words(UNSEEN),
        f" /ColorSpace << /DefaultGray {WHITENED} >>",
    ),
    "sound_pdf_crop_above": (
        "a page that the tree of pages cuts to itself",
        words("EXERCISE PLAINLY"),
        "",
        (),
        {"above": " /CropBox [0 0 612 792]"},
    ),
    "sound_pdf_state_line": (
        "words above a line that a graphics state makes two points thick",
        words("EXERCISE PLAINLY") + " /G gs 66 690 m 260 690 l S",
        " /ExtGState << /G << /LW 2 /LC 1 /LJ 1 /ML 4 >> >>",
    ),
    "sound_pdf_link": (
        "a link with a thin line around it",
        words("EXERCISE PLAINLY"),
        "",
        (),
        {"page": " /Annots [<< /Type /Annot /Subtype /Link /Rect [70 696 200 714] /Border [0 0 1] >>]"},
    ),
    "sound_pdf_widths": (
        "a plain font that states the widths that it has",
        words("EXERCISE PLAINLY"),
        "",
        (),
        {"font": f" /FirstChar 32 /LastChar 90 /Widths [{HELVETICA}]"},
    ),
    "pdf_link_border": (
        "words covered by the line around a link",
        words(UNSEEN),
        "",
        (),
        {"page": " /Annots [<< /Type /Annot /Subtype /Link /Rect [70 703 260 705] /Border [0 0 25] /C [0 0 0] >>]"},
    ),
    "pdf_link_appearance": (
        "words covered by what a link looks like",
        words(UNSEEN),
        "",
        [APPEARANCE],
        {"page": " /Annots [<< /Type /Annot /Subtype /Link /Rect [66 696 266 726] /Border [0 0 0] /AP << /N 6 0 R >> >>]"},
    ),
    "pdf_font_widths": (
        "letters of a plain font that are set upon each other by the widths that the file states",
        words(UNSEEN),
        "",
        (),
        {"font": " /FirstChar 32 /LastChar 90 /Widths [" + " ".join(["0"] * 59) + "]"},
    ),
    "pdfhidden_mirror": ("letters as a mirror shows them", "BT /F1 12 Tf -1 0 0 1 300 400 Tm (EXERCISE UNSEEN) Tj ET"),
    "pdforder_turned": (
        "a mark drawn out of order upside down, on a page that is turned back",
        shuffled(MARK, (500, 200), 180),
        "",
        (),
        {**COURIER, "page": " /Rotate 180"},
    ),
    "pdforder_slanted": ("a mark drawn out of order along a slanting line", shuffled(MARK, (72, 300), 15), "", (), COURIER),
    "pdforder_waves": ("a mark drawn out of order along a wavy line", shuffled(MARK, (72, 600), 0, 3.2), "", (), COURIER),
    "pdforder_column": (
        "a mark drawn out of order, one letter beneath the other",
        shuffled(MARK, (300, 700), -90, step=18, upright=True),
        "",
        (),
        COURIER,
    ),
    "pdforder_pieces": (
        "a mark in pieces of two letters, every second one higher",
        set_out(["SE", "CR", "ET", "//", "NO", "FO", "RN"], lambda i: (72 + 19 * i, 600 + 12 * (i % 2))),
    ),
    "pdforder_pieces_apart": (
        "a mark in pieces of two letters, set apart and every second one higher",
        set_out(["SE", "CR", "ET", "//", "NO", "FO", "RN"], lambda i: (72 + 30 * i, 600 + 12 * (i % 2))),
    ),
    "pdforder_stair": (
        "a mark upon a steep stair",
        set_out("NOFORN", lambda i: (72 + 14 * i, 600 + 10.8 * i), size=10),
    ),
    "pdforder_circle": ("a mark around a circle, of letters that stand upright", set_out("SECRET//NOFORN", around)),
    "pdforder_colours": (
        "a mark in red letters, with letters in blue between them",
        "0.8 0 0 rg\n" + set_out("SECRET//NOFORN", lambda i: (72 + 30 * i, 600))
        + "\n0 0 0.6 rg\n" + set_out("thequayisempty", lambda i: (87 + 30 * i, 600)),
    ),
    "pdforder_initials": (
        "a mark in the large initials of words",
        "\n".join(
            f"BT /F1 24 Tf {72 + 80 * i} 600 Td ({word[0]}) Tj /F1 12 Tf ({word[1:]}) Tj ET"
            for i, word in enumerate(["Ships", "Even", "Came", "Round", "East", "Then"])
        ),
    ),
    "sound_pdf_pieces": (
        "short cells of a table, and pieces of two letters that say nothing, every second one higher",
        words("12 to 14", at=(72, 500))
        + "\n"
        + words("3 of 9", at=(72, 484))
        + "\n"
        + set_out(["EX", "ER", "CI", "SE"], lambda i: (72 + 19 * i, 600 + 12 * (i % 2))),
    ),
    "sound_pdf_order": (
        "letters drawn out of order along a slanting line, which say nothing",
        shuffled("EXERCISE PLAINLY AND ALL", (72, 300), 15),
        "",
        (),
        COURIER,
    ),
    "sound_pdf_turned": (
        "a page that is turned back, of which a printer cuts something off",
        words("EXERCISE PLAINLY"),
        "",
        (),
        {"page": " /Rotate -90 /TrimBox [20 20 592 772]"},
    ),
    "pdfhidden_slits": ("words cut to very many slits", f"q {slits(0.27, 0.001)}{words(UNSEEN)} Q"),
    "pdfhidden_net": (
        "words cut to very many dots",
        "q " + "".join(f"{72 + 0.3 * (i % 70):.2f} {698 + 0.3 * (i // 70):.2f} 0.001 0.001 re " for i in range(2800)) + f"W n {words('EX')} Q",
    ),
    "pdfhidden_fence": (
        "words behind lines that leave less than half of them",
        words(UNSEEN) + " 1 G 0.5 w " + "".join(f"{70 + 0.9 * i:.1f} 690 m {70 + 0.9 * i:.1f} 720 l S " for i in range(140)),
    ),
    "pdfhidden_hairlines_pale": ("words in hairlines of a pale grey", "0.74 G 1 Tr 0 w " + words(UNSEEN)),
    "pdfhidden_heading_pale": ("a large heading in a very pale grey", "0.9 g " + words(UNSEEN, size=24)),
    "pdfhidden_heading_dark": (
        "a large heading nearly in the black of its panel",
        "0 g 60 690 400 50 re f 0.1 g " + words(UNSEEN, size=24),
    ),
    "pdfhidden_sheet_large": (
        "words of four points on a sheet of five metres",
        words(UNSEEN, size=4),
        "",
        (),
        {"sheet": (14400, 14400)},
    ),
    "pdfhidden_line_end": (
        "white words upon the round end of a black line, where it does not reach",
        "q 0 G 1 J 100 w 100 700 m 300 700 l S Q 1 g " + words("I", at=(340, 735)),
    ),
    "pdfhidden_line_point": (
        "white words upon a square that few readers draw of a line without length",
        "q 0 G 2 J 300 w 150 704 m 150 704 l S Q 1 g " + words(UNSEEN),
    ),
    "pdfhidden_veil_white": (
        "words beneath white that is nearly opaque",
        words(UNSEEN) + " /H gs 1 g 60 690 200 30 re f",
        STATES,
    ),
    "pdfhidden_veil_letters": (
        "words beneath the same words in white that is nearly opaque",
        words(UNSEEN) + " /H gs 1 g " + words(UNSEEN),
        STATES,
    ),
    "pdfhidden_font_traced": (
        "letters of hairlines, each gone round twelve times",
        in_traced(12),
        "",
        traced(12, 1),
        MAPPED,
    ),
    "sound_pdf_slits": ("words cut by slits that leave nearly all of them", f"q {slits(0.27, 0.265)}{words('EXERCISE PLAINLY')} Q"),
    "sound_pdf_fence": (
        "words behind lines that leave most of them",
        words("EXERCISE PLAINLY") + " 1 G 0.4 w " + "".join(f"{70 + 1.6 * i:.1f} 690 m {70 + 1.6 * i:.1f} 720 l S " for i in range(80)),
    ),
    "sound_pdf_hairlines": ("words in hairlines of black", "1 Tr 0 w " + words("EXERCISE PLAINLY")),
    "sound_pdf_heading_pale": ("a large heading in a pale grey", "0.74 g " + words("EXERCISE PLAINLY", size=24)),
    "sound_pdf_sheet_large": (
        "words of 25 points on a sheet of five metres",
        words("EXERCISE PLAINLY", size=25),
        "",
        (),
        {"sheet": (14400, 14400)},
    ),
    "sound_pdf_line_points": (
        "a leader of dots, each a line without length and with round ends",
        words("EXERCISE PLAINLY") + " 1 J 1 w " + "".join(f"{200 + 4 * i} 701 m {200 + 4 * i} 701 l S " for i in range(20)),
    ),
    "sound_pdf_highlight_last": (
        "words beneath a highlight that is drawn last",
        words("EXERCISE PLAINLY") + " q /G gs 1 1 0 rg 70 696 120 16 re f Q",
        STATES,
    ),
    "sound_pdf_watermark_last": (
        "words beneath a watermark that is drawn last",
        words("EXERCISE PLAINLY", at=(150, 600)) + " q /G gs BT /F1 80 Tf 0.7 0.7 -0.7 0.7 60 500 Tm (DRAFT) Tj ET Q",
        STATES,
    ),
    "sound_pdf_font_thin": (
        "letters of thin lines, each gone round twice",
        in_traced(12),
        "",
        traced(2, 30),
        MAPPED,
    ),
    "sound_pdf_line_long": ("a line that ends where the page does", words(LONG[:72])),
    "sound_pdf_spacing_letters": ("letters spaced by two points", words("EXERCISE", "2 Tc ")),
    "sound_pdf_spacing_words": ("words spaced by ten points", words("EXERCISE PLAINLY", "10 Tw ")),
    "sound_pdf_spacing_list": ("kerned letters", "BT /F1 12 Tf 72 700 Td [(EX) 20 (ERC) -35 (ISE) -400 (PLAINLY)] TJ ET"),
    "sound_pdf_spacing_quote": ("words set by the operator of three operands", 'BT /F1 12 Tf 72 700 Td 14 TL 4 0.5 (EXERCISE PLAINLY) " ET'),
    "sound_pdf_slanted": ("slanted letters", "BT /F1 12 Tf 1 0 0.3 1 72 500 Tm (EXERCISE PLAINLY) Tj ET"),
    "sound_pdf_speck": ("black on white, with a speck", f"0.5 g 80 690 0.6 0.6 re f 0 g {words('EXERCISE PLAINLY')}"),
    "sound_pdf_panel": ("white on a black panel", f"0 g 60 690 200 30 re f 1 g {words('EXERCISE PLAINLY')}"),
    "sound_pdf_triangle": ("black on white, in the bounding box of a hairline triangle", f"0 g 60 670 m 260 740 l 260 739.6 l h f {words('EXERCISE', at=(150, 676))}"),
    "sound_pdf_frame": (
        "black on white, in the hole of a black frame",
        f"0 g 50 680 230 50 re 60 690 200 30 re f* {words('EXERCISE PLAINLY')}",
    ),
    "sound_pdf_table": (
        "words among the lines of a table",
        "0 G 0.5 w "
        + "".join(f"60 {690 + 18 * i} m 260 {690 + 18 * i} l S " for i in range(4))
        + "60 690 m 60 744 l S 160 690 m 160 744 l S 260 690 m 260 744 l S "
        + " ".join(words(word, at=at) for word, at in [("EXERCISE", (66, 695)), ("ALPHA", (166, 695)), ("PLAINLY", (66, 713))]),
    ),
    "sound_pdf_beside_panel": ("words beside a later panel", words("EXERCISE PLAINLY") + " 0.2 g 60 640 200 40 re f"),
    "sound_pdf_lines": ("three lines close to each other", " ".join(words(w, at=(72, 700 - 13 * i)) for i, w in enumerate(OTHERS))),
    "sound_pdf_pale_large": (
        "a pale watermark, and words upon it",
        "0.85 g BT /F1 90 Tf 0.866 0.5 -0.5 0.866 150 500 Tm (DRAFT) Tj ET 0 g " + words("EXERCISE PLAINLY", at=(250, 580)),
    ),
    "sound_pdf_image_large": (
        "an image of 200 by 60 pixels drawn as a hundred points by thirty",
        "q 100 0 0 30 72 700 cm /I1 Do Q " + words("EXERCISE", at=(72, 740)),
        IMAGE,
        [image(200, 60, 200)],
    ),
}


def escaped(data):
    """The bytes as a vector states them."""
    out = ""
    for byte in data:
        if byte == 0x5C:
            out += "\\\\"
        elif byte == 0x0A or 0x20 <= byte < 0x7F:
            out += chr(byte)
        else:
            out += f"\\x{byte:02x}"
    return out


def vector(name, why, code, resources="", more=(), entries=()):
    entries = dict(entries)
    fonts = entries.pop("fonts", None)
    prepared = "rebuilt" if name.startswith("sound") else CODES.get(name, "pdf.hidden")
    prepared = "marks.attachment" if name.startswith("pdforder") else prepared
    expect = SOUND if prepared in ("rebuilt", "marks.attachment") else HIDDEN.replace("pdf.hidden", prepared)
    # Links are told by the outside of the file as well.
    expect = " ".join(sorted([*expect.split(), *(["types.shape"] if "_link" in name else [])]))
    data = pdf(code, resources, more, **entries)
    said = f"fonts: {fonts}\n" if fonts else ""
    head = f"why: {why}\nattachment: a.pdf application/pdf\n{said}expect: {expect}\nprepared: {prepared}\n===\n"
    return head + escaped(data)


def main(arguments):
    folder = Path(__file__).parent
    if arguments not in ([], ["--check"]):
        sys.exit("usage: make_hidden.py [--check]")
    differ = []
    for name, page in PAGES.items():
        path, text = folder / f"{name}.txt", vector(name, *page)
        if arguments:
            if not path.exists() or path.read_text() != text:
                differ.append(name)
        else:
            path.write_text(text)
    if differ:
        sys.exit("not as they are made: " + " ".join(differ))


main(sys.argv[1:])
