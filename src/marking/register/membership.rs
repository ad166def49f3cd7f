//! Who belongs to which organisation, and since when: from the rows of the files to the two tables that access and roll-up
//! use. The tables are kept apart on purpose (spec 1.9).

use std::collections::BTreeSet;

use super::files::{JoinedRow, OverlayRow, RegisterError, TetragraphRow, row_fault};
use super::hash_table::HashTable;
use super::{AccessMembership, CodeEntry, RollupMember, RollupMembership};

/// What is dated about members.
pub(super) struct Changes<'a> {
    pub joined: &'a [JoinedRow],
    pub overlay: &'a [OverlayRow],
}

/// The members of every organisation: as access expands them, and as roll-up may.
pub(super) fn memberships(
    organisations: &[TetragraphRow],
    changes: &Changes<'_>,
    codes: &[CodeEntry],
    by_code: &HashTable<u16>,
    country_count: u16,
    faults: &mut Vec<RegisterError>,
) -> (Vec<AccessMembership>, Vec<RollupMembership>) {
    let count = codes.len() - usize::from(country_count);
    let mut access = vec![AccessMembership::default(); count];
    let mut rollup = vec![RollupMembership::default(); count];
    let country = |text: &str, faults: &mut Vec<RegisterError>| -> Option<u16> {
        let number = by_code.find(text).filter(|n| *n < country_count);
        if number.is_none() {
            faults.push(row_fault("tetragraphs.json", "a member is not a country:", text, "correct the list"));
        }
        number
    };
    for org in organisations {
        let Some(at) = by_code.find(&org.code).filter(|n| *n >= country_count).map(|n| usize::from(n - country_count))
        else {
            continue;
        };
        let listed = org.membership == "listed";
        if listed && org.members.is_empty() {
            faults.push(row_fault("tetragraphs.json", "listed without members:", &org.code, "list or suppress them"));
        }
        access[at].listed = listed;
        let own = changes.joined.iter().filter(|row| row.code == org.code).map(|row| row.from);
        access[at].known_from = own.min().or(org.date_last_verified);
        rollup[at].decomposable = listed && org.decomposable == "Yes";
        rollup[at].manual2016 = matches!(org.code.as_str(), "TEYE" | "ACGU" | "FVEY");
        for member in org.members.iter().filter(|_| listed).collect::<BTreeSet<_>>() {
            if let Some(number) = country(member, faults) {
                access[at].members.insert(number);
                rollup[at].members.push(RollupMember { number, since: None });
            }
        }
    }
    // The organisations whose members those of `code` are: itself, and those that contain it.
    let holding = |code: &str| -> Vec<usize> {
        let holds = |org: &&TetragraphRow| org.code == code || org.member_orgs_raw.iter().any(|inside| inside == code);
        let place = |org: &TetragraphRow| by_code.find(&org.code).filter(|n| *n >= country_count);
        organisations.iter().filter(holds).filter_map(place).map(|n| usize::from(n - country_count)).collect()
    };
    for JoinedRow { code, member, from } in changes.joined {
        let number = by_code.find(member).filter(|n| *n < country_count);
        let places = holding(code);
        let is_member = |n: u16| {
            let own =
                by_code.find(code).filter(|own| *own >= country_count).map(|own| usize::from(own - country_count));
            own.is_some_and(|own| access[own].members.contains(n))
        };
        let Some(number) = number.filter(|n| is_member(*n)) else {
            let what = format!("{code}, {member}");
            faults.push(row_fault("tetragraphs.json", "joined, and no listed member:", &what, "correct the row"));
            continue;
        };
        // A date narrows, so it reaches the organisations that contain this one alike.
        for at in places {
            access[at].since.push((*from, number));
            for held in rollup[at].members.iter_mut().filter(|held| held.number == number) {
                held.since = held.since.max(Some(*from));
            }
        }
    }
    for change in changes.overlay {
        let Some(at) =
            by_code.find(&change.code).filter(|n| *n >= country_count).map(|n| usize::from(n - country_count))
        else {
            faults.push(row_fault("overlay.json", "not an organisation:", &change.code, "add it under `tetragraphs`"));
            continue;
        };
        if !access[at].listed {
            let remedy = "a suppressed membership cannot be changed member by member";
            faults.push(row_fault("overlay.json", "the members are not listed:", &change.code, remedy));
            continue;
        }
        if let Some(number) = change.add.as_deref().and_then(|c| country(c, faults)) {
            access[at].joined.push((change.effective, number));
            rollup[at].members.push(RollupMember { number, since: Some(change.effective) });
        }
        if let Some(number) = change.remove.as_deref().and_then(|c| country(c, faults)) {
            // A departure narrows, so it reaches the organisations that contain this one and older documents alike.
            for at in holding(&change.code) {
                access[at].left.insert(number);
                rollup[at].members.retain(|m| m.number != number);
            }
        }
    }
    (access, rollup)
}
