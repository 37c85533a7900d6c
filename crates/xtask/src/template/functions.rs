//! The SAM resources of one endpoint: its function and its role.

use std::fmt::Write as _;

use super::Endpoint;
use super::capabilities::Capability;

/// The program that serves every endpoint, as `cargo xtask build-functions` packs it.
const PROGRAM: &str = "target/lambda/api/bootstrap.zip";

/// What all functions share is in the template's `Globals`.
pub(super) fn resources(endpoint: &Endpoint) -> String {
    let Endpoint { name: function, path, method, capabilities } = endpoint;
    let database = capabilities.contains(&Capability::Database);
    let name = resource_name(function);
    let mut yaml = String::new();
    role(&mut yaml, &name, capabilities);
    let _ = writeln!(yaml, "  {name}Function:\n    Type: AWS::Serverless::Function");
    if database {
        yaml.push_str("    DependsOn: Migration\n");
    }
    let _ = write!(
        yaml,
        "    Metadata:
      SkipBuild: true
    Properties:
      FunctionName: !Sub \"${{AWS::StackName}}-{function}\"
      CodeUri: {PROGRAM}
      Handler: {function}
      Role: !GetAtt {name}Role.Arn
"
    );
    if capabilities.iter().any(|capability| capability.unpacks()) {
        // An archive, what is in it, and a pack of that: 1 GiB each at the most.
        yaml.push_str("      MemorySize: 1769\n      EphemeralStorage:\n        Size: 4096\n");
    }
    if database {
        yaml.push_str(NETWORK);
    }
    environment(&mut yaml, capabilities);
    let path = api_gateway_path(path);
    let _ = write!(
        yaml,
        "      Events:
        Route:
          Type: HttpApi
          Properties:
            ApiId: !Ref HttpApi
            Method: {method}
            Path: {path}
"
    );
    yaml
}

const NETWORK: &str = "      VpcConfig:
        SubnetIds: !Ref PrivateSubnetIds
        SecurityGroupIds: [!Ref FunctionSecurityGroup]
";

fn role(yaml: &mut String, name: &str, capabilities: &[Capability]) {
    let _ = write!(
        yaml,
        "  {name}Role:
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument:
        Version: \"2012-10-17\"
        Statement: [{{ Effect: Allow, Action: \"sts:AssumeRole\", Principal: {{ Service: lambda.amazonaws.com }} }}]
      ManagedPolicyArns: [!Ref WriteApiLog{}]
",
        if capabilities.contains(&Capability::Database) { ", !Ref EnterNetwork" } else { "" }
    );
    // What is done in the bucket first, as the template has it elsewhere.
    let (files, others): (Vec<_>, Vec<_>) = capabilities.iter().partition(|capability| capability.is_of_files());
    let grants: Vec<_> =
        files.into_iter().chain(others).flat_map(|capability: &Capability| capability.grants()).collect();
    if grants.is_empty() {
        return;
    }
    yaml.push_str(
        "      Policies:
        - PolicyName: handler
          PolicyDocument:
            Version: \"2012-10-17\"
            Statement:
",
    );
    for (actions, resources) in grants {
        let actions = actions.iter().map(|action| format!("\"{action}\"")).collect::<Vec<_>>().join(", ");
        let resources = match resources {
            [one] => (*one).to_owned(),
            several => format!("[{}]", several.join(", ")),
        };
        let _ = writeln!(
            yaml,
            "              - Effect: Allow\n                Action: [{actions}]\n                Resource: {resources}"
        );
    }
}

fn environment(yaml: &mut String, capabilities: &[Capability]) {
    let can = |capability| capabilities.contains(&capability);
    if !can(Capability::Database) {
        return;
    }
    yaml.push_str(
        "      Environment:
        Variables:
          DATABASE_URL: !Sub
            - \"{{resolve:secretsmanager:${Secret}:SecretString}}\"
            - Secret: !If [MakesDatabase, !Ref DatabaseUrl, !Ref DatabaseUrlSecretArn]
          ODDISH_DB_STATEMENT_CACHE: !Ref DatabaseStatementCache
",
    );
    let mut set = |text: &str| yaml.extend(["          ", text, "\n"]);
    if can(Capability::Auth) {
        set("ODDISH_AUTH: api-key");
    }
    if capabilities.iter().any(|capability| capability.is_of_files()) {
        set("ODDISH_S3_ENABLED: \"true\"");
        set("ODDISH_S3_BUCKET: !Ref Bucket");
        set("ODDISH_S3_REGION: !Ref AWS::Region");
    }
    if can(Capability::Limits) {
        set("ODDISH_DEFAULT_MODEL_CONCURRENCY: !Ref ModelConcurrency");
        set("ODDISH_MODEL_CONCURRENCY_OVERRIDES: !Ref ModelConcurrencyOverrides");
    }
    if can(Capability::Sweeps) {
        set("ODDISH_SECRET_KEY: !Sub");
        set("  - \"{{resolve:secretsmanager:${Secret}:SecretString}}\"");
        set("  - Secret: !If [MakesSecretKey, !Ref SecretKey, !Ref SecretKeySecretArn]");
    }
    if can(Capability::Sweeps) || can(Capability::Uploads) {
        set("ODDISH_DOCKER_ENVIRONMENT: !Ref DockerEnvironment");
    }
    if can(Capability::Wakes) {
        set("ODDISH_WAKE_QUEUE_URL: !Ref WakeQueue");
    }
}

/// API Gateway marks a parameter that may contain slashes with a plus after it.
fn api_gateway_path(path: &str) -> String {
    path.split_once("{*")
        .map_or_else(|| path.to_owned(), |(before, name)| format!("{before}{{{}", name.replace('}', "+}")))
}

/// `get_task_trial` becomes `GetTaskTrial`: `CloudFormation` takes letters and digits only.
fn resource_name(function: &str) -> String {
    let words = function.split('_').map(|word| {
        let mut letters = word.chars();
        letters.next().map(|first| first.to_ascii_uppercase()).into_iter().chain(letters).collect::<String>()
    });
    words.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn yaml(path: &str) -> String {
        let [name, method, path] = ["get_queue", "GET", path].map(str::to_owned);
        resources(&Endpoint { name, method, path, capabilities: Vec::new() })
    }

    #[test]
    fn a_parameter_with_slashes_has_a_plus() {
        let yaml = yaml("/queues/{*key}");
        assert!(yaml.contains("  GetQueueFunction:\n") && yaml.contains("Path: /queues/{key+}\n"), "{yaml}");
    }

    #[test]
    fn what_needs_nothing_gets_nothing() {
        let yaml = yaml("/docs");
        for word in ["VpcConfig", "DATABASE_URL", "Migration", "EnterNetwork", "Policies:", "Environment"] {
            assert!(!yaml.contains(word), "{word}: {yaml}");
        }
    }
}
