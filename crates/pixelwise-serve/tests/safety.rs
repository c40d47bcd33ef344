//! Who may ask, within which limits, and what browsers may do with the answers.

mod support;

use std::time::Duration;

use axum::body::Body;
use pixelwise_serve::{Access, Limits, Settings, Token};
use proptest::prelude::*;
use serde_json::json;
use support::{app, base64, digit, get, post, request, send, server, settings};

#[tokio::test]
async fn other_hosts_and_sites_are_refused() {
    let frame = json!({"model": "convolutional", "pixels": base64(&digit(1))}).to_string();
    let ask = async |method: &str, address: &str, headers: &[(&str, &str)]| {
        let headers = [&[("content-type", "application/json")], headers].concat();
        send(&server(), request(method, address, &headers, frame.clone())).await.status.as_u16()
    };
    for host in ["localhost:9000", "127.0.0.1", "[::1]:8686"] {
        assert_eq!(ask("POST", "/api/digits/frame", &[("host", host)]).await, 200, "{host}");
    }
    for host in ["evil.example", "evil.example:8686", "192.168.1.7:8686", "", "127.0.0.1.evil.example:80"] {
        assert_eq!(ask("POST", "/api/digits/frame", &[("host", host)]).await, 403, "{host}");
        assert_eq!(ask("GET", "/", &[("host", host)]).await, 403, "{host}");
    }
    assert_eq!(ask("POST", "/api/digits/frame", &[("origin", "http://127.0.0.1:8686")]).await, 200);
    for origin in ["http://evil.example", "http://127.0.0.1:1", "https://127.0.0.1:8686", "null", ""] {
        assert_eq!(ask("POST", "/api/digits/frame", &[("origin", origin)]).await, 403, "{origin}");
    }
    assert_eq!(ask("POST", "/api/digits/frame", &[("sec-fetch-site", "same-origin")]).await, 200);
    for site in ["cross-site", "same-site"] {
        assert_eq!(ask("POST", "/api/digits/frame", &[("sec-fetch-site", site)]).await, 403);
        let visit = [("sec-fetch-site", site), ("sec-fetch-mode", "navigate")];
        assert_eq!(ask("GET", "/api/models", &visit).await, 403);
        assert_ne!(ask("GET", "/nothing", &visit).await, 403);
    }
    // A form of another site can send text, but no JSON.
    let form = request("POST", "/api/digits/frame", &[("content-type", "text/plain")], frame.clone());
    assert_eq!(send(&server(), form).await.code(), "media-type");
}

