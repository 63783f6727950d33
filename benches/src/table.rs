//! A table of treaties from a seed, and the rules that make events of its rows: as large as the register of treaties of a
//! state that has kept one for a century.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use crate::peers::Outcome;

/// How many parties there are, each with a spelling or two.
const PARTIES: u64 = 400;

/// Of so many parties, one has a second spelling.
const SPELLED_TWICE: u64 = 2;

/// Of so many treaties, one has many parties.
const MULTILATERAL: u64 = 8;

/// The most parties of a treaty.
const MOST_PARTIES: u64 = 290;

const RULES: &str = r#"# For the table beside it.

[dates]
formats = ["%d/%m/%Y"]

[[event]]
event = "party"
each = "Parties|split(;)"
once = true
gather = ["name"]
import_key = "party:{item|before(,)|slug}"
id = "{item|before(,)|slug}"
kind = "state"
name = ["{item|before(,)}", "{item}"]

[[event]]
event = "agreement"
import_key = "treaty:{No}"
id = "{No|lower}"
title = "{Title}"
form = "treaty"
party = "{Parties|split(;)|before(,)|slug}"
on = "{Signed|date}"
place = "{Place}"
subject = "{Subject}"

[[event]]
event = "agreement-status"
when = { "In force" = "?*" }
import_key = "force:{No}"
agreement = "{No|lower}"
to = "in-force"
on = "{In force|date}"
if_irregular = "as the register has it"

[[event]]
event = "participation"
each = "Parties|split(;)"
import_key = "act:{No}:{item|before(,)|slug}"
agreement = "{No|lower}"
party = "{item|before(,)|slug}"
action = "signature"
on = "{Signed|date}"
"#;

/// The choices of a seed (SplitMix64).
struct Choices(u64);

impl Choices {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % bound
    }
}

/// Writes `treaties.csv`, with so many rows, and `treaties.toml` into a directory.
pub fn write(dir: &Path, rows: u64, seed: u64) -> Outcome<()> {
    let mut random = Choices(seed);
    let mut table = "No,Title,Subject,Parties,Place,Signed,In force\n".to_owned();
    for row in 1..=rows {
        let first = random.below(PARTIES);
        let count = match random.below(MULTILATERAL) {
            0 => 3 + random.below(MOST_PARTIES - 2) * random.below(MOST_PARTIES) / MOST_PARTIES,
            _ => 2,
        };
        let step = 1 + 2 * random.below(60);
        let names = (0..count).map(|nth| party((first + nth * step) % PARTIES, &mut random));
        let mut parties: Vec<String> = names.collect();
        // A step may come back to the first party.
        parties.sort();
        parties.dedup_by_key(|name| name.split(',').next().map(str::to_owned));
        let year = 1919 + row * 100 / rows.max(1);
        let (day, month) = (1 + random.below(28), 1 + random.below(12));
        write!(
            table,
            "UK-{row},\"Agreement number {row} concerning the {} of goods, persons and letters\",{},\"{}\",City {},{day:02}/{month:02}/{year},",
            ["transport", "exchange", "protection", "settlement"][random.below(4) as usize],
            ["trade", "borders", "post", "claims", "air services"][random.below(5) as usize],
            parties.join(";"),
            random.below(90),
        )?;
        // Some are in force from before they were signed, as registers have it.
        match random.below(50) {
            0 => writeln!(table, "{day:02}/{month:02}/{}", year - 1)?,
            1..5 => table.push('\n'),
            _ => writeln!(table, "{day:02}/{month:02}/{}", year + 1)?,
        }
    }
    fs::create_dir_all(dir)?;
    fs::write(dir.join("treaties.csv"), table)?;
    fs::write(dir.join("treaties.toml"), RULES)?;
    Ok(())
}

/// The name of a party, in one of its spellings.
fn party(number: u64, random: &mut Choices) -> String {
    let name = format!("Republic of Land {number:03}");
    match number % SPELLED_TWICE == 0 && random.below(3) == 0 {
        true => format!("{name}, Federal"),
        false => name,
    }
}
