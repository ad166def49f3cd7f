//! The same words under two marks: a part of a cut that also occurs as a whole in a higher tearline, under a mark that
//! does not release it, is refused; and every common run of words is found, with both places and both marks.

use std::collections::BTreeSet;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use portcullis::cut::{Terms, cut_for};
use portcullis::digest::Digest;
use portcullis::inspect::{self, Finding, Inspected, Refused, Settings, SharedRun, Source, WordList};
use portcullis::marking::{Level, PartnerKind, PartnerRights, Register};
use portcullis::product::{Bounds, MemoryContents, PortionKind, Product};
use portcullis::rebuild::InProcess;

const PARAGRAPH: &str = "The third engineer of the night ferry counts the crates on the eastern quay and writes to \
                         his sister every week about what was loaded there and by whom and where it went.";

/// A product of two tearlines, by the parts of each in addition to one fixed line.
#[derive(Default)]
struct Draft {
    front: Vec<String>,
    above: Vec<String>,
    head: Vec<String>,
    below: Vec<String>,
    kept: MemoryContents,
}

impl Draft {
    fn new(above: &[&str], below: &[&str]) -> Draft {
        let owned = |parts: &[&str]| parts.iter().map(|p| (*p).to_owned()).collect();
        Draft { above: owned(above), below: owned(below), ..Draft::default() }
    }

    /// Sets lines of the front block, and of the head of the released tearline.
    fn heads(mut self, front: &[&str], head: &[&str]) -> Draft {
        self.front = front.iter().map(|p| (*p).to_owned()).collect();
        self.head = head.iter().map(|p| (*p).to_owned()).collect();
        self
    }

    fn text(&self) -> String {
        let lines = |lines: &[String]| lines.iter().map(|l| format!("{l}\n")).collect::<String>();
        let parts = |parts: &[String]| parts.iter().map(|p| format!("\n{p}\n")).collect::<String>();
        format!(
            "PORTCULLIS PRODUCT 1\nId: EXERCISE-2026-0042\nTitle: (U) EXERCISE\nOriginator: EXERCISE Group\n\
             Date: 2026-11-20\nKind: report\n{}\nSECRET//NOFORN\n\n(S//NF) EXERCISE. For nobody else.\n{}\n{}\n\n\
             CONFIDENTIAL//REL TO USA, GBR\n{}\n(C//REL) EXERCISE. To a partner.\n{}",
            lines(&self.front),
            parts(&self.above),
            "-".repeat(72),
            lines(&self.head),
            parts(&self.below)
        )
    }

    fn inspect_with(&self, settings: &Settings) -> Result<Inspected, Refused> {
        let (bounds, register, text) = (Bounds::default(), Register::compiled_in(), self.text());
        let product = Product::read(text.as_bytes(), &bounds, register).unwrap_or_else(|f| panic!("{f:#?}\n{text}"));
        let link = PartnerRights::new("GBR", PartnerKind::Country, Level::Secret, []);
        let types = ["text/plain", "text/csv", "application/json"];
        let terms = Terms { attachments: types.map(str::to_owned).into() };
        let product = inspect::prepare(&product, 1, settings).unwrap().product;
        let cut = cut_for(&product, &link, &terms, 0, &bounds, register).unwrap();
        assert_eq!(cut.tearline_index(), Some(1));
        inspect::outbound(&cut, Source { product: &product, tearline: 1, register, link: &link }, &self.kept, settings)
    }

    fn inspect(&self) -> Result<Inspected, Refused> {
        self.inspect_with(&settings())
    }

    /// Returns the codes of the findings; empty if it passes.
    fn codes(&self) -> BTreeSet<&'static str> {
        self.inspect().err().map_or_else(BTreeSet::new, |r| r.findings.iter().map(|f| f.code).collect())
    }

    fn shared(&self) -> Vec<SharedRun> {
        self.inspect().unwrap_or_else(|r| panic!("{:#?}", r.findings)).shared().to_vec()
    }

    #[track_caller]
    fn contradictions(&self) -> Vec<Finding> {
        let refused = self.inspect().expect_err("it was passed");
        refused.findings.into_iter().filter(|f| f.code == "canary.contradiction").collect()
    }
}

