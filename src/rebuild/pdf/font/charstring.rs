//! Type 1 charstrings (Adobe Type 1 Font Format, version 1.1, chapters 6 and 8): the stack machine that draws a glyph.

use ttf_parser::OutlineBuilder;

/// Maximum commands and numbers of one glyph, including those of the subroutines that it calls.
const STEPS_MAX: usize = 50_000;
const CALLS_DEPTH_MAX: usize = 10;
const STACK_MAX: usize = 64;

/// Draws the charstring `code` with `pen`. `parts` are the subroutines, and `standard` returns the charstring of a code
/// in StandardEncoding, for accented characters (`seac`). `None` if the charstring is invalid.
pub(super) fn draw<'a>(
    code: &'a [u8],
    parts: &'a [Vec<u8>],
    standard: &dyn Fn(u8) -> Option<&'a [u8]>,
    pen: &mut dyn OutlineBuilder,
) -> Option<()> {
    let mut drawing = Interpreter::new(parts, pen, STEPS_MAX);
    drawing.run(code, 0)?;
    let left = drawing.left;
    let Some([bearing, across, up, base, accent]) = drawing.made_of else {
        return drawing.ended.then_some(());
    };
    let letter = |n: f64| (n.fract() == 0.0 && (0.0..256.0).contains(&n)).then(|| standard(n as u8)).flatten();
    let side = drawing.side[0];
    let mut first = Interpreter::new(parts, pen, left);
    first.run(letter(base)?, 0)?;
    let left = first.left;
    if !first.ended || first.made_of.is_some() {
        return None;
    }
    let mut second = Interpreter::new(parts, pen, left);
    second.moved = [side + across - bearing, up];
    second.run(letter(accent)?, 0)?;
    (second.ended && second.made_of.is_none()).then_some(())
}

struct Interpreter<'a, 'p> {
    parts: &'a [Vec<u8>],
    pen: &'p mut dyn OutlineBuilder,
    stack: Vec<f64>,
    /// The PostScript stack: results of `callothersubr` for `pop`.
    given: Vec<f64>,
    at: [f64; 2],
    /// The offset of the accent in an accented character.
    moved: [f64; 2],
    side: [f64; 2],
    open: bool,
    /// The points of a flex, while they are collected.
    flex: Option<Vec<[f64; 2]>>,
    made_of: Option<[f64; 5]>,
    ended: bool,
    left: usize,
}

impl<'a, 'p> Interpreter<'a, 'p> {
    fn new(parts: &'a [Vec<u8>], pen: &'p mut dyn OutlineBuilder, left: usize) -> Interpreter<'a, 'p> {
        Interpreter {
            parts,
            pen,
            stack: Vec::new(),
            given: Vec::new(),
            at: [0.0; 2],
            moved: [0.0; 2],
            side: [0.0; 2],
            open: false,
            flex: None,
            made_of: None,
            ended: false,
            left,
        }
    }

    fn run(&mut self, code: &[u8], depth: usize) -> Option<()> {
        if depth > CALLS_DEPTH_MAX {
            return None;
        }
        let mut bytes = code.iter().copied();
        while !self.ended {
            // A subroutine may end without `return`; that a glyph ends with `endchar` is checked by the caller.
            let Some(b) = bytes.next() else { break };
            self.left = self.left.checked_sub(1)?;
            match b {
                32..=246 => self.push(f64::from(b) - 139.0)?,
                247..=250 => self.push((f64::from(b) - 247.0) * 256.0 + f64::from(bytes.next()?) + 108.0)?,
                251..=254 => self.push(-(f64::from(b) - 251.0) * 256.0 - f64::from(bytes.next()?) - 108.0)?,
                255 => {
                    let four = [bytes.next()?, bytes.next()?, bytes.next()?, bytes.next()?];
                    self.push(f64::from(i32::from_be_bytes(four)))?;
                }
                10 => {
                    let index = self.stack.pop()?;
                    let index = (index >= 0.0 && index.fract() == 0.0).then_some(index as usize)?;
                    let part = self.parts.get(index)?;
                    self.run(part, depth + 1)?;
                }
                11 => return Some(()),
                12 => {
                    let second = bytes.next()?;
                    self.long(second)?;
                }
                _ => self.short(b)?,
            }
        }
        Some(())
    }

    fn push(&mut self, n: f64) -> Option<()> {
        (self.stack.len() < STACK_MAX).then(|| self.stack.push(n))
    }

    /// Takes exactly `N` numbers, which must be all on the stack.
    fn take<const N: usize>(&mut self) -> Option<[f64; N]> {
        std::mem::take(&mut self.stack).try_into().ok()
    }

