//! The text of a page contains every order in which a reader could read its letters.

use crate::rebuild::pdf::tests::{PLAIN, Parts, pdf};
use crate::rebuild::{Kind, Limits, Task, work};

const MARK: &str = "TOP SECRET//SI//NOFORN";

/// The text of a page in Courier, of which each glyph is 0.6 em wide; or the fault for which it is refused.
fn text(code: &str, rotate: usize) -> Result<String, String> {
    let page = pdf(&Parts { code, page: &format!("/Rotate {rotate}"), ..PLAIN });
    let page = String::from_utf8(page).unwrap().replace("/Helvetica", "/Courier  ");
    let rebuilt = work(Task::Rebuild, Kind::Pdf, page.as_bytes(), &Limits::default());
    let rebuilt = rebuilt.map_err(|fault| format!("{}: {}", fault.code, fault.message))?;
    let again = work(Task::Examine, Kind::Pdf, &rebuilt.bytes, &Limits::default()).unwrap();
    assert_eq!(again.text, rebuilt.text, "{code}");
    Ok(rebuilt.text)
}

/// A letter of a word: its position, rotation and size.
struct Letter {
    at: (f64, f64),
    degrees: f64,
    size: f64,
    text: char,
}

/// The letters of `word` from a position on, each `step` times 14 points after the last in a direction; spaces are left
/// out.
fn along(word: &str, from: (f64, f64), degrees: f64, step: f64) -> Vec<Letter> {
    let (sin, cos) = degrees.to_radians().sin_cos();
    let place = |i: usize| (from.0 + 14.0 * step * i as f64 * cos, from.1 + 14.0 * step * i as f64 * sin);
    let letters = word.chars().enumerate().filter(|(_, text)| *text != ' ');
    letters.map(|(i, text)| Letter { at: place(i), degrees, size: 14.0, text }).collect()
}

/// Draws every letter separately and out of order: every `stride`th, cyclically.
fn drawn(letters: &[Letter], stride: usize) -> String {
    let order = (0..letters.len()).map(|i| &letters[i * stride % letters.len()]);
    let draw = |letter: &Letter| {
        let (sin, cos) = letter.degrees.to_radians().sin_cos();
        let (x, y) = letter.at;
        format!(
            "BT /F1 {} Tf {cos:.4} {sin:.4} {:.4} {cos:.4} {x:.2} {y:.2} Tm ({}) Tj ET\n",
            letter.size, -sin, letter.text
        )
    };
    order.map(draw).collect()
}

/// The start of a word in a direction up or down the page, so that the word fits on it.
fn begin(degrees: f64) -> (f64, f64) {
    let (sin, cos) = degrees.to_radians().sin_cos();
    (306.0 - 100.0 * cos, 396.0 - 100.0 * sin)
}

#[test]
fn a_mark_is_read_in_every_direction_whatever_the_order_of_its_letters() {
    for rotate in [0, 90, 180, 270] {
        for degrees in [0.0, 15.0, 90.0, 180.0, 195.0, 315.0] {
            for wave in [0.0, 1.4, 3.2, 5.0] {
                for stride in [1, 8, 19] {
                    let mut letters = along(MARK, begin(degrees), degrees, 0.64);
                    // Not the first ones, so that no two at the same height are adjacent.
                    let (sin, cos) = degrees.to_radians().sin_cos();
                    for letter in letters.iter_mut().skip(1).step_by(2) {
                        letter.at = (letter.at.0 - wave * sin, letter.at.1 + wave * cos);
                    }
                    let text = text(&drawn(&letters, stride), rotate).unwrap();
                    assert!(text.contains(MARK), "{rotate} {degrees} {wave} {stride}: {text}");
                }
            }
        }
    }
}

#[test]
fn the_same_letters_in_an_order_that_says_nothing_are_no_mark() {
    let mut letters: Vec<char> = MARK.chars().filter(|c| c.is_alphabetic()).collect();
    letters.sort_unstable();
    let word: String = letters.into_iter().collect();
    for degrees in [0.0, 15.0, 90.0, 180.0] {
        for stride in [1, 8] {
            let text = text(&drawn(&along(&word, begin(degrees), degrees, 0.64), stride), 90).unwrap();
            assert!(text.contains(&word) && !text.contains("SECRET") && !text.contains("NOFORN"), "{degrees}: {text}");
        }
    }
}

