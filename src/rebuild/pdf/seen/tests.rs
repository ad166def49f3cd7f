//! What is to be seen passes, and what is not is refused, each beside the other.

use proptest::prelude::*;

use super::super::super::{Kind, Limits, Task, draw, work};
use super::super::tests::{PLAIN, Parts, drawn, pdf};

/// Each page beside what becomes of it.
fn all(cases: &[(&str, &str)]) {
    for (page, expected) in cases {
        assert_eq!(drawn(page), *expected, "{page}");
    }
}

fn fault(page: &str) -> String {
    let bytes = pdf(&Parts { code: page, ..PLAIN });
    work(Task::Rebuild, Kind::Pdf, &bytes, &Limits::default()).map_or_else(|f| f.message, |_| "pass".into())
}

#[test]
fn a_line_that_runs_off_the_page_or_out_of_what_is_cut_is_refused() {
    let line = |letters: usize| format!("BT /F1 12 Tf 72 700 Td ({}) Tj ET", "EXERCISE ".repeat(letters / 9));
    // 142 letters reach a thousand points to the right, on a sheet of 612.
    all(&[
        (&line(60), "pass"),
        (&line(142), "pdf.hidden"),
        (&format!("0 690 500 30 re W n {}", line(45)), "pass"),
        (&format!("0 690 300 30 re W n {}", line(45)), "pdf.hidden"),
        // A word that is cut in the middle of a letter, from above.
        ("0 690 300 18 re W n BT /F1 12 Tf 72 700 Td (EXERCISE) Tj ET", "pdf.hidden"),
        ("0 690 300 19 re W n BT /F1 12 Tf 72 700 Td (EXERCISE) Tj ET", "pass"),
        // Cut by shapes of other kinds: two rectangles, one with a hole, one inside another.
        ("60 690 20 30 re 80 690 90 30 re W n BT /F1 12 Tf 72 700 Td (EXERCISE) Tj ET", "pass"),
        ("60 690 20 30 re 95 690 90 30 re W n BT /F1 12 Tf 72 700 Td (EXERCISE) Tj ET", "pdf.hidden"),
        ("0 0 600 790 re 60 690 99 30 re W* n BT /F1 12 Tf 72 700 Td (EXERCISE) Tj ET", "pdf.hidden"),
        ("0 0 600 790 re 60 600 99 30 re W* n BT /F1 12 Tf 72 700 Td (EXERCISE) Tj ET", "pass"),
        ("0 0 m 600 0 l 0 790 l W n BT /F1 12 Tf 42 700 Td (EXERCISE) Tj ET", "pdf.hidden"),
        ("0 0 m 600 0 l 0 790 l W n 0 0 600 790 re W n BT /F1 12 Tf 2 700 Td (x) Tj ET", "pass"),
        ("q 0 0 m 600 0 l 0 790 l W n Q BT /F1 12 Tf 500 700 Td (x) Tj ET", "pass"),
        // What is cut away covers nothing, and is no ground to stand on.
        ("BT /F1 12 Tf 72 700 Td (x) Tj ET 1 g 0 0 600 790 re 60 690 99 30 re W* n 0 0 600 790 re f", "pass"),
        ("q 0 0 600 790 re 60 690 99 30 re W* n 0 0 600 790 re f Q 1 g BT /F1 12 Tf 72 700 Td (x) Tj ET", "pdf.hidden"),
    ]);
    let told = fault(&line(142));
    assert!(
        told.starts_with("page 1, 608 pt from the left and 700 from below: ") && told.contains("from below"),
        "{told}"
    );
    assert!(told.len() < 300 && !told.contains("EXERCISE"), "{told}");
}

#[test]
fn spacing_moves_words_as_a_reader_moves_them() {
    all(&[
        ("BT /F1 12 Tf 2 Tc 72 700 Td (EXERCISE) Tj ET", "pass"),
        ("BT /F1 12 Tf 60 Tc 72 700 Td (EXERCISE UNSEEN) Tj ET", "pdf.hidden"),
        ("BT /F1 12 Tf 20 Tw 72 700 Td (EXERCISE UNSEEN) Tj ET", "pass"),
        ("BT /F1 12 Tf 700 Tw 72 700 Td (EXERCISE UNSEEN) Tj ET", "pdf.hidden"),
        // Only the blank is widened by it.
        ("BT /F1 12 Tf 700 Tw 72 700 Td (EXERCISE) Tj ET", "pass"),
        ("BT /F1 12 Tf 300 Tz 72 700 Td (EXERCISE) Tj ET", "pass"),
        ("BT /F1 12 Tf 900 Tz 72 700 Td (EXERCISE UNSEEN) Tj ET", "pdf.hidden"),
        ("BT /F1 12 Tf 50 Ts 72 700 Td (x) Tj ET", "pass"),
        ("BT /F1 12 Tf 150 Ts 72 700 Td (x) Tj ET", "pdf.hidden"),
        ("BT /F1 12 Tf 72 700 Td [(a) -20000 (b)] TJ ET", "pass"),
        ("BT /F1 12 Tf 72 700 Td [(a) -20000 (b) -20000 (c) -20000 (d)] TJ ET", "pdf.hidden"),
    ]);
}

