//! What `CloudFormation` would make of the template: who may do what, and what is in whose environment.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::setup::cloudformation_lint;
use crate::workspace;

/// `CloudFormation` takes 500 resources of a template; some room is left for what comes.
const MOST_RESOURCES: usize = 400;
/// ... and a megabyte of it.
const MOST_BYTES: usize = 1_000_000;

/// Statements that say `*`: the resource, the statement's id, and why it cannot be narrower.
const STARS: &[(&str, &str, &str)] = &[
    (
        "EnterNetwork",
        "NetworkInterfaces",
        "Lambda makes the interfaces, whose names nobody knows before (AWS, Lambda in a VPC)",
    ),
    ("EnterNetwork", "NotByTheCode", "it denies"),
    (
        "DispatchRole",
        "ListTasks",
        "a task on Fargate has no container instance, the only resource of this action; a condition names the cluster",
    ),
    ("RunnerExecutionRole", "RegistryToken", "the token is the account's; the action knows no resource"),
    ("BucketPolicy", "EncryptedConnectionsOnly", "it denies"),
];

/// Policies that AWS wrote, and why they are not ours.
const OF_AWS: &[(&str, &str)] = &[(
    "service-role/AmazonEC2ContainerServiceforEC2Role",
    "what the ECS agent calls changes with the agent, and AWS keeps the policy current",
)];

const RESOLVED: &str = "{{resolve:secretsmanager:";

/// The template after SAM's transform.
struct Stack(Value);

impl Stack {
    fn expanded() -> Self {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/template");
        let mut python = Command::new(cloudformation_lint::python_with_sam().unwrap());
        python.arg(folder.join("expand.py")).arg(workspace::root().join("template.yaml"));
        let output = python.env("AWS_DEFAULT_REGION", super::REGION).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        Self(serde_json::from_slice(&output.stdout).unwrap())
    }

    fn resources(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.0["Resources"].as_object().unwrap().iter().map(|(name, resource)| (name.as_str(), resource))
    }

    fn of_type(&self, kind: &str) -> impl Iterator<Item = (&str, &Value)> {
        self.resources().filter(move |(_, resource)| resource["Type"] == kind)
    }

    /// Each statement with the resource that it belongs to.
    fn statements(&self) -> Vec<(&str, &Value)> {
        let mut statements = Vec::new();
        for (name, resource) in self.resources() {
            let properties = &resource["Properties"];
            let inline = list(&properties["Policies"]).into_iter().map(|policy| &policy["PolicyDocument"]);
            for document in inline.chain([&properties["PolicyDocument"]]) {
                statements.extend(list(&document["Statement"]).into_iter().map(|statement| (name, statement)));
            }
        }
        statements
    }

    /// What is wider than it has to be.
    fn too_wide(&self) -> Vec<String> {
        let mut faults = Vec::new();
        let mut excused = BTreeSet::new();
        for (owner, statement) in self.statements() {
            let id = statement["Sid"].as_str().unwrap_or("without an id");
            if statement.get("NotAction").is_some() || statement.get("NotResource").is_some() {
                faults.push(format!("{owner}, {id}: says what is not meant in place of what is"));
            }
            let actions = list(&statement["Action"]).into_iter().map(text).filter(|action| action.contains('*'));
            let resources = list(&statement["Resource"]).into_iter().map(text).filter(|resource| is_open(resource));
            let stars: Vec<_> = actions.chain(resources).collect();
            if stars.is_empty() {
                continue;
            }
            if let Some(star) = STARS.iter().find(|(resource, sid, _)| (*resource, *sid) == (owner, id)) {
                excused.insert(star);
                if star.2 == "it denies" && statement["Effect"] != "Deny" {
                    faults.push(format!("{owner}, {id}: allows {stars:?}"));
                }
            } else {
                faults.push(format!("{owner}, {id}: {stars:?}"));
            }
        }
        faults.extend(
            STARS.iter().filter(|star| !excused.contains(star)).map(|star| format!("nothing needs {star:?} any more")),
        );
        faults
    }

