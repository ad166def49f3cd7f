//! By what words are hidden: their colour, and what is beneath them.

use super::case::Case;
use super::draw::{BLACK, Colour, Rng, WHITE, image, rect};
use super::face::Face;
use super::means::{form, words_as_paths};

/// So little that nobody sees it.
const NEAR: f64 = 0.03;

pub fn page(case: &mut Case, rng: &mut Rng) {
    case.colour = WHITE;
    if rng.chance(20) {
        case.paint = Some("2 Tr 1 G\n".into());
    }
}

pub fn near_page(case: &mut Case, rng: &mut Rng) {
    case.colour = Colour([0; 3].map(|_: i32| (1000.0 - 10.0 * rng.between(0.0, 4.0)).round() / 1000.0));
}

/// A panel of one colour under the words, and the words in it or nearly so.
fn alike(case: &mut Case, rng: &mut Rng) -> Colour {
    let beneath = match rng.below(4) {
        0 => BLACK,
        1 => Colour::pale(rng, 0.5),
        _ => Colour::any(rng),
    };
    case.colour = if rng.chance(50) { beneath } else { beneath.near(rng, NEAR) };
    beneath
}

pub fn panel(case: &mut Case, rng: &mut Rng) {
    let beneath = alike(case, rng);
    let room = rng.between(0.0, 20.0);
    case.before = format!("q\n{}{}f Q\n", beneath.fill(rng), rect(case.around(room)));
}

pub fn speck(case: &mut Case, rng: &mut Rng) {
    case.colour = WHITE;
    let mut beneath = WHITE;
    if rng.chance(50) {
        beneath = alike(case, rng);
        case.before = format!("q\n{}{}f Q\n", beneath.fill(rng), rect(case.around(4.0)));
    }
    let other = if beneath.light() < 0.5 { WHITE } else { BLACK };
    let [x, y, w, h] = case.body();
    for _ in 0..=rng.below(4) {
        let side = rng.between(0.2, 1.2);
        let at = [x + w * rng.between(0.0, 1.0), y + h * rng.between(0.0, 1.0)];
        case.before.push_str(&format!("q\n{}{}f Q\n", other.fill(rng), rect([at[0], at[1], side, side])));
    }
}

pub fn hairline(case: &mut Case, rng: &mut Rng) {
    case.colour = WHITE;
    let [x, y, w, h] = case.around(3.0);
    let (x1, y1) = (x + w, y + h);
    let thin = rng.between(0.05, 0.6);
    case.before = match rng.below(4) {
        // Filled triangles and corners whose boxes hold the words.
        0 => format!("0 g {x:.2} {y:.2} m {x1:.2} {y1:.2} l {x1:.2} {:.2} l h f\n", y1 - thin),
        1 => format!("0 g {x:.2} {y1:.2} m {x1:.2} {y:.2} l {:.2} {y:.2} l h f\n", x1 - thin),
        2 => format!("0 g {x:.2} {y:.2} m {x1:.2} {y:.2} l {x1:.2} {y1:.2} l {x1:.2} {:.2} l h f\n", y + thin),
        // The lines around them, and no area.
        _ => format!("0 G {thin} w\n{}S\n", rect([x, y, w, h])),
    };
}

pub fn pieces(case: &mut Case, rng: &mut Rng) {
    let beneath = alike(case, rng);
    let [x, y, w, h] = case.around(2.0);
    let count = 2 + rng.below(12);
    let mut code = format!("q\n{}", beneath.fill(rng));
    for i in 0..count {
        let part = |whole: f64| whole / count as f64;
        // They overlap a little, so that nothing shines through between them.
        let piece = if rng.chance(50) {
            [x, y + part(h) * i as f64, w, part(h) + 0.2]
        } else {
            [x + part(w) * i as f64, y, part(w) + 0.2, h]
        };
        code.push_str(&rect(piece));
        code.push_str("f\n");
    }
    // Pieces both ways may leave gaps: those that are left are filled at once.
    code.push_str(&format!("{}f Q\n", rect([x, y, w, h])));
    case.before = code;
}

pub fn strokes(case: &mut Case, rng: &mut Rng) {
    let beneath = alike(case, rng);
    let [x, y, w, h] = case.around(2.0);
    let mut code = format!("q\n{}", beneath.stroke());
    let lines = if rng.chance(40) { 1 } else { 2 + rng.below(20) };
    let thick = h / lines as f64;
    code.push_str(&format!("{:.2} w\n", thick + 0.3));
    for i in 0..lines {
        let level = y + thick * (i as f64 + 0.5);
        code.push_str(&format!("{x:.2} {level:.2} m {:.2} {level:.2} l S\n", x + w));
    }
    case.before = code + "Q\n";
}

