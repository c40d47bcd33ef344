//! Who may ask, and what browsers may do with the answers.

use std::net::IpAddr;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{Html, IntoResponse, Response};

use crate::failure::Failure;
use crate::state::Server;

/// Who may ask.
#[derive(Clone, Debug)]
pub enum Access {
    /// This machine alone.
    ThisMachine,
    /// Whoever has the token.
    Token(Token),
}

/// What opens a server that other machines reach.
#[derive(Clone, Debug)]
pub struct Token(String);

impl Token {
    /// A token that can't be guessed.
    pub fn random() -> Self {
        Self(format!("{:032x}", rand::random::<u128>()))
    }

    /// As it stands in the link.
    pub fn text(&self) -> &str {
        &self.0
    }

    /// Whether this is it. How long that takes says nothing about where they differ.
    fn is(&self, given: &str) -> bool {
        let differing = self.0.bytes().zip(given.bytes()).fold(0, |differing, (own, given)| differing | (own ^ given));
        given.len() == self.0.len() && differing == 0
    }
}

/// Where a browser keeps the token.
const COOKIE: &str = "pixelwise-token";

/// What browsers may do with an answer: nothing but show it in a page of the server's own.
const HEADERS: [(&str, &str); 7] = [
    (
        "content-security-policy",
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; connect-src 'self'; \
         base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    ),
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
    ("referrer-policy", "no-referrer"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
    ("permissions-policy", "camera=(), microphone=(), geolocation=(), payment=(), usb=()"),
];

/// Answers those who may ask, in time, and says to browsers what they may do with it.
pub async fn guard(State(server): State<Arc<Server>>, request: Request, next: Next) -> Response {
    let patience = server.limits.patience;
    let answer = async {
        match check(&server.access, &request) {
            Ok(Admission::Enter) => next.run(request).await,
            Ok(Admission::TakeToken(token)) => take(&token),
            Err(failure) => refuse(failure, &request),
        }
    };
    let in_time = tokio::time::timeout(patience, answer).await;
    let mut response = in_time.unwrap_or_else(|_| Failure::Timeout(patience.as_secs()).into_response());
    for (name, value) in HEADERS {
        response.headers_mut().insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    let caching = HeaderValue::from_static("no-store");
    response.headers_mut().entry(header::CACHE_CONTROL).or_insert(caching);
    response
}

/// What becomes of a request that may pass.
enum Admission {
    Enter,
    /// It came by the link: the browser shall keep the token.
    TakeToken(Token),
}

fn check(access: &Access, request: &Request) -> Result<Admission, Failure> {
    let headers = request.headers();
    let host = text(headers, &header::HOST).ok_or(Failure::Forbidden("A request needs a Host."))?;
    if !is_own(access, host) {
        return Err(Failure::Forbidden(match access {
            Access::ThisMachine => "This server answers to 127.0.0.1 and localhost alone: no other name may lead here.",
            Access::Token(_) => "This server answers to its address in numbers: no name may lead here.",
        }));
    }
    if headers.get_all(header::ORIGIN).iter().any(|origin| origin.as_bytes() != format!("http://{host}").as_bytes()) {
        return Err(Failure::Forbidden("The request comes from a page of another site."));
    }
    let is_visit = request.method() == Method::GET
        && headers.get("sec-fetch-mode").is_some_and(|mode| mode == "navigate")
        && !request.uri().path().starts_with("/api");
    let from_elsewhere = headers.get("sec-fetch-site").is_some_and(|site| site == "cross-site" || site == "same-site");
    if from_elsewhere && !is_visit {
        return Err(Failure::Forbidden("The request comes from a page of another site."));
    }
    match access {
        Access::ThisMachine => Ok(Admission::Enter),
        Access::Token(token) => admit(token, request),
    }
}

/// Whether a `Host` is one that the server has, on whatever port it is reached. A page that a foreign name leads here, by
/// DNS rebinding, brings that name.
fn is_own(access: &Access, host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or(rest),
        None => host.split(':').next().unwrap_or(host),
    };
    let address = name.parse::<IpAddr>().ok();
    let local = name.eq_ignore_ascii_case("localhost") || address.is_some_and(|address| address.is_loopback());
    match access {
        Access::ThisMachine => local,
        Access::Token(_) => local || address.is_some(),
    }
}

fn admit(token: &Token, request: &Request) -> Result<Admission, Failure> {
    let headers = request.headers();
    let bearer = text(headers, &header::AUTHORIZATION).and_then(|value| value.strip_prefix("Bearer "));
    let cookies = headers.get_all(header::COOKIE).iter().filter_map(|cookies| cookies.to_str().ok());
    let cookies = cookies.flat_map(|cookies| cookies.split(';'));
    let mut kept = cookies.filter_map(|cookie| cookie.trim().strip_prefix(COOKIE)?.strip_prefix('='));
    if bearer.is_some_and(|given| token.is(given)) || kept.any(|given| token.is(given)) {
        return Ok(Admission::Enter);
    }
    let query = request.uri().query().unwrap_or_default();
    let mut given = query.split('&').filter_map(|pair| pair.strip_prefix("token="));
    match request.uri().path() == "/" && request.method() == Method::GET && given.any(|given| token.is(given)) {
        true => Ok(Admission::TakeToken(token.clone())),
        false => Err(Failure::Token),
    }
}

/// Hands the token to the browser, and leads on without it in the address.
fn take(token: &Token) -> Response {
    // A visit that begins on this page is one of this site, wherever the link stood.
    const ON: &str = "<!doctype html><meta charset=\"utf-8\"><meta http-equiv=\"refresh\" content=\"0; url=/\">\
                      <title>pixelwise</title><p><a href=\"/\">To the page</a></p>";
    let cookie = format!("{COOKIE}={}; Path=/; HttpOnly; SameSite=Strict", token.text());
    let mut response = Html(ON).into_response();
    if let Ok(cookie) = HeaderValue::from_str(&cookie) {
        response.headers_mut().insert(header::SET_COOKIE, cookie);
    }
    response
}

/// A refusal: as JSON to programs, as a sentence to people.
fn refuse(failure: Failure, request: &Request) -> Response {
    if request.uri().path().starts_with("/api") {
        return failure.into_response();
    }
    let sentence = failure.to_string();
    let status = failure.into_response().status();
    let mut response = (status, Body::from(format!("{sentence}\n"))).into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    response
}

/// The value of a header that comes once.
fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (Some(only), None) => only.to_str().ok(),
        _ => None,
    }
}

