//! Lists of exchanges for people: one line with the number, partner, state, age and title, and below it the marking and the
//! reasons. On a terminal each line fits its width.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use crate::cli::output::colour::{banner, state_colour};
use crate::cli::output::width::{NARROW, fitting, wrapped};
use crate::cli::output::{Out, shown};
use crate::gateway::{ExchangeView, InboxView};
use crate::time::Time;

/// The fewest characters of a shortened exchange number: `ex-`, the time and three random digits.
const SHORT: usize = 19;
/// The fewest columns for a title in the same line.
const TITLE_MIN: usize = 12;

/// One exchange in a list.
pub(super) struct Row {
    number: String,
    partner: String,
    /// The state without additions, which decides the colour.
    state: String,
    shown_state: String,
    age: String,
    title: String,
    marking: String,
    /// Empty for ROUTINE.
    precedence: String,
    /// Lines below the marking; empty ones are left out.
    reasons: Vec<String>,
}

impl Row {
    /// The row of an exchange, with the age of its last change at `now`.
    pub(super) fn of_exchange(view: &ExchangeView, now: Time) -> Row {
        let routine = view.precedence == "ROUTINE";
        Row {
            number: view.exchange.clone(),
            partner: partner(view),
            state: view.state.clone(),
            shown_state: state(view),
            age: age(&view.updated, now),
            title: shown(&view.title),
            marking: view.marking.clone(),
            precedence: if routine { String::new() } else { view.precedence.clone() },
            reasons: vec![
                view.awaits.clone(),
                view.last_failure.clone(),
                view.answer.clone(),
                after("recalled", &view.recalled),
                after("superseded by", &view.superseded_by),
            ],
        }
    }

    /// The row of a product that a partner sent, with its age since its receipt, and `findings` of the inspection.
    pub(super) fn of_inbox(view: &InboxView, findings: &[String], now: Time) -> Row {
        let reasons = [
            after("received", &view.received),
            after("taken", &view.taken),
            after("recalled by its sender", &view.recalled),
            after("superseded by", &view.superseded_by),
        ];
        Row {
            number: view.exchange.clone(),
            partner: format!("← {}", shown(&view.partner)),
            state: view.state.clone(),
            shown_state: match (view.recalled.is_empty(), view.superseded_by.is_empty()) {
                (false, _) => format!("{}, RECALLED", view.state),
                (true, false) => format!("{}, superseded", view.state),
                (true, true) => view.state.clone(),
            },
            age: age(&view.received, now),
            title: shown(&view.title),
            marking: view.marking.clone(),
            precedence: String::new(),
            reasons: reasons.into_iter().chain(findings.iter().cloned()).collect(),
        }
    }
}

/// `what` and `value`; empty if there is no value.
fn after(what: &str, value: &str) -> String {
    if value.is_empty() { String::new() } else { format!("{what} {value}") }
}

/// Writes the list with a header; nothing for no rows.
pub(super) fn write(text: &mut String, rows: &[Row], out: Out) {
    if rows.is_empty() {
        return;
    }
    let width = out.width().filter(|width| *width >= NARROW);
    let length = width.map_or(usize::MAX, |_| shortest(rows));
    let cells: Vec<[String; 5]> = rows
        .iter()
        .map(|row| {
            let number = row.number.chars().take(length).collect();
            [number, row.partner.clone(), row.shown_state.clone(), row.age.clone(), row.title.clone()]
        })
        .collect();
    let header = ["EXCHANGE", "PARTNER", "STATE", "AGE", "TITLE"].map(str::to_owned);
    let columns: Vec<usize> = (0..4)
        .map(|i| cells.iter().chain([&header]).map(|row| row[i].chars().count()).max().unwrap_or_default())
        .collect();
    let used: usize = columns.iter().map(|column| column + 2).sum();
    let room = width.map(|width| width.saturating_sub(used));
    let titles_fit = room.is_none_or(|room| room >= TITLE_MIN);
    let line = |row: &[String; 5], colour: &str| {
        let mut line = String::new();
        for (i, cell) in row[..4].iter().enumerate() {
            let padded = format!("{cell:<width$}  ", width = columns[i]);
            // Padded first: a colour's escape sequence has no width.
            line.push_str(&if i == 2 { out.painted(colour, &padded) } else { padded });
        }
        if titles_fit {
            line.push_str(&fitting(&row[4], room));
        }
        line.trim_end().to_owned()
    };
    let _ = writeln!(text, "{}", out.bold(&line(&header, "0")));
    for (row, cells) in rows.iter().zip(&cells) {
        let _ = writeln!(text, "{}", line(cells, state_colour(&row.state)));
        if !titles_fit && !cells[4].is_empty() {
            let _ = writeln!(text, "    {}", fitting(&cells[4], width.map(|width| width - 4)));
        }
        write_below(text, row, width, out);
    }
}

