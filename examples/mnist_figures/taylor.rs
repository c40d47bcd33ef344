//! Fig. 11: Taylor decomposition about root points.

use heatmap::Tile;
use ndarray::{Array1, Array2, ArrayView2, Axis};
use neural_lrp::methods::{Decision, NetworkFunction};
use relevance::{Candidates, Differentiable, Root, RootSearch};
use report::Table;

use crate::decompositions::signed;
use crate::drawing::{digit, ink, map, sheet};
use crate::figure::{Figure, Numbers};
use crate::networks::{DigitNetwork, Kind};
use crate::{Outcome, Study};

/// How many digits stand below each other in a group.
const ROWS: usize = 2;

/// A group of the figure: digits of a class, the class whose score is decomposed, and towards what roots are searched.
struct Group {
    part: &'static str,
    label: u8,
    class: usize,
    towards: &'static str,
}

const GROUPS: [Group; 3] = [
    Group { part: "7-as-7", label: 7, class: 7, towards: "a blank tile" },
    Group { part: "5-as-3", label: 5, class: 3, towards: "a blank tile" },
    Group { part: "2-as-2", label: 2, class: 2, towards: "the nearest 6" },
];

/// A point towards which a root is searched.
struct Candidate {
    name: String,
    digit: Array2<u8>,
}

/// What is decomposed: the score of the class, or, where no digit has a root of that, its lead over the best other class.
const FUNCTIONS: [Function; 2] = [Function::Score, Function::Lead];

#[derive(Clone, Copy)]
enum Function {
    Score,
    Lead,
}

impl Function {
    fn of(self, class: usize) -> Decision {
        match self {
            Self::Score => {
                let mut weights = Array1::zeros(10);
                weights[class] = 1.0;
                Decision::Score(weights)
            }
            Self::Lead => Decision::Margin(class),
        }
    }

    fn name(self, class: usize) -> String {
        match self {
            Self::Score => format!("f({class})"),
            Self::Lead => format!("lead of {class}"),
        }
    }
}

/// Input, root point, gradient there, and contributions (Eqs 18 and 53).
pub fn figure_11(study: &Study) -> Outcome<Figure> {
    let network = study.network(Kind::Small)?;
    let mut figure = Figure::new(11, "Taylor decompositions about root points").text(
        "From left to right: the digit x; the root point x₀ on the segment to a blank tile, or to the nearest 6 of the \
         training set, where the linear score f of the class is 0; the gradient of f there; and the contributions of \
         the pixels, gradient times difference (Eqs 18 and 53). The residual is what of f(x) they do not sum to. A root \
         is known to be there where f has different signs at both ends. Where it has one for no digit of the class, \
         since the network gives a blank tile a score of the same sign, the lead of the class over the best other one \
         is decomposed in its place: x₀ is then where another class becomes as likely.",
    );
    let mut numbers = Numbers::new(
        "test digit,label,class,function,value,candidate,value there,position,distance,value at root,residual,shown",
    );
    let mut table =
        Table::new(["digit", "function", "value", "towards", "value there", "root at", "distance", "residual"])
            .caption(
                "The line search: the root is x₀ = a·x + (1 − a)·candidate; of each digit, the first is the one shown",
            );
    for group in &GROUPS {
        let Some((function, rows)) = group.search(study, &network)? else {
            figure = figure.text(format!("No digit {} has a root on the segment to {}.", group.label, group.towards));
            continue;
        };
        let name = function.name(group.class);
        let mut sheet = sheet().columns(["x", "root point", "gradient", "contributions"]);
        for row in &rows {
            sheet = sheet.row(row.tiles(study.digit(row.index), &name)?);
            for (place, root) in row.roots.iter().enumerate() {
                let candidate = row.candidates[root.candidate].as_str();
                let (index, label, class) = (row.index.to_string(), group.label.to_string(), group.class.to_string());
                let decomposition = &root.decomposition;
                let [value, other, position, distance, residual] =
                    [row.value, row.values[root.candidate], root.position, root.distance, decomposition.residual()]
                        .map(|number| format!("{number:.4}"));
                let root_value = format!("{:.1e}", decomposition.root_value);
                let shown = if place == 0 { "yes" } else { "no" };
                table = table.row([
                    &format!("test digit {index}: {label}"),
                    &name,
                    &value,
                    candidate,
                    &other,
                    &position,
                    &distance,
                    &residual,
                ]);
                numbers.row([
                    &index,
                    &label,
                    &class,
                    &name,
                    &value,
                    candidate,
                    &other,
                    &position,
                    &distance,
                    &root_value,
                    &residual,
                    shown,
                ]);
            }
        }
        let caption = format!("{} as {}, roots of {name} towards {}", group.label, group.class, group.towards);
        figure = figure.picture(group.part, &sheet.draw()?, caption)?;
    }
    Ok(figure.table(table).numbers("", numbers))
}

