//! Words that are to be seen, set in the ways in which ordinary pages set them.

use super::case::{Case, Show};
use super::draw::{BLACK, Colour, Rng, WHITE, image, rect};
use super::face::{Face, PLAIN};
use super::means::{Means, form};

/// Every way that is tried, in turn.
pub const WAYS: &[Means] = &[
    ("plain", plain),
    ("coloured", coloured),
    ("small", small),
    ("large", large),
    ("turned", turned),
    ("on a turned page", page_turned),
    ("on a dark panel", dark_panel),
    ("on a pale panel", pale_panel),
    ("highlighted", highlighted),
    ("boxed", boxed),
    ("in a table", table),
    ("in a striped table", stripes),
    ("underlined", underlined),
    ("struck out", struck),
    ("upon a watermark", watermark),
    ("beneath a transparent watermark", watermark_last),
    ("beneath a highlight", highlighted_last),
    ("beside an image", beside_image),
    ("among lines", paragraph),
    ("inside a cut", cut_around),
    ("in a drawing", drawing),
    ("in a scaled drawing", scaled_drawing),
    ("spaced letters", spaced),
    ("spaced words", spaced_words),
    ("kerned", kerned),
    ("stretched", stretched),
    ("raised", raised),
    ("outlined", outlined),
    ("scaled", scaled),
    ("in a font of drawings", drawn),
    ("in an embedded font", embedded),
    ("by quotes", quotes),
    ("with a plain state", state),
    ("on a page cropped to itself", cropped),
    ("letters out of order on a line", super::order::line),
    ("letters out of order on a curve", super::order::curve),
    ("letters out of order in a column", super::order::column),
];

fn plain(_: &mut Case, _: &mut Rng) {}

fn coloured(case: &mut Case, rng: &mut Rng) {
    case.colour = Colour::dark(rng, 0.45);
}

fn small(case: &mut Case, rng: &mut Rng) {
    case.size = rng.between(6.0, 8.0);
}

fn large(case: &mut Case, rng: &mut Rng) {
    case.size = rng.between(18.0, 40.0);
    case.word.truncate(4);
    case.set(case.face);
    if case.width() > 180.0 {
        case.size = 24.0;
        case.set(Face::Plain("Courier-Bold"));
    }
    case.colour = Colour::dark(rng, 0.4);
}

/// Turns the words by a right angle, upon the page.
fn turned(case: &mut Case, rng: &mut Rng) {
    case.word.truncate(6);
    case.size = case.size.min(14.0);
    case.set(case.face);
    let (x, y, w, s) = (rng.between(60.0, 140.0), 75.0, case.width(), case.size);
    case.matrix = Some(match rng.below(3) {
        0 => [0.0, 1.0, -1.0, 0.0, x, (y - 0.5 * w).max(15.0)],
        1 => [0.0, -1.0, 1.0, 0.0, x, (y + 0.5 * w).min(130.0)],
        _ => [-1.0, 0.0, 0.0, -1.0, (x + w).min(190.0).max(w + 5.0), y + s],
    });
}

fn page_turned(case: &mut Case, rng: &mut Rng) {
    case.entries = format!("/Rotate {}", rng.one(&[90, 180, 270]));
    coloured(case, rng);
}

fn dark_panel(case: &mut Case, rng: &mut Rng) {
    let dark = if rng.chance(30) { BLACK } else { Colour::dark(rng, 0.3) };
    case.colour = if rng.chance(50) { WHITE } else { Colour::pale(rng, 0.85) };
    let room = rng.between(2.0, 12.0);
    case.before = format!("q\n{}{}f Q\n", dark.fill(rng), rect(case.around(room)));
}

fn pale_panel(case: &mut Case, rng: &mut Rng) {
    let pale = Colour::pale(rng, 0.75);
    case.colour = if rng.chance(50) { BLACK } else { Colour::dark(rng, 0.25) };
    let room = rng.between(2.0, 12.0);
    case.before = format!("q\n{}{}f Q\n", pale.fill(rng), rect(case.around(room)));
}

fn highlighted(case: &mut Case, rng: &mut Rng) {
    let pale = rng.one(&[Colour([1.0, 1.0, 0.0]), Colour([0.6, 1.0, 0.6]), Colour([1.0, 0.8, 0.9])]);
    case.before = format!("q\n{}{}f Q\n", pale.fill(rng), rect(case.around(0.5)));
}

fn boxed(case: &mut Case, rng: &mut Rng) {
    let stroke = Colour::any(rng).stroke();
    let room = rng.between(2.0, 8.0);
    case.before = format!("q\n{stroke}{} w\n{}S Q\n", rng.between(0.2, 2.0), rect(case.around(room)));
}