fn settings() -> Settings {
    Settings { rebuilder: Arc::new(InProcess::default()), ..Settings::default() }
}

/// Returns an inline attachment.
fn file(mark: &str, name: &str, media_type: &str, content: &str) -> String {
    let lines: Vec<String> = content.as_bytes().chunks(57).map(|chunk| STANDARD.encode(chunk)).collect();
    let (bytes, digest) = (content.len(), Digest::of(content.as_bytes()));
    format!("{mark} BEGIN ATTACHMENT {name} {media_type} {bytes} {digest}\n{}\nEND ATTACHMENT", lines.join("\n"))
}

/// Returns the line of a detached attachment.
fn beside(mark: &str, name: &str, media_type: &str, content: &str) -> String {
    format!("{mark} ATTACHMENT {name} {media_type} {} {}", content.len(), Digest::of(content.as_bytes()))
}

/// Returns different words.
fn words(from: usize, to: usize) -> String {
    let letter = |n: usize| char::from(b"bcdfghjkmnprvwxy"[n % 16]);
    let word = |n: usize| [n / 4096, n / 256, n / 16, n].map(letter).iter().collect::<String>();
    (from..to).map(word).collect::<Vec<_>>().join(" ")
}

#[test]
fn refuses_a_paragraph_that_stands_above_under_a_mark_that_does_not_release_it() {
    let draft = Draft::new(&[&format!("(S//NF) {PARAGRAPH}")], &[&format!("(C//REL) {PARAGRAPH}")]);
    let found = draft.contradictions();
    assert_eq!(found.len(), 1, "{found:#?}");
    let line = draft.text().lines().position(|l| l == format!("(S//NF) {PARAGRAPH}")).unwrap() + 1;
    for part in
        ["paragraph 2 ", "`(C//REL TO USA, GBR)`", "tearline 1", &format!("paragraph 2 (line {line})"), "`(S//NF)`"]
    {
        assert!(found[0].message.contains(part), "{part}: {}", found[0].message);
    }
    assert!(!found[0].message.contains("engineer"), "{}", found[0].message);
    // The counterparts: the originator has downgraded it at both places, or marked it for everybody.
    for (above, below) in [("(C//REL TO USA, GBR)", "(C//REL)"), ("(S//REL TO USA, GBR)", "(C//REL)"), ("(U)", "(U)")] {
        let draft = Draft::new(&[&format!("{above} {PARAGRAPH}")], &[&format!("{below} {PARAGRAPH}")]);
        assert_eq!((draft.codes(), draft.shared()), (BTreeSet::new(), vec![]), "{above}");
    }
}

#[test]
fn no_disguise_makes_two_of_the_same_words() {
    for below in [
        PARAGRAPH.to_uppercase(),
        PARAGRAPH.replace(' ', "\n"),
        PARAGRAPH.replace("quay and", "quay; and").replace("counts", "count-s"),
        PARAGRAPH.replace("crates", "cra tes").replace("night ferry", "nightferry"),
        PARAGRAPH.replace('o', "0").replace('l', "1"),
    ] {
        let draft = Draft::new(&[&format!("(S//NF) {PARAGRAPH}")], &[&format!("(C//REL) {below}")]);
        assert_eq!(draft.contradictions().len(), 1, "{below}");
    }
}