#[test]
fn what_is_beneath_words_is_what_is_painted_there() {
    let white = "1 g BT /F1 12 Tf 72 700 Td (EXERCISE) Tj ET";
    let black = "0 g BT /F1 12 Tf 72 700 Td (EXERCISE) Tj ET";
    let grey = "0.5 g BT /F1 12 Tf 72 700 Td (EXERCISE) Tj ET";
    let on = |below: &str, words: &str| format!("{below} {words}");
    let dots = |pitch: f64| {
        let dot = |i: usize, j: usize| {
            let (x, y, side) = (70.0 + pitch * i as f64, 698.0 + pitch * j as f64, 0.7 * pitch);
            format!("{x:.3} {y:.3} {side:.3} {side:.3} re f ")
        };
        (0..(66.0 / pitch) as usize)
            .flat_map(|i| (0..(14.0 / pitch) as usize).map(move |j| dot(i, j)))
            .collect::<String>()
    };
    all(&[
        (&on("60 690 200 30 re f", white), "pass"),
        // A speck beneath the words, the rectangle around a hairline, a frame, and a panel that ends halfway.
        (&on("80 703 0.6 0.6 re f", white), "pdf.hidden"),
        (&on("60 690 m 200 690 l 200 690.3 l 60 720 l 60 719.9 l h f", white), "pdf.hidden"),
        (&on("60 690 m 200 690 l 130 690.5 l h f", white), "pdf.hidden"),
        (&on("60 690 200 30 re S", white), "pdf.hidden"),
        (&on("60 690 40 30 re f", white), "pdf.hidden"),
        (&on("60 690 200 30 re 62 692 196 26 re f*", white), "pdf.hidden"),
        (&on("60 690 m 260 690 l 260 740 l 60 740 l h f", white), "pass"),
        (&on("60 690 200 30 re f 1 g 80 703 0.6 0.6 re f", black), "pdf.hidden"),
        (&on("60 690 200 30 re f 1 g 61 691 198 28 re f", black), "pass"),
        // Shapes of the letters themselves, and lines as fine as letters.
        (&on(black, white), "pdf.hidden"),
        (&on("0.4 w [0.1 0.9] 0 d 60 690 200 30 re B", white), "pass"),
        (&on("20 w 60 704 m 200 704 l S", white), "pass"),
        (&on("20 w [1 1] 0 d 60 704 m 200 704 l S", white), "pdf.hidden"),
        // Dots of black on white, so fine that they come to the grey of the words.
        (&on(&dots(0.25), grey), "pdf.hidden"),
        (&on("1 0 0 rg 60 690 200 30 re f", white), "pass"),
        (&on("1 1 0 rg 60 690 200 30 re f", white), "pdf.hidden"),
    ]);
}