fn table(case: &mut Case, rng: &mut Rng) {
    let [x, y, w, h] = case.around(3.0);
    let mut code = format!("q 0 G {} w\n", rng.between(0.2, 1.0));
    for row in 0..3 {
        let level = y + h * row as f64;
        code.push_str(&format!("{x:.2} {level:.2} m {:.2} {level:.2} l S\n", x + w + 20.0));
    }
    for side in [x, x + w] {
        code.push_str(&format!("{side:.2} {y:.2} m {side:.2} {:.2} l S\n", y + 2.0 * h));
    }
    // Rules are drawn before the words, or after.
    if rng.chance(50) { case.before = code + "Q\n" } else { case.after = code + "Q\n" }
}

fn stripes(case: &mut Case, rng: &mut Rng) {
    let [x, y, w, h] = case.around(2.0);
    let mut code = String::from("q\n");
    for row in 0..3 {
        code.push_str(&format!(
            "{}{}f\n",
            Colour::pale(rng, 0.85).fill(rng),
            rect([x, y + h * f64::from(row - 1), w, h])
        ));
    }
    case.before = code + "Q\n";
    case.colour = if rng.chance(50) { BLACK } else { Colour::dark(rng, 0.3) };
}

fn underlined(case: &mut Case, rng: &mut Rng) {
    let [x, _, w, _] = case.body();
    let level = case.at.1 - 0.12 * case.size;
    let thick = 0.06 * case.size;
    case.after = if rng.chance(50) {
        format!("q\n0 G {thick:.2} w {x:.2} {level:.2} m {:.2} {level:.2} l S Q\n", x + w)
    } else {
        format!("q\n0 g\n{}f Q\n", rect([x, level, w, thick]))
    };
}

fn struck(case: &mut Case, rng: &mut Rng) {
    let [x, _, w, _] = case.body();
    let level = case.at.1 + 0.3 * case.size;
    let thick = 0.05 * case.size;
    case.after = if rng.chance(50) {
        format!("q\n1 0 0 RG {thick:.2} w {x:.2} {level:.2} m {:.2} {level:.2} l S Q\n", x + w)
    } else {
        format!("q\n0 g\n{}f Q\n", rect([x, level, w, thick]))
    };
}

fn watermark(case: &mut Case, rng: &mut Rng) {
    let grey = rng.between(0.8, 0.88);
    let size = rng.between(40.0, 48.0);
    let (c, s) = if rng.chance(50) { (0.866, 0.5) } else { (1.0, 0.0) };
    let at = if s > 0.0 { [40.0, 12.0] } else { [12.0, rng.between(35.0, 90.0)] };
    case.before = format!("q\n{grey} g BT /F0 {size} Tf {c} {s} {} {c} {} {} Tm (DRAFT) Tj ET Q\n", -s, at[0], at[1]);
}

fn transparent(case: &mut Case, alpha: f64) {
    let name = case.object(super::draw::Object::dict(format!("<< /Type /ExtGState /ca {alpha} >>")));
    case.resources = format!("/ExtGState << /G1 {name} >>");
}

fn watermark_last(case: &mut Case, rng: &mut Rng) {
    watermark(case, rng);
    transparent(case, rng.between(0.15, 0.3));
    let before = std::mem::take(&mut case.before);
    let grey = before.find(" g BT").map_or(before.len(), |at| at + 3);
    case.after = format!("q /G1 gs 0 g {}", before.get(grey..).unwrap_or_default());
}

fn highlighted_last(case: &mut Case, rng: &mut Rng) {
    highlighted(case, rng);
    transparent(case, rng.between(0.2, 0.5));
    case.after = std::mem::take(&mut case.before).replacen("q\n", "q /G1 gs\n", 1);
}

fn beside_image(case: &mut Case, rng: &mut Rng) {
    let [_, y, _, h] = case.around(4.0);
    let pixels: Vec<u8> = (0..192).map(|_| rng.below(256) as u8).collect();
    let picture = case.object(image(8, 8, &pixels));
    case.resources = format!("/XObject << /Picture {picture} XOBJECTS >>");
    let high = if rng.chance(50) { y - 30.0 } else { y + h };
    let code = format!("q 40 0 0 28 {:.2} {high:.2} cm /Picture Do Q\n", rng.between(10.0, 140.0));
    if rng.chance(50) { case.before = code } else { case.after = code }
}

fn paragraph(case: &mut Case, rng: &mut Rng) {
    let (x, y) = case.at;
    let lead = 1.2 * case.size;
    let face = format!("/F1 {:.2} Tf", case.size);
    case.before = format!("BT {face} {x:.2} {:.2} Td ({}) Tj ET\n", y + lead, case.word);
    let after: String = case.word.chars().rev().collect();
    case.after = format!("BT {face} {x:.2} {:.2} Td ({after}) Tj ET\n", y - lead);
    case.colour = if rng.chance(70) { BLACK } else { Colour::dark(rng, 0.3) };
}

fn cut_around(case: &mut Case, rng: &mut Rng) {
    let room = rng.between(1.0, 20.0);
    case.clip = format!("{}W n\n", rect(case.around(room)));
    if rng.chance(30) {
        case.clip.push_str(&format!("{}W* n\n", rect(case.around(room + 3.0))));
    }
}