#[test]
fn letters_along_a_curve_are_read_one_behind_the_other() {
    // Gentle curves as well, along which neighbours are on one line but the whole is not.
    for (turn, stride) in [(4.0, 1), (4.0, 8), (-4.0, 8), (9.0, 19), (-9.0, 8), (0.5, 8), (-1.3, 8), (2.2, 19)] {
        let (mut at, mut degrees) = (if turn > 0.0 { (200.0, 300.0) } else { (200.0, 500.0) }, -5.0 * turn);
        let mut letters = Vec::new();
        for text in MARK.chars() {
            letters.push(Letter { at, degrees, size: 14.0, text });
            let (sin, cos) = f64::to_radians(degrees).sin_cos();
            at = (at.0 + 9.5 * cos, at.1 + 9.5 * sin);
            degrees += turn;
        }
        letters.retain(|letter| letter.text != ' ');
        let text = text(&drawn(&letters, stride), 0).unwrap();
        assert!(text.contains(MARK), "{turn} {stride}: {text}");
    }
}

#[test]
fn letters_of_one_word_may_be_of_any_size_and_each_be_turned_a_little() {
    for (sizes, turns) in
        [([14.0; 3], [12.0, -12.0, 5.0]), ([14.0, 20.0, 11.0], [0.0; 3]), ([9.0, 14.0, 17.0], [3.0, -9.0, 0.0])]
    {
        let (mut x, mut letters) = (100.0, Vec::new());
        for (i, text) in "NOFORN".chars().enumerate() {
            let size = sizes[i % 3];
            letters.push(Letter { at: (x, 500.0), degrees: turns[i % 3], size, text });
            x += 0.66 * size + 1.0;
        }
        let text = text(&drawn(&letters, 5), 0).unwrap();
        assert!(text.contains("NOFORN"), "{sizes:?} {turns:?}: {text}");
    }
}

#[test]
fn runs_that_are_drawn_between_the_letters_of_each_other_are_read_letter_by_letter() {
    let code = "BT /F1 14 Tf 9.2 Tc 100 500 Td (NFR) Tj 8.8 0 Td (OON) Tj ET";
    let text = text(code, 0).unwrap();
    assert!(text.contains("NOFORN"), "{text}");
    let level = |y: f64| format!("BT /F1 14 Tf 117 {y} Td (FORN) Tj ET BT /F1 14 Tf 100 500 Td (NO) Tj ET");
    for y in [500.0, 501.4, 498.6, 502.6] {
        let text = self::text(&level(y), 0).unwrap();
        assert!(text.contains("NOFORN") || text.contains("NO FORN"), "{y}: {text}");
    }
}

#[test]
fn letters_one_beneath_the_other_are_read_as_a_column() {
    for (degrees, rotate) in [(270.0, 0), (270.0, 90), (90.0, 180)] {
        for (step, stride) in [(1.05, 8), (1.4, 1), (1.4, 8), (2.0, 8)] {
            let mut letters = along(
                "NOFORN//SI TOPSECRET",
                (300.0, 390.0 - f64::sin(f64::to_radians(degrees)) * 300.0),
                degrees,
                step,
            );
            letters.iter_mut().for_each(|letter| letter.degrees = 0.0);
            let text = text(&drawn(&letters, stride), rotate).unwrap();
            assert!(text.contains("NOFORN//SI TOPSECRET"), "{degrees} {step} {stride}: {text}");
        }
    }
    let prose = "BT /F1 14 Tf 16 TL 100 500 Td (Night) Tj T* (Owls) Tj T* (Fly) Tj T* (Over) Tj T* (Rivers) Tj T* (North) Tj ET";
    assert!(!text(prose, 0).unwrap().contains("NOFORN"));
}

