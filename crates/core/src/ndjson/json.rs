//! JSON objects of strings, read without a copy of what has no escapes.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// A string of a line, borrowed from the line unless it has escapes.
struct Borrowed<'a>(Cow<'a, str>);

impl<'de> Deserialize<'de> for Borrowed<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl<'de> Visitor<'de> for Text {
            type Value = Borrowed<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text")
            }
            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Borrowed(Cow::Borrowed(text)))
            }
            fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Borrowed(Cow::Owned(text.to_owned())))
            }
        }
        deserializer.deserialize_str(Text)
    }
}

/// The value of a member: the texts of a field, or the reason why it cannot be a field.
pub(super) enum Member<'a> {
    Absent,
    Text(Cow<'a, str>),
    Number(u64, Cow<'a, str>),
    List(Vec<Cow<'a, str>>),
    Wrong(&'static str),
}

impl Member<'_> {
    /// The texts of a field.
    pub(super) fn texts(&self) -> Result<&[Cow<'_, str>], &'static str> {
        match self {
            Self::Absent => Ok(&[]),
            Self::Text(text) | Self::Number(_, text) => Ok(std::slice::from_ref(text)),
            Self::List(texts) => Ok(texts),
            Self::Wrong(why) => Err(why),
        }
    }
}

impl<'de> Deserialize<'de> for Member<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any;
        impl<'de> Visitor<'de> for Any {
            type Value = Member<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a value")
            }
            fn visit_unit<E>(self) -> Result<Self::Value, E> {
                Ok(Member::Absent)
            }
            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Member::Text(Cow::Borrowed(text)))
            }
            fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Member::Text(Cow::Owned(text.to_owned())))
            }
            fn visit_bool<E>(self, flag: bool) -> Result<Self::Value, E> {
                let text = if flag { "true" } else { "false" };
                Ok(Member::Text(Cow::Borrowed(text)))
            }
            fn visit_u64<E>(self, number: u64) -> Result<Self::Value, E> {
                Ok(Member::Number(number, Cow::Owned(number.to_string())))
            }
            fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> {
                Ok(Member::Wrong("is a number; write it as a string"))
            }
            fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
                Ok(Member::Wrong("is a number; write it as a string"))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
                let mut texts = Vec::new();
                let mut wrong = None;
                while let Some(Item(item)) = list.next_element()? {
                    match item {
                        Ok(text) => texts.push(text),
                        Err(why) => _ = wrong.get_or_insert(why),
                    }
                }
                Ok(wrong.map_or(Member::List(texts), Member::Wrong))
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                Ok(Member::Wrong(
                    "is an object; fields are strings or lists of strings",
                ))
            }
        }
        deserializer.deserialize_any(Any)
    }
}

/// A value in a list: a text, or the reason why it is none.
struct Item<'a>(Result<Cow<'a, str>, &'static str>);

impl<'de> Deserialize<'de> for Item<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self(match Member::deserialize(deserializer)? {
            Member::Text(text) | Member::Number(_, text) => Ok(text),
            Member::Absent => Err("has null in a list"),
            Member::List(_) => Err("has a list in a list"),
            Member::Wrong(why) => Err(why),
        }))
    }
}

/// A JSON object with all its members, so that a repeated name is seen.
pub(super) struct Object<'a>(pub(super) Vec<(Cow<'a, str>, Member<'a>)>);

impl<'de> Deserialize<'de> for Object<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;
        impl<'de> Visitor<'de> for Members {
            type Value = Object<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::with_capacity(16);
                while let Some((Borrowed(name), member)) = map.next_entry()? {
                    members.push((name, member));
                }
                Ok(Object(members))
            }
        }
        deserializer.deserialize_map(Members)
    }
}
