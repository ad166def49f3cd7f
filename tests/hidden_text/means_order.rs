//! By what words are hidden: what is painted over them, transparency and patterns.

use super::case::Case;
use super::draw::{BLACK, Colour, Object, Rng, WHITE, image, rect};
use super::face::{Face, LETTERS, PLAIN};
use super::means::form;
use super::means_colour::lens;

fn cover(rng: &mut Rng) -> Colour {
    match rng.below(3) {
        0 => WHITE,
        1 => BLACK,
        _ => Colour::any(rng),
    }
}

pub fn area(case: &mut Case, rng: &mut Rng) {
    let colour = cover(rng).fill(rng);
    let painted = rng.one(&["f", "f*", "F", "B", "b*"]);
    let lines = if painted.starts_with(['B', 'b']) { "1 w\n" } else { "" };
    if rng.chance(30) {
        // Turned about the middle of the words, and large enough to hold them.
        let [x, y, w, h] = case.around(1.0);
        let angle = rng.between(-1.5, 1.5);
        let (s, c) = angle.sin_cos();
        let (wide, high) = (w * c.abs() + h * s.abs() + 2.0, w * s.abs() + h * c.abs() + 2.0);
        let middle = format!("{:.4} {:.4} {:.4} {:.4} {:.2} {:.2} cm", c, s, -s, c, x + w / 2.0, y + h / 2.0);
        case.after = format!("q {middle}\n{colour}{}f Q\n", rect([-wide / 2.0, -high / 2.0, wide, high]));
        return;
    }
    case.after = format!("q\n{lines}{colour}{}{painted} Q\n", rect(case.around(1.0)));
}

pub fn thick_line(case: &mut Case, rng: &mut Rng) {
    let [x, y, w, h] = case.around(0.5);
    let level = y + 0.5 * h;
    let stroke = cover(rng).stroke();
    case.after = if rng.chance(60) {
        format!("q\n{stroke}{h:.2} w {x:.2} {level:.2} m {:.2} {level:.2} l S Q\n", x + w)
    } else {
        // The lines around a thin rectangle meet in its middle.
        format!("q\n{stroke}{h:.2} w\n{}S Q\n", rect([x, level - 0.5, w, 1.0]))
    };
}

/// A line that is thick by what a graphics state says.
pub fn state_line(case: &mut Case, rng: &mut Rng) {
    let [x, y, w, h] = case.around(0.5);
    let level = y + 0.5 * h;
    let name = case.object(Object::dict(format!("<< /Type /ExtGState /LW {h:.2} >>")));
    case.resources = format!("/ExtGState << /G1 {name} >>");
    case.after = format!("q\n{}/G1 gs {x:.2} {level:.2} m {:.2} {level:.2} l S Q\n", cover(rng).stroke(), x + w);
}

/// By the line around a link, or by what it looks like.
pub fn link(case: &mut Case, rng: &mut Rng) {
    let [x, y, w, h] = case.around(2.0);
    let middle = y + h / 2.0;
    let link = if rng.chance(50) {
        format!(
            "/Rect [{x:.2} {:.2} {:.2} {:.2}] /Border [0 0 {:.2}] /C [0 0 0]",
            middle - 0.5,
            x + w,
            middle + 0.5,
            1.2 * h
        )
    } else {
        let look = Object::stream(
            format!("<< /Type /XObject /Subtype /Form /BBox [0 0 {w:.2} {h:.2}] /Resources << >> >>"),
            format!("0.5 g 0 0 {w:.2} {h:.2} re f\n").into_bytes(),
        );
        let name = case.object(look);
        format!("/Rect [{x:.2} {y:.2} {:.2} {:.2}] /Border [0 0 0] /AP << /N {name} >>", x + w, y + h)
    };
    case.links = format!("/Annots [<< /Type /Annot /Subtype /Link {link} >>]");
}

pub fn thin_lines(case: &mut Case, rng: &mut Rng) {
    let [x, y, w, h] = case.around(0.5);
    let colour = cover(rng);
    let wide = rng.between(0.2, 1.2);
    let step = wide * rng.between(0.5, 0.95);
    let mut code = format!("q\n{}{}{wide} w\n", colour.stroke(), colour.fill(rng));
    let (filled, upright, slanted) = (rng.chance(40), rng.chance(40), rng.chance(15));
    let (reach, across) = if upright { (w, h) } else { (h, w) };
    let mut at = 0.0;
    while at <= reach {
        let [x0, y0, x1, y1] = if upright { [x + at, y, x + at, y + across] } else { [x, y + at, x + across, y + at] };
        if filled {
            let (bw, bh) = if upright { (wide, across) } else { (across, wide) };
            code.push_str(&format!("{}f\n", rect([x0, y0, bw, bh])));
        } else if slanted && !upright {
            code.push_str(&format!("{x0:.2} {y0:.2} m {x1:.2} {:.2} l S\n", y1 + 0.3));
        } else {
            code.push_str(&format!("{x0:.2} {y0:.2} m {x1:.2} {y1:.2} l S\n"));
        }
        at += step;
    }
    case.after = code + "Q\n";
}

