//! By what words are hidden: where they stand, how they are spaced and cut, drawings and fonts. The list of all means.

use super::case::{Case, Show};
use super::draw::{BLACK, Object, Rng, WHITE, image, rect};
use super::face::{Face, Trick, paths};
use super::{means_colour as colour, means_order as order};

/// Does to a case what hides its words.
pub type Means = (&'static str, fn(&mut Case, &mut Rng));

/// Every means that is tried, in turn.
pub const MEANS: &[Means] = &[
    ("off the sheet", off_sheet),
    ("moved off the sheet", off_matrix),
    ("a line longer than the page", long_line),
    ("cut away", cut_away),
    ("cut after the first letters", cut_short),
    ("cut to a sliver", cut_sliver),
    ("cut by a shape", cut_shape),
    ("cut twice", cut_twice),
    ("spaced letters", spaced_letters),
    ("spaced words", spaced_words),
    ("spaced in a list", spaced_list),
    ("spaced by a quote", spaced_quote),
    ("letters pushed together", pushed_letters),
    ("letters pushed back in a list", pushed_list),
    ("narrow", narrow),
    ("raised away", raised),
    ("flat", flat),
    ("tiny", tiny),
    ("in the colour of the page", colour::page),
    ("nearly in the colour of the page", colour::near_page),
    ("in the colour of a panel", colour::panel),
    ("a panel and a speck", colour::speck),
    ("a hairline shape around", colour::hairline),
    ("a panel of pieces", colour::pieces),
    ("a panel of thick lines", colour::strokes),
    ("a panel with a curved edge", colour::curved),
    ("a panel that is an image", colour::pictured),
    ("a panel in a drawing", colour::drawing),
    ("a panel with a hole", colour::hole),
    ("a panel that is cut away", colour::panel_cut),
    ("a panel that is covered", colour::panel_covered),
    ("panels aside", colour::aside),
    ("a panel without a beginning", colour::pathless),
    ("a panel without height", colour::panel_flat),
    ("letters upon the same letters", colour::same_letters),
    ("letters upon paths like them", colour::same_paths),
    ("painted in no way", colour::modes),
    ("lined in the colour of the page", colour::outlines),
    ("lined with gaps", colour::gaps),
    ("covered by an area", order::area),
    ("covered by a thick line", order::thick_line),
    ("covered by thin lines", order::thin_lines),
    ("covered by caps and joints", order::caps),
    ("covered by specks", order::specks),
    ("covered by a curved area", order::curved),
    ("covered by an image", order::image_over),
    ("covered by a drawing", order::drawing_over),
    ("covered by a line of a state", order::state_line),
    ("covered by a link", order::link),
    ("covered by letters", order::letters_over),
    ("covered in part", order::part),
    ("covered by a shading", order::shading_over),
    ("printed over each other", order::overprinted),
    ("transparent", order::transparent),
    ("blended", order::blended),
    ("a soft mask", order::soft_mask),
    ("a pattern", order::pattern),
    ("colours made into others", colour::made),
    ("cut by a drawing", form_cut),
    ("moved by a drawing", form_moved),
    ("an image too small", image_small),
    ("an image covered or cut", image_hidden),
    ("letters without ink", font_blank),
    ("letters without widths", font_widths),
    ("ink elsewhere", font_elsewhere),
    ("ink too small", font_tiny),
    ("a cropped page", cropped),
    ("off a turned page", turned_off),
    ("units of the page's own", own_units),
];

fn off_sheet(case: &mut Case, rng: &mut Rng) {
    let (w, s) = (case.width(), case.size);
    case.at = match rng.below(4) {
        0 => (-w - rng.between(2.0, 60.0), case.at.1),
        1 => (rng.between(201.0, 400.0), case.at.1),
        2 => (case.at.0, -s - rng.between(1.0, 300.0)),
        _ => (case.at.0, 152.0 + 0.3 * s + rng.between(0.0, 200.0)),
    };
    if rng.chance(30) {
        case.matrix = Some([1.0, 0.0, 0.0, 1.0, case.at.0, case.at.1]);
    }
}

fn off_matrix(case: &mut Case, rng: &mut Rng) {
    case.cm = Some(match rng.below(4) {
        0 => [1.0, 0.0, 0.0, 1.0, rng.between(200.0, 900.0), 0.0],
        1 => [1.0, 0.0, 0.0, 1.0, 0.0, -rng.between(130.0, 900.0)],
        // Mirrored, and turned by a right angle, about the page's corner.
        2 => [-1.0, 0.0, 0.0, 1.0, 0.0, 0.0],
        _ => [0.0, 1.0, -1.0, 0.0, -rng.between(0.0, 50.0), 0.0],
    });
}

fn long_line(case: &mut Case, rng: &mut Rng) {
    // It goes on where the page ends, or a little before.
    let breadth = rng.between(case.face.breadth_min(), case.face.breadth().min(0.72));
    let letters = ((200.0 - case.at.0) / (breadth * case.size)).ceil() as usize + rng.below(3);
    let lead: String = (0..letters).map(|_| char::from(rng.one(super::face::LETTERS))).collect();
    case.shows.insert(0, Show::Lead(lead));
}

fn clip(case: &mut Case, area: [f64; 4]) {
    case.clip.push_str(&format!("{}W n\n", rect(area)));
}

fn cut_away(case: &mut Case, rng: &mut Rng) {
    let [x, y, w, h] = case.around(0.0);
    let area = match rng.below(4) {
        0 => [0.0, 0.0, 200.0, (y - 1.0).max(4.0)],
        1 => [0.0, y + h + 1.0, 200.0, 40.0],
        2 => [0.0, 0.0, (x - 1.0).max(3.0), 150.0],
        _ => [x + w, y, 30.0, h],
    };
    clip(case, area);
}

fn cut_short(case: &mut Case, rng: &mut Rng) {
    let [x, y, w, h] = case.around(1.0);
    clip(case, [x, y, 0.3 * case.face.breadth_min() / case.face.breadth() * w * rng.between(0.6, 1.0), h]);
}

fn cut_sliver(case: &mut Case, rng: &mut Rng) {
    let [x, y, w, _] = case.around(2.0);
    let thin = rng.between(0.1, 0.6);
    let low = y + 0.45 * case.size * rng.between(0.8, 1.2);
    clip(case, [x, low, w, thin]);
}

fn cut_shape(case: &mut Case, rng: &mut Rng) {
    let [x, y, w, h] = case.around(6.0);
    let path = match rng.below(3) {
        // Its bounding box holds the words, and it is a hairline.
        0 => format!("{x:.2} {y:.2} m {:.2} {:.2} l {:.2} {:.2} l h W n\n", x + w, y + h, x + w, y + h + 0.4),
        // Everything but the words.
        1 => format!("0 0 200 150 re\n{}W* n\n", rect([x, y, w, h])),
        _ => format!("{x:.2} {y:.2} m {x:.2} {:.2} l {:.2} {y:.2} l h W n\n", y - 8.0, x + w),
    };
    case.clip.push_str(&path);
}

fn cut_twice(case: &mut Case, rng: &mut Rng) {
    let [x, y, w, h] = case.around(2.0);
    let at = x + w * rng.between(0.2, 0.8);
    clip(case, [x, y, at - x, h]);
    clip(case, [at + rng.between(0.1, 5.0), y, w, h]);
}

fn spaced_letters(case: &mut Case, rng: &mut Rng) {
    case.spacing = format!("{} Tc\n", rng.between(150.0, 700.0));
}

/// The words in two, with the second where it hides.
fn halves(case: &Case) -> (String, String) {
    let (first, second) = case.word.split_at(2);
    (first.to_owned(), second.to_owned())
}

fn spaced_words(case: &mut Case, rng: &mut Rng) {
    let (first, second) = halves(case);
    case.spacing = format!("{} Tw\n", rng.between(200.0, 900.0));
    case.shows = vec![Show::Words(format!("{first} {second}"))];
}

fn spaced_list(case: &mut Case, rng: &mut Rng) {
    let (first, second) = halves(case);
    let by = rng.between(200.0, 500.0) * 1000.0 / case.size;
    case.shows = vec![Show::Words(first), Show::Back(if rng.chance(50) { -by } else { by }), Show::Words(second)];
}

fn spaced_quote(case: &mut Case, rng: &mut Rng) {
    let (first, second) = halves(case);
    case.spacing = format!("{} TL\n", if rng.chance(50) { 0.0 } else { rng.between(200.0, 400.0) });
    case.shows = match rng.below(3) {
        0 => vec![Show::Quote(rng.between(200.0, 600.0), 0.0, format!("{first} {second}"))],
        1 => vec![Show::Quote(0.0, rng.between(180.0, 600.0), format!("{first}{second}"))],
        _ => {
            case.spacing = format!("{} TL\n", rng.between(130.0, 500.0));
            vec![Show::Line(format!("{first}{second}"))]
        }
    };
}

fn pushed_letters(case: &mut Case, rng: &mut Rng) {
    let exact = rng.one(&[Face::Plain("Courier"), Face::Plain("Courier-Bold"), Face::Drawn, Face::Program]);
    case.set(exact);
    while case.word.len() < 7 {
        case.word.push(char::from(rng.one(super::face::LETTERS)));
    }
    case.shows = vec![Show::Words(case.word.clone())];
    case.spacing = format!("{:.2} Tc\n", -0.6 * case.size * rng.between(0.96, 1.0));
}

fn pushed_list(case: &mut Case, rng: &mut Rng) {
    let exact = rng.one(&[Face::Plain("Courier"), Face::Plain("Courier-Bold"), Face::Drawn, Face::Program]);
    case.set(exact);
    while case.word.len() < 7 {
        case.word.push(char::from(rng.one(super::face::LETTERS)));
    }
    let by = rng.between(540.0, 620.0);
    let mut shows = Vec::new();
    for c in case.word.chars() {
        shows.extend([Show::Words(c.to_string()), Show::Back(by)]);
    }
    case.shows = shows;
}

fn narrow(case: &mut Case, rng: &mut Rng) {
    let percent = rng.between(0.1, 3.5);
    case.stretch = percent / 100.0;
    case.spacing = format!("{percent} Tz\n");
}

fn raised(case: &mut Case, rng: &mut Rng) {
    if rng.chance(50) {
        case.spacing = format!("{} Ts\n", rng.one(&[-1.0, 1.0]) * rng.between(160.0, 500.0));
        return;
    }
    let [x, y, w, h] = case.around(1.0);
    clip(case, [x, y, w, h]);
    case.spacing = format!("{:.2} Ts\n", rng.one(&[-1.0, 1.0]) * (1.5 * case.size + 2.0));
}

fn flat(case: &mut Case, rng: &mut Rng) {
    let (x, y) = case.at;
    let thin = rng.between(0.0, 0.04);
    case.matrix = Some(match rng.below(3) {
        0 => [1.0, 0.0, 0.0, thin, x, y],
        1 => [thin, 0.0, 0.0, 1.0, x, y],
        // Both axes along one line.
        _ => [0.7, 0.7, 0.7, 0.7 + thin, x, 20.0],
    });
}

fn tiny(case: &mut Case, rng: &mut Rng) {
    let size = rng.between(0.1, 1.1);
    let by = size / case.size;
    let (x, y) = case.at;
    match rng.below(4) {
        0 => case.size = size,
        1 => case.matrix = Some([by, 0.0, 0.0, by, x, y]),
        2 => case.cm = Some([by, 0.0, 0.0, by, x, y]),
        _ => {
            case.size = 100.0;
            case.matrix = Some([size / 100.0, 0.0, 0.0, size / 100.0, x, y]);
        }
    }
}

fn form_cut(case: &mut Case, rng: &mut Rng) {
    let [x, y, w, h] = case.around(2.0);
    let sheet = match rng.below(3) {
        0 => [x, y, x + 0.2 * w * rng.between(0.1, 1.0), y + h],
        1 => [x, y + h, x + w, y + h + 20.0],
        _ => [0.0, 0.0, 200.0, (y + 1.0).max(2.0)],
    };
    case.form = Some((sheet, [1.0, 0.0, 0.0, 1.0, 0.0, 0.0]));
}

fn form_moved(case: &mut Case, rng: &mut Rng) {
    let by = rng.between(0.002, 0.06);
    let matrix = match rng.below(3) {
        0 => [1.0, 0.0, 0.0, 1.0, rng.between(200.0, 600.0), 0.0],
        1 => [by, 0.0, 0.0, by, 90.0, 70.0],
        _ => [1.0, 0.0, 0.0, -1.0, 0.0, 0.0],
    };
    case.form = Some(([0.0, 0.0, 200.0, 150.0], matrix));
}

/// Puts the words into an image in the place of letters: of so many pixels for each square, on white.
fn picture(case: &mut Case, fine: usize, [x, y, w, h]: [f64; 4]) {
    case.face = Face::Drawn;
    case.pictured = true;
    let (columns, rows) = (6 * case.word.len() + 2, 9);
    let mut squares = vec![false; columns * rows];
    for (i, letter) in case.word.bytes().enumerate() {
        for [x0, y0, x1, _] in super::face::bars(letter) {
            let row = 7 - (y0 / 100) as usize;
            for column in (x0 - 50) / 100..(x1 - 50) / 100 {
                squares[row * columns + 1 + 6 * i + column as usize] = true;
            }
        }
    }
    let (width, height) = (fine * columns, fine * rows);
    let inked = |i: usize| squares[i / width / fine * columns + i % width / fine];
    let pixels: Vec<u8> = (0..width * height).flat_map(|i| [if inked(i) { 0 } else { 255 }; 3]).collect();
    let picture = case.object(image(width, height, &pixels));
    case.resources.push_str(&format!("/XObject << /Picture {picture} XOBJECTS >>"));
    case.clip.push_str(&format!("q {w:.2} 0 0 {h:.2} {x:.2} {y:.2} cm /Picture Do Q\n"));
    // The letters that are looked for stand where the image has them.
    case.size = 1.0;
    let (across, up) = (w / columns as f64 / 0.1, h / rows as f64 / 0.1);
    case.matrix = Some([across, 0.0, 0.0, up, x + 0.05 * across, y + 0.1 * up]);
    case.shows = vec![Show::Words(case.word.clone())];
}

fn image_small(case: &mut Case, rng: &mut Rng) {
    let (x, y) = case.at;
    // Some forty pixels to a point, and more.
    let side = rng.between(4.1, 6.0);
    picture(case, 8, [x, y, side, side * rng.between(0.7, 1.0)]);
}

fn image_hidden(case: &mut Case, rng: &mut Rng) {
    let (x, y) = (rng.between(20.0, 60.0), rng.between(45.0, 80.0));
    let area = [x, y, 14.0 * case.word.len() as f64, 18.0];
    let [_, _, w, h] = area;
    match rng.below(3) {
        0 => clip(case, [x, y, 0.3 * w, h]),
        1 => case.after.push_str(&format!("q 1 g\n{}f Q\n", rect([x - 1.0, y - 1.0, w + 2.0, h + 2.0]))),
        _ => {
            picture(case, 2, [rng.between(201.0, 300.0), y, w, h]);
            return;
        }
    }
    picture(case, 2, area);
}

fn ours(case: &mut Case, rng: &mut Rng, trick: Trick) {
    case.set(rng.one(&[Face::Drawn, Face::Program]));
    case.trick = trick;
}

fn font_blank(case: &mut Case, rng: &mut Rng) {
    let trick = rng.one(&[Trick::Blank, Trick::BlankSome, Trick::Cancelled, Trick::Cancelled]);
    ours(case, rng, trick);
    if trick == Trick::BlankSome {
        // Letters of both sorts, so that some are seen.
        case.word = (0..4).map(|i| char::from(super::face::LETTERS[2 * rng.below(15) + i % 2])).collect();
        case.shows = vec![Show::Words(case.word.clone())];
    }
}

fn font_widths(case: &mut Case, rng: &mut Rng) {
    let trick = rng.one(&[Trick::NoWidth, Trick::Negative]);
    ours(case, rng, trick);
    if rng.chance(40) {
        case.set(Face::Plain(rng.one(&super::face::PLAIN)));
    }
    if trick == Trick::Negative {
        case.at.0 = rng.between(4.0, 0.5 * case.size);
    }
}

fn font_elsewhere(case: &mut Case, rng: &mut Rng) {
    let trick = rng.one(&[Trick::Elsewhere, Trick::Bearing]);
    ours(case, rng, trick);
    if trick == Trick::Bearing {
        case.set(Face::Program);
    }
}

fn font_tiny(case: &mut Case, rng: &mut Rng) {
    let trick = rng.one(&[Trick::Tiny, Trick::Thin, Trick::Traced]);
    ours(case, rng, trick);
}

fn cropped(case: &mut Case, rng: &mut Rng) {
    let [x, y, w, h] = case.around(2.0);
    let crop = match rng.below(3) {
        0 => [0.0, y + h, 200.0, 150.0],
        1 => [0.0, 0.0, (x + 0.1 * w).max(5.0), 150.0],
        _ => [0.0, 0.0, 200.0, y],
    };
    let crop = format!("/CropBox [{}]", super::case::numbers(&crop));
    // The page says it, or the tree above it.
    if rng.chance(50) { case.entries = crop } else { case.above = crop }
}

fn turned_off(case: &mut Case, rng: &mut Rng) {
    case.entries = format!("/Rotate {}", rng.one(&[90, 180, 270]));
    off_sheet(case, rng);
}

/// Small by the units that every reader takes, and not by those that the page says.
fn own_units(case: &mut Case, rng: &mut Rng) {
    case.size = rng.between(0.2, 1.1);
    case.entries = format!("/UserUnit {}", rng.one(&[0.1, 5.0, 20.0]));
}

/// A shape like the words, filled in black.
pub fn words_as_paths(case: &Case) -> String {
    format!("0 g\n{}f\n", paths(&case.word, case.at, case.size))
}

/// Used by the means of the other files.
pub fn white_words(case: &mut Case) {
    case.colour = WHITE;
}

pub fn black_words(case: &mut Case) {
    case.colour = BLACK;
}

/// A drawing of the page.
pub fn form(code: String) -> Object {
    Object::stream("<< /Type /XObject /Subtype /Form /BBox [0 0 200 150] /Resources << >> >>", code.into_bytes())
}
