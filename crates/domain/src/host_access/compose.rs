//! What a Compose file asks for at its top: services, networks, volumes, files. What is not known to stay within a sandbox is refused, so that
//! a key of tomorrow's Compose is not let through by a check of today.

use super::scope::{Found, Located, Scope, has_variable, is_below, is_unsure};
use super::yaml::{Key, Node};

/// A bind mount inside the task: where it leads, whether it can be written through, and where it was asked for.
pub(super) struct Bind {
    pub(super) place: String,
    pub(super) writable: bool,
    pub(super) line: usize,
    pub(super) key: String,
}

/// Looks through one document of a Compose file.
pub(super) struct Checker<'a, 'b> {
    pub(super) scope: Scope<'a>,
    /// The folder that the file's paths are relative to.
    pub(super) folder: &'a str,
    pub(super) found: &'b mut Found<'a>,
    pub(super) binds: Vec<Bind>,
    /// Other Compose files that it is made of, in the task.
    pub(super) files: Vec<String>,
}

/// Settings of a bridge that stay within it. Others join networks or open ports of the machine.
const NETWORK_OPTIONS: &[&str] = &[
    "com.docker.network.driver.mtu",
    "com.docker.network.bridge.enable_icc",
    "com.docker.network.bridge.enable_ip_masquerade",
];

impl Checker<'_, '_> {
    /// Looks through a whole document. Afterwards `files` has to be looked through too.
    pub(super) fn document(&mut self, document: &Node) {
        for (key, value) in document.fields() {
            if value.is_nothing() {
                continue;
            }
            match key.name.as_str() {
                "services" => {
                    for (name, service) in value.fields() {
                        self.service(&format!("services.{}", name.name), service);
                    }
                }
                "networks" => self.each(key, value, Self::network),
                "volumes" => self.each(key, value, Self::volume),
                "configs" | "secrets" => self.each(key, value, Self::file),
                "include" => self.include(value),
                "version" | "name" | "<<" => {}
                name if name.starts_with("x-") => {}
                name => self.found.add(key.line, name, "is not known to stay within the sandbox"),
            }
        }
        self.nested_binds();
    }

    fn each(&mut self, key: &Key, value: &Node, check: fn(&mut Self, &str, &Node)) {
        for (name, definition) in value.fields() {
            check(self, &format!("{}.{}", key.name, name.name), definition);
        }
    }