fn drawing(case: &mut Case, rng: &mut Rng) {
    let [x, y, w, h] = case.around(3.0);
    let sheet = if rng.chance(50) { [0.0, 0.0, 200.0, 150.0] } else { [x, y, x + w, y + h] };
    case.form = Some((sheet, [1.0, 0.0, 0.0, 1.0, 0.0, 0.0]));
}

fn scaled_drawing(case: &mut Case, rng: &mut Rng) {
    let by = rng.between(0.8, 1.0);
    case.size = case.size.max(9.0);
    case.form = Some(([0.0, 0.0, 200.0, 150.0], [by, 0.0, 0.0, by, rng.between(0.0, 5.0), rng.between(0.0, 5.0)]));
}

fn spaced(case: &mut Case, rng: &mut Rng) {
    case.word.truncate(5);
    case.size = case.size.min(14.0);
    case.set(case.face);
    case.spacing = format!("{} Tc\n", rng.between(-0.03, 0.4) * case.size);
    case.at.0 = 14.0;
}

fn spaced_words(case: &mut Case, rng: &mut Rng) {
    case.size = case.size.min(12.0);
    case.word.truncate(6);
    case.set(case.face);
    case.at.0 = 14.0;
    let (one, other) = case.word.split_at(3);
    case.shows = vec![Show::Words(format!("{one} {other}"))];
    case.spacing = format!("{} Tw\n", rng.between(-0.5, 12.0));
}

fn kerned(case: &mut Case, rng: &mut Rng) {
    let mut shows = Vec::new();
    for c in case.word.chars() {
        shows.push(Show::Words(c.to_string()));
        if rng.chance(60) {
            shows.push(Show::Back(rng.between(-60.0, 90.0).round()));
        }
    }
    case.at.0 = case.at.0.min(30.0);
    case.shows = shows;
}

fn stretched(case: &mut Case, rng: &mut Rng) {
    case.word.truncate(5);
    case.set(case.face);
    let percent = rng.between(75.0, 130.0);
    case.at.0 = 14.0;
    case.stretch = percent / 100.0;
    case.spacing = format!("{percent} Tz\n");
}

fn raised(case: &mut Case, rng: &mut Rng) {
    case.spacing = format!("{} Ts\n", rng.between(-4.0, 6.0));
}

fn outlined(case: &mut Case, rng: &mut Rng) {
    case.size = rng.between(16.0, 22.0);
    case.word.truncate(5);
    case.set(Face::Plain(rng.one(&PLAIN)));
    case.paint = Some(match rng.below(2) {
        0 => {
            case.lined = Some(0.7);
            "1 Tr 0.7 w\n".into()
        }
        _ => format!("2 Tr 0.4 w {}", Colour::dark(rng, 0.4).stroke()),
    });
}

fn scaled(case: &mut Case, rng: &mut Rng) {
    let by = rng.between(0.02, 0.2);
    let (x, y) = case.at;
    case.size = case.size.max(8.0) / by;
    case.at = (0.0, 0.0);
    case.cm = Some([by, 0.0, 0.0, by, x, y]);
}

fn drawn(case: &mut Case, _: &mut Rng) {
    case.set(Face::Drawn);
}

fn embedded(case: &mut Case, _: &mut Rng) {
    case.set(Face::Program);
}

fn quotes(case: &mut Case, rng: &mut Rng) {
    let (one, other) = case.word.split_at(2);
    case.spacing = format!("{:.2} TL\n", 1.3 * case.size);
    case.shows = vec![
        Show::Words(one.to_owned()),
        if rng.chance(50) { Show::Line(other.to_owned()) } else { Show::Quote(0.5, 0.2, other.to_owned()) },
    ];
}

fn state(case: &mut Case, rng: &mut Rng) {
    let entries =
        rng.one(&["/ca 1 /CA 1", "/BM /Normal", "/SMask /None", "/SA true", "/LW 1 /LC 0", "/OP false /op false"]);
    let name = case.object(super::draw::Object::dict(format!("<< /Type /ExtGState {entries} >>")));
    case.resources = format!("/ExtGState << /G1 {name} >>");
    case.clip = "/G1 gs\n".into();
    if rng.chance(30) {
        // Links with thin lines around them, as TeX makes them.
        let [x, y, w, h] = case.around(1.0);
        let border = rng.one(&["", "/Border [0 0 1]", "/Border [0 0 0]", "/BS << /W 1 >>"]);
        case.links = format!(
            "/Annots [<< /Type /Annot /Subtype /Link /Rect [{x:.2} {y:.2} {:.2} {:.2}] {border} >>]",
            x + w,
            y + h
        );
    }
    if rng.chance(20) {
        let rule = case.object(form("0 G 12 20 m 180 20 l S\n".into()));
        case.resources.push_str(&format!(" /XObject << /Rule {rule} XOBJECTS >>"));
        case.after = "/Rule Do\n".into();
    }
}

fn cropped(case: &mut Case, _: &mut Rng) {
    case.entries = "/CropBox [0 0 200 150] /TrimBox [0 0 200 150]".into();
}