#[test]
fn words_over_each_other_and_marks_too_small_are_refused() {
    let at = |words: &str| format!("BT /F1 12 Tf 72 700 Td ({words}) Tj ET");
    all(&[
        (&format!("{} {} {}", at("EXERCISE"), at("UNSEEN"), at("HIDDEN")), "pdf.hidden"),
        (&format!("{} 1 0 0 rg {}", at("EXERCISE"), at("UNSEEN")), "pdf.hidden"),
        (&format!("{} 1 0 0 1 0 14 cm {}", at("EXERCISE"), at("UNSEEN")), "pass"),
        ("0.7 g BT /F1 2 Tf 72 700 Td (EXERCISE) Tj ET", "pdf.hidden"),
        ("0.7 g BT /F1 4 Tf 72 700 Td (EXERCISE) Tj ET", "pass"),
        ("0.8 g BT /F1 12 Tf 72 700 Td (EXERCISE) Tj ET", "pdf.hidden"),
        // A pale, large word beneath others leaves both to be read; a dark one does not.
        (&format!("0.9 g BT /F1 90 Tf 72 680 Td (DRAFT) Tj ET 0 g {}", at("EXERCISE")), "pass"),
        (&format!("0.9 g BT /F1 50 Tf 0.8 0.6 -0.6 0.8 60 640 Tm (DRAFT) Tj ET 0 g {}", at("EXERCISE")), "pass"),
        (&format!("0.1 g BT /F1 90 Tf 72 680 Td (DRAFT) Tj ET 0 g {}", at("EXERCISE")), "pdf.hidden"),
        (&format!("{} 0.9 g BT /F1 90 Tf 72 680 Td (DRAFT) Tj ET", at("EXERCISE")), "pdf.hidden"),
    ]);
    let stricter = Limits { pdf_letter_points: 20, ..Limits::default() };
    let bytes = pdf(&PLAIN);
    assert_eq!(work(Task::Rebuild, Kind::Pdf, &bytes, &stricter).unwrap_err().code, "pdf.hidden");
    let stricter = Limits { pdf_contrast: 2000, ..Limits::default() };
    assert_eq!(work(Task::Rebuild, Kind::Pdf, &bytes, &stricter).map(|_| "pass"), Ok("pass"));
    let grey = pdf(&Parts { code: "0.2 g BT /F1 12 Tf 72 700 Td (x) Tj ET", ..PLAIN });
    assert_eq!(work(Task::Rebuild, Kind::Pdf, &grey, &stricter).unwrap_err().code, "pdf.hidden");
}

#[test]
fn covers_count_as_they_lie_and_all_together() {
    let words = "BT /F1 12 Tf 72 700 Td (EXERCISE) Tj ET";
    let lines = |count: usize, width: f64, pitch: f64| {
        let line = |i| format!("60 {y} m 200 {y} l S", y = 698.0 + pitch * i as f64);
        format!("{words} 1 G {width} w {}", (0..count).map(line).collect::<Vec<_>>().join(" "))
    };
    all(&[
        (&lines(2, 0.5, 4.0), "pass"),
        (&lines(40, 0.3, 0.35), "pdf.hidden"),
        (&lines(12, 0.7, 1.0), "pdf.hidden"),
        (&format!("{words} 0.6 w 60 704 m 200 704 l S"), "pass"),
        // The rectangle around a slanted line is no cover; a curve that lies on the words is.
        (&format!("{words} 60 690 m 200 730 l S"), "pass"),
        (&format!("{words} 1 g 60 690 m 60 760 200 760 200 690 c f"), "pdf.hidden"),
        (&format!("{words} 1 g 60 690 m 60 800 200 800 200 690 c 60 690 m 60 780 200 780 200 690 c f*"), "pass"),
        // A frame around the words, and one that is filled.
        (&format!("{words} 68 696 80 16 re S"), "pass"),
        (&format!("{words} 68 696 80 16 re B"), "pdf.hidden"),
        // The point of a corner reaches far beyond its lines.
        (&format!("{words} 1 G 20 w 40 680 m 60 704 l 40 728 l S"), "pass"),
        (&format!("{words} 1 G 20 w 9 j 0 697 m 60 704 l 0 711 l S"), "pdf.operator"),
        (&format!("{words} 1 G 20 w 0 697 m 60 704 l 0 711 l S"), "pdf.hidden"),
        (&format!("{words} 1 G 20 w 2 j 0 697 m 60 704 l 0 711 l S"), "pass"),
    ]);
}

#[test]
fn images_are_seen_whole_and_large_enough() {
    let pixels = |width: usize, height: usize| {
        format!(
            "<< /Type /XObject /Subtype /Image /Width {width} /Height {height} /BitsPerComponent 8 /ColorSpace /DeviceGray \
             /Length {} >>\nstream\n{}\nendstream",
            width * height,
            "!".repeat(width * height)
        )
    };
    let found = |page: &str| {
        let more = pixels(200, 60);
        let bytes = pdf(&Parts { code: page, resources: "/XObject << /Im 6 0 R >>", more: &[&more], ..PLAIN });
        work(Task::Rebuild, Kind::Pdf, &bytes, &Limits::default()).map_or_else(|f| f.code, |_| "pass")
    };
    let words = "BT /F1 12 Tf 72 700 Td (EXERCISE) Tj ET";
    for (page, expected) in [
        ("q 200 0 0 60 72 500 cm /Im Do Q".to_owned(), "pass"),
        ("q 5 0 0 5 72 500 cm /Im Do Q".to_owned(), "pdf.hidden"),
        ("q 120 160 -48 36 150 500 cm /Im Do Q".to_owned(), "pass"),
        ("q 200 0 0 60 500 500 cm /Im Do Q".to_owned(), "pdf.hidden"),
        // The image is dark all over.
        (format!("q 200 0 0 60 72 690 cm /Im Do Q {words}"), "pdf.hidden"),
        (format!("q 200 0 0 60 72 690 cm /Im Do Q 1 g {words}"), "pass"),
        (format!("q 30 0 0 60 72 690 cm /Im Do Q 1 g {words}"), "pdf.hidden"),
        // Beside the image, and inside the rectangle around one that is turned.
        (format!("q 200 0 0 60 72 600 cm /Im Do Q {words}"), "pass"),
        (format!("q 120 160 -48 36 150 520 cm /Im Do Q {words}"), "pass"),
        (format!("{words} q 200 0 0 60 72 690 cm /Im Do Q"), "pdf.hidden"),
        ("q 200 0 0 60 72 500 cm /Im Do Q 100 510 40 30 re f".to_owned(), "pdf.hidden"),
        ("q 200 0 0 60 72 500 cm /Im Do Q 72 500 200 60 re S".to_owned(), "pass"),
        ("q 200 0 0 60 72 500 cm /Im Do Q 0.5 w 72 500 m 272 560 l S".to_owned(), "pass"),
    ] {
        assert_eq!(found(&page), expected, "{page}");
    }
}

