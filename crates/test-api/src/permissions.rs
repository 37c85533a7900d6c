//! That a function's role in template.yaml lets it do in the bucket what its handler does: whatever a test asks the API for is held against
//! the role of the function that would answer it.

use std::path::Path;
use std::sync::LazyLock;

use axum::extract::{MatchedPath, Request};
use axum::middleware::Next;
use axum::response::Response;
use oddish_functions::endpoints::ENDPOINTS;
use oddish_test_doubles::Access;

static TEMPLATE: LazyLock<String> = LazyLock::new(|| {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../template.yaml")).unwrap()
});

tokio::task_local! {
    /// The function whose request this is.
    static FUNCTION: &'static str;
}

/// S3's own names for what is done; of what is missing S3 says so only to whom may list. Files go in parts where they are large, and a
/// signed URL works with the rights of the role that signed it.
fn actions(access: Access) -> &'static [&'static str] {
    match access {
        Access::Read => &["s3:GetObject", "s3:ListBucket"],
        Access::List => &["s3:ListBucket"],
        Access::Write | Access::SignWrite => &["s3:PutObject"],
        Access::WriteFile => &["s3:PutObject", "s3:AbortMultipartUpload"],
        Access::Delete => &["s3:DeleteObject", "s3:DeleteObjectVersion", "s3:ListBucketVersions"],
        Access::SignRead => &["s3:GetObject"],
    }
}

/// Answers a request in the name of its function.
pub(crate) async fn in_its_name(request: Request, next: Next) -> Response {
    let path = request.extensions().get::<MatchedPath>();
    let route = path.and_then(|path| {
        ENDPOINTS.iter().find(|route| route.path == path.as_str() && route.method == *request.method())
    });
    match route {
        Some(route) => FUNCTION.scope(route.name, next.run(request)).await,
        None => next.run(request).await,
    }
}

/// Panics, so that the request ends with 500, where the function may not do this to the key. What a test does itself is free.
pub(crate) fn check(access: Access, key: &str) {
    let Ok(function) = FUNCTION.try_with(|function| *function) else { return };
    for action in actions(access) {
        assert!(may(function, action, key), "template.yaml does not let {function} do {action} to {key}");
    }
}

/// Whether a statement of the function's role allows this.
fn may(function: &str, action: &str, key: &str) -> bool {
    let (before, _) = TEMPLATE.split_once(&format!("      Handler: {function}\n")).unwrap();
    let (_, role) = before.rsplit_once("Type: AWS::IAM::Role\n").unwrap();
    let folder = key.split_once('/').map_or(key, |(folder, _)| folder);
    let resource = if action.starts_with("s3:List") {
        "!GetAtt Bucket.Arn".to_owned()
    } else {
        format!("!Sub \"${{Bucket.Arn}}/{folder}/*\"")
    };
    role.split("- Effect: ").skip(1).any(|statement| {
        statement.starts_with("Allow") && statement.contains(&format!("\"{action}\"")) && statement.contains(&resource)
    })
}

#[cfg(test)]
mod tests {
    use super::may;

    #[test]
    fn a_role_is_read_as_it_stands() {
        assert!(may("complete_upload", "s3:GetObject", "staging/upload/1"));
        assert!(!may("complete_upload", "s3:GetObject", "tasks/some-task/v1"));
        assert!(may("complete_upload", "s3:ListBucketVersions", "staging/"));
        assert!(may("get_task_file", "s3:GetObject", "tasks/some-task/v1"));
        for action in ["s3:PutObject", "s3:DeleteObject", "s3:ListBucketVersions"] {
            assert!(!may("get_task_file", action, "tasks/some-task/v1"), "{action}");
        }
        assert!(!may("list_tasks", "s3:ListBucket", "tasks/"), "it has no files to do with");
    }
}
