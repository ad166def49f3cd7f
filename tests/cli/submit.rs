//! Several products in one submission.

use std::io::Write as _;
use std::process::{Command, Stdio};

use crate::progress::{BYTES, package, pair, signal, start, stored, submit};
use crate::support::{World, program};

#[test]
fn one_file_that_cannot_be_read_refuses_all_before_anything_is_submitted() {
    let world = World::new();
    let (us, _them) = pair(&world);
    let first = world.product("EXERCISE-FIRST", "SECRET//REL TO USA, GBR", "(S//REL TO USA, GBR) EXERCISE.");
    let mut words = submit(&us, first.as_ref());
    words.insert(2, world.path("nowhere.txt").display().to_string());
    let refused = us.run(&words.iter().map(String::as_str).collect::<Vec<_>>()).expect(2);
    assert!(refused.stderr.contains("nowhere.txt` cannot be read"), "{}", refused.stderr);
    assert!(us.run(&["status", "--awaiting"]).expect(0).list("/awaiting").is_empty());
}

#[test]
fn what_was_submitted_is_named_when_a_later_product_fails() {
    let world = World::new();
    let (us, _them) = pair(&world);
    let first = world.product("EXERCISE-FIRST", "SECRET//REL TO USA, GBR", "(S//REL TO USA, GBR) EXERCISE.");
    let last = world.product("EXERCISE-LAST", "SECRET//REL TO USA, GBR", "(S//REL TO USA, GBR) EXERCISE.");
    let (large, spool) = (package(&world, BYTES).display().to_string(), us.folder.join("store/spool"));
    for format in ["json", "human"] {
        let bytes = stored(&spool);
        let mut words = submit(&us, first.as_ref());
        words.splice(2..2, [large.clone(), last.clone()]);
        words.splice(0..0, ["--format".to_owned(), format.to_owned()]);
        let mut child = start(&us, &words);
        while stored(&spool) < bytes + (4 << 20) {
            assert!(child.try_wait().unwrap().is_none(), "it ended before it was interrupted");
            std::thread::sleep(std::time::Duration::from_millis(2));
        }
        signal(&child, "-INT");
        let output = child.wait_with_output().unwrap();
        let (said, failed) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
        assert_eq!(output.status.code(), Some(130), "{said}{failed}");
        assert!(failed.contains("large") && failed.contains("interrupted"), "{failed}");
        let awaiting = us.run(&["status", "--awaiting"]).expect(0);
        let requests: Vec<&str> =
            awaiting.list("/awaiting").iter().map(|row| row["request"].as_str().unwrap()).collect();
        assert!(requests.iter().any(|request| said.contains(request)), "{requests:?}: {said}");
        if format == "json" {
            let value: serde_json::Value = serde_json::from_str(&said).unwrap();
            assert_eq!(value["requests"][0]["request"], requests[0]);
            assert!(value["requests"][1]["error"].as_str().unwrap().contains("interrupted"), "{said}");
            assert_eq!(value["requests"][2]["error"], "not submitted");
        } else {
            assert!(said.contains(&format!("not submitted {last}")), "{said}");
        }
    }
}

#[test]
fn a_pipe_is_read_once_and_submitted_whole() {
    let world = World::new();
    let (us, _them) = pair(&world);
    let first = world.product("EXERCISE-FIRST", "SECRET//REL TO USA, GBR", "(S//REL TO USA, GBR) EXERCISE.");
    let text =
        std::fs::read_to_string(world.product("EXERCISE-PIPED", "SECRET//REL TO USA, GBR", "(S//REL TO USA, GBR)"));
    for files in [vec!["/dev/stdin"], vec![first.as_str(), "/dev/stdin"]] {
        let mut words = submit(&us, files[0].as_ref());
        words.splice(2..2, files[1..].iter().map(ToString::to_string));
        let mut command = Command::new(program());
        command.arg("--config").arg(us.config()).args(&words).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        child.stdin.take().unwrap().write_all(text.as_ref().unwrap().as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{files:?}: {output:?}");
        assert_eq!(String::from_utf8_lossy(&output.stdout).matches("approve it with").count(), files.len());
    }
}