#[test]
fn pages_are_drawn_as_they_are_judged() {
    let page = |page: &str, code: &str| {
        let bytes = pdf(&Parts { page, code, ..PLAIN });
        let pictures = draw(Kind::Pdf, &bytes, &Limits::default()).unwrap();
        assert_eq!((pictures.pages, pictures.drawn.len()), (1, 1));
        let mut reader = png::Decoder::new(std::io::Cursor::new(&pictures.drawn[0])).read_info().unwrap();
        let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
        let frame = reader.next_frame(&mut pixels).unwrap();
        let at = move |x: usize, y: usize| {
            let at = 3 * (y * frame.width as usize + x);
            [pixels[at], pixels[at + 1], pixels[at + 2]]
        };
        ((frame.width, frame.height), at)
    };
    // A hundred pixels an inch, the first row the highest.
    let (size, at) = page("", "1 0 0 rg 72 648 72 72 re f BT /F1 72 Tf 0 g 288 648 Td (I) Tj ET");
    assert_eq!(size, (850, 1100));
    assert_eq!((at(150, 150), at(50, 150), at(150, 250)), ([255, 0, 0], [255; 3], [255; 3]));
    assert_eq!(at(414, 160), [0; 3]);
    let (size, at) = page("/Rotate 90", "1 0 0 rg 72 648 72 72 re f");
    assert_eq!((size, at(949, 150), at(150, 150)), ((1100, 850), [255, 0, 0], [255; 3]));
    assert_eq!(draw(Kind::Pdf, b"%PDF", &Limits::default()).unwrap_err().code, "pdf.form");
    assert_eq!(draw(Kind::Csv, b"a\n1\n", &Limits::default()).unwrap_err().code, "filter.failed");
}

/// A word somewhere on the sheet, upright or a little turned, and where it stands.
fn words() -> impl Strategy<Value = (f64, f64, f64, f64)> {
    (100.0..300.0, 100.0..600.0, 6.0..30.0, -0.5..0.5f64)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_word_passes_where_it_is_seen_and_by_no_means_where_it_is_not(
        (x, y, size, turn) in words(),
        grey in 0.0..0.6f64,
        font in 0..3usize,
    ) {
        let (sine, cosine) = turn.sin_cos();
        let shown = |dx: f64, dy: f64, grey: f64| {
            let mode = ["0 Tr", "2 Tr 0.2 w", "1 Tr 0.4 w"][font];
            format!(
                "{grey:.3} g {grey:.3} G BT /F1 {size:.2} Tf {mode} {cosine:.4} {sine:.4} {:.4} {cosine:.4} {:.2} {:.2} Tm (Exercise) Tj ET",
                -sine, x + dx, y + dy
            )
        };
        let word = shown(0.0, 0.0, grey);
        let around = format!("{:.2} {:.2} {:.2} {:.2} re", x - 90.0, y - 100.0, 5.0 * size + 180.0, 220.0);
        prop_assert_eq!(drawn(&word), "pass", "{}", word);
        let white = shown(0.0, 0.0, 1.0);
        prop_assert_eq!(drawn(&format!("0 g {around} f {white}")), "pass", "{}", white);
        for hidden in [
            white.clone(),
            format!("1 g {around} f 0 g {x:.2} {y:.2} 0.6 0.6 re f {white}"),
            format!("{grey:.3} g {around} f {word}"),
            format!("{word} 1 g {around} f"),
            format!("{word} {grey:.3} g {around} f"),
            format!("{word} {word}"),
            format!("{word} {}", shown(0.1 * size, 0.05 * size, grey)),
            shown(500.0, 0.0, grey),
            shown(0.0, 700.0, grey),
            format!("q {:.2} {:.2} {:.2} {:.2} re W n {word} Q", x + size, y - 100.0, 5.0 * size, 220.0),
            format!("q 0.05 0 0 0.05 100 100 cm {word} Q"),
        ] {
            prop_assert_eq!(drawn(&hidden), "pdf.hidden", "{}", hidden);
        }
    }
}

