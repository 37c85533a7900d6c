//! The settings of Docker's client. Harbor gets a copy of what its client needs of them, in its own folder, and the values in them that
//! are secret are taken out of what is stored.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};
use tracing::warn;

use super::copying::copy_tree;

/// Where Docker's client finds its settings.
const FOLDER: &str = "DOCKER_CONFIG";
/// Where it finds the certificates for a daemon that is reached by TCP.
const CERTIFICATES: &str = "DOCKER_CERT_PATH";
/// Which of several daemons it speaks to.
const CONTEXT: &str = "DOCKER_CONTEXT";

/// What a folder of certificates has.
const CERTIFICATE_FILES: [&str; 3] = ["ca.pem", "cert.pem", "key.pem"];
/// Shortest line of a private key that is taken for secret: its first and last lines say only what it is.
const KEY_LINE: usize = 40;

/// The settings of the client that the runner's own user has.
#[derive(Debug, Default)]
pub struct DockerConfig {
    folder: Option<PathBuf>,
    settings: Map<String, Value>,
    context: Option<String>,
    certificates: Option<PathBuf>,
}

fn variable<'a>(variables: &'a [(OsString, OsString)], name: &str) -> Option<&'a OsStr> {
    let found = variables.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_os_str());
    found.filter(|value| !value.is_empty())
}

impl DockerConfig {
    /// Finds them by the runner's variables. Settings that cannot be read are told of and passed over: Docker's client does the same.
    pub fn find(variables: &[(OsString, OsString)]) -> Self {
        let home = || variable(variables, "HOME").map(|home| Path::new(home).join(".docker"));
        let folder = variable(variables, FOLDER).map(PathBuf::from).or_else(home);
        let settings = folder.as_deref().map(|folder| read(&folder.join("config.json"))).unwrap_or_default();
        let context = variable(variables, CONTEXT).and_then(OsStr::to_str).map(str::to_owned);
        let current = || settings.get("currentContext")?.as_str().map(str::to_owned);
        let context = context.or_else(current).filter(|name| name != "default");
        Self { folder, context, settings, certificates: variable(variables, CERTIFICATES).map(PathBuf::from) }
    }

    /// Leaves in `to` what Harbor's client needs: the settings, the context in use and the certificates. Returns the variables that say so.
    pub fn copy(&self, to: &Path) -> io::Result<Vec<(OsString, OsString)>> {
        fs::create_dir_all(to)?;
        let mut settings = self.settings.clone();
        let plugins: Vec<PathBuf> = self.plugin_folder().into_iter().collect();
        if !plugins.is_empty() {
            let folders = settings.entry("cliPluginsExtraDirs").or_insert_with(|| json!([]));
            if let Value::Array(folders) = folders {
                folders.extend(plugins.iter().map(|folder| json!(folder)));
            }
        }
        fs::write(to.join("config.json"), Value::Object(settings).to_string())?;
        for (from, name) in self.context_folders() {
            copy_tree(&from, &to.join(name))?;
        }
        let mut variables = vec![(FOLDER.into(), to.into())];
        if let Some(from) = &self.certificates {
            let certificates = to.join("certificates");
            fs::create_dir_all(&certificates)?;
            for file in CERTIFICATE_FILES.iter().filter(|file| from.join(file).is_file()) {
                copy_tree(&from.join(file), &certificates.join(file))?;
            }
            variables.push((CERTIFICATES.into(), certificates.into()));
        }
        Ok(variables)
    }

    /// The folder of the user's own plugins, and where each of its links leads.
    pub fn plugins(&self) -> Vec<PathBuf> {
        let folder = self.plugin_folder();
        let entries = folder.iter().filter_map(|folder| fs::read_dir(folder).ok()).flatten();
        let plugins: Vec<PathBuf> = entries.filter_map(|entry| fs::canonicalize(entry.ok()?.path()).ok()).collect();
        folder.into_iter().chain(plugins).collect()
    }

    fn plugin_folder(&self) -> Option<PathBuf> {
        self.folder.as_deref().map(|folder| folder.join("cli-plugins")).filter(|folder| folder.is_dir())
    }

    /// Where the context in use is described, and where its certificates are, with the same below a copy.
    fn context_folders(&self) -> Vec<(PathBuf, String)> {
        let (Some(folder), Some(context)) = (&self.folder, &self.context) else { return Vec::new() };
        let id = hex::encode(Sha256::digest(context.as_bytes()));
        let parts = ["meta", "tls"].map(|part| format!("contexts/{part}/{id}"));
        parts.into_iter().map(|part| (folder.join(&part), part)).filter(|(from, _)| from.is_dir()).collect()
    }

