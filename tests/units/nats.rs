//! Where a message stood, as the server writes it.

use earmark::nats::place::Place;

#[test]
fn the_place_is_read_from_both_forms() {
    for reply in [
        "$JS.ACK.S.C.1.42.7.1700000000000000000.3",
        "$JS.ACK._.hash.S.C.1.42.7.1700000000000000000.3.token",
    ] {
        let place = Place::parse(reply).expect("it is a place");
        assert_eq!((place.sequence, place.consumer_sequence), (42, 7), "{reply}");
        assert_eq!(place.nanos, 1_700_000_000_000_000_000, "{reply}");
    }
    assert!(Place::parse("_INBOX.x").is_none());
}
