//! A store in a bucket of S3, or of whatever speaks its protocol.

mod delete;
mod failure;
mod settings;
mod upload;

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::ops::Range;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use aws_config::{BehaviorVersion, Region};
use aws_sdk_s3::Client;
use aws_sdk_s3::config::{Credentials, RequestChecksumCalculation, ResponseChecksumValidation};
use aws_sdk_s3::error::SdkError;
use aws_sdk_s3::operation::get_object::GetObjectOutput;
use aws_sdk_s3::operation::list_objects_v2::ListObjectsV2Output;
use aws_sdk_s3::operation::put_object::builders::PutObjectFluentBuilder;
use aws_sdk_s3::presigning::{PresignedRequest, PresigningConfig};
use aws_sdk_s3::primitives::DateTime;
use aws_sdk_s3::types::Object;
use bytes::Bytes;
use percent_encoding::utf8_percent_encode;
use tokio::io::AsyncWriteExt;

use crate::key::{Key, check_closed_prefix, check_prefix};
use crate::local_file;
use crate::signing::PATH;
use crate::store::{ArtifactStore, ObjectMeta, SignedUrl, StoreError, UPLOAD_CONTENT_TYPE, check_lifetime};
use failure::{Attempt, is};

pub use settings::{S3Keys, S3Settings};

/// Most objects that one page of a listing holds.
const PAGE: usize = 1000;
/// How often a conditional write tries again when another write to the same key got in its way.
const CONFLICT_TRIES: usize = 10;

/// An [`ArtifactStore`] in a bucket.
///
/// Objects of more than 16 MiB are sent in parts. An upload that fails is aborted; for one that dies with its process the
/// bucket needs a lifecycle rule (`AbortIncompleteMultipartUpload`). The user needs `s3:GetObject`, `s3:PutObject`,
/// `s3:AbortMultipartUpload`, `s3:DeleteObject`, `s3:ListBucket`, and for deleting `s3:ListBucketVersions` and
/// `s3:DeleteObjectVersion`.
#[derive(Clone)]
pub struct S3Store {
    client: Client,
    bucket: String,
    place: String,
}

impl fmt::Debug for S3Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("S3Store").field(&self.place).finish()
    }
}

impl S3Store {
    /// A store with a client of its own. Nothing is sent: credentials are looked for, and a connection is opened, when
    /// the first object is asked for. Cheap to clone, costly to make: once per process.
    pub async fn connect(settings: &S3Settings) -> Self {
        let S3Settings { bucket, region, keys, endpoint_url, path_style } = settings;
        let mut loader = aws_config::defaults(BehaviorVersion::v2026_01_12())
            .region(Region::new(region.clone()))
            .request_checksum_calculation(RequestChecksumCalculation::WhenRequired)
            .response_checksum_validation(ResponseChecksumValidation::WhenRequired);
        if let Some(S3Keys { access_key, secret_key }) = keys {
            loader = loader.credentials_provider(Credentials::new(access_key, secret_key, None, None, "oddish"));
        }
        if let Some(url) = endpoint_url {
            loader = loader.endpoint_url(url);
        }
        let config = aws_sdk_s3::config::Builder::from(&loader.load().await).force_path_style(*path_style).build();
        let service = endpoint_url.as_ref().map_or_else(|| format!("AWS {region}"), Clone::clone);
        let place = format!("bucket `{bucket}` at {service}");
        Self { client: Client::from_conf(config), bucket: bucket.clone(), place }
    }