/// Lines that are short and reach far: by their ends, by dots of a dashed one, by a sharp joint.
pub fn caps(case: &mut Case, rng: &mut Rng) {
    let [x, y, w, h] = case.around(1.0);
    let (middle, stroke) = (y + h / 2.0, cover(rng).stroke());
    case.after = match rng.below(4) {
        // A point with square ends as wide as the words are high, again and again.
        0 => {
            let mut code = format!("q\n{stroke}2 J {h:.2} w\n");
            let mut at = x;
            while at < x + w {
                code.push_str(&format!("{at:.2} {middle:.2} m {:.2} {middle:.2} l S\n", at + 0.01));
                at += 0.9 * h;
            }
            code + "Q\n"
        }
        // One with round ends that holds all of them.
        1 => format!(
            "q\n{stroke}1 J {:.2} w {:.2} {middle:.2} m {:.2} {middle:.2} l S Q\n",
            w.hypot(h),
            x + w / 2.0,
            x + w / 2.0
        ),
        // Dots that are closer to each other than they are wide.
        2 => format!(
            "q\n{stroke}1 J [0 {:.2}] 0 d {:.2} w {x:.2} {middle:.2} m {:.2} {middle:.2} l S Q\n",
            0.3 * h,
            1.3 * h,
            x + w
        ),
        // A joint whose point reaches over the words; the lines themselves are far from them.
        _ => {
            let wide = 4.0 * h;
            let (back, half) = (30.0, 0.5 * wide * 30.0 / (w + wide));
            format!(
                "q\n{stroke}100 M {wide:.2} w {:.2} {:.2} m {x:.2} {middle:.2} l {:.2} {:.2} l S Q\n",
                x - back,
                middle - half,
                x - back,
                middle + half
            )
        }
    };
}

pub fn specks(case: &mut Case, rng: &mut Rng) {
    let [x, y, w, h] = case.around(0.5);
    let side = rng.between(1.5, 3.5);
    let mut code = format!("q\n{}", cover(rng).fill(rng));
    let one_path = rng.chance(50);
    let mut up = 0.0;
    while up < h {
        let mut across = 0.0;
        while across < w {
            code.push_str(&rect([x + across, y + up, side + 0.15, side + 0.15]));
            if !one_path {
                code.push_str("f\n");
            }
            across += side;
        }
        up += side;
    }
    case.after = format!("{code}{} Q\n", if one_path { "f" } else { "" });
}

pub fn curved(case: &mut Case, rng: &mut Rng) {
    case.after = format!("q\n{}{} f Q\n", cover(rng).fill(rng), lens(case.around(1.0)));
}

pub fn image_over(case: &mut Case, rng: &mut Rng) {
    let [x, y, w, h] = case.around(1.0);
    let colour = cover(rng);
    let pixels: Vec<u8> = if rng.chance(50) {
        std::iter::repeat_n(colour.pixel(), 16).flatten().collect()
    } else {
        (0..48).map(|_| rng.below(256) as u8).collect()
    };
    let picture = case.object(image(4, 4, &pixels));
    case.resources = format!("/XObject << /Picture {picture} XOBJECTS >>");
    case.after = format!("q {w:.2} 0 0 {h:.2} {x:.2} {y:.2} cm /Picture Do Q\n");
}

pub fn drawing_over(case: &mut Case, rng: &mut Rng) {
    let code = format!("{}{}f\n", cover(rng).fill(rng), rect(case.around(1.0)));
    let inner = case.object(form(code));
    let outer = Object::stream(
        format!(
            "<< /Type /XObject /Subtype /Form /BBox [0 0 200 150] /Resources << /XObject << /Inner {inner} >> >> >>"
        ),
        b"/Inner Do\n".to_vec(),
    );
    let name = if rng.chance(50) { case.object(outer) } else { inner };
    case.resources = format!("/XObject << /Cover {name} XOBJECTS >>");
    case.after = "/Cover Do\n".into();
}

fn word(rng: &mut Rng, letters: usize) -> String {
    (0..letters).map(|_| char::from(rng.one(LETTERS))).collect()
}

/// Letters over letters until nothing can be told apart.
pub fn letters_over(case: &mut Case, rng: &mut Rng) {
    let (x, y) = case.at;
    let mut code = String::from("BT 0 g\n");
    let size = case.size * rng.between(0.8, 1.2);
    let count = (1.3 * case.width() / (0.5 * size)) as usize + 2;
    for _ in 0..10 + rng.below(6) {
        let at = [x - rng.between(0.0, 0.6) * size, y + rng.between(-0.2, 0.2) * size];
        code.push_str(&format!("/F1 {size:.2} Tf 1 0 0 1 {:.2} {:.2} Tm ({}) Tj\n", at[0], at[1], word(rng, count)));
    }
    case.after = code + "ET\n";
}

