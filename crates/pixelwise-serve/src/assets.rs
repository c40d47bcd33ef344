//! The pages: files inside of the binary. A build without optimizations reads them from the folder, so that one sees a
//! change by loading the page once more.

use axum::body::Body;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use rust_embed::RustEmbed;

use crate::failure::Failure;
use crate::request::Path;

#[derive(RustEmbed)]
#[folder = "assets/"]
struct Assets;

/// The types of files by the ends of their names.
const TYPES: [(&str, &str); 6] = [
    ("html", "text/html; charset=utf-8"),
    ("css", "text/css; charset=utf-8"),
    ("js", "text/javascript; charset=utf-8"),
    ("svg", "image/svg+xml"),
    ("png", "image/png"),
    ("json", "application/json"),
];

/// One of the pages.
pub async fn page(name: &'static str, headers: HeaderMap) -> Response {
    answer(&format!("{name}.html"), &headers)
}

/// What belongs to a page.
pub async fn part(Path(name): Path<String>, headers: HeaderMap) -> Response {
    answer(&name, &headers)
}

fn answer(name: &str, headers: &HeaderMap) -> Response {
    // Names come from the list of what there is: they lead nowhere else.
    let Some(known) = Assets::iter().find(|known| known == name) else {
        return Failure::NotFound(format!("file {name:?} among the pages' own")).into_response();
    };
    let Some(file) = Assets::get(&known) else {
        return Failure::NotFound(format!("file {name:?} any more")).into_response();
    };
    let kind = name.rsplit('.').next().and_then(|end| TYPES.iter().find(|(known, _)| *known == end));
    let kind = kind.map_or("application/octet-stream", |(_, kind)| kind);
    let tag = file.metadata.sha256_hash().iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let tag = format!("\"{}\"", &tag[..32]);
    let fresh = [(header::ETAG, tag.clone()), (header::CACHE_CONTROL, "no-cache".to_owned())];
    if headers.get(header::IF_NONE_MATCH).is_some_and(|known| known.as_bytes() == tag.as_bytes()) {
        return (StatusCode::NOT_MODIFIED, fresh).into_response();
    }
    let body = Body::from(file.data.into_owned());
    (fresh, [(header::CONTENT_TYPE, kind)], body).into_response()
}
