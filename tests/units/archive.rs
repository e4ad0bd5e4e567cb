//! What an archive is written as, and when one is made: round trips, and everything that is not what
//! was written.

use std::time::Duration;

use bytes::Bytes;
use earmark::{
    archive::{
        Archiving, BadArchive,
        format::{self, Manifest, Sealed},
        keeping::{due, rest},
        names,
    },
    domain::{
        DueClock,
        ids::{EntityKey, OrderId, Sku},
        time::Timestamp,
    },
    partition::record::{Link, RecordHash},
    ports::{EntityChange, Kept, Position},
};

fn at(incarnation: u64, sequence: u64) -> Position {
    Position { incarnation, sequence }
}

fn manifest() -> Manifest {
    Manifest {
        partition: 3,
        partitions: 16,
        position: at(2, 4_711),
        link: Link { sequence: 4_711, hash: RecordHash([7; 16]) },
        at: Timestamp(1_764_174_371_000_000),
        owner: "pod-1".to_owned(),
        entities: 3,
        parts: 4,
        dues: 1,
        segments: vec![Sealed { bytes: 99, hash: [1; 32] }, Sealed { bytes: 7, hash: [2; 32] }],
        whole: [3; 32],
        state: vec![1, 2, 3],
    }
}

fn entities() -> Vec<EntityChange> {
    let part = |name: &str, of: &[u8]| (name.to_owned(), Some(Bytes::copy_from_slice(of)));
    let dues = |settled, demand| [(DueClock::Settled, settled), (DueClock::Demand, demand)];
    vec![
        EntityChange {
            key: EntityKey::Sku(Sku::new("a.*> ü").unwrap()),
            folded_to: u64::MAX,
            parts: vec![part("", b""), part("hold/1", &[0, 255, 1]), part("large", &[9; 70_000])],
            dues: dues(Some(Timestamp(-5)), None),
        },
        EntityChange {
            key: EntityKey::Order(OrderId::new("O-1").unwrap()),
            folded_to: 0,
            parts: vec![part("head", b"h")],
            dues: dues(None, Some(Timestamp(i64::MAX))),
        },
        EntityChange {
            key: EntityKey::Sku(Sku::new("gone").unwrap()),
            folded_to: 0,
            parts: Vec::new(),
            dues: dues(None, None),
        },
    ]
}

fn segment() -> Vec<u8> {
    let append = |bytes, of: &EntityChange| format::append(bytes, of).unwrap();
    format::seal(&entities().iter().fold(Vec::new(), append))
}

#[test]
fn what_is_read_is_what_was_written() {
    assert_eq!(format::open(&segment()).unwrap(), entities());
    assert_eq!(format::open(&format::seal(&[])).unwrap(), []);
    assert!(segment().len() < 10_000, "it is compressed");
    let bytes = manifest().encode().unwrap();
    assert_eq!(Manifest::decode(&bytes).unwrap(), manifest());
}

#[test]
fn a_manifest_that_differs_in_any_byte_is_refused() {
    let bytes = manifest().encode().unwrap();
    for end in 0..bytes.len() {
        assert!(Manifest::decode(&bytes[..end]).is_err(), "cut off at {end}");
    }
    for index in 0..bytes.len() {
        for bit in 0..8 {
            let mut flipped = bytes.clone();
            flipped[index] ^= 1 << bit;
            assert!(Manifest::decode(&flipped).is_err(), "bit {bit} of byte {index}");
        }
    }
    let longer = [bytes.as_slice(), b"x"].concat();
    assert!(Manifest::decode(&longer).is_err(), "a byte too many");
}

#[test]
fn a_segment_that_ends_too_early_is_refused() {
    let bytes = segment();
    for end in 0..bytes.len() {
        assert!(format::open(&bytes[..end]).is_err(), "cut off at {end}");
    }
}

#[test]
fn an_unknown_version_fails_closed() {
    let unknown = BadArchive::UnknownVersion(format::VERSION + 1);
    let newer = |bytes: &[u8]| [&[format::VERSION + 1], &bytes[1..]].concat();
    assert_eq!(format::open(&newer(&segment())), Err(unknown.clone()));
    assert_eq!(Manifest::decode(&newer(&manifest().encode().unwrap())), Err(unknown));
}