/// Writes the marking, the precedence if it is not ROUTINE, and the reasons.
fn write_below(text: &mut String, row: &Row, width: Option<usize>, out: Out) {
    let inner = width.map(|width| width - 4);
    let marking = fitting(&shown(&row.marking), inner.map(|inner| inner.saturating_sub(row.precedence.len() + 2)));
    let parts = [banner(out, &row.marking, &marking), row.precedence.clone()];
    let first: Vec<String> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    if !first.is_empty() {
        let _ = writeln!(text, "    {}", first.join("  "));
    }
    for reason in row.reasons.iter().filter(|reason| !reason.is_empty()) {
        for line in wrapped(&shown(reason), inner.unwrap_or(usize::MAX)) {
            let _ = writeln!(text, "    {line}");
        }
    }
}

/// The partner with the direction: `→` for what was sent, `←` for what was received.
pub(super) fn partner(row: &ExchangeView) -> String {
    let arrow = if row.direction == "out" { "→" } else { "←" };
    format!("{arrow} {}", shown(&row.partner))
}

/// The state, with `recalled` or `superseded` where the product no longer holds.
pub(super) fn state(row: &ExchangeView) -> String {
    let mut state = match row.carries.as_str() {
        "recall" => format!("recall {}", row.state),
        _ => row.state.clone(),
    };
    if !row.recalled.is_empty() {
        state.push_str(", recalled");
    }
    if !row.superseded_by.is_empty() {
        state.push_str(", superseded");
    }
    state
}

/// How long ago an RFC 3339 time was, such as `5m` or `3d`.
pub(super) fn age(time: &str, now: Time) -> String {
    let Ok(time) = time.parse::<Time>() else { return String::new() };
    match now.since(time).as_secs() {
        seconds @ ..60 => format!("{seconds}s"),
        seconds @ ..3600 => format!("{}m", seconds / 60),
        seconds @ ..86_400 => format!("{}h", seconds / 3600),
        seconds => format!("{}d", seconds / 86_400),
    }
}

/// The fewest characters, at least [`SHORT`], by which the numbers of all rows differ.
fn shortest(rows: &[Row]) -> usize {
    let longest = rows.iter().map(|row| row.number.len()).max().unwrap_or(SHORT);
    let distinct = |length: &usize| {
        let beginnings: BTreeSet<&str> =
            rows.iter().map(|row| row.number.get(..*length).unwrap_or(&row.number)).collect();
        beginnings.len() == rows.len()
    };
    (SHORT..longest).find(distinct).unwrap_or(longest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_age_is_one_number_with_its_unit() {
        let now: Time = "2026-11-20T12:00:00Z".parse().unwrap();
        for (then, age_then) in [
            ("2026-11-20T11:59:58Z", "2s"),
            ("2026-11-20T11:55:00Z", "5m"),
            ("2026-11-20T09:00:00Z", "3h"),
            ("2026-11-10T12:00:00Z", "10d"),
            ("2026-11-20T12:30:00Z", "0s"),
            ("none", ""),
        ] {
            assert_eq!(age(then, now), age_then);
        }
    }
}
