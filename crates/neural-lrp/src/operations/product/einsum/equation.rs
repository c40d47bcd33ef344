//! The equation of an Einsum: which axes of its operands are multiplied, summed and kept.

use std::collections::BTreeMap;
use std::fmt;

use crate::Error;

/// An equation, `"bij,bjk->bik"`, for one or two operands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Equation {
    text: String,
    operands: Vec<Term>,
    output: Term,
}

/// The letters of an operand or of the output; the axes of an ellipsis stand between them.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Term {
    before: Vec<char>,
    /// Whether there is an ellipsis, and what stands behind it.
    behind: Option<Vec<char>>,
}

/// One axis, as an equation names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Label {
    /// One of an ellipsis, counted from its last.
    Ellipsis(usize),
    /// One that has a letter.
    Letter(char),
}

/// The axes of operands of certain shapes.
#[derive(Clone, Debug)]
pub(super) struct Axes {
    pub(super) operands: Vec<Vec<Label>>,
    pub(super) output: Vec<Label>,
    /// The output's shape.
    pub(super) shape: Vec<usize>,
}

impl Term {
    fn parse(text: &str) -> Result<Self, String> {
        let (before, behind) = match text.split_once("...") {
            None => (text, None),
            Some((before, behind)) => (before, Some(behind)),
        };
        let letters = |text: &str| -> Result<Vec<char>, String> {
            let wrong = text.chars().find(|letter| !letter.is_ascii_alphabetic());
            wrong.map_or_else(|| Ok(text.chars().collect()), |wrong| Err(format!("{wrong:?} is no letter")))
        };
        let term = Self { before: letters(before)?, behind: behind.map(letters).transpose()? };
        let mut sorted: Vec<char> = term.letters().collect();
        sorted.sort_unstable();
        match sorted.windows(2).find(|pair| pair[0] == pair[1]) {
            Some(pair) => Err(format!("{:?} stands twice in {text:?}, and diagonals can't be taken", pair[0])),
            None => Ok(term),
        }
    }

    fn letters(&self) -> impl Iterator<Item = char> {
        self.before.iter().chain(self.behind.iter().flatten()).copied()
    }

    /// How many axes stand behind a letter; `None` where it is not there, or an ellipsis is behind it.
    fn behind(&self, letter: char) -> Option<usize> {
        let letters = match &self.behind {
            Some(behind) => behind,
            None => &self.before,
        };
        letters.iter().rev().position(|&other| other == letter)
    }

    /// How many axes of `rank` the ellipsis stands for; `None` where the letters do not fit.
    fn ellipsis(&self, rank: usize) -> Option<usize> {
        let rest = rank.checked_sub(self.letters().count())?;
        (rest == 0 || self.behind.is_some()).then_some(rest)
    }

    fn labels(&self, ellipsis: usize) -> Vec<Label> {
        let letters = |letters: &[char]| letters.iter().map(|&letter| Label::Letter(letter)).collect::<Vec<Label>>();
        match &self.behind {
            None => letters(&self.before),
            Some(behind) => {
                let between: Vec<Label> = (0..ellipsis).rev().map(Label::Ellipsis).collect();
                [letters(&self.before), between, letters(behind)].concat()
            }
        }
    }
}

impl Equation {
    /// Where the channels lie that operand `from` brings and operand `other` does not know, if they lie along one axis: how
    /// many axes are behind theirs, in that operand and in the output.
    pub(super) fn channels(&self, from: usize, other: usize) -> Option<[usize; 2]> {
        let known = |letter: char| self.operands[other].letters().any(|other| other == letter);
        let mut own = self.output.letters().filter(|&letter| !known(letter));
        let letter = own.next().filter(|_| own.next().is_none())?;
        Some([self.operands[from].behind(letter)?, self.output.behind(letter)?])
    }

    /// How many axes of an operand are behind the one that is summed with the other operand, if there is one.
    pub(super) fn summed(&self, operand: usize) -> Option<usize> {
        let kept = |letter: char| self.output.letters().any(|other| other == letter);
        let mut summed = self.operands[operand].letters().filter(|&letter| !kept(letter));
        let letter = summed.next().filter(|_| summed.next().is_none())?;
        self.operands[operand].behind(letter)
    }

