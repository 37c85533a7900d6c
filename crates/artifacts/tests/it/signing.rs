//! What a request with a signed URL must be to pass.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use oddish_artifacts::signing::{Refused, SignedQuery, SigningKey, Verified, verify};
use oddish_artifacts::{ArtifactStore, FolderStore, Key, SignedUrl, StoreError};

const MINUTE: Duration = Duration::from_mins(1);

fn key(text: &str) -> Key {
    Key::parse(text).unwrap()
}

fn signing_key() -> SigningKey {
    SigningKey::from_secret(b"a secret")
}

async fn sign_put(length: Option<u64>) -> SignedQuery {
    let root = tempfile::tempdir().unwrap();
    let store = FolderStore::open(root.path()).unwrap().with_signing(signing_key(), "http://h");
    query(&store.presign_put(&key("a/b"), MINUTE, length).await.unwrap())
}

fn query(signed: &SignedUrl) -> SignedQuery {
    let (_, query) = signed.url.split_once('?').unwrap();
    let uri = format!("/?{query}").parse().unwrap();
    axum::extract::Query::try_from_uri(&uri).unwrap().0
}

fn put(query: &SignedQuery, length: Option<u64>, now: SystemTime) -> Result<Verified, Refused> {
    verify(&signing_key(), "PUT", &key("a/b"), query, length, now)
}

#[tokio::test]
async fn the_url_has_the_published_form() {
    let root = tempfile::tempdir().unwrap();
    let store = FolderStore::open(root.path()).unwrap().with_signing(signing_key(), "http://h:1/base/");
    let signed = store.presign_put(&key("a b/.c~d_e-f/ü?"), MINUTE, Some(12)).await.unwrap();
    let SignedQuery { expires, signature, .. } = query(&signed);
    assert_eq!(signature.len(), 64);
    let path = "http://h:1/base/artifacts/a%20b/.c~d_e-f/%C3%BC%3F";
    assert_eq!(signed.url, format!("{path}?expires={expires}&size=12&signature={signature}"));
    let unsized_url = store.presign_get(&key("a"), MINUTE).await.unwrap().url;
    assert!(!unsized_url.contains("size"), "{unsized_url}");
}

#[tokio::test]
async fn a_url_is_good_until_its_last_second() {
    let query = sign_put(None).await;
    let end = UNIX_EPOCH + Duration::from_secs(query.expires);
    assert!(end > SystemTime::now());
    assert_eq!(put(&query, None, end), Ok(Verified { size: None }));
    assert_eq!(put(&query, None, end + Duration::from_secs(1)), Err(Refused::Expired));
}

#[tokio::test]
async fn only_the_announced_length_passes() {
    let now = SystemTime::now();
    let query = sign_put(Some(10)).await;
    assert_eq!(put(&query, Some(10), now), Ok(Verified { size: Some(10) }));
    assert_eq!(put(&query, Some(11), now), Err(Refused::TooLong { allowed: 10, given: 11 }));
    assert_eq!(put(&query, Some(9), now), Err(Refused::TooShort { announced: 10, given: 9 }));
    assert_eq!(put(&query, None, now), Err(Refused::NoLength));
    let free = sign_put(None).await;
    assert_eq!(put(&free, Some(u64::MAX), now), Ok(Verified { size: None }));
}

#[tokio::test]
async fn every_signed_part_counts() {
    let now = SystemTime::now();
    let good = sign_put(Some(10)).await;
    for altered in [
        SignedQuery { expires: good.expires + 1, ..good.clone() },
        SignedQuery { size: Some(11), ..good.clone() },
        SignedQuery { size: None, ..good.clone() },
        SignedQuery { signature: good.signature.replace(['a', 'b', 'c', 'd', 'e', 'f'], "0"), ..good.clone() },
        SignedQuery { signature: good.signature[..32].to_owned(), ..good.clone() },
        SignedQuery { signature: String::new(), ..good.clone() },
        SignedQuery { signature: "not hex".to_owned(), ..good.clone() },
    ] {
        assert_eq!(put(&altered, Some(10), now), Err(Refused::Tampered), "{altered:?}");
    }
    let refused = |signing_key: &SigningKey, name: &str| verify(signing_key, "PUT", &key(name), &good, Some(10), now);
    assert_eq!(refused(&signing_key(), "a/c"), Err(Refused::Tampered));
    assert_eq!(refused(&SigningKey::generate(), "a/b"), Err(Refused::Tampered));
    for other in ["GET", "HEAD", "DELETE", "put"] {
        let result = verify(&signing_key(), other, &key("a/b"), &good, Some(10), now);
        assert_eq!(result, Err(Refused::WrongMethod { allowed: "PUT" }));
    }
}

#[tokio::test]
async fn a_folder_without_a_key_signs_nothing() {
    let root = tempfile::tempdir().unwrap();
    let store = FolderStore::open(root.path()).unwrap();
    assert!(matches!(store.presign_get(&key("a"), MINUTE).await, Err(StoreError::NoSigning)));
    assert!(matches!(store.presign_put(&key("a"), MINUTE, None).await, Err(StoreError::NoSigning)));
}

#[tokio::test]
async fn debug_shows_neither_key_nor_signature() {
    let root = tempfile::tempdir().unwrap();
    let store = FolderStore::open(root.path()).unwrap().with_signing(signing_key(), "http://h");
    let signed = store.presign_put(&key("a"), MINUTE, None).await.unwrap();
    let query = query(&signed);
    let shown = format!("{store:?} {signed:?} {query:?} {:?}", signing_key());
    assert!(!shown.contains(&query.signature), "{shown}");
    assert!(shown.ends_with("SigningKey(..)") && shown.matches("SigningKey(..)").count() == 2, "{shown}");
}
