//! The names of classes.

use std::path::Path;

use serde_json::Value;

use crate::{Error, text};

/// Names of classes: lines of a text, or JSON.
///
/// * a text has the name of class k on line k + 1, perhaps with a number of WordNet before it: `n01440764 tench, Tinca
///   tinca`. Several names of one class have commas between them;
/// * JSON has a list of names, or names by their classes' numbers: `{"0": "tench"}`, `{"0": ["n01440764", "tench"]}`, or
///   one of those as `id2label` (Hugging Face) or `label_names` (timm) of a model's `config.json`; `{"tench": 0}` too.
///
/// Texts are read in UTF-8, UTF-16 and Latin-1.
///
/// ```
/// use datasets::Labels;
/// let lines = Labels::parse("tench, Tinca tinca\ngoldfish\n")?;
/// assert_eq!((lines.find("tinca tinca"), lines.name(1)), (Ok(0), Some("goldfish")));
/// let json = Labels::parse(r#"{"0": ["n01440764", "tench"], "1": ["n01443537", "goldfish"]}"#)?;
/// assert_eq!((json.find("n01443537"), json.name(1)), (Ok(1), Some("goldfish")));
/// # Ok::<(), String>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Labels {
    classes: Vec<Class>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Class {
    /// As a person reads it; empty where there is none.
    name: String,
    /// Other names.
    aliases: Vec<String>,
}

/// A name that does not say which class is meant.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnclearName {
    /// There are no names.
    #[error("{name:?} is no class: no names are known, so that it has to be given by its number")]
    NoNames {
        /// What was asked for.
        name: String,
    },
    /// No class is called so.
    #[error(
        "no class is named {name:?}; there are {count} names, the first is {first:?}, or give the class's number{near}"
    )]
    Unknown {
        /// What was asked for.
        name: String,
        /// Which names are nearly the same, as the end of the sentence.
        near: String,
        /// How many names there are.
        count: usize,
        /// The first of them.
        first: String,
    },
    /// Several classes are called so.
    #[error("several classes are named {name:?}: {}; give the number of the one that is meant", list(classes))]
    Several {
        /// What was asked for.
        name: String,
        /// The classes.
        classes: Vec<usize>,
    },
}

