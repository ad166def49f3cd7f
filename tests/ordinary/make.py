#!/usr/bin/env python3
"""Makes PDFs with the tools that people make PDFs with, from the sources beside this file.

usage: make.py FOLDER

Every file is made once: FOLDER holds a folder named by the digest of the sources and of which tools there are, and its
name is printed on the last line. What could not be made is said before it, a line each: `missing: TOOL: what to install`
or `failed: FILE: why`. All texts are fictitious.
"""

import concurrent.futures
import hashlib
import os
import shutil
import struct
import subprocess
import sys
import tempfile
import zipfile
import zlib
from pathlib import Path

HERE = Path(__file__).resolve().parent

# A tool, and the package of Debian or PyPI that has it. `scripts/test` installs them.
TOOLS = {
    "soffice": "libreoffice-writer-nogui libreoffice-calc-nogui libreoffice-impress-nogui",
    "chromium": "chromium",
    "pdflatex": "texlive-latex-recommended texlive-fonts-recommended lmodern",
    "xelatex": "texlive-xetex",
    "lualatex": "texlive-luatex",
    "gs": "ghostscript",
    "rsvg-convert": "librsvg2-bin",
    "groff": "groff",
    "qpdf": "qpdf",
    "pdfunite": "poppler-utils",
    "pdftocairo": "poppler-utils",
}
MODULES = {"reportlab": "tests/ordinary/requirements.txt", "fpdf": "tests/ordinary/requirements.txt", "weasyprint": "tests/ordinary/requirements.txt"}
FONTS = Path("/usr/share/fonts/truetype")


def png(width, height, pixel, alpha):
    """A PNG of `pixel(x, y)`, written here so that no image is kept in the tree."""
    rows = b"".join(b"\0" + b"".join(bytes(pixel(x, y)) for x in range(width)) for y in range(height))

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 6 if alpha else 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def opaque(x, y):
    return (x * 2 % 256, y * 3 % 256, (x + y) % 256)


def soft(x, y):
    distance = ((x - 40) ** 2 + (y - 40) ** 2) ** 0.5
    return (200, 80, 40, max(0, min(255, int((40 - distance) * 20))))


def docx(path, runs):
    """A document of Word's kind, of paragraphs of runs: (text, properties)."""
    space = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
    body = ""
    for paragraph in runs:
        body += "<w:p>"
        for text, properties in paragraph:
            marks = "".join(f"<w:{p}/>" if "=" not in p else "<w:{} w:val=\"{}\"/>".format(*p.split("=")) for p in properties)
            body += f'<w:r><w:rPr>{marks}</w:rPr><w:t xml:space="preserve">{text}</w:t></w:r>'
        body += "</w:p>"
    cells = lambda row: "".join(f"<w:tc><w:p><w:r><w:t>{cell}</w:t></w:r></w:p></w:tc>" for cell in row)
    border = "".join(f'<w:{side} w:val="single" w:sz="4"/>' for side in ["top", "left", "bottom", "right", "insideH", "insideV"])
    rows = "".join(f"<w:tr>{cells(row)}</w:tr>" for row in [("Vessel", "Tons"), ("Example One", "12,400"), ("Example Two", "8,150")])
    body += f"<w:tbl><w:tblPr><w:tblBorders>{border}</w:tblBorders></w:tblPr>{rows}</w:tbl><w:p/>"
    types = (
        '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Default Extension="rels" '
        'ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Override PartName="/word/document.xml" '
        'ContentType="application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"/></Types>'
    )
    relations = (
        '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="r1" Type='
        '"http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument" Target="word/document.xml"/>'
        "</Relationships>"
    )
    with zipfile.ZipFile(path, "w") as out:
        out.writestr("[Content_Types].xml", types)
        out.writestr("_rels/.rels", relations)
        out.writestr("word/document.xml", f"<w:document {space}><w:body>{body}</w:body></w:document>")


def run(arguments, folder, **more):
    done = subprocess.run(arguments, cwd=folder, capture_output=True, timeout=240, **more)
    if done.returncode != 0:
        raise RuntimeError((done.stderr or done.stdout).decode(errors="replace").strip()[-300:])
    return done.stdout