    /// The equation of a text; without an arrow, all letters that stand once are kept, in the order of the alphabet.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(super) fn parse(text: &str, operands: usize) -> Result<Self, String> {
        let plain: String = text.chars().filter(|letter| !letter.is_whitespace()).collect();
        let (left, right) = match plain.split_once("->") {
            Some((left, right)) => (left, Some(right)),
            None => (plain.as_str(), None),
        };
        let terms = left.split(',').map(Term::parse).collect::<Result<Vec<Term>, String>>()?;
        if terms.len() > 2 {
            return Err(format!("it is for {} operands, and two at most can be multiplied", terms.len()));
        }
        if terms.len() != operands {
            return Err(format!("it is for {} operands, and there are {operands}", terms.len()));
        }
        let count = |letter: char| terms.iter().flat_map(Term::letters).filter(|&other| other == letter).count();
        let has_ellipsis = terms.iter().any(|term| term.behind.is_some());
        let output = match right {
            Some(right) => Term::parse(right)?,
            None => {
                let mut letters: Vec<char> = terms.iter().flat_map(Term::letters).collect();
                letters.retain(|&letter| count(letter) == 1);
                letters.sort_unstable();
                match has_ellipsis {
                    true => Term { before: Vec::new(), behind: Some(letters) },
                    false => Term { before: letters, behind: None },
                }
            }
        };
        if let Some(unknown) = output.letters().find(|&letter| count(letter) == 0) {
            return Err(format!("{unknown:?} stands in no operand"));
        }
        if has_ellipsis != output.behind.is_some() {
            return Err("an ellipsis should stand in the output where one stands in an operand".into());
        }
        Ok(Self { text: text.to_owned(), operands: terms, output })
    }

    /// The equation as it was given.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// The axes of operands of these shapes.
    ///
    /// # Errors
    /// [`Error::Shape`] where the equation is not for such operands.
    pub(super) fn axes(&self, shapes: &[&[usize]]) -> Result<Axes, Error> {
        if shapes.len() != self.operands.len() {
            return Err(Error::shape(shapes, format!("it takes {}", self.operands.len())));
        }
        let mut lengths: BTreeMap<Label, usize> = BTreeMap::new();
        let mut operands = Vec::with_capacity(shapes.len());
        let mut longest = 0;
        for (term, shape) in self.operands.iter().zip(shapes) {
            let ellipsis = term.ellipsis(shape.len());
            let ellipsis = ellipsis.ok_or_else(|| Error::shape(shapes, format!("{self} is for other axes")))?;
            longest = longest.max(ellipsis);
            let labels = term.labels(ellipsis);
            for (&label, &length) in labels.iter().zip(*shape) {
                let known = lengths.entry(label).or_insert(length);
                match label {
                    Label::Ellipsis(_) if *known == 1 => *known = length,
                    Label::Ellipsis(_) if length == 1 => {}
                    _ if *known == length => {}
                    Label::Letter(letter) => {
                        let reason = format!("in {self}, {letter:?} is of lengths {known} and {length}");
                        return Err(Error::shape(shapes, reason));
                    }
                    Label::Ellipsis(_) => {
                        return Err(Error::shape(shapes, format!("in {self}, the axes of ... do not broadcast")));
                    }
                }
            }
            operands.push(labels);
        }
        let output = self.output.labels(longest);
        let shape = output.iter().map(|label| lengths[label]).collect();
        Ok(Axes { operands, output, shape })
    }

    /// Whether a single operand is only rearranged, and nothing summed.
    pub(super) fn keeps_all(&self) -> bool {
        self.operands.iter().flat_map(Term::letters).all(|letter| self.output.letters().any(|kept| kept == letter))
    }
}

impl fmt::Display for Equation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:?}", self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape(text: &str, operands: &[&[usize]]) -> Result<Vec<usize>, String> {
        let equation = Equation::parse(text, operands.len())?;
        equation.axes(operands).map(|axes| axes.shape).map_err(|error| error.to_string())
    }

    #[test]
    fn outputs_have_the_axes_that_are_kept() {
        assert_eq!(shape("bij, bjk -> bik", &[&[2, 3, 4], &[2, 4, 5]]).unwrap(), [2, 3, 5]);
        assert_eq!(shape("ba,ca", &[&[2, 3], &[4, 3]]).unwrap(), [2, 4]);
        assert_eq!(shape("ba", &[&[2, 3]]).unwrap(), [3, 2]);
        assert_eq!(shape("ij->", &[&[2, 3]]).unwrap(), [0; 0]);
        assert_eq!(shape("...ij,...jk->...ik", &[&[7, 2, 3], &[6, 1, 3, 4]]).unwrap(), [6, 7, 2, 4]);
        assert_eq!(shape("...i,i", &[&[7, 2, 3], &[3]]).unwrap(), [7, 2]);
        assert_eq!(shape("i...,...->...i", &[&[3, 2], &[5, 2]]).unwrap(), [5, 2, 3]);
    }

    #[test]
    fn what_can_not_be_is_refused_in_words() {
        let cases: [(&str, &[&[usize]], &str); 10] = [
            ("i,j,k->ijk", &[&[2], &[2], &[2]], "two at most"),
            ("ii->i", &[&[2, 2]], "diagonals"),
            ("i1->i", &[&[2, 2]], "no letter"),
            ("i->j", &[&[2]], "in no operand"),
            ("i,j->ij", &[&[2]], "for 2 operands"),
            ("ij,jk->ik", &[&[2, 3], &[4, 5]], "lengths 3 and 4"),
            ("ij->i", &[&[2, 3, 4]], "other axes"),
            ("...i->i", &[&[2, 3]], "an ellipsis should stand"),
            ("...,...", &[&[2], &[3]], "do not broadcast"),
            ("i......->i", &[&[2]], "no letter"),
        ];
        for (text, operands, words) in cases {
            let message = shape(text, operands).unwrap_err();
            assert!(message.contains(words), "{message:?} should say {words:?}");
        }
    }
}
