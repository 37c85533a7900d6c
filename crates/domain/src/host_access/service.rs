//! Rules for the services of a Compose file.

use super::compose::{Bind, Checker};
use super::scope::Located;
use super::yaml::Node;

/// What Docker gives every container, so that asking for it after `cap_drop` gives nothing more.
const USUAL_CAPABILITIES: &[&str] = &[
    "AUDIT_WRITE",
    "CHOWN",
    "DAC_OVERRIDE",
    "FOWNER",
    "FSETID",
    "KILL",
    "MKNOD",
    "NET_BIND_SERVICE",
    "NET_RAW",
    "SETFCAP",
    "SETGID",
    "SETPCAP",
    "SETUID",
    "SYS_CHROOT",
];

/// Keys of a service that concern its own container alone. Ports stay allowed: they open what is in the sandbox and nothing else. So do the
/// sysctls, of which Docker takes those of the container's own namespaces.
#[rustfmt::skip]
const HARMLESS: &[&str] = &[
    "attach", "blkio_config", "cap_drop", "command", "configs", "container_name", "cpu_count", "cpu_percent", "cpu_period", "cpu_quota",
    "cpu_rt_period", "cpu_rt_runtime", "cpu_shares", "cpus", "cpuset", "depends_on", "develop", "dns", "dns_opt", "dns_search",
    "domainname", "entrypoint", "environment", "expose", "extra_hosts", "gpus", "group_add", "healthcheck", "hostname", "image", "init",
    "isolation", "labels", "links", "mac_address", "mem_limit", "mem_reservation", "mem_swappiness", "memswap_limit", "networks",
    "oom_kill_disable", "pids_limit", "platform", "ports", "profiles", "pull_policy", "pull_refresh_after", "read_only", "restart", "scale",
    "secrets", "shm_size", "stdin_open", "stop_grace_period", "stop_signal", "storage_opt", "sysctls", "tmpfs", "tty", "ulimits", "user",
    "working_dir", "<<",
];

impl Checker<'_, '_> {
    pub(super) fn service(&mut self, place: &str, service: &Node) {
        for (key, value) in service.fields() {
            if value.is_nothing() || HARMLESS.contains(&key.name.as_str()) || key.name.starts_with("x-") {
                continue;
            }
            let place = format!("{place}.{}", key.name);
            match key.name.as_str() {
                "build" => self.build(&place, value),
                "volumes" => self.mounts(&place, value),
                "privileged" | "use_api_socket" => self.flag(&place, value),
                "cap_add" => self.capabilities(&place, value),
                "cgroup" | "ipc" | "network_mode" | "pid" | "userns_mode" | "uts" => {
                    self.namespace(&key.name, &place, value);
                }
                "devices" => self.devices(&place, value),
                "security_opt" => self.security(&place, value),
                "runtime" => {
                    if self.known(value).is_some_and(|runtime| !matches!(runtime, "runc" | "nvidia")) {
                        self.found.add(value.line, place, "chooses how the machine runs the container");
                    }
                }
                "deploy" => self.deploy(&place, value),
                "logging" => self.logging(&place, value),
                "post_start" | "pre_stop" => {
                    for hook in value.items() {
                        if let Some(privileged) = hook.get("privileged") {
                            self.flag(&format!("{place}.privileged"), privileged);
                        }
                    }
                }
                "oom_score_adj" => {
                    if self.known(value).is_some_and(|score| score.trim_start().starts_with('-')) {
                        self.found.add(value.line, place, "lets the machine end other programs before this container");
                    }
                }
                "volumes_from" => self.volumes_from(&place, value),
                "extends" => {
                    if let Some(file) = value.get("file") {
                        self.compose_file(&format!("{place}.file"), file);
                    }
                }
                "env_file" | "label_file" => {
                    for item in value.items() {
                        self.task_path(&place, item.get("path").unwrap_or(item), true);
                    }
                }
                "annotations" => self.found.add(key.line, place, "steers how the machine runs the container"),
                "cgroup_parent" => self.found.add(key.line, place, "leaves the control group of the sandbox"),
                "credential_spec" => self.found.add(key.line, place, "uses a credential of the machine"),
                "device_cgroup_rules" => self.found.add(key.line, place, "gives access to devices of the machine"),
                "external_links" => self.found.add(key.line, place, "reaches containers outside of the sandbox"),
                "models" => self.found.add(key.line, place, "runs a model on the machine"),
                "provider" => self.found.add(key.line, place, "runs a program on the machine"),
                _ => self.found.add(key.line, place, "is not known to stay within the sandbox"),
            }
        }
    }

    fn flag(&mut self, place: &str, value: &Node) {
        if self.is_on(value) {
            self.found.add(value.line, place, "gives the container the rights of the machine's administrator");
        }
    }

