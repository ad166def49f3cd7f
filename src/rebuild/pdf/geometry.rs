//! Geometry of a page: transformation matrices, bounding boxes, paths, and their edges.

/// An affine transformation of the plane: `x' = a x + c y + e`, `y' = b x + d y + f`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::rebuild::pdf) struct Matrix(pub [f64; 6]);

impl Matrix {
    /// The identity transformation.
    pub const IDENTITY: Matrix = Matrix([1.0, 0.0, 0.0, 1.0, 0.0, 0.0]);

    /// Returns the transformation that applies this one and then `after`.
    pub fn then(self, after: Matrix) -> Matrix {
        let ([a, b, c, d, e, f], [p, q, r, s, t, u]) = (self.0, after.0);
        Matrix([a * p + b * r, a * q + b * s, c * p + d * r, c * q + d * s, e * p + f * r + t, e * q + f * s + u])
    }

    /// Transforms a point.
    pub fn point(self, x: f64, y: f64) -> (f64, f64) {
        let [a, b, c, d, e, f] = self.0;
        (a * x + c * y + e, b * x + d * y + f)
    }

    /// Returns the bounding box of a transformed rectangle.
    pub fn area(self, [x0, y0, x1, y1]: [f64; 4]) -> Area {
        let mut area = Area::EMPTY;
        for (x, y) in [(x0, y0), (x1, y0), (x0, y1), (x1, y1)] {
            area.add(self.point(x, y));
        }
        area
    }

    /// The factor by which it enlarges areas; negative if it mirrors.
    pub fn determinant(self) -> f64 {
        let [a, b, c, d, ..] = self.0;
        a * d - b * c
    }

    /// The smallest factor by which it enlarges lengths, over all directions.
    pub fn min_scale(self) -> f64 {
        let [a, b, c, d, ..] = self.0;
        let (sum, det) = (a * a + b * b + c * c + d * d, self.determinant());
        let most = ((sum + (sum * sum - 4.0 * det * det).max(0.0).sqrt()) / 2.0).sqrt();
        det.abs() / most.max(1e-12)
    }

    /// Returns the inverse; `None` if the matrix is singular.
    pub fn inverse(self) -> Option<Matrix> {
        let ([a, b, c, d, e, f], det) = (self.0, self.determinant());
        (det.abs() > 1e-12).then(|| {
            let [a, b, c, d] = [d / det, -b / det, -c / det, a / det];
            Matrix([a, b, c, d, -(a * e + c * f), -(b * e + d * f)])
        })
    }

    /// Whether it can place something on a page: no number is out of range, and the matrix is not singular.
    pub fn is_valid(self) -> bool {
        self.0.iter().all(|n| n.is_finite() && n.abs() < 1e7)
    }
}

/// An axis-aligned rectangle, in points of the page.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::rebuild::pdf) struct Area {
    pub x0: f64,
    pub y0: f64,
    pub x1: f64,
    pub y1: f64,
}

impl Area {
    /// The empty area.
    pub const EMPTY: Area = Area { x0: f64::INFINITY, y0: f64::INFINITY, x1: f64::NEG_INFINITY, y1: f64::NEG_INFINITY };

    /// Extends the area to include a point.
    pub fn add(&mut self, (x, y): (f64, f64)) {
        (self.x0, self.y0, self.x1, self.y1) = (self.x0.min(x), self.y0.min(y), self.x1.max(x), self.y1.max(y));
    }

    /// Whether it contains no point.
    pub fn is_empty(&self) -> bool {
        self.x0 > self.x1 || self.y0 > self.y1
    }

    /// Whether `other` lies inside, with a tolerance of `slack` points.
    pub fn contains(&self, other: &Area, slack: f64) -> bool {
        other.x0 >= self.x0 - slack
            && other.x1 <= self.x1 + slack
            && other.y0 >= self.y0 - slack
            && other.y1 <= self.y1 + slack
    }

    /// Returns the intersection of two areas.
    pub fn intersection(&self, other: &Area) -> Area {
        Area {
            x0: self.x0.max(other.x0),
            y0: self.y0.max(other.y0),
            x1: self.x1.min(other.x1),
            y1: self.y1.min(other.y1),
        }
    }
}

/// One segment of a path.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::rebuild::pdf) enum Step {
    To([f64; 2]),
    Line([f64; 2]),
    Curve([f64; 6]),
    Close,
}