    /// Which roles are passed on to whom.
    fn passed(&self) -> Vec<(&str, &Value)> {
        let passes = |(_, statement): &(&str, &Value)| {
            list(&statement["Action"]).into_iter().any(|action| text(action).starts_with("iam:"))
        };
        self.statements().into_iter().filter(passes).collect()
    }

    fn environment(function: &Value) -> BTreeMap<&str, String> {
        let variables = function["Properties"]["Environment"]["Variables"].as_object();
        variables.into_iter().flatten().map(|(name, value)| (name.as_str(), text(value))).collect()
    }

    /// Secrets that a reader of the template or the console could see.
    fn in_clear(&self) -> Vec<String> {
        let mut faults = Vec::new();
        let documented = documented();
        let is_secret = |name: &str| documented.get(name).copied().unwrap_or(false);
        let sounds_secret = |name: &str| !documented.contains_key(name) && sounds_secret(name);
        for (owner, function) in self.of_type("AWS::Lambda::Function") {
            for (name, value) in Self::environment(function) {
                let secret = is_secret(name);
                if secret && !value.contains(RESOLVED) {
                    faults.push(format!("{owner}: {name} is in clear"));
                }
                if !secret && (sounds_secret(name) || value.contains(RESOLVED)) {
                    faults.push(format!("{owner}: {name} may be a secret, and nothing says so"));
                }
            }
        }
        for (owner, task) in self.of_type("AWS::ECS::TaskDefinition") {
            for container in list(&task["Properties"]["ContainerDefinitions"]) {
                for variable in list(&container["Environment"]) {
                    let name = text(&variable["Name"]);
                    if is_secret(&name) || sounds_secret(&name) || text(&variable["Value"]).contains(RESOLVED) {
                        faults.push(format!("{owner}: {name} is in the environment, not among the secrets"));
                    }
                }
            }
        }
        faults
    }
}

fn list(value: &Value) -> Vec<&Value> {
    match value {
        Value::Array(values) => values.iter().collect(),
        Value::Null => Vec::new(),
        one => vec![one],
    }
}

/// A text, or what would become one.
fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// Whether a resource is everything, or everything of a service.
fn is_open(resource: &str) -> bool {
    let arn = resource.split_once("arn:").map_or(resource, |(_, arn)| arn);
    resource == "*" || (arn != resource && arn.replace("::", "").split(':').take(4).any(|part| part.contains('*')))
}

/// The variables of docs/configuration.md, which the server's tests hold to the settings, and whether each is secret.
fn documented() -> BTreeMap<String, bool> {
    let page = super::read("docs/configuration.md").unwrap();
    let rows = page.lines().filter_map(|line| line.strip_prefix("| `")?.split_once('`'));
    rows.map(|(name, row)| (name.to_owned(), row.contains("| **Secret.** "))).collect()
}

/// Whether a variable that the page lacks may be a secret. Documented ones of such names may name a place: a queue's URL, a secret's ARN.
fn sounds_secret(name: &str) -> bool {
    ["KEY", "SECRET", "TOKEN", "PASSWORD", "_URL"].iter().any(|word| name.contains(word))
}

#[test]
fn nobody_may_do_more_than_is_listed() {
    assert_eq!(Stack::expanded().too_wide(), Vec::<String>::new());
}

