//! Glyphs and lines that are thin, small, pale or beneath something transparent.

use super::*;

#[test]
fn slivers_of_letters_are_none_however_many_there_are() {
    // Text of several sizes clipped by slits of this thickness and distance.
    let comb = |size: f64, pitch: f64, thick: f64| {
        let slits = (0..(1.4 * size / pitch) as usize)
            .map(|i| format!("50 {:.4} 520 {thick:.4} re ", 700.0 - 0.3 * size + pitch * i as f64));
        format!("q {}W n BT /F1 {size} Tf 72 700 Td (EXERCISE) Tj ET Q", slits.collect::<String>())
    };
    let net = |pitch: f64, side: f64| {
        let hole = |i: usize| {
            let (x, y) = (72.0 + pitch * (i % 60) as f64, 696.0 + pitch * (i / 60) as f64);
            format!("{x:.3} {y:.3} {side} {side} re ")
        };
        format!("q {}W n BT /F1 24 Tf 72 700 Td (EX) Tj ET Q", (0..2400).map(hole).collect::<String>())
    };
    let fence = |wide: f64, pitch: f64| {
        let line = |i: usize| format!("{x:.2} 690 m {x:.2} 720 l S ", x = 70.0 + pitch * i as f64);
        format!("BT /F1 12 Tf 72 700 Td (EXERCISE) Tj ET 1 G {wide} w {}", (0..90).map(line).collect::<String>())
    };
    for size in [12.0, 24.0, 60.0] {
        let pitch = 0.9 * size / 40.0;
        all(&[(&comb(size, pitch, 0.001), "pdf.hidden"), (&comb(size, pitch, 0.5 * pitch), "pdf.hidden")]);
        all(&[(&comb(size, pitch, 0.98 * pitch), "pass"), (&comb(size, 0.25 * size, 0.05 * size), "pdf.hidden")]);
    }
    all(&[(&net(0.57, 0.001), "pdf.hidden"), (&net(0.57, 0.57), "pass")]);
    all(&[(&fence(0.5, 0.9), "pdf.hidden"), (&fence(0.4, 1.6), "pass")]);
}

#[test]
fn what_is_both_thin_and_pale_is_not_seen() {
    let lines = |grey: f64, width: f64, size: f64| {
        format!("{grey} G 1 Tr {width} w BT /F1 {size} Tf 72 700 Td (EXERCISE) Tj ET")
    };
    let words = |grey: f64, size: f64| format!("{grey} g BT /F1 {size} Tf 72 700 Td (EXERCISE) Tj ET");
    all(&[
        // The thinnest lines are visible in black, but not in a grey that suffices for filled glyphs.
        (&lines(0.0, 0.0, 12.0), "pass"),
        (&lines(0.0, 0.0, 60.0), "pass"),
        (&lines(0.74, 0.0, 12.0), "pdf.hidden"),
        (&lines(0.74, 0.5, 12.0), "pass"),
        (&words(0.74, 12.0), "pass"),
        (&lines(0.9, 0.0, 24.0), "pdf.hidden"),
        // A pale heading is refused, a pale watermark passes.
        (&words(0.9, 24.0), "pdf.hidden"),
        (&words(0.74, 24.0), "pass"),
        (&words(0.9, 60.0), "pass"),
        (&format!("50 690 400 50 re f {}", words(0.1, 24.0)), "pdf.hidden"),
        (&format!("50 690 400 50 re f {}", words(0.4, 24.0)), "pass"),
        // A pale footer.
        (&words(0.68, 8.0), "pass"),
    ]);
}

#[test]
fn letters_are_as_large_as_who_sees_the_whole_sheet_needs() {
    let sheet = |side: f64, size: f64| {
        let code = format!("BT /F1 {size} Tf 2 20 Td (EXERCISE) Tj ET");
        let page = format!("/MediaBox [0 0 {side} {side}]");
        let bytes = pdf(&Parts { code: &code, page: &page, ..PLAIN });
        work(Task::Rebuild, Kind::Pdf, &bytes, &Limits::default()).map_or_else(|f| f.code, |_| "pass")
    };
    for (side, size, expected) in [
        (842.0, 4.0, "pass"),
        (2384.0, 4.0, "pass"),
        (3370.0, 4.0, "pdf.hidden"),
        (3370.0, 6.0, "pass"),
        (14_400.0, 4.0, "pdf.hidden"),
        (14_400.0, 23.0, "pdf.hidden"),
        (14_400.0, 25.0, "pass"),
    ] {
        assert_eq!(sheet(side, size), expected, "{side} {size}");
    }
}

#[test]
fn lines_that_go_nowhere_and_ends_of_lines_are_no_ground() {
    let white = |at: &str| format!("1 g BT /F1 12 Tf {at} Td (I) Tj ET");
    let black = "0 g BT /F1 12 Tf 72 700 Td (EXERCISE) Tj ET";
    for ends in ["1 J", "2 J"] {
        for path in ["306 396 m", "306 396 m h", "306 396 m 306 396 l", "306 396 m 306 396 l h", "306 396 0 0 re"] {
            let on = |words: &str| format!("q {ends} 200 w {path} S Q {words}");
            all(&[(&on(&white("300 390")), "pdf.hidden"), (&on(black), "pass")]);
        }
        // The line itself is a background for text, the area beyond its end is not.
        let line = |words: &str| format!("q {ends} 100 w 100 400 m 300 400 l S Q {words}");
        all(&[(&line(&white("330 396")), "pdf.hidden"), (&line(black), "pass")]);
    }
    all(&[
        (&format!("q 100 w 100 400 m 300 400 l S Q {}", white("200 396")), "pass"),
        (&format!("q 100 w 1 j 100 400 m 300 400 l 300 600 l S Q {}", white("320 370")), "pdf.hidden"),
        // Text under something that some viewers paint is covered for their users; text under something that no viewer
        // paints is not.
        (&format!("{black} q 1 G 2 J 200 w 100 700 m 100 700 l S Q"), "pdf.hidden"),
        (&format!("{black} q 1 G 1 J 200 w 100 700 m 100 700 l S Q"), "pdf.hidden"),
        (&format!("{black} q 1 G 2 J 200 w 100 700 m S Q"), "pass"),
        (&format!("{black} q 1 G 0 J 200 w 100 700 m 100 700 l S Q"), "pass"),
    ]);
}