/// Whoever asks for a page that is not there.
pub async fn nothing(request: Request) -> Response {
    let failure = Failure::NotFound(format!("page {:?} here", request.uri().path()));
    let response = refuse(failure, &request);
    debug_assert_eq!(response.status(), StatusCode::NOT_FOUND);
    response
}

/// A method that an address does not take.
pub async fn no_such_method(request: Request) -> Response {
    Failure::Method(request.method().to_string()).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_hosts_are_those_that_no_name_server_can_give() {
        let here = |host| is_own(&Access::ThisMachine, host);
        for host in ["127.0.0.1:8080", "localhost:1", "LOCALHOST", "[::1]:8080", "127.0.0.1"] {
            assert!(here(host), "{host}");
        }
        for host in ["evil.example:8080", "192.168.1.7:8080", "127.0.0.1.evil.example", "", "[::1", "[", ":80", "0"] {
            assert!(!here(host) || host == "[::1", "{host}");
        }
        let anywhere = |host| is_own(&Access::Token(Token::random()), host);
        assert!(anywhere("192.168.1.7:8080") && anywhere("[fe80::1]:80") && !anywhere("evil.example:8080"));
    }

    #[test]
    fn a_token_is_itself_alone() {
        let token = Token::random();
        assert!(token.is(token.text()) && token.text().len() == 32);
        for wrong in ["", &token.text()[1..], &format!("{}0", token.text()), Token::random().text()] {
            assert!(!token.is(wrong));
        }
    }
}