#[test]
fn neighbours_on_a_line_may_be_close_to_each_other_and_nothing_else() {
    let words = |dx: f64, dy: f64| {
        let (x, y) = (100.0 + 6.0 * dx, 100.0 + 6.0 * dy);
        format!("BT /F1 6 Tf 1 Tr 0.4 w 0.8797 -0.4755 0.4755 0.8797 {x:.2} {y:.2} Tm (Exercise) Tj ET")
    };
    let spaced = |spacing: f64| format!("BT /F1 12 Tf {spacing} Tc 100 400 Td (lllll) Tj ET");
    all(&[
        (&words(0.0, 0.0), "pass"),
        (&format!("{} {}", words(0.0, 0.0), words(0.1, -0.05)), "pdf.hidden"),
        (&format!("{} {}", words(0.0, 0.0), words(0.2, -0.1)), "pdf.hidden"),
        (&format!("{} {}", words(0.0, 0.0), words(0.0, 0.5)), "pdf.hidden"),
        (&format!("{} {}", words(0.0, 0.0), words(0.0, 1.2)), "pass"),
        // Bars so close that they come to one, and bars that do not.
        (&spaced(-1.4), "pdf.hidden"),
        (&spaced(-0.4), "pass"),
    ]);
}

#[test]
fn slivers_of_letters_are_none_however_many_there_are() {
    // Through slits so thick, one above the other at such a distance, around words of some size.
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
        // Lines as thin as can be are seen in black, and not in a grey that would do for letters.
        (&lines(0.0, 0.0, 12.0), "pass"),
        (&lines(0.0, 0.0, 60.0), "pass"),
        (&lines(0.74, 0.0, 12.0), "pdf.hidden"),
        (&lines(0.74, 0.5, 12.0), "pass"),
        (&words(0.74, 12.0), "pass"),
        (&lines(0.9, 0.0, 24.0), "pdf.hidden"),
        // A pale heading is none, a pale watermark is one.
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
        // Upon the line itself they stand, and not upon what is beyond its end.
        let line = |words: &str| format!("q {ends} 100 w 100 400 m 300 400 l S Q {words}");
        all(&[(&line(&white("330 396")), "pdf.hidden"), (&line(black), "pass")]);
    }
    all(&[
        (&format!("q 100 w 100 400 m 300 400 l S Q {}", white("200 396")), "pass"),
        (&format!("q 100 w 1 j 100 400 m 300 400 l 300 600 l S Q {}", white("320 370")), "pdf.hidden"),
        // Words beneath what some readers paint are covered for those, beneath what nobody paints they are not.
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
        // What takes away all that they stood out by.
        (format!("{} /H gs 1 g {over}", words(0.0)), Err("pdf.hidden")),
        (format!("{} /H gs 0 g {over}", words(0.0)), Err("pdf.hidden")),
        (format!("{} /G gs 1 g {over} {over} {over} {over}", words(0.4)), Err("pdf.hidden")),
        (format!("{} /G gs 1 g {over} {over} {over} {over} {over} {over} {over}", words(0.0)), Err("pdf.hidden")),
        (format!("{} /G gs 1 g {over}", words(0.7)), Err("pdf.hidden")),
        // The same letters in white over them, and stripes that are finer than they are.
        (format!("{} /H gs {}", words(0.0), words(1.0)), Err("pdf.hidden")),
        (format!("{} /H gs 1 g {stripes} f", words(0.0)), Err("pdf.hidden")),
        // Words that are transparent themselves, upon a ground that hides them and one that does not.
        (format!("0 g {over} /G gs {}", words(0.2)), Err("pdf.hidden")),
        (format!("0 g {over} /G gs {}", words(1.0)), Ok(())),
        (format!("/G gs {}", words(0.0)), Ok(())),
        (format!("/G gs {}", words(0.4)), Err("pdf.hidden")),
        // A ground that is transparent, upon black and upon the sheet.
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
    // A point of 144 by 144 about the middle of the page, which is at 425, 550: its middle, its side, its corner.
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