#[test]
fn words_beneath_something_transparent_are_judged_by_what_they_look_like_there() {
    let found = |page: &str| {
        let resources = "/ExtGState << /G << /ca 0.3 /CA 0.3 >> /H << /ca 0.9 /CA 0.9 >> /W << /ca 1 /CA 1 >> >>";
        let bytes = pdf(&Parts { code: page, resources, ..PLAIN });
        let rebuilt = work(Task::Rebuild, Kind::Pdf, &bytes, &Limits::default()).map_err(|fault| fault.code)?;
        let again = work(Task::Examine, Kind::Pdf, &rebuilt.bytes, &Limits::default()).map_err(|fault| fault.code)?;
        assert_eq!(again.text, rebuilt.text);
        Ok::<_, &str>(())
    };
    let words = |grey: f64| format!("{grey} g BT /F1 12 Tf 72 700 Td (EXERCISE) Tj ET");
    let mark = "BT /F1 60 Tf 0.7 0.7 -0.7 0.7 40 600 Tm (DRAFT) Tj ET";
    let over = "60 690 100 26 re f";
    let stripes: String = (0..140).map(|i| format!("{:.1} 690 0.4 26 re ", 60.0 + 0.7 * f64::from(i))).collect();
    for (page, expected) in [
        (format!("{} /G gs 1 1 0 rg {over}", words(0.0)), Ok(())),
        (format!("{} /G gs 0 g {mark}", words(0.0)), Ok(())),
        (format!("{} /G gs 0 0 1 rg {over}", words(0.0)), Ok(())),
        (format!("{} /G gs 0 0 1 rg {over} {mark}", words(0.2)), Ok(())),
        // Layers that take away all contrast.
        (format!("{} /H gs 1 g {over}", words(0.0)), Err("pdf.hidden")),
        (format!("{} /H gs 0 g {over}", words(0.0)), Err("pdf.hidden")),
        (format!("{} /G gs 1 g {over} {over} {over} {over}", words(0.4)), Err("pdf.hidden")),
        (format!("{} /G gs 1 g {over} {over} {over} {over} {over} {over} {over}", words(0.0)), Err("pdf.hidden")),
        (format!("{} /G gs 1 g {over}", words(0.7)), Err("pdf.hidden")),
        // The same glyphs in white over them, and stripes finer than the glyphs.
        (format!("{} /H gs {}", words(0.0), words(1.0)), Err("pdf.hidden")),
        (format!("{} /H gs 1 g {stripes} f", words(0.0)), Err("pdf.hidden")),
        // Transparent text over a background that hides it, and over one that does not.
        (format!("0 g {over} /G gs {}", words(0.2)), Err("pdf.hidden")),
        (format!("0 g {over} /G gs {}", words(1.0)), Ok(())),
        (format!("/G gs {}", words(0.0)), Ok(())),
        (format!("/G gs {}", words(0.4)), Err("pdf.hidden")),
        // A transparent background over black and over the blank sheet.
        (format!("0 g {over} /G gs 1 g {over} /W gs {}", words(1.0)), Ok(())),
        (format!("0 g {over} /H gs 1 g {over} /W gs {}", words(1.0)), Err("pdf.hidden")),
        (format!("/H gs 0 g {over} /W gs {}", words(1.0)), Ok(())),
    ] {
        assert_eq!(found(&page), expected, "{page}");
    }
}

#[test]
fn lines_are_drawn_with_their_ends_as_readers_draw_them() {
    let at = |code: &str, points: &[(usize, usize)]| {
        let resources = "/ExtGState << /G << /ca 0.5 >> >>";
        let bytes = pdf(&Parts { code, resources, ..PLAIN });
        let pictures = draw(Kind::Pdf, &bytes, &Limits::default()).unwrap();
        let mut reader = png::Decoder::new(std::io::Cursor::new(&pictures.drawn[0])).read_info().unwrap();
        let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
        let frame = reader.next_frame(&mut pixels).unwrap();
        let pixel = |(x, y): &(usize, usize)| pixels[3 * (y * frame.width as usize + x)];
        points.iter().map(pixel).collect::<Vec<u8>>()
    };
    // A dot of 144 by 144 points around the middle of the page, which is pixel 425, 550: its middle, its side, its
    // corner.
    let places = [(425, 550), (520, 550), (515, 460)];
    let drawn = |path: &str| at(&format!("144 w {path} S"), &places);
    assert_eq!(drawn("1 J 306 396 m 306 396 l"), [0, 0, 255]);
    assert_eq!(drawn("1 J 306 396 m h"), [0, 0, 255]);
    for nothing in ["1 J 306 396 m", "2 J 306 396 m h", "2 J 306 396 m 306 396 l", "0 J 306 396 m 306 396 l"] {
        assert_eq!(drawn(nothing), [255; 3], "{nothing}");
    }
    assert_eq!(drawn("2 J 305 396 m 307 396 l"), [0; 3]);
    assert_eq!(drawn("1 J 305 396 m 307 396 l"), [0, 0, 255]);
    assert_eq!(at("0 g 200 300 212 200 re f /G gs 1 g 200 300 212 200 re f", &places[..1]), [128]);
}
