//! The codec between rows of a database and Rust types, the same for every backend. A value that cannot be parsed is
//! damage: the error names the kind of row and the column, and the value is never repaired.
//!
//! A backend returns its rows as [`Columns`]. Types are never converted: an integer is not accepted as text.

mod rows;

use std::str::FromStr;

use super::error::StoreError;
use super::rows::Version;
use crate::digest::Digest;
use crate::envelope::Precedence;
use crate::time::Time;

pub(super) use self::rows::{
    approval, breaker, declared, due, exchange, generations, list, no_node, node, officer, partner, precedence,
    recorded, request, setting, statement, usage,
};

/// The value of a column.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Value<'a> {
    Null,
    Integer(i64),
    Text(&'a str),
    Bytes(&'a [u8]),
    /// A type that no column of this schema has.
    Other,
}

impl<'a> Value<'a> {
    fn integer(self) -> Option<i64> {
        if let Value::Integer(number) = self { Some(number) } else { None }
    }

    fn text(self) -> Option<&'a str> {
        if let Value::Text(text) = self { Some(text) } else { None }
    }

    fn bytes(self) -> Option<&'a [u8]> {
        if let Value::Bytes(bytes) = self { Some(bytes) } else { None }
    }
}

/// A row as a backend returns it.
pub(super) trait Columns {
    /// Returns the value of a column; `None` if there is no such column.
    fn value(&self, column: &str) -> Option<Value<'_>>;
}

/// A row being decoded; `what` names its kind in errors.
pub(super) struct Cells<C> {
    columns: C,
    what: &'static str,
}

impl<C: Columns> Cells<C> {
    /// Decodes from `columns`; `what` names the kind of row in errors.
    pub(super) fn new(columns: C, what: &'static str) -> Cells<C> {
        Cells { columns, what }
    }

    fn damaged(&self, column: &str) -> StoreError {
        StoreError::Damaged { what: format!("{} column `{column}`", self.what) }
    }

    fn value(&self, column: &str) -> Result<Value<'_>, StoreError> {
        self.columns.value(column).ok_or_else(|| self.damaged(column))
    }

    /// Decodes a nullable value with `take`. Types are never converted: an integer is not accepted as text.
    fn maybe<'s, T>(
        &'s self,
        column: &str,
        take: impl FnOnce(Value<'s>) -> Option<T>,
    ) -> Result<Option<T>, StoreError> {
        match self.value(column)? {
            Value::Null => Ok(None),
            value => take(value).map(Some).ok_or_else(|| self.damaged(column)),
        }
    }

    fn maybe_str(&self, column: &str) -> Result<Option<&str>, StoreError> {
        self.maybe(column, |value| value.text())
    }

    fn str(&self, column: &str) -> Result<&str, StoreError> {
        self.maybe_str(column)?.ok_or_else(|| self.damaged(column))
    }

    fn maybe_text(&self, column: &str) -> Result<Option<String>, StoreError> {
        Ok(self.maybe_str(column)?.map(str::to_owned))
    }

    /// Returns a text.
    pub(super) fn text(&self, column: &str) -> Result<String, StoreError> {
        self.str(column).map(str::to_owned)
    }

    fn maybe_blob(&self, column: &str) -> Result<Option<&[u8]>, StoreError> {
        self.maybe(column, |value| value.bytes())
    }

    fn maybe_bytes(&self, column: &str) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.maybe_blob(column)?.map(<[u8]>::to_vec))
    }

    /// Returns a byte string.
    pub(super) fn bytes(&self, column: &str) -> Result<Vec<u8>, StoreError> {
        self.maybe_bytes(column)?.ok_or_else(|| self.damaged(column))
    }

    fn maybe_integer(&self, column: &str) -> Result<Option<i64>, StoreError> {
        self.maybe(column, |value| value.integer())
    }

    /// Returns a signed integer.
    pub(super) fn integer(&self, column: &str) -> Result<i64, StoreError> {
        self.maybe_integer(column)?.ok_or_else(|| self.damaged(column))
    }

    /// A boolean, stored as 0 or 1.
    fn flag(&self, column: &str) -> Result<bool, StoreError> {
        match self.integer(column)? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(self.damaged(column)),
        }
    }

    fn maybe_number(&self, column: &str) -> Result<Option<u64>, StoreError> {
        let Some(number) = self.maybe_integer(column)? else { return Ok(None) };
        u64::try_from(number).map(Some).map_err(|_| self.damaged(column))
    }

    /// Returns an integer that is not negative.
    pub(super) fn number(&self, column: &str) -> Result<u64, StoreError> {
        self.maybe_number(column)?.ok_or_else(|| self.damaged(column))
    }

    fn maybe_time(&self, column: &str) -> Result<Option<Time>, StoreError> {
        let Some(ms) = self.maybe_integer(column)? else { return Ok(None) };
        let time = Time::from_unix_ms(ms);
        if time.unix_ms() == ms { Ok(Some(time)) } else { Err(self.damaged(column)) }
    }

    /// Returns a time, stored as milliseconds since the Unix epoch.
    pub(super) fn time(&self, column: &str) -> Result<Time, StoreError> {
        self.maybe_time(column)?.ok_or_else(|| self.damaged(column))
    }

    fn maybe_word<T: FromStr>(&self, column: &str) -> Result<Option<T>, StoreError>
    where
        T::Err: std::fmt::Display,
    {
        let Some(text) = self.maybe_str(column)? else { return Ok(None) };
        text.parse().ok().map(Some).ok_or_else(|| self.damaged(column))
    }

    /// Parses a text, such as one of a closed vocabulary or an identifier.
    pub(super) fn word<T: FromStr>(&self, column: &str) -> Result<T, StoreError>
    where
        T::Err: std::fmt::Display,
    {
        self.maybe_word(column)?.ok_or_else(|| self.damaged(column))
    }

    fn maybe_digest(&self, column: &str) -> Result<Option<Digest>, StoreError> {
        let Some(bytes) = self.maybe_blob(column)? else { return Ok(None) };
        Digest::from_slice(bytes).map(Some).ok_or_else(|| self.damaged(column))
    }

    /// Returns a digest, stored as 32 bytes.
    pub(super) fn digest(&self, column: &str) -> Result<Digest, StoreError> {
        self.maybe_digest(column)?.ok_or_else(|| self.damaged(column))
    }

    /// Returns the precedence, stored as 0 for ROUTINE to 3 for FLASH.
    pub(super) fn precedence(&self) -> Result<Precedence, StoreError> {
        let number = usize::try_from(self.number("precedence")?).ok();
        number.and_then(|n| Precedence::ALL.get(n).copied()).ok_or_else(|| self.damaged("precedence"))
    }

    fn version(&self) -> Result<Version, StoreError> {
        Ok(Version(self.number("version")?))
    }
}
