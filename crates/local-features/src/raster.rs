//! The pixels of a shape, row by row: exactly those that the shape's floating-point predicate holds for.
//!
//! In any row, all three shapes cover one run of columns, even after rounding: each of the inequalities compares a
//! number that grows or falls monotonically with the column (for the circle, on either side of its center), and rounding
//! is monotone. So the run is computed analytically, and where an end is so close to a column that rounding decides, it is
//! settled by the predicate itself. Only where such a guess holds no pixel at all does a binary search decide whether
//! there is none.

use std::ops::Range;

/// A shape, prepared for an image's width.
#[derive(Clone, Debug)]
pub(crate) enum Raster {
    Rectangle { rows: Range<usize>, columns: Range<usize> },
    Circle(Circle),
    Square(Square),
}

impl Raster {
    /// No pixel at all.
    pub(crate) const EMPTY: Self = Self::Rectangle { rows: 0..0, columns: 0..0 };

    /// The rows outside of which there is certainly no pixel.
    pub(crate) fn rows(&self) -> Range<usize> {
        match self {
            Self::Rectangle { rows, .. } => rows.clone(),
            Self::Circle(circle) => circle.rows.clone(),
            Self::Square(square) => square.rows.clone(),
        }
    }

    /// The columns that the shape covers in `row`.
    #[inline]
    pub(crate) fn columns(&self, row: usize) -> Range<usize> {
        match self {
            Self::Rectangle { columns, .. } => columns.clone(),
            Self::Circle(circle) => circle.columns(row),
            Self::Square(square) => square.columns(row),
        }
    }
}

/// `(r − row)² + (c − column)² ≤ radius²`
#[derive(Clone, Debug)]
pub(crate) struct Circle {
    row: f64,
    column: f64,
    squared_radius: f64,
    rows: Range<usize>,
    width: usize,
}

impl Circle {
    /// The parameters have to be finite, `radius` ≥ 0.
    pub(crate) fn new(row: f64, column: f64, radius: f64, (height, width): (usize, usize)) -> Self {
        let reach = radius + rounding([row, column, radius], (height, width));
        Self { row, column, squared_radius: radius * radius, rows: rows_within(row, reach, height), width }
    }

    /// The predicate, with `squared_row` = (r − row)².
    fn covers(&self, squared_row: f64, column: usize) -> bool {
        let distance = column as f64 - self.column;
        squared_row + distance * distance <= self.squared_radius
    }

    fn columns(&self, row: usize) -> Range<usize> {
        let distance = row as f64 - self.row;
        let squared_row = distance * distance;
        let half = (self.squared_radius - squared_row).max(0.0).sqrt();
        let guess = columns_from(self.column - half, self.column + half, self.width);
        settle(guess, self.width, |column| self.covers(squared_row, column)).unwrap_or_else(|| self.search(squared_row))
    }

    /// The run of columns, without a guess: on either side of the center the distance is monotone.
    fn search(&self, squared_row: f64) -> Range<usize> {
        let nearest = columns_from(self.column, self.column, self.width).start;
        let covers = |column| self.covers(squared_row, column);
        match (nearest.saturating_sub(1)..self.width.min(nearest + 2)).find(|&column| covers(column)) {
            Some(seed) => first(0..seed, covers)..first(seed..self.width, |column| !covers(column)),
            None => 0..0,
        }
    }
}

/// `−side/2 ≤ u, v < side/2` with `u = dx cos + dy sin`, `v = −dx sin + dy cos`, `dx = c − column`, `dy = r − row`
#[derive(Clone, Debug)]
pub(crate) struct Square {
    row: f64,
    column: f64,
    half: f64,
    sine: f64,
    cosine: f64,
    /// Where `u` and `v` are within bounds in a row, on the real line: `dx = slope · dy ± reach`.
    u_bounds: Bounds,
    v_bounds: Bounds,
    /// The larger of theirs.
    tolerance: f64,
    rows: Range<usize>,
    width: usize,
}

/// `slope · dy ± reach`, the solution of one of the square's two double inequalities for `dx`.
#[derive(Clone, Copy, Debug)]
struct Bounds {
    slope: f64,
    reach: f64,
    /// How far from these bounds the inequality can turn, as it is rounded.
    tolerance: f64,
}

impl Bounds {
    /// Below this, a row lies within the bounds as a whole or not at all, but for the corners.
    const PARALLEL: f64 = 1e-9;

    /// The solution of `−half ≤ across · dx + along · dy < half`, whose sides are known up to `rounding`.
    fn new(across: f64, along: f64, half: f64, rounding: f64) -> Self {
        if across.abs() < Self::PARALLEL {
            Self { slope: 0.0, reach: f64::INFINITY, tolerance: f64::INFINITY }
        } else {
            Self { slope: -along / across, reach: half / across.abs(), tolerance: rounding / across.abs() }
        }
    }
}

impl Square {
    /// The parameters have to be finite, `side` ≥ 0.
    pub(crate) fn new(row: f64, column: f64, side: f64, angle: f64, (height, width): (usize, usize)) -> Self {
        let (sine, cosine) = angle.sin_cos();
        let half = side / 2.0;
        let rounding = rounding([row, column, side], (height, width));
        let reach = half * (sine.abs() + cosine.abs()) + rounding;
        let u_bounds = Bounds::new(cosine, sine, half, rounding);
        let v_bounds = Bounds::new(-sine, cosine, half, rounding);
        Self {
            row,
            column,
            half,
            sine,
            cosine,
            u_bounds,
            v_bounds,
            tolerance: u_bounds.tolerance.max(v_bounds.tolerance),
            rows: rows_within(row, reach, height),
            width,
        }
    }

