//! Rules files and foreign tables: nothing panics.
#![no_main]

use libfuzzer_sys::fuzz_target;
use servanda::intake::rules::Rules;
use servanda::intake::table::{Form, Table};

fuzz_target!(|bytes: &[u8]| {
    if let Ok(rules) = String::from_utf8_lossy(bytes).parse::<Rules>() {
        let again = rules.to_string();
        assert_eq!(again.parse::<Rules>().as_ref(), Ok(&rules), "rules read as they are written");
    }
    drop(Table::read(bytes, &Form::default()));
});
