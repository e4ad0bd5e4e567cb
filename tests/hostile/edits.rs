//! Inputs near to good ones: a seed with a few edits. They shrink to fewer edits, and to the seed.

use proptest::{collection::vec, prelude::*, sample::Index};

/// Pieces that readers stumble over: of JSON, TOML, YAML, subjects and of numbers in few bytes.
const PIECES: &[&[u8]] = &[
    b"",
    b"\"",
    b"\\",
    b"\\u0000",
    b"\\ud800",
    b"\0",
    b"\xff",
    b"\xc3\x28",
    b"\xef\xbb\xbf",
    b"\r\n",
    b"\n\n",
    b"\t",
    b" ",
    b"null",
    b"true",
    b"0",
    b"-0",
    b"-1",
    b"1.5",
    b"1e400",
    b"1e-400",
    b"NaN",
    b"inf",
    b"255",
    b"256",
    b"65536",
    b"4294967295",
    b"4294967296",
    b"9223372036854775807",
    b"-9223372036854775808",
    b"18446744073709551615",
    b"18446744073709551616",
    b"{}",
    b"[]",
    b"[[]]",
    b"[",
    b"{\"a\":",
    b"}",
    b"]",
    b",",
    b":",
    b"=",
    b"- ",
    b"&a ",
    b"*a",
    b"!!binary ",
    b"<<: ",
    b"#",
    b"'",
    b"\"\"\"",
    b"|",
    b">",
    b"%",
    b"%00",
    b"%2e",
    b"%C3%A9",
    b"*",
    b"..",
    b"/",
    b"~",
    b"\xe2\x80\xae",
    b"\xf0\x9f\x98\x80",
    b"e\xcc\x81",
    b"9999-12-31T23:59:59Z",
    b"0000-01-01T00:00:00Z",
    b"2026-02-30T00:00:00Z",
    b"2026-03-02T09:15:60Z",
    b"\x80\x80\x80\x80\x10",
    b"\xff\xff\xff\xff\x0f",
    b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
    b"\x7f",
    b"\x01",
    b"\x02",
];
/// As often as a piece is repeated at most: more than the deepest nesting that a reader follows.
const TIMES_MAX: usize = 3_000;
/// The largest input, in bytes.
const BYTES_MAX: usize = 256 * 1024;

#[derive(Clone, Debug)]
enum Edit {
    /// These bytes instead of what stands there.
    Overwrite(Index, Vec<u8>),
    /// A piece, so many times.
    Insert(Index, Index, usize),
    /// So much less.
    Remove(Index, usize),
    /// What stands there, once more, elsewhere.
    Copy(Index, usize, Index),
    /// A stretch of another seed.
    Splice(Index, Index, usize, Index),
    /// Nothing from there on.
    Cut(Index),
    /// Another number or word in the place of one.
    Replace(Index, Index),
}

fn edit() -> impl Strategy<Value = Edit> {
    let at = any::<Index>;
    prop_oneof![
        3 => (at(), vec(any::<u8>(), 1..4)).prop_map(|(at, bytes)| Edit::Overwrite(at, bytes)),
        3 => (at(), at(), prop_oneof![9 => Just(1_usize), 1 => 1..TIMES_MAX])
            .prop_map(|(at, piece, times)| Edit::Insert(at, piece, times)),
        2 => (at(), 1..64_usize).prop_map(|(at, len)| Edit::Remove(at, len)),
        1 => (at(), 1..200_usize, at()).prop_map(|(from, len, to)| Edit::Copy(from, len, to)),
        1 => (at(), at(), 1..200_usize, at())
            .prop_map(|(seed, from, len, to)| Edit::Splice(seed, from, len, to)),
        1 => at().prop_map(Edit::Cut),
        4 => (at(), at()).prop_map(|(word, piece)| Edit::Replace(word, piece)),
    ]
}

/// A seed with up to six edits.
pub fn of(seeds: &[Vec<u8>]) -> impl Strategy<Value = Vec<u8>> + use<> {
    let seeds = seeds.to_vec();
    (any::<Index>(), vec(edit(), 0..=6)).prop_map(move |(seed, edits)| {
        let mut bytes = seed.get(&seeds).clone();
        for edit in &edits {
            apply(edit, &mut bytes, &seeds);
        }
        bytes.truncate(BYTES_MAX);
        bytes
    })
}

fn apply(edit: &Edit, bytes: &mut Vec<u8>, seeds: &[Vec<u8>]) {
    let place = |at: &Index, bytes: &[u8]| at.index(bytes.len() + 1);
    let stretch = |from: &Index, len: usize, of: &[u8]| {
        let from = place(from, of);
        of[from..of.len().min(from + len)].to_vec()
    };
    match edit {
        Edit::Overwrite(at, new) => {
            let at = place(at, bytes);
            let end = bytes.len().min(at + new.len());
            bytes.splice(at..end, new.iter().copied());
        }
        Edit::Insert(at, piece, times) => {
            let at = place(at, bytes);
            bytes.splice(at..at, piece.get(PIECES).repeat(*times));
        }
        Edit::Remove(at, len) => {
            let at = place(at, bytes);
            bytes.drain(at..bytes.len().min(at + len));
        }
        Edit::Copy(from, len, to) => {
            let (copy, to) = (stretch(from, *len, bytes), place(to, bytes));
            bytes.splice(to..to, copy);
        }
        Edit::Splice(seed, from, len, to) => {
            let (copy, to) =
                (stretch(from, *len, &seeds[seed.index(seeds.len())]), place(to, bytes));
            bytes.splice(to..to, copy);
        }
        Edit::Cut(at) => bytes.truncate(place(at, bytes)),
        Edit::Replace(word, piece) => {
            let words = words(bytes);
            if !words.is_empty() {
                bytes.splice(word.get(&words).clone(), piece.get(PIECES).iter().copied());
            }
        }
    }
}

/// Where runs of letters and digits stand.
fn words(bytes: &[u8]) -> Vec<std::ops::Range<usize>> {
    let mut words: Vec<std::ops::Range<usize>> = Vec::new();
    for (at, byte) in bytes.iter().enumerate() {
        let is_part = byte.is_ascii_alphanumeric() || b"_-.".contains(byte);
        match words.last_mut() {
            Some(word) if is_part && word.end == at => word.end += 1,
            _ if is_part => words.push(at..at + 1),
            _ => {}
        }
    }
    words
}