    /// `u` and `v` of a column, for `[dy sin, dy cos]`.
    #[inline]
    fn rotated(&self, [dy_sine, dy_cosine]: [f64; 2], column: usize) -> [f64; 2] {
        let dx = column as f64 - self.column;
        [dx * self.cosine + dy_sine, -dx * self.sine + dy_cosine]
    }

    /// The predicate; the four comparisons cost less than guessing which of them fails.
    #[inline]
    fn covers(&self, dy: [f64; 2], column: usize) -> bool {
        let [u, v] = self.rotated(dy, column);
        (-self.half <= u) & (u < self.half) & (-self.half <= v) & (v < self.half)
    }

    #[inline]
    fn columns(&self, row: usize) -> Range<usize> {
        let distance = row as f64 - self.row;
        let [u_center, v_center] = [self.u_bounds.slope * distance, self.v_bounds.slope * distance];
        let lower = self.column + (u_center - self.u_bounds.reach).max(v_center - self.v_bounds.reach);
        let upper = self.column + (u_center + self.u_bounds.reach).min(v_center + self.v_bounds.reach);
        if is_between_integers(lower, self.tolerance) && is_between_integers(upper, self.tolerance) {
            columns_from(lower, upper, self.width)
        } else {
            self.settled(distance, columns_from(lower, upper, self.width))
        }
    }

    /// The run of columns where a bound is so close to a column that rounding decides.
    #[cold]
    fn settled(&self, distance: f64, guess: Range<usize>) -> Range<usize> {
        let dy = [distance * self.sine, distance * self.cosine];
        settle(guess, self.width, |column| self.covers(dy, column)).unwrap_or_else(|| self.search(dy))
    }

    /// The run of columns, without a guess: where all four inequalities have their halves of the row in common.
    fn search(&self, dy: [f64; 2]) -> Range<usize> {
        let rises = [self.cosine >= 0.0, self.sine <= 0.0];
        let mut run = 0..self.width;
        for (axis, rises) in rises.into_iter().enumerate() {
            let above = |column| self.rotated(dy, column)[axis] >= -self.half;
            let below = |column| self.rotated(dy, column)[axis] < self.half;
            let (start, end) = if rises {
                (first(0..self.width, above), first(0..self.width, |column| !below(column)))
            } else {
                (first(0..self.width, below), first(0..self.width, |column| !above(column)))
            };
            run = run.start.max(start)..run.end.min(end);
        }
        if run.is_empty() { 0..0 } else { run }
    }
}

/// The rows and columns of a square at angle 0, for whose pixels the predicate is `−half ≤ dx, dy < half`.
pub(crate) fn upright_square(row: f64, column: f64, side: f64, (height, width): (usize, usize)) -> Raster {
    let half = side / 2.0;
    let covered = |center: f64, length| {
        let from = |bound| first(0..length, |index| index as f64 - center >= bound);
        from(-half)..from(half)
    };
    Raster::Rectangle { rows: covered(row, height), columns: covered(column, width) }
}

/// How far from the exact shape the rounding of its predicate can reach; generous, since it only widens the rows that
/// are looked at.
fn rounding(parameters: [f64; 3], (height, width): (usize, usize)) -> f64 {
    let magnitude: f64 = parameters.iter().map(|parameter| parameter.abs()).sum();
    1e-12 * (1.0 + magnitude + height as f64 + width as f64)
}

/// The rows of an image at most `reach` away from `center`.
fn rows_within(center: f64, reach: f64, height: usize) -> Range<usize> {
    columns_from(center - reach, (center + reach).floor() + 1.0, height)
}

/// Whether `bound` is farther than `tolerance` from any integer; false for infinities and NaN.
#[inline]
fn is_between_integers(bound: f64, tolerance: f64) -> bool {
    let fraction = (bound - bound as i64 as f64).abs();
    tolerance < fraction && fraction < 1.0 - tolerance
}

/// The integers in `lower..upper` that are in `0..width`; both bounds of a guess are rounded up.
#[inline]
fn columns_from(lower: f64, upper: f64, width: usize) -> Range<usize> {
    clamped_ceil(lower, width)..clamped_ceil(upper, width)
}

#[inline]
fn clamped_ceil(value: f64, width: usize) -> usize {
    let value = value.max(0.0).min(width as f64);
    let truncated = value as i64;
    truncated as usize + usize::from((truncated as f64) < value)
}

/// Moves the ends of a guessed run to where `covers` changes; `None` when the guess holds no covered column.
#[inline]
fn settle(guess: Range<usize>, width: usize, covers: impl Fn(usize) -> bool) -> Option<Range<usize>> {
    let Range { mut start, mut end } = guess;
    while start < end && !covers(start) {
        start += 1;
    }
    while start < end && !covers(end - 1) {
        end -= 1;
    }
    if start >= end {
        return None;
    }
    while start > 0 && covers(start - 1) {
        start -= 1;
    }
    while end < width && covers(end) {
        end += 1;
    }
    Some(start..end)
}

/// The first of `columns` that `holds`, for a predicate that never turns false again; their end if there is none.
fn first(columns: Range<usize>, holds: impl Fn(usize) -> bool) -> usize {
    let Range { mut start, mut end } = columns;
    while start < end {
        let middle = start + (end - start) / 2;
        if holds(middle) {
            end = middle;
        } else {
            start = middle + 1;
        }
    }
    start
}
