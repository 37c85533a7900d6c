//! Who may call what.
//!
//! The permission that an endpoint needs is in its handler's signature: `Authed<Read>`, `Authed<Submit>` or `Authed<Full>`.

use std::collections::HashMap;
use std::fmt;
use std::marker::PhantomData;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::extract::{FromRef, FromRequestParts};
use http::request::Parts;
use http::{HeaderMap, StatusCode};
use oddish::Db;
use oddish::api_keys::{self, Holder};
use oddish_domain::api_key::{self, Scope};
use oddish_domain::settings::{Choice, Group, Reader, Setting};
use time::OffsetDateTime;

use crate::http::error::ApiError;

/// How callers are told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuthMode {
    /// They are not: everyone may do everything. For a server that only its own machine can reach.
    None,
    /// By an API key in a header.
    ApiKey,
}

const AUTH: Setting<AuthMode> = Setting::new("ODDISH_AUTH", AuthMode::None).doc(
    "How callers are told apart. `none`: everyone who can reach the server may do everything. `api-key`: by keys that `oddish-server keys create` makes.",
);

impl Choice for AuthMode {
    const WORDS: &'static [(&'static str, Self)] = &[("none", Self::None), ("api-key", Self::ApiKey)];
}

impl AuthMode {
    /// Its settings, for the documents.
    pub const GROUP: Group =
        Group { title: "Access", read_by: "`oddish-server`, the endpoint functions", settings: &[&AUTH] };

    /// Reads [`Self::GROUP`].
    pub fn read(reader: &mut Reader<'_>) -> Self {
        reader.get(&AUTH)
    }
}

/// How long a key counts as good after it was looked up, unless it expires before: a revoked one may work this much longer.
pub const TRUSTED_FOR: Duration = Duration::from_secs(30);
/// Keys that are remembered at the most.
const REMEMBERED: usize = 1000;

/// Headers that may hold the key, the first that is there counts (docs/compatibility.md, 1.2).
const HEADERS: [&str; 3] = ["authorization", "x-clerk-authorization", "x-authorization"];

/// Tells who calls.
#[derive(Clone, Debug)]
pub struct Auth(Option<Arc<Keys>>);

struct Keys {
    db: Db,
    trusted_for: Duration,
    /// Holders of keys that were good, by the hash of the key.
    good: Mutex<HashMap<String, (Instant, Holder)>>,
}

/// Shows no hash.
impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keys").field("trusted_for", &self.trusted_for).finish_non_exhaustive()
    }
}

impl Auth {
    /// Everyone may do everything, or needs a key that this database knows.
    #[must_use]
    pub fn new(mode: AuthMode, db: &Db) -> Self {
        Self::trusting(mode, db, TRUSTED_FOR)
    }

    /// One that trusts a key for `trusted_for` after it was looked up.
    #[must_use]
    pub fn trusting(mode: AuthMode, db: &Db, trusted_for: Duration) -> Self {
        match mode {
            AuthMode::None => Self(None),
            AuthMode::ApiKey => Self(Some(Arc::new(Keys { db: db.clone(), trusted_for, good: Mutex::default() }))),
        }
    }

    /// Whether callers need a key.
    #[must_use]
    pub fn needs_keys(&self) -> bool {
        self.0.is_some()
    }
}

impl Keys {
    async fn check(&self, headers: &HeaderMap) -> Result<Holder, ApiError> {
        let hash = api_key::sha256(token(headers)?);
        let now = OffsetDateTime::now_utc();
        if let Some(holder) = self.remembered(&hash).filter(|holder| holder.is_let_in(now)) {
            return Ok(holder);
        }
        let holder = api_keys::authenticate(&self.db, &hash, now).await?;
        let holder = holder.ok_or_else(|| unauthorized("Invalid or expired API key"))?;
        self.remember(hash, &holder);
        Ok(holder)
    }

    fn remembered(&self, hash: &str) -> Option<Holder> {
        let good = self.good.lock().unwrap_or_else(PoisonError::into_inner);
        good.get(hash).filter(|(seen, _)| seen.elapsed() < self.trusted_for).map(|(_, holder)| holder.clone())
    }

    fn remember(&self, hash: String, holder: &Holder) {
        let mut good = self.good.lock().unwrap_or_else(PoisonError::into_inner);
        if good.len() >= REMEMBERED {
            good.retain(|_, (seen, _)| seen.elapsed() < self.trusted_for);
        }
        if good.len() < REMEMBERED {
            good.insert(hash, (Instant::now(), holder.clone()));
        }
    }
}

/// The key in the headers. Published clients know the refusals (docs/compatibility.md, 1.2).
fn token(headers: &HeaderMap) -> Result<&str, ApiError> {
    let value = HEADERS.iter().find_map(|name| headers.get(*name));
    let value = value.ok_or_else(|| unauthorized("Authentication required"))?;
    // Schemes have no case (RFC 9110, 11.1).
    let bearer = value.to_str().ok().and_then(|text| text.split_once(' '));
    let bearer = bearer.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer")).map(|(_, token)| token);
    let token = bearer.map(str::trim).filter(|token| !token.is_empty());
    let token = token.ok_or_else(|| unauthorized("Invalid authorization header format. Expected: Bearer <token>"))?;
    if token.starts_with(api_key::PREFIX) { Ok(token) } else { Err(unauthorized("Unsupported token format")) }
}

fn unauthorized(text: &str) -> ApiError {
    ApiError::new(StatusCode::UNAUTHORIZED, text)
}

/// A permission.
pub trait Permission: Send + Sync + 'static {
    /// The least scope that has it.
    const SCOPE: Scope;
}

/// May look at everything.
#[derive(Clone, Copy, Debug)]
pub struct Read;

/// May also upload tasks and submit sweeps, cancel them and run them again.
#[derive(Clone, Copy, Debug)]
pub struct Submit;

/// May do everything: delete, share, look after queues and keys.
#[derive(Clone, Copy, Debug)]
pub struct Full;

impl Permission for Read {
    const SCOPE: Scope = Scope::Read;
}

impl Permission for Submit {
    const SCOPE: Scope = Scope::Tasks;
}

impl Permission for Full {
    const SCOPE: Scope = Scope::Full;
}

/// Proof that the caller has permission `P`.
#[derive(Clone, Debug)]
pub struct Authed<P> {
    /// Whose key the caller has; nobody's where no keys are needed.
    pub owner: Option<String>,
    permission: PhantomData<P>,
}

impl<P: Permission, S: Send + Sync> FromRequestParts<S> for Authed<P>
where
    Auth: FromRef<S>,
{
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Self::Rejection> {
        let Auth(Some(keys)) = Auth::from_ref(state) else {
            return Ok(Self { owner: None, permission: PhantomData });
        };
        let holder = keys.check(&parts.headers).await?;
        if holder.scope < P::SCOPE {
            // Published clients know the text (docs/compatibility.md, 1.2).
            let text = format!("Insufficient scope. Required: {}, got: {}", P::SCOPE, holder.scope);
            return Err(ApiError::new(StatusCode::FORBIDDEN, text));
        }
        Ok(Self { owner: Some(holder.owner), permission: PhantomData })
    }
}
