//! The demonstration's report: text step by step, or JSON at the end.

use std::fmt::Write as _;

use serde::Serialize;
use serde_json::{Value, json};

use super::super::output::{Out, shown, shown_lines};
use super::world::World;

/// One step: what was expected, what was observed, and whether they agree.
#[derive(Serialize)]
struct Step {
    step: String,
    expected: String,
    observed: String,
    ok: bool,
}

/// The steps so far.
pub(super) struct Report {
    out: Out,
    steps: Vec<Step>,
    running: Value,
}

impl Report {
    pub fn new(out: Out) -> Report {
        Report { out, steps: Vec::new(), running: Value::Null }
    }

    /// Prints a heading (text only).
    pub fn chapter(&self, title: &str) {
        if !self.out.json() {
            self.out.write(format!("\n{}\n", self.out.bold(title)).as_bytes());
        }
    }

    /// Prints text that belongs to a step (text only).
    pub fn show(&self, text: &str) {
        if !self.out.json() {
            let mut indented = String::new();
            for line in shown_lines(text).lines() {
                let _ = writeln!(indented, "      {line}");
            }
            self.out.write(indented.as_bytes());
        }
    }

    /// Records and prints a step.
    pub fn step(&mut self, step: &str, expected: &str, observed: &str, ok: bool) {
        if !self.out.json() {
            let mark = self.out.verdict(if ok { "ok " } else { "NOT" }, ok);
            let mut line = format!("  {mark} {step}: {}\n", shown(observed));
            if !ok {
                let _ = writeln!(line, "      expected: {expected}");
            }
            self.out.write(line.as_bytes());
        }
        self.steps.push(Step { step: step.into(), expected: expected.into(), observed: observed.into(), ok });
    }

    /// Reports how to use and stop the nodes that keep running.
    pub fn keep(&mut self, world: &World) {
        let servers = world.servers();
        let ids: Vec<String> = servers.iter().map(|(_, id)| id.to_string()).collect();
        let nodes: Vec<Value> = servers
            .iter()
            .map(|(name, id)| json!({ "node": name, "pid": id, "config": world.config(name), "log": world.path(&format!("{name}.log")) }))
            .collect();
        self.running =
            json!({ "folder": world.folder, "nodes": nodes, "stop": format!("kill -TERM {}", ids.join(" ")) });
        if self.out.json() {
            return;
        }
        let mut text = String::from("\nThe nodes are running.\n");
        for (name, _) in &servers {
            let _ = writeln!(text, "  {name}: portcullis --config {} status", world.config(name).display());
        }
        let _ = writeln!(text, "  logs: {}/*.log", world.folder.display());
        let _ = writeln!(text, "  stop: kill -TERM {}   (then remove {})", ids.join(" "), world.folder.display());
        self.out.write(text.as_bytes());
    }

    /// Prints the summary and returns whether every step was as expected.
    pub fn finish(self) -> bool {
        let ok = !self.steps.is_empty() && self.steps.iter().all(|s| s.ok);
        let mut answer = json!({ "ok": ok, "steps": self.steps });
        if !self.running.is_null() {
            answer["running"] = self.running.clone();
        }
        let kept = !self.running.is_null();
        self.out.answer(&answer, |text| {
            let good = self.steps.iter().filter(|s| s.ok).count();
            let line = format!("{good} of {} steps as expected", self.steps.len());
            let _ = writeln!(text, "\n{}", self.out.verdict(&line, ok));
            if !kept {
                let _ = writeln!(
                    text,
                    "Keep it running with `portcullis demo --keep`; create your own node with `portcullis init`."
                );
                let _ = writeln!(text, "README.md has a ten-minute tour; docs/ARCHITECTURE.md says how it works.");
            }
        });
        ok
    }
}