#[tokio::test]
async fn a_token_opens_what_listens_to_other_machines() {
    let token = Token::random();
    let text = token.text().to_owned();
    let app = app(Settings { access: Access::Token(token), ..settings() });
    let ask = async |address: &str, headers: &[(&str, &str)]| {
        let headers = [&[("host", "192.168.1.7:8686")], headers].concat();
        send(&app, request("GET", address, &headers, Body::empty())).await
    };
    let refused = ask("/api/server", &[]).await;
    assert_eq!((refused.status.as_u16(), refused.code().as_str()), (401, "token"));
    let page = ask("/", &[]).await;
    assert_eq!((page.status.as_u16(), page.header("content-type")), (401, "text/plain; charset=utf-8"));
    assert_eq!(ask("/api/server", &[("authorization", &format!("Bearer {text}"))]).await.status, 200);
    assert_eq!(ask("/api/server", &[("authorization", &format!("Bearer {}", &text[1..]))]).await.status, 401);
    assert_eq!(ask(&format!("/api/server?token={text}"), &[]).await.status, 401);
    assert_eq!(ask("/?token=0", &[]).await.status, 401);
    let taken = ask(&format!("/?token={text}"), &[]).await;
    let cookie = taken.header("set-cookie").to_owned();
    assert!(taken.status == 200 && cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict"), "{cookie}");
    assert!(!String::from_utf8(taken.bytes).unwrap().contains(&text));
    let cookie = cookie.split(';').next().unwrap();
    assert_eq!(ask("/api/server", &[("cookie", &format!("other=1; {cookie}"))]).await.status, 200);
    assert_eq!(ask("/api/server", &[("cookie", "pixelwise-token=")]).await.status, 401);
    // A name leads nowhere even with a token: whoever knows both is no browser.
    let named = [("host", "box.example:8686"), ("authorization", text.as_str())];
    assert_eq!(send(&app, request("GET", "/api/server", &named, Body::empty())).await.status, 403);
}

#[tokio::test]
async fn every_answer_says_what_browsers_may_do_with_it() {
    let frame = "/api/digits/frame";
    let answers = [
        get(&server(), "/").await,
        get(&server(), "/api/server").await,
        get(&server(), "/nothing").await,
        get(&server(), "/api/nothing").await,
        get(&server(), frame).await,
        get(&server(), "/assets/..%2Fsrc%2Flib.rs").await,
        post(&server(), frame, &json!({})).await,
        send(&server(), request("GET", "/", &[("host", "evil.example")], Body::empty())).await,
    ];
    for answer in &answers {
        let policy = answer.header("content-security-policy");
        assert!(policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"), "{policy}");
        assert!(!policy.contains("unsafe") && !policy.contains('*') && !policy.contains("http"), "{policy}");
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
        assert_eq!(answer.header("referrer-policy"), "no-referrer");
        assert_eq!(answer.header("cross-origin-resource-policy"), "same-origin");
        assert!(!answer.header("cache-control").is_empty() && answer.header("access-control-allow-origin").is_empty());
    }
    let statuses: Vec<u16> = answers.iter().skip(1).map(|answer| answer.status.as_u16()).collect();
    assert_eq!(statuses, [200, 404, 404, 405, 404, 400, 403]);
    assert_eq!((answers[3].code().as_str(), answers[4].code().as_str()), ("not-found", "method"));
}

#[tokio::test]
async fn bodies_are_bounded_and_answers_come_in_time() {
    let large = json!({"model": "x".repeat(300_000)});
    let reply = post(&server(), "/api/digits/frame", &large).await;
    assert_eq!((reply.status.as_u16(), reply.code().as_str()), (413, "too-large"));
    // The same without a length that is said before.
    let chunks = std::iter::repeat_n(Ok::<_, std::convert::Infallible>(vec![b' '; 10_000]), 40);
    let body = Body::from_stream(futures(chunks));
    let request = request("POST", "/api/digits/frame", &[("content-type", "application/json")], body);
    assert_eq!(send(&server(), request).await.code(), "too-large");

    let hasty =
        app(Settings { limits: Limits { patience: Duration::from_millis(1), ..Limits::default() }, ..settings() });
    let slow = json!({"model": "convolutional", "pixels": base64(&digit(1)), "by": "smooth-grad=20"});
    let reply = post(&hasty, "/api/digits/frame", &slow).await;
    assert_eq!((reply.status.as_u16(), reply.code().as_str()), (503, "timeout"));
    let none = app(Settings { limits: Limits { waiting: 0, ..Limits::default() }, ..settings() });
    let reply = post(&none, "/api/digits/frame", &slow).await;
    assert_eq!((reply.status.as_u16(), reply.code().as_str(), reply.header("retry-after")), (429, "busy", "1"));
}

/// An iterator as a stream.
fn futures<I: Iterator + Unpin>(mut iterator: I) -> impl futures_core::Stream<Item = I::Item> {
    Stream(move || iterator.next())
}

struct Stream<F>(F);

impl<T, F: FnMut() -> Option<T> + Unpin> futures_core::Stream for Stream<F> {
    type Item = T;

    fn poll_next(mut self: std::pin::Pin<&mut Self>, _: &mut std::task::Context<'_>) -> std::task::Poll<Option<T>> {
        std::task::Poll::Ready((self.0)())
    }
}

#[tokio::test]
async fn of_two_requests_of_a_frame_the_newer_one_is_answered() {
    let app = app(Settings { limits: Limits { running: 1, ..Limits::default() }, ..settings() });
    let ask = |frame: &'static str, by: &'static str| {
        let app = app.clone();
        let body = json!({"model": "convolutional", "pixels": base64(&digit(1)), "by": by}).to_string();
        let headers = [("content-type", "application/json"), ("pixelwise-frame", frame)];
        let request = request("POST", "/api/digits/frame", &headers, body);
        tokio::spawn(async move { send(&app, request).await })
    };
    let older = ask("page/1", "smooth-grad=20");
    while get(&app, "/api/server").await.json()["working"]["running"] == 0 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let (newer, other) = (ask("page/1", "gradient"), ask("page/2", "gradient"));
    let older = older.await.unwrap();
    assert_eq!((older.status.as_u16(), older.code().as_str()), (409, "superseded"));
    assert_eq!(
        (newer.await.unwrap().status, other.await.unwrap().status),
        (200.try_into().unwrap(), 200.try_into().unwrap())
    );
    assert_eq!(ask("no such name!", "gradient").await.unwrap().code(), "bad-request");
    assert_eq!(ask("", "gradient").await.unwrap().code(), "bad-request");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_requests_at_once_lose_none() {
    let app = server();
    let body = |class: u8| json!({"model": "convolutional", "pixels": base64(&digit(class % 10))});
    let alone = post(&app, "/api/digits/frame", &body(3)).await.json();
    let ask = |place: u8| {
        let (app, body) = (app.clone(), body(place));
        tokio::spawn(async move { post(&app, "/api/digits/frame", &body).await })
    };
    let asked: Vec<_> = (0..200).map(ask).collect();
    for (place, asked) in asked.into_iter().enumerate() {
        let reply = asked.await.unwrap();
        assert_eq!(reply.status, 200, "{place}");
        let reply = reply.json();
        assert_eq!(reply["predicted"].as_u64(), Some(place as u64 % 10));
        if place % 10 == 3 {
            assert_eq!(reply["maps"], alone["maps"]);
        }
    }
}

fn endpoints() -> impl Strategy<Value = (&'static str, &'static str)> {
    prop::sample::select(vec![
        ("POST", "/api/digits/frame"),
        ("POST", "/api/digits/flips"),
        ("POST", "/api/photos"),
        ("POST", "/api/maps"),
        ("POST", "/api/shapes/frame"),
        ("GET", "/api/maps"),
        ("PUT", "/api/digits/frame"),
        ("DELETE", "/api/photos"),
    ])
}

/// JSON of any kind, with words that mean something here.
fn values() -> impl Strategy<Value = serde_json::Value> {
    let words =
        prop::sample::select(vec!["convolutional", "photos", "others", "epsilon=1e400", "gamma=NaN", "..", "p0"]);
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<i64>().prop_map(Into::into),
        any::<f64>().prop_map(Into::into),
        words.prop_map(Into::into),
        ".{0,20}".prop_map(Into::into),
        Just(base64(&digit(5)).into()),
    ];
    let keys = prop::sample::select(vec![
        "model",
        "pixels",
        "by",
        "difference",
        "of",
        "minus",
        "target",
        "steps",
        "each",
        "photo",
        "against",
        "masks",
        "at",
        "tensor",
        "channels",
        "strongest",
        "x",
    ]);
    leaf.prop_recursive(3, 24, 6, move |inner| {
        let list = prop::collection::vec(inner.clone(), 0..4).prop_map(Into::into);
        let entry = (keys.clone(), inner);
        let object = prop::collection::vec(entry, 0..7).prop_map(|entries| {
            entries.into_iter().map(|(key, value)| (key.to_owned(), value)).collect::<serde_json::Map<_, _>>().into()
        });
        prop_oneof![list, object]
    })
}

fn bodies() -> impl Strategy<Value = Vec<u8>> {
    let picture = support::photo(5);
    let damaged = (any::<prop::sample::Index>(), any::<u8>(), any::<prop::sample::Index>()).prop_map(
        move |(place, byte, length)| {
            let mut bytes = picture.clone();
            let place = place.index(bytes.len());
            bytes[place] = byte;
            bytes.truncate(length.index(2 * bytes.len()).max(8));
            bytes
        },
    );
    prop_oneof![
        prop::collection::vec(any::<u8>(), 0..400),
        values().prop_map(|value| value.to_string().into_bytes()),
        damaged,
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_comes_is_answered_and_a_refusal_says_why(
        (method, address) in endpoints(),
        body in bodies(),
        kind in prop::sample::select(vec!["application/json", "image/png", "text/plain", "application/octet-stream", ""]),
        query in "[a-zA-Z0-9=&%./]{0,30}",
        frame in prop::option::of("[ -~]{0,70}"),
    ) {
        let query = query.replace('%', "%25");
        let mut headers = vec![("content-type", kind)];
        headers.extend(frame.as_deref().map(|frame| ("pixelwise-frame", frame)));
        let request = request(method, &format!("{address}?{query}"), &headers, body);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let reply = runtime.block_on(send(&server(), request));
        prop_assert!(reply.status.as_u16() < 500, "{}", reply.json());
        if reply.status != 200 {
            prop_assert!(!reply.code().is_empty());
        }
    }

    #[test]
    fn no_name_leads_out_of_the_server(name in ".{0,40}", place in 0..6_usize) {
        let name: String = name.bytes().map(|byte| format!("%{byte:02X}")).collect();
        let address = match place {
            0 => format!("/assets/{name}"),
            1 => format!("/api/models/{name}"),
            2 => format!("/api/photos/{name}/file"),
            3 => format!("/api/maps/{name}/{name}"),
            4 => format!("/api/shapes/frames/{name}/words?x=0&y=0"),
            _ => format!("/{name}"),
        };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let reply = runtime.block_on(send(&server(), request("GET", &address, &[], Body::empty())));
        let status = reply.status.as_u16();
        prop_assert!([400, 404, 405].contains(&status) || (place == 5 && name.is_empty()), "{status} {address}");
    }
}
