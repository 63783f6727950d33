//! The macro that declares a kind of event. From one declaration come the struct, its table of fields, how it is built
//! from texts and written as texts, and the entities and records that it names.

/// Declares a struct of fields. Attributes of a field stand before it in brackets:
/// - `arg`: given by position on the command line
/// - `id`: gives a new entity its id
/// - `some`: needs at least one value, though its type may be empty
/// - `asked`: as `some`, unless another field says why it is not there, as the event's `problems` know
/// - `fixed`: no correction changes it
/// - `target`: the record that the event is about; the header repeats it
/// - `filled`: the ledger fills it in where it is left out
/// - `kept`: the state keeps its value, which is of a type that it else does not keep ([`Leaf::KEPT`])
/// - `dated_by`: the agreement whose date the event has when it has none of its own
/// - `since N`: came with schema N; its type must be able to be absent
///
/// [`Leaf::KEPT`]: crate::value::base::Leaf::KEPT
macro_rules! fields {
    ($(#[$meta:meta])* $name:ident {
        $(#[doc = $help:literal] $([$($attr:tt)+])? $field:ident : $ty:ty,)*
    }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub struct $name {
            $(#[doc = $help] pub $field: $ty,)*
        }

        impl $name {
            /// The table of its fields, in the order of their bytes.
            pub const FIELDS: &'static [$crate::event::field::FieldSpec] = &[$($crate::event::field::FieldSpec {
                name: stringify!($field),
                shape: <$ty as $crate::value::base::Value>::SHAPE,
                label: <$ty as $crate::value::base::Value>::LABEL,
                words: <$ty as $crate::value::base::Value>::WORDS,
                since: $crate::event::field::since_of(&[$($(stringify!($attr),)+)?]),
                kept: <$ty as $crate::value::base::Value>::KEPT,
                doc: $help,
                attributes: &[$($(stringify!($attr),)+)?],
            },)*];

            /// Whether it has a field of this name.
            pub(in $crate::event) fn takes(name: &str) -> bool {
                matches!(name, $(stringify!($field))|*)
            }

            pub(in $crate::event) fn build<S: AsRef<str>>(
                given: &[(&str, &[S])],
                errors: &mut Vec<$crate::event::field::FieldError>,
            ) -> Option<Self> {
                use $crate::event::field::FieldError;
                use $crate::value::base::Value;
                let before = errors.len();
                $(let mut $field: &[S] = &[];)*
                for (name, texts) in given {
                    match *name {
                        $(stringify!($field) => $field = texts,)*
                        _ => {}
                    }
                }
                // Errors of types come first; then what is required although its type may be empty.
                let absent = [$($field.is_empty(),)*];
                $(let $field = match <$ty as Value>::from_texts($field) {
                    Ok(value) => Some(value),
                    Err(error) => {
                        errors.push(FieldError { field: stringify!($field).to_owned(), error });
                        None
                    }
                };)*
                for (spec, absent) in Self::FIELDS.iter().zip(absent) {
                    if absent && spec.has("some") {
                        errors.push(FieldError::new(spec.name, "is required"));
                    }
                }
                if errors.len() > before {
                    return None;
                }
                Some(Self { $($field: $field?,)* })
            }

            pub(in $crate::event) fn texts(&self) -> Vec<(&'static str, Vec<String>)> {
                vec![$((stringify!($field), $crate::value::base::Value::to_texts(&self.$field)),)*]
            }

            /// Whether it has a field of this name that says nothing.
            // Only the envelope is asked.
            #[allow(dead_code)]
            pub(in $crate::event) fn lacks(&self, name: &str) -> bool {
                match name {
                    $(stringify!($field) => $crate::value::base::Value::is_absent(&self.$field),)*
                    _ => false,
                }
            }

            pub(in $crate::event) fn missing(&self, errors: &mut Vec<$crate::event::field::FieldError>) {
                let absent = [$($crate::value::base::Value::is_absent(&self.$field),)*];
                for (spec, absent) in Self::FIELDS.iter().zip(absent) {
                    if absent && spec.is_required() {
                        errors.push($crate::event::field::FieldError::new(spec.name, "is required"));
                    }
                }
            }

            /// Calls `show` for each entity and record that its fields name, without the id that one of them gives.
            pub(in $crate::event) fn each_reference<'v>(
                &'v self,
                show: &mut impl FnMut(&'static str, $crate::value::id::Reference<'v>),
            ) {
                $(if !matches!(&[$($(stringify!($attr),)+)?] as &[&str], [.., "id"]) {
                    $crate::value::base::Value::each_reference(&self.$field, &mut |named| {
                        show(stringify!($field), named)
                    });
                })*
            }

            /// The id that it gives to a new entity, if it does.
            // The envelope has none.
            #[allow(dead_code, unused_mut)]
            pub(in $crate::event) fn defines(&self) -> Option<$crate::value::id::Reference<'_>> {
                let mut given = None;
                $(if matches!(&[$($(stringify!($attr),)+)?] as &[&str], [.., "id"]) {
                    $crate::value::base::Value::each_reference(&self.$field, &mut |named| given = Some(named));
                })*
                given
            }

            /// The record that it is about, where its header repeats that.
            #[allow(dead_code, unused_mut)]
            pub(in $crate::event) fn target(&self) -> Option<$crate::value::id::Seq> {
                let mut target = None;
                $(if matches!(&[$($(stringify!($attr),)+)?] as &[&str], [.., "target"]) {
                    $crate::value::base::Value::each_reference(&self.$field, &mut |named| target = named.record());
                })*
                target
            }
        }

        impl $crate::wire::Wire for $name {
            fn write(&self, to: &mut $crate::wire::Writer) {
                $(if const { $crate::event::field::since_of(&[$($(stringify!($attr),)+)?]) } <= to.schema() {
                    $crate::wire::Wire::write(&self.$field, to);
                })*
            }

            fn read(from: &mut $crate::wire::Reader<'_>) -> Result<Self, $crate::wire::WireError> {
                Ok(Self {$(
                    $field: if const { $crate::event::field::since_of(&[$($(stringify!($attr),)+)?]) } <= from.schema() {
                        $crate::wire::Wire::read(from)?
                    } else {
                        <$ty as $crate::value::base::Value>::from_texts::<&str>(&[])
                            .map_err(|error| $crate::wire::WireError::new(error.0))?
                    },
                )*})
            }

            fn since(&self) -> u8 {
                1_u8 $(.max(if $crate::value::base::Value::is_absent(&self.$field) {
                    1
                } else {
                    const { $crate::event::field::since_of(&[$($(stringify!($attr),)+)?]) }
                        .max($crate::wire::Wire::since(&self.$field))
                }))*
            }
        }
    };
}
pub(super) use fields;