    fn capabilities(&mut self, place: &str, value: &Node) {
        for item in value.items() {
            let Some(name) = self.known(item) else { continue };
            let upper = name.to_ascii_uppercase();
            if !USUAL_CAPABILITIES.contains(&upper.strip_prefix("CAP_").unwrap_or(&upper)) {
                self.found.add(item.line, place, format!("asks for {name:?}, a capability that Docker withholds"));
            }
        }
    }

    fn namespace(&mut self, key: &str, place: &str, value: &Node) {
        let Some(mode) = self.known(value) else { return };
        let is_own = match key {
            "ipc" => matches!(mode, "none" | "private" | "shareable"),
            "network_mode" => matches!(mode, "none" | "bridge" | "default"),
            "cgroup" => mode == "private",
            _ => false,
        };
        // Compose writes the container of a service by its name here.
        if !is_own && !mode.starts_with("service:") {
            self.found.add(value.line, place, format!("is {mode:?}, which is not the sandbox's own"));
        }
    }

    fn devices(&mut self, place: &str, value: &Node) {
        for item in value.items() {
            let device = item.get("source").unwrap_or(item);
            if self.known(device).is_some_and(|device| !device.starts_with("nvidia.com/gpu=")) {
                self.found.add(device.line, place, "gives the container a device of the machine");
            }
        }
    }

    fn security(&mut self, place: &str, value: &Node) {
        for item in value.items() {
            let Some(option) = self.known(item) else { continue };
            if option != "no-new-privileges"
                && !option.starts_with("no-new-privileges:")
                && !option.starts_with("no-new-privileges=")
            {
                self.found.add(
                    item.line,
                    place,
                    format!("has {option:?}, which can loosen what confines the container"),
                );
            }
        }
    }

    fn deploy(&mut self, place: &str, value: &Node) {
        let reserved = ["resources", "reservations", "devices"].iter().try_fold(value, |node, key| node.get(key));
        for device in reserved.map(Node::items).unwrap_or_default() {
            let Some(driver) = device.get("driver") else { continue };
            if self.known(driver).is_some_and(|driver| !matches!(driver, "" | "nvidia" | "amd")) {
                let place = format!("{place}.resources.reservations.devices");
                self.found.add(driver.line, place, "gives the container a device of the machine that is no GPU");
            }
        }
    }

    fn logging(&mut self, place: &str, value: &Node) {
        let Some(driver) = value.get("driver") else { return };
        if self.known(driver).is_some_and(|driver| !matches!(driver, "" | "json-file" | "local" | "none")) {
            self.found.add(driver.line, format!("{place}.driver"), "writes into a log of the machine");
        }
    }

    fn volumes_from(&mut self, place: &str, value: &Node) {
        for item in value.items() {
            if self.known(item).is_some_and(|from| from.starts_with("container:")) {
                self.found.add(item.line, place, "mounts volumes of a container outside of the sandbox");
            }
        }
    }

    fn mounts(&mut self, place: &str, value: &Node) {
        for item in value.items() {
            if item.fields().is_empty() {
                let Some((source, writable)) = item.text().and_then(short_mount) else { continue };
                if !matches!(self.scope.locate(self.folder, source), Located::Unknown) && !is_path(source) {
                    continue;
                }
                self.bind(place, item, source, writable);
                continue;
            }
            let Some(kind) = item.get("type") else { continue };
            match self.known(kind) {
                None | Some("volume" | "tmpfs" | "image") => {}
                Some("bind") => {
                    let writable = !item.get("read_only").is_some_and(|flag| self.is_on(flag));
                    if let Some(source) = item.get("source").or_else(|| item.get("src")) {
                        self.bind(place, source, source.text().unwrap_or_default(), writable);
                    }
                }
                Some(kind) => {
                    self.found.add(
                        item.line,
                        place,
                        format!("has a mount of the type {kind:?}, which leaves the sandbox"),
                    );
                }
            }
        }
    }

    fn bind(&mut self, place: &str, at: &Node, source: &str, writable: bool) {
        match self.scope.locate(self.folder, source) {
            Located::Unknown => self.leave_to_the_runner(at.line, source),
            Located::Harbors => {}
            Located::Task(inside) if self.scope.is_in_environment(&inside) => {
                self.binds.push(Bind { place: inside, writable, line: at.line, key: place.to_owned() });
            }
            _ if source.ends_with("docker.sock") => {
                self.found.add(
                    at.line,
                    place,
                    format!("mounts Docker's socket ({source}), which is as good as the whole machine"),
                );
            }
            _ => {
                let folder = self.scope.environment;
                self.found.add(
                    at.line,
                    place,
                    format!("mounts {source:?}, which is outside of the task's folder {folder}/"),
                );
            }
        }
    }