impl Step {
    /// Returns the same segment transformed by `matrix`.
    pub fn placed(self, matrix: Matrix) -> Step {
        let point = |[x, y]: [f64; 2]| {
            let (x, y) = matrix.point(x, y);
            [x, y]
        };
        match self {
            Step::To(to) => Step::To(point(to)),
            Step::Line(to) => Step::Line(point(to)),
            Step::Curve([a, b, c, d, e, f]) => {
                let ([a, b], [c, d], [e, f]) = (point([a, b]), point([c, d]), point([e, f]));
                Step::Curve([a, b, c, d, e, f])
            }
            Step::Close => Step::Close,
        }
    }
}

/// A straight edge of an area: the coordinates of its two end points.
pub(in crate::rebuild::pdf) type Edge = [f32; 4];

/// The points of one subpath, with curves approximated by straight lines.
#[derive(Default)]
pub(super) struct Line {
    pub points: Vec<(f64, f64)>,
    pub closed: bool,
}

impl Line {
    /// Whether it is a subpath of length zero that is drawn. A lone "move to" is not drawn.
    fn is_point(&self) -> bool {
        let first = self.points.first();
        (self.closed || self.points.len() > 1) && self.points.iter().all(|point| Some(point) == first)
    }
}

/// Returns the subpaths of a path in its own coordinates; `scale` is the factor at which they will be drawn, which
/// decides how finely curves are divided.
pub(super) fn lines(steps: &[Step], scale: f64) -> Vec<Line> {
    let mut lines: Vec<Line> = Vec::new();
    for step in steps {
        match (*step, lines.last_mut()) {
            (Step::To([x, y]), _) => lines.push(Line { points: vec![(x, y)], closed: false }),
            (_, None) => {}
            (Step::Close, Some(line)) => line.closed = true,
            (step, Some(line)) => {
                // A segment after a closed subpath starts at that subpath's first point.
                let from = if line.closed { line.points.first() } else { line.points.last() };
                let from = from.copied().unwrap_or_default();
                if line.closed {
                    lines.push(Line { points: vec![from], closed: false });
                }
                if let Some(line) = lines.last_mut() {
                    match step {
                        Step::Line([x, y]) => line.points.push((x, y)),
                        Step::Curve(curve) => cut(from, curve, scale, &mut line.points),
                        Step::To(_) | Step::Close => {}
                    }
                }
            }
        }
    }
    lines
}

fn cut(from: (f64, f64), [a, b, c, d, e, f]: [f64; 6], scale: f64, points: &mut Vec<(f64, f64)>) {
    let around = (a - from.0).hypot(b - from.1) + (c - a).hypot(d - b) + (e - c).hypot(f - d);
    let parts = (around * scale).sqrt().ceil().clamp(2.0, 32.0);
    for i in 1..=parts as usize {
        let t = i as f64 / parts;
        let u = 1.0 - t;
        let mix =
            |w: f64, x: f64, y: f64, z: f64| u * u * u * w + 3.0 * u * u * t * x + 3.0 * u * t * t * y + t * t * t * z;
        points.push((mix(from.0, a, c, e), mix(from.1, b, d, f)));
    }
}

fn edge(a: (f64, f64), b: (f64, f64)) -> Edge {
    [a.0 as f32, a.1 as f32, b.0 as f32, b.1 as f32]
}

/// Appends the edges of the areas that `lines` enclose; open subpaths are closed.
pub(super) fn filled(lines: &[Line], matrix: Matrix, edges: &mut Vec<Edge>) {
    for line in lines {
        let points = line.points.iter().map(|p| matrix.point(p.0, p.1));
        let ends = points.clone().skip(1).chain(points.clone().take(1));
        edges.extend(points.zip(ends).map(|(a, b)| edge(a, b)));
    }
}

/// The style of stroked lines (ISO 32000-1, 8.4.3).
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::rebuild::pdf) struct Pen {
    pub width: f64,
    /// 0 is butt, 1 round, 2 square.
    pub cap: u8,
    /// 0 is miter, 1 round, 2 bevel.
    pub join: u8,
    pub miter: f64,
    /// Whether the line is dashed.
    pub dashed: bool,
}

/// PDF viewers draw lines at least this thick, in points.
pub(super) const THIN: f64 = 0.4;

