//! Where on ECS runners run, and on what.

use std::time::Duration;

use oddish_domain::settings::{Reader, Variable};

use super::size::Size;

const CLUSTER: &str = "ODDISH_ECS_CLUSTER";
const TASK_DEFINITION: &str = "ODDISH_ECS_TASK_DEFINITION";
const CONTAINER: &str = "ODDISH_ECS_CONTAINER";
const SUBNETS: &str = "ODDISH_ECS_SUBNETS";
const SECURITY_GROUPS: &str = "ODDISH_ECS_SECURITY_GROUPS";
const ASSIGN_PUBLIC_IP: &str = "ODDISH_ECS_ASSIGN_PUBLIC_IP";
const CAPACITY: &str = "ODDISH_ECS_CAPACITY";
const DOCKER_CAPACITY: &str = "ODDISH_ECS_DOCKER_CAPACITY";
const DOCKER_TASK_DEFINITION: &str = "ODDISH_ECS_DOCKER_TASK_DEFINITION";
const OWNER: &str = "ODDISH_ECS_OWNER";
const LAUNCHES_PER_SECOND: &str = "ODDISH_ECS_LAUNCHES_PER_SECOND";
const DEADLINE_HOURS: &str = "ODDISH_ECS_DEADLINE_HOURS";
const ENDPOINT_URL: &str = "ODDISH_ECS_ENDPOINT_URL";
const CPU: &str = "ODDISH_RUNNER_CPU";
const MEMORY_MB: &str = "ODDISH_RUNNER_MEMORY_MB";

/// Time enough for another task to end, and short beside what a start takes.
const PAUSE: Duration = Duration::from_secs(5);

const fn plain(name: &'static str, default: &'static str, doc: &'static str) -> Variable {
    Variable { name, default, secret: false, doc }
}

