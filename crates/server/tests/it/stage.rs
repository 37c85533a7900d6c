//! A named stage of an API Gateway HTTP API, before functions that `cargo lambda watch` invokes: that knows no stages itself.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{OriginalUri, State};
use axum::http::{HeaderMap, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodFilter, on};
use oddish_functions::endpoints::ENDPOINTS;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// It lives until it is dropped.
pub(crate) struct Stage {
    /// With the stage's name as its path.
    pub(crate) url: String,
    gate: Arc<Gate>,
    server: JoinHandle<()>,
}

struct Gate {
    name: String,
    /// Where functions are invoked.
    invoke: String,
    client: reqwest::Client,
    events: AtomicUsize,
}

impl Stage {
    /// A stage called `name` before the functions of a gateway.
    pub(crate) async fn start(name: &str, gateway: &str) -> Self {
        let gate = Arc::new(Gate {
            name: name.to_owned(),
            invoke: format!("{gateway}/2015-03-31/functions"),
            client: reqwest::Client::new(),
            events: AtomicUsize::new(0),
        });
        let mut app = Router::new();
        for route in ENDPOINTS.iter() {
            let method = MethodFilter::try_from(route.method.clone()).unwrap();
            let handler = async move |State(gate): State<Arc<Gate>>, method, uri, headers, body| {
                gate.forward(method, uri, headers, body).await
            };
            app = app.route(&format!("/{name}{}", route.path), on(method, handler));
        }
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/{name}", listener.local_addr().unwrap());
        let app = app.with_state(Arc::clone(&gate));
        let server = tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self { url, gate, server }
    }

    /// How many events functions were invoked with.
    pub(crate) fn events(&self) -> usize {
        self.gate.events.load(Ordering::Relaxed)
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Gate {
    /// As AWS documents payload format 2.0: the stage is the path's first segment, and is named beside it.
    async fn forward(
        &self,
        method: Method,
        OriginalUri(uri): OriginalUri,
        headers: HeaderMap,
        body: Bytes,
    ) -> Response {
        self.events.fetch_add(1, Ordering::Relaxed);
        let headers: serde_json::Map<String, Value> =
            headers.iter().map(|(name, value)| (name.to_string(), json!(value.to_str().unwrap()))).collect();
        let path = percent_encoding::percent_decode_str(uri.path()).decode_utf8().unwrap();
        let event = json!({
            "version": "2.0",
            "routeKey": format!("{method} {path}"),
            "rawPath": path,
            "rawQueryString": uri.query().unwrap_or_default(),
            "headers": headers,
            "requestContext": {
                "accountId": "123456789012",
                "apiId": "api-id",
                "domainName": "api-id.execute-api.us-east-1.amazonaws.com",
                "domainPrefix": "api-id",
                "http": {
                    "method": method.as_str(), "path": path, "protocol": "HTTP/1.1", "sourceIp": "192.0.2.1", "userAgent": "oddish",
                },
                "requestId": "id",
                "routeKey": format!("{method} {path}"),
                "stage": self.name,
                "time": "12/Mar/2026:19:03:58 +0000",
                "timeEpoch": 1_773_342_238_000_i64,
            },
            "body": String::from_utf8(body.to_vec()).unwrap(),
            "isBase64Encoded": false,
        });
        let answer = self.client.post(format!("{}/api/invocations", self.invoke)).json(&event).send().await;
        let answer: Value = answer.unwrap().json().await.unwrap();
        assert_eq!(answer["isBase64Encoded"], false, "{answer}");
        let status = u16::try_from(answer["statusCode"].as_u64().unwrap()).unwrap();
        let content_type = answer["headers"]["content-type"].as_str().unwrap_or_default().to_owned();
        let body = answer["body"].as_str().unwrap_or_default().to_owned();
        (StatusCode::from_u16(status).unwrap(), [("content-type", content_type)], body).into_response()
    }
}