/// Appends the edges of what `pen` draws along `lines`, as convex areas of the same winding direction that are at least
/// `thin` points thick.
pub(super) fn stroked(lines: &[Line], pen: &Pen, thin: f64, matrix: Matrix, edges: &mut Vec<Edge>) {
    let scale = matrix.determinant().abs().sqrt().max(1e-6);
    let half = (pen.width.abs() / 2.0).max(thin / 2.0 / scale);
    // Corners of thinner lines are invisible, as are slight corners of lines of medium thickness.
    let corners = half * scale > 0.35;
    let thick = half * scale > 3.0;
    let seen = |before: (f64, f64), after: (f64, f64)| thick || before.0 * after.0 + before.1 * after.1 < 0.9;
    for line in lines {
        let mut points: Vec<(f64, f64)> = Vec::with_capacity(line.points.len() + 1);
        for point in line.points.iter().chain(line.points.first().filter(|_| line.closed)) {
            if points.last() != Some(point) {
                points.push(*point);
            }
        }
        if let &[at] = points.as_slice() {
            if pen.cap == 1 && line.is_point() {
                arc(at, (half, 0.0), TURN, 12, None, matrix, edges);
            }
            continue;
        }
        let mut before: Option<(f64, f64)> = None;
        let first = points.first().copied().unwrap_or_default();
        let second = points.get(1).copied().unwrap_or_default();
        let count = points.len();
        for (i, pair) in points.windows(2).enumerate() {
            let &[mut a, mut b] = pair else { continue };
            let Some(along) = unit(a, b) else { continue };
            if let Some(before) = before.filter(|before| corners && seen(*before, along)) {
                corner(a, before, along, half, pen, matrix, edges);
            }
            let side = (-along.1 * half, along.0 * half);
            // A round end of a thin line is approximated by a square one.
            let round = pen.cap == 1 && half * scale > 0.5;
            if pen.cap != 0 && !line.closed {
                if i == 0 && round {
                    arc(a, side, TURN / 2.0, 6, Some(a), matrix, edges);
                } else if i == 0 {
                    a = (a.0 - along.0 * half, a.1 - along.1 * half);
                }
                if i + 2 == count && round {
                    arc(b, (-side.0, -side.1), TURN / 2.0, 6, Some(b), matrix, edges);
                } else if i + 2 == count {
                    b = (b.0 + along.0 * half, b.1 + along.1 * half);
                }
            }
            convex(
                &[
                    (a.0 + side.0, a.1 + side.1),
                    (a.0 - side.0, a.1 - side.1),
                    (b.0 - side.0, b.1 - side.1),
                    (b.0 + side.0, b.1 + side.1),
                ],
                matrix,
                edges,
            );
            before = Some(along);
        }
        if let (true, Some(before), Some(along)) = (line.closed && corners, before, unit(first, second)) {
            corner(first, before, along, half, pen, matrix, edges);
        }
    }
}

fn unit(a: (f64, f64), b: (f64, f64)) -> Option<(f64, f64)> {
    let length = (b.0 - a.0).hypot(b.1 - a.1);
    (length > 0.0).then(|| ((b.0 - a.0) / length, (b.1 - a.1) / length))
}

/// Appends the area at the corner of two line segments.
fn corner(
    at: (f64, f64),
    before: (f64, f64),
    after: (f64, f64),
    half: f64,
    pen: &Pen,
    matrix: Matrix,
    edges: &mut Vec<Edge>,
) {
    let turn = before.0 * after.1 - before.1 * after.0;
    let along = before.0 * after.0 + before.1 * after.1;
    if turn.abs() < 1e-9 && along > 0.0 {
        return;
    }
    // The outer side of the corner.
    let way = if turn > 0.0 { -1.0 } else { 1.0 };
    let outer = |d: (f64, f64)| (at.0 - d.1 * half * way, at.1 + d.0 * half * way);
    let (from, to) = (outer(before), outer(after));
    // The cosine of half the angle between the lines: how far the miter extends.
    let cosine = ((1.0 + along).max(0.0) / 2.0).sqrt();
    let points = cosine > 1e-6 && 1.0 / cosine <= pen.miter.abs();
    match pen.join {
        2 => convex(&[at, from, to], matrix, edges),
        0 if points => {
            let middle = ((from.0 + to.0) / 2.0 - at.0, (from.1 + to.1) / 2.0 - at.1);
            let length = middle.0.hypot(middle.1).max(1e-12);
            let reach = half / cosine / length;
            convex(&[at, from, (at.0 + middle.0 * reach, at.1 + middle.1 * reach), to], matrix, edges);
        }
        0 => convex(&[at, from, to], matrix, edges),
        _ => {
            let side = (from.0 - at.0, from.1 - at.1);
            let angle = turn.atan2(along);
            let steps = (angle.abs() / (TURN / 12.0)).ceil().clamp(1.0, 6.0) as usize;
            arc(at, side, angle, steps, Some(at), matrix, edges);
        }
    }
}

