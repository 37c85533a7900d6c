//! `oddish-local-bucket`: serves a folder as a bucket until it is stopped.

use std::path::PathBuf;

use anyhow::Context as _;
use clap::Parser;
use oddish_local_bucket::{Access, LocalBucket};
use tokio::net::TcpListener;

/// Serves a folder as a bucket that speaks S3's protocol, on this machine only, until it is stopped.
///
/// Name and keys come from the variables that Oddish's other programs read.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// Folder of the files
    root: PathBuf,
    /// Port to listen on
    #[arg(long)]
    port: u16,
    #[arg(long, env = "ODDISH_S3_BUCKET", hide = true)]
    bucket: String,
    #[arg(long, env = "ODDISH_S3_ACCESS_KEY", hide_env_values = true, hide = true)]
    access_key: String,
    #[arg(long, env = "ODDISH_S3_SECRET_KEY", hide_env_values = true, hide = true)]
    secret_key: String,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let Arguments { root, port, bucket, access_key, secret_key } = Arguments::parse();
    let listener =
        TcpListener::bind(("127.0.0.1", port)).await.with_context(|| format!("cannot listen on port {port}"))?;
    let access = Access { bucket, access_key, secret_key };
    let _bucket = LocalBucket::start(&root, listener, &access)
        .await
        .with_context(|| format!("cannot serve {}", root.display()))?;
    std::future::pending().await
}
