//! A sheet of heatmaps with their ledger, for notebooks.

use std::fmt::Write as _;

use pixelwise::relevance::Ledger;

/// How many heatmaps a sheet shows.
pub const MOST: usize = 12;

/// HTML of heatmaps as PNG files with their captions, and of the books of all samples.
pub fn sheet(by: &str, tiles: &[(Vec<u8>, String)], samples: usize, ledger: &Ledger) -> String {
    let mut html = format!("<div><p>{samples} explained by <b>{}</b></p><div>", escape(by));
    for (png, caption) in tiles {
        let _ = write!(
            html,
            "<figure style=\"display:inline-block;margin:0 8px 8px 0\"><img width=\"160\" \
             style=\"image-rendering:pixelated\" src=\"data:image/png;base64,{}\"><figcaption>{}</figcaption></figure>",
            base64(png),
            escape(caption)
        );
    }
    html += "</div>";
    if samples > tiles.len() {
        let _ = write!(html, "<p>… and {} more</p>", samples - tiles.len());
    }
    if !ledger.entries.is_empty() {
        let _ = write!(html, "<details><summary>{}</summary><pre>{ledger}</pre></details>", balance(ledger));
    }
    html + "</div>"
}

/// What the books say, in a sentence.
fn balance(ledger: &Ledger) -> String {
    let total = ledger.total();
    let sinks: Vec<String> =
        total.sinks.iter().map(|(sink, amount)| format!("{} {:.4}", sink.name(), amount.total)).collect();
    let sinks = if sinks.is_empty() { "nothing".to_owned() } else { sinks.join(", ") };
    format!(
        "ledger: {:.4} from the scores, {:.4} to the inputs, into sinks {sinks}; largest error {:.1e}",
        total.upper.total,
        total.lower.total,
        ledger.max_relative_error()
    )
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

fn base64(bytes: &[u8]) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}