class Maker:
    def __init__(self, work, out):
        self.work, self.out, self.failed = work, out, []

    def attempt(self, name, make):
        """Makes `name` by `make`, which leaves a PDF at the path that it returns, or writes to the one it is given."""
        folder = Path(tempfile.mkdtemp(dir=self.work))
        for source in HERE.iterdir():
            if source.is_dir() and source.name in {"html", "tex", "office", "svg", "roff"}:
                shutil.copytree(source, folder, dirs_exist_ok=True)
        (folder / "opaque.png").write_bytes(png(120, 80, opaque, False))
        (folder / "soft.png").write_bytes(png(80, 80, soft, True))
        try:
            made = make(folder)
            shutil.copy(made, self.out / f"{name}.pdf")
        except Exception as fault:  # whatever a tool does is told, and is one file fewer
            self.failed.append(f"failed: {name}: {' '.join(str(fault).split())[-300:]}")

    # LibreOffice, one at a time: each start has a profile of its own.
    def office(self, source, options="", then=None):
        def make(folder):
            at = folder / source
            for kind in [then, "pdf" + options] if then else ["pdf" + options]:
                run(
                    ["soffice", f"-env:UserInstallation=file://{self.work}/profile", "--headless"]
                    + ["--convert-to", kind, "--outdir", str(folder / "out"), str(at)],
                    folder,
                )
                at = folder / "out" / (Path(source).stem + "." + kind.split(":")[0])
            return at

        return make

    def chromium(self, source, *options):
        def make(folder):
            out = folder / "page.pdf"
            run(
                ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"]
                + [f"--user-data-dir={folder}/profile", f"--print-to-pdf={out}", *options, f"file://{folder}/{source}"],
                folder,
            )
            return out

        return make

    def tex(self, engine, source, passes=2):
        def make(folder):
            for _ in range(passes):
                run([engine, "-interaction=nonstopmode", "-halt-on-error", source], folder)
            return folder / (Path(source).stem + ".pdf")

        return make

    def shell(self, script):
        def make(folder):
            run(["sh", "-ec", script], folder)
            return folder / "page.pdf"

        return make

    def weasy(self, source):
        def make(folder):
            import weasyprint

            weasyprint.HTML(filename=str(folder / source)).write_pdf(str(folder / "page.pdf"))
            return folder / "page.pdf"

        return make


PROSE = (
    "The harbour of Northport took in forty-one vessels in the third week, six of them with an extended stay. No vessel of "
    "the exercise exists; no place, date or number in this text has a meaning outside of it. The office found efficient "
    "traffic in the fjord and an affluent flow of fishing boats."
)


