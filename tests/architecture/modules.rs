//! The files of a crate and the arrows between them, by their `use` lines outside of tests.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// One file: its own code, and what its `use` lines name.
struct File {
    /// All of its code but `use` lines, comments and tests.
    code: String,
    uses: Vec<Use>,
}

/// One name that a file takes from elsewhere in the crate.
struct Use {
    /// The whole path, from the root of the crate: `["operation", "step", "Step"]`; the last may be `*`.
    path: Vec<String>,
    /// What it is called here.
    name: String,
    /// Handed on by the file, with `pub`.
    handed_on: bool,
}

/// The files of a crate, by their path below `src`.
pub struct Modules {
    files: BTreeMap<String, File>,
}

impl Modules {
    pub fn read(source: &Path) -> Self {
        let mut texts = BTreeMap::new();
        read_folder(source, source, &mut texts);
        let files = texts.iter().map(|(path, text)| (path.clone(), File::parse(path, text, &texts))).collect();
        Self { files }
    }

    /// Each file with each other that it names something of.
    pub fn arrows(&self) -> impl Iterator<Item = (&str, &str)> {
        let arrows: BTreeSet<(&str, &str)> =
            self.files.iter().flat_map(|(from, file)| self.arrows_of(from, file)).collect();
        arrows.into_iter()
    }

    fn arrows_of<'a>(&'a self, from: &'a str, file: &'a File) -> impl Iterator<Item = (&'a str, &'a str)> {
        // What is only handed on is no knowledge of one's own.
        let known = file.uses.iter().filter(|used| !used.handed_on || names(&file.code, &used.name));
        known.map(move |used| (from, self.home(&used.path))).filter(|(from, to)| from != to)
    }

    /// The file in which the item of a path is written, through all that hand it on.
    fn home(&self, path: &[String]) -> &str {
        let mut module = Vec::new();
        for (position, segment) in path.iter().enumerate() {
            module.push(segment.clone());
            if self.file_of(&module).is_none() {
                module.pop();
                return self.home_in(&module, segment, &path[position + 1..]);
            }
        }
        self.file_of(&module).unwrap()
    }

    fn home_in(&self, module: &[String], name: &str, rest: &[String]) -> &str {
        let file = self.file_of(module).unwrap();
        let handed_on = self.files[file].uses.iter().filter(|used| used.handed_on);
        for used in handed_on {
            if used.name == name {
                return self.home(&[&used.path, rest].concat());
            }
            let below = &used.path[..used.path.len() - 1];
            if used.name == "*" && self.knows(below, name) {
                return self.home(&[below, &[name.to_owned()], rest].concat());
            }
        }
        file
    }

    /// Whether a module writes or hands on an item.
    fn knows(&self, module: &[String], name: &str) -> bool {
        let file = &self.files[self.file_of(module).unwrap()];
        before_word(&file.code, name).next().is_some()
            || file.uses.iter().any(|used| {
                used.handed_on
                    && (used.name == name || used.name == "*" && self.knows(&used.path[..used.path.len() - 1], name))
            })
    }

    fn file_of(&self, module: &[String]) -> Option<&str> {
        let path = if module.is_empty() { "lib.rs".to_owned() } else { format!("{}.rs", module.join("/")) };
        self.files.get_key_value(&path).map(|(path, _)| path.as_str())
    }

    /// The groups of files each of which leads to all others of its group.
    pub fn circles(&self) -> Vec<Vec<&str>> {
        let mut next: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for (from, to) in self.arrows() {
            next.entry(from).or_default().insert(to);
        }
        let reached = |from: &str| {
            let (mut reached, mut open) = (BTreeSet::new(), vec![from.to_owned()]);
            while let Some(here) = open.pop() {
                for &there in next.get(here.as_str()).into_iter().flatten() {
                    if reached.insert(there) {
                        open.push(there.to_owned());
                    }
                }
            }
            reached
        };
        let reached: BTreeMap<&str, BTreeSet<&str>> = next.keys().map(|&from| (from, reached(from))).collect();
        let mut circles: Vec<Vec<&str>> = Vec::new();
        for (&from, there) in reached.iter().filter(|(from, there)| there.contains(*from)) {
            let circle: Vec<&str> =
                there.iter().copied().filter(|to| reached.get(to).is_some_and(|back| back.contains(from))).collect();
            if !circles.contains(&circle) {
                circles.push(circle);
            }
        }
        circles
    }
}