    /// The text of a value, if no variable makes it. Otherwise the runner tells, unless it cannot either.
    pub(super) fn known<'n>(&mut self, value: &'n Node) -> Option<&'n str> {
        let text = value.text()?;
        if self.scope.merged.is_some() || !has_variable(text) {
            return Some(text);
        }
        self.leave_to_the_runner(value.line, text);
        None
    }

    /// Refuses what depends on a variable that not even the runner knows in time.
    pub(super) fn leave_to_the_runner(&mut self, line: usize, text: &str) {
        if is_unsure(text) {
            self.found.add(
                line,
                format!("{text:?}"),
                "depends on a variable of the machine that runs trials: leave the variable out",
            );
        }
    }

    /// Whether a flag is set. What is not plainly off counts as on.
    pub(super) fn is_on(&mut self, value: &Node) -> bool {
        let Some(text) = value.text() else { return true };
        self.known(value).is_some()
            && !matches!(
                text.to_ascii_lowercase().as_str(),
                "" | "~" | "null" | "false" | "no" | "off" | "n" | "f" | "0"
            )
    }

    fn network(&mut self, place: &str, network: &Node) {
        for (key, value) in network.fields() {
            let place = format!("{place}.{}", key.name);
            match key.name.as_str() {
                "external" => self.external(&place, value, "network"),
                "name" => self.shared_name(&place, value, "network"),
                "driver" => {
                    if let Some(driver) = self.known(value)
                        && !matches!(driver, "" | "bridge" | "null" | "none" | "overlay")
                    {
                        self.found.add(
                            value.line,
                            place,
                            format!("joins the machine's network with the driver {driver:?}"),
                        );
                    }
                }
                "driver_opts" => {
                    for (option, _) in value.fields() {
                        if !NETWORK_OPTIONS.contains(&option.name.as_str()) {
                            let place = format!("{place}.{}", option.name);
                            self.found.add(option.line, place, "can join or open the machine's network");
                        }
                    }
                }
                "ipam" => {
                    if let Some(driver) = value.get("driver")
                        && self.known(driver).is_some_and(|driver| !matches!(driver, "" | "default"))
                    {
                        self.found.add(driver.line, format!("{place}.driver"), "is another than Docker's own");
                    }
                }
                "attachable" | "enable_ipv4" | "enable_ipv6" | "internal" | "labels" | "<<" => {}
                name if name.starts_with("x-") => {}
                _ => self.found.add(key.line, place, "is not known to stay within the sandbox"),
            }
        }
    }

    fn volume(&mut self, place: &str, volume: &Node) {
        for (key, value) in volume.fields() {
            let place = format!("{place}.{}", key.name);
            match key.name.as_str() {
                "external" => self.external(&place, value, "volume"),
                "name" => self.shared_name(&place, value, "volume"),
                "driver" => {
                    if self.known(value).is_some_and(|driver| !matches!(driver, "" | "local")) {
                        self.found.add(value.line, place, "is another than Docker's own `local`");
                    }
                }
                "driver_opts" => {
                    let kind = value.get("type").and_then(Node::text);
                    if !value.is_nothing() && kind != Some("tmpfs") {
                        self.found.add(key.line, place, "mounts something of the machine or of its network");
                    }
                }
                "labels" | "<<" => {}
                name if name.starts_with("x-") => {}
                _ => self.found.add(key.line, place, "is not known to stay within the sandbox"),
            }
        }
    }

    fn external(&mut self, place: &str, value: &Node, what: &str) {
        if self.is_on(value) {
            self.found.add(value.line, place, format!("joins a {what} of the machine that others made"));
        }
    }

    /// A name that is not made from that of the sandbox belongs to all of the machine.
    fn shared_name(&mut self, place: &str, value: &Node, what: &str) {
        let Some(name) = self.known(value) else { return };
        let is_own = self.scope.merged.is_some_and(|merged| name.starts_with(&format!("{}_", merged.project)));
        if !is_own {
            self.found.add(
                value.line,
                place,
                format!(
                    "names a {what} for the whole machine, which other trials or programs may have: leave the name out"
                ),
            );
        }
    }

    /// A config or a secret.
    fn file(&mut self, place: &str, definition: &Node) {
        for (key, value) in definition.fields() {
            let place = format!("{place}.{}", key.name);
            match key.name.as_str() {
                "file" => self.task_path(&place, value, false),
                "external" => self.external(&place, value, "file"),
                "content" | "environment" | "name" | "labels" | "template_driver" | "<<" => {}
                name if name.starts_with("x-") => {}
                _ => self.found.add(key.line, place, "is not known to stay within the sandbox"),
            }
        }
    }

    fn include(&mut self, value: &Node) {
        for item in value.items() {
            for path in item.get("path").unwrap_or(item).items() {
                self.compose_file("include", path);
            }
            for (key, value) in item.fields() {
                if matches!(key.name.as_str(), "project_directory" | "env_file") {
                    for value in value.items() {
                        self.task_path(&format!("include.{}", key.name), value, true);
                    }
                }
            }
        }
    }

    /// A further Compose file, which has to be the task's own to be looked through.
    pub(super) fn compose_file(&mut self, place: &str, value: &Node) {
        let Some(path) = value.text() else { return };
        match self.scope.locate(self.folder, path) {
            Located::Task(path) => self.files.push(path),
            Located::Unknown => self.by_variable(place, value),
            Located::Harbors | Located::Outside => self.outside(place, value),
        }
    }

    /// A path that has to stay in the task. `read_first` where Compose itself reads it, so that nobody can tell afterwards what it was.
    pub(super) fn task_path(&mut self, place: &str, value: &Node, read_first: bool) {
        let Some(path) = value.text() else { return };
        match self.scope.locate(self.folder, path) {
            Located::Task(_) => {}
            Located::Unknown if read_first => self.by_variable(place, value),
            Located::Unknown => self.leave_to_the_runner(value.line, path),
            Located::Harbors | Located::Outside => self.outside(place, value),
        }
    }

    pub(super) fn outside(&mut self, place: &str, value: &Node) {
        let path = value.text().unwrap_or_default();
        self.found.add(value.line, place, format!("names {path:?}, which is outside of the task"));
    }

    fn by_variable(&mut self, place: &str, value: &Node) {
        let path = value.text().unwrap_or_default();
        self.found.add(value.line, place, format!("names a file by a variable, {path:?}: name it itself"));
    }

    /// A folder that one mount lets a container write can be a link to anywhere by the time that Docker mounts something below it.
    fn nested_binds(&mut self) {
        for bind in &self.binds {
            if self.binds.iter().any(|other| other.writable && is_below(&bind.place, &other.place)) {
                self.found.add(
                    bind.line,
                    bind.key.clone(),
                    format!(
                        "mounts {:?}, which lies in a folder that another mount lets a container write, and which may be a link to \
                         anywhere then: mount one of them read-only, or keep them apart",
                        bind.place
                    ),
                );
            }
        }
    }
}
