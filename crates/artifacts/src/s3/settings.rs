//! Settings of the bucket: its place and its credentials (docs/compatibility.md, 4.2).

use std::fmt;

use oddish_domain::settings::{ALL_PROGRAMS, Group, Reader, Setting};

const ENABLED: Setting<bool> = Setting::new("ODDISH_S3_ENABLED", false)
    .doc("Whether artifacts are kept in S3, or in another store with the S3 protocol, instead of the local folder.");
const BUCKET: Setting<String> =
    Setting::new("ODDISH_S3_BUCKET", "data").doc("Bucket for task archives, logs and artifacts. It must exist.");
const REGION: Setting<String> = Setting::new("ODDISH_S3_REGION", "us-east-1").doc("Region of the bucket.");
const ACCESS_KEY: Setting<Option<String>> = Setting::optional("ODDISH_S3_ACCESS_KEY")
    .secret()
    .doc("Access key id. Unset: the AWS default chain, which is environment, profile, then the machine's role.");
const SECRET_KEY: Setting<Option<String>> = Setting::optional("ODDISH_S3_SECRET_KEY")
    .secret()
    .doc("Secret access key. Set it together with the access key id.");
const ENDPOINT_URL: Setting<Option<String>> = Setting::optional("ODDISH_S3_ENDPOINT_URL")
    .check("must begin with http:// or https://", |url: &Option<String>| {
        url.as_ref().is_none_or(|url| url.starts_with("http://") || url.starts_with("https://"))
    })
    .doc(
        "URL of an S3 service other than AWS, such as http://localhost:9000. Clients upload to it, so they must be able to reach it.",
    );
const PATH_STYLE: Setting<Option<bool>> = Setting::optional("ODDISH_S3_PATH_STYLE").doc(
    "Whether URLs have the bucket's name in the path instead of the host. Unset: true with an endpoint URL, else false.",
);

/// Where the bucket is and who may use it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct S3Settings {
    /// Name of the bucket.
    pub bucket: String,
    /// Region of the bucket, such as `us-east-1`.
    pub region: String,
    /// Keys to use in place of the default credential chain.
    pub keys: Option<S3Keys>,
    /// URL of another service than AWS.
    pub endpoint_url: Option<String>,
    /// Whether the bucket's name stands in the path of URLs, not in their host.
    pub path_style: bool,
}

/// Static credentials. Its `Debug` does not show the secret.
#[derive(Clone, PartialEq, Eq)]
pub struct S3Keys {
    /// Access key id.
    pub access_key: String,
    /// Secret access key.
    pub secret_key: String,
}

impl fmt::Debug for S3Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("S3Keys").field("access_key", &self.access_key).finish_non_exhaustive()
    }
}

impl S3Settings {
    /// Their settings, for the documents.
    pub const GROUP: Group = Group {
        title: "Storage in S3",
        read_by: ALL_PROGRAMS,
        settings: &[&ENABLED, &BUCKET, &REGION, &ACCESS_KEY, &SECRET_KEY, &ENDPOINT_URL, &PATH_STYLE],
    };

    /// Reads [`Self::GROUP`]; `None` where S3 is not switched on.
    pub fn read(reader: &mut Reader<'_>) -> Option<Self> {
        if !reader.get(&ENABLED) {
            return None;
        }
        let keys = reader.both(&ACCESS_KEY, &SECRET_KEY, |other| format!("must be set, since {other} is"));
        let endpoint_url = reader.get(&ENDPOINT_URL);
        Some(Self {
            bucket: reader.get(&BUCKET),
            region: reader.get(&REGION),
            keys: keys.map(|(access_key, secret_key)| S3Keys { access_key, secret_key }),
            path_style: reader.get(&PATH_STYLE).unwrap_or(endpoint_url.is_some()),
            endpoint_url,
        })
    }
}