fn list(numbers: &[usize]) -> String {
    numbers.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

impl Labels {
    /// Reads the bytes of a file.
    ///
    /// # Errors
    /// What is wrong with JSON that names no classes.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, String> {
        Self::parse(&text::decode(bytes))
    }

    /// Reads a file.
    ///
    /// # Errors
    /// [`Error::Read`]; [`Error::Labels`] for JSON that names no classes.
    pub fn read(path: impl AsRef<Path>) -> Result<Self, Error> {
        let path = path.as_ref();
        let bytes = std::fs::read(path).map_err(|source| Error::Read { path: path.to_owned(), source })?;
        Self::from_bytes(&bytes).map_err(|reason| Error::Labels { path: path.to_owned(), reason })
    }

    /// Reads a text: JSON if it begins as JSON does, otherwise lines. Empty lines at its end name no class.
    ///
    /// # Errors
    /// What is wrong with JSON.
    pub fn parse(text: &str) -> Result<Self, String> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        match serde_json::from_str(text) {
            Ok(json @ (Value::Array(_) | Value::Object(_))) => Self::from_json(&json),
            Err(error) if text.trim_start().starts_with('{') => Err(error.to_string()),
            _ => Ok(Self { classes: text.trim_end().lines().map(Class::of_line).collect() }),
        }
    }

    /// Names that are there, class 0 first.
    pub fn of<'a>(names: impl IntoIterator<Item = &'a str>) -> Self {
        Self { classes: names.into_iter().map(Class::of_line).collect() }
    }

    fn from_json(json: &Value) -> Result<Self, String> {
        match json {
            Value::Array(names) => {
                names.iter().map(Class::of_json).collect::<Result<_, _>>().map(|classes| Self { classes })
            }
            Value::Object(fields) => {
                if let Some(inner) = ["id2label", "label_names"].iter().find_map(|&name| fields.get(name)) {
                    return Self::from_json(inner);
                }
                let numbered = fields.iter().map(|(key, value)| match (key.parse(), value.as_u64()) {
                    (Ok(class), _) => Ok((class, Class::of_json(value)?)),
                    (Err(_), Some(class)) => Ok((class as usize, Class::of_line(key))),
                    (Err(_), None) => Err(format!("{key:?} is no number of a class, and has none")),
                });
                Self::numbered(numbered.collect::<Result<_, _>>()?)
            }
            other => Err(format!("{other} is neither a list nor names by numbers")),
        }
    }

    /// Classes by their numbers; those between them that have no name get an empty one.
    fn numbered(named: Vec<(usize, Class)>) -> Result<Self, String> {
        // Few bytes can't ask for much memory: nothing has as many classes.
        const MOST: usize = 1_000_000;
        let count = named.iter().map(|(class, _)| class.saturating_add(1)).max().unwrap_or(0);
        if count > MOST {
            return Err(format!("{} is no number of a class", count - 1));
        }
        let mut classes = vec![Class::default(); count];
        for (number, class) in named {
            classes[number] = class;
        }
        Ok(Self { classes })
    }

    /// How many names there are.
    pub fn len(&self) -> usize {
        self.classes.len()
    }

    /// Whether there are no names.
    pub fn is_empty(&self) -> bool {
        self.classes.is_empty()
    }

    /// The name of a class, if it has one.
    pub fn name(&self, class: usize) -> Option<&str> {
        self.classes.get(class).map(|class| class.name.as_str()).filter(|name| !name.is_empty())
    }

    /// A class as a person reads it: `207 golden retriever`, or its number alone.
    pub fn describe(&self, class: usize) -> String {
        self.name(class).map_or_else(|| class.to_string(), |name| format!("{class} {name}"))
    }

    /// The class of a name, whole or one of several. Upper and lower case, spaces, `_` and `-` make no difference where no
    /// name has exactly these letters.
    ///
    /// ```
    /// let labels = datasets::Labels::of(["tench", "golden_retriever"]);
    /// assert_eq!(labels.find("Golden retriever"), Ok(1));
    /// assert!(labels.find("goldn retriever").unwrap_err().to_string().ends_with("; did you mean \"golden_retriever\"?"));
    /// ```
    ///
    /// # Errors
    /// [`UnclearName`] where none is called so, or several are.
    pub fn find(&self, name: &str) -> Result<usize, UnclearName> {
        let same = |other: &String| other.eq_ignore_ascii_case(name.trim());
        let alike = |other: &String| wording::is_same(other, name);
        let classes = |is_called: &dyn Fn(&Class) -> bool| {
            let classes = self.classes.iter().enumerate().filter(|(_, class)| is_called(class));
            classes.map(|(class, _)| class).collect::<Vec<_>>()
        };
        let mut found = classes(&|class| same(&class.name));
        if found.is_empty() {
            found = classes(&|class| class.aliases.iter().any(same));
        }
        if found.is_empty() {
            found = classes(&|class| !class.name.is_empty() && alike(&class.name));
        }
        if found.is_empty() {
            found = classes(&|class| class.aliases.iter().any(alike));
        }
        let near = || {
            let names = self.classes.iter().flat_map(|class| class.aliases.iter().chain([&class.name]));
            wording::did_you_mean(name, names.map(String::as_str))
        };
        let given = wording::shortened(name);
        match (found.as_slice(), self.classes.first()) {
            (&[class], _) => Ok(class),
            ([], None) => Err(UnclearName::NoNames { name: given }),
            ([], Some(first)) => {
                let first = wording::shortened(&first.name);
                Err(UnclearName::Unknown { name: given, near: near(), count: self.len(), first })
            }
            _ => Err(UnclearName::Several { name: given, classes: found }),
        }
    }

    /// What is to be said where there are not as many names as classes; none where there are, or no names at all.
    ///
    /// ```
    /// let labels = datasets::Labels::of(["background", "tench", "hen"]);
    /// assert_eq!(labels.miscount(3), None);
    /// assert!(labels.miscount(2).is_some_and(|line| line.starts_with("has 3 names, from \"background\" to \"hen\"")));
    /// ```
    pub fn miscount(&self, classes: usize) -> Option<String> {
        let (first, last) = (self.classes.first()?, self.classes.last()?);
        let names = self.len();
        let hint =
            if names == classes + 1 { "; is the first one for a background that the network has not?" } else { "" };
        let plural = |count, one, many| if count == 1 { one } else { many };
        (names != classes).then(|| {
            format!(
                "has {names} {}, from {:?} to {:?}, and the network {classes} {}: names may stand at the wrong \
                 classes{hint}",
                plural(names, "name", "names"),
                first.name,
                last.name,
                plural(classes, "class", "classes"),
            )
        })
    }
}

impl Class {
    fn of_line(line: &str) -> Self {
        let name = line.trim();
        let (number, names) = match name.split_once(char::is_whitespace) {
            Some((first, rest)) if is_synset(first) => (Some(first), rest),
            _ => (None, name),
        };
        let parts = names.split(',').map(str::trim).filter(|part| *part != name);
        Self { name: name.to_owned(), aliases: number.into_iter().chain(parts).map(str::to_owned).collect() }
    }