#[test]
fn a_star_is_found_wherever_it_stands() {
    let statement = |action: &str, resource: Value| {
        let role = serde_json::json!({"Type": "AWS::IAM::Role", "Properties": {"Policies": [{"PolicyDocument": {
            "Statement": [{"Effect": "Allow", "Action": [action], "Resource": resource}]}}]}});
        let stack = Stack(serde_json::json!({"Resources": {"GetMoonRole": role}}));
        stack.too_wide().iter().filter(|fault| fault.starts_with("GetMoonRole")).count()
    };
    let bucket = serde_json::json!({"Fn::Sub": "${Bucket.Arn}/tasks/*"});
    assert_eq!(statement("s3:GetObject", bucket.clone()), 0);
    assert_eq!(statement("s3:*", bucket.clone()), 1);
    assert_eq!(statement("s3:Get*", bucket), 1);
    assert_eq!(statement("sqs:SendMessage", "*".into()), 1);
    assert_eq!(statement("sqs:SendMessage", serde_json::json!(["arn:aws:sqs:eu-central-1:1:queue", "*"])), 1);
    assert_eq!(
        statement(
            "sqs:SendMessage",
            serde_json::json!({"Fn::Sub": "arn:${AWS::Partition}:sqs:*:${AWS::AccountId}:queue"})
        ),
        1
    );
    let queue =
        serde_json::json!({"Fn::Sub": "arn:${AWS::Partition}:ecs:${AWS::Region}:${AWS::AccountId}:task/${Cluster}/*"});
    assert_eq!(statement("ecs:StopTask", queue), 0);
}

#[test]
fn only_the_dispatcher_passes_roles_and_only_those_of_trials_to_ecs() {
    let stack = Stack::expanded();
    let passed = stack.passed();
    let [("DispatchRole", statement)] = passed.as_slice() else { panic!("{passed:?}") };
    assert_eq!(statement["Action"], serde_json::json!(["iam:PassRole"]));
    let roles = ["RunnerRole", "RunnerExecutionRole"].map(|role| serde_json::json!({"Fn::GetAtt": [role, "Arn"]}));
    assert_eq!(statement["Resource"], serde_json::json!(roles));
    assert_eq!(
        statement["Condition"],
        serde_json::json!({"StringEquals": {"iam:PassedToService": "ecs-tasks.amazonaws.com"}})
    );
    for (name, task) in stack.of_type("AWS::ECS::TaskDefinition") {
        assert_eq!(task["Properties"]["TaskRoleArn"], roles[0], "{name}");
        assert_eq!(task["Properties"]["ExecutionRoleArn"], roles[1], "{name}");
    }
}

#[test]
fn every_function_has_a_role_of_its_own() {
    let stack = Stack::expanded();
    let mut roles = BTreeMap::new();
    for (name, function) in stack.of_type("AWS::Lambda::Function") {
        let role =
            function["Properties"]["Role"]["Fn::GetAtt"][0].as_str().unwrap_or_else(|| panic!("{name} names no role"));
        assert_eq!(role, name.replace("Function", "Role"));
        assert_eq!(roles.insert(role, name), None, "{role}");
    }
    let known: BTreeSet<&str> = stack.resources().map(|(name, _)| name).collect();
    for (name, role) in stack.of_type("AWS::IAM::Role") {
        for policy in list(&role["Properties"]["ManagedPolicyArns"]) {
            let ours = policy["Ref"].as_str().is_some_and(|policy| known.contains(policy));
            assert!(
                ours || OF_AWS.iter().any(|(policy_of_aws, _)| text(policy).contains(policy_of_aws)),
                "{name}: {policy}"
            );
        }
    }
}

/// Endpoints and the gateway's `$default` route are served by one program, which the handler tells which of them.
#[test]
fn every_function_runs_a_program_that_is_built() {
    let stack = Stack::expanded();
    let mut programs = BTreeSet::new();
    for (name, function) in stack.of_type("AWS::Lambda::Function") {
        let function = &function["Properties"];
        let called = function["FunctionName"]["Fn::Sub"].as_str().unwrap().strip_prefix("${AWS::StackName}-").unwrap();
        let program = function["Code"]["S3Key"].as_str().unwrap();
        let program = program.strip_prefix("target/lambda/").and_then(|path| path.strip_suffix("/bootstrap.zip"));
        let program = program.unwrap_or_else(|| panic!("{name}: {function}"));
        if program == "api" {
            assert_eq!(function["Handler"], called, "{name}");
        } else {
            assert_eq!((program, &function["Handler"]), (called, &serde_json::json!("bootstrap")), "{name}");
        }
        programs.insert(program.to_owned());
    }
    assert_eq!(programs, BTreeSet::from(crate::build_functions::PROGRAMS.map(str::to_owned)));
}

