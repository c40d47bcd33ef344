//! What comes in: bodies within limits, and the names of frames.

use std::sync::Arc;

use axum::body::{Bytes, to_bytes};
use axum::extract::{self, FromRequest, FromRequestParts, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use http_body_util::LengthLimitError;
use serde::de::DeserializeOwned;
use tokio::sync::OwnedSemaphorePermit;

use crate::failure::Failure;
use crate::state::Server;

/// The largest body of JSON.
const LARGEST_JSON: usize = 256 << 10;

/// A body of JSON.
pub struct Json<T>(pub T);

/// A file, and its claim on the memory that all bodies have together.
#[derive(Debug)]
pub struct File {
    /// The bytes.
    pub bytes: Bytes,
    /// Given back with the file.
    _claim: OwnedSemaphorePermit,
}

/// What stands in an address at the places that its pattern names.
pub struct Path<T>(pub T);

/// What stands behind the question mark of an address.
pub struct Query<T>(pub T);

/// The name of a request's frame.
pub struct Frame(pub Option<String>);

impl<T: DeserializeOwned> FromRequest<Arc<Server>> for Json<T> {
    type Rejection = Failure;

    async fn from_request(request: Request, server: &Arc<Server>) -> Result<Self, Failure> {
        let kind = content_type(request.headers());
        if kind != "application/json" {
            return Err(Failure::MediaType { needed: "application/json", found: kind });
        }
        let File { bytes, .. } = read(request, server, LARGEST_JSON).await?;
        let value = serde_json::from_slice(&bytes);
        value.map(Self).map_err(|error| Failure::Request(format!("The body can't be understood: {error}.")))
    }
}

impl FromRequest<Arc<Server>> for File {
    type Rejection = Failure;

    async fn from_request(request: Request, server: &Arc<Server>) -> Result<Self, Failure> {
        let kind = content_type(request.headers());
        if !kind.starts_with("image/") && kind != "application/octet-stream" {
            return Err(Failure::MediaType { needed: "image/… or application/octet-stream", found: kind });
        }
        read(request, server, server.limits.body).await
    }
}

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Path<T> {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Failure> {
        let path = extract::Path::from_request_parts(parts, state).await;
        path.map(|extract::Path(value)| Self(value)).map_err(|error| Failure::Request(error.body_text()))
    }
}

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Query<T> {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Failure> {
        let query = extract::Query::from_request_parts(parts, state).await;
        query.map(|extract::Query(value)| Self(value)).map_err(|error| Failure::Request(error.body_text()))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Frame {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Failure> {
        let Some(name) = parts.headers.get("pixelwise-frame") else { return Ok(Self(None)) };
        let is_allowed = |byte: &u8| byte.is_ascii_alphanumeric() || b"._/-".contains(byte);
        let name = name.as_bytes();
        if name.is_empty() || name.len() > 64 || !name.iter().all(is_allowed) {
            let sentence = "Pixelwise-Frame should be 1 to 64 of A-Z a-z 0-9 . _ / -";
            return Err(Failure::Request(sentence.to_owned()));
        }
        let name = String::from_utf8_lossy(name);
        Ok(Self(Some(format!("{} {name}", parts.uri.path()))))
    }
}

/// The type of a body, without its parameters.
fn content_type(headers: &HeaderMap) -> String {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

/// Reads a body when there is room for it.
async fn read(request: Request, server: &Server, most: usize) -> Result<File, Failure> {
    let too_large = || {
        let most = if most < 1 << 20 { format!("{} KB", most >> 10) } else { format!("{} MB", most >> 20) };
        Failure::TooLarge(format!("The body is larger than {most}, which is all that this address takes."))
    };
    let declared = request.headers().get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
    let length: usize = declared.unwrap_or(most);
    if length > most {
        return Err(too_large());
    }
    let claim = u32::try_from(length.div_ceil(1 << 10)).unwrap_or(u32::MAX);
    let claim = Arc::clone(&server.bodies).acquire_many_owned(claim).await;
    let claim = claim.map_err(|_| Failure::NotReady("The server is ending.".to_owned()))?;
    match to_bytes(request.into_body(), most).await {
        Ok(bytes) => Ok(File { bytes, _claim: claim }),
        Err(error) => Err(match error.into_inner() {
            error if error.is::<LengthLimitError>() => too_large(),
            error => Failure::Request(format!("The body broke off: {error}.")),
        }),
    }
}
