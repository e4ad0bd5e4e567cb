//! The tables of fields name what serde reads, all of it and nothing else.

use earmark::{
    contract::{
        EVENT_TYPES, envelope,
        shape::{Field, Shape},
        v1::{Data, names},
    },
    domain::event::{LineUnits, OrderLine},
};

fn named(fields: &[Field]) -> Vec<&'static str> {
    fields.iter().map(|field| field.name).collect()
}

/// The lines of a type of event.
fn lines(name: &str) -> &'static [Field] {
    let of = EVENT_TYPES.iter().find(|of| of.name == name).expect("it is a type");
    let lines = of.fields.iter().find(|field| field.name == "lines").expect("it has lines");
    let Shape::Lines(fields) = lines.shape else { panic!("{:?}", lines.shape) };
    fields
}

#[test]
fn every_field_that_is_read_is_in_its_table() {
    for of in EVENT_TYPES {
        assert_eq!(named(of.fields), (of.names)(), "{}", of.kind);
    }
    assert_eq!(named(OrderLine::FIELDS), names::<OrderLine>());
    assert_eq!(named(lines("order.edit_requested")), names::<OrderLine>());
    assert_eq!(named(LineUnits::FIELDS), names::<LineUnits>());
}

#[test]
fn every_attribute_that_is_read_is_in_its_table() {
    let order = |mut names: Vec<&'static str>| {
        names.sort_unstable();
        names
    };
    assert_eq!(order(named(envelope::FIELDS)), order(envelope::names().to_vec()));
}

#[test]
fn each_field_stands_once() {
    for of in EVENT_TYPES {
        let mut names = named(of.fields);
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), of.fields.len(), "{}", of.kind);
    }
}
