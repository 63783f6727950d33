use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;

/// Two tables, the first with three pages of ten bytes, after a byte of the owner.
fn written() -> Vec<u8> {
    let mut bytes = vec![7];
    let mut give = |piece: &[u8]| bytes.extend_from_slice(piece);
    let mut writer = PageWriter::new(&mut give);
    for value in 0..30u8 {
        writer.page(value.into()).push(value);
        writer.close_page_of(10);
    }
    writer.close_table(30);
    writer.page(0).extend_from_slice(b"second");
    writer.close_table(1);
    writer.finish(b"root");
    bytes
}

fn opened(bytes: Vec<u8>, again: Option<Vec<u8>>) -> Option<(Pages, Vec<u8>)> {
    let remake: Option<Remake> =
        again.map(|again| -> Remake { Box::new(move || Some(again.clone())) });
    Pages::open(Arc::new(bytes), 1, remake)
}

fn whole(pages: &Pages) -> Vec<Option<Vec<u8>>> {
    let all = (0..2).flat_map(|table| (0..pages.count(table)).map(move |page| (table, page)));
    all.map(|(table, page)| pages.read(table, page, |bytes| Some(bytes.to_vec())))
        .collect()
}

#[test]
fn pages_are_read_back_and_found_by_their_keys() {
    let (pages, root) = opened(written(), None).unwrap();
    assert_eq!(root, b"root");
    assert_eq!(
        (pages.values(0), pages.count(0), pages.count(1)),
        (30, 3, 1)
    );
    assert_eq!(pages.key(0, 1), Some(10));
    assert_eq!(
        [0, 5, 10, 11, 29, 99].map(|key| pages.page_of(0, key)),
        [0, 0, 0, 1, 2, 2]
    );
    let first: Vec<u8> = (0..10).collect();
    assert_eq!(whole(&pages)[0], Some(first));
    assert_eq!(whole(&pages)[3].as_deref(), Some(&b"second"[..]));
    assert!(!pages.is_damaged() && !pages.is_lost());
    assert_eq!(pages.read(0, 3, |_| Some(())), None);
}

/// Each byte in turn: a page is made anew, or nothing opens.
#[test]
fn a_damaged_byte_is_noticed_and_its_page_made_anew() {
    let sound = written();
    let expected = whole(&opened(sound.clone(), None).unwrap().0);
    let pages_end = 1 + 30 + 6;
    for at in 1..sound.len() {
        let mut damaged = sound.clone();
        damaged[at] ^= 0x20;
        let found = opened(damaged.clone(), Some(sound.clone()));
        match found {
            Some((pages, _)) => {
                assert!(at < pages_end, "byte {at}");
                assert_eq!(whole(&pages), expected, "byte {at}");
                assert!(pages.is_damaged() && !pages.is_lost());
            }
            None => assert!(at >= pages_end, "byte {at}"),
        }
        if at < pages_end {
            let (pages, _) = opened(damaged, None).unwrap();
            assert_eq!(
                whole(&pages).iter().filter(|page| page.is_none()).count(),
                1
            );
            assert!(pages.is_lost());
        }
    }
    for cut in 0..sound.len() {
        assert!(opened(sound[..cut].to_vec(), None).is_none());
    }
}

#[test]
fn what_is_made_anew_is_made_once_and_only_where_it_is_needed() {
    let sound = written();
    let made = Arc::new(AtomicUsize::new(0));
    let remake = |sound: &Vec<u8>| -> Remake {
        let (made, sound) = (made.clone(), sound.clone());
        Box::new(move || {
            made.fetch_add(1, Ordering::Relaxed);
            Some(sound.clone())
        })
    };
    let (pages, _) = Pages::open(Arc::new(sound.clone()), 1, Some(remake(&sound))).unwrap();
    whole(&pages);
    assert_eq!(made.load(Ordering::Relaxed), 0);
    let mut damaged = sound.clone();
    damaged[3] ^= 1;
    damaged[14] ^= 1;
    let (pages, _) = Pages::open(Arc::new(damaged), 1, Some(remake(&sound))).unwrap();
    whole(&pages);
    assert_eq!(made.load(Ordering::Relaxed), 1);
}
