//! Storage settings.

use std::path::{Path, PathBuf};
use std::time::Duration;

use oddish_artifacts::{Key, SharedStore, StorageSettings, StoreError};
use oddish_domain::settings::{Settings, SettingsFaults};

fn read(variables: &[(&str, &str)]) -> Result<StorageSettings, SettingsFaults> {
    let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Settings::from_map(variables).read(StorageSettings::read)
}

#[test]
fn unset_means_a_folder_below_the_home_folder() {
    let unset = read(&[("ODDISH_HOME", "/srv/oddish")]).unwrap();
    assert_eq!((unset.local_storage_dir, unset.max_task_upload_mb), (PathBuf::from("/srv/oddish/artifacts"), 50));
    assert!(unset.secret_key.is_none() && unset.public_url.is_none() && unset.s3.is_none());
    let found = read(&[("HOME", "/home/alice")]).unwrap().local_storage_dir;
    let expected = if nix::unistd::geteuid().is_root() { "/var/lib/oddish" } else { "/home/alice/.local/share/oddish" };
    assert_eq!(found, Path::new(expected).join("artifacts"));
}

#[test]
fn with_a_bucket_nobody_asks_for_a_home() {
    let variables = [("ODDISH_S3_ENABLED", "true"), ("ODDISH_S3_BUCKET", "trials")];
    let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let settings = Settings::from_map(variables.into());
    let storage = settings.read(StorageSettings::read).unwrap();
    assert_eq!(storage.local_storage_dir, Path::new(""));
    for name in ["ODDISH_HOME", "HOME", "XDG_DATA_HOME"] {
        assert!(!settings.asked().contains(name), "{name}");
    }
}

#[test]
fn a_relative_folder_becomes_absolute() {
    let storage = read(&[("ODDISH_LOCAL_STORAGE_DIR", "data/store"), ("ODDISH_MAX_TASK_UPLOAD_MB", "7")]).unwrap();
    assert_eq!(storage.local_storage_dir, std::env::current_dir().unwrap().join(Path::new("data/store")));
    assert_eq!(storage.max_task_upload_mb, 7);
}

#[test]
fn a_bad_size_is_named() {
    for bad in ["0", "50MB", "99999999"] {
        let faults = read(&[("ODDISH_MAX_TASK_UPLOAD_MB", bad)]).unwrap_err();
        assert_eq!(faults.0[0].name, "ODDISH_MAX_TASK_UPLOAD_MB");
    }
}

#[test]
fn a_short_secret_is_refused_and_not_shown() {
    let faults = read(&[("ODDISH_SECRET_KEY", "short secret")]).unwrap_err();
    assert_eq!(faults.0[0].name, "ODDISH_SECRET_KEY");
    assert!(!faults.to_string().contains("short secret"), "{faults}");
    assert!(read(&[("ODDISH_SECRET_KEY", &"s".repeat(32))]).unwrap().secret_key.is_some());
}

#[tokio::test]
async fn the_store_is_the_folder_unless_s3_is_on() {
    async fn signed(store: &SharedStore) -> Result<String, StoreError> {
        let key = Key::parse("tasks/a").unwrap();
        Ok(store.presign_get(&key, Duration::from_mins(1)).await?.url)
    }
    let folder = tempfile::tempdir().unwrap();
    let place = ("ODDISH_LOCAL_STORAGE_DIR", folder.path().to_str().unwrap());
    let secret = "s".repeat(32);
    let with_url = [place, ("ODDISH_SECRET_KEY", secret.as_str()), ("ODDISH_PUBLIC_URL", "https://oddish.test")];
    for without in [&with_url[..1], &with_url[..2]] {
        assert!(read(without).unwrap().signing().is_none());
    }
    let storage = read(&with_url).unwrap();
    assert!(matches!(signed(&storage.open(None).await.unwrap()).await, Err(StoreError::NoSigning)));
    let url = signed(&storage.open(storage.signing()).await.unwrap()).await.unwrap();
    assert!(url.starts_with("https://oddish.test/artifacts/tasks/a?"), "{url}");
    let bucket = read(&[place, ("ODDISH_S3_ENABLED", "true"), ("ODDISH_S3_BUCKET", "trials")]).unwrap();
    let shown = format!("{:?}", bucket.open(None).await.unwrap());
    assert_eq!(shown, "S3Store(\"bucket `trials` at AWS us-east-1\")");
}
