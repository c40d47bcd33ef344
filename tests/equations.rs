//! `docs/equations.md` is true: every equation has its row, and every row leads to what it names.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

struct Place {
    equations: Vec<u32>,
    name: Option<String>,
    file: String,
}

/// The numbers of a cell like `9–12` or `31, 32`.
fn numbers(cell: &str) -> Vec<u32> {
    cell.split(',')
        .flat_map(|part| {
            let ends: Vec<u32> = part.split('–').map(|number| number.trim().parse().unwrap()).collect();
            ends[0]..=ends[ends.len() - 1]
        })
        .collect()
}

/// The links ``[`Name`](file)`` or `[words](file)` of a cell.
fn places(equations: &[u32], cell: &str) -> Vec<Place> {
    cell.split('[')
        .skip(1)
        .map(|link| {
            let (text, rest) = link.split_once("](").unwrap();
            let (file, _) = rest.split_once(')').unwrap();
            let name = text.strip_prefix('`').map(|name| name.trim_end_matches('`').to_owned());
            Place { equations: equations.to_vec(), name, file: file.to_owned() }
        })
        .collect()
}

fn table() -> Vec<Place> {
    let page = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/equations.md")).unwrap();
    page.lines()
        .filter(|line| line.starts_with("| ") && line[2..].starts_with(|first: char| first.is_ascii_digit()))
        .flat_map(|line| {
            let cells: Vec<&str> = line.split('|').map(str::trim).collect();
            places(&numbers(cells[1]), cells[3])
        })
        .collect()
}

/// Whether a text speaks of an equation: `Eq. 27`, `Eq. (27)`, or in a list or range like `Eqs 26–28, 30`.
fn names_equation(text: &str, equation: u32) -> bool {
    text.split("Eq").skip(1).any(|after| {
        let after = after.trim_start_matches('s').trim_start_matches('.');
        let list: String =
            after.chars().take_while(|next| next.is_ascii_digit() || " (),–and".contains(*next)).collect();
        list.split([',', ' ', '(', ')']).filter(|part| !part.is_empty()).any(|part| {
            let mut ends = part.split('–').filter_map(|number| number.parse::<u32>().ok());
            match (ends.next(), ends.next()) {
                (Some(first), Some(last)) => (first..=last).contains(&equation),
                (Some(only), None) => only == equation,
                _ => false,
            }
        })
    })
}

#[test]
fn every_equation_has_its_place() {
    let covered: BTreeSet<u32> = table().into_iter().flat_map(|place| place.equations).collect();
    let wanted: BTreeSet<u32> = (1..=65).collect();
    assert_eq!(covered, wanted);
}

#[test]
fn every_place_exists_and_names_its_equation() {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs");
    let mut wrong = Vec::new();
    for place in table() {
        let text = fs::read_to_string(docs.join(&place.file)).unwrap_or_else(|error| panic!("{}: {error}", place.file));
        if let Some(name) = &place.name {
            let item = name.rsplit("::").next().unwrap();
            let defined = ["fn", "struct", "enum", "trait"].iter().any(|kind| {
                text.split(&format!("{kind} {item}"))
                    .skip(1)
                    .any(|rest| !rest.starts_with(|next: char| next.is_alphanumeric() || next == '_'))
            });
            if !defined {
                wrong.push(format!("{} does not define {name}", place.file));
            }
        }
        for equation in place.equations {
            if !names_equation(&text, equation) {
                wrong.push(format!("{} does not name Eq. {equation}", place.file));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn lists_and_ranges_of_equations_are_understood() {
    assert!(
        names_equation("see Eq. (27)", 27) && names_equation("Eq. 27.", 27) && names_equation("(Eqs 26–28, 30)", 30)
    );
    assert!(names_equation("Eqs 26–28", 27) && names_equation("Eqs 9 and 13", 13));
    assert!(
        !names_equation("Eq. 2, and 27 pixels", 7) && !names_equation("Equal 27", 27) && !names_equation("Eq. 270", 27)
    );
}
