//! Storage settings.

use std::path::{Path, PathBuf};

use oddish_artifacts::StorageSettings;
use oddish_domain::settings::{Settings, SettingsFaults};

fn read(variables: &[(&str, &str)]) -> Result<StorageSettings, SettingsFaults> {
    let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Settings::from_map(variables).read(StorageSettings::read)
}

#[test]
fn unset_means_the_published_defaults() {
    let unset = read(&[]).unwrap();
    assert_eq!((unset.local_storage_dir, unset.max_task_upload_mb), (PathBuf::from("/tmp/oddish-tasks"), 50));
    assert!(unset.secret_key.is_none() && unset.public_url.is_none());
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
