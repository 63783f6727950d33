//! Tampered exports.

use super::*;

#[test]
fn the_golden_export_is_sound_in_python() {
    assert_sound(&[], &golden());
    let link_of = |seq: usize| parse(&lines(&golden())[seq]).1;
    assert_sound(&["--head", &format!("4:{}", link_of(3))], &golden());
    // An older head vouches for what was before it.
    assert_sound(&["--head", &format!("2:{}", link_of(1))], &golden());
}

#[test]
fn a_verdict_says_what_was_not_checked() {
    let alone = verify_export(&[], &golden()).stdout;
    for part in [
        "head 4:",
        GOLDEN_LINK,
        "Not checked: the rules",
        "snapshots",
        "whether the tail was cut",
    ] {
        assert!(alone.contains(part), "{part}: {alone}");
    }
    let compared = verify_export(&["--head", &format!("4:{GOLDEN_LINK}")], &golden()).stdout;
    assert!(!compared.contains("tail was cut"), "{compared}");
}

#[test]
fn every_flipped_byte_of_every_record_is_found() {
    let all = lines(&golden());
    for seq in 0u64..4 {
        let (_, link, Sealed(bytes)) = parse(&all[seq as usize]);
        // Every field of the header, then body bytes from the presence byte to the last.
        let header = [
            0, 1, 2, 4, 7, 8, 15, 16, 23, 24, 27, 28, 31, 32, 63, 64, 95, 96, 104, 127,
        ];
        let body = (128..bytes.len())
            .step_by(37)
            .chain([129, 144, 145, bytes.len() - 1]);
        let mut export = all.clone();
        for at in header.into_iter().chain(body) {
            let mut changed = bytes.to_vec();
            changed[at] ^= 0x01;
            export[seq as usize] =
                json!({"seq": seq, "link": link, "record": hex(&changed)}).to_string();
            let kinds: &[&str] = match at {
                // Another kind may be as good, but is not the one that was linked.
                // Of record 1, the number 0 is one that only an opening has.
                2 | 8 => &["malformed", "link"],
                0..8 | 31 | 96..129 => &["malformed"],
                8..96 => &["link"],
                _ => &["payload"],
            };
            assert_found(&[], &joined(&export), seq, kinds);
        }
    }
}

#[test]
fn a_header_and_its_own_line_changed_together_break_the_next_link() {
    let all = lines(&golden());
    let (_, _, sealed) = parse(&all[1]);
    let mut record = Record::open(&sealed).unwrap();
    record.header.recorded_at += 1;
    let mut export = all.clone();
    let link = record.header.link().to_string();
    export[1] = json!({"seq": 1, "link": link, "record": hex(&record.seal().0)}).to_string();
    assert_found(&[], &joined(&export), 2, &["link"]);
    assert_found(&[], &joined(&export), 2, &["clock"]);
}

#[test]
fn a_batch_that_others_cut_into_is_found() {
    let [body, other] = [b"a", b"b"].map(|payload| Body {
        salt: [7; SALT_LEN],
        payload: payload.to_vec(),
    });
    let (batch, _) = bind_bodies(Head::EMPTY, 5, vec![body; 3]);
    let first = batch[0].clone();
    // All links fit: whoever wrote this took only the first of the batch over.
    let (next, head) = bind_bodies(Head::after(&first.header), 5, vec![other]);
    let export = raw_export(&[&[first], &next[..]].concat(), head);
    assert_found(&[], &export, 1, &["batch"]);
}

