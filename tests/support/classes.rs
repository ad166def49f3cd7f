//! What random cases came to, counted: a property that never reaches what it is about holds of nothing.

#![allow(dead_code, reason = "every test file uses its own part of this")]

use std::cell::RefCell;
use std::collections::BTreeMap;

/// How many cases of each class there were.
pub struct Classes {
    expected: Vec<String>,
    ordinary: u64,
    seen: RefCell<(u64, BTreeMap<String, u64>)>,
}

impl Classes {
    /// The least that an ordinary run has of each class, be there ever so many cases; of few cases one in fifty will do.
    const FLOOR: u64 = 50;

    /// Counts cases, of which an ordinary run has so many, towards classes each of which it must reach.
    pub fn new<T: Into<String>>(ordinary: u64, expected: impl IntoIterator<Item = T>) -> Classes {
        Classes { expected: expected.into_iter().map(Into::into).collect(), ordinary, seen: RefCell::default() }
    }

    /// One more case, whatever it comes to.
    pub fn case(&self) {
        self.seen.borrow_mut().0 += 1;
    }

    /// The case is of this class, if it is.
    pub fn saw(&self, class: impl Into<String>, is: bool) {
        if is {
            *self.seen.borrow_mut().1.entry(class.into()).or_default() += 1;
        }
    }

    /// How many cases of this class there were.
    pub fn of(&self, class: &str) -> u64 {
        self.seen.borrow().1.get(class).copied().unwrap_or_default()
    }

    /// Fails where a class was hardly ever reached. A run that was asked for fewer cases than the ordinary one is too short
    /// to tell.
    #[track_caller]
    pub fn hold(&self) {
        let cases = self.seen.borrow().0;
        println!("{cases} cases: {:?}", self.seen.borrow().1);
        if cases < self.ordinary {
            let asked = ["PORTCULLIS_CASES", "PORTCULLIS_PRODUCTS"].into_iter().any(|v| std::env::var_os(v).is_some());
            assert!(cases > 0 && asked, "only {cases} cases, of {} in every ordinary run", self.ordinary);
            return;
        }
        let floor = Self::FLOOR.min(self.ordinary.div_ceil(50));
        let few = |class: &&String| self.of(class) < floor;
        let few: Vec<String> =
            self.expected.iter().filter(few).map(|class| format!("{class}: {}", self.of(class))).collect();
        assert!(few.is_empty(), "fewer than {floor} of {cases} cases are of: {few:#?}");
    }
}
