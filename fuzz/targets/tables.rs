//! Rules files and foreign tables: nothing panics.
#![no_main]

use libfuzzer_sys::fuzz_target;
use servanda::intake::rules::Rules;
use servanda::intake::table::{Form, Table};

fuzz_target!(|bytes: &[u8]| {
    drop(String::from_utf8_lossy(bytes).parse::<Rules>());
    for name in ["table.csv", "table.json"] {
        drop(Table::read(name, bytes, &Form::default()));
    }
});
