//! Numbers as a reader wants them.

/// Four digits, with a true minus: `1.25`, `−0.0312`, `4.1e−7`.
pub(crate) fn number(value: f64) -> String {
    let magnitude = value.abs();
    let written = if value == 0.0 {
        "0".to_owned()
    } else if !value.is_finite() {
        value.to_string()
    } else if (1e-4..1e7).contains(&magnitude) {
        let decimals = (3.0 - magnitude.log10().floor()).max(0.0) as usize;
        format!("{value:.decimals$}")
    } else {
        format!("{value:.1e}")
    };
    written.replace('-', "−")
}

/// A share in percent: `98.2 %`, `< 0.1 %`.
pub(crate) fn percent(share: f64) -> String {
    let percent = 100.0 * share;
    if !percent.is_finite() {
        "undefined".to_owned()
    } else if percent > 0.0 && percent < 0.1 {
        "< 0.1 %".to_owned()
    } else if percent > 99.9 && percent < 100.0 {
        "> 99.9 %".to_owned()
    } else {
        format!("{percent:.1} %").replace('-', "−")
    }
}

/// A share as the length of a bar, in percent: two decimals, so that pages don't differ by rounding.
pub(crate) fn percent_of_bar(share: f64) -> f64 {
    if share.is_finite() { (1e4 * share.clamp(0.0, 1.0)).round() / 100.0 } else { 0.0 }
}

/// A relative error: `0`, `3.1e−17`.
pub(crate) fn error(value: f64) -> String {
    if value == 0.0 { "0".to_owned() } else { format!("{value:.1e}").replace('-', "−") }
}

/// Whether a table's cell is a number, so that its column is aligned at the right.
pub(crate) fn is_numeric(cell: &str) -> bool {
    let digits = cell.trim_start_matches(['+', '-', '−', '±', '<', '>', '≈', ' ']);
    let of_a_number = |character: char| character.is_ascii_digit() || " .,%×e+-−±sm".contains(character);
    digits.starts_with(|first: char| first.is_ascii_digit() || first == '.') && digits.chars().all(of_a_number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_four_digits() {
        let expected = [
            (0.0, "0"),
            (1.25, "1.250"),
            (-0.031_249, "−0.03125"),
            (123.456, "123.5"),
            (4.123e-7, "4.1e−7"),
            (-2.5e9, "−2.5e9"),
            (f64::INFINITY, "inf"),
            (f64::NAN, "NaN"),
        ];
        for (value, written) in expected {
            assert_eq!(number(value), written);
        }
    }

    #[test]
    fn shares_never_round_to_nothing_or_all() {
        let shares = [0.0, 0.0004, 0.5, 0.9996, 1.0, f64::NAN].map(percent);
        assert_eq!(shares, ["0.0 %", "< 0.1 %", "50.0 %", "> 99.9 %", "100.0 %", "undefined"]);
    }

    #[test]
    fn cells_of_numbers_are_told_from_words() {
        assert!(["1", "−0.5", "98.2 %", "12×", "3.1e−17", "0.5 ± 0.1", "22 ms"].into_iter().all(is_numeric));
        assert!(["", "χ²", "2 scales", "polygon", "-", "3D"].into_iter().all(|cell| !is_numeric(cell)));
    }
}