fn read_folder(source: &Path, folder: &Path, texts: &mut BTreeMap<String, String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.strip_prefix(source).unwrap().to_str().unwrap().replace('\\', "/");
        if path.is_dir() {
            read_folder(source, &path, texts);
        } else if name.ends_with(".rs") && !name.ends_with("tests.rs") && !name.ends_with("testing.rs") {
            texts.insert(name, fs::read_to_string(&path).unwrap());
        }
    }
}

impl File {
    fn parse(path: &str, text: &str, all: &BTreeMap<String, String>) -> Self {
        let module: Vec<String> = match path {
            "lib.rs" => Vec::new(),
            _ => path.trim_end_matches(".rs").split('/').map(str::to_owned).collect(),
        };
        let (mut code, mut uses) = (String::new(), Vec::new());
        let text = text.split("mod tests {").next().unwrap();
        let mut lines = text.lines().filter(|line| !line.trim_start().starts_with("//"));
        while let Some(line) = lines.next() {
            let Some((handed_on, first)) = use_line(line) else {
                code.push_str(line);
                code.push('\n');
                continue;
            };
            let mut statement = first.to_owned();
            while !statement.contains(';') {
                statement.push_str(lines.next().unwrap());
            }
            for (path, name) in expand(statement.split(';').next().unwrap()) {
                if let Some(path) = from_root(&module, &path, all) {
                    uses.push(Use { path, name, handed_on });
                }
            }
        }
        Self { code, uses }
    }
}

/// Whether a line begins to use something, and whether it hands it on; what comes after the word.
fn use_line(line: &str) -> Option<(bool, &str)> {
    let line = line.trim_start();
    if let Some(rest) = line.strip_prefix("use ") {
        return Some((false, rest));
    }
    let rest = line.strip_prefix("pub")?;
    let rest = if rest.starts_with('(') { rest.split_once(')')?.1 } else { rest };
    rest.strip_prefix(" use ").map(|rest| (true, rest))
}

/// `a::{b, c::d as e}` → (`a::b`, `b`), (`a::c::d`, `e`); `a::{self}` is `a`.
fn expand(tree: &str) -> Vec<(Vec<String>, String)> {
    let tree = tree.trim();
    if let Some((head, list)) = tree.split_once('{') {
        let list = list.trim_end().strip_suffix('}').unwrap();
        let head: Vec<String> =
            head.split("::").map(str::trim).filter(|part| !part.is_empty()).map(str::to_owned).collect();
        return branches(list)
            .into_iter()
            .flat_map(expand)
            .map(|(path, name)| match path.as_slice() {
                [only] if only == "self" => (head.clone(), head[head.len() - 1].clone()),
                _ => ([head.clone(), path].concat(), name),
            })
            .collect();
    }
    let (path, name) = tree.split_once(" as ").unwrap_or((tree, tree.rsplit("::").next().unwrap_or(tree)));
    vec![(path.split("::").map(|part| part.trim().to_owned()).collect(), name.trim().to_owned())]
}

/// The parts of a list between the commas that stand in no braces.
fn branches(list: &str) -> Vec<&str> {
    let (mut depth, mut start, mut branches) = (0, 0, Vec::new());
    for (place, letter) in list.char_indices() {
        match letter {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                branches.push(&list[start..place]);
                start = place + 1;
            }
            _ => {}
        }
    }
    branches.push(&list[start..]);
    branches.into_iter().map(str::trim).filter(|branch| !branch.is_empty()).collect()
}

/// A path from the root of the crate; `None` for what comes from other crates.
fn from_root(module: &[String], path: &[String], all: &BTreeMap<String, String>) -> Option<Vec<String>> {
    let child = |name: &str| all.contains_key(&format!("{}.rs", [module, &[name.to_owned()]].concat().join("/")));
    match path[0].as_str() {
        "crate" => Some(path[1..].to_vec()),
        "self" => Some([module, &path[1..]].concat()),
        "super" => from_root(&module[..module.len() - 1], &[&["self".to_owned()], &path[1..]].concat(), all),
        name if child(name) => Some([module, path].concat()),
        _ => None,
    }
}

/// What stands before each place of a word in a text.
fn before_word<'a>(text: &'a str, word: &'a str) -> impl Iterator<Item = &'a str> {
    let part_of_word = |letter: char| letter.is_alphanumeric() || letter == '_';
    text.match_indices(word).map(|(place, _)| (&text[..place], &text[place + word.len()..])).filter_map(
        move |(before, after)| (!before.ends_with(part_of_word) && !after.starts_with(part_of_word)).then_some(before),
    )
}

/// Whether a text names an item of another file: a method of that name is none.
fn names(text: &str, item: &str) -> bool {
    before_word(text, item).any(|before| !before.ends_with('.') && !before.ends_with("fn "))
}
