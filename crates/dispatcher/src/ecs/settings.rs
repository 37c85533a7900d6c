//! Where on ECS runners run, and on what.

use std::time::Duration;

use oddish_domain::settings::{AnySetting, Group, Reader, Setting};

use super::size::Size;
use crate::settings::LAUNCHER;

const CLUSTER: Setting<String> = Setting::new("ODDISH_ECS_CLUSTER", "")
    .doc("ECS cluster in which runners are started; needed with ODDISH_LAUNCHER=ecs.");
const TASK_DEFINITION: Setting<String> = Setting::new("ODDISH_ECS_TASK_DEFINITION", "")
    .doc("ARN or family of the runners' task definition; needed with ODDISH_LAUNCHER=ecs.");
const CONTAINER: Setting<String> =
    Setting::new("ODDISH_ECS_CONTAINER", "runner").doc("Name of the runner's container in the task definition.");
const SUBNETS: Setting<Vec<String>> = Setting::new("ODDISH_ECS_SUBNETS", "")
    .doc("Ids of the subnets for runners, separated by commas; needed with ODDISH_LAUNCHER=ecs.");
const SECURITY_GROUPS: Setting<Vec<String>> =
    Setting::new("ODDISH_ECS_SECURITY_GROUPS", "").doc("Ids of the runners' security groups, separated by commas.");
const ASSIGN_PUBLIC_IP: Setting<bool> = Setting::new("ODDISH_ECS_ASSIGN_PUBLIC_IP", false)
    .doc("Whether runners on Fargate get public IP addresses. They need one in a subnet without a NAT gateway.");
const CAPACITY: Setting<String> = Setting::new("ODDISH_ECS_CAPACITY", "spot").doc(
    "Capacity that runners use: `spot`, `on_demand`, or the name of a capacity provider. A trial that Spot interrupted twice uses on-demand capacity next.",
);
const DOCKER_CAPACITY: Setting<Option<String>> = Setting::optional("ODDISH_ECS_DOCKER_CAPACITY").doc(
    "Capacity provider for trials whose environment is `docker`: its machines give runners access to Docker, which Fargate does not have.",
);
const DOCKER_TASK_DEFINITION: Setting<Option<String>> = Setting::optional("ODDISH_ECS_DOCKER_TASK_DEFINITION")
    .doc("ARN or family of the task definition for trials whose environment is `docker`. Set it together with the capacity provider.");
const OWNER: Setting<String> = Setting::new("ODDISH_ECS_OWNER", "oddish")
    .check("must be up to 36 letters, digits, `-`, `_` and `/`", |owner: &String| {
        let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '/');
        owner.len() <= 36 && owner.chars().all(fits)
    })
    .doc(
    "Tag of the tasks that this deployment starts. Deployments that share a cluster need different tags. Up to 36 characters.",
);
const LAUNCHES_PER_SECOND: Setting<u32> = Setting::new("ODDISH_ECS_LAUNCHES_PER_SECOND", 10)
    .within(1, 100)
    .unit("tasks a second")
    .doc("Most tasks that are started in one second. ECS allows about 20.");
const DEADLINE_HOURS: Setting<u64> = Setting::new("ODDISH_ECS_DEADLINE_HOURS", 24)
    .within(1, 1000)
    .unit("hours")
    .doc("Hours after which a runner's task is stopped.");
const ENDPOINT_URL: Setting<Option<String>> =
    Setting::optional("ODDISH_ECS_ENDPOINT_URL").doc("URL of an ECS endpoint other than AWS's, such as an emulator.");
const CPU: Setting<u32> = Setting::new("ODDISH_RUNNER_CPU", 512)
    .within(128, 16_384)
    .unit("CPU units")
    .doc("CPU units of a runner's task, of which 1024 are one vCPU.");
const MEMORY_MB: Setting<u32> = Setting::new("ODDISH_RUNNER_MEMORY_MB", 1024)
    .within(512, 122_880)
    .unit("MiB")
    .doc("Memory of a runner's task in MB. The next attempt of one that ran out of memory gets twice as much.");

/// Time enough for another task to end, and short compared with a start.
const PAUSE: Duration = Duration::from_secs(5);

/// What a task runs on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Capacity {
    /// Fargate's spare machines, which may be taken away with two minutes' notice.
    Spot,
    /// Fargate.
    OnDemand,
    /// A capacity provider of the cluster.
    Provider(String),
}

impl Capacity {
    /// The name that ECS has for it.
    pub(super) fn provider(&self) -> &str {
        match self {
            Self::Spot => "FARGATE_SPOT",
            Self::OnDemand => "FARGATE",
            Self::Provider(name) => name,
        }
    }

    /// The word for it in the database.
    pub(super) fn word(&self) -> &'static str {
        match self {
            Self::Spot => "spot",
            Self::OnDemand => "on_demand",
            Self::Provider(_) => "provider",
        }
    }
}

/// Machines that lend runners their Docker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DockerMachines {
    /// Name of their capacity provider.
    pub provider: String,
    /// The task definition that mounts their Docker's socket.
    pub task_definition: String,
}

/// Where on ECS runners run, and on what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EcsSettings {
    /// Name or ARN of the cluster.
    pub cluster: String,
    /// ARN or family.
    pub task_definition: String,
    /// The container that is told which attempt to run.
    pub container: String,
    /// Ids of subnets.
    pub subnets: Vec<String>,
    /// Ids of security groups.
    pub security_groups: Vec<String>,
    /// Whether tasks on Fargate get public addresses.
    pub assign_public_ip: bool,
    /// What tasks run on.
    pub capacity: Capacity,
    /// What tasks run on whose trials need Docker, if that is something else.
    pub docker: Option<DockerMachines>,
    /// What tasks are tagged with.
    pub owner: String,
    /// Most tasks started in a second.
    pub launches_per_second: u32,
    /// How long nothing is started after a refusal for want of room; longer with each further one.
    pub pause_after_refusal: Duration,
    /// How long a task may last.
    pub deadline: Duration,
    /// Another service than AWS.
    pub endpoint_url: Option<String>,
    /// CPU and memory of a task.
    pub size: Size,
}

