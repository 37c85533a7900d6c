//! Archives built byte by byte, so that they can be as wrong as a hostile sender's.

use async_compression::tokio::write::GzipEncoder;
use tokio::io::AsyncWriteExt;
use tokio_tar::{EntryType, Header};

/// A tar that does what it is told.
#[derive(Default, Clone)]
pub(crate) struct Tar(Vec<u8>);

impl Tar {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    pub(crate) fn file(self, name: impl AsRef<[u8]>, content: impl AsRef<[u8]>) -> Self {
        self.member(EntryType::Regular, name, 0o644, content)
    }

    pub(crate) fn folder(self, name: impl AsRef<[u8]>) -> Self {
        self.member(EntryType::Directory, name, 0o755, "")
    }

    pub(crate) fn member(
        self,
        entry_type: EntryType,
        name: impl AsRef<[u8]>,
        mode: u32,
        content: impl AsRef<[u8]>,
    ) -> Self {
        let content = content.as_ref();
        self.header(entry_type, name, mode, content.len() as u64).data(content)
    }

    /// A header alone; the size is whatever the caller claims.
    pub(crate) fn header(mut self, entry_type: EntryType, name: impl AsRef<[u8]>, mode: u32, size: u64) -> Self {
        let mut header = Header::new_ustar();
        let name = name.as_ref();
        header.as_old_mut().name[..name.len()].copy_from_slice(name);
        header.set_entry_type(entry_type);
        header.set_mode(mode);
        header.set_size(size);
        header.set_mtime(0);
        header.set_uid(0);
        header.set_gid(0);
        if entry_type.is_symlink() || entry_type.is_hard_link() {
            header.as_old_mut().linkname[..6].copy_from_slice(b"target");
        }
        header.set_cksum();
        self.0.extend_from_slice(header.as_bytes());
        self
    }

    pub(crate) fn data(mut self, content: &[u8]) -> Self {
        self.0.extend_from_slice(content);
        self.0.resize(self.0.len().next_multiple_of(512), 0);
        self
    }

    pub(crate) fn gnu_long_name(self, name: impl AsRef<[u8]>) -> Self {
        let mut content = name.as_ref().to_vec();
        content.push(0);
        self.member(EntryType::GNULongName, "././@LongLink", 0o644, content)
    }

    pub(crate) fn pax(self, fields: &[(&str, &str)]) -> Self {
        let records: String = fields.iter().map(|(key, value)| pax_record(key, value)).collect();
        self.member(EntryType::XHeader, "PaxHeaders/x", 0o644, records)
    }

    /// The bytes with the end mark.
    pub(crate) fn ended(mut self) -> Vec<u8> {
        self.0.resize(self.0.len() + 1024, 0);
        self.0
    }

    pub(crate) fn without_end(self) -> Vec<u8> {
        self.0
    }

    pub(crate) async fn gzipped(self) -> Vec<u8> {
        gzip(&self.ended()).await
    }
}

pub(crate) async fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzipEncoder::new(Vec::new());
    encoder.write_all(bytes).await.unwrap();
    encoder.shutdown().await.unwrap();
    encoder.into_inner()
}

/// `LENGTH KEY=VALUE\n`, where the length counts itself.
fn pax_record(key: &str, value: &str) -> String {
    let rest = format!(" {key}={value}\n");
    let mut length = rest.len();
    while length != rest.len() + length.to_string().len() {
        length = rest.len() + length.to_string().len();
    }
    format!("{length}{rest}")
}