#[test]
fn moved_dropped_and_doubled_lines_are_found() {
    let all = lines(&golden());
    for first in 0..3 {
        let mut swapped = all.clone();
        swapped.swap(first, first + 1);
        assert_found(&[], &joined(&swapped), first as u64, &["missing"]);
        assert_found(&[], &joined(&swapped), first as u64, &["misplaced"]);
    }
    for seq in 0..4 {
        let mut dropped = all.clone();
        dropped.remove(seq);
        assert_found(&[], &joined(&dropped), seq as u64, &["missing"]);
        let mut doubled = all.clone();
        doubled.insert(seq, all[seq].clone());
        assert_found(&[], &joined(&doubled), seq as u64, &["misplaced"]);
        let mut garbled = all.clone();
        garbled[seq].truncate(100);
        assert_found(&[], &joined(&garbled), seq as u64, &["malformed"]);
    }
    // Numbered anew, the lines are in order again, but the headers are not.
    let (_, link, sealed) = parse(&all[2]);
    let mut renumbered = all.clone();
    renumbered.remove(1);
    renumbered[1] = json!({"seq": 1, "link": link, "record": hex(&sealed.0)}).to_string();
    assert_found(&[], &joined(&renumbered), 1, &["misplaced"]);
    assert_found(&[], &joined(&renumbered), 1, &["link"]);
}

#[test]
fn a_cut_tail_is_found_by_the_head_and_a_cut_head_by_one_kept_elsewhere() {
    let all = lines(&golden());
    let head = &all[4];
    // The head line stays: it says what is missing.
    let cut = joined(&[all[0].clone(), head.clone()]);
    assert_found(&[], &cut, 1, &["missing"]);
    // The head line goes with the tail: the export is not whole.
    assert_found(&[], &joined(&all[..2]), 1, &["head"]);
    // In mid batch, with a head that fits: the batch is not whole.
    let link_of = |seq: usize| parse(&all[seq]).1;
    let fitting =
        |count: usize| json!({"head": {"count": count, "link": link_of(count - 1)}}).to_string();
    let cut = [&all[..2], &[fitting(2)]].concat();
    assert_found(&[], &joined(&cut), 1, &["batch"]);
    // At the end of a batch, with a head that fits: no chain can show that; a head kept elsewhere does.
    let cut = joined(&[&all[..1], &[fitting(1)]].concat());
    assert_sound(&[], &cut);
    assert_found(&["--head", &format!("4:{GOLDEN_LINK}")], &cut, 3, &["head"]);
}

#[test]
fn a_wrong_head_is_found() {
    let all = lines(&golden());
    let zeros = Hash::ZERO.to_string();
    for head in [
        json!({"count": 4, "link": zeros}),
        json!({"count": 3, "link": GOLDEN_LINK}),
    ] {
        let mut export = all.clone();
        export[4] = json!({ "head": head }).to_string();
        assert_found(&[], &joined(&export), 3, &["head"]);
    }
    assert_found(&["--head", &format!("4:{zeros}")], &golden(), 3, &["head"]);
    assert_found(
        &["--head", &format!("2:{GOLDEN_LINK}")],
        &golden(),
        1,
        &["head"],
    );
    assert_found(
        &["--head", &format!("0:{GOLDEN_LINK}")],
        &golden(),
        0,
        &["head"],
    );
    let after = joined(&[all[4].clone(), all[0].clone()]);
    assert_found(
        &[],
        &format!("{}{after}", joined(&all[..4])),
        4,
        &["malformed"],
    );
}

#[test]
fn nothing_is_not_sound() {
    for nothing in [
        "",
        "\n",
        "{}\n",
        "[]\n",
        "[[\"head\",{}]]\n",
        "\u{0}\u{ff}\n",
        "[[[[[[[[",
    ] {
        assert_found(&[], nothing, 0, &["missing"]);
    }
    let empty = json!({"head": {"count": 0, "link": Hash::ZERO.to_string()}}).to_string();
    assert_found(&[], &joined(&[empty]), 0, &["missing"]);
}

