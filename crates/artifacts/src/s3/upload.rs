//! Files to objects, the large ones in parts.

use std::path::Path;

use aws_sdk_s3::types::{CompletedMultipartUpload, CompletedPart};
use bytes::Bytes;
use tokio::fs::File;
use tokio::io::AsyncReadExt;

use crate::key::Key;
use crate::local_file::open_regular;
use crate::store::StoreError;

use super::S3Store;

/// Size in bytes up to which a file is sent in one request, and of the parts of a larger one. One part is in memory at
/// a time.
const PART_SIZE: u64 = 16 * 1024 * 1024;
/// Most parts that an object can have.
const MAX_PARTS: u64 = 10_000;

impl S3Store {
    pub(super) async fn upload_file(&self, key: &Key, path: &Path) -> Result<(), StoreError> {
        let mut file = LocalFile::open(path).await?;
        if file.length <= PART_SIZE {
            let content = file.next(PART_SIZE).await?;
            return self.put_whole(key, content).await;
        }
        let attempt = self.attempt("storing", key.as_str());
        let begun = self.client.create_multipart_upload().bucket(&self.bucket).key(key.as_str()).send().await;
        let upload_id = begun.map_err(|error| attempt.failed(error))?.upload_id.unwrap_or_default();
        let result = self.upload_parts(key, &upload_id, &mut file).await;
        if result.is_err() {
            // Parts of an unfinished upload are invisible and cost money. Where this fails too, the first error tells
            // more, and the bucket's lifecycle rule for unfinished uploads clears up.
            let abort = self.client.abort_multipart_upload().bucket(&self.bucket).key(key.as_str());
            let _first_error_tells_more = abort.upload_id(upload_id).send().await;
        }
        result
    }

    async fn upload_parts(&self, key: &Key, upload_id: &str, file: &mut LocalFile) -> Result<(), StoreError> {
        let attempt = self.attempt("storing", key.as_str());
        let part_size = file.length.div_ceil(MAX_PARTS).max(PART_SIZE);
        let mut parts = Vec::new();
        for number in 1.. {
            let content = file.next(part_size).await?;
            if content.is_empty() {
                break;
            }
            let request = self.client.upload_part().bucket(&self.bucket).key(key.as_str()).upload_id(upload_id);
            let stored = request.part_number(number).body(content.into()).send().await;
            let stored = stored.map_err(|error| attempt.failed(error))?;
            parts.push(CompletedPart::builder().part_number(number).set_e_tag(stored.e_tag).build());
        }
        let parts = CompletedMultipartUpload::builder().set_parts(Some(parts)).build();
        let request = self.client.complete_multipart_upload().bucket(&self.bucket).key(key.as_str());
        let completed = request.upload_id(upload_id).multipart_upload(parts).send().await;
        completed.map(drop).map_err(|error| attempt.failed(error))
    }
}

/// A file that is read once, as far as it reached when it was opened.
struct LocalFile {
    file: File,
    name: String,
    length: u64,
    left: u64,
}

impl LocalFile {
    async fn open(path: &Path) -> Result<Self, StoreError> {
        let name = path.display().to_string();
        let path = path.to_path_buf();
        let opened = tokio::task::spawn_blocking(move || {
            let file = open_regular(&path)?;
            let length = file.metadata()?.len();
            Ok((file, length))
        });
        match opened.await.unwrap_or_else(|stopped| Err(std::io::Error::other(stopped))) {
            Ok((file, length)) => Ok(Self { file: File::from_std(file), name, length, left: length }),
            Err(error) => Err(StoreError::io("reading", name, error)),
        }
    }

    /// The next `most` bytes; fewer at the end of the file.
    async fn next(&mut self, most: u64) -> Result<Bytes, StoreError> {
        let wanted = most.min(self.left);
        self.left -= wanted;
        let mut content = Vec::with_capacity(usize::try_from(wanted).unwrap_or_default());
        let read = (&mut self.file).take(wanted).read_to_end(&mut content).await;
        read.map_err(|error| StoreError::io("reading", self.name.as_str(), error))?;
        Ok(content.into())
    }
}