/// Some other words at the very same place.
pub fn overprinted(case: &mut Case, rng: &mut Rng) {
    let (x, y) = case.at;
    let mut lines = Vec::new();
    for _ in 0..3 + rng.below(4) {
        let other = word(rng, case.word.len());
        let by = rng.between(-0.08, 0.08) * case.size;
        lines.push(format!("BT /F1 {:.2} Tf {:.2} {y:.2} Td ({other}) Tj ET\n", case.size, x + by));
    }
    let split = rng.below(lines.len());
    case.before = lines[..split].concat();
    case.after = lines[split..].concat();
}

pub fn part(case: &mut Case, rng: &mut Rng) {
    case.set(rng.one(&[Face::Plain("Courier"), Face::Plain("Courier-Bold"), Face::Drawn, Face::Program]));
    let [x, y, w, h] = case.around(0.5);
    let from = 0.6 * case.size * (1 + rng.below(case.word.len() - 2)) as f64;
    case.after = format!("q\n{}{}f Q\n", cover(rng).fill(rng), rect([x + from, y, w - from, h]));
}

/// A function between two colours.
fn shading(one: Colour, other: Colour) -> String {
    let list = |c: Colour| super::case::numbers(&c.0);
    format!(
        "/ShadingType 2 /ColorSpace /DeviceRGB /Coords [0 0 200 0] /Extend [true true] /Function << /FunctionType 2 /Domain \
         [0 1] /C0 [{}] /C1 [{}] /N 1 >>",
        list(one),
        list(other)
    )
}

pub fn shading_over(case: &mut Case, rng: &mut Rng) {
    let shading = format!("<< {} >>", shading(Colour::any(rng), Colour::any(rng)));
    let name = case.object(Object::dict(shading));
    case.resources = format!("/Shading << /S1 {name} >>");
    case.after = format!("q\n{}W n /S1 sh Q\n", rect(case.around(1.0)));
}

fn state(case: &mut Case, entries: &str) {
    let name = case.object(Object::dict(format!("<< /Type /ExtGState {entries} >>")));
    case.resources.push_str(&format!("/ExtGState << /G1 {name} >>"));
    case.clip.push_str("/G1 gs\n");
}

pub fn transparent(case: &mut Case, rng: &mut Rng) {
    let opacity = rng.between(0.0, 0.04);
    if rng.chance(70) {
        state(case, &format!("/ca {opacity} /CA {opacity}"));
    } else {
        case.paint = Some("1 Tr\n".into());
        case.set(Face::Plain(rng.one(&PLAIN)));
        state(case, &format!("/CA {opacity}"));
    }
}

pub fn blended(case: &mut Case, rng: &mut Rng) {
    let (mode, colour) = rng.one(&[("Lighten", BLACK), ("Screen", BLACK), ("Multiply", WHITE), ("ColorDodge", BLACK)]);
    case.colour = colour;
    // Without something beneath, nothing is blended (ISO 32000-1, 11.3.3).
    case.before = format!("q 1 g\n{}f Q\n", rect(case.around(5.0)));
    state(case, &format!("/BM /{mode}"));
}

pub fn soft_mask(case: &mut Case, rng: &mut Rng) {
    let grey = rng.between(0.0, 0.03);
    let group = case.object(Object::stream(
        "<< /Type /XObject /Subtype /Form /BBox [0 0 200 150] /Resources << >> /Group << /S /Transparency /CS /DeviceGray >> >>",
        format!("{grey} g 0 0 200 150 re f\n").into_bytes(),
    ));
    state(case, &format!("/SMask << /Type /Mask /S /Luminosity /G {group} >>"));
}

pub fn pattern(case: &mut Case, rng: &mut Rng) {
    let object = match rng.below(3) {
        // Marks on it so far apart that none meets the words, or none.
        0 => Object::stream(
            "<< /Type /Pattern /PatternType 1 /PaintType 1 /TilingType 1 /BBox [0 0 10 10] /XStep 10 /YStep 10 /Resources << >> >>",
            Vec::new(),
        ),
        1 => Object::stream(
            "<< /Type /Pattern /PatternType 1 /PaintType 1 /TilingType 1 /BBox [0 0 10 10] /XStep 10 /YStep 10 /Resources << >> >>",
            b"1 g 0 0 10 10 re f\n".to_vec(),
        ),
        _ => Object::dict(format!("<< /Type /Pattern /PatternType 2 /Shading << {} >> >>", shading(WHITE, WHITE))),
    };
    let name = case.object(object);
    case.resources = format!("/Pattern << /P1 {name} >>");
    case.paint = Some("/Pattern cs /P1 scn\n".into());
}
