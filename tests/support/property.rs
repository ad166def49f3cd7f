//! Property tests that count the classes of their cases: a property whose cases are nearly all alike says nothing about the others.

#[path = "classes.rs"]
mod classes;

pub use classes::Classes;
use proptest::prelude::*;
use proptest::test_runner::{TestCaseResult, TestRunner};

/// Tries a property, and fails if it does not hold, or if hardly any case was of one of the `expected` classes.
pub fn property<S: Strategy>(
    expected: &[&'static str],
    cases: &S,
    holds: impl Fn(S::Value, &Classes) -> TestCaseResult,
) {
    let config = ProptestConfig { failure_persistence: None, ..ProptestConfig::default() };
    let classes = Classes::new(256, expected.iter().copied());
    let tried = TestRunner::new(config).run(cases, |case| {
        classes.case();
        holds(case, &classes)
    });
    if let Err(fault) = tried {
        panic!("{fault}");
    }
    classes.hold();
}