/// Returns the paragraph with `glue` after every seventh word.
#[test]
fn capitals_of_no_script_make_two_of_the_same_words() {
    for text in [
        "Третий механик ночного парома каждую неделю пишет сестре о том, сколько ящиков стоит на причале.",
        "Ο τρίτος μηχανικός του νυχτερινού πλοίου γράφει κάθε εβδομάδα στην αδελφή του για τα κιβώτια.",
        "Der dritte Maschinist zählt große Kisten an der Straße zum Hafen und schreibt jede Woche nach Hause.",
    ] {
        let (small, capitals) = (text.to_lowercase(), text.to_uppercase());
        let paragraph = |mark: &str, text: &str| format!("{mark} {text}");
        let files = [file as fn(&str, &str, &str, &str) -> String, beside];
        let mut pairs = vec![(paragraph("(S//NF)", text), paragraph("(C//REL)", &capitals))];
        for (there, here) in [(0, 1), (1, 0), (1, 1)] {
            let there = files[there]("(S//NF)", "a.txt", "text/plain", &small);
            pairs.push((there, files[here]("(C//REL)", "b.txt", "text/plain", &capitals)));
        }
        for (above, below) in &pairs {
            let mut draft = Draft::new(&[above], &[below]);
            [&small, &capitals].iter().for_each(|text| _ = draft.kept.insert(text.as_bytes()));
            assert_eq!(draft.contradictions().len(), 1, "{above}");
        }
        // The counterpart: other words.
        assert_eq!(Draft::new(&[&pairs[0].0], &["(C//REL) EXERCISE, in other words."]).codes(), BTreeSet::new());
        // A run that is too short to be refused is shown, wherever it is.
        let words: Vec<&str> = capitals.split(' ').take(10).collect();
        let below = format!("(C//REL) EXERCISE. {} {}", words.join(" "), self::words(90, 95));
        for above in [paragraph("(S//NF)", text), pairs[3].0.clone()] {
            let mut draft = Draft::new(&[&above], &[&below]);
            draft.kept.insert(small.as_bytes());
            assert_eq!(draft.shared().iter().map(|run| run.words).collect::<Vec<_>>(), [10], "{above}");
        }
        let last = text.trim_end_matches('.').rsplit(' ').next().unwrap();
        let list: WordList = format!("PORTCULLIS WORDS 1\nName: e\nMarking: SECRET\n{last}\n").parse().unwrap();
        let listed = Settings { words: vec![list], ..settings() };
        let codes = |draft: &Draft| draft.inspect_with(&listed).err().map_or(vec![], |r| r.findings);
        assert!(codes(&Draft::new(&[], &[&pairs[0].1])).iter().any(|f| f.code == "words.listed"), "{last}");
        assert!(codes(&Draft::new(&[], &[&below])).is_empty(), "{last}");
    }
}

fn glued(glue: &str) -> String {
    let mark = |(n, word): (usize, &str)| format!("{word}{}", if n % 7 == 6 { glue } else { "" });
    PARAGRAPH.split(' ').enumerate().map(mark).collect::<Vec<_>>().join(" ")
}