impl EcsSettings {
    /// Their settings, for the documents.
    pub const GROUP: Group = Group {
        title: "Starting runners on ECS",
        read_by: "`dispatch`; `reconcile` the owner",
        settings: &[
            &CLUSTER,
            &TASK_DEFINITION,
            &CONTAINER,
            &SUBNETS,
            &SECURITY_GROUPS,
            &ASSIGN_PUBLIC_IP,
            &CAPACITY,
            &DOCKER_CAPACITY,
            &DOCKER_TASK_DEFINITION,
            &OWNER,
            &LAUNCHES_PER_SECOND,
            &DEADLINE_HOURS,
            &ENDPOINT_URL,
            &CPU,
            &MEMORY_MB,
        ],
    };

    /// Reads [`Self::GROUP`].
    pub fn read(reader: &mut Reader<'_>) -> Self {
        let (cluster, task_definition) = (reader.get(&CLUSTER), reader.get(&TASK_DEFINITION));
        let subnets = reader.get(&SUBNETS);
        let needed: [(&dyn AnySetting, bool); 3] = [
            (&CLUSTER, cluster.is_empty()),
            (&TASK_DEFINITION, task_definition.is_empty()),
            (&SUBNETS, subnets.is_empty()),
        ];
        for (setting, _) in needed.into_iter().filter(|(_, is_missing)| *is_missing) {
            reader.reject(setting, format!("must be set with {LAUNCHER}=ecs"));
        }
        let capacity = match reader.get(&CAPACITY).as_str() {
            "spot" => Capacity::Spot,
            "on_demand" => Capacity::OnDemand,
            provider => Capacity::Provider(provider.to_owned()),
        };
        let docker = reader
            .both(&DOCKER_CAPACITY, &DOCKER_TASK_DEFINITION, |other| format!("must be set together with {other}"));
        let owner = Self::read_owner(reader);
        let size = Size { cpu: reader.get(&CPU), memory_mb: reader.get(&MEMORY_MB) };
        if !matches!(capacity, Capacity::Provider(_)) && size.on_fargate() != size {
            let Size { cpu, memory_mb } = size.on_fargate();
            reader.reject(
                &MEMORY_MB,
                format!("is no size that Fargate has with {CPU}={}; {cpu} and {memory_mb} would be one", size.cpu),
            );
        }
        Self {
            cluster,
            task_definition,
            container: reader.get(&CONTAINER),
            subnets,
            security_groups: reader.get(&SECURITY_GROUPS),
            assign_public_ip: reader.get(&ASSIGN_PUBLIC_IP),
            capacity,
            docker: docker.map(|(provider, task_definition)| DockerMachines { provider, task_definition }),
            owner,
            launches_per_second: reader.get(&LAUNCHES_PER_SECOND),
            pause_after_refusal: PAUSE,
            deadline: Duration::from_secs(3600 * reader.get(&DEADLINE_HOURS)),
            endpoint_url: reader.get(&ENDPOINT_URL),
            size,
        }
    }

    /// Reads `ODDISH_ECS_OWNER` only, for who hears of tasks and starts none.
    pub fn read_owner(reader: &mut Reader<'_>) -> String {
        reader.get(&OWNER)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use oddish_domain::settings::{Settings, SettingsFaults};

    use super::*;

    fn read(extra: &[(&str, &str)]) -> Result<EcsSettings, SettingsFaults> {
        let needed = [
            (CLUSTER.name(), "cluster"),
            (TASK_DEFINITION.name(), "runner:3"),
            (SUBNETS.name(), "subnet-1, subnet-2,"),
        ];
        let both = needed.iter().chain(extra).map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let settings = Settings::from_map(both.collect::<BTreeMap<_, _>>());
        settings.read(EcsSettings::read)
    }

    #[test]
    fn little_has_to_be_said() {
        let settings = read(&[]).unwrap();
        assert_eq!(settings.subnets, ["subnet-1", "subnet-2"]);
        assert_eq!(settings.capacity, Capacity::Spot);
        assert_eq!(settings.size, Size { cpu: 512, memory_mb: 1024 });
        assert_eq!(settings.docker, None);
    }

    #[test]
    fn what_cannot_be_is_refused() {
        for (variables, named) in [
            (&[(CLUSTER.name(), "")][..], CLUSTER.name()),
            (&[(DOCKER_CAPACITY.name(), "machines")], DOCKER_TASK_DEFINITION.name()),
            (&[(DOCKER_TASK_DEFINITION.name(), "machines")], DOCKER_CAPACITY.name()),
            (&[(OWNER.name(), "two words")], OWNER.name()),
            (&[(CPU.name(), "512"), (MEMORY_MB.name(), "5000")], MEMORY_MB.name()),
        ] {
            let text = read(variables).unwrap_err().to_string();
            assert!(text.contains(&format!("{named}:")), "{text}");
        }
        let on_machines =
            read(&[(CAPACITY.name(), "machines"), (CPU.name(), "512"), (MEMORY_MB.name(), "5000")]).unwrap();
        assert_eq!(on_machines.capacity, Capacity::Provider("machines".to_owned()));
    }
}
