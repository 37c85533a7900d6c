//! The checks of [`conformance`](crate::conformance) that concern signed URLs: all through HTTP, as a client would.

use std::time::{Duration, Instant};

use bytes::Bytes;
use oddish_artifacts::{Key, SharedStore, SignedUrl, StoreError};
use reqwest::{Client, Method, Response, StatusCode};

const HOUR: Duration = Duration::from_hours(1);

fn key(text: &str) -> Key {
    Key::parse(text).unwrap()
}

/// Sends the request that `signed` is good for.
async fn send(signed: &SignedUrl, body: &'static str) -> Response {
    send_as(signed.method.parse().unwrap(), &signed.url, signed, body).await
}

/// Sends the request with another method or URL.
async fn send_as(method: Method, url: &str, signed: &SignedUrl, body: &'static str) -> Response {
    // In a build of the whole workspace the client library has no TLS of its own, and wants to be told of one.
    let _already_there = rustls::crypto::ring::default_provider().install_default();
    let mut request = Client::new().request(method.clone(), url);
    for (name, value) in &signed.headers {
        request = request.header(name, value);
    }
    if method == Method::PUT {
        request = request.body(body);
    }
    request.send().await.unwrap()
}

/// Whether the server turned the request down, other than by not finding the object or breaking. A URL that names another
/// algorithm is "not implemented" for some.
fn is_refused(status: StatusCode) -> bool {
    (status.is_client_error() && status != StatusCode::NOT_FOUND) || status == StatusCode::NOT_IMPLEMENTED
}

pub(crate) async fn signed_urls_write_and_read(store: SharedStore) {
    for name in ["staging/t/.oddish-task.tar.gz", "a b+c/%2e?#&=ü/'x'", "a"] {
        for length in [Some(7), None] {
            let signed = store.presign_put(&key(name), HOUR, length).await.unwrap();
            assert_eq!(signed.method, "PUT");
            assert_eq!(
                signed.headers.iter().collect::<Vec<_>>(),
                [(&"Content-Type".into(), &"application/gzip".into())]
            );
            let answer = send(&signed, "content").await;
            assert!(answer.status().is_success(), "{} {}", answer.status(), answer.text().await.unwrap());
            assert_eq!(store.get(&key(name)).await.unwrap(), "content");
            store.put(&key(name), Bytes::from_static(b"other")).await.unwrap();

            let signed = store.presign_get(&key(name), HOUR).await.unwrap();
            assert_eq!((signed.method, signed.headers.len()), ("GET", 0));
            let answer = send(&signed, "").await;
            assert_eq!(answer.headers()["content-disposition"], "attachment");
            assert_eq!(answer.bytes().await.unwrap(), "other");
        }
    }
}

pub(crate) async fn a_signed_url_of_an_absent_object_finds_nothing(store: SharedStore) {
    let signed = store.presign_get(&key("absent"), HOUR).await.unwrap();
    assert_eq!(send(&signed, "").await.status(), StatusCode::NOT_FOUND);
}

/// The URL with each part changed or left out, one at a time.
fn alterations(url: &str) -> Vec<String> {
    let (path, query) = url.split_once('?').unwrap();
    let parameters: Vec<&str> = query.split('&').collect();
    let mut altered = vec![format!("{}?{query}", path.replace("mine", "yours")), path.to_owned()];
    for index in 0..parameters.len() {
        let mut others = parameters.clone();
        let parameter = others.remove(index);
        altered.push(format!("{path}?{}", others.join("&")));
        let (whole, last) = parameter.split_at(parameter.len() - 1);
        let changed = format!("{whole}{}", if last == "0" { '1' } else { '0' });
        others.insert(index, &changed);
        altered.push(format!("{path}?{}", others.join("&")));
    }
    altered
}

pub(crate) async fn altered_urls_are_refused(store: SharedStore) {
    let content = Bytes::from_static(b"before");
    for name in ["mine/a", "yours/a"] {
        store.put(&key(name), content.clone()).await.unwrap();
    }
    let signed = [
        store.presign_get(&key("mine/a"), HOUR).await.unwrap(),
        store.presign_put(&key("mine/a"), HOUR, Some(5)).await.unwrap(),
        store.presign_put(&key("mine/a"), HOUR, None).await.unwrap(),
    ];
    for signed in signed {
        let altered = alterations(&signed.url);
        assert!(altered.len() >= 6);
        for url in altered {
            let answer = send_as(signed.method.parse().unwrap(), &url, &signed, "after").await;
            assert!(is_refused(answer.status()), "{} for {} {url}", answer.status(), signed.method);
        }
    }
    for name in ["mine/a", "yours/a"] {
        assert_eq!(store.get(&key(name)).await.unwrap(), content);
    }
}

pub(crate) async fn signed_urls_are_good_for_their_method_only(store: SharedStore) {
    store.put(&key("a"), Bytes::from_static(b"before")).await.unwrap();
    let get = store.presign_get(&key("a"), HOUR).await.unwrap();
    let put = store.presign_put(&key("a"), HOUR, None).await.unwrap();
    for (signed, others) in [
        (get, [Method::PUT, Method::HEAD, Method::DELETE, Method::POST]),
        (put, [Method::GET, Method::HEAD, Method::DELETE, Method::POST]),
    ] {
        for other in others {
            let answer = send_as(other.clone(), &signed.url, &signed, "after").await;
            assert!(is_refused(answer.status()), "{} for {other} with a URL for {}", answer.status(), signed.method);
        }
    }
    assert_eq!(store.get(&key("a")).await.unwrap(), "before");
}

pub(crate) async fn a_body_of_another_length_is_refused(store: SharedStore) {
    let signed = store.presign_put(&key("a"), HOUR, Some(5)).await.unwrap();
    for body in ["longer", "less", ""] {
        let answer = send(&signed, body).await;
        assert!(is_refused(answer.status()), "{} for {body:?}", answer.status());
    }
    assert_eq!(store.head(&key("a")).await.unwrap(), None);
    assert!(send(&signed, "right").await.status().is_success());
}

pub(crate) async fn an_expired_url_is_refused(store: SharedStore) {
    store.put(&key("a"), Bytes::from_static(b"before")).await.unwrap();
    let get = store.presign_get(&key("a"), Duration::from_secs(1)).await.unwrap();
    let put = store.presign_put(&key("a"), Duration::from_secs(1), Some(5)).await.unwrap();
    let give_up = Instant::now() + Duration::from_mins(1);
    while send(&get, "").await.status().is_success() {
        assert!(Instant::now() < give_up, "still good");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    while send(&put, "after").await.status().is_success() {
        assert!(Instant::now() < give_up, "still good");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(is_refused(send(&get, "").await.status()));
    assert!(is_refused(send(&put, "after").await.status()));
}

pub(crate) async fn lifetimes_out_of_bounds_are_refused(store: SharedStore) {
    for wanted in [Duration::ZERO, Duration::from_millis(999), HOUR * 24 * 7 + Duration::from_secs(1), Duration::MAX] {
        let get = store.presign_get(&key("a"), wanted).await;
        assert!(matches!(get, Err(StoreError::Lifetime { .. })), "{get:?}");
        let put = store.presign_put(&key("a"), wanted, None).await;
        assert!(matches!(put, Err(StoreError::Lifetime { .. })), "{put:?}");
    }
    store.presign_get(&key("a"), HOUR * 24 * 7).await.unwrap();
}