#[test]
fn signs_notes_and_letters_of_no_table_make_no_two_of_the_same_words() {
    let notes = ["\u{b9}", "\u{b2}", "\u{b3}", "\u{aa}", "\u{ba}", "\u{bc}", "\u{bd}", "\u{ae}", "\u{2122}", "\u{a9}"];
    let signs = ["!", "$", "@", "+", "\u{20ac}"];
    let drawn = [
        PARAGRAPH.replace('a', "@").replace("s ", "$ ").replace("hi", "h!"),
        PARAGRAPH.replace('e', "\u{1d07}").replace('n', "\u{274}").replace('r', "\u{280}"),
        PARAGRAPH.replace('o', "\u{254}").replace('u', "\u{28a}").replace('e', "\u{25b}"),
    ];
    for below in notes.iter().chain(&signs).map(|glue| glued(glue)).chain(drawn) {
        let draft = Draft::new(&[&format!("(S//NF) {PARAGRAPH}")], &[&format!("(C//REL) {below}")]);
        assert_eq!(draft.contradictions().len(), 1, "{below}");
        // With an additional word it is no contradiction, but an equally long run.
        let draft = Draft::new(&[&format!("(S//NF) {PARAGRAPH}")], &[&format!("(C//REL) Indeed {below}")]);
        assert!(draft.codes().contains("canary.shared"), "{below}: {:?}", draft.codes());
        let other = Draft::new(&[&format!("(S//NF) {}", words(0, 40))], &[&format!("(C//REL) {below}")]);
        assert!(!other.codes().iter().any(|code| code.starts_with("canary")), "{below}: {:?}", other.codes());
    }
    // On the other side as well.
    for above in [glued("\u{b9}"), glued("$"), PARAGRAPH.replace('a', "@")] {
        let draft = Draft::new(&[&format!("(S//NF) {above}")], &[&format!("(C//REL) Indeed {PARAGRAPH}")]);
        assert_eq!(draft.codes(), BTreeSet::from(["canary.shared"]), "{above}");
    }
    // An additional word after every seven makes another text. Prices, addresses and exclamations are not changed.
    let draft = Draft::new(&[&format!("(S//NF) {PARAGRAPH}")], &[&format!("(C//REL) {}", glued(" indeed"))]);
    assert_eq!((draft.codes(), draft.shared()), (BTreeSet::new(), vec![]));
    let plain = "Stop! It cost $5 or 3 \u{20ac}; write to desk@exercise.example + call at 3 | 4.";
    let draft = Draft::new(&[&format!("(S//NF) {PARAGRAPH}")], &[&format!("(C//REL) {plain}")]);
    assert_eq!((draft.codes(), draft.shared()), (BTreeSet::new(), vec![]));
}

#[test]
fn a_script_without_spaces_is_compared_character_by_character() {
    let text = "\u{8a13}\u{7df4}\u{306e}\u{305f}\u{3081}\u{67b6}\u{7a7a}\u{306e}\u{6e2f}\u{3067}\u{706f}\u{53f0}\u{5b88}\
                \u{306f}\u{6bce}\u{671d}\u{304b}\u{3082}\u{3081}\u{3092}\u{6570}\u{3048}\u{591c}\u{306e}\u{9023}\u{7d61}\
                \u{8239}\u{306e}\u{7a4d}\u{8377}\u{3092}\u{66f8}\u{304d}\u{6b8b}\u{3057}\u{305f}";
    let above = format!("(S//NF) {text}\u{3002}");
    assert_eq!(Draft::new(&[&above], &[&format!("(C//REL) {text}")]).contradictions().len(), 1);
    let draft = Draft::new(&[&above], &[&format!("(C//REL) {text}\u{4ee5}\u{4e0a}\u{3002}")]);
    assert_eq!(draft.codes(), BTreeSet::from(["canary.shared"]));
    let han = |from: u32, to: u32| (0x5200 + from..0x5200 + to).filter_map(char::from_u32).collect::<String>();
    for length in [7, 8, 24] {
        let above = format!("(S//NF) {}{}", han(0, length), han(100, 105));
        let below = format!("(C//REL) {}{}\u{3001}{}", han(200, 203), han(0, length), han(300, 302));
        let lengths: Vec<u32> = Draft::new(&[&above], &[&below]).shared().iter().map(|run| run.words).collect();
        assert_eq!(lengths, if length < 8 { vec![] } else { vec![length] });
    }
}

#[test]
fn nothing_is_too_short_to_be_secret() {
    for word in ["None.", "Yes", "Heron", "7"] {
        let draft = Draft::new(&[&format!("(S//NF) {word}")], &[&format!("(C//REL) {word}")]);
        assert_eq!(draft.codes(), BTreeSet::from(["canary.contradiction"]), "{word}");
        let draft = Draft::new(&[&format!("(U) {word}")], &[&format!("(U) {word}")]);
        assert_eq!(draft.codes(), BTreeSet::new(), "{word}");
    }
    // A text without letters and digits is not compared.
    assert_eq!(Draft::new(&["(S//NF) ..."], &["(C//REL) ..."]).codes(), BTreeSet::new());
}

