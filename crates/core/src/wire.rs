//! Values to bytes and back: the only file that names bincode.
//!
//! The encoding is bincode 2 in its standard configuration: integers of a variable length, little endian; lists and
//! texts after their length; an option after 0 or 1. `docs/format.md` states every byte.
//!
//! A [`Writer`] and a [`Reader`] know the schema of the payload. What a later schema brought, such as a field, is
//! neither written nor read under an earlier one.

use std::fmt::{Display, Write as _};
use std::str::FromStr;

use bincode::config::{Configuration, Limit, LittleEndian, Varint};
use bincode::de::read::{Reader as _, SliceReader};
use bincode::de::{Decode, Decoder as _, DecoderImpl};
use bincode::enc::write::Writer as Sink;
use bincode::enc::{Encode, EncoderImpl};
use bincode::error::{DecodeError, EncodeError};

/// The most memory that decoding one payload may claim, in bytes.
const DECODE_LIMIT: usize = 16 * 1024 * 1024;

type Config = Configuration<LittleEndian, Varint, Limit<DECODE_LIMIT>>;

fn config() -> Config {
    bincode::config::standard().with_limit::<DECODE_LIMIT>()
}

/// Why bytes are not a value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct WireError(String);

impl WireError {
    /// An error with this message.
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self(message.into())
    }

    /// A list of numbered words or variants has no such number.
    pub(crate) fn no_such(name: &str, number: u8) -> Self {
        Self(format!("{name} has no number {number}"))
    }
}

impl From<DecodeError> for WireError {
    fn from(error: DecodeError) -> Self {
        Self(error.to_string())
    }
}

/// A value with one encoding.
pub trait Wire: Sized {
    /// Writes the value.
    fn write(&self, to: &mut Writer<'_>);

    /// Reads the value.
    ///
    /// # Errors
    /// [`WireError`] where the bytes are none of this type.
    fn read(from: &mut Reader<'_>) -> Result<Self, WireError>;

    /// The lowest schema that can express the value: later than 1 where it holds a word or a variant that came later.
    fn since(&self) -> u8 {
        1
    }
}

/// Takes the bytes of values, under a schema.
pub struct Writer<'a> {
    encoder: EncoderImpl<Target<'a>, Config>,
    schema: u8,
    scratch: String,
}

/// Where bytes go.
enum Target<'a> {
    /// Into a vector.
    Grow(Vec<u8>),
    /// Nowhere: they are compared with these, of which this is the rest; none after the first that differs.
    Compare(Option<&'a [u8]>),
}

impl Sink for Target<'_> {
    fn write(&mut self, bytes: &[u8]) -> Result<(), EncodeError> {
        match self {
            Self::Grow(all) => all.extend_from_slice(bytes),
            Self::Compare(rest) => *rest = rest.and_then(|rest| rest.strip_prefix(bytes)),
        }
        Ok(())
    }
}

impl<'a> Writer<'a> {
    fn new(schema: u8, target: Target<'a>) -> Self {
        Self {
            encoder: EncoderImpl::new(target, config()),
            schema,
            scratch: String::new(),
        }
    }

    /// The schema under which is written.
    pub fn schema(&self) -> u8 {
        self.schema
    }

    fn put(&mut self, value: &(impl Encode + ?Sized)) {
        value
            .encode(&mut self.encoder)
            .expect("neither a vector nor a comparison refuses bytes");
    }

    /// Writes what a value prints, after its length.
    pub(crate) fn put_text(&mut self, text: &impl Display) {
        let mut scratch = std::mem::take(&mut self.scratch);
        scratch.clear();
        write!(scratch, "{text}").expect("a string takes every text");
        self.put(scratch.as_str());
        self.scratch = scratch;
    }
}

