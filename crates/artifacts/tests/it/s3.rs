//! What is particular to the store in S3, and the common checks over it.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use oddish_artifacts::{ArtifactStore, Key, S3Keys, S3Settings, S3Store, StoreError};
use oddish_domain::settings::{Settings, SettingsFaults};
use wiremock::matchers::{method, query_param, query_param_is_missing};
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

use crate::bucket::{BUCKET, Bucket};

crate::conformance::conformance_tests!({
    let bucket = Bucket::start().await;
    let store = bucket.store().await;
    (bucket, Arc::new(store) as oddish_artifacts::SharedStore)
});

fn key(text: &str) -> Key {
    Key::parse(text).unwrap()
}

/// One part of 16 MiB and a little more.
fn large_content() -> Vec<u8> {
    (0..=4 * 1024 * 1024_u32).flat_map(u32::to_le_bytes).collect()
}

fn hidden_files(root: &Path) -> Vec<String> {
    let names = std::fs::read_dir(root).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.filter(|name| name.contains("upload")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_file_goes_in_parts() {
    let bucket = Bucket::start().await;
    let store = bucket.store().await;
    let place = tempfile::tempdir().unwrap();
    let (source, copy) = (place.path().join("source"), place.path().join("copy"));
    let content = large_content();
    std::fs::write(&source, &content).unwrap();
    store.put_file(&key("large"), &source).await.unwrap();
    store.get_to_file(&key("large"), &copy).await.unwrap();
    assert!(std::fs::read(&copy).unwrap() == content);
    let parts: Vec<String> = bucket.requests().into_iter().filter(|request| request.contains("partNumber=")).collect();
    assert_eq!(parts.len(), 2, "{parts:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_that_fails_is_aborted() {
    let bucket = Bucket::start().await;
    bucket.fail("partNumber=2");
    let place = tempfile::tempdir().unwrap();
    let source = place.path().join("source");
    std::fs::write(&source, large_content()).unwrap();
    let result = bucket.store().await.put_file(&key("large"), &source).await;
    assert!(matches!(result, Err(StoreError::Denied { .. })), "{result:?}");
    assert!(bucket.requests().iter().any(|request| request.contains("partNumber=1")));
    assert_eq!(hidden_files(bucket.root()), [""; 0]);
    assert_eq!(bucket.store().await.head(&key("large")).await.unwrap(), None);
}

#[tokio::test]
async fn errors_say_what_to_change() {
    let bucket = Bucket::start().await;
    let settings = bucket.settings();
    let place = format!("bucket `{BUCKET}` at {}", settings.endpoint_url.as_deref().unwrap());

    let wrong = S3Keys { access_key: "someone".to_owned(), secret_key: "else".to_owned() };
    let stranger = S3Store::connect(&S3Settings { keys: Some(wrong), ..settings.clone() }).await;
    for error in [
        stranger.get(&key("a")).await.unwrap_err(),
        stranger.head(&key("a")).await.unwrap_err(),
        stranger.put(&key("a"), Bytes::new()).await.unwrap_err(),
        stranger.list("", None, 1).await.unwrap_err(),
        stranger.delete_prefix("a/").await.unwrap_err(),
    ] {
        assert!(matches!(error, StoreError::Denied { .. }), "{error:?}");
        assert!(error.to_string().contains(&place) && error.to_string().contains("ODDISH_S3_SECRET_KEY"), "{error}");
    }

    let elsewhere = S3Store::connect(&S3Settings { bucket: "elsewhere".to_owned(), ..settings.clone() }).await;
    let error = elsewhere.list("", None, 1).await.unwrap_err();
    assert!(matches!(error, StoreError::NoBucket { .. }), "{error:?}");
    assert!(
        error.to_string().contains("bucket `elsewhere`") && error.to_string().contains("ODDISH_S3_BUCKET"),
        "{error}"
    );

    bucket.stop().await;
    let store = S3Store::connect(&settings).await;
    let error = store.put(&key("a"), Bytes::new()).await.unwrap_err();
    assert!(matches!(error, StoreError::Unreachable { .. }), "{error:?}");
    assert!(error.to_string().contains(&place) && error.to_string().contains("ODDISH_S3_ENDPOINT_URL"), "{error}");
}

/// s3s-fs keeps no versions: here the requests are checked against the answers that AWS documents.
#[tokio::test]
async fn every_version_and_delete_marker_goes() {
    let server = MockServer::start().await;
    let page = |body: &str| {
        let head = r#"<?xml version="1.0" encoding="UTF-8"?><ListVersionsResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">"#;
        ResponseTemplate::new(200).set_body_raw(format!("{head}{body}</ListVersionsResult>"), "application/xml")
    };
    let version = |tag: &str, key: &str, id: &str, latest: bool| {
        format!("<{tag}><Key>{key}</Key><VersionId>{id}</VersionId><IsLatest>{latest}</IsLatest></{tag}>")
    };
    let first = version("Version", "t/a", "v2", true)
        + &version("Version", "t/a", "v1", false)
        + &version("DeleteMarker", "t/gone", "m1", true)
        + "<IsTruncated>true</IsTruncated><NextKeyMarker>t/gone</NextKeyMarker><NextVersionIdMarker>m1</NextVersionIdMarker>";
    let second = version("Version", "t/gone", "v0", false)
        + &version("Version", "t/old &amp; plain", "null", true)
        + "<IsTruncated>false</IsTruncated>";
    Mock::given(method("GET"))
        .and(query_param("versions", ""))
        .and(query_param("prefix", "t/"))
        .and(query_param_is_missing("key-marker"))
        .respond_with(page(&first))
        .expect(1)
        .mount(&server)
        .await;
    Mock::given(method("GET"))
        .and(query_param("versions", ""))
        .and(query_param("prefix", "t/"))
        .and(query_param("key-marker", "t/gone"))
        .and(query_param("version-id-marker", "m1"))
        .respond_with(page(&second))
        .expect(1)
        .mount(&server)
        .await;
    let done = r#"<DeleteResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"></DeleteResult>"#;
    Mock::given(method("POST"))
        .and(query_param("delete", ""))
        .respond_with(ResponseTemplate::new(200).set_body_raw(done, "application/xml"))
        .mount(&server)
        .await;

    assert_eq!(mocked(&server).await.delete_prefix("t/").await.unwrap(), 2);
    let deleted: Vec<String> = server.received_requests().await.unwrap().iter().filter_map(deleted_in).collect();
    let object = |key: &str, id: &str| format!("<Object><Key>{key}</Key><VersionId>{id}</VersionId></Object>");
    assert_eq!(
        deleted,
        [
            object("t/a", "v2") + &object("t/a", "v1") + &object("t/gone", "m1"),
            object("t/gone", "v0") + &object("t/old &amp; plain", "null")
        ]
    );
}

fn deleted_in(request: &Request) -> Option<String> {
    let body = std::str::from_utf8(&request.body).unwrap();
    let from = body.find("<Object>")?;
    Some(body[from..body.rfind("</Object>")? + "</Object>".len()].to_owned())
}

#[tokio::test]
async fn what_could_not_be_deleted_is_an_error() {
    let server = MockServer::start().await;
    let listed = r#"<ListVersionsResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Version><Key>t/a</Key><VersionId>v1</VersionId><IsLatest>true</IsLatest></Version></ListVersionsResult>"#;
    let refused = r#"<DeleteResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Error><Key>t/a</Key><Code>AccessDenied</Code><Message>Locked</Message></Error></DeleteResult>"#;
    let answer = |body: &str| ResponseTemplate::new(200).set_body_raw(body, "application/xml");
    Mock::given(method("GET")).respond_with(answer(listed)).mount(&server).await;
    Mock::given(method("POST")).respond_with(answer(refused)).mount(&server).await;
    let result = mocked(&server).await.delete_prefix("t/").await;
    assert!(matches!(&result, Err(StoreError::Denied { key, .. }) if key == "t/a"), "{result:?}");
}

#[tokio::test]
async fn a_conflicting_write_is_tried_again() {
    let server = MockServer::start().await;
    let code = |status, code: &str| {
        ResponseTemplate::new(status)
            .set_body_raw(format!("<Error><Code>{code}</Code><Message>no</Message></Error>"), "application/xml")
    };
    Mock::given(method("PUT"))
        .and(wiremock::matchers::header("if-none-match", "*"))
        .respond_with(code(409, "ConditionalRequestConflict"))
        .up_to_n_times(2)
        .mount(&server)
        .await;
    Mock::given(method("PUT")).respond_with(code(412, "PreconditionFailed")).expect(1).mount(&server).await;
    assert!(!mocked(&server).await.put_if_absent(&key("a"), Bytes::from_static(b"x")).await.unwrap());
}

/// As `MinIO` and Ceph answer, whose quotas and disks can be full, and as a proxy may that has no code of S3's.
#[tokio::test]
async fn a_full_service_is_told_from_other_failures() {
    for (status, code) in [
        (507, "XMinioStorageFull"),
        (400, "XMinioAdminBucketQuotaExceeded"),
        (403, "QuotaExceeded"),
        (507, "SomethingElse"),
    ] {
        let server = MockServer::start().await;
        let body = format!("<Error><Code>{code}</Code><Message>no</Message></Error>");
        let answer = ResponseTemplate::new(status).set_body_raw(body, "application/xml");
        Mock::given(method("PUT")).respond_with(answer).mount(&server).await;
        let error = mocked(&server).await.put(&key("a"), Bytes::from_static(b"x")).await.unwrap_err();
        assert!(matches!(error, StoreError::Full { .. }), "{status} {code}: {error:?}");
        assert!(error.to_string().contains("raise the quota"), "{error}");
    }
}

async fn mocked(server: &MockServer) -> S3Store {
    let keys = S3Keys { access_key: "a".to_owned(), secret_key: "s".to_owned() };
    let endpoint_url = Some(server.uri());
    let (bucket, region) = (BUCKET.to_owned(), "us-east-1".to_owned());
    S3Store::connect(&S3Settings { bucket, region, keys: Some(keys), endpoint_url, path_style: true }).await
}

#[tokio::test]
async fn debug_shows_no_secret() {
    let bucket = Bucket::start().await;
    let secret = bucket.settings().keys.unwrap().secret_key;
    let store = bucket.store().await;
    let signed = store.presign_get(&key("a"), std::time::Duration::from_mins(1)).await.unwrap();
    let shown = format!("{:?} {store:?} {signed:?}", bucket.settings());
    assert!(!shown.contains(&secret) && !shown.contains("Signature"), "{shown}");
}

fn read(variables: &[(&str, &str)]) -> Result<Option<S3Settings>, SettingsFaults> {
    let variables: BTreeMap<String, String> =
        variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Settings::from_map(variables).read(S3Settings::read)
}

#[test]
fn unset_means_the_published_defaults() {
    assert_eq!(read(&[]).unwrap(), None);
    let on = S3Settings {
        bucket: "data".to_owned(),
        region: "us-east-1".to_owned(),
        keys: None,
        endpoint_url: None,
        path_style: false,
    };
    assert_eq!(read(&[("ODDISH_S3_ENABLED", "true")]).unwrap(), Some(on));
}

#[test]
fn an_endpoint_means_path_style_unless_said_otherwise() {
    let endpoint = [("ODDISH_S3_ENABLED", "1"), ("ODDISH_S3_ENDPOINT_URL", "http://localhost:9000")];
    assert!(read(&endpoint).unwrap().unwrap().path_style);
    let [on, url] = endpoint;
    assert!(!read(&[on, url, ("ODDISH_S3_PATH_STYLE", "false")]).unwrap().unwrap().path_style);
}

#[test]
fn faults_name_their_variable() {
    let on = ("ODDISH_S3_ENABLED", "true");
    for (given, named) in [
        (("ODDISH_S3_ACCESS_KEY", "id"), "ODDISH_S3_SECRET_KEY"),
        (("ODDISH_S3_SECRET_KEY", "hush"), "ODDISH_S3_ACCESS_KEY"),
        (("ODDISH_S3_ENDPOINT_URL", "localhost:9000"), "ODDISH_S3_ENDPOINT_URL"),
        (("ODDISH_S3_PATH_STYLE", "maybe"), "ODDISH_S3_PATH_STYLE"),
    ] {
        let faults = read(&[on, given]).unwrap_err();
        assert_eq!(faults.0.iter().map(|fault| fault.name).collect::<Vec<_>>(), [named]);
        assert!(!faults.to_string().contains("hush"));
    }
}