    fn attempt<'a>(&'a self, what: &'static str, key: &'a str) -> Attempt<'a> {
        Attempt { what, key, place: &self.place }
    }

    fn put_request(&self, key: &Key) -> PutObjectFluentBuilder {
        self.client.put_object().bucket(&self.bucket).key(key.as_str())
    }

    async fn put_whole(&self, key: &Key, content: Bytes) -> Result<(), StoreError> {
        let stored = self.put_request(key).body(content.into()).send().await;
        stored.map(drop).map_err(|error| self.attempt("storing", key.as_str()).failed(error))
    }

    async fn open(&self, key: &Key) -> Result<GetObjectOutput, StoreError> {
        let opened = self.client.get_object().bucket(&self.bucket).key(key.as_str()).send().await;
        opened.map_err(|error| self.attempt("reading", key.as_str()).failed_on(key, error))
    }

    async fn collect(&self, key: &Key, object: GetObjectOutput) -> Result<Bytes, StoreError> {
        let content = object.body.collect().await;
        Ok(content.map_err(|error| self.attempt("reading", key.as_str()).broken(error))?.into_bytes())
    }

    async fn list_page(
        &self,
        prefix: &str,
        after: Option<String>,
        limit: usize,
    ) -> Result<ListObjectsV2Output, StoreError> {
        let request = self.client.list_objects_v2().bucket(&self.bucket).prefix(prefix).set_start_after(after);
        let page = request.set_max_keys(i32::try_from(limit.min(PAGE)).ok()).send().await;
        page.map_err(|error| self.attempt("listing", prefix).failed(error))
    }

    fn presigning(&self, key: &Key, expires_in: Duration) -> Result<PresigningConfig, StoreError> {
        let config = PresigningConfig::expires_in(check_lifetime(expires_in)?);
        config.map_err(|error| self.attempt("signing a URL for", key.as_str()).broken(error))
    }
}

#[async_trait]
impl ArtifactStore for S3Store {
    async fn put(&self, key: &Key, bytes: Bytes) -> Result<(), StoreError> {
        self.put_whole(key, bytes).await
    }

    async fn put_file(&self, key: &Key, path: &Path) -> Result<(), StoreError> {
        self.upload_file(key, path).await
    }

    async fn put_if_absent(&self, key: &Key, bytes: Bytes) -> Result<bool, StoreError> {
        let mut tries = 1;
        loop {
            match self.put_request(key).if_none_match("*").body(bytes.clone().into()).send().await {
                Ok(_) => return Ok(true),
                Err(error) if is(&error, "PreconditionFailed") => return Ok(false),
                // Two writes met: S3 does not say which one will stand, and asks to come again.
                Err(error) if is(&error, "ConditionalRequestConflict") && tries < CONFLICT_TRIES => tries += 1,
                Err(error) => return Err(self.attempt("storing", key.as_str()).failed(error)),
            }
        }
    }

    async fn get(&self, key: &Key) -> Result<Bytes, StoreError> {
        self.collect(key, self.open(key).await?).await
    }

    async fn get_range(&self, key: &Key, range: Range<u64>) -> Result<Bytes, StoreError> {
        // S3 knows no empty range, and no object reaches the half of what a u64 counts.
        if range.is_empty() || i64::try_from(range.start).is_err() {
            let found = self.head(key).await?;
            return found.map(|_| Bytes::new()).ok_or_else(|| StoreError::NotFound { key: key.clone() });
        }
        let last = (range.end - 1).min(i64::MAX.unsigned_abs());
        let request = self.client.get_object().bucket(&self.bucket).key(key.as_str());
        match request.range(format!("bytes={}-{last}", range.start)).send().await {
            Ok(object) => self.collect(key, object).await,
            Err(error) if is(&error, "InvalidRange") => Ok(Bytes::new()),
            Err(error) => Err(self.attempt("reading", key.as_str()).failed_on(key, error)),
        }
    }

    async fn get_to_file(&self, key: &Key, path: &Path) -> Result<(), StoreError> {
        let mut body = self.open(key).await?.body;
        let failed = |error: io::Error| StoreError::io("writing", path.display().to_string(), error);
        let (file, temporary) = local_file::beside(path).map_err(failed)?.into_parts();
        let mut file = tokio::fs::File::from_std(file);
        while let Some(chunk) = body.try_next().await.map_err(|e| self.attempt("reading", key.as_str()).broken(e))? {
            file.write_all(&chunk).await.map_err(failed)?;
        }
        file.flush().await.map_err(failed)?;
        temporary.persist(path).map_err(|error| failed(error.error))
    }

    async fn head(&self, key: &Key) -> Result<Option<ObjectMeta>, StoreError> {
        match self.client.head_object().bucket(&self.bucket).key(key.as_str()).send().await {
            Ok(found) => Ok(Some(ObjectMeta {
                key: key.clone(),
                size: found.content_length().and_then(|size| size.try_into().ok()).unwrap_or_default(),
                modified: whole_seconds(found.last_modified()),
            })),
            Err(SdkError::ServiceError(error)) if error.err().is_not_found() => Ok(None),
            Err(error) => Err(self.attempt("looking up", key.as_str()).failed(error)),
        }
    }

