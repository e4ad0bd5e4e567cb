//! What the door for events counts, and what is counted of questions.

use std::time::Duration;

use super::catalogue as c;

/// A request was answered.
pub fn request(status: u16) {
    let class = match status {
        200..300 => "2xx",
        300..400 => "3xx",
        400..500 => "4xx",
        _ => "5xx",
    };
    c::HTTP_REQUESTS.count(&[class], 1);
}

/// What came of an event, by one of a few names.
pub fn event(result: &'static str) {
    c::HTTP_EVENTS.count(&[result], 1);
}

/// A request waited so long for an event's decision.
pub fn waited(span: Duration) {
    c::HTTP_WAIT.observe(&[], span.as_secs_f64());
}

/// So many more events are under way.
pub fn in_flight(by: f64) {
    c::HTTP_IN_FLIGHT.shift(&[], by);
}

/// So many may be.
pub fn bound(events: usize) {
    c::HTTP_IN_FLIGHT_MAX.set(&[], events as f64);
}

/// How much is in use of a bound of the pod, which is one of our settings.
pub fn in_use(setting: &'static str, share: f64) {
    c::BOUND_USED.set(&[setting], share);
}

/// A question was answered, by one of a few ways or not at all, after so long.
pub fn question(entity: &'static str, result: &'static str, span: Duration) {
    c::QUESTIONS.count(&[entity, result], 1);
    c::QUESTION_WAIT.observe(&[], span.as_secs_f64());
}
