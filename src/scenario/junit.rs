//! The report as JUnit XML, one test case a scenario.

use std::time::Duration;

use quick_junit::{NonSuccessKind, TestCase, TestCaseStatus, TestSuite};

use super::report::{Played, Report};

/// The report as XML.
pub fn xml(report: &Report) -> Result<String, String> {
    let mut suite = TestSuite::new("scenarios");
    suite.set_time(seconds(report.seconds));
    suite.add_test_cases(report.scenarios.iter().map(case));
    let mut all = quick_junit::Report::new("earmark");
    all.set_time(seconds(report.seconds));
    all.add_test_suite(suite);
    all.to_string().map_err(|error| error.to_string())
}

fn seconds(seconds: f64) -> Duration {
    Duration::try_from_secs_f64(seconds).unwrap_or_default()
}

fn case(played: &Played) -> TestCase {
    let status = match played.passed {
        true => TestCaseStatus::success(),
        false => {
            let complaints = played.complaints();
            let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
            status.set_message(complaints.first().cloned().unwrap_or_default());
            status.set_description(complaints.join("\n"));
            status
        }
    };
    let mut case = TestCase::new(played.name.as_str(), status);
    case.set_classname(played.file.as_str());
    case.set_time(seconds(played.seconds));
    case
}