#[test]
fn refuses_titles_subjects_contacts_and_names_whatever_they_are_above() {
    let name = |mark: &str| file(mark, "heron.txt", "text/plain", &format!("EXERCISE {}\n", mark.len()));
    for (front, above, head, below) in [
        (&["Subjects: (S//NF) night ferry"][..], vec![], &["Subjects: (C//REL) Night Ferry"][..], vec![]),
        (&["Contact: (S//NF) EXERCISE desk"], vec![], &["Contact: (C//REL) EXERCISE: desk"], vec![]),
        (&[], vec!["(S//NF) Night ferry.".to_owned()], &["Title: (C//REL) Night ferry"], vec![]),
        (&["Subjects: (S//NF) night ferry"], vec![], &[], vec!["(C//REL) Night ferry.".to_owned()]),
        (&[], vec![name("(S//NF)")], &[], vec![name("(C//REL)")]),
        (&["Subjects: (S//NF) heron txt"], vec![], &[], vec![name("(C//REL)")]),
    ] {
        let mut draft = Draft::new(&[], &[]).heads(front, head);
        (draft.above, draft.below) = (above, below);
        assert_eq!(draft.codes(), BTreeSet::from(["canary.contradiction"]), "{}", draft.text());
        // The counterpart is released in the upper tearline as well.
        for part in draft.front.iter_mut().chain(&mut draft.above) {
            *part = part.replacen("(S//NF)", "(C//REL TO USA, GBR)", 1);
        }
        assert_eq!(draft.codes(), BTreeSet::new(), "{}", draft.text());
    }
}

#[test]
fn refuses_an_attachment_by_its_digest_and_by_what_its_reader_sees() {
    let table = "name,count\nHeron,7\nStork,9\n";
    let note = "Heron: 7.\nStork: 9.\n";
    let json = "{\"count\": 7, \"name\": \"Heron\"}";
    for (above, below) in [
        (("a.txt", "text/plain", note), ("b.txt", "text/plain", note)),
        (("a.txt", "text/plain", "Name COUNT\n\nheron 7 stork, 9"), ("b.csv", "text/csv", table)),
        (
            ("a.json", "application/json", json),
            ("b.json", "application/json", "{\n  \"name\": \"Heron\",\n  \"count\": 7\n}\n"),
        ),
    ] {
        let inline = |mark, (name, media_type, content): (&str, &str, &str)| file(mark, name, media_type, content);
        let draft = Draft::new(&[&inline("(S//NF)", above)], &[&inline("(C//REL)", below)]);
        assert_eq!(draft.codes(), BTreeSet::from(["canary.contradiction"]), "{}", draft.text());
        let draft = Draft::new(&[&inline("(C//REL TO USA, GBR)", above)], &[&inline("(C//REL)", below)]);
        assert_eq!(draft.codes(), BTreeSet::new(), "{}", draft.text());
    }
    // Detached on both sides, and on one; and a paragraph that is a whole file.
    let other = "name;count\nHERON 7\nstork 9\n";
    for (above, below) in [
        (beside("(S//NF)", "a.csv", "text/csv", table), beside("(C//REL)", "b.csv", "text/csv", table)),
        (beside("(S//NF)", "a.txt", "text/plain", other), beside("(C//REL)", "b.csv", "text/csv", table)),
        (file("(S//NF)", "a.txt", "text/plain", other), beside("(C//REL)", "b.csv", "text/csv", table)),
        (beside("(S//NF)", "a.txt", "text/plain", other), file("(C//REL)", "b.csv", "text/csv", table)),
        ("(S//NF) Name, count: Heron 7, Stork 9.".to_owned(), beside("(C//REL)", "b.csv", "text/csv", table)),
    ] {
        let mut draft = Draft::new(&[&above], &[&below]);
        for content in [table, other] {
            draft.kept.insert(content.as_bytes());
        }
        assert_eq!(draft.codes(), BTreeSet::from(["canary.contradiction"]), "{above}\n{below}");
        draft.above = vec![above.replacen("(S//NF)", "(C//REL TO USA, GBR)", 1)];
        assert_eq!(draft.codes(), BTreeSet::new(), "{above}\n{below}");
    }
}