#[test]
fn names_tell_what_an_archive_is() {
    let old = names::of_archive(3, at(1, 900), 7);
    let new = names::of_archive(3, at(2, 80), 8);
    let half = names::of_archive(3, at(2, 90), 9);
    assert!([&old, &new, &half].iter().all(|name| name.starts_with(&names::of_partition(3))));
    let kept = |name: String, bytes, at| Kept { name, bytes, at: Timestamp(at) };
    let found = names::archives(vec![
        kept(names::of_segment(&old, 0), 10, 1),
        kept(names::of_manifest(&old), 1, 2),
        kept(names::of_segment(&new, 1), 5, 4),
        kept(names::of_segment(&new, 0), 5, 3),
        kept(names::of_manifest(&new), 2, 5),
        kept(names::of_segment(&half, 0), 5, 6),
        kept("p00003/something/else".to_owned(), 5, 6),
        kept("something".to_owned(), 5, 6),
    ]);
    let told: Vec<_> = found.iter().map(|of| (of.begun, of.finished, of.bytes, of.at.0)).collect();
    let expected = [(at(2, 90), false, 5, 6), (at(2, 80), true, 12, 5), (at(1, 900), true, 11, 2)];
    assert_eq!(told, expected, "the newest first, and one that was never finished");
    assert_eq!(found[1].objects[0], names::of_manifest(&new), "the manifest goes first");
}

#[test]
fn it_is_archived_when_something_was_decided_and_it_is_time() {
    let archiving = Archiving {
        interval: Duration::from_secs(60),
        every_records: 1_000,
        ..Archiving::default()
    };
    let now = Timestamp(1_000_000_000);
    let is_due = |archived: Position, seconds: i64, stands: u64| {
        let newest = Some((archived, Timestamp(now.0 - seconds * 1_000_000)));
        due(newest, at(2, stands), now, &archiving)
    };
    assert!(due(None, at(1, 1), now, &archiving), "never before");
    assert!(!is_due(at(2, 50), 59, 51), "not yet");
    assert!(is_due(at(2, 50), 60, 51), "it is time");
    assert!(!is_due(at(2, 50), 9_999, 50), "nothing was decided");
    assert!(is_due(at(2, 50), 0, 1_050), "much was decided");
    assert!(is_due(at(1, 5_000), 0, 51), "another incarnation");
}

#[test]
fn archiving_rests_twice_as_long_after_each_failure() {
    let archiving = Archiving {
        interval: Duration::from_secs(60),
        look_every: Duration::from_secs(10),
        ..Archiving::default()
    };
    let rests = [1, 2, 3, 31, 32, u32::MAX].map(|failures| rest(failures, &archiving).as_secs());
    assert_eq!(rests, [20, 40, 60, 60, 60, 60]);
}

#[test]
fn an_archive_is_kept_until_two_of_the_newest_incarnation_are_there() {
    let archives = |of: &[(u64, u64, bool)]| {
        let object = |(n, (incarnation, sequence, finished)): (usize, &(u64, u64, bool))| {
            let name = names::of_archive(3, at(*incarnation, *sequence), n as u128);
            let part =
                if *finished { names::of_manifest } else { |n: &str| names::of_segment(n, 0) };
            Kept { name: part(&name), bytes: 1, at: Timestamp(1) }
        };
        names::archives(of.iter().enumerate().map(object).collect())
    };
    let outdated = |of: &[(u64, u64, bool)]| -> Vec<Position> {
        names::outdated(&archives(of), 2).iter().map(|found| found.begun).collect()
    };
    assert_eq!(outdated(&[]), []);
    assert_eq!(outdated(&[(1, 5, true), (1, 7, true)]), []);
    assert_eq!(outdated(&[(1, 5, true), (1, 7, true), (1, 9, true)]), [at(1, 5)]);
    assert_eq!(outdated(&[(1, 5, true), (1, 7, true), (1, 9, false)]), [], "one is under way");
    let one_of_another = [(1, 5, true), (1, 7, true), (2, 1, true)];
    assert_eq!(outdated(&one_of_another), [], "what was before may be all that fits");
    let two_of_another = [(1, 5, true), (1, 7, true), (2, 1, true), (2, 3, true)];
    assert_eq!(outdated(&two_of_another), [at(1, 7), at(1, 5)]);
}
