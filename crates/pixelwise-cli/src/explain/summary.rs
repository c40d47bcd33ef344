//! What a run prints: text for a person, or one JSON document.

use std::collections::BTreeMap;
use std::fmt::Write;

use images::Preprocessing;
use neural_lrp::DefaultComposite;
use relevance::{Amount, Ledger, Sink};
use serde_json::json;

use crate::books::{BIASES, Findings, main_sink};
use crate::computation::Precision;
use crate::explain::Arguments;
use crate::explain::files::Folder;
use crate::explain::record::{InputShare, Record, TargetRecord};
use crate::explain::settings::Settings;
use crate::failure::Failure;
use crate::messages;
use crate::output::{Table, number, percent, print, shape};
use crate::pictures::Layout;

/// What a run prints, input by input.
pub struct Summary {
    form: Form,
    /// Where files are.
    folder: String,
    /// How many samples there are.
    samples: usize,
    /// How many targets each has.
    targets: usize,
    /// How many were printed.
    printed: usize,
    failures: Vec<serde_json::Value>,
    /// In how many explanations biases took most of the relevance, …
    biased: usize,
    /// … and in how many others most of it ended in sinks.
    sunk: usize,
    /// How many maps exploded.
    exploded: usize,
    /// What helps against that.
    advice: Option<String>,
    advises: Advises,
}

/// What a run is about, before its first sample.
pub struct Head<'a> {
    pub form: Form,
    pub settings: &'a Settings,
    pub folder: &'a Folder,
    /// The command line.
    pub command: String,
    /// How many samples there are.
    pub samples: usize,
    /// How many targets each has.
    pub targets: usize,
    /// How photos are prepared, for a person.
    pub prepared: String,
    /// The same, for a program; none where they are not.
    pub preprocessing: Option<&'a Preprocessing>,
    /// The composite that is taken where nothing else was asked for.
    pub default: Option<&'a DefaultComposite>,
    pub advises: Advises,
}

/// What a reader of a bad map can do about it.
pub enum Advises {
    /// Other rules, numbers with more digits: `composite` is the one that explains; none for methods.
    Networks { composite: Option<String>, precision: Precision },
    /// Nothing that the command line has.
    Nothing,
}

impl Advises {
    /// What steps of a ledger may be off by, relative, by the numbers that they are computed in.
    pub fn tolerance(&self) -> f64 {
        match self {
            Self::Networks { precision: Precision::F32, .. } => 1e-3,
            Self::Networks { precision: Precision::F64, .. } | Self::Nothing => 1e-10,
        }
    }

