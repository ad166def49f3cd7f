//! Exchanges in a list, for people: one line with the number, partner, state, age and title, and below it the marking and
//! the reason. On a terminal each line fits its width.

use std::fmt::Write as _;

use crate::cli::output::colour::{banner, state_colour};
use crate::cli::output::{Out, shown};
use crate::gateway::ExchangeView;
use crate::time::Time;

/// Characters of a number that are shown at least where it is shortened: `ex-`, the time and three random digits.
const SHORT: usize = 19;
/// Columns that a title takes at least, to stand in the same line.
const TITLE_MIN: usize = 12;
/// Below this many columns nothing is cut off any more.
const NARROW: usize = 40;

/// Writes the list, with a header.
pub(super) fn tell(text: &mut String, rows: &[ExchangeView], now: Time, out: Out) {
    if rows.is_empty() {
        return;
    }
    let width = out.width().filter(|width| *width >= NARROW);
    let number = |row: &ExchangeView| match width {
        Some(_) => row.exchange.chars().take(shortest(rows)).collect(),
        None => row.exchange.clone(),
    };
    let cells: Vec<[String; 5]> = rows
        .iter()
        .map(|row| [number(row), partner(row), state(row), age(&row.updated, now), shown(&row.title)])
        .collect();
    let header = ["EXCHANGE", "PARTNER", "STATE", "AGE", "TITLE"].map(str::to_owned);
    let columns: Vec<usize> = (0..4)
        .map(|i| cells.iter().chain([&header]).map(|row| row[i].chars().count()).max().unwrap_or_default())
        .collect();
    let line = |row: &[String; 5], colour: &str| {
        let mut line = String::new();
        let mut used = 0;
        for (i, cell) in row[..4].iter().enumerate() {
            let padded = format!("{cell:<width$}  ", width = columns[i]);
            used += padded.chars().count();
            // Padded first: what colours it has no width.
            line.push_str(&if i == 2 { out.painted(colour, &padded) } else { padded });
        }
        let room = width.map(|width| width.saturating_sub(used));
        // With no room for it, a title stands on a line of its own.
        if room.is_none_or(|room| room >= TITLE_MIN) {
            line.push_str(&fitting(&row[4], room));
        }
        line.trim_end().to_owned()
    };
    let _ = writeln!(text, "{}", out.bold(&line(&header, "0")));
    for (row, cells) in rows.iter().zip(&cells) {
        let _ = writeln!(text, "{}", line(cells, state_colour(&row.state)));
        let used: usize = columns.iter().map(|column| column + 2).sum();
        if !cells[4].is_empty() && width.is_some_and(|width| width.saturating_sub(used) < TITLE_MIN) {
            let _ = writeln!(text, "    {}", fitting(&cells[4], width.map(|width| width - 4)));
        }
        below(text, row, width, out);
    }
}

/// The marking, the precedence where it is not the usual one, and why the exchange is where it is.
fn below(text: &mut String, row: &ExchangeView, width: Option<usize>, out: Out) {
    let inner = width.map(|width| width - 4);
    let precedence = if row.precedence == "ROUTINE" { String::new() } else { row.precedence.clone() };
    let marking = fitting(&shown(&row.marking), inner.map(|inner| inner.saturating_sub(precedence.len() + 2)));
    let parts = [banner(out, &row.marking, &marking), precedence];
    let first: Vec<String> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    if !first.is_empty() {
        let _ = writeln!(text, "    {}", first.join("  "));
    }
    for reason in reasons(row) {
        for line in wrapped(&shown(&reason), inner.unwrap_or(usize::MAX)) {
            let _ = writeln!(text, "    {line}");
        }
    }
}

/// Why the exchange is where it is.
fn reasons(row: &ExchangeView) -> Vec<String> {
    let recalled = if row.recalled.is_empty() { String::new() } else { format!("recalled {}", row.recalled) };
    let superseded =
        if row.superseded_by.is_empty() { String::new() } else { format!("superseded by {}", row.superseded_by) };
    let all = [row.awaits.clone(), row.last_failure.clone(), row.answer.clone(), recalled, superseded];
    all.into_iter().filter(|reason| !reason.is_empty()).collect()
}

/// With whom, and which way.
pub(super) fn partner(row: &ExchangeView) -> String {
    let arrow = if row.direction == "out" { "→" } else { "←" };
    format!("{arrow} {}", shown(&row.partner))
}

/// Where an exchange is, and whether what it carried still holds.
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

/// How many characters of a number tell all of these apart.
fn shortest(rows: &[ExchangeView]) -> usize {
    let longest = rows.iter().map(|row| row.exchange.len()).max().unwrap_or(SHORT);
    let apart = |length: &usize| {
        let begun: std::collections::BTreeSet<&str> =
            rows.iter().map(|row| row.exchange.get(..*length).unwrap_or(&row.exchange)).collect();
        begun.len() == rows.len()
    };
    (SHORT..longest).find(apart).unwrap_or(longest)
}

/// `text` in at most `columns`, with `…` where it is cut off.
fn fitting(text: &str, columns: Option<usize>) -> String {
    match columns {
        Some(columns) if text.chars().count() > columns => {
            let kept: String = text.chars().take(columns.saturating_sub(1)).collect();
            format!("{}…", kept.trim_end())
        }
        _ => text.to_owned(),
    }
}

/// Each line of `text` in at most the columns of the terminal, if it has enough; what does not fit goes on, indented.
pub(super) fn folded(text: &str, out: Out) -> String {
    let Some(width) = out.width().filter(|width| *width >= NARROW) else { return text.to_owned() };
    let mut folded = String::new();
    for line in text.lines() {
        let rest = line.trim_start();
        let indent = line.len() - rest.len();
        for (i, part) in wrapped(rest, width - indent - 4).iter().enumerate() {
            let indent = if i == 0 { indent } else { indent + 4 };
            let _ = writeln!(folded, "{:indent$}{part}", "");
        }
    }
    folded
}

/// How many columns `text` takes: what sets a colour takes none.
fn columns(text: &str) -> usize {
    let mut parts = text.split('\u{1b}');
    let plain = parts.next().unwrap_or_default().chars().count();
    plain + parts.map(|part| part.split_once('m').map_or(0, |(_, rest)| rest.chars().count())).sum::<usize>()
}

/// `text` in lines of at most `columns`; a word that is longer stands in a line of its own.
fn wrapped(text: &str, columns: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    for word in text.split(' ') {
        if !line.is_empty() && self::columns(&line) + 1 + self::columns(word) > columns {
            lines.push(std::mem::take(&mut line));
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    lines.push(line);
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_and_texts_are_shortened_as_a_reader_expects() {
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
        assert_eq!(fitting("EXERCISE title", Some(9)), "EXERCISE…");
        assert_eq!(fitting("EXERCISE", Some(8)), "EXERCISE");
        assert_eq!(wrapped("one two three", 7), ["one two", "three"]);
    }
}
