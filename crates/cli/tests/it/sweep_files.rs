use serde_json::json;
use snapbox::{assert_data_eq, str};

use crate::answers::{accepting_server, sweeps, tasks};
use crate::binary::oddish_at;

#[tokio::test]
async fn faults_name_the_file_and_the_entry_and_nothing_is_sent() {
    let server = accepting_server().await;
    let folder = tasks(&["hello"]);
    let file = folder.path().join("sweep.yaml");
    std::fs::write(&file, "agents:\n  - name: codex\n    modle_name: gpt-5.2\nenviroment: docker\ndataset: x\n")
        .unwrap();
    let arguments = ["run", folder.path().to_str().unwrap(), "-c", file.to_str().unwrap()];
    let outcome = oddish_at(&server, &arguments).await;
    assert_eq!((outcome.code, outcome.stdout.as_str()), (1, ""), "{outcome:#?}");
    let stderr = outcome.stderr.replace(folder.path().to_str().unwrap(), "FOLDER");
    assert_data_eq!(
        stderr,
        str![[r#"
error: FOLDER/sweep.yaml, line 2, column 5: agents[0].model_name: Model is required for all agents except nop/oracle: give `codex` a model
error: FOLDER/sweep.yaml, line 3, column 5: agents[0].modle_name: unknown key; did you mean `model_name`?
error: FOLDER/sweep.yaml, line 4, column 1: enviroment: unknown key; did you mean `environment`?
error: FOLDER/sweep.yaml, line 5, column 1: dataset: registry datasets are not supported by this version: give a path

"#]]
    );
    assert_eq!(server.received_requests().await.unwrap().len(), 0);
}

#[tokio::test]
async fn files_that_cannot_be_read_or_parsed_exit_with_1() {
    let server = accepting_server().await;
    let folder = tasks(&["hello"]);
    std::fs::write(folder.path().join("broken.yaml"), "agents: [\n").unwrap();
    std::fs::write(folder.path().join("broken.json"), "{\"agents\": ").unwrap();
    for name in ["absent.yaml", "broken.yaml", "broken.json"] {
        let file = folder.path().join(name);
        let outcome = oddish_at(&server, &["run", folder.path().to_str().unwrap(), "-c", file.to_str().unwrap()]).await;
        assert_eq!(outcome.code, 1, "{outcome:#?}");
        assert!(outcome.stderr.starts_with("error: ") && outcome.stderr.contains(name), "{outcome:#?}");
        assert_eq!(outcome.stderr.lines().count(), 1, "{outcome:#?}");
        let told = outcome.stderr.replace(file.to_str().unwrap(), "FILE");
        let begins =
            if name == "absent.yaml" { "error: FILE: cannot be read: " } else { "error: FILE, line 1, column " };
        assert!(told.starts_with(begins), "{outcome:#?}");
    }
}

#[tokio::test]
async fn yaml_and_json_mean_the_same() {
    let server = accepting_server().await;
    let folder = tasks(&["hello", "other"]);
    let yaml = "agents:\n- {name: oracle}\n- {name: codex, model_name: gpt-5.2, n_trials: 3}\ntask_names: ['h*']\n";
    let json =
        r#"{"agents":[{"name":"oracle"},{"name":"codex","model_name":"gpt-5.2","n_trials":3}],"task_names":["h*"]}"#;
    for (name, text) in [("sweep.yml", yaml), ("sweep.json", json), ("sweep", yaml), ("sweep.txt", json)] {
        let file = folder.path().join(name);
        std::fs::write(&file, text).unwrap();
        let arguments = ["run", folder.path().to_str().unwrap(), "-c", file.to_str().unwrap(), "-a", "nop", "-b"];
        let outcome = oddish_at(&server, &arguments).await;
        assert_eq!(outcome.code, 0, "{outcome:#?}");
        assert!(outcome.stderr.contains("warning: --agent and --model are ignored"), "{outcome:#?}");
    }
    let sweeps = sweeps(&server).await;
    assert_eq!(sweeps.len(), 4);
    for sweep in sweeps {
        let codex = json!({ "agent": "codex", "model": "gpt-5.2", "n_trials": 3 });
        assert_eq!(sweep["configs"], json!([{ "agent": "oracle", "n_trials": 1 }, codex]));
    }
}