    /// Whether it is networks that are explained.
    pub fn are_of_networks(&self) -> bool {
        matches!(self, Self::Networks { .. })
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Form {
    Text,
    Json,
    /// Files are the result.
    Nothing,
}

impl Form {
    /// JSON where it is asked for; nothing where an array goes to standard output, or quiet is asked for.
    pub fn of(arguments: &Arguments) -> Self {
        match (arguments.json, arguments.writes_to_standard_output() || messages::are_quiet()) {
            (true, _) => Self::Json,
            (false, true) => Self::Nothing,
            (false, false) => Self::Text,
        }
    }
}

impl Summary {
    /// Prints what is known before the first sample.
    pub fn begin(head: Head<'_>) -> Result<Self, Failure> {
        match head.form {
            Form::Nothing => {}
            Form::Text => {
                let composite = head.default.iter().map(|default| format!("composite      {default}\n"));
                print(&format!("{}preprocessing  {}\n", composite.collect::<String>(), head.prepared))?;
            }
            Form::Json => {
                let default = head.default.map(|default| {
                    json!({ "composite": default.name, "networks": default.networks, "reason": default.reason })
                });
                let head = json!({
                    "default": default,
                    "settings": head.settings,
                    "preprocessing": head.preprocessing,
                });
                // The document is left open for the inputs.
                let head = head.to_string();
                print(&format!("{},\n\"inputs\": [", head.strip_suffix('}').unwrap_or(&head)))?;
            }
        }
        Ok(Self {
            form: head.form,
            folder: head.folder.path.display().to_string(),
            samples: head.samples,
            targets: head.targets,
            printed: 0,
            failures: Vec::new(),
            biased: 0,
            sunk: 0,
            exploded: 0,
            advice: None,
            advises: head.advises,
        })
    }

    /// Prints an explained sample.
    pub fn add(&mut self, record: &Record) -> Result<(), Failure> {
        let first = self.printed == 0;
        self.printed += 1;
        for target in &record.targets {
            let Some(findings) = &target.findings else { continue };
            let main_sink = target.ledger.as_ref().and_then(|ledger| main_sink(&ledger.total()));
            let is_biased = main_sink == Some(Sink::Bias) && self.advises.are_of_networks();
            self.biased += usize::from(findings.mostly_sunk && is_biased);
            self.sunk += usize::from(findings.mostly_sunk && !is_biased);
            self.exploded += usize::from(findings.exploded);
            self.advice = self.advice.take().or_else(|| self.advice(findings, record));
        }
        print(&match self.form {
            Form::Nothing => return Ok(()),
            Form::Json => format!("{}\n{}", if first { "" } else { "," }, json!(record)),
            Form::Text if self.samples == 1 => {
                format!("{}{}{}{}", network(record), rules(record), halved(record), self.alone(record))
            }
            Form::Text if first => {
                format!("{}{}{}\n{}", network(record), rules(record), halved(record), line(record))
            }
            Form::Text => line(record),
        })
    }

    /// Takes note of an input that could not be explained.
    pub fn fail(&mut self, input: &str, error: String) {
        self.failures.push(json!({ "input": input, "error": error }));
    }

    /// How many inputs could not be explained.
    pub fn failed(&self) -> usize {
        self.failures.len()
    }

    /// Prints what is known after the last sample, and what stopped the run, if anything did.
    pub fn end(self, stopped: Option<String>) -> Result<(), Failure> {
        match self.form {
            Form::Nothing => Ok(()),
            Form::Json => print(&format!(
                "\n],\n\"failed\": {},\n\"stopped\": {},\n\"output\": {}}}\n",
                json!(self.failures),
                json!(stopped),
                json!(self.folder)
            )),
            Form::Text if self.samples == 1 || self.printed == 0 => Ok(()),
            Form::Text => {
                let mut text =
                    format!("\n{} of {} samples are explained in {}", self.printed, self.samples, self.folder);
                match stopped {
                    None => write!(text, "; open {}/index.html", self.folder)?,
                    Some(_) => text += "; the same command with --resume goes on from there",
                }
                text.push('\n');
                let all = self.printed * self.targets;
                if self.biased > 0 {
                    let biased = self.biased;
                    writeln!(
                        text,
                        "Note: in {biased} of {all} explanations the biases took most of the relevance, as in most deep \
                         networks. {BIASES}"
                    )?;
                }
                if self.sunk > 0 {
                    let sunk = self.sunk;
                    writeln!(
                        text,
                        "Warning: in {sunk} of {all} explanations most of the relevance ended in sinks. A heatmap shows only \
                         the rest. Read the ledger."
                    )?;
                }
                if let Some(advice) = self.advice {
                    let exploded = self.exploded;
                    writeln!(
                        text,
                        "Warning: {exploded} of {all} maps exploded: parts for and against cancel. {advice}"
                    )?;
                }
                print(&text)
            }
        }
    }

    fn advice(&self, findings: &Findings, record: &Record) -> Option<String> {
        let Advises::Networks { composite, precision } = &self.advises else { return None };
        let used: Vec<&str> = composite.iter().map(String::as_str).collect();
        findings.advice(*precision, &used, record.hint.clone())
    }

    /// All about the only sample of a run.
    fn alone(&self, record: &Record) -> String {
        let score = match &record.positions {
            Some(positions) => format!("score, {positions}"),
            None => "score".to_owned(),
        };
        let mut classes = Table::new(["class", &score]);
        for class in &record.top {
            classes.row([class.describe(), number(class.score)]);
        }
        let mut text = if record.top.is_empty() { String::new() } else { format!("\n{}", classes.text()) };
        for (place, target) in record.targets.iter().enumerate() {
            let is_first = place == 0 || record.targets[place - 1].target != target.target;
            if is_first {
                text += &format!("\n{}\n{}", heading(target), where_it_went(target, self.advises.are_of_networks()));
            }
            text += &of_input(target);
            text.extend(target.about_boxes().map(|sentence| sentence + "\n"));
            if let Some(cancellation) = target.findings.as_ref().and_then(Findings::cancellation) {
                let exploded = target.findings.as_ref().is_some_and(|findings| findings.exploded);
                text += &format!("{}: {cancellation}\n", if exploded { "Warning" } else { "Note" });
            }
        }
        if let Some(advice) = &self.advice {
            text += &format!("{advice}\n");
        }
        text += &format!("\nwritten to {0}; open {0}/index.html\n", self.folder);
        for target in &record.targets {
            for file in target.files.all() {
                text += &format!("  {}\n", file.display());
            }
        }
        text + &format!("  {}.json\n", record.name)
    }
}

/// What is explained.
fn network(record: &Record) -> String {
    let shown = |lengths: &[usize]| format!("{}: {}", shape(lengths), Layout::of(lengths));
    let mut text = match record.inputs.as_slice() {
        [] => format!("input          {}\n", shown(&record.shape)),
        inputs => {
            inputs.iter().map(|input| format!("input          {}, {}\n", input.name, shown(&input.shape))).collect()
        }
    };
    text += &match record.left_out.as_slice() {
        [] => format!("explained      {}\n", record.explained),
        nodes => format!(
            "explained      {}, the linear score; left out behind it: {} (--explain-probability keeps it)\n",
            record.explained,
            nodes.join(", ")
        ),
    };
    text
}

/// The rule of each kind of node.
fn rules(record: &Record) -> String {
    let mut kinds: Vec<(&str, BTreeMap<&str, usize>)> = Vec::new();
    for node in &record.rules {
        let at = kinds.iter().position(|(kind, _)| *kind == node.kind).unwrap_or(kinds.len());
        if at == kinds.len() {
            kinds.push((&node.kind, BTreeMap::new()));
        }
        *kinds[at].1.entry(&node.rule).or_default() += 1;
    }
    let mut text = String::new();
    for (kind, rules) in &kinds {
        for (rule, count) in rules {
            let title = if text.is_empty() { "rules" } else { "" };
            text += &format!("{title:<15}{:<28}{rule}\n", format!("{kind} ×{count}"));
        }
    }
    text
}

/// Which products of two tensors share their relevance half and half, if any.
fn halved(record: &Record) -> String {
    let (products, named) = match record.shared_half_and_half.as_slice() {
        [] => return String::new(),
        [only] => ("1 product of two tensors".to_owned(), only.clone()),
        [first, rest @ ..] => (format!("{} products of two tensors", rest.len() + 1), format!("{first} and others")),
    };
    format!(
        "half and half  {products}: {named}; pixelwise inspect says what to do where one factor only weighs the other\n"
    )
}

/// `predicted: class 281 tabby, score 9.31`, `2: class 2, summed over 8 × 8 positions, score 3.25`
fn heading(target: &TargetRecord) -> String {
    let class = target.class.as_ref().map_or_else(String::new, |class| format!("class {}, ", class.describe()));
    format!("{}: {class}{}", target.target, target.said())
}

/// `  image  1.25000`: how much of the relevance is in one of several inputs.
fn of_input(target: &TargetRecord) -> String {
    let line = |input: &InputShare| format!("  input {:<12}{:>14}\n", input.name, number(input.relevance));
    target.input.as_ref().map_or_else(String::new, line)
}

/// Where the relevance of a target went, and a warning where most of it did not reach the input.
fn where_it_went(target: &TargetRecord, of_network: bool) -> String {
    let Some(ledger) = &target.ledger else {
        return "  (no ledger: this method's values are no shares of the score)\n".to_owned();
    };
    let mut text = String::new();
    for (name, amount, share) in shares(ledger) {
        text += &format!("  {name:<18}{:>14}  {share:>9}\n", number(amount.total));
    }
    if target.ledger_samples > 1 {
        text += &format!("  (of {} samples together)\n", target.ledger_samples);
    }
    if let Some(told) = target.findings.as_ref().and_then(|findings| findings.on_sinks(ledger, of_network)) {
        text += &told;
        text.push('\n');
    }
    text
}

/// The input and the sinks, with what they got and its share of the initial relevance.
fn shares(ledger: &Ledger) -> Vec<(&'static str, Amount, String)> {
    let total = ledger.total();
    let share = |amount: Amount| match total.upper.total {
        0.0 => String::new(),
        upper => percent(amount.total / upper),
    };
    let input = ("input", total.lower, share(total.lower));
    let sinks = total.sinks.iter().map(|(sink, amount)| (sink.name(), *amount, share(*amount)));
    [input].into_iter().chain(sinks).collect()
}

/// One of many samples: a line for each target.
fn line(record: &Record) -> String {
    let mut text = String::new();
    for target in &record.targets {
        let class = target.class.as_ref();
        let class = class.map_or_else(String::new, |class| format!("{}  {}", class.describe(), number(class.score)));
        let measured = target.measured.as_ref();
        let measured =
            measured.map_or_else(String::new, |measured| format!("  {} {}", measured.how, number(measured.value)));
        let shares = target.ledger.as_ref().map(shares).unwrap_or_default();
        let shares: Vec<String> = shares.iter().map(|(name, _, share)| format!("{name} {share}")).collect();
        let within = target.input.iter().map(|input| format!("input {} {}", input.name, number(input.relevance)));
        let shares: Vec<String> = shares.into_iter().chain(within).collect();
        text += &format!("{}  {}  {class}{measured}  {}\n", record.name, target.target, shares.join(", "));
        if let Some(mark) = target.findings.as_ref().and_then(Findings::mark) {
            text.insert_str(text.len() - 1, &format!("  ({mark})"));
        }
    }
    text
}
