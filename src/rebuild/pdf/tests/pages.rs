//! Which parts of a page are written, and how.

use super::*;

#[test]
fn writes_how_thickly_things_are_laid_on_and_a_group_as_what_it_comes_to() {
    let rebuilt = |code: &str| {
        let group = format!(
            "<< /Type /XObject /Subtype /Form /BBox [0 0 612 792] /Group << /S /Transparency >> /Length {} >>\nstream\n{GROUP}\nendstream",
            GROUP.len()
        );
        let resources = "/ExtGState << /Thin << /ca 0.4 /CA 0.4 >> /None << /ca 0 >> /Whole << /ca 1 /CA 1 >> >> /XObject << /X 6 0 R >>";
        let bytes = pdf(&Parts { code, resources, more: &[&group], ..PLAIN });
        work(Task::Rebuild, Kind::Pdf, &bytes, &Limits::default()).map_err(|fault| fault.code)
    };
    const GROUP: &str = "0 g 100 100 200 200 re f 1 g BT /F1 24 Tf 120 180 Td (GROUP) Tj ET";
    let pass = |code: &str| {
        let rebuilt = rebuilt(code).unwrap();
        work(Task::Examine, Kind::Pdf, &rebuilt.bytes, &Limits::default()).unwrap();
        String::from_utf8_lossy(&rebuilt.bytes).into_owned()
    };
    let words = "BT /F1 24 Tf 72 700 Td (EXERCISE) Tj ET";
    let thin = pass(&format!("/Thin gs {words}"));
    assert!(thin.contains("\n/A4000x4000 gs\n") && thin.contains("/ExtGState << /A4000x4000 << /ca 0.4 /CA 0.4 >> >>"));
    pass(&format!("q 1 0 0 rg /Thin gs {words} Q 0 g BT /F1 12 Tf 72 600 Td (x) Tj ET"));
    // CMYK colours are written as the RGB colours by which they are judged, also where they are transparent.
    let inks = pass("0 0.5 1 0 k /Thin gs 72 72 100 100 re f /Whole gs 300 72 100 100 re f");
    assert!(inks.contains("\n1 0.5 0 rg\n/A4000x4000 gs\n72 72 100 100 re\nf\n/A10000x10000 gs\n"), "{inks}");
    // What lies over or under something else is judged by what shows through.
    pass(&format!("0.5 g 60 690 200 40 re f 0 g /Thin gs {words}"));
    pass(&format!("{words} /Thin gs 1 1 0 rg 60 690 200 40 re f"));
    // White areas on a blank page are ignored.
    pass(&format!("1 g 0 0 612 792 re f 0 g /Thin gs {words}"));
    // A group is painted with uniform opacity, whatever overlaps inside it.
    let group = pass("/Thin gs /X Do");
    assert!(group.contains("0.6 g\n") && group.contains("1 g\n"));
    for hides in [
        format!("/None gs {words}"),
        format!("0.5 g /Thin gs {words} /None gs {words}"),
        format!("0.4 g 60 690 200 40 re f 0.1 g /Thin gs {words}"),
        format!("0.4 g {words} /Thin gs 0.2 g 60 690 200 40 re f /Thin gs 60 690 200 40 re f 60 690 200 40 re f"),
        format!("{words} BT /F1 24 Tf 120 180 Td (x) Tj ET /Thin gs /X Do"),
        "/None gs /X Do".to_owned(),
    ] {
        assert_eq!(rebuilt(&hides).map(|_| ()), Err("pdf.hidden"), "{hides}");
    }
}