/// The variables that [`EcsSettings`] reads.
pub const ECS_VARIABLES: &[Variable] = &[
    plain(CLUSTER, "", "ECS cluster in which runners are started; needed with ODDISH_LAUNCHER=ecs."),
    plain(TASK_DEFINITION, "", "ARN or family of the runners' task definition; needed with ODDISH_LAUNCHER=ecs."),
    plain(CONTAINER, "runner", "Name of the container in it that is told which attempt to run."),
    plain(SUBNETS, "", "Ids of the subnets for runners, separated by commas; needed with ODDISH_LAUNCHER=ecs."),
    plain(SECURITY_GROUPS, "", "Ids of the runners' security groups, separated by commas."),
    plain(
        ASSIGN_PUBLIC_IP,
        "false",
        "Whether runners on Fargate get public addresses, as they need in a subnet without a NAT.",
    ),
    plain(
        CAPACITY,
        "spot",
        "What runners run on: `spot`, `on_demand`, or the name of a capacity provider. A trial that Spot interrupted twice goes on on demand.",
    ),
    plain(
        DOCKER_CAPACITY,
        "",
        "Capacity provider of machines that lend runners their Docker, for trials whose environment is `docker`. Fargate has none.",
    ),
    plain(
        DOCKER_TASK_DEFINITION,
        "",
        "ARN or family of the task definition for these; set together with the capacity provider.",
    ),
    plain(
        OWNER,
        "oddish",
        "What started tasks are tagged with, so that deployments in one cluster leave each other's alone; up to 36 characters.",
    ),
    plain(LAUNCHES_PER_SECOND, "10", "Tasks started in a second at the most. ECS allows about 20."),
    plain(DEADLINE_HOURS, "24", "Hours after which a runner's task is stopped whatever it does."),
    plain(ENDPOINT_URL, "", "Another ECS than that of AWS, such as an emulator's."),
    plain(CPU, "512", "CPU units of a runner's task, of which 1024 are one vCPU."),
    plain(
        MEMORY_MB,
        "1024",
        "Memory of a runner's task in MB. The next attempt of one that ran out of memory gets twice as much.",
    ),
];

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
    /// Tasks started in a second at the most.
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
    /// Reads [`ECS_VARIABLES`].
    pub fn read(reader: &mut Reader<'_>) -> Self {
        for name in [CLUSTER, TASK_DEFINITION, SUBNETS] {
            if reader.text(name, "").is_empty() {
                reader.reject(name, "must be set with ODDISH_LAUNCHER=ecs");
            }
        }
        let capacity = match reader.text(CAPACITY, "spot").as_str() {
            "spot" => Capacity::Spot,
            "on_demand" => Capacity::OnDemand,
            provider => Capacity::Provider(provider.to_owned()),
        };
        let docker = match (reader.optional(DOCKER_CAPACITY), reader.optional(DOCKER_TASK_DEFINITION)) {
            (Some(provider), Some(task_definition)) => Some(DockerMachines { provider, task_definition }),
            (None, None) => None,
            (Some(_), None) => {
                reader.reject(DOCKER_TASK_DEFINITION, format!("must be set together with {DOCKER_CAPACITY}"));
                None
            }
            (None, Some(_)) => {
                reader.reject(DOCKER_CAPACITY, format!("must be set together with {DOCKER_TASK_DEFINITION}"));
                None
            }
        };
        let owner = Self::read_owner(reader);
        let size = Size {
            cpu: reader.within(CPU, 512, 128..=16_384),
            memory_mb: reader.within(MEMORY_MB, 1024, 512..=122_880),
        };
        if !matches!(capacity, Capacity::Provider(_)) && size.on_fargate() != size {
            let Size { cpu, memory_mb } = size.on_fargate();
            reader.reject(
                MEMORY_MB,
                format!("is no size that Fargate has with {CPU}={}; {cpu} and {memory_mb} would be one", size.cpu),
            );
        }
        Self {
            cluster: reader.text(CLUSTER, ""),
            task_definition: reader.text(TASK_DEFINITION, ""),
            container: reader.text(CONTAINER, "runner"),
            subnets: list(&reader.text(SUBNETS, "")),
            security_groups: list(&reader.text(SECURITY_GROUPS, "")),
            assign_public_ip: reader.flag(ASSIGN_PUBLIC_IP, false),
            capacity,
            docker,
            owner,
            launches_per_second: reader.within(LAUNCHES_PER_SECOND, 10, 1..=100),
            pause_after_refusal: PAUSE,
            deadline: Duration::from_secs(3600 * reader.within(DEADLINE_HOURS, 24, 1..=1000)),
            endpoint_url: reader.optional(ENDPOINT_URL),
            size,
        }
    }

    /// Reads `ODDISH_ECS_OWNER` only, for who hears of tasks and starts none.
    pub fn read_owner(reader: &mut Reader<'_>) -> String {
        let owner = reader.text(OWNER, "oddish");
        let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '/');
        if owner.len() > 36 || !owner.chars().all(fits) {
            reader.reject(OWNER, "must be up to 36 letters, digits, `-`, `_` and `/`");
        }
        owner
    }
}

fn list(text: &str) -> Vec<String> {
    text.split(',').map(str::trim).filter(|part| !part.is_empty()).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use oddish_domain::settings::{Settings, SettingsFaults};

    use super::*;

    fn read(extra: &[(&str, &str)]) -> Result<EcsSettings, SettingsFaults> {
        let needed = [(CLUSTER, "cluster"), (TASK_DEFINITION, "runner:3"), (SUBNETS, "subnet-1, subnet-2,")];
        let both = needed.iter().chain(extra).map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let settings = Settings::from_map(both.collect::<BTreeMap<_, _>>());
        let mut reader = settings.reader();
        let read = EcsSettings::read(&mut reader);
        reader.finish().map(|()| read)
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
            (&[(CLUSTER, "")][..], CLUSTER),
            (&[(DOCKER_CAPACITY, "machines")], DOCKER_TASK_DEFINITION),
            (&[(DOCKER_TASK_DEFINITION, "machines")], DOCKER_CAPACITY),
            (&[(OWNER, "two words")], OWNER),
            (&[(CPU, "512"), (MEMORY_MB, "5000")], MEMORY_MB),
        ] {
            let text = read(variables).unwrap_err().to_string();
            assert!(text.contains(&format!("{named}:")), "{text}");
        }
        let on_machines = read(&[(CAPACITY, "machines"), (CPU, "512"), (MEMORY_MB, "5000")]).unwrap();
        assert_eq!(on_machines.capacity, Capacity::Provider("machines".to_owned()));
    }
}