#[test]
fn members_that_are_wrong_or_stand_twice_are_found() {
    let all = lines(&golden());
    let (_, link, _) = parse(&all[1]);
    let link = format!("\"link\":\"{}", &link[..1]);
    let hexadecimal = link.replacen(":\"", ":\"0x", 1);
    let nothing = link.replacen(":\"", ":null,\"", 1);
    for (from, to) in [
        ("{\"seq\":1,", "{\"seq\":1,\"seq\":1,"),
        ("{\"seq\":1,", "{\"seq\":1,\"more\":1,"),
        ("{\"seq\":1,", "{\"seq\":true,"),
        ("{\"seq\":1,", "{\"seq\":1.0,"),
        ("{\"seq\":1,", "{\"seq\":-1,"),
        ("{\"seq\":1,", "{"),
        (&link, &hexadecimal),
        (&link, &nothing),
        ("\"record\":\"01", "\"record\":\"0"),
        ("\"record\":\"01", "\"record\":\"0 1"),
    ] {
        let mut export = all.clone();
        assert!(export[1].contains(from));
        export[1] = export[1].replacen(from, to, 1);
        assert_found(&[], &joined(&export), 1, &["malformed"]);
    }
}

#[test]
fn lines_are_json_that_ends_in_a_newline() {
    let spaced = golden().replace("\":", "\" :\t").replace(",\"", " , \"");
    assert_sound(&[], &spaced);
    let text = golden();
    assert_found(&[], &text[..text.len() - 1], 4, &["malformed"]);
    let empty_line = text.replacen('\n', "\n\n", 1);
    assert_found(&[], &empty_line, 1, &["malformed"]);
    let zero = text.replacen("\"seq\":0", "\"seq\":-0", 1);
    assert_found(&[], &zero, 0, &["malformed"]);
}

/// Keys that are no sound points are findings of both: not canonical, of small order, no point.
#[test]
fn both_refuse_keys_under_which_signatures_mean_nothing() {
    for key in [
        "alice+24d3e3e5+Af//////////////////////////////////////////",
        "alice+847982ca+AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        "alice+b364521b+AQIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
    ] {
        let admitted = event(
            Kind::RecorderAdmitted,
            &[("id", &["alice"]), ("key", &[key])],
        );
        let contents = [&golden_events()[0], &admitted].map(|event| codec::encode(event).unwrap());
        let (records, head) = chain_of(contents.to_vec());
        let ran = verify_export(&[], &raw_export(&records, head));
        assert_only_signatures(&ran, &ran.stdout);
        assert!(!found_by_servanda(&records, head).is_empty(), "{key}");
    }
}

#[test]
fn a_payload_may_be_gone_only_where_a_later_record_redacts_it() {
    let note = event(Kind::Noted, &[("text", &["what a court wants gone"])]);
    let redaction = event(
        Kind::Redacted,
        &[
            ("record", &["1"]),
            ("reason", &["a ruling"]),
            ("authority", &["a court"]),
        ],
    );
    let opening = golden_events()[0].clone();
    let with = |last: &Event| {
        let payloads = [&opening, &note, last].map(|event| codec::encode(event).unwrap());
        let (mut records, head) = chain_of(payloads.to_vec());
        records[1].body = None;
        raw_export(&records, head)
    };
    assert_sound(&[], &with(&redaction));
    assert_found(&[], &with(&note), 1, &["payload-gone"]);
}

#[test]
fn wrong_usage_is_no_verdict() {
    for options in [
        &["--head", "4"][..],
        &["--head", "4:abc"],
        &["--colour"],
        &["--log-key", "none", "--checkpoint", "docs/format.md"],
        &["--policy", "docs/format.md"],
    ] {
        let code = verify_export(options, &golden()).code;
        assert_eq!(code, Some(USAGE), "{options:?}");
    }
    for options in [
        &["/no/such/file"][..],
        &["--checkpoint", "/no/such/file"],
        &["--checkpoint", "docs/format.md"],
    ] {
        let code = verify_export(options, &golden()).code;
        assert_eq!(code, Some(REFUSED), "{options:?}");
    }
}
