//! What the Compose file of a task says of its main service. Harbor's own file comes before it and builds `main` from the folder that the
//! task's file lies in; an image that the task's file names does not change that.

use serde_json::Value;

use super::fault::TaskFault;
use super::files::TaskListing;

/// The name of the Compose file of a sandbox.
pub const NAME: &str = "docker-compose.yaml";

/// Checks that there is something to build `main` from, where `folder` has no `Dockerfile`. What can't be told counts as right. The error
/// is the parser's, which may know less of YAML than Docker.
pub(super) fn check(
    files: &TaskListing,
    folder: &str,
    section: &'static str,
    text: &str,
) -> Result<Option<TaskFault>, String> {
    let file: Value = serde_saphyr::from_str(text).map_err(|error| error.to_string().replace('\n', " "))?;
    if file.get("include").is_some() {
        return Ok(None);
    }
    let main = file.get("services").and_then(|services| services.get("main"));
    if main.is_some_and(|main| main.get("extends").is_some() || main.get("<<").is_some()) {
        return Ok(None);
    }
    let build = main.and_then(|main| main.get("build")).filter(|build| !build.is_null());
    let Some(build) = build else {
        let image = main.and_then(|main| main.get("image")).and_then(Value::as_str);
        let folder = folder.to_owned();
        return Ok(Some(TaskFault::NothingToBuild { folder, section, image: image.map(str::to_owned) }));
    };
    let field = |key: &str| build.get(key).and_then(Value::as_str);
    if build.get("dockerfile_inline").is_some() {
        return Ok(None);
    }
    let context = build.as_str().or_else(|| field("context")).unwrap_or(".");
    let dockerfile = field("dockerfile").unwrap_or("Dockerfile");
    let elsewhere = |path: &str| path.starts_with(['/', '~']) || path.contains(['$', ':']);
    if elsewhere(context) || elsewhere(dockerfile) {
        return Ok(None);
    }
    let path = format!("{folder}/{context}/{dockerfile}");
    Ok(match plain(&path) {
        Some(plain) if files.has(&plain) => None,
        plain => Some(TaskFault::NoDockerfile { folder: folder.to_owned(), path: plain.unwrap_or(path) }),
    })
}

/// A path without `.`, `..` and doubled slashes, and without a slash at its beginning; none where it leads out of where it begins.
pub(crate) fn plain(path: &str) -> Option<String> {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()?),
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn found(text: &str) -> Option<String> {
        let files =
            ["environment/docker-compose.yaml", "environment/app/Dockerfile", "shared/Other"].into_iter().collect();
        check(&files, "environment", "environment", text).unwrap().map(|fault| fault.to_string())
    }

    #[rstest]
    #[case("services: {main: {build: ./app}}")]
    #[case("services: {main: {build: {context: app}}}")]
    #[case("services: {main: {build: {context: ., dockerfile: app/Dockerfile}}}")]
    #[case("services: {main: {build: {context: ../shared, dockerfile: Other}}}")]
    #[case("services: {main: {build: {dockerfile_inline: FROM debian}}}")]
    #[case("services: {main: {build: 'https://example.com/repo.git'}}")]
    #[case("services: {main: {build: '${CONTEXT_DIR}/app'}}")]
    #[case("services: {main: {extends: {file: base.yaml, service: main}}}")]
    #[case("include: [base.yaml]")]
    fn what_can_be_built_or_not_be_told_passes(#[case] text: &str) {
        assert_eq!(found(text), None);
    }

    #[test]
    fn an_image_alone_is_not_enough() {
        assert_eq!(
            found("services:\n  main:\n    image: debian:bookworm-slim\n").as_deref(),
            Some(
                "environment/docker-compose.yaml says nothing of how to build `main`, which Harbor builds from environment/Dockerfile, \
                 whatever image it names: add environment/Dockerfile with the line `FROM debian:bookworm-slim`, or set docker_image = \
                 \"debian:bookworm-slim\" in [environment] of task.toml"
            )
        );
        for text in ["services: {db: {image: postgres}}", "", "services: {main: {build: null}}", "[]"] {
            assert!(
                found(text)
                    .unwrap()
                    .ends_with("add environment/Dockerfile, or set docker_image in [environment] of task.toml")
            );
        }
    }

    #[rstest]
    #[case("services: {main: {build: .}}", "environment/Dockerfile")]
    #[case("services: {main: {build: {dockerfile: Gone}}}", "environment/Gone")]
    #[case("services: {main: {build: ../../..}}", "environment/../../../Dockerfile")]
    fn a_dockerfile_that_is_named_has_to_be_there(#[case] text: &str, #[case] path: &str) {
        let expected = format!("environment/docker-compose.yaml builds `main` from {path}, which is missing: add it");
        assert_eq!(found(text), Some(expected));
    }

    #[test]
    fn what_is_no_yaml_is_not_judged() {
        assert!(check(&TaskListing::default(), "environment", "environment", "a: [").is_err());
    }
}