/// The bytes that `write` writes under a schema.
pub fn to_bytes(schema: u8, write: impl FnOnce(&mut Writer<'_>)) -> Vec<u8> {
    let mut writer = Writer::new(schema, Target::Grow(Vec::with_capacity(256)));
    write(&mut writer);
    match writer.encoder.into_writer() {
        Target::Grow(bytes) => bytes,
        Target::Compare(_) => Vec::new(),
    }
}

/// Whether these are the bytes that `write` writes under a schema; nothing is allocated for the answer.
pub fn are_bytes(schema: u8, bytes: &[u8], write: impl FnOnce(&mut Writer<'_>)) -> bool {
    let mut writer = Writer::new(schema, Target::Compare(Some(bytes)));
    write(&mut writer);
    matches!(writer.encoder.into_writer(), Target::Compare(Some([])))
}

/// Gives values from bytes, under a schema.
pub struct Reader<'a> {
    decoder: DecoderImpl<SliceReader<'a>, Config, ()>,
    schema: u8,
}

impl<'a> Reader<'a> {
    /// Reads these bytes under a schema.
    pub fn new(schema: u8, bytes: &'a [u8]) -> Self {
        Self {
            decoder: DecoderImpl::new(SliceReader::new(bytes), config(), ()),
            schema,
        }
    }

    /// The schema under which is read.
    pub fn schema(&self) -> u8 {
        self.schema
    }

    fn get<T: Decode<()>>(&mut self) -> Result<T, WireError> {
        Ok(T::decode(&mut self.decoder)?)
    }

    /// Reads a text where it lies and makes a value of it: nothing is copied but the value.
    pub(crate) fn get_text<T>(&mut self) -> Result<T, WireError>
    where
        T: FromStr,
        T::Err: Display,
    {
        let length: usize = self.get()?;
        self.decoder.claim_container_read::<u8>(length)?;
        let reader = self.decoder.reader();
        let end = || WireError::new("a text is longer than the bytes");
        let bytes = reader.peek_read(length).ok_or_else(end)?;
        let text = str::from_utf8(bytes).map_err(|error| WireError(error.to_string()))?;
        let value = text
            .parse()
            .map_err(|error: T::Err| WireError(error.to_string()))?;
        reader.consume(length);
        Ok(value)
    }

    /// Whether all bytes are read.
    pub fn is_at_end(&mut self) -> bool {
        self.decoder.reader().peek_read(1).is_none()
    }
}

macro_rules! primitives {
    ($($type:ty)+) => {$(
        impl Wire for $type {
            fn write(&self, to: &mut Writer<'_>) {
                to.put(self);
            }

            fn read(from: &mut Reader<'_>) -> Result<Self, WireError> {
                from.get()
            }
        }
    )+};
}

primitives! { u8 u16 u64 i64 [u8; 32] }

impl Wire for bool {
    fn write(&self, to: &mut Writer<'_>) {
        to.put(self);
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, WireError> {
        from.get()
    }
}

impl<T: Wire> Wire for Option<T> {
    fn write(&self, to: &mut Writer<'_>) {
        to.put(&self.is_some());
        if let Some(value) = self {
            value.write(to);
        }
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, WireError> {
        let is_there: bool = from.get()?;
        is_there.then(|| T::read(from)).transpose()
    }

    fn since(&self) -> u8 {
        self.as_ref().map_or(1, T::since)
    }
}

impl<T: Wire> Wire for Vec<T> {
    fn write(&self, to: &mut Writer<'_>) {
        to.put(&self.len());
        for value in self {
            value.write(to);
        }
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, WireError> {
        let length: usize = from.get()?;
        from.decoder.claim_container_read::<T>(length)?;
        // A length may be a lie: no more is reserved than the claimed bytes could hold.
        let mut all = Vec::with_capacity(length.min(64));
        for _ in 0..length {
            all.push(T::read(from)?);
        }
        Ok(all)
    }

    fn since(&self) -> u8 {
        self.iter().map(T::since).max().unwrap_or(1)
    }
}

/// Values that are written as their text. The text must be the one that the value prints.
macro_rules! wire_texts {
    ($($name:ty)+) => {$(
        impl $crate::wire::Wire for $name {
            fn write(&self, to: &mut $crate::wire::Writer<'_>) {
                to.put_text(self);
            }

            fn read(from: &mut $crate::wire::Reader<'_>) -> Result<Self, $crate::wire::WireError> {
                from.get_text()
            }
        }
    )+};
}
pub(crate) use wire_texts;

/// Newtypes: the value inside.
macro_rules! wire_newtypes {
    ($($name:ident)+) => {$(
        impl $crate::wire::Wire for $name {
            fn write(&self, to: &mut $crate::wire::Writer<'_>) {
                $crate::wire::Wire::write(&self.0, to);
            }

            fn read(from: &mut $crate::wire::Reader<'_>) -> Result<Self, $crate::wire::WireError> {
                $crate::wire::Wire::read(from).map(Self)
            }
        }
    )+};
}
pub(crate) use wire_newtypes;

/// An enum as its number, then the values of its variant. A variant may have a `since`, the schema that brought it.
macro_rules! wire_variants {
    ($name:ident { $($number:literal $variant:ident $(($($value:ident),+))? $(since $since:literal)?,)+ }) => {
        impl $crate::wire::Wire for $name {
            fn write(&self, to: &mut $crate::wire::Writer<'_>) {
                match self {$(
                    $name::$variant $(($($value),+))? => {
                        $crate::wire::Wire::write(&($number as u8), to);
                        $($($crate::wire::Wire::write($value, to);)+)?
                    }
                )+}
            }

            fn read(from: &mut $crate::wire::Reader<'_>) -> Result<Self, $crate::wire::WireError> {
                match <u8 as $crate::wire::Wire>::read(from)? {
                    $($number if from.schema() >= 1_u8 $(.max($since))? => Ok($name::$variant
                        $(($({ let $value = $crate::wire::Wire::read(from)?; $value }),+))?),)+
                    other => Err($crate::wire::WireError::no_such(stringify!($name), other)),
                }
            }

            fn since(&self) -> u8 {
                match self {$(
                    $name::$variant $(($($value),+))? => {
                        let since = 1_u8 $(.max($since))?;
                        $($(let since = since.max($crate::wire::Wire::since($value));)+)?
                        since
                    }
                )+}
            }
        }
    };
}
pub(crate) use wire_variants;