#[test]
fn who_has_the_database_is_in_the_network_and_waits_for_the_migrations() {
    let stack = Stack::expanded();
    for (name, function) in stack.of_type("AWS::Lambda::Function") {
        let has_database = Stack::environment(function).contains_key("DATABASE_URL");
        let in_network = function["Properties"].get("VpcConfig").is_some();
        let waits = list(&function["DependsOn"]).into_iter().any(|name| name == "Migration");
        assert_eq!(in_network, has_database, "{name}");
        assert_eq!(waits, has_database && name != "MigrateFunction", "{name}");
    }
    let migrate = &stack.0["Resources"]["MigrateFunction"];
    assert!(
        Stack::environment(migrate)["DATABASE_URL"].contains("Database.Endpoint.Address"),
        "past the proxy: {migrate}"
    );
}

#[test]
fn no_secret_is_in_clear() {
    let mut stack = Stack::expanded();
    assert_eq!(stack.in_clear(), Vec::<String>::new());
    let variables = &mut stack.0["Resources"]["CreateSweepFunction"]["Properties"]["Environment"]["Variables"];
    variables["ODDISH_SECRET_KEY"] = "hush".into();
    variables["OPENAI_API_KEY"] = "hush".into();
    assert_eq!(stack.in_clear().len(), 2);
}

#[test]
fn keys_are_always_asked_for() {
    let stack = Stack::expanded();
    let asking: Vec<&str> = stack
        .of_type("AWS::Lambda::Function")
        .filter(|(_, function)| Stack::environment(function).get("ODDISH_AUTH").is_some_and(|mode| mode == "api-key"))
        .map(|(name, _)| name)
        .collect();
    let others = stack.of_type("AWS::Lambda::Function").map(|(name, _)| name).filter(|name| !asking.contains(name));
    for name in others {
        let public = name.contains("Public")
            || name.starts_with("GetDocs")
            || ["GetOpenapiFunction", "GetHealthFunction"].contains(&name);
        let no_endpoint = ["Dispatch", "Reconcile", "Migrate", "NotFound"].iter().any(|event| name.starts_with(event));
        assert!(public || no_endpoint, "{name} asks nobody for a key");
    }
    assert!(asking.len() > 40, "{asking:?}");
}

#[test]
fn an_alarm_hears_of_its_own_stack_only() {
    let stack = Stack::expanded();
    let namespace = serde_json::json!({"Fn::Sub": "Oddish/${AWS::StackName}"});
    let alarms: Vec<&Value> = stack.of_type("AWS::CloudWatch::Alarm").map(|(_, alarm)| &alarm["Properties"]).collect();
    let over_ours = alarms.iter().filter(|alarm| alarm["Namespace"] == namespace).count();
    let over_those_of_aws = alarms.iter().filter(|alarm| text(&alarm["Namespace"]).starts_with("AWS/")).count();
    assert!(over_ours > 0 && over_ours + over_those_of_aws == alarms.len(), "{alarms:?}");
    for (name, function) in stack.of_type("AWS::Lambda::Function") {
        let variables = &function["Properties"]["Environment"]["Variables"];
        assert_eq!(variables["ODDISH_METRICS_NAMESPACE"], namespace, "{name}");
    }
    for (name, task) in stack.of_type("AWS::ECS::TaskDefinition") {
        for container in list(&task["Properties"]["ContainerDefinitions"]) {
            let variables = list(&container["Environment"]);
            let set = variables.into_iter().find(|variable| variable["Name"] == "ODDISH_METRICS_NAMESPACE");
            assert_eq!(set.map(|variable| &variable["Value"]), Some(&namespace), "{name}");
        }
    }
}

#[test]
fn the_stack_stays_within_what_cloudformation_takes() {
    let stack = Stack::expanded();
    let (resources, bytes) = (stack.resources().count(), stack.0.to_string().len());
    println!("{resources} resources, {bytes} bytes");
    assert!(resources <= MOST_RESOURCES && bytes <= MOST_BYTES, "{resources} resources, {bytes} bytes");
}