pub fn curved(case: &mut Case, rng: &mut Rng) {
    let beneath = alike(case, rng);
    let [x, y, w, h] = case.around(3.0);
    case.before = format!("q\n{}{} f Q\n", beneath.fill(rng), lens([x, y, w, h]));
}

/// A shape with curved ends that holds the rectangle.
pub fn lens([x, y, w, h]: [f64; 4]) -> String {
    let (x1, y1, out) = (x + w, y + h, 0.7 * h);
    format!(
        "{x:.2} {y:.2} m {x1:.2} {y:.2} l {:.2} {y:.2} {:.2} {y1:.2} {x1:.2} {y1:.2} c {x:.2} {y1:.2} l {:.2} {y1:.2} {:.2} \
         {y:.2} {x:.2} {y:.2} c h",
        x1 + out,
        x1 + out,
        x - out,
        x - out
    )
}

pub fn pictured(case: &mut Case, rng: &mut Rng) {
    let beneath = alike(case, rng);
    let [x, y, w, h] = case.around(2.0);
    let pixels: Vec<u8> = std::iter::repeat_n(beneath.pixel(), 16).flatten().collect();
    let picture = case.object(image(4, 4, &pixels));
    case.resources = format!("/XObject << /Picture {picture} XOBJECTS >>");
    case.before = format!("q {w:.2} 0 0 {h:.2} {x:.2} {y:.2} cm /Picture Do Q\n");
}

pub fn drawing(case: &mut Case, rng: &mut Rng) {
    let beneath = alike(case, rng);
    let code = format!("{}{}f\n", beneath.fill(rng), rect(case.around(3.0)));
    let panel = case.object(form(code));
    case.resources = format!("/XObject << /Panel {panel} XOBJECTS >>");
    case.before = "/Panel Do\n".into();
}

pub fn hole(case: &mut Case, rng: &mut Rng) {
    case.colour = WHITE;
    let [x, y, w, h] = case.around(1.0);
    let dark = Colour::dark(rng, 0.4).fill(rng);
    let outer = rect([x - 8.0, y - 8.0, w + 16.0, h + 16.0]);
    case.before = if rng.chance(50) {
        format!("q\n{dark}{outer}{}f* Q\n", rect([x, y, w, h]))
    } else {
        // The other way round, so that it is a hole for the other rule as well.
        format!(
            "q\n{dark}{outer}{x:.2} {y:.2} m {x:.2} {:.2} l {:.2} {:.2} l {:.2} {y:.2} l h f Q\n",
            y + h,
            x + w,
            y + h,
            x + w
        )
    };
}

pub fn panel_cut(case: &mut Case, rng: &mut Rng) {
    case.colour = WHITE;
    let dark = Colour::dark(rng, 0.4).fill(rng);
    let [x, y, _, _] = case.around(0.0);
    let elsewhere = match rng.below(2) {
        0 => rect([x, y - 20.0, 30.0, 10.0]),
        _ => rect([x, y, 0.6, 0.6]),
    };
    case.before = format!("q\n{elsewhere}W n\n{dark}{}f Q\n", rect(case.around(4.0)));
}

pub fn panel_covered(case: &mut Case, rng: &mut Rng) {
    case.colour = WHITE;
    let dark = Colour::dark(rng, 0.4).fill(rng);
    let over = if rng.chance(50) {
        format!("{}f", rect(case.around(2.0)))
    } else {
        // By two that meet under the words.
        let [x, y, w, h] = case.around(2.0);
        let half = w * rng.between(0.3, 0.7);
        format!("{}f\n{}f", rect([x, y, half, h]), rect([x + half - 0.1, y, w - half + 0.1, h]))
    };
    case.before = format!("q\n{dark}{}f\n1 g\n{over} Q\n", rect(case.around(4.0)));
}

pub fn aside(case: &mut Case, rng: &mut Rng) {
    case.colour = WHITE;
    let [x, y, w, h] = case.around(2.0);
    let dark = Colour::dark(rng, 0.4).fill(rng);
    let mut code = format!("q\n{dark}");
    let all = [[x - 20.0, y, 22.0, h], [x + w - 2.0, y, 22.0, h], [x, y - 10.0, w, 10.5], [x, y + h - 0.5, w, 10.0]];
    let some = 1 + rng.below(15);
    for (i, area) in all.iter().enumerate() {
        if some >> i & 1 == 1 {
            code.push_str(&format!("{}f\n", rect(*area)));
        }
    }
    case.before = code + "Q\n";
}

