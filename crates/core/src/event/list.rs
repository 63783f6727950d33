//! The macro that makes [`Fact`](super::Fact) and [`Kind`](super::Kind) of the list of events.

/// How the enum holds an event: what is large is boxed, because most events are small and are moved often.
macro_rules! held {
    ($name:ident) => {
        $name
    };
    ($name:ident boxed) => {
        Box<$name>
    };
}
pub(super) use held;

/// Makes the enums over all kinds of events, and passes calls on to the event at hand.
macro_rules! events {
    ($($file:ident::$name:ident $($boxed:ident)?,)+) => {
        $(pub use self::$file::$name;)+

        /// What an event says: one of the listed facts.
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub enum Fact { $(
            #[doc = concat!("See [`", stringify!($name), "`].")]
            $name($crate::event::list::held!($name $($boxed)?)),
        )+ }

        /// The kind of a fact.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Kind { $(#[doc = concat!("See [`", stringify!($name), "`].")] $name,)+ }

        impl Kind {
            /// Every kind, in the order of the list.
            pub const ALL: &'static [Kind] = &[$(Kind::$name,)+];

            /// Its declaration.
            pub const fn spec(self) -> &'static EventSpec {
                match self { $(Kind::$name => &$name::SPEC,)+ }
            }

            /// The kind that has a number in the bytes.
            pub fn of_number(number: u16) -> Option<Kind> {
                match number {
                    $(number if number == $name::SPEC.number => Some(Kind::$name),)+
                    _ => None,
                }
            }

            fn takes(self, name: &str) -> bool {
                match self { $(Kind::$name => $name::takes(name),)+ }
            }
        }

        impl Leaf for Kind {
            const LABEL: &'static str = "KIND";
            const WORDS: &'static [&'static str] = &[$($name::SPEC.word,)+];
        }

        impl Fact {
            /// Its kind.
            pub const fn kind(&self) -> Kind {
                match self { $(Fact::$name(_) => Kind::$name,)+ }
            }

            /// Writes its fields, without its number.
            pub(crate) fn write(&self, to: &mut Writer) {
                match self { $(Fact::$name(fact) => fact.write(to),)+ }
            }

            /// Reads the fields of a fact of a kind.
            ///
            /// # Errors
            /// [`WireError`] where the bytes are not such fields.
            pub(crate) fn read(kind: Kind, from: &mut Reader<'_>) -> Result<Self, WireError> {
                match kind { $(Kind::$name => $name::read(from).map(Fact::from),)+ }
            }

            /// The lowest schema that can express it.
            pub(crate) fn since(&self) -> u8 {
                match self { $(Fact::$name(fact) => $name::SPEC.since.max(fact.since()),)+ }
            }

            fn build<S: AsRef<str>>(
                kind: Kind,
                given: &[(&str, &[S])],
                errors: &mut Vec<FieldError>,
            ) -> Option<Self> {
                match kind { $(Kind::$name => $name::build(given, errors).map(Fact::from),)+ }
            }

            fn texts(&self) -> Vec<(&'static str, Vec<String>)> {
                match self { $(Fact::$name(fact) => fact.texts(),)+ }
            }

            fn missing(&self, errors: &mut Vec<FieldError>) {
                match self { $(Fact::$name(fact) => fact.missing(errors),)+ }
            }

            fn each_reference<'v>(&'v self, mut show: impl FnMut(&'static str, Reference<'v>)) {
                match self { $(Fact::$name(fact) => fact.each_reference(&mut show),)+ }
            }

            /// The number of the record that it corrects, retracts or redacts, which its header repeats.
            pub fn target(&self) -> Option<Seq> {
                match self { $(Fact::$name(fact) => fact.target(),)+ }
            }

            fn meaning(&self) -> &dyn Meaning {
                match self { $(Fact::$name(fact) => Borrow::<$name>::borrow(fact),)+ }
            }

            fn defines(&self) -> Option<Reference<'_>> {
                match self { $(Fact::$name(fact) => fact.defines(),)+ }
            }
        }

        $(impl From<$name> for Fact {
            fn from(fact: $name) -> Self {
                Fact::$name(fact.into())
            }
        })+
    };
}
pub(super) use events;