def reportlab(kind):
    def make(folder):
        from reportlab.lib import colors
        from reportlab.lib.pagesizes import A4, landscape
        from reportlab.lib.styles import getSampleStyleSheet
        from reportlab.pdfbase import pdfmetrics
        from reportlab.pdfbase.ttfonts import TTFont
        from reportlab.pdfgen import canvas
        from reportlab.platypus import Image, ListFlowable, Paragraph, SimpleDocTemplate, Spacer, Table, TableStyle

        out = str(folder / "page.pdf")
        styles = getSampleStyleSheet()
        if kind == "flow":
            parts = [Paragraph("EXERCISE: a report", styles["Title"]), Paragraph(PROSE, styles["Normal"]), Spacer(1, 12)]
            parts += [Paragraph("<b>Bold</b>, <i>italic</i>, <u>underlined</u> and <strike>struck</strike>.", styles["Normal"])]
            parts += [ListFlowable([Paragraph(p, styles["Normal"]) for p in ["North station", "South station"]])]
            SimpleDocTemplate(out, pagesize=A4).build(parts + [Paragraph(PROSE, styles["Normal"])] * 15)
        elif kind == "table":
            rows = [["Vessel", "Tons"], ["Example One", "12,400"], ["Example Two", "8,150"]]
            style = [("GRID", (0, 0), (-1, -1), 0.5, colors.black), ("BACKGROUND", (0, 0), (-1, 0), colors.navy)]
            style += [("TEXTCOLOR", (0, 0), (-1, 0), colors.white), ("FONTNAME", (0, 0), (-1, 0), "Helvetica-Bold")]
            table = Table(rows, style=TableStyle(style))
            SimpleDocTemplate(out, pagesize=landscape(A4)).build([Paragraph("EXERCISE: vessels", styles["Heading1"]), table])
        elif kind == "letters":
            for name in ["DejaVuSans", "DejaVuSans-Bold"]:
                pdfmetrics.registerFont(TTFont(name, str(FONTS / "dejavu" / f"{name}.ttf")))
            page = canvas.Canvas(out, pagesize=A4)
            page.setFont("DejaVuSans-Bold", 16)
            page.drawString(72, 760, "EXERCISE: letters")
            page.setFont("DejaVuSans", 11)
            for i, line in enumerate(["Ελληνικά: άσκηση στο λιμάνι", "Русский: учение в порту", "Größe, façade, naïve, zażółć"]):
                page.drawString(72, 720 - 20 * i, line)
            page.showPage()
            page.drawString(72, 760, "A second page of the exercise.")
            page.save()
        elif kind == "image":
            parts = [Paragraph("EXERCISE: a figure", styles["Heading1"]), Image(str(folder / "opaque.png"), 240, 160)]
            parts += [Paragraph("Figure 1: a pattern.", styles["Normal"]), Image(str(folder / "soft.png"), 80, 80)]
            SimpleDocTemplate(out).build(parts)
        elif kind == "watermark":
            page = canvas.Canvas(out, pagesize=A4)
            page.saveState()
            page.translate(300, 420)
            page.rotate(45)
            page.setFont("Helvetica-Bold", 90)
            page.setFillColorRGB(0, 0, 0, alpha=0.1)
            page.drawCentredString(0, 0, "EXERCISE")
            page.restoreState()
            text = page.beginText(72, 700)
            text.setFont("Times-Roman", 12)
            text.textLines(PROSE.replace(". ", ".\n").replace("; ", ";\n"))
            page.drawText(text)
            page.save()
        elif kind == "chart":
            from reportlab.graphics import renderPDF
            from reportlab.graphics.charts.barcharts import VerticalBarChart
            from reportlab.graphics.shapes import Drawing, String

            drawing = Drawing(400, 250)
            chart = VerticalBarChart()
            chart.x, chart.y, chart.width, chart.height = 50, 40, 300, 160
            chart.data, chart.categoryAxis.categoryNames = [(12, 14, 9)], ["North", "South", "East"]
            drawing.add(chart)
            drawing.add(String(100, 225, "EXERCISE: boats by station"))
            renderPDF.drawToFile(drawing, out)
        return out

    return make


def fpdf(kind):
    def make(folder):
        from fpdf import FPDF

        class Paged(FPDF):
            def footer(self):
                self.set_y(-15)
                self.set_font(size=8)
                self.cell(0, 10, f"EXERCISE, page {self.page_no()}", align="C")

        pdf = (Paged if kind == "plain" else FPDF)()
        pdf.add_page()
        if kind == "letters":
            pdf.add_font("dejavu", fname=str(FONTS / "dejavu" / "DejaVuSans.ttf"))
            pdf.set_font("dejavu", size=12)
            pdf.multi_cell(0, 8, "EXERCISE: Ελληνικά: άσκηση στο λιμάνι. Русский: учение в порту. Größe, façade.")
        else:
            pdf.set_font("helvetica", "B", 16)
            pdf.cell(0, 12, "EXERCISE: a report", new_x="LMARGIN", new_y="NEXT")
            pdf.set_font("times", size=12)
            pdf.multi_cell(0, 7, PROSE)
            pdf.write_html("<b>Bold</b>, <i>italic</i> and <u>underlined</u> <a href='https://www.example.org'>words</a>.")
        if kind == "table":
            with pdf.table() as table:
                for cells in [("Vessel", "Tons"), ("Example One", "12,400"), ("Example Two", "8,150")]:
                    row = table.row()
                    for cell in cells:
                        row.cell(cell)
        if kind == "image":
            pdf.image(str(folder / "opaque.png"), w=80)
            pdf.image(str(folder / "soft.png"), w=40)
        pdf.output(str(folder / "page.pdf"))
        return folder / "page.pdf"

    return make


