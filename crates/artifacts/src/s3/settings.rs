//! Where the bucket is and who may use it (contract 5).

use std::fmt;

use oddish_domain::settings::{Reader, Variable};

const ENABLED: &str = "ODDISH_S3_ENABLED";
const BUCKET: &str = "ODDISH_S3_BUCKET";
const DEFAULT_BUCKET: &str = "data";
const REGION: &str = "ODDISH_S3_REGION";
const DEFAULT_REGION: &str = "us-east-1";
const ACCESS_KEY: &str = "ODDISH_S3_ACCESS_KEY";
const SECRET_KEY: &str = "ODDISH_S3_SECRET_KEY";
const ENDPOINT_URL: &str = "ODDISH_S3_ENDPOINT_URL";
const PATH_STYLE: &str = "ODDISH_S3_PATH_STYLE";

/// The variables that [`S3Settings`] reads.
pub const S3_VARIABLES: &[Variable] = &[
    Variable {
        name: ENABLED,
        default: "false",
        secret: false,
        doc: "Whether artifacts are kept in S3, or whatever speaks its protocol, in place of the local folder.",
    },
    Variable {
        name: BUCKET,
        default: DEFAULT_BUCKET,
        secret: false,
        doc: "Bucket for task archives, logs and artifacts. It must exist.",
    },
    Variable { name: REGION, default: DEFAULT_REGION, secret: false, doc: "Region of the bucket." },
    Variable {
        name: ACCESS_KEY,
        default: "",
        secret: true,
        doc: "Access key id. Without it, AWS's usual places are searched: environment, profile, the machine's role.",
    },
    Variable {
        name: SECRET_KEY,
        default: "",
        secret: true,
        doc: "Secret access key; set together with the access key id or not at all.",
    },
    Variable {
        name: ENDPOINT_URL,
        default: "",
        secret: false,
        doc: "URL of another service than AWS, such as http://localhost:9000. Clients must reach it too: they upload to it.",
    },
    Variable {
        name: PATH_STYLE,
        default: "",
        secret: false,
        doc: "Whether the bucket's name stands in the path of URLs, not in their host. True with an endpoint URL, else false.",
    },
];

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
    /// Reads [`S3_VARIABLES`]; `None` where S3 is not switched on.
    pub fn read(reader: &mut Reader<'_>) -> Option<Self> {
        if !reader.flag(ENABLED, false) {
            return None;
        }
        let keys = match (reader.secret(ACCESS_KEY), reader.secret(SECRET_KEY)) {
            (Some(access_key), Some(secret_key)) => Some(S3Keys { access_key, secret_key }),
            (None, None) => None,
            (Some(_), None) => {
                reader.reject_secret(SECRET_KEY, format!("must be set, since {ACCESS_KEY} is"));
                None
            }
            (None, Some(_)) => {
                reader.reject_secret(ACCESS_KEY, format!("must be set, since {SECRET_KEY} is"));
                None
            }
        };
        let endpoint_url = Some(reader.text(ENDPOINT_URL, "")).filter(|url| !url.is_empty());
        let has_scheme = |url: &String| url.starts_with("http://") || url.starts_with("https://");
        if !endpoint_url.as_ref().is_none_or(has_scheme) {
            reader.reject(ENDPOINT_URL, "must begin with http:// or https://");
        }
        let path_style = reader.flag(PATH_STYLE, endpoint_url.is_some());
        Some(Self {
            bucket: reader.text(BUCKET, DEFAULT_BUCKET),
            region: reader.text(REGION, DEFAULT_REGION),
            keys,
            endpoint_url,
            path_style,
        })
    }
}
