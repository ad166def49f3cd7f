//! A filter of foreign formats runs in a separate process, and any failure of that process is a refusal with a code:
//! the caller returns in time and survives.

#[path = "support/vectors.rs"]
mod vectors;

use std::path::PathBuf;
use std::time::Duration;

use portcullis::digest::Digest;
use portcullis::filter_process::{COMMAND, FilterProcess, ProcessLimits};
use portcullis::rebuild::{Kind, Limits, PdfFonts, Rebuilder, Rebuilt, Task};

/// Long enough to start on a busy machine, and short enough to wait for a filter that hangs.
fn lifetime() -> ProcessLimits {
    ProcessLimits { wall: Duration::from_secs(20), ..ProcessLimits::default() }
}

fn real() -> FilterProcess {
    real_with(Limits::default())
}

fn real_with(limits: Limits) -> FilterProcess {
    let program = PathBuf::from(env!("CARGO_BIN_EXE_portcullis"));
    FilterProcess::new(program, vec![COMMAND.into()], limits, lifetime())
}

/// Returns a filter that runs the shell script `script` instead of the real program.
fn planted(script: &str, lifetime: ProcessLimits) -> FilterProcess {
    let arguments = vec!["-c".into(), script.into()];
    FilterProcess::new(PathBuf::from("/bin/sh"), arguments, Limits::default(), lifetime)
}

fn ask(filter: &FilterProcess) -> Result<Rebuilt, &'static str> {
    filter.work(Task::Rebuild, Kind::Json, b"{\"b\":1,\"a\":[]}").map_err(|fault| fault.code)
}

fn code(script: &str) -> &'static str {
    ask(&planted(script, lifetime())).unwrap_err()
}

#[test]
fn passes_a_sound_file_and_says_what_is_wrong_with_another() {
    let filter = real();
    assert_eq!(ask(&filter).unwrap().bytes, b"{\n \"a\": [],\n \"b\": 1\n}\n");
    let fault = filter.work(Task::Rebuild, Kind::Json, b"{\"a\":1,\"a\":2}").unwrap_err();
    assert_eq!(fault.code, "json.duplicate");
    assert_eq!(filter.work(Task::Examine, Kind::Json, b"{}").unwrap_err().code, "rebuild.other-form");
}

#[test]
fn passes_the_fonts_that_the_operator_lets_pass_and_no_others() {
    let all = vectors::read_all("inspect");
    let page = &all.iter().find(|v| v.name == "sound_pdf_font_drawn").unwrap().body;
    let ask = |pdf_fonts| real_with(Limits { pdf_fonts, ..Limits::default() }).work(Task::Rebuild, Kind::Pdf, page);
    assert_eq!(ask(PdfFonts::Plain).unwrap_err().code, "pdf.font");
    assert!(ask(PdfFonts::Mapped).is_ok_and(|page| page.text.contains('E')));
}

#[test]
fn starts_a_program_only_while_it_is_the_one_that_was_signed_for() {
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("filter");
    let built = std::fs::read(env!("CARGO_BIN_EXE_portcullis")).unwrap();
    std::fs::copy(env!("CARGO_BIN_EXE_portcullis"), &program).unwrap();
    let named = |digest| {
        FilterProcess::new(program.clone(), vec![COMMAND.into()], Limits::default(), lifetime()).pinned(digest)
    };
    let signed = named(Digest::of(&built));
    assert!(ask(&signed).is_ok());
    assert_eq!(ask(&named(Digest::of(b"another"))).unwrap_err(), "filter.other");
    // Replaced while the node runs, by a program that would work equally well.
    let beside = folder.path().join("beside");
    std::fs::write(&beside, [&built[..], b"EXERCISE"].concat()).unwrap();
    std::fs::set_permissions(&beside, std::fs::metadata(&program).unwrap().permissions()).unwrap();
    std::fs::rename(&beside, &program).unwrap();
    assert_eq!(ask(&signed).unwrap_err(), "filter.other");
}

#[test]
fn refuses_when_the_filter_hangs_and_ends_it() {
    let short = ProcessLimits { wall: Duration::from_millis(300), ..lifetime() };
    // One that keeps its output open without reading or writing; and one that reads everything and writes nothing.
    assert_eq!(ask(&planted("exec sleep 600", short)), Err("filter.timeout"));
    assert_eq!(ask(&planted("cat > /dev/null; exec sleep 600", short)), Err("filter.timeout"));
}

#[test]
fn refuses_when_the_filter_spins_beyond_its_share_of_the_processor() {
    let one_second = ProcessLimits { cpu: Duration::from_secs(1), ..lifetime() };
    assert_eq!(ask(&planted("while :; do :; done", one_second)), Err("filter.crashed"));
}

#[test]
fn refuses_when_the_filter_crashes() {
    for script in ["kill -SEGV $$", "kill -KILL $$", "exit 1", "cat > /dev/null; exit 3"] {
        assert_eq!(code(script), "filter.crashed", "{script}");
    }
}