#[test]
fn refuses_letters_in_no_order_that_could_be_told_and_none_in_rows_and_columns() {
    let stairs = |word: &str| {
        let mut letters = along(word, (100.0, 600.0), -60.0, 1.3);
        letters.iter_mut().for_each(|letter| letter.degrees = 0.0);
        text(&drawn(&letters, 5), 0)
    };
    let fault = stairs("NOFORN").unwrap_err();
    assert!(fault.starts_with("pdf.hidden: page 1, ") && fault.contains("set them on one line"), "{fault}");
    assert!(stairs("NOF").is_ok());
    let mut letters = along("NOFORN", (100.0, 600.0), 0.0, 0.9);
    letters.iter_mut().zip([0.0, 120.0, 250.0, 80.0, 190.0, 300.0]).for_each(|(letter, degrees)| {
        let (sin, cos) = f64::to_radians(degrees).sin_cos();
        // Each is rotated around its middle.
        letter.at = (letter.at.0 - 4.2 * cos + 4.2 * sin, letter.at.1 - 4.2 * sin - 4.2 * cos);
        letter.degrees = degrees;
    });
    assert!(text(&drawn(&letters, 5), 0).unwrap_err().contains("neither on a line"));
    let rows: Vec<Letter> =
        (0..6).flat_map(|row| along("A B C D", (100.0, 600.0 - 20.0 * f64::from(row)), 0.0, 0.8)).collect();
    assert!(text(&drawn(&rows, 5), 0).unwrap().contains("A B C D"));
}

/// Draws pieces of a word, each as a whole and the last one first, given their text and position in points.
fn pieces(all: &[(&str, f64, f64)], size: f64) -> String {
    let draw = |(text, x, y): &(&str, f64, f64)| format!("BT /F1 {size} Tf {x:.2} {y:.2} Td ({text}) Tj ET\n");
    all.iter().rev().map(draw).collect()
}

