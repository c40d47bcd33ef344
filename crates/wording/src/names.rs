//! Names that are nearly the same.

/// The most names that are offered.
const MOST: usize = 3;

/// The longest name that others are near to, in characters: what is longer is no slip of a hand.
const LONGEST: usize = 100;

/// Whether two names are the same to a reader: upper and lower case, spaces, `_` and `-` make no difference.
///
/// ```
/// assert!(wording::is_same("Golden Retriever", "golden_retriever"));
/// assert!(!wording::is_same("golden", "golden_retriever"));
/// ```
pub fn is_same(name: &str, other: &str) -> bool {
    letters(name).eq(letters(other))
}

/// The names that are nearest to one that nobody knows, the nearest first, at most three: those with few letters
/// otherwise ([Levenshtein's distance](https://en.wikipedia.org/wiki/Levenshtein_distance), at most a third of the
/// letters), then those that contain it.
///
/// ```
/// let names = ["tench", "golden_retriever", "labrador"];
/// assert_eq!(wording::nearest("goldn retriever", names), ["golden_retriever"]);
/// assert_eq!(wording::nearest("golden", names), ["golden_retriever"]);
/// assert!(wording::nearest("violin", names).is_empty());
/// ```
pub fn nearest<'a>(name: &str, names: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    let wanted: Vec<char> = letters(name).take(LONGEST + 1).collect();
    if wanted.is_empty() || wanted.len() > LONGEST {
        return Vec::new();
    }
    let allowed = wanted.len().div_ceil(3);
    let mut found: Vec<(usize, &str)> = Vec::new();
    for known in names {
        let letters: Vec<char> = letters(known).take(2 * LONGEST).collect();
        let distance = match letters.len().abs_diff(wanted.len()) {
            apart if apart <= allowed => distance(&wanted, &letters),
            _ => usize::MAX,
        };
        if distance <= allowed {
            found.push((distance, known));
        } else if wanted.len() > 2 && letters.windows(wanted.len()).any(|part| part == wanted) {
            found.push((allowed + letters.len(), known));
        }
    }
    found.sort_by_key(|&(distance, _)| distance);
    found.dedup_by_key(|&mut (_, known)| known);
    found.into_iter().take(MOST).map(|(_, known)| known).collect()
}

/// The end of a message about a name that nobody knows: `; did you mean "tench"?`, or nothing where no name is near.
///
/// ```
/// assert_eq!(wording::did_you_mean("tnech", ["tench", "hen"]), "; did you mean \"tench\"?");
/// assert_eq!(wording::did_you_mean("violin", ["tench", "hen"]), "");
/// ```
pub fn did_you_mean<'a>(name: &str, names: impl IntoIterator<Item = &'a str>) -> String {
    let quoted: Vec<String> = nearest(name, names).iter().map(|near| format!("{:?}", crate::shortened(near))).collect();
    match quoted.split_last() {
        None => String::new(),
        Some((last, [])) => format!("; did you mean {last}?"),
        Some((last, others)) => format!("; did you mean {} or {last}?", others.join(", ")),
    }
}

/// What a reader compares of a name.
fn letters(name: &str) -> impl Iterator<Item = char> {
    name.chars().filter(|letter| !letter.is_whitespace() && !matches!(letter, '_' | '-')).flat_map(char::to_lowercase)
}

/// The least number of letters to put in, take out or change that makes one name of the other.
fn distance(name: &[char], other: &[char]) -> usize {
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (above, letter) in name.iter().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], above + 1);
        for (column, known) in other.iter().enumerate() {
            let changed = diagonal + usize::from(letter != known);
            diagonal = row[column + 1];
            row[column + 1] = changed.min(diagonal + 1).min(row[column] + 1);
        }
    }
    row[other.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The distance by its definition.
    fn plainly(name: &[char], other: &[char]) -> usize {
        match (name.split_first(), other.split_first()) {
            (None, _) => other.len(),
            (_, None) => name.len(),
            (Some((a, name_rest)), Some((b, other_rest))) => {
                let changed = usize::from(a != b) + plainly(name_rest, other_rest);
                changed.min(1 + plainly(name_rest, other)).min(1 + plainly(name, other_rest))
            }
        }
    }

    #[test]
    fn distances_are_those_of_the_definition() {
        let words = ["", "a", "ab", "ba", "abc", "acb", "kitten", "sitting", "aaaa"];
        for name in words {
            for other in words {
                let (a, b): (Vec<char>, Vec<char>) = (name.chars().collect(), other.chars().collect());
                assert_eq!(distance(&a, &b), plainly(&a, &b), "{name} {other}");
            }
        }
    }

    #[test]
    fn the_nearest_stand_first_and_no_more_than_three() {
        let names = ["z-plus", "z-box", "z-minus", "zplus2", "epsilon"];
        assert_eq!(nearest("zplu", names), ["z-plus", "zplus2"]);
        assert_eq!(nearest("conv", ["conv1", "conv2", "conv3", "conv4"]).len(), 3);
        assert_eq!(nearest("tench", ["tench", "tench"]), ["tench"]);
    }

    #[test]
    fn absurd_names_are_near_to_none() {
        assert!(nearest(&"x".repeat(1_000_000), ["xx"]).is_empty());
        assert!(nearest("", ["a"]).is_empty() && nearest("_ -", ["a"]).is_empty());
        assert!(nearest("abc", [&*"y".repeat(1_000_000)]).is_empty());
    }
}
