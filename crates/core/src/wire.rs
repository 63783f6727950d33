//! Values to bytes and back: the only file that names bincode.
//!
//! The encoding is bincode 2 in its standard configuration: integers of a variable length, little endian; lists and
//! texts after their length; an option after 0 or 1. `docs/format.md` states every byte. What bincode alone would take too,
//! an integer that is longer than it need be and a text that is not the one its value prints, is refused where it is read.
//!
//! A [`Writer`] and a [`Reader`] know the schema of the payload. What a later schema brought, such as a field, is
//! neither written nor read under an earlier one.

use std::fmt::{Display, Write as _};
use std::str::FromStr;

use bincode::config::Configuration;
use bincode::de::read::{Reader as _, SliceReader};
use bincode::de::{Decode, Decoder as _, DecoderImpl};
use bincode::enc::write::Writer as Sink;
use bincode::enc::{Encode, EncoderImpl};
use bincode::error::{DecodeError, EncodeError};
use bytes::Bytes;
use smallvec::SmallVec;

/// Little endian, integers of a variable length. A length is compared with the bytes that are left, so that bincode needs no
/// limit of its own.
const CONFIG: Configuration = bincode::config::standard();

/// Why bytes are not a value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WireError {
    /// They do not decode.
    #[error("{0}")]
    Malformed(String),
    /// They decode, but are not how the value is encoded: an integer is longer than it need be, or a text is not the
    /// one that its value prints.
    #[error("not canonical")]
    NotCanonical,
}

impl WireError {
    /// An error with this message.
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self::Malformed(message.into())
    }

    /// A list of numbered words or variants has no such number.
    pub(crate) fn no_such(name: &str, number: u8) -> Self {
        Self::Malformed(format!("{name} has no number {number}"))
    }
}

impl From<DecodeError> for WireError {
    fn from(error: DecodeError) -> Self {
        Self::Malformed(error.to_string())
    }
}

/// A value with one encoding.
pub trait Wire: Sized {
    /// Writes the value.
    fn write(&self, to: &mut Writer);

    /// Reads the value, of one byte at least. Of all bytes that could decode to it, only those that [`Wire::write`] writes
    /// are taken.
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
pub struct Writer {
    encoder: EncoderImpl<Target, Configuration>,
    schema: u8,
    scratch: String,
}

/// Where bytes go.
struct Target(Vec<u8>);

impl Sink for Target {
    fn write(&mut self, bytes: &[u8]) -> Result<(), EncodeError> {
        self.0.extend_from_slice(bytes);
        Ok(())
    }
}

impl Writer {
    /// The schema under which is written.
    pub fn schema(&self) -> u8 {
        self.schema
    }

    fn put(&mut self, value: &(impl Encode + ?Sized)) {
        value
            .encode(&mut self.encoder)
            .expect("a vector takes all bytes");
    }

    /// Writes a text, after its length.
    pub(crate) fn put_str(&mut self, text: &str) {
        self.put(text);
    }

    /// Writes what a value prints, after its length.
    pub(crate) fn put_text(&mut self, text: &impl Display) {
        let mut scratch = std::mem::take(&mut self.scratch);
        scratch.clear();
        // What prints in pieces, such as a date or a citation, takes one allocation.
        scratch.reserve(64);
        write!(scratch, "{text}").expect("a string takes every text");
        self.put_str(&scratch);
        self.scratch = scratch;
    }
}

/// The bytes that `write` writes under a schema.
pub fn to_bytes(schema: u8, write: impl FnOnce(&mut Writer)) -> Vec<u8> {
    let mut writer = Writer {
        encoder: EncoderImpl::new(Target(Vec::with_capacity(320)), CONFIG),
        schema,
        scratch: String::new(),
    };
    write(&mut writer);
    writer.encoder.into_writer().0
}

/// Gives values from bytes, under a schema.
pub struct Reader<'a> {
    decoder: DecoderImpl<SliceReader<'a>, Configuration, ()>,
    schema: u8,
    /// The memory in which the bytes lie, if texts may stay there.
    memory: Option<&'a Bytes>,
}

impl<'a> Reader<'a> {
    /// Reads these bytes under a schema. Where the memory is given in which they lie, long texts stay there.
    pub fn new(schema: u8, bytes: &'a [u8], memory: Option<&'a Bytes>) -> Self {
        Self {
            decoder: DecoderImpl::new(SliceReader::new(bytes), CONFIG, ()),
            schema,
            memory,
        }
    }

    /// The schema under which is read.
    pub fn schema(&self) -> u8 {
        self.schema
    }

    fn get<T: Decode<()>>(&mut self) -> Result<T, WireError> {
        Ok(T::decode(&mut self.decoder)?)
    }

    /// Reads a number of a variable length, which must not be longer than it need be.
    fn get_number(&mut self) -> Result<u64, WireError> {
        let first = self.decoder.reader().peek_read(1).map(|bytes| bytes[0]);
        let number: u64 = self.get()?;
        let is_shortest = match first {
            None | Some(..=250) => true,
            Some(251) => number > 250,
            Some(252) => number > u16::MAX.into(),
            Some(253) => number > u32::MAX.into(),
            Some(_) => false,
        };
        is_shortest.then_some(number).ok_or(WireError::NotCanonical)
    }

    /// Reads the length of what takes at least as many bytes.
    fn get_length(&mut self) -> Result<usize, WireError> {
        let too_large = || WireError::new("a length is larger than the bytes that are left");
        let length = usize::try_from(self.get_number()?).map_err(|_| too_large())?;
        let is_there = self.decoder.reader().peek_read(length).is_some();
        is_there.then_some(length).ok_or_else(too_large)
    }

