//! Why a request is not answered as it hoped: a status, a code for programs, a sentence for people.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

/// Why a request is not answered as it hoped.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The request is not what the endpoint takes.
    #[error("{0}")]
    Request(String),
    /// It comes from somewhere else than the server's own pages.
    #[error("{0}")]
    Forbidden(&'static str),
    /// The token is missing or wrong.
    #[error("This server asks for a token: open the link that `pixelwise serve` printed when it started.")]
    Token,
    /// There is no such thing.
    #[error("There is no {0}.")]
    NotFound(String),
    /// It was there, and was dropped to make room.
    #[error("This {0} is no longer kept: send it again.")]
    Gone(&'static str),
    /// The endpoint is there, and takes other methods.
    #[error("This address does not take {0} requests.")]
    Method(String),
    /// A newer request of the same frame came.
    #[error("A newer request of the same frame came.")]
    Superseded,
    /// A body, or a picture in it, is too large.
    #[error("{0}")]
    TooLarge(String),
    /// A body of another type than the endpoint takes.
    #[error("The body should be {needed}; its Content-Type is {found:?}.")]
    MediaType {
        /// What the endpoint takes.
        needed: &'static str,
        /// What came.
        found: String,
    },
    /// The model refuses.
    #[error("{0}")]
    Model(String),
    /// Too much is waiting.
    #[error("Too many requests are waiting here: try again in a moment.")]
    Busy,
    /// What is asked for is not there yet.
    #[error("{0}")]
    NotReady(String),
    /// The answer took too long.
    #[error("The answer took longer than {0} seconds, which is all that this server allows.")]
    Timeout(u64),
    /// A defect of the program.
    #[error("The server failed at this, which is a defect of it. What it was doing stands where it was started.")]
    Internal,
}

impl Failure {
    fn status(&self) -> (StatusCode, &'static str) {
        match self {
            Self::Request(_) => (StatusCode::BAD_REQUEST, "bad-request"),
            Self::Forbidden(_) => (StatusCode::FORBIDDEN, "forbidden"),
            Self::Token => (StatusCode::UNAUTHORIZED, "token"),
            Self::NotFound(_) => (StatusCode::NOT_FOUND, "not-found"),
            Self::Gone(_) => (StatusCode::NOT_FOUND, "gone"),
            Self::Method(_) => (StatusCode::METHOD_NOT_ALLOWED, "method"),
            Self::Superseded => (StatusCode::CONFLICT, "superseded"),
            Self::TooLarge(_) => (StatusCode::PAYLOAD_TOO_LARGE, "too-large"),
            Self::MediaType { .. } => (StatusCode::UNSUPPORTED_MEDIA_TYPE, "media-type"),
            Self::Model(_) => (StatusCode::UNPROCESSABLE_ENTITY, "model"),
            Self::Busy => (StatusCode::TOO_MANY_REQUESTS, "busy"),
            Self::NotReady(_) => (StatusCode::SERVICE_UNAVAILABLE, "not-ready"),
            Self::Timeout(_) => (StatusCode::SERVICE_UNAVAILABLE, "timeout"),
            Self::Internal => (StatusCode::INTERNAL_SERVER_ERROR, "internal"),
        }
    }

    /// What a model says, with all that is behind it, as a sentence.
    pub fn model(error: &(dyn std::error::Error + 'static)) -> Self {
        let mut sentence = error.to_string();
        let mut source = error.source();
        while let Some(cause) = source {
            let said = cause.to_string();
            if !sentence.contains(&said) {
                sentence = format!("{sentence}: {said}");
            }
            source = cause.source();
        }
        Self::Model(sentence)
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let (status, code) = self.status();
        let body = json!({"error": {"code": code, "sentence": self.to_string()}});
        let mut response = (status, Json(body)).into_response();
        if matches!(self, Self::Busy | Self::NotReady(_)) {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response
    }
}

macro_rules! of_models {
    ($($error:ty),+) => { $(
        impl From<$error> for Failure {
            fn from(error: $error) -> Self {
                Self::model(&error)
            }
        }
    )+ };
}

of_models!(pixelwise::Error, neural_lrp::Error, bow_classifier::Error, images::Error, heatmap::Error);
