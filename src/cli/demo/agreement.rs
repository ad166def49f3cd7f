//! The agreements of the demonstration's nodes: the shipped sample, with their country codes.

/// The rate limit to the partner with a slow line, in bytes per second.
pub(super) const BYTES_PER_SECOND: u64 = 30_000;

/// Returns the sample agreement (TOML) between the countries `ours` and `code`.
pub(super) fn sample_agreement(ours: &str, code: &str) -> String {
    const SAMPLE: &str = include_str!("../../../policy/agreements/sample.toml");
    let mut text = String::new();
    for line in SAMPLE.lines() {
        let line = match line.split(" = ").next() {
            Some("code") => format!("code = \"{code}\""),
            Some("ours") => format!("ours = \"{ours}\""),
            Some("id") => format!("id = \"EXERCISE-AGREEMENT-{code}\""),
            _ => line.to_owned(),
        };
        text.push_str(&line);
        text.push('\n');
    }
    text
}

/// Returns `agreement` with its rate limited to [`BYTES_PER_SECOND`].
pub(super) fn slow(agreement: &str) -> String {
    let slowed = |line: &str| match line.split(" = ").next() {
        Some(name @ ("bytes_per_second" | "bytes_burst")) => format!("{name} = {BYTES_PER_SECOND}\n"),
        _ => format!("{line}\n"),
    };
    agreement.lines().map(slowed).collect()
}