#[test]
fn draws_a_plain_font_with_an_encoding_of_its_own_anew() {
    let rebuilt = |name: &str, more: &str, words: &str, pdf_fonts| {
        let font = format!("<< /Type /Font /Subtype /Type1 /BaseFont /{name} {more} >>");
        let code = format!("BT /F2 24 Tf 72 700 Td ({words}) Tj ET");
        let form = format!(
            "<< /Type /XObject /Subtype /Form /BBox [0 0 612 792] /Resources << /Font << /F2 6 0 R >> >> /Length {} >>\nstream\n{code}\nendstream",
            code.len()
        );
        let bytes = pdf(&Parts { code: "/X Do", resources: "/XObject << /X 7 0 R >>", more: &[&font, &form], ..PLAIN });
        let limits = Limits { pdf_fonts, ..Limits::default() };
        let rebuilt = work(Task::Rebuild, Kind::Pdf, &bytes, &limits).map_err(|fault| fault.code)?;
        work(Task::Examine, Kind::Pdf, &rebuilt.bytes, &limits).map_err(|fault| fault.code)?;
        Ok(rebuilt.text)
    };
    let own = "/Encoding << /Differences [200 /f_i /eacute] >>";
    let fonts = PdfFonts::Mapped;
    assert!(
        rebuilt("Times-Roman", own, r"EXERCISE \310\311", fonts).is_ok_and(|text| text.contains("EXERCISE fi\u{e9}"))
    );
    for (name, more, words, fonts, expected) in [
        ("Times-Roman", own, "x", PdfFonts::Plain, "pdf.font"),
        ("Times-Roman", own, r"\312", fonts, "pdf.font"),
        ("Times-Roman", "/Encoding << /Differences [65 /afii10017] >>", "A", fonts, "pdf.font"),
        ("Symbol", own, "x", fonts, "pdf.font"),
        ("Arial", own, "x", fonts, "pdf.font"),
        ("Times-Roman", "/FirstChar 120 /Widths [1] /Encoding << /Differences [200 /x] >>", "xx", fonts, "pdf.hidden"),
    ] {
        assert_eq!(rebuilt(name, more, words, fonts), Err(expected), "{name} {more}");
    }
}

#[test]
fn a_page_may_be_turned_by_any_right_angle_and_cut_by_printers_but_not_cropped() {
    let rebuilt = |page: &str| work(Task::Rebuild, Kind::Pdf, &pdf(&Parts { page, ..PLAIN }), &Limits::default());
    for (page, kept) in [("-90", 270), ("450", 90), ("-360", 0), ("720", 0), ("180.0", 180)] {
        let written = String::from_utf8_lossy(&rebuilt(&format!("/Rotate {page}")).unwrap().bytes).into_owned();
        assert_eq!(written.contains(&format!("/Rotate {kept}")), kept != 0, "{page}");
        assert_eq!(written.contains("/Rotate"), kept != 0, "{page}");
    }
    for (page, code) in [
        ("/Rotate 45", "pdf.form"),
        ("/Rotate 90.5", "pdf.form"),
        ("/CropBox [0 0 612 600]", "pdf.hidden"),
        ("/CropBox [612 792 0 0]", "pdf.hidden"),
    ] {
        let fault = rebuilt(page).unwrap_err();
        assert!(fault.code == code && fault.message.starts_with("page 1: "), "{page}: {fault}");
    }
    let trimmed =
        rebuilt("/CropBox [-9 -9 621 801] /TrimBox [9 9 603 783] /BleedBox [0 0 612 792] /ArtBox [0 0 9 9]").unwrap();
    assert!(!String::from_utf8_lossy(&trimmed.bytes).contains("Box [9") && trimmed.dropped.len() == 1);
}