const TURN: f64 = std::f64::consts::TAU;

/// Returns points of the arc around `at` that starts at the offset `side` and turns by `angle`: polygon corners outside
/// the circle, in equal steps, and the end point.
fn arc(
    at: (f64, f64),
    side: (f64, f64),
    angle: f64,
    steps: usize,
    last: Option<(f64, f64)>,
    matrix: Matrix,
    edges: &mut Vec<Edge>,
) {
    let step = angle / steps.max(1) as f64;
    let turned = |angle: f64, out: f64| {
        let (sine, cosine) = angle.sin_cos();
        (at.0 + (side.0 * cosine - side.1 * sine) * out, at.1 + (side.0 * sine + side.1 * cosine) * out)
    };
    let mut points = vec![turned(0.0, 1.0)];
    points.extend((0..steps).map(|i| turned((i as f64 + 0.5) * step, 1.0 / (step / 2.0).cos())));
    points.push(turned(angle, 1.0));
    points.extend(last);
    convex(&points, matrix, edges);
}

/// Appends the edges of what some viewers draw for a subpath of length zero, and others do not: a square if lines have
/// square caps. With round caps all of them draw a disc, with butt caps nothing (ISO 32000-1, 8.5.3.2).
pub(super) fn disputed(lines: &[Line], pen: &Pen, matrix: Matrix, edges: &mut Vec<Edge>) {
    let half = pen.width.abs() / 2.0;
    for (x, y) in lines.iter().filter(|line| pen.cap == 2 && line.is_point()).filter_map(|line| line.points.first()) {
        let corners = [(x - half, y - half), (x + half, y - half), (x + half, y + half), (x - half, y + half)];
        convex(&corners, matrix, edges);
    }
}

/// Appends a convex area, oriented counter-clockwise.
fn convex(points: &[(f64, f64)], matrix: Matrix, edges: &mut Vec<Edge>) {
    let placed: Vec<(f64, f64)> = points.iter().map(|(x, y)| matrix.point(*x, *y)).collect();
    let ends = || placed.iter().zip(placed.iter().cycle().skip(1));
    let twice: f64 = ends().map(|(a, b)| a.0 * b.1 - b.0 * a.1).sum();
    edges.extend(ends().map(|(a, b)| if twice >= 0.0 { edge(*a, *b) } else { edge(*b, *a) }));
}

/// Returns the axis-aligned rectangle that a path consists of, if it is exactly one.
pub(in crate::rebuild::pdf) fn rectangle(steps: &[Step], matrix: Matrix) -> Option<Area> {
    let mut points = Vec::with_capacity(5);
    for (i, step) in steps.iter().enumerate() {
        match (*step, i) {
            (Step::To([x, y]), 0) | (Step::Line([x, y]), 1..=4) => points.push(matrix.point(x, y)),
            (Step::Close, 4 | 5) if i + 1 == steps.len() => {}
            _ => return None,
        }
    }
    let &[a, b, c, d, ref back @ ..] = points.as_slice() else { return None };
    let small = |n: f64| n.abs() < 1e-6;
    let level = |a: (f64, f64), b: (f64, f64)| small(a.1 - b.1);
    let steep = |a: (f64, f64), b: (f64, f64)| small(a.0 - b.0);
    let round = level(a, b) && steep(b, c) && level(c, d) && steep(d, a)
        || steep(a, b) && level(b, c) && steep(c, d) && level(d, a);
    let back = match back {
        [] => true,
        [back] => level(*back, a) && steep(*back, a),
        _ => false,
    };
    let mut area = Area::EMPTY;
    points.iter().for_each(|point| area.add(*point));
    (round && back).then_some(area)
}
