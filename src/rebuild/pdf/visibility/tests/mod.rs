//! Visible content passes and invisible content is refused, each case next to its opposite.

mod fine;

use proptest::prelude::*;

use crate::rebuild::pdf::tests::{PLAIN, Parts, drawn, pdf};
use crate::rebuild::{Kind, Limits, Task, draw, work};

/// Checks each page against its expected result.
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
    // 142 letters extend a thousand points to the right, on a sheet 612 points wide.
    all(&[
        (&line(60), "pass"),
        (&line(142), "pdf.hidden"),
        (&format!("0 690 500 30 re W n {}", line(45)), "pass"),
        (&format!("0 690 300 30 re W n {}", line(45)), "pdf.hidden"),
        // A word that is clipped through the middle of its letters, from above.
        ("0 690 300 18 re W n BT /F1 12 Tf 72 700 Td (EXERCISE) Tj ET", "pdf.hidden"),
        ("0 690 300 19 re W n BT /F1 12 Tf 72 700 Td (EXERCISE) Tj ET", "pass"),
        // Clips of other shapes: two rectangles, one with a hole, one inside another.
        ("60 690 20 30 re 80 690 90 30 re W n BT /F1 12 Tf 72 700 Td (EXERCISE) Tj ET", "pass"),
        ("60 690 20 30 re 95 690 90 30 re W n BT /F1 12 Tf 72 700 Td (EXERCISE) Tj ET", "pdf.hidden"),
        ("0 0 600 790 re 60 690 99 30 re W* n BT /F1 12 Tf 72 700 Td (EXERCISE) Tj ET", "pdf.hidden"),
        ("0 0 600 790 re 60 600 99 30 re W* n BT /F1 12 Tf 72 700 Td (EXERCISE) Tj ET", "pass"),
        ("0 0 m 600 0 l 0 790 l W n BT /F1 12 Tf 42 700 Td (EXERCISE) Tj ET", "pdf.hidden"),
        ("0 0 m 600 0 l 0 790 l W n 0 0 600 790 re W n BT /F1 12 Tf 2 700 Td (x) Tj ET", "pass"),
        ("q 0 0 m 600 0 l 0 790 l W n Q BT /F1 12 Tf 500 700 Td (x) Tj ET", "pass"),
        // An area that is clipped away covers nothing, and is no background.
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
        // Word spacing widens the space only.
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
        // A speck beneath the words, the bounding box of a hairline, a frame, and a panel that ends halfway.
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
        // Black dots on white, so fine that they average to the grey of the words.
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
        // A pale, large word beneath others leaves both legible; a dark one does not.
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
        // The bounding box of a slanted line covers nothing; a curve over the words does.
        (&format!("{words} 60 690 m 200 730 l S"), "pass"),
        (&format!("{words} 1 g 60 690 m 60 760 200 760 200 690 c f"), "pdf.hidden"),
        (&format!("{words} 1 g 60 690 m 60 800 200 800 200 690 c 60 690 m 60 780 200 780 200 690 c f*"), "pass"),
        // A frame around the words, and a filled one.
        (&format!("{words} 68 696 80 16 re S"), "pass"),
        (&format!("{words} 68 696 80 16 re B"), "pdf.hidden"),
        // A miter extends far beyond its lines.
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
        // Next to the image, and inside the bounding box of a rotated one.
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
    // A hundred pixels an inch, with the top row first.
    let (size, at) = page("", "1 0 0 rg 72 648 72 72 re f BT /F1 72 Tf 0 g 288 648 Td (I) Tj ET");
    assert_eq!(size, (850, 1100));
    assert_eq!((at(150, 150), at(50, 150), at(150, 250)), ([255, 0, 0], [255; 3], [255; 3]));
    assert_eq!(at(414, 160), [0; 3]);
    let (size, at) = page("/Rotate 90", "1 0 0 rg 72 648 72 72 re f");
    assert_eq!((size, at(949, 150), at(150, 150)), ((1100, 850), [255, 0, 0], [255; 3]));
    assert_eq!(draw(Kind::Pdf, b"%PDF", &Limits::default()).unwrap_err().code, "pdf.form");
    assert_eq!(draw(Kind::Csv, b"a\n1\n", &Limits::default()).unwrap_err().code, "filter.failed");
}

/// A word at a random place of the sheet, upright or slightly rotated.
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
        // Strokes so close that they merge, and strokes that do not.
        (&spaced(-1.4), "pdf.hidden"),
        (&spaced(-0.4), "pass"),
    ]);
}