    async fn list(&self, prefix: &str, after: Option<&str>, limit: usize) -> Result<Vec<ObjectMeta>, StoreError> {
        check_prefix(prefix)?;
        let mut after = after.filter(|text| !text.is_empty()).map(str::to_owned);
        let mut found = Vec::new();
        while found.len() < limit {
            let page = self.list_page(prefix, after, limit - found.len()).await?;
            found.extend(page.contents().iter().filter_map(described));
            after = page.contents().last().and_then(Object::key).map(str::to_owned);
            if after.is_none() || !page.is_truncated().unwrap_or_default() {
                break;
            }
        }
        Ok(found)
    }

    async fn copy(&self, from: &Key, to: &Key) -> Result<(), StoreError> {
        if from == to {
            // S3 refuses to copy an object to itself.
            let found = self.head(from).await?;
            return found.map(drop).ok_or_else(|| StoreError::NotFound { key: from.clone() });
        }
        let source = format!("{}/{}", self.bucket, utf8_percent_encode(from.as_str(), PATH));
        let request = self.client.copy_object().bucket(&self.bucket).key(to.as_str()).copy_source(source);
        let copied = request.send().await;
        copied.map(drop).map_err(|error| self.attempt("copying", to.as_str()).failed_on(from, error))
    }

    async fn delete_prefix(&self, prefix: &str) -> Result<u64, StoreError> {
        check_closed_prefix(prefix)?;
        self.delete_all(prefix).await
    }

    async fn presign_get(&self, key: &Key, expires_in: Duration) -> Result<SignedUrl, StoreError> {
        let config = self.presigning(key, expires_in)?;
        let request = self.client.get_object().bucket(&self.bucket).key(key.as_str());
        let request = request.response_content_disposition("attachment").presigned(config).await;
        let request = request.map_err(|error| self.attempt("signing a URL for", key.as_str()).failed(error))?;
        Ok(signed_url(&request, "GET"))
    }

    async fn presign_put(
        &self,
        key: &Key,
        expires_in: Duration,
        content_length: Option<u64>,
    ) -> Result<SignedUrl, StoreError> {
        let config = self.presigning(key, expires_in)?;
        // A length beyond what S3 can count is signed as the longest, which no body has.
        let content_length = content_length.map(|length| i64::try_from(length).unwrap_or(i64::MAX));
        let request = self.put_request(key).content_type(UPLOAD_CONTENT_TYPE).set_content_length(content_length);
        let request = request.presigned(config).await;
        let request = request.map_err(|error| self.attempt("signing a URL for", key.as_str()).failed(error))?;
        Ok(signed_url(&request, "PUT"))
    }
}

fn signed_url(request: &PresignedRequest, method: &'static str) -> SignedUrl {
    let headers = request.headers().filter(|(name, _)| !name.eq_ignore_ascii_case("content-length"));
    let headers: BTreeMap<String, String> = headers.map(|(name, value)| (titled(name), value.to_owned())).collect();
    SignedUrl { url: request.uri().to_owned(), method, headers }
}

/// `content-type` as `Content-Type`, the form that is published.
fn titled(name: &str) -> String {
    let words = name.split('-').map(|word| {
        let (first, rest) = word.split_at(word.len().min(1));
        first.to_ascii_uppercase() + rest
    });
    words.collect::<Vec<_>>().join("-")
}

/// An object of a listing; `None` for what no key can name, such as the marker of an empty folder.
fn described(object: &Object) -> Option<ObjectMeta> {
    Some(ObjectMeta {
        key: Key::parse(object.key()?).ok()?,
        size: object.size()?.try_into().ok()?,
        modified: whole_seconds(object.last_modified()),
    })
}

/// HEAD tells whole seconds only: what a listing tells beyond them is dropped, so that both agree.
fn whole_seconds(time: Option<&DateTime>) -> SystemTime {
    let seconds = time.and_then(|time| u64::try_from(time.secs()).ok()).unwrap_or_default();
    UNIX_EPOCH + Duration::from_secs(seconds)
}
