//! Who may call what.
//!
//! The permission that an endpoint needs is in its handler's signature: `Authed<Read>`, `Authed<Submit>` or `Authed<Full>`.

use std::marker::PhantomData;

use axum::extract::{FromRef, FromRequestParts};
use http::request::Parts;
use oddish_domain::settings::{Reader, Variable};

use crate::error::ApiError;

/// How callers are told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuthMode {
    /// They are not: everyone may do everything. For a server that only its own machine can reach.
    None,
}

/// The variables that [`AuthMode`] reads.
pub const AUTH_VARIABLES: &[Variable] = &[Variable {
    name: "ODDISH_AUTH",
    default: "none",
    secret: false,
    doc: "How callers are told apart. `none`: everyone who can reach the server may do everything.",
}];

impl AuthMode {
    /// Reads [`AUTH_VARIABLES`].
    pub fn read(reader: &mut Reader<'_>) -> Self {
        reader.parsed("ODDISH_AUTH", Self::None)
    }
}

impl std::str::FromStr for AuthMode {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "none" => Ok(Self::None),
            _ => Err("`none`, the only mode of this version".to_owned()),
        }
    }
}

/// A permission. Each includes the ones before it.
pub trait Permission: Send + Sync + 'static {
    /// Its name: `read`, `tasks` or `full` (contract 1.2).
    const SCOPE: &'static str;
}

/// May look at everything.
#[derive(Clone, Copy, Debug)]
pub struct Read;

/// May also upload tasks and submit sweeps.
#[derive(Clone, Copy, Debug)]
pub struct Submit;

impl Permission for Read {
    const SCOPE: &'static str = "read";
}

impl Permission for Submit {
    const SCOPE: &'static str = "tasks";
}

/// Proof that the caller has permission `P`.
#[derive(Clone, Copy, Debug)]
pub struct Authed<P>(PhantomData<P>);

impl<P: Permission, S: Send + Sync> FromRequestParts<S> for Authed<P>
where
    AuthMode: FromRef<S>,
{
    type Rejection = ApiError;

    async fn from_request_parts(_parts: &mut Parts, state: &S) -> Result<Self, Self::Rejection> {
        match AuthMode::from_ref(state) {
            AuthMode::None => Ok(Self(PhantomData)),
        }
    }
}
