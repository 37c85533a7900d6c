//! The domain's enums, which the database keeps as words, in rows that sqlx decodes.

use std::str::FromStr;

use oddish_domain::api_key::Scope;
use oddish_domain::failure::FailureClass;
use oddish_domain::status::{JobKind, JobState, Priority, TaskStatus, TrialOrigin, TrialStatus};
use sqlx::error::BoxDynError;
use sqlx::postgres::{PgTypeInfo, PgValueRef, Postgres};
use sqlx::{Decode, Type};

/// A column that holds a `T` as a word, or an `Option` of one: `#[sqlx(try_from = "Word<TrialStatus>")]` on a field of a row, or
/// `status as "status!: Word<TrialStatus>"` in a checked query. sqlx turns it into the `T` of the row's field.
///
/// It stands between the two because neither sqlx nor the domain knows the other.
#[derive(Clone, Copy, Debug)]
pub struct Word<T>(T);

/// A word that is none of those known to this version.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is not known")]
pub(crate) struct UnknownWord(pub(crate) String);

/// An enum that is kept as a word.
pub trait Known: FromStr {}

macro_rules! known {
    ($($known:ty),+) => {$(
        impl Known for $known {}

        impl From<Word<$known>> for $known {
            fn from(word: Word<$known>) -> Self {
                word.0
            }
        }
    )+};
}
known!(FailureClass, JobKind, JobState, Priority, Scope, TaskStatus, TrialOrigin, TrialStatus);

impl<T> From<Word<Option<T>>> for Option<T> {
    fn from(word: Word<Option<T>>) -> Self {
        word.0
    }
}

impl<T> Type<Postgres> for Word<T> {
    fn type_info() -> PgTypeInfo {
        <str as Type<Postgres>>::type_info()
    }

    fn compatible(column: &PgTypeInfo) -> bool {
        <str as Type<Postgres>>::compatible(column)
    }
}

impl<T: Known> Decode<'_, Postgres> for Word<T> {
    fn decode(value: PgValueRef<'_>) -> Result<Self, BoxDynError> {
        let word = <&str>::decode(value)?;
        Ok(Self(word.parse().map_err(|_| UnknownWord(word.to_owned()))?))
    }
}

impl<T: Known> Decode<'_, Postgres> for Word<Option<T>> {
    fn decode(value: PgValueRef<'_>) -> Result<Self, BoxDynError> {
        Ok(Self(Option::<Word<T>>::decode(value)?.map(|word| word.0)))
    }
}
