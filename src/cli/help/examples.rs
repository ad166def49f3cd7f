//! One example per command, shown in its help and its manual page.
//!
//! They are in the order in which a node is set up and used: `tests/cli/examples.rs` runs them one after the other in a
//! node's folder. Shortened IDs such as `rq-…` stand for those that earlier commands print.

/// An example of a command.
pub(in crate::cli) struct Example {
    /// The command, without the program's name.
    pub(in crate::cli) command: &'static str,
    /// The line to type.
    pub(in crate::cli) line: &'static str,
}

const fn example(command: &'static str, line: &'static str) -> Example {
    Example { command, line }
}

/// One example for each command.
pub(in crate::cli) const EXAMPLES: &[Example] = &[
    example(
        "init",
        "portcullis init ours --name exercise-usa --code USA --organisation \"EXERCISE Directorate\" \
         --contact \"EXERCISE desk\" --listen 127.0.0.1:4433",
    ),
    example("config check", "portcullis config check portcullis.toml"),
    example("officer new-key", "portcullis officer new-key officer-1.key"),
    example(
        "found propose",
        "portcullis found propose --out founding.json \
         --officer \"id=producer,name=EXERCISE Zero,role=originator,key-file=producer.key.pub\" \
         --officer \"id=one,name=EXERCISE One,role=disclosure-officer,key-file=officer-1.key.pub\" \
         --officer \"id=two,name=EXERCISE Two,role=senior-disclosure-officer,key-file=officer-2.key.pub\"",
    ),
    example("found show", "portcullis found show founding.json"),
    example("found sign", "portcullis found sign founding.json --key officer-1.key"),
    example("found apply", "portcullis found apply founding.json"),
    example("cert show", "portcullis cert show"),
    example("cert renew", "portcullis cert renew"),
    example("cert refresh-list", "portcullis cert refresh-list"),
    example("clock show", "portcullis clock show"),
    example("partner export", "portcullis partner export --out usa.json"),
    example("partner fingerprint", "portcullis partner fingerprint gbr.json"),
    example(
        "partner add",
        "portcullis partner add gbr.json --agreement policy/agreements/sample.toml --out partner-change.json",
    ),
    example("change show", "portcullis change show partner-change.json"),
    example("change sign", "portcullis change sign partner-change.json --key officer-1.key"),
    example("change apply", "portcullis change apply partner-change.json"),
    example(
        "change propose",
        "portcullis change propose words/exercise.txt --why \"new word list\" --out words-change.json",
    ),
    example("change list", "portcullis change list"),
    example("partner list", "portcullis partner list"),
    example("partner show", "portcullis partner show exercise-gbr"),
    example("partner update", "portcullis partner update gbr.json"),
    example("partner suspend", "portcullis partner suspend exercise-gbr --why \"link under inspection\""),
    example(
        "partner resume",
        "portcullis partner resume exercise-gbr --why \"inspection passed\" --out resume-change.json",
    ),
    example("partner retry", "portcullis partner retry exercise-gbr"),
    example(
        "officer add",
        "portcullis officer add three --name \"EXERCISE Three\" --role disclosure-officer \
         --key-file officer-3.key.pub --out officer-change.json",
    ),
    example("officer list", "portcullis officer list"),
    example("officer show", "portcullis officer show three"),
    example("officer renew", "portcullis officer renew three --valid-for 120d --out renewal-change.json"),
    example("officer revoke", "portcullis officer revoke three --why \"left the post\""),
    example("product check", "portcullis product check report.txt"),
    example("product cut", "portcullis product cut report.txt --for exercise-gbr"),
    example("product schema", "portcullis product schema"),
    example("cut select", "portcullis cut select < cuts.jsonl"),
    example("marking check", "portcullis marking check \"SECRET//REL TO USA, GBR\" \"(U)\""),
    example("marking rollup", "portcullis marking rollup \"(S//REL TO USA, GBR)\" \"(U)\""),
    example("marking label", "portcullis marking label \"SECRET//REL TO USA, GBR\" --date 2026-05-01"),
    example("marking read", "portcullis marking read label.xml"),
    example("policy status", "portcullis policy status"),
    example("policy test", "portcullis policy test --shipped"),
    example("policy explain", "portcullis policy explain --banner \"SECRET//REL TO USA, GBR\" --portion \"(U)\""),
    example("policy diff", "portcullis policy diff in-force proposed"),
    example("policy prove", "portcullis policy prove"),
    example("policy restore", "portcullis policy restore"),
    example(
        "submit",
        "portcullis submit report.txt --key producer.key --to exercise-gbr --purpose \"EXERCISE: shared picture\" \
         --expires 7d",
    ),
    example("request show", "portcullis request show rq-…"),
    example("request export", "portcullis request export rq-… --out request.json"),
    example("explain", "portcullis explain rq-…"),
    example("approve", "portcullis approve rq-… --key officer-1.key"),
    example("refuse", "portcullis refuse rq-… --why \"wrong partner\" --key officer-2.key"),
    example("serve", "portcullis serve"),
    example("exchange park", "portcullis exchange park ex-…"),
    example("exchange retry", "portcullis exchange retry ex-…"),
    example("exchange cancel", "portcullis exchange cancel ex-…"),
    example("status", "portcullis status"),
    example("store search", "portcullis store search maritime"),
    example("recall", "portcullis recall rq-… --why incorrect --key officer-1.key"),
    example("inbox list", "portcullis inbox list"),
    example("inbox show", "portcullis inbox show ex-…"),
    example("inbox take", "portcullis inbox take ex-… --out received.txt"),
    example("inbox quarantine list", "portcullis inbox quarantine list"),
    example("inbox quarantine show", "portcullis inbox quarantine show ex-…"),
    example(
        "inbox quarantine release",
        "portcullis inbox quarantine release ex-… --key officer-1.key --why \"checked: false positive\"",
    ),
    example("consent list", "portcullis consent list"),
    example("consent show", "portcullis consent show exercise-consent"),
    example("consent withdraw", "portcullis consent withdraw exercise-consent --why \"the source asked for it\""),
    example("store lost list", "portcullis store lost list"),
    example("store lost restore", "portcullis store lost restore FILE"),
    example("store lost drop", "portcullis store lost drop FILE"),
    example("ledger show", "portcullis ledger show"),
    example("ledger verify", "portcullis ledger verify"),
    example(
        "ledger resume",
        "portcullis ledger resume --head exercise-gbr=exercise-gbr.head --why \"store restored from a backup\" \
         --out resume-ledger.json",
    ),
    example("partner remove", "portcullis partner remove exercise-gbr --why \"agreement ended\" --out removal.json"),
    example("cert revoke", "portcullis cert revoke"),
    example("clock accept", "portcullis clock accept --why \"compared with a watch\" --out clock-change.json"),
    example("completions", "portcullis completions bash"),
    example("man", "portcullis man man1"),
    example("demo", "portcullis demo"),
];