#[test]
fn records_every_run_of_eight_to_twenty_four_words_with_both_places_and_marks() {
    for length in [7, 8, 24, 25] {
        let (before, after) = (words(100, 103), words(110, 114));
        let shared = words(0, length);
        let above = ["(S//NF) EXERCISE. Another.".to_owned(), format!("(S//NF) {before} {shared} {after}")];
        let below = format!("(C//REL) {} {shared} {}", words(200, 205), words(210, 211));
        let draft = Draft::new(&[&above[0], &above[1]], &[&below]);
        if length == 25 {
            assert_eq!(draft.codes(), BTreeSet::from(["canary.shared"]));
            let longer = Settings { shared_words: 26, ..settings() };
            assert_eq!(draft.inspect_with(&longer).unwrap().shared()[0].words, 25);
            continue;
        }
        let found = draft.shared();
        assert_eq!(found.len(), usize::from(length >= 8), "{length}: {found:?}");
        for run in found {
            assert_eq!((run.words as usize, run.tearline), (length, 1));
            assert_eq!((run.place.part, run.place.number), (PortionKind::Paragraph, 2));
            assert_eq!((run.source.part, run.source.number), (PortionKind::Paragraph, 3));
            assert_eq!((run.marking.as_str(), run.source_marking.as_str()), ("(C//REL TO USA, GBR)", "(S//NF)"));
            let line = draft.text().lines().position(|l| l == above[1]).unwrap() + 1;
            assert_eq!(run.source.line as usize, line);
            let shown = run.to_string();
            assert!(!shown.contains(&words(0, 1)) && shown.contains("`(S//NF)`"), "{shown}");
        }
        // Released in the upper tearline as well, it need not be reviewed.
        let draft = Draft::new(&[&above[1].replacen("(S//NF)", "(C//REL TO USA, GBR)", 1)], &[&below]);
        assert_eq!(draft.shared(), vec![]);
    }
    let short = Settings { shared_words: 8, ..settings() };
    let draft = Draft::new(&[&format!("(S//NF) {} x", words(0, 8))], &[&format!("(C//REL) {} y", words(0, 8))]);
    assert!(draft.inspect_with(&short).is_err() && draft.inspect().is_ok());
}

#[test]
fn taking_paragraphs_apart_or_together_hides_no_run() {
    let part = |mark: &str, from, to| format!("{mark} {}", words(from, to));
    let whole = part("(S//NF)", 0, 30);
    let apart: Vec<String> = (0..6).map(|n| part("(C//REL)", 5 * n, 5 * n + 5)).collect();
    let draft = Draft::new(&[&whole], &apart.iter().map(String::as_str).collect::<Vec<_>>());
    assert_eq!(draft.codes(), BTreeSet::from(["canary.shared"]));
    let apart: Vec<String> = (0..6).map(|n| part("(S//NF)", 5 * n, 5 * n + 5)).collect();
    let whole = part("(C//REL)", 0, 30);
    let draft = Draft::new(&apart.iter().map(String::as_str).collect::<Vec<_>>(), &[&whole]);
    assert_eq!(draft.codes(), BTreeSet::from(["canary.shared"]));
    let draft = Draft::new(&[&apart[0], &apart[1]], &[&part("(C//REL)", 0, 20)]);
    let found = draft.shared();
    assert_eq!((found.len(), found[0].words, found[0].source.number), (1, 10, 2), "{found:?}");
}