def jobs(maker):
    """Every file: its name, the tools that it needs, and how it is made."""
    pages = ["prose", "table", "list", "letters", "columns", "struck", "image", "chart", "watermark", "long", "form"]
    plain = ["--no-pdf-header-footer"]
    all = [(f"chromium_{page}", ["chromium"], maker.chromium(f"{page}.html", *plain)) for page in pages]
    all += [("chromium_headed", ["chromium"], maker.chromium("prose.html"))]
    all += [("chromium_untagged", ["chromium"], maker.chromium("list.html", *plain, "--disable-pdf-tagging"))]
    all += [(f"weasyprint_{page}", ["weasyprint"], maker.weasy(f"{page}.html")) for page in pages if page != "prose"]
    texts = ["article", "t1", "times", "math", "table", "links", "palatino", "slides", "watermark", "bitmap"]
    all += [(f"pdflatex_{text}", ["pdflatex"], maker.tex("pdflatex", f"{text}.tex")) for text in texts]
    for engine in ["xelatex", "lualatex"]:
        all += [(f"{engine}_{text}", [engine], maker.tex(engine, f"{text}.tex", 1)) for text in ["unicode", "modern"]]
    office = lambda source, options="", then=None: maker.office(source, options, then)
    html = [page for page in pages if page not in {"chart", "watermark", "form", "long"}]
    all += [(f"word_{page}", ["soffice"], office(f"{page}.html", then="docx:MS Word 2007 XML")) for page in html]
    tagged = ':writer_pdf_Export:{"UseTaggedPDF":{"type":"boolean","value":"true"},"ExportBookmarks":{"type":"boolean","value":"true"}}'
    archive = ':writer_pdf_Export:{"SelectPdfVersion":{"type":"long","value":"2"}}'
    plainest = ':writer_pdf_Export:{"UseTaggedPDF":{"type":"boolean","value":"false"}}'
    all += [
        ("writer_report", ["soffice"], office("report.fodt")),
        ("writer_tagged", ["soffice"], office("report.fodt", tagged)),
        ("writer_archive", ["soffice"], office("report.fodt", archive)),
        ("writer_untagged", ["soffice"], office("report.fodt", plainest)),
        ("writer_letter", ["soffice"], office("letter.rtf")),
        ("word_letter", ["soffice"], office("letter.rtf", then="docx:MS Word 2007 XML")),
        ("word_report", ["soffice"], office("report.fodt", then="docx:MS Word 2007 XML")),
        ("word_old", ["soffice"], office("report.fodt", then="doc")),
        ("word_made", ["soffice"], lambda folder: (docx(folder / "made.docx", WORD), office("made.docx")(folder))[1]),
        ("calc_budget", ["soffice"], office("budget.fods")),
        ("calc_csv", ["soffice"], office("budget.csv")),
        ("calc_excel", ["soffice"], office("budget.fods", then="xlsx")),
        ("impress_slides", ["soffice"], office("slides.fodp")),
        ("impress_powerpoint", ["soffice"], office("slides.fodp", then="pptx")),
    ]
    all += [(f"reportlab_{kind}", ["reportlab"], reportlab(kind)) for kind in ["flow", "table", "letters", "image", "watermark", "chart"]]
    all += [(f"fpdf_{kind}", ["fpdf"], fpdf(kind)) for kind in ["plain", "table", "letters", "image"]]
    shell = maker.shell
    all += [(f"cairo_{name}", ["rsvg-convert"], shell(f"rsvg-convert -f pdf -o page.pdf {name}.svg")) for name in ["plain", "chart", "map"]]
    ms = "groff -t -ms"
    all += [
        ("groff_pdf", ["groff"], shell(f"{ms} -Tpdf report.ms > page.pdf")),
        ("groff_ghostscript", ["groff", "gs"], shell(f"{ms} -Tps report.ms > a.ps && ps2pdf a.ps page.pdf")),
        ("groff_press", ["groff", "gs"], shell(f"{ms} -Tps report.ms > a.ps && ps2pdf -dPDFSETTINGS=/prepress a.ps page.pdf")),
    ]
    tex = lambda text: f"pdflatex -interaction=nonstopmode {text}.tex >&2 && "
    web = lambda page: (
        f"chromium --headless --no-sandbox --disable-gpu --user-data-dir=p --no-pdf-header-footer --print-to-pdf=a.pdf file://$PWD/{page}.html && "
    )
    all += [
        ("ghostscript_tex", ["pdflatex", "gs"], shell(tex("t1") + "gs -q -sDEVICE=pdfwrite -o page.pdf t1.pdf")),
        ("ghostscript_web", ["chromium", "gs"], shell(web("columns") + "gs -q -sDEVICE=pdfwrite -o page.pdf a.pdf")),
        ("qpdf_packed", ["pdflatex", "qpdf"], shell(tex("article") + "qpdf --object-streams=generate article.pdf page.pdf")),
        ("qpdf_unpacked", ["pdflatex", "qpdf"], shell(tex("article") + "qpdf --object-streams=disable --stream-data=uncompress article.pdf page.pdf")),
        ("qpdf_web", ["chromium", "qpdf"], shell(web("table") + "qpdf --object-streams=generate a.pdf page.pdf")),
        ("poppler_united", ["pdflatex", "pdfunite"], shell(tex("article") + tex("times") + "pdfunite article.pdf times.pdf page.pdf")),
        ("poppler_cairo", ["pdflatex", "pdftocairo"], shell(tex("palatino") + "pdftocairo -pdf palatino.pdf page.pdf")),
    ]
    return all