    fn short(&mut self, command: u8) -> Option<()> {
        match command {
            // Hints draw nothing.
            1 | 3 => self.stack.clear(),
            4 => {
                let [y] = self.take()?;
                self.go([0.0, y]);
            }
            5 => {
                let by = self.take()?;
                self.line(by);
            }
            6 => {
                let [x] = self.take()?;
                self.line([x, 0.0]);
            }
            7 => {
                let [y] = self.take()?;
                self.line([0.0, y]);
            }
            8 => {
                let by = self.take()?;
                self.curve(by);
            }
            9 => {
                self.stack.clear();
                self.close();
            }
            13 => {
                let [x, _] = self.take()?;
                self.begin([x, 0.0]);
            }
            14 => {
                self.close();
                self.ended = self.flex.is_none();
                self.ended.then_some(())?;
            }
            21 => {
                let by = self.take()?;
                self.go(by);
            }
            22 => {
                let [x] = self.take()?;
                self.go([x, 0.0]);
            }
            30 => {
                let [a, b, c, d] = self.take()?;
                self.curve([0.0, a, b, c, d, 0.0]);
            }
            31 => {
                let [a, b, c, d] = self.take()?;
                self.curve([a, 0.0, b, c, 0.0, d]);
            }
            _ => return None,
        }
        Some(())
    }

    fn long(&mut self, command: u8) -> Option<()> {
        match command {
            0..=2 => self.stack.clear(),
            6 => {
                self.made_of = Some(self.take()?);
                self.ended = true;
            }
            7 => {
                let [x, y, _, _] = self.take()?;
                self.begin([x, y]);
            }
            12 => {
                let (by, n) = (self.stack.pop()?, self.stack.pop()?);
                (by != 0.0).then(|| self.stack.push(n / by))?;
            }
            16 => {
                let (which, count) = (self.stack.pop()?, self.stack.pop()?);
                let count = (count >= 0.0 && count.fract() == 0.0).then_some(count as usize)?;
                let from = self.stack.len().checked_sub(count)?;
                let numbers = self.stack.split_off(from);
                self.other(which, &numbers)?;
            }
            17 => {
                let n = self.given.pop()?;
                self.push(n)?;
            }
            // `setcurrentpoint`, at the end of a flex: the current point must be there already.
            33 => {
                let [x, y] = self.take()?;
                ((x - self.at[0]).hypot(y - self.at[1]) < 1.0).then_some(())?;
            }
            _ => return None,
        }
        Some(())
    }

    /// A PostScript subroutine (`callothersubr`): only those that every program has are supported (8.3 and 8.4).
    fn other(&mut self, which: f64, numbers: &[f64]) -> Option<()> {
        self.given.clear();
        match (which as i64, numbers) {
            (0, [_, x, y]) => {
                let points = self.flex.take()?;
                let &[_, a, b, c, d, e, f] = points.as_slice() else { return None };
                for [a, b, c] in [[a, b, c], [d, e, f]] {
                    self.curve_to(a, b, c);
                }
                self.at = f;
                self.given = vec![*y, *x];
            }
            (1, []) => {
                self.opened();
                self.flex = self.flex.is_none().then(Vec::new);
                self.flex.as_ref()?;
            }
            (2, []) => {
                let at = self.at;
                self.flex.as_mut().filter(|points| points.len() < 7)?.push(at);
            }
            (3, [part]) => self.given = vec![*part],
            // Counter control hints.
            (12 | 13, _) => {}
            _ => return None,
        }
        (which.fract() == 0.0).then_some(())
    }

    fn begin(&mut self, side: [f64; 2]) {
        self.side = side;
        self.at = [side[0], side[1]];
    }

    fn go(&mut self, by: [f64; 2]) {
        self.at = [self.at[0] + by[0], self.at[1] + by[1]];
        if self.flex.is_none() {
            self.close();
        }
    }

    fn place(&self, point: [f64; 2]) -> (f32, f32) {
        ((point[0] + self.moved[0]) as f32, (point[1] + self.moved[1]) as f32)
    }

    /// Starts a contour at the current point, when its first line is drawn.
    fn opened(&mut self) {
        if !self.open {
            let (x, y) = self.place(self.at);
            self.pen.move_to(x, y);
            self.open = true;
        }
    }

    fn line(&mut self, by: [f64; 2]) {
        self.opened();
        self.at = [self.at[0] + by[0], self.at[1] + by[1]];
        let (x, y) = self.place(self.at);
        self.pen.line_to(x, y);
    }

    fn curve(&mut self, [ax, ay, bx, by, cx, cy]: [f64; 6]) {
        self.opened();
        let a = [self.at[0] + ax, self.at[1] + ay];
        let b = [a[0] + bx, a[1] + by];
        let c = [b[0] + cx, b[1] + cy];
        self.curve_to(a, b, c);
        self.at = c;
    }

    fn curve_to(&mut self, a: [f64; 2], b: [f64; 2], c: [f64; 2]) {
        let ((ax, ay), (bx, by), (cx, cy)) = (self.place(a), self.place(b), self.place(c));
        self.pen.curve_to(ax, ay, bx, by, cx, cy);
    }

    fn close(&mut self) {
        if std::mem::take(&mut self.open) {
            self.pen.close();
        }
    }
}