impl Group {
    /// The first digits that have a root, and of which function.
    fn search(&self, study: &Study, network: &DigitNetwork<f64>) -> Outcome<Option<(Function, Vec<Searched>)>> {
        for function in FUNCTIONS {
            let mut found = Vec::new();
            for index in study.digits.of_class(self.label) {
                let searched = Searched::new(study, network, self, function, index)?;
                if !searched.roots.is_empty() {
                    found.push(searched);
                }
                if found.len() == ROWS {
                    return Ok(Some((function, found)));
                }
            }
        }
        Ok(None)
    }

    /// Towards what roots are searched for a digit.
    fn candidates(&self, study: &Study, index: usize) -> Vec<Candidate> {
        if self.label != 2 {
            return vec![Candidate { name: "blank".to_owned(), digit: Array2::zeros((28, 28)) }];
        }
        let near = study.near_sixes.iter().filter(|near| near.two == index);
        near.map(|near| Candidate { name: format!("training digit {}", near.six), digit: near.digit.clone() }).collect()
    }
}

/// The roots on the segments from a digit to all candidates.
struct Searched {
    index: usize,
    kind: Kind,
    value: f64,
    /// Of the candidates: what each is, and its value.
    candidates: Vec<String>,
    values: Vec<f64>,
    /// In the order of the candidates.
    roots: Vec<Root>,
    /// The gradient at each root.
    gradients: Vec<Array1<f64>>,
}

impl Searched {
    fn new(
        study: &Study,
        network: &DigitNetwork<f64>,
        group: &Group,
        function: Function,
        index: usize,
    ) -> Outcome<Self> {
        let function = NetworkFunction::new(&network.explainer, &[28 * 28], function.of(group.class))?;
        let input = |digit: ArrayView2<'_, u8>| network.inputs(digit.insert_axis(Axis(0))).index_axis_move(Axis(0), 0);
        let x = input(study.digit(index));
        let towards = group.candidates(study, index);
        let mut points = Array2::zeros((towards.len(), x.len()));
        for (candidate, mut point) in towards.iter().zip(points.outer_iter_mut()) {
            point.assign(&input(candidate.digit.view()));
        }
        let candidates = Candidates::new(&function, points)?;
        let roots = match RootSearch::default().roots(&function, x.view(), &candidates) {
            Err(relevance::Error::NoCandidate { .. }) => Vec::new(),
            roots => roots?,
        };
        Ok(Self {
            index,
            kind: network.kind,
            value: function.value(x.view()),
            candidates: towards.into_iter().map(|candidate| candidate.name).collect(),
            values: candidates.values().to_vec(),
            gradients: roots.iter().map(|root| function.gradient(root.point.view())).collect(),
            roots,
        })
    }

    /// The four panels of the first root.
    fn tiles(&self, x: ArrayView2<'_, u8>, function: &str) -> Outcome<Vec<Tile>> {
        let square = |numbers: &Array1<f64>| numbers.clone().into_shape_with_order((28, 28));
        let (Some(root), Some(gradient)) = (self.roots.first(), self.gradients.first()) else { return Ok(Vec::new()) };
        Ok(vec![
            Tile::from((digit(x), format!("{function}\n{}", signed(self.value)))),
            Tile::from((
                ink(square(&root.point.mapv(|input| self.kind.ink(input)))?.view()),
                format!("a = {:.3}", root.position),
            )),
            Tile::from(map(square(gradient)?.view())?),
            Tile::from((
                map(square(&root.decomposition.relevance)?.view())?,
                format!("residual\n{}", signed(root.decomposition.residual())),
            )),
        ])
    }
}