    fn build(&mut self, place: &str, value: &Node) {
        let Some(context) = value.text() else { return self.build_fields(place, value) };
        if !is_remote(context) {
            self.task_path(place, value, false);
        }
    }

    fn build_fields(&mut self, place: &str, build: &Node) {
        let context = build.get("context").and_then(Node::text).unwrap_or(".");
        for (key, value) in build.fields() {
            let place = format!("{place}.{}", key.name);
            if value.is_nothing() || key.name.starts_with("x-") {
                continue;
            }
            match key.name.as_str() {
                "context" => {
                    if !is_remote(context) {
                        self.task_path(&place, value, false);
                    }
                }
                "dockerfile" => self.dockerfile(&place, context, value),
                "additional_contexts" => self.contexts(&place, value),
                "cache_from" | "cache_to" => {
                    for item in value.items() {
                        if item.text().is_some_and(|cache| cache.contains("type=local")) {
                            self.found.add(item.line, &place, "keeps what it builds in a folder of the machine");
                        }
                    }
                }
                "network" => {
                    if self.known(value).is_some_and(|network| !matches!(network, "none" | "default" | "bridge")) {
                        self.found.add(value.line, place, "builds in a network that is not the sandbox's own");
                    }
                }
                "privileged" => self.flag(&place, value),
                "entitlements" => self.found.add(key.line, place, "builds with rights that Docker withholds"),
                "ssh" => self.found.add(key.line, place, "builds with a key of the machine"),
                "args" | "dockerfile_inline" | "extra_hosts" | "isolation" | "labels" | "no_cache" | "platforms"
                | "provenance" | "pull" | "sbom" | "secrets" | "shm_size" | "tags" | "target" | "ulimits" | "<<" => {}
                _ => self.found.add(key.line, place, "is not known to stay within the sandbox"),
            }
        }
    }

    /// A Dockerfile's path is relative to the context.
    fn dockerfile(&mut self, place: &str, context: &str, value: &Node) {
        let Some(path) = value.text() else { return };
        let located = match self.scope.locate(self.folder, context) {
            _ if is_remote(context) && !path.starts_with('/') => return,
            Located::Task(context) if !path.starts_with(['/', '~']) => self.scope.locate(&context, path),
            _ => self.scope.locate(self.folder, path),
        };
        match located {
            Located::Outside => self.outside(place, value),
            Located::Unknown => self.leave_to_the_runner(value.line, path),
            Located::Task(_) | Located::Harbors => {}
        }
    }

    fn contexts(&mut self, place: &str, value: &Node) {
        let named = value.fields().iter().map(|(_, context)| (context, context.text().unwrap_or_default()));
        let listed = value.items().iter().filter(|item| item.fields().is_empty());
        let listed = listed.map(|item| {
            let text = item.text().unwrap_or_default();
            (item, text.split_once('=').map_or(text, |(_, context)| context))
        });
        let contexts: Vec<(&Node, &str)> = named.chain(listed).collect();
        for (node, context) in contexts {
            let path = context.strip_prefix("oci-layout://").unwrap_or(context);
            let is_elsewhere =
                is_remote(path) || ["docker-image:", "service:", "target:"].iter().any(|kind| path.starts_with(kind));
            match self.scope.locate(self.folder, path) {
                _ if is_elsewhere => {}
                Located::Outside => self.outside(place, node),
                Located::Unknown => self.leave_to_the_runner(node.line, path),
                Located::Task(_) | Located::Harbors => {}
            }
        }
    }
}

/// Where a mount in its short form begins, and whether it can be written through; none where it only names a place in the container.
fn short_mount(text: &str) -> Option<(&str, bool)> {
    let mut depth = 0_usize;
    let mut colons = text.char_indices().filter_map(|(at, character)| {
        match character {
            '{' => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            ':' if depth == 0 => return Some(at),
            _ => {}
        }
        None
    });
    let (first, second) = (colons.next()?, colons.next());
    let is_on_a_drive = first == 1 && text.starts_with(|drive: char| drive.is_ascii_alphabetic());
    let at = second.filter(|_| is_on_a_drive).unwrap_or(first);
    let options = text[at + 1..].split_once(':').map_or("", |(_, options)| options);
    Some((&text[..at], !options.split(',').any(|option| option == "ro")))
}

/// Whether Compose takes the source of a mount for a path and not for the name of a volume.
fn is_path(source: &str) -> bool {
    source.starts_with(['.', '/', '~', '\\', '$']) || source.get(1..2) == Some(":")
}

/// Whether a context is fetched from elsewhere.
fn is_remote(context: &str) -> bool {
    ["https://", "http://", "git://", "ssh://", "git@", "github.com/"].iter().any(|start| context.starts_with(start))
}