    /// Every value that is secret: what registries take for credentials, and private keys.
    pub fn secrets(&self) -> Vec<String> {
        let mut secrets = Vec::new();
        for credentials in self.settings.get("auths").and_then(Value::as_object).into_iter().flat_map(Map::values) {
            for value in credentials.as_object().into_iter().flat_map(Map::values).filter_map(Value::as_str) {
                secrets.push(value.to_owned());
                // `auth` is the user's name and the password, in base64.
                let decoded = STANDARD.decode(value).ok().and_then(|bytes| String::from_utf8(bytes).ok());
                secrets.extend(
                    decoded.as_deref().and_then(|pair| pair.split_once(':')).map(|(_, password)| password.to_owned()),
                );
            }
        }
        let headers = self.settings.get("HttpHeaders").and_then(Value::as_object);
        secrets.extend(headers.into_iter().flat_map(Map::values).filter_map(Value::as_str).map(str::to_owned));
        let tls = self.context_folders().into_iter().filter(|(_, part)| part.contains("/tls/")).map(|(from, _)| from);
        let keys = tls.chain(self.certificates.clone()).flat_map(walkdir::WalkDir::new);
        for key in keys.filter_map(Result::ok).filter(|entry| entry.file_name() == "key.pem") {
            let text = fs::read_to_string(key.path()).unwrap_or_default();
            secrets.extend(text.lines().map(str::trim).filter(|line| line.len() >= KEY_LINE).map(str::to_owned));
        }
        secrets
    }
}

fn read(file: &Path) -> Map<String, Value> {
    let text = match fs::read(file) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Map::new(),
        Err(error) => {
            warn!(%error, file = %file.display(), "the settings of Docker's client cannot be read; Harbor's client goes without");
            return Map::new();
        }
    };
    serde_json::from_slice(&text).unwrap_or_else(|error| {
        warn!(%error, file = %file.display(), "the settings of Docker's client are no JSON object; Harbor's client goes without");
        Map::new()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(folder: &Path, more: &[(&str, &str)]) -> DockerConfig {
        let home = (OsString::from("HOME"), folder.as_os_str().to_owned());
        let more = more.iter().map(|(name, value)| ((*name).into(), (*value).into()));
        DockerConfig::find(&[home].into_iter().chain(more).collect::<Vec<_>>())
    }

    fn home(settings: &Value) -> tempfile::TempDir {
        let home = tempfile::tempdir().unwrap();
        fs::create_dir(home.path().join(".docker")).unwrap();
        fs::write(home.path().join(".docker/config.json"), settings.to_string()).unwrap();
        home
    }

    fn copied(config: &DockerConfig, to: &Path) -> Value {
        config.copy(to).unwrap();
        serde_json::from_slice(&fs::read(to.join("config.json")).unwrap()).unwrap()
    }

    #[test]
    fn the_copy_logs_in_as_the_user_does_and_finds_the_users_plugins() {
        let auths = json!({"registry.example": {"auth": STANDARD.encode("me:word-of-registry")}, "other.example": {"identitytoken": "token-of-registry"}});
        let home = home(&json!({"auths": auths, "HttpHeaders": {"X-Meta": "value-of-header"}}));
        fs::create_dir(home.path().join(".docker/cli-plugins")).unwrap();
        let config = found(home.path(), &[]);
        let to = tempfile::tempdir().unwrap();
        let settings = copied(&config, to.path());
        assert_eq!(settings["auths"], auths);
        assert_eq!(settings["cliPluginsExtraDirs"], json!([home.path().join(".docker/cli-plugins")]));
        let secrets = config.secrets();
        for secret in ["word-of-registry", "token-of-registry", "value-of-header"] {
            assert!(secrets.iter().any(|found| found == secret), "{secret} is not in {secrets:?}");
        }
        assert!(secrets.contains(&STANDARD.encode("me:word-of-registry")));
    }

    #[test]
    fn the_context_in_use_comes_with_its_certificates_and_no_other() {
        let home = home(&json!({"currentContext": "far"}));
        let line = "k".repeat(64);
        for name in ["far", "near"] {
            let id = hex::encode(Sha256::digest(name.as_bytes()));
            for (part, file, text) in [("meta", "meta.json", "{}"), ("tls", "docker/key.pem", line.as_str())] {
                let file = home.path().join(format!(".docker/contexts/{part}/{id}/{file}"));
                fs::create_dir_all(file.parent().unwrap()).unwrap();
                fs::write(file, text).unwrap();
            }
        }
        let to = tempfile::tempdir().unwrap();
        let config = found(home.path(), &[]);
        copied(&config, to.path());
        let far = hex::encode(Sha256::digest("far"));
        assert!(to.path().join(format!("contexts/meta/{far}/meta.json")).is_file());
        assert!(to.path().join(format!("contexts/tls/{far}/docker/key.pem")).is_file());
        assert_eq!(fs::read_dir(to.path().join("contexts/meta")).unwrap().count(), 1);
        assert_eq!(config.secrets(), [line]);
        assert_eq!(found(home.path(), &[("DOCKER_CONTEXT", "default")]).context_folders(), []);
    }

    #[test]
    fn what_is_no_settings_file_is_none() {
        let home = home(&json!(["nothing"]));
        let to = tempfile::tempdir().unwrap();
        assert_eq!(copied(&found(home.path(), &[]), to.path()), json!({}));
        assert_eq!(copied(&found(Path::new("/nowhere"), &[]), to.path()), json!({}));
    }
}