#[test]
fn pieces_of_a_word_are_read_one_behind_the_other_however_high_they_stand() {
    let wave = |words: &[&'static str], step: f64, high: f64| {
        let place = |(i, text): (usize, &&'static str)| (*text, 100.0 + step * i as f64, 400.0 + high * (i % 2) as f64);
        pieces(&words.iter().enumerate().map(place).collect::<Vec<_>>(), 12.0)
    };
    let pairs = ["SE", "CR", "ET", "//", "NO", "FO", "RN"];
    for (code, expected) in [
        (wave(&pairs, 19.0, 12.0), "SECRET//NOFORN"),
        (wave(&pairs, 30.0, 12.0), "SECRET//NOFORN"),
        (wave(&pairs, 30.0, -20.0), "SECRET//NOFORN"),
        (wave(&["COP", "PER", "FIN", "CH"], 25.0, 12.0), "COPPERFINCH"),
        (wave(&["TL", "P:", "RE", "D"], 17.0, 5.0), "TLP:RED"),
        // So close that they follow each other without a space.
        (wave(&pairs, 17.0, 9.0), "SECRET//NOFORN"),
        (wave(&["SEC", "RET", "//N", "OFO", "RN"], 25.0, 7.0), "SECRET//NOFORN"),
        // A space is inserted where the gap is wider than elsewhere.
        (wave(&["COP", "PER", "", "FIN", "CH"], 25.0, 12.0), "COPPER FINCH"),
    ] {
        let text = text(&code, 0).unwrap();
        assert!(text.contains(expected), "{expected}: {text}");
    }
    // Short pieces of prose are read on their lines, and no other lines are made of them.
    let prose = "BT /F1 12 Tf 14 TL 100 400 Td (The fleet is to go on) Tj T* (as far as it can, or so) Tj T* (the master of it said) Tj ET";
    assert_eq!(text(prose, 0).unwrap().lines().count(), 4);
}

#[test]
fn letters_on_a_stair_or_around_a_circle_are_read_along_it_from_either_end() {
    let stair = |right: f64, up: f64| {
        let place = |(i, text): (usize, char)| (text, 300.0 + right * i as f64, 400.0 + up * i as f64);
        "SECRET//NOFORN".chars().enumerate().map(place).collect::<Vec<_>>()
    };
    let upon = |letters: Vec<(char, f64, f64)>, size: f64| {
        let letters = letters.into_iter().map(|(text, x, y)| Letter { at: (x, y), degrees: 0.0, size, text });
        text(&drawn(&letters.collect::<Vec<_>>(), 5), 0)
    };
    for (right, up) in [(14.0, 10.8), (14.0, -10.8), (14.0, 8.0), (9.0, 18.0), (-13.0, -13.0)] {
        let text = upon(stair(right, up), 10.0).unwrap();
        assert!(text.contains("SECRET") && text.contains("NOFORN"), "{right} {up}: {text}");
    }
    let circle = |i: usize, text| {
        let (sin, cos) = (std::f64::consts::PI - 0.4 * i as f64).sin_cos();
        (text, 300.0 + 60.0 * cos, 400.0 + 60.0 * sin)
    };
    let text = upon("SECRET//NOFORN".chars().enumerate().map(|(i, c)| circle(i, c)).collect(), 12.0).unwrap();
    assert!(text.contains("SECRET") && text.contains("NOFORN"), "{text}");
    // A table of letters is read in rows and columns.
    let table = |i: usize, text| (text, 100.0 + 60.0 * (i % 3) as f64, 400.0 - 14.0 * (i / 3) as f64);
    let text = upon("ABCDEFGHI".chars().enumerate().map(|(i, c)| table(i, c)).collect(), 12.0).unwrap();
    assert!(text.contains("A B C\n") && text.contains("ADG\n") && !text.contains("AE"), "{text}");
}

#[test]
fn letters_in_a_colour_of_their_own_and_large_initials_are_read_by_themselves() {
    let every = |colours: [&str; 2]| {
        let place = |(i, (a, b)): (usize, (char, char))| {
            let x = 60.0 + 30.0 * i as f64;
            let show = |colour: &str, x: f64, text| format!("{colour} BT /F1 12 Tf {x} 400 Td ({text}) Tj ET\n");
            show(colours[0], x, a) + &show(colours[1], x + 15.0, b)
        };
        text(&"SECRETNOFORN".chars().zip("thequayempty".chars()).enumerate().map(place).collect::<String>(), 0).unwrap()
    };
    assert!(every(["0.8 0 0 rg", "0 0 0.6 rg"]).contains("SECRETNOFORN\n"));
    assert!(!every(["0 g", "0 g"]).contains("SECRET"));
    let words = |size: f64| {
        let place = |(i, word): (usize, &str)| {
            let (first, rest) = word.split_at(1);
            format!("BT /F1 {size} Tf {} 400 Td ({first}) Tj /F1 12 Tf ({rest}) Tj ET\n", 40.0 + 90.0 * i as f64)
        };
        text(
            &["Ships", "Even", "Came", "Round", "East", "Then"].into_iter().enumerate().map(place).collect::<String>(),
            0,
        )
    };
    assert!(words(24.0).unwrap().contains("SECRET\n"));
    assert!(!words(12.0).unwrap().contains("SECRET"));
}

#[test]
fn refuses_letters_as_a_mirror_shows_them() {
    for (matrix, passes) in
        [("1 0 0 1", true), ("-1 0 0 -1", true), ("-1 0 0 1", false), ("1 0 0 -1", false), ("0 1 1 0", false)]
    {
        let code = format!("BT /F1 14 Tf {matrix} 300 400 Tm (EXERCISE) Tj ET");
        let found = text(&code, 0);
        assert_eq!(found.is_ok(), passes, "{matrix}");
        assert!(passes || found.unwrap_err().contains("mirrored letters"));
    }
    // Mirrored twice, as browsers write.
    assert!(text("1 0 0 -1 0 792 cm BT /F1 14 Tf 1 0 0 -1 100 92 Tm (EXERCISE) Tj ET", 0).is_ok());
}

#[test]
fn a_page_that_is_drawn_as_it_is_read_is_told_once() {
    let code = "BT /F1 14 Tf 18 TL 100 500 Td (EXERCISE one) Tj T* (two) Tj ( three) Tj T* (four) Tj ET";
    assert_eq!(text(code, 0).unwrap(), "EXERCISE one\ntwo three\nfour\n\n");
    let code = "BT /F1 14 Tf 100 500 Td (EXERCISE) Tj 20 5 Td 0 -40 Td (below) Tj 0 60 Td (above) Tj ET";
    assert_eq!(text(code, 0).unwrap(), "EXERCISE\nbelow\nabove\nabove\nEXERCISE\nbelow\n\n");
}
