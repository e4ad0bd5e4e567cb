//! What is expected of each field, in words: written once, for whoever finds that it is not so.

const NAME: &str = "a name of 1 to 128 bytes without control characters";
const UNITS: &str = "a whole number of units from 1 to 1000000000";
const LEVEL: &str = "a whole number of units from 0 to 1000000000";
const TTL: &str = "a whole number of seconds from 1 to 34560000";
const TIME: &str = "a time in RFC 3339, like 2026-01-31T12:00:00Z";
const TEXT: &str = "a text of at most 1024 bytes";
const FLAG: &str = "true or false";
const IDENTITY: &str = "a text of 1 to 256 bytes without control characters";

/// The type's name (or nothing, for all others), the field's, and what is expected of it.
const FIELDS: &[(&str, &str, &str)] = &[
    ("", "specversion", "\"1.0\""),
    ("", "id", IDENTITY),
    ("", "source", IDENTITY),
    ("", "type", "a type of this contract"),
    ("", "subject", "the plain SKU or order id, 1 to 256 bytes once percent-encoded"),
    ("", "time", TIME),
    ("", "expirytime", TIME),
    ("", "data", "an object"),
    ("", "replyto", "a subject"),
    ("", "sequence", "a text or a whole number"),
    ("", "traceparent", "a W3C trace context, 00-<32 hex digits>-<16>-<2>, lower case"),
    ("", "causationid", "a text"),
    ("", "datacontenttype", "application/json"),
    ("", "dataschema", "a text"),
    ("hold.requested", "kind", "cart, order or draft"),
    ("stock.counted", "kind", "on_hand or available"),
    ("stock.adjusted", "quantity", "a whole number of units from -1000000000 to 1000000000, not 0"),
    ("stock.counted", "quantity", LEVEL),
    ("", "quantity", UNITS),
    ("", "backorder_limit", LEVEL),
    ("", "safety_stock", LEVEL),
    ("", "ttl_s", TTL),
    ("", "hold_ttl_s", TTL),
    ("", "payment_due_s", TTL),
    ("", "as_of", TIME),
    ("", "cancel_until", TIME),
    ("", "at", TIME),
    ("", "from", "sellable, damaged, quality_control or safety"),
    ("", "to", "sellable, damaged, quality_control or safety"),
    ("", "disposition", "restock, quarantine or scrap"),
    ("", "policy", "all_or_nothing or partial"),
    ("", "partial", FLAG),
    ("", "backorder", FLAG),
    ("", "sellable", FLAG),
    ("", "attributes", "at most 64 texts, names of at most 128 bytes, values of at most 1024"),
    ("", "attributes.value", TEXT),
    ("order.cancel_requested", "lines", "a list of at least one line's name, or no such field"),
    ("", "lines", "a list of at least one line"),
    ("", "sku", "a SKU of 1 to 256 bytes once percent-encoded, without control characters"),
    ("", "amount_minor", "a whole number of minor units from 0 to 9007199254740992"),
    ("", "currency", "three capital letters, like EUR"),
    ("", "reason", TEXT),
    ("", "tracking", TEXT),
    ("", "carrier", TEXT),
    ("", "status", TEXT),
];

/// What is expected of a field of a type. All others are names.
pub fn expected(type_name: &str, field: &str) -> &'static str {
    FIELDS
        .iter()
        .find(|(of, name, _)| *name == field && (of.is_empty() || *of == type_name))
        .map_or(NAME, |(_, _, expected)| expected)
}