#[test]
fn runs_are_found_in_attachments_of_either_side_and_beside_the_text() {
    let shared = words(0, 12);
    let content = format!("EXERCISE {}\n{shared}\n", words(50, 60));
    let paragraph = |mark: &str| format!("{mark} EXERCISE. {shared} {}", words(90, 95));
    for (above, below, part) in [
        (file("(S//NF)", "a.txt", "text/plain", &content), paragraph("(C//REL)"), PortionKind::Paragraph),
        (beside("(S//NF)", "a.txt", "text/plain", &content), paragraph("(C//REL)"), PortionKind::Paragraph),
        (paragraph("(S//NF)"), file("(C//REL)", "a.txt", "text/plain", &content), PortionKind::Attachment),
        (paragraph("(S//NF)"), beside("(C//REL)", "a.txt", "text/plain", &content), PortionKind::Attachment),
    ] {
        let mut draft = Draft::new(&[&above], &[&below]);
        draft.kept.insert(content.as_bytes());
        let found = draft.shared();
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!((found[0].words, found[0].place.part), (12, part));
    }
    // Too long to be held in memory: then the other side is held, and two such files are refused.
    let long = format!("{}{content}", "EXERCISEfilleroffileslong\n".repeat(330_000));
    let mut draft = Draft::new(&[&beside("(S//NF)", "a.txt", "text/plain", &long)], &[&paragraph("(C//REL)")]);
    draft.kept.insert(long.as_bytes());
    assert_eq!(draft.shared().iter().map(|run| run.words).collect::<Vec<_>>(), [12]);
    let other = format!("{}END\n", "Anotherwordofanotherfile\n".repeat(350_000));
    let (above, below) =
        (beside("(S//NF)", "a.txt", "text/plain", &long), beside("(C//REL)", "b.txt", "text/plain", &other));
    let mut draft = Draft::new(&[&above], &[&below]);
    for content in [&long, &other] {
        draft.kept.insert(content.as_bytes());
    }
    assert_eq!(draft.codes(), BTreeSet::from(["canary.large"]));
}

#[test]
fn more_runs_than_anybody_could_look_at_are_refused() {
    let product = |runs: usize| {
        let part = |mark: &str, n: usize, end: &str| format!("{mark} {} {end}", words(20 * n, 20 * n + 8));
        let above: Vec<String> = (0..runs).map(|n| part("(S//NF)", n, &words(5000 + n, 5001 + n))).collect();
        let below: Vec<String> = (0..runs).map(|n| part("(C//REL)", n, &words(9000 + n, 9001 + n))).collect();
        let parts = |parts: &'_ [String]| parts.iter().map(String::as_str).map(str::to_owned).collect();
        Draft { above: parts(&above), below: parts(&below), ..Draft::default() }
    };
    assert_eq!(product(100).shared().len(), 100);
    assert_eq!(product(101).codes(), BTreeSet::from(["canary.shared"]));
    // One phrase in that many parts is that many runs.
    let phrase = |parts: usize| {
        let above: Vec<String> =
            (0..parts).map(|n| format!("(S//NF) {} {}", words(0, 8), words(50 + n, 51 + n))).collect();
        Draft { above, below: vec![format!("(C//REL) {} {}", words(0, 8), words(900, 901))], ..Draft::default() }
    };
    assert_eq!(phrase(100).shared().len(), 100);
    assert_eq!(phrase(400).codes(), BTreeSet::from(["canary.shared"]));
}