#[test]
fn refuses_when_the_filter_takes_more_memory_than_it_may_have() {
    let small = ProcessLimits { memory_bytes: 64 << 20, ..lifetime() };
    // `tail` buffers data until a line end, and this input has none.
    assert_eq!(ask(&planted("exec tail -n 1 /dev/zero", small)), Err("filter.crashed"));
    // The real program, with less memory than it needs to start.
    let program = PathBuf::from(env!("CARGO_BIN_EXE_portcullis"));
    let starved = ProcessLimits { memory_bytes: 1 << 20, ..lifetime() };
    let filter = FilterProcess::new(program, vec![COMMAND.into()], Limits::default(), starved);
    let large = format!("[{}1]", "1,".repeat(2_000_000));
    assert_eq!(filter.work(Task::Rebuild, Kind::Json, large.as_bytes()).unwrap_err().code, "filter.crashed");
}

#[test]
fn refuses_an_answer_that_is_none() {
    for script in [
        "cat > /dev/null",
        "cat > /dev/null; echo yes",
        // The request is echoed as if it were a response.
        "exec cat",
        "cat > /dev/null; head -c 70000000 /dev/zero",
    ] {
        assert_eq!(code(script), "filter.garbage", "{script}");
    }
}

#[test]
fn refuses_a_whole_and_plain_answer_to_another_question() {
    // The real response for one file is replayed for every other file.
    let recorded = tempfile::NamedTempFile::new().unwrap();
    let question =
        portcullis::filter_process::Request::new(Task::Rebuild, Kind::Json, &Limits::default(), b"[]").encode();
    let mut child = std::process::Command::new(env!("CARGO_BIN_EXE_portcullis"))
        .arg(COMMAND)
        .stdin(std::process::Stdio::piped())
        .stdout(recorded.reopen().unwrap())
        .spawn()
        .unwrap();
    // The response goes to a file here, which the filter itself must not write to.
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), &question).unwrap();
    assert!(!child.wait().unwrap().success(), "a filter writes to no file");
    let response = portcullis::filter_process::Response::new(
        portcullis::digest::Digest::of(&question),
        portcullis::rebuild::work(Task::Rebuild, Kind::Json, b"[]", &Limits::default()),
    );
    std::fs::write(recorded.path(), response.encode()).unwrap();
    let script = format!("cat > /dev/null; exec cat {}", recorded.path().display());
    assert_eq!(code(&script), "filter.garbage");
}

#[test]
fn refuses_when_there_is_no_filter() {
    let filter = FilterProcess::new(PathBuf::from("/nowhere/filter"), Vec::new(), Limits::default(), lifetime());
    assert_eq!(ask(&filter), Err("filter.missing"));
}

#[test]
fn refuses_when_no_place_becomes_free_in_time() {
    let one = ProcessLimits { wall: Duration::from_millis(400), at_once: 1, ..lifetime() };
    let filter = planted("exec sleep 600", one);
    let codes: Vec<_> = std::thread::scope(|scope| {
        let asked: Vec<_> = (0..4).map(|_| scope.spawn(|| ask(&filter).unwrap_err())).collect();
        asked.into_iter().map(|a| a.join().unwrap()).collect()
    });
    assert!(codes.iter().all(|c| matches!(*c, "filter.timeout" | "filter.busy")), "{codes:?}");
    // A slot is released, whatever became of the process.
    assert_eq!(ask(&filter), Err("filter.timeout"));
}

#[test]
fn files_of_one_party_that_hang_keep_no_other_waiting() {
    let short = ProcessLimits { wall: Duration::from_secs(3), at_once: 2, ..lifetime() };
    let filter = planted("grep -q HANG && exec sleep 600; exit 1", short);
    let ask = |party: &str, file: &[u8]| filter.work_for(party, Task::Rebuild, Kind::Json, file).unwrap_err().code;
    std::thread::scope(|scope| {
        let flood: Vec<_> = (0..4).map(|_| scope.spawn(|| ask("partner a", b"\"HANG\""))).collect();
        // There is always a slot that the other party cannot use.
        assert_eq!(ask("partner b", b"[]"), "filter.crashed");
        let flood: Vec<_> = flood.into_iter().map(|asked| asked.join().unwrap()).collect();
        assert!(flood.iter().all(|code| matches!(*code, "filter.timeout" | "filter.busy")), "{flood:?}");
    });
}

#[test]
fn the_filter_has_no_environment_no_files_and_no_right_to_more() {
    // Its only output here is how it ends: at once if it has exactly what it should have, otherwise not at all. An open
    // file of this process represents the node's store and keys.
    let ours = tempfile::NamedTempFile::new().unwrap();
    let script = format!(
        "own=$(env | grep -c -v -e ^PWD= -e ^_= -e ^SHLVL= -e ^OLDPWD=); ours=$(ls -l /proc/$$/fd | grep -c {}); \
         [ \"$own\" = 0 ] && [ \"$ours\" = 0 ] && [ \"$(pwd)\" = / ] && [ \"$(ulimit -c)\" = 0 ] && exit 7; sleep 600",
        ours.path().display()
    );
    let short = ProcessLimits { wall: Duration::from_secs(10), ..lifetime() };
    assert_eq!(ask(&planted(&script, short)), Err("filter.crashed"), "it has more than it should have");
}
