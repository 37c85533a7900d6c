//! AWS as moto plays it: ECS and SQS for the real SDKs.

use std::fs::File;
use std::net::TcpListener;
use std::process::Command;

use serde_json::{Value, json};

use crate::stack::{Stack, eventually};

const REGION: &str = "us-east-1";

/// A running moto.
pub(crate) struct Moto {
    pub(crate) url: String,
    client: reqwest::Client,
}

impl Moto {
    /// Starts one that ends with the stack.
    pub(crate) async fn start(stack: &mut Stack) -> Self {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let program = std::env::var_os("MOTO_SERVER").expect("run this with `cargo xtask test`, which installs it");
        let log = File::options().create(true).append(true).open(stack.folder().join("moto.log")).unwrap();
        let mut moto = Command::new(program);
        moto.args(["--host", "127.0.0.1", "--port", &port.to_string()]);
        stack.spawn(moto.stdout(log.try_clone().unwrap()).stderr(log));
        let moto = Self { url: format!("http://127.0.0.1:{port}"), client: reqwest::Client::new() };
        let ready = format!("{}/moto-api/data.json", moto.url);
        eventually("moto to answer", async || moto.client.get(&ready).send().await.ok()).await;
        // A task stands as it does until it is stopped. Otherwise it would move on with each look at it.
        let still = json!({"model_name": "ecs::task", "transition": {"progression": "manual", "times": 1_000_000}});
        let set = format!("{}/moto-api/state-manager/set-transition", moto.url);
        assert!(moto.client.post(set).json(&still).send().await.unwrap().status().is_success());
        moto
    }

    /// Calls an action of a service that speaks JSON.
    async fn call(&self, target: &str, service: &str, body: &Value) -> Value {
        let answer = self
            .client
            .post(&self.url)
            .header("x-amz-target", target)
            .header("content-type", "application/x-amz-json-1.1")
            .header("authorization", authorization(service))
            .body(body.to_string())
            .send()
            .await
            .unwrap();
        let (status, text) = (answer.status(), answer.text().await.unwrap());
        assert!(status.is_success(), "{target}: {text}");
        serde_json::from_str(&text).unwrap_or_default()
    }

    pub(crate) async fn ecs(&self, action: &str, body: &Value) -> Value {
        self.call(&format!("AmazonEC2ContainerServiceV20141113.{action}"), "ecs", body).await
    }

    pub(crate) async fn sqs(&self, action: &str, body: &Value) -> Value {
        self.call(&format!("AmazonSQS.{action}"), "sqs", body).await
    }

    /// The first id that EC2 lists of something, such as `subnetId` of `DescribeSubnets`.
    pub(crate) async fn first_of_ec2(&self, action: &str, name: &str) -> String {
        let answer = self
            .client
            .post(&self.url)
            .header("authorization", authorization("ec2"))
            .header("content-type", "application/x-www-form-urlencoded")
            .body(format!("Action={action}&Version=2016-11-15"))
            .send()
            .await
            .unwrap();
        let text = answer.text().await.unwrap();
        let (_, rest) = text.split_once(&format!("<{name}>")).unwrap_or_else(|| panic!("{action}: {text}"));
        rest.split('<').next().unwrap().to_owned()
    }
}

/// moto tells services apart by what a request is signed for; it does not check signatures.
fn authorization(service: &str) -> String {
    format!(
        "AWS4-HMAC-SHA256 Credential=test/20260101/{REGION}/{service}/aws4_request, SignedHeaders=host, Signature=0"
    )
}