    /// A name, or several, of which the last is for people.
    fn of_json(json: &Value) -> Result<Self, String> {
        let text = |json: &Value| match json {
            Value::String(name) => Ok(name.trim().to_owned()),
            Value::Number(number) => Ok(number.to_string()),
            other => Err(format!("{other} is no name")),
        };
        match json {
            Value::Array(names) => {
                let mut aliases = names.iter().map(text).collect::<Result<Vec<_>, _>>()?;
                let Self { name, aliases: parts } = Self::of_line(&aliases.pop().unwrap_or_default());
                aliases.extend(parts);
                Ok(Self { name, aliases })
            }
            name => Ok(Self::of_line(&text(name)?)),
        }
    }
}

/// Whether it is a number of WordNet, as `n01440764`.
fn is_synset(word: &str) -> bool {
    word.strip_prefix('n').is_some_and(|digits| digits.len() == 8 && digits.bytes().all(|byte| byte.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_are_found_by_any_of_their_names() {
        let labels = Labels::of(["tench, Tinca tinca", "goldfish", "", "n01514668 cock"]);
        assert_eq!(labels.find("Goldfish"), Ok(1));
        assert_eq!(labels.find("tinca tinca"), Ok(0));
        assert_eq!(
            (labels.find("cock"), labels.find("n01514668"), labels.find("n01514668 cock")),
            (Ok(3), Ok(3), Ok(3))
        );
        assert!(labels.find("dog").unwrap_err().to_string().contains("\"dog\""));
        assert_eq!((labels.describe(1), labels.describe(2)), ("1 goldfish".to_owned(), "2".to_owned()));
        assert!(Labels::default().find("dog").unwrap_err().to_string().contains("by its number"));
    }

    #[test]
    fn a_name_of_several_classes_is_refused_with_their_numbers() {
        let labels = Labels::of(["crane", "hen", "Crane", "maillot, tank suit", "maillot", "bikini, tank suit"]);
        assert!(labels.find("crane").unwrap_err().to_string().contains("\"crane\": 0, 2;"));
        assert!(labels.find("tank suit").unwrap_err().to_string().contains(": 3, 5;"));
        // The whole line goes before a part of one.
        assert_eq!(labels.find("maillot"), Ok(4));
    }

    #[test]
    fn a_byte_order_mark_and_empty_lines_at_the_end_are_no_names() {
        let labels = Labels::parse("\u{feff}tench\r\nhen\r\n\r\n").unwrap();
        assert_eq!((labels.find("tench"), labels.find("hen"), labels.len()), (Ok(0), Ok(1), 2));
    }

    #[test]
    fn json_is_read_in_all_its_forms() {
        let names = Labels::of(["tench", "hen"]);
        for text in [
            "[\"tench\", \"hen\"]",
            "{\"0\": \"tench\", \"1\": \"hen\"}",
            "\u{feff}{\"architectures\": [\"ViT\"], \"id2label\": {\"1\": \"hen\", \"0\": \"tench\"}}",
            "{\"num_classes\": 2, \"label_names\": [\"tench\", \"hen\"]}",
            "{\"tench\": 0, \"hen\": 1}",
        ] {
            assert_eq!(Labels::parse(text), Ok(names.clone()), "{text}");
        }
        let sparse = Labels::parse("{\"0\": [\"n01440764\", \"tench\"], \"2\": [\"n01514668\", \"cock\"]}").unwrap();
        assert_eq!((sparse.len(), sparse.name(1), sparse.describe(2)), (3, None, "2 cock".to_owned()));
        assert_eq!(sparse.find("n01514668"), Ok(2));
        for (text, reason) in [
            ("{\"0\": null}", "null is no name"),
            ("{\"0\": \"tench\"", "EOF"),
            ("{\"model\": \"vit\"}", "\"model\" is no number"),
            ("{\"99999999999\": \"x\"}", "99999999999 is no number"),
        ] {
            assert!(Labels::parse(text).unwrap_err().contains(reason), "{text}");
        }
        // A list of tokens that begins like JSON is lines.
        assert_eq!(Labels::parse("[PAD]\nhen").unwrap().find("hen"), Ok(1));
    }

    #[test]
    fn names_that_are_not_as_many_as_classes_deserve_a_word() {
        let labels = Labels::of(["background", "tench", "hen"]);
        assert_eq!(labels.miscount(3), None);
        assert_eq!(Labels::default().miscount(3), None);
        assert!(labels.miscount(2).unwrap().contains("and the network 2 classes"));
        assert!(labels.miscount(2).unwrap().contains("is the first one for a background"));
        assert!(!labels.miscount(4).unwrap().contains("is the first one"));
    }
}