#[test]
fn what_is_not_read_is_refused_with_the_place_where_it_is_painted() {
    let resources = "/Pattern << /P << /PatternType 2 >> >> /ColorSpace << /S [/Separation /X /DeviceGray null] >> \
                     /ExtGState << /Mask << /SMask << /S /Luminosity >> >> /Mult << /BM /Multiply >> \
                     /Off << /SMask /None /BM /Normal >> >>";
    const AREA: &str = "72 600 50 50 re";
    const WORD: &str = "BT /F1 12 Tf 72 700 Td (x) Tj ET";
    for (code, expected) in [
        (
            format!("/Pattern cs /P scn {AREA} f"),
            Some(("pdf.operator", "page 1, 72 pt from the left and 600 from below: ")),
        ),
        (format!("/Pattern cs /P scn 0 g {AREA} f"), None),
        (format!("q /Pattern cs /P scn Q {AREA} f {WORD}"), None),
        (format!("/Pattern CS /P SCN {AREA} f"), None),
        (format!("/Pattern CS /P SCN {AREA} B"), Some(("pdf.operator", "page 1, 72"))),
        (format!("/S cs 1 scn {WORD}"), Some(("pdf.operator", "page 1, 72 pt from the left and 700 from below: "))),
        (format!("/Mask gs {AREA} f"), Some(("pdf.hidden", "page 1, 72 pt from the left and 600 from below: "))),
        (format!("/Mask gs {WORD}"), Some(("pdf.hidden", "page 1, 72"))),
        (format!("/Mask gs /Off gs {AREA} f {WORD}"), None),
        (format!("q /Mask gs Q {WORD}"), None),
        (format!("/Mult gs {AREA} f"), Some(("pdf.hidden", "page 1, 72"))),
        (format!("/Mult gs /Off gs {AREA} f"), None),
        (format!("q {AREA} W n /Sh sh Q"), Some(("pdf.operator", "page 1, 97 pt from the left and 625 from below: "))),
        ("BI /W 1 /H 1 ID x EI".to_owned(), Some(("pdf.operator", "page 1, "))),
    ] {
        let bytes = pdf(&Parts { code: &code, resources, ..PLAIN });
        match (work(Task::Rebuild, Kind::Pdf, &bytes, &Limits::default()), expected) {
            (Ok(_), None) => {}
            (Err(fault), Some((code, place))) => {
                assert!(fault.code == code && fault.message.starts_with(place), "{fault}");
            }
            (found, _) => panic!("{code}: {:?}", found.map(|_| "passes")),
        }
    }
}

#[test]
fn what_readers_show_of_the_pages_is_what_is_written() {
    let form = "<< /Type /XObject /Subtype /Form /BBox [0 0 9 9] /Length 0 /Group << /S /Transparency";
    let form = |set: &str| format!("{form} {set} >> >>\nstream\n\nendstream");
    let drawing = |set: &str| {
        let more = [&*form(set)];
        code(&pdf(&Parts { code: "/D Do", resources: "/XObject << /D 6 0 R >>", more: &more, ..PLAIN }))
    };
    let page = |page: &str| code(&pdf(&Parts { page, ..PLAIN }));
    let preferences = |set: &str| {
        let catalogue = format!("/ViewerPreferences << {set} >>");
        code(&pdf(&Parts { catalogue: &catalogue, ..PLAIN }))
    };
    let counted = |was: &str, is: &str| code(String::from_utf8(plain()).unwrap().replace(was, is).as_bytes());
    for (found, expected) in [
        (drawing("/K true /I true"), "pdf.hidden"),
        (drawing("/K false /I true"), "pass"),
        (page("/Group << /S /Transparency /K true >>"), "pdf.hidden"),
        (page("/Group << /S /Transparency /CS /DeviceRGB /I true >>"), "pass"),
        (preferences("/ViewArea /TrimBox"), "pdf.hidden"),
        (preferences("/ViewClip /ArtBox"), "pdf.hidden"),
        (preferences("/ViewArea /CropBox /DisplayDocTitle true"), "pass"),
        (counted("/Count 1", "/Count 2"), "pdf.form"),
        (counted("/Count 1", "/Count 0"), "pdf.form"),
        (counted("/Count 1", "/Other 1"), "pdf.form"),
        (counted("/Parent 2 0 R", "/Parent 4 0 R"), "pdf.form"),
        (counted("/Parent 2 0 R", "/Parent 9 0 R"), "pdf.form"),
        (counted("/Parent 2 0 R", "/Parent (2  )"), "pdf.form"),
    ] {
        assert_eq!(found, expected);
    }
}
