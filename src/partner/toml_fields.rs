//! Serde functions for fields of agreements and consents: dates (`2026-01-01`, accepted with or without quotes, written as a string)
//! and lists without duplicates.

use std::collections::BTreeSet;
use std::fmt::Display;

use jiff::civil::Date;
use serde::{Deserialize, Deserializer, Serializer};

pub(crate) fn serialize<S: Serializer>(date: &Date, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(date)
}

pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Date, D::Error> {
    let text = match toml::Value::deserialize(deserializer)? {
        toml::Value::String(text) => text,
        toml::Value::Datetime(date) => date.to_string(),
        other => other.type_str().to_owned(),
    };
    text.parse().map_err(|_| serde::de::Error::custom("expected a date such as `2026-01-01`"))
}

/// A date that may be absent.
pub(crate) mod option {
    use jiff::civil::Date;
    use serde::{Deserializer, Serializer};

    pub(crate) fn serialize<S: Serializer>(date: &Option<Date>, serializer: S) -> Result<S::Ok, S::Error> {
        match date {
            Some(date) => super::serialize(date, serializer),
            None => serializer.serialize_none(),
        }
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Date>, D::Error> {
        super::deserialize(deserializer).map(Some)
    }
}

/// A list without duplicates that may be absent.
pub(crate) fn each_once_of_some<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<BTreeSet<String>>, D::Error> {
    each_once(deserializer).map(Some)
}

/// A list without duplicates. A name listed twice is an error, because another one was probably meant.
pub(crate) fn each_once<'de, D, T>(deserializer: D) -> Result<BTreeSet<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + Ord + Display,
{
    let mut names = BTreeSet::new();
    for name in Vec::<T>::deserialize(deserializer)? {
        if let Some(name) = names.replace(name) {
            let name = crate::invisible::visible(&name.to_string(), 60);
            return Err(serde::de::Error::custom(format!("`{name}` is listed twice")));
        }
    }
    Ok(names)
}