pub fn pathless(case: &mut Case, rng: &mut Rng) {
    case.colour = WHITE;
    let [x, y, w, h] = case.around(3.0);
    let (x1, y1) = (x + w, y + h);
    let dark = Colour::dark(rng, 0.4).fill(rng);
    case.before = if rng.chance(50) {
        format!("q\n{dark}{x:.2} {y:.2} l {x1:.2} {y:.2} l {x1:.2} {y1:.2} l {x:.2} {y1:.2} l f Q\n")
    } else {
        format!("q\n{dark}{x:.2} {y:.2} {x1:.2} {y:.2} {x1:.2} {y1:.2} c {x:.2} {y1:.2} l f Q\n")
    };
}

pub fn panel_flat(case: &mut Case, rng: &mut Rng) {
    case.colour = WHITE;
    let [x, y, w, h] = case.around(2.0);
    let at = y + h * rng.between(0.0, 1.0);
    case.before = format!("q\n{}{}f Q\n", Colour::dark(rng, 0.4).fill(rng), rect([x, at, w, 0.0]));
}

pub fn same_letters(case: &mut Case, _: &mut Rng) {
    case.colour = WHITE;
    let (x, y) = case.at;
    // Each time in white takes away some of the edge that is left of the black.
    for colour in ["0 g", "1 g", "1 g", "1 g"] {
        case.before.push_str(&format!("BT /F1 {:.4} Tf {x:.2} {y:.2} Td {colour} ({}) Tj ET\n", case.size, case.word));
    }
}

pub fn same_paths(case: &mut Case, rng: &mut Rng) {
    case.set(rng.one(&[Face::Drawn, Face::Program]));
    if rng.chance(50) {
        case.colour = WHITE;
        case.before = words_as_paths(case);
    } else {
        // In the colour of a panel, with paths that are painted in the page's colour beneath.
        case.colour = BLACK;
        case.before = format!("0 g\n{}f\n", rect(case.around(3.0)));
        case.before.push_str(&words_as_paths(case));
    }
}

pub fn modes(case: &mut Case, rng: &mut Rng) {
    // A font of drawings is drawn whatever the mode (ISO 32000-1, 9.3.6).
    case.set(rng.one(&[Face::Plain("Helvetica"), Face::Plain("Times-Bold"), Face::Plain("Courier"), Face::Program]));
    case.paint = Some(rng.one(&["3 Tr\n", "7 Tr\n", "3 Tr 0 g\n"]).to_owned());
}

pub fn outlines(case: &mut Case, rng: &mut Rng) {
    case.set(rng.one(&[Face::Plain("Helvetica"), Face::Plain("Times-Bold"), Face::Plain("Courier")]));
    case.paint = Some(match rng.below(3) {
        0 => {
            case.lined = Some(0.5);
            "1 Tr 1 G 0.5 w\n".to_owned()
        }
        1 => "2 Tr 1 G 1 g 1 w\n".to_owned(),
        // Filled, and eaten by their lines.
        _ => format!("2 Tr 1 G {:.2} w\n", 0.4 * case.size),
    });
}

/// Lines with gaps so long that next to nothing is drawn.
pub fn gaps(case: &mut Case, rng: &mut Rng) {
    case.set(rng.one(&[Face::Plain("Helvetica"), Face::Plain("Times-Bold"), Face::Plain("Courier")]));
    case.lined = Some(0.5);
    case.clip.push_str(&format!(
        "[{} {}] {} d\n",
        rng.between(0.01, 0.2),
        rng.between(8.0, 90.0),
        rng.between(0.0, 50.0)
    ));
    case.paint = Some("1 Tr 0.5 w\n".into());
}

/// Black that the resources of the page make white.
pub fn made(case: &mut Case, rng: &mut Rng) {
    let white = "[/Separation /X /DeviceGray << /FunctionType 2 /Domain [0 1] /C0 [1] /C1 [1] /N 1 >>]";
    case.paint = Some(rng.one(&["0 g\n", "0.3 g\n", "/DeviceGray cs 0 sc\n"]).to_owned());
    case.resources = format!("/ColorSpace << /DefaultGray {white} >>");
}