/// Returns whether the reader, the canary or both stop a cut with `below` and `head` if a higher tearline protects two
/// names.
fn stopped_by(below: &[&str], head: &[&str]) -> Vec<&'static str> {
    const PROTECTED: [&str; 1] = ["Protected: Copper Finch; heron; amber exercise; Буран; Straßenwacht"];
    let read = |draft: &Draft| Product::read(draft.text().as_bytes(), &Bounds::default(), Register::compiled_in());
    let mut stopped = Vec::new();
    if let Err(faults) = read(&Draft::new(&[], below).heads(&PROTECTED, head)) {
        assert!(faults.iter().all(|f| f.to_string().contains("P-PROTECTED")), "{faults:?}");
        stopped.push("reading");
    }
    // The canary is tested separately: the same cut, as if it were made from the product that protects them.
    let (product, source) = (Draft::new(&[], below).heads(&[], head), Draft::new(&[], &[]).heads(&PROTECTED, &[]));
    let (product, source) = (read(&product).unwrap(), read(&source).unwrap());
    let (register, link) =
        (Register::compiled_in(), PartnerRights::new("GBR", PartnerKind::Country, Level::Secret, []));
    let terms = Terms { attachments: ["text/plain", "text/csv"].map(str::to_owned).into() };
    let cut = cut_for(&product, &link, &terms, 0, &Bounds::default(), register).unwrap();
    let source = Source { product: &source, tearline: 1, register, link: &link };
    let mut kept = MemoryContents::default();
    kept.insert(LINES.as_bytes());
    let found = inspect::outbound(&cut, source, &kept, &settings()).err().map_or(Vec::new(), |r| r.findings);
    if found.iter().any(|f| f.code == "canary.protected") {
        stopped.push("canary");
    }
    stopped
}

const LINES: &str = "copper\nfinch and others\n";

#[test]
fn a_protected_token_is_found_wherever_it_is_split_and_however_it_is_drawn() {
    for below in [
        "(C//REL) EXERCISE. The C@PPER F|NCH.",
        "(C//REL) EXERCISE. (OPPER-F!NCH.",
        "(C//REL) EXERCISE. A H3R0N.",
        "(C//REL) EXERCISE. A H\u{20ac}RON.",
        "(C//REL) EXERCISE. Операция БУРАН началась.",
        "(C//REL) EXERCISE. Die STRASSENWACHT.",
    ] {
        assert_eq!(stopped_by(&[below], &[]), ["reading", "canary"], "{below}");
    }
    let table = file("(C//REL)", "b.csv", "text/csv", "bird,x\ncopper,1\nfinch,2\n");
    let cells = file("(C//REL)", "b.csv", "text/csv", "a,b\ncopper,\"finch\"\n");
    let text = file("(C//REL)", "b.txt", "text/plain", "Finch and others.\n");
    let name = file("(C//REL)", "finch.txt", "text/plain", "EXERCISE.\n");
    let lines = beside("(C//REL)", "b.txt", "text/plain", LINES);
    for (below, head) in [
        (&["(C//REL) EXERCISE. It was copper", "(C//REL) Finch said so."][..], &[][..]),
        (&["(C//REL) EXERCISE. It was cop", "(C//REL) per fin", "(C//REL) ch."], &[]),
        (&["(C//REL) Words.", &table], &[]),
        (&["(C//REL) All of it copper", &text], &[]),
        (&["(C//REL) All of it copper", &name], &[]),
        (&["(C//REL) Words.", &lines], &[]),
        (&["(C//REL) Words."], &["Title: (C//REL) All of it copper", "Contact: (C//REL) Finch"]),
        // Between a title and the paragraph after it, whatever is displayed between the two.
        (&["(C//REL) Words."], &["Title: (C//REL) Birds in amber", "Subjects: (C//REL) birds"]),
    ] {
        assert_eq!(stopped_by(below, head), ["canary"], "{below:?} {head:?}");
    }
    assert_eq!(stopped_by(&["(C//REL) Words.", &cells], &[]), ["reading", "canary"]);
    // The counterparts: words that are only similar.
    for below in [
        &["(C//REL) EXERCISE. Copper and a finch, herons."][..],
        &["(C//REL) EXERCISE. It was copper.", "(C//REL) The finch said so."],
        &["(C//REL) EXERCISE. C@PER F|NCH (3 of 12)."],
        &["(C//REL) EXERCISE. Операция ТУМАН. Die STRATENWACHT."],
    ] {
        assert_eq!(stopped_by(below, &[]), Vec::<&str>::new(), "{below:?}");
    }
}
