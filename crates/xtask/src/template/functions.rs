//! The SAM resources of one endpoint: its function and its role.

use std::fmt::Write as _;

use super::Route;
use super::capabilities::Capabilities;

/// What all functions share is in the template's `Globals`.
pub(super) fn resources(route: &Route, can: Capabilities) -> String {
    let Route { path, method, function } = route;
    let name = resource_name(function);
    let mut yaml = String::new();
    role(&mut yaml, &name, can);
    let _ = writeln!(yaml, "  {name}Function:\n    Type: AWS::Serverless::Function");
    if can.database {
        yaml.push_str("    DependsOn: Migration\n");
    }
    let _ = write!(
        yaml,
        "    Metadata:
      SkipBuild: true
    Properties:
      FunctionName: !Sub \"${{AWS::StackName}}-{function}\"
      CodeUri: target/lambda/{function}
      Role: !GetAtt {name}Role.Arn
"
    );
    if can.unpacks() {
        // An archive, what is in it, and a pack of that: 1 GiB each at most.
        yaml.push_str("      MemorySize: 1769\n      EphemeralStorage:\n        Size: 4096\n");
    }
    if can.database {
        yaml.push_str(NETWORK);
    }
    environment(&mut yaml, can);
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

fn role(yaml: &mut String, name: &str, can: Capabilities) {
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
        if can.database { ", !Ref EnterNetwork" } else { "" }
    );
    let mut grants: Vec<_> = can.files.map(|files| files.grants().to_vec()).unwrap_or_default();
    if can.wakes {
        grants.push((&["sqs:SendMessage"], &["!GetAtt WakeQueue.Arn"]));
    }
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

fn environment(yaml: &mut String, can: Capabilities) {
    if !can.database {
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
    if can.auth {
        set("ODDISH_AUTH: api-key");
    }
    if can.files.is_some() {
        set("ODDISH_S3_ENABLED: \"true\"");
        set("ODDISH_S3_BUCKET: !Ref Bucket");
        set("ODDISH_S3_REGION: !Ref AWS::Region");
    }
    if can.limits {
        set("ODDISH_DEFAULT_MODEL_CONCURRENCY: !Ref ModelConcurrency");
        set("ODDISH_MODEL_CONCURRENCY_OVERRIDES: !Ref ModelConcurrencyOverrides");
    }
    if can.sweeps {
        set("ODDISH_SECRET_KEY: !Sub");
        set("  - \"{{resolve:secretsmanager:${Secret}:SecretString}}\"");
        set("  - Secret: !If [MakesSecretKey, !Ref SecretKey, !Ref SecretKeySecretArn]");
    }
    if can.sweeps || can.uploads {
        set("ODDISH_DOCKER_ENVIRONMENT: !Ref DockerEnvironment");
    }
    if can.wakes {
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

    fn yaml(path: &str, can: Capabilities) -> String {
        let route = Route { path: path.to_owned(), method: "GET".to_owned(), function: "get_queue".to_owned() };
        resources(&route, can)
    }

    #[test]
    fn a_parameter_with_slashes_has_a_plus() {
        let yaml = yaml("/queues/{*key}", Capabilities::default());
        assert!(yaml.contains("  GetQueueFunction:\n") && yaml.contains("Path: /queues/{key+}\n"), "{yaml}");
    }

    #[test]
    fn what_needs_nothing_gets_nothing() {
        let yaml = yaml("/docs", Capabilities::default());
        for word in ["VpcConfig", "DATABASE_URL", "Migration", "EnterNetwork", "Policies:", "Environment"] {
            assert!(!yaml.contains(word), "{word}: {yaml}");
        }
    }
}