/// Declares a kind of event: its sentence, its number, its word, its Rust name, its fields, and an example as JSON, which
/// is shown to users and tried by the tests. Attributes of the kind stand in brackets before the number:
/// - `opens`: opens the ledger
/// - `local`: left out by an import into another ledger
/// - `erasable`: the payload of its records can be erased
/// - `as_erasable_as_target`: can be erased where the record that it is about can
/// - `fixed`: neither corrected nor retracted
/// - `uncorrectable`: retracted, but not corrected
/// - `corrects`, `retracts`, `redacts`: does this to the record in its `target` field
/// - `bookkeeping`: is about records, not about the world; so are the three above
/// - `frequent`: there are too many of its records to copy what they say; the state knows what reports ask of them
/// - `timeless`: counts on any day, whenever it was recorded
/// - `needs FIELD "WHAT IT SAYS"`: is incomplete without that field of the envelope
/// - `since N`: came with schema N
macro_rules! event {
    ($(#[doc = $about:literal])+ $([$($attr:tt)+])? $number:literal $word:literal $name:ident { $($body:tt)* }
    example $example:literal) => {
        $crate::event::declare::fields! { $(#[doc = $about])+ $name { $($body)* } }

        impl $name {
            /// Its declaration.
            pub const SPEC: $crate::event::spec::EventSpec = $crate::event::spec::EventSpec {
                number: $number,
                word: $word,
                name: stringify!($name),
                since: $crate::event::field::since_of(&[$($(stringify!($attr),)+)?]),
                fields: Self::FIELDS,
                doc: concat!($($about, "\n",)+),
                example: $example,
                change: $crate::event::spec::Change::of(&[$($(stringify!($attr),)+)?]),
                needs: $crate::event::spec::Need::of(&[$($(stringify!($attr),)+)?]),
                is_timeless: $crate::event::field::has(&[$($(stringify!($attr),)+)?], "timeless"),
                is_bookkeeping: $crate::event::spec::is_bookkeeping(&[$($(stringify!($attr),)+)?]),
                has_agreement_date: $crate::event::spec::any_has(Self::FIELDS, "dated_by"),
                form: $crate::event::spec::HeaderForm::of(Self::FIELDS, &[$($(stringify!($attr),)+)?]),
                attributes: &[$($(stringify!($attr),)+)?],
            };
        }
    };
}
pub(super) use event;
