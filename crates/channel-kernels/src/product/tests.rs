//! Products against plain loops in double precision.
use proptest::prelude::*;

use super::{Matrices, MatricesMut, Onto, Product};
use crate::Instructions;
use crate::twin::{Sum, assert_close, random};

/// How the matrices of a batch lie.
#[derive(Clone, Copy, Debug)]
enum Layout {
    Contiguous,
    Transposed,
    /// Side by side, as the heads of attention.
    Beside,
    /// One for all.
    Shared,
    /// Neither rows nor columns in one piece.
    Sparse,
}

impl Layout {
    fn of(self, values: &[f32], batch: usize, rows: usize, columns: usize) -> Matrices<'_> {
        match self {
            Self::Contiguous => Matrices::contiguous(values, rows, columns),
            Self::Transposed => Matrices::contiguous(values, columns, rows).transposed(),
            Self::Beside => Matrices { values, matrix: columns, row: columns * batch, column: 1 },
            Self::Shared => Matrices { matrix: 0, ..Matrices::contiguous(values, rows, columns) },
            Self::Sparse => Matrices { values, matrix: 2 * rows * columns, row: 2 * columns, column: 2 },
        }
    }
}

#[derive(Clone, Copy, Debug)]
struct Case {
    product: Product,
    a: Layout,
    b: Layout,
    beside: bool,
    onto: Onto,
}

impl Case {
    fn output<'a>(&self, values: &'a mut [f32]) -> MatricesMut<'a> {
        let Product { batch, rows, columns, .. } = self.product;
        match self.beside {
            true => MatricesMut { values, matrix: columns, row: columns * batch },
            false => MatricesMut::contiguous(values, rows, columns),
        }
    }

    fn place(&self, index: usize, i: usize, j: usize) -> usize {
        let Product { batch, rows, columns, .. } = self.product;
        if self.beside { (i * batch + index) * columns + j } else { (index * rows + i) * columns + j }
    }

    fn compute(&self, set: Instructions) -> Vec<f32> {
        let Product { batch, rows, depth, columns } = self.product;
        let (a, b) = (random(1, 2 * batch * rows * depth), random(2, 2 * batch * depth * columns));
        let (a, b) = (self.a.of(&a, batch, rows, depth), self.b.of(&b, batch, depth, columns));
        let mut output = random(3, batch * rows * columns);
        self.product.compute_by(set, a, b, self.onto, self.output(&mut output));
        output
    }

    fn twin(&self) -> Vec<Sum> {
        let Product { batch, rows, depth, columns } = self.product;
        let (a, b) = (random(1, 2 * batch * rows * depth), random(2, 2 * batch * depth * columns));
        let (a, b) = (self.a.of(&a, batch, rows, depth), self.b.of(&b, batch, depth, columns));
        let mut output = vec![Sum::default(); batch * rows * columns];
        if self.onto == Onto::Output {
            output
                .iter_mut()
                .zip(random(3, batch * rows * columns))
                .for_each(|(sum, before)| sum.add(f64::from(before)));
        }
        let number = |m: &Matrices<'_>, index: usize, i: usize, j: usize| {
            f64::from(m.values[index * m.matrix + i * m.row + j * m.column])
        };
        for index in 0..batch {
            for i in 0..rows {
                for j in 0..columns {
                    let sum = &mut output[self.place(index, i, j)];
                    for k in 0..depth {
                        sum.add(number(&a, index, i, k) * number(&b, index, k, j));
                    }
                }
            }
        }
        output
    }

    fn check(&self) {
        let want = self.twin();
        for set in Instructions::available() {
            assert_close(&self.compute(set), &want, &format!("{set} {self:?}"));
        }
    }
}

fn layout() -> impl Strategy<Value = Layout> {
    use Layout::{Beside, Contiguous, Shared, Sparse, Transposed};
    prop::sample::select(vec![Contiguous, Transposed, Beside, Shared, Sparse])
}

prop_compose! {
    fn case()(
        batch in 0_usize..4,
        rows in prop_oneof![0_usize..20, Just(70)],
        depth in prop_oneof![0_usize..40, Just(90)],
        columns in prop_oneof![0_usize..40, Just(90)],
        a in layout(),
        b in layout(),
        beside in any::<bool>(),
        onto in prop::sample::select(vec![Onto::Nothing, Onto::Output]),
    ) -> Case {
        Case { product: Product { batch, rows, depth, columns }, a, b, beside, onto }
    }
}

proptest! {
    #[test]
    fn products_are_plain_loops(case in case()) {
        case.check();
    }
}

#[test]
fn chains_and_blocks_join() {
    for (a, b) in [(Layout::Contiguous, Layout::Transposed), (Layout::Transposed, Layout::Contiguous)] {
        let product = Product { batch: 2, rows: 247, depth: 600, columns: 150 };
        Case { product, a, b, beside: true, onto: Onto::Output }.check();
    }
}

#[test]
fn results_are_the_same_for_any_number_of_threads() {
    let product = Product { batch: 3, rows: 50, depth: 300, columns: 200 };
    let case = Case { product, a: Layout::Beside, b: Layout::Transposed, beside: true, onto: Onto::Nothing };
    let by = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| case.compute(Instructions::current())).into_iter().map(f32::to_bits).collect::<Vec<_>>()
    };
    let one = by(1);
    assert_eq!(one, by(2));
    assert_eq!(one, by(3));
}

#[test]
#[should_panic(expected = "A has only 5 numbers")]
fn lengths_are_checked() {
    let a = Matrices::contiguous(&[0.0; 5], 2, 3);
    let b = Matrices::contiguous(&[0.0; 3], 3, 1);
    let product = Product { batch: 1, rows: 2, depth: 3, columns: 1 };
    product.compute(a, b, Onto::Nothing, MatricesMut::contiguous(&mut [0.0; 2], 2, 1));
}

#[test]
fn overlapping_outputs_are_found() {
    let product = Product { batch: 3, rows: 4, depth: 1, columns: 5 };
    for (matrix, row, apart) in
        [(20, 5, true), (19, 5, false), (20, 4, false), (5, 15, true), (5, 14, false), (4, 15, false)]
    {
        assert_eq!(product.apart(matrix, row), apart, "{matrix} {row}");
    }
}