WORD = [
    [("EXERCISE: a document of Word's kind", ["b", "sz=36"])],
    [(PROSE + " ", []), ("Bold words", ["b"]), (", ", []), ("italic words", ["i"]), (", ", []), ("struck words", ["strike"])],
    [("Underlined words", ["u=single"]), (" and red words", ["color=C00000"]), (" and Größe, façade, учение.", [])],
]


def main():
    root = Path(sys.argv[1]).resolve()
    missing = {tool: package for tool, package in TOOLS.items() if shutil.which(tool) is None}
    for module, package in MODULES.items():
        try:
            __import__(module)
        except (ImportError, OSError):
            missing[module] = package
    if not (FONTS / "dejavu").is_dir() or not (FONTS / "liberation").is_dir():
        missing["fonts"] = "fonts-dejavu-core fonts-liberation"
    digest = hashlib.sha256("".join(sorted(missing)).encode())
    for source in sorted(p for p in HERE.rglob("*") if p.is_file() and "__pycache__" not in p.parts):
        digest.update(str(source.relative_to(HERE)).encode() + b"\0" + hashlib.sha256(source.read_bytes()).digest())
    out = root / digest.hexdigest()[:16]
    said = out / "said.txt"
    if not said.exists():
        shutil.rmtree(root, ignore_errors=True)
        out.mkdir(parents=True)
        with tempfile.TemporaryDirectory() as work:
            maker = Maker(Path(work), out)
            ready = [job for job in jobs(maker) if not set(job[1]) & set(missing)]
            # LibreOffice has one profile and so runs by itself; the others beside each other.
            office = [job for job in ready if "soffice" in job[1]]
            with concurrent.futures.ThreadPoolExecutor(os.cpu_count() or 1) as pool:
                done = [pool.submit(lambda: [maker.attempt(name, make) for name, _, make in office])]
                done += [pool.submit(maker.attempt, name, make) for name, tools, make in ready if "soffice" not in tools]
                for one in done:
                    one.result()
        lines = [f"missing: {tool}: {package}" for tool, package in sorted(missing.items())]
        said.write_text("\n".join(lines + sorted(maker.failed)) + "\n")
    print(said.read_text().strip())
    print(out)


main()
