//! Any text: read without panic, spans inside it, what is accepted round-trips, what is refused reaches nobody.
#![no_main]

use libfuzzer_sys::fuzz_target;
use portcullis::marking::{DocumentDate, Kind, Profile, Register, Rules, stanag4774};

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    for profile in [Profile::Ic, Profile::Cui] {
        for date in [DocumentDate::Unknown, DocumentDate::Known(jiff_date())] {
            let rules = Rules::new(Register::compiled_in(), date).with_profile(profile);
            for kind in [Kind::Banner, Kind::Portion] {
                let checked = rules.check(text, kind, None);
                for diagnostic in &checked.diagnostics {
                    assert!(text.get(diagnostic.span.clone()).is_some());
                    if let Some(fix) = &diagnostic.fix {
                        assert!(rules.check(&fix.replacement, kind, None).is_valid());
                    }
                }
                let Some(marking) = checked.marking else {
                    assert!(checked.releasable_to.is_empty() && !checked.codes().is_empty());
                    continue;
                };
                let again = match kind {
                    Kind::Banner => rules.parse_banner_canonical(&marking.banner()),
                    Kind::Portion => rules.parse_portion(&marking.portion(), None),
                };
                assert_eq!(again.as_ref(), Ok(&marking));
            }
        }
    }
    let rules = Rules::new(Register::compiled_in(), DocumentDate::Unknown);
    if let Ok(marking) = stanag4774::read_label(&rules, text) {
        let label = stanag4774::write_label(&marking, "2026-01-01T00:00:00Z").expect("what was read can be written");
        assert_eq!(stanag4774::read_label(&rules, &label), Ok(marking));
    }
});

fn jiff_date() -> jiff::civil::Date {
    jiff::civil::date(2016, 12, 31)
}