    /// Reads a text where it lies, after its length, and makes something of it.
    fn get_str<T>(
        &mut self,
        make: impl FnOnce(&str) -> Result<T, WireError>,
    ) -> Result<T, WireError> {
        let length = self.get_length()?;
        let reader = self.decoder.reader();
        let bytes = reader.peek_read(length).expect("the length was compared");
        let text = str::from_utf8(bytes).map_err(|error| WireError::new(error.to_string()))?;
        let made = make(text)?;
        reader.consume(length);
        Ok(made)
    }

    /// Reads a text where it lies and makes a value of it: nothing is copied but the value. The text must be the one that
    /// the value prints.
    pub(crate) fn get_text<T>(&mut self) -> Result<T, WireError>
    where
        T: FromStr + Display,
        T::Err: Display,
    {
        self.get_str(|text| {
            let value = parsed(text)?;
            match prints_as(&value, text) {
                true => Ok(value),
                false => Err(WireError::NotCanonical),
            }
        })
    }

    /// As [`Reader::get_text`], of a value that keeps the text as it is, so that it prints no other.
    pub(crate) fn get_plain_text<T>(&mut self) -> Result<T, WireError>
    where
        T: FromStr,
        T::Err: Display,
    {
        self.get_str(parsed)
    }

    /// Reads a text that may stay where it lies, and makes something of it.
    pub(crate) fn get_text_there<T>(
        &mut self,
        make: impl FnOnce(&str, Option<&Bytes>) -> Result<T, WireError>,
    ) -> Result<T, WireError> {
        let memory = self.memory;
        self.get_str(|text| make(text, memory))
    }

    /// Whether all bytes are read.
    pub fn is_at_end(&mut self) -> bool {
        self.decoder.reader().peek_read(1).is_none()
    }
}

fn parsed<T>(text: &str) -> Result<T, WireError>
where
    T: FromStr,
    T::Err: Display,
{
    text.parse()
        .map_err(|error: T::Err| WireError::new(error.to_string()))
}

/// Whether a value prints exactly this text.
fn prints_as(value: &impl Display, text: &str) -> bool {
    /// What is left of the text to compare with.
    struct Rest<'a>(&'a str);

    impl std::fmt::Write for Rest<'_> {
        fn write_str(&mut self, printed: &str) -> std::fmt::Result {
            self.0 = self.0.strip_prefix(printed).ok_or(std::fmt::Error)?;
            Ok(())
        }
    }

    let mut rest = Rest(text);
    write!(rest, "{value}").is_ok() && rest.0.is_empty()
}

macro_rules! primitives {
    ($($type:ty)+) => {$(
        impl Wire for $type {
            fn write(&self, to: &mut Writer) {
                to.put(self);
            }

            fn read(from: &mut Reader<'_>) -> Result<Self, WireError> {
                from.get()
            }
        }
    )+};
}

primitives! { bool u8 [u8; 32] }

impl Wire for u16 {
    fn write(&self, to: &mut Writer) {
        to.put(self);
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, WireError> {
        let number = from.get_number()?.try_into();
        number.map_err(|_| WireError::new("a number is larger than 65535"))
    }
}

impl Wire for u64 {
    fn write(&self, to: &mut Writer) {
        to.put(self);
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, WireError> {
        from.get_number()
    }
}

impl<T: Wire> Wire for Option<T> {
    fn write(&self, to: &mut Writer) {
        self.is_some().write(to);
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

macro_rules! lists {
    ($($list:ty)+) => {$(
        impl<T: Wire> Wire for $list {
            fn write(&self, to: &mut Writer) {
                to.put(&self.len());
                for value in self {
                    value.write(to);
                }
            }

            fn read(from: &mut Reader<'_>) -> Result<Self, WireError> {
                let length = from.get_length()?;
                // A length may be a lie: little is reserved before the values are there.
                let mut all = Self::with_capacity(length.min(64));
                for _ in 0..length {
                    all.push(T::read(from)?);
                }
                Ok(all)
            }

            fn since(&self) -> u8 {
                self.iter().map(T::since).max().unwrap_or(1)
            }
        }
    )+};
}

lists! { Vec<T> SmallVec<[T; 1]> }

/// Values that are written as their text. The text must be the one that the value prints.
macro_rules! wire_texts {
    ($($name:ty)+) => {$(
        impl $crate::wire::Wire for $name {
            fn write(&self, to: &mut $crate::wire::Writer) {
                to.put_text(self);
            }

            fn read(from: &mut $crate::wire::Reader<'_>) -> Result<Self, $crate::wire::WireError> {
                from.get_text()
            }
        }
    )+};
}
pub(crate) use wire_texts;

/// Values that keep the text of which they are made as it is, and are written as it.
macro_rules! wire_plain_texts {
    ($($name:ty)+) => {$(
        impl $crate::wire::Wire for $name {
            fn write(&self, to: &mut $crate::wire::Writer) {
                to.put_str(&self.0);
            }

            fn read(from: &mut $crate::wire::Reader<'_>) -> Result<Self, $crate::wire::WireError> {
                from.get_plain_text()
            }
        }
    )+};
}
pub(crate) use wire_plain_texts;

/// Newtypes: the value inside.
macro_rules! wire_newtypes {
    ($($name:ident)+) => {$(
        impl $crate::wire::Wire for $name {
            fn write(&self, to: &mut $crate::wire::Writer) {
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
            fn write(&self, to: &mut $crate::wire::Writer) {
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
