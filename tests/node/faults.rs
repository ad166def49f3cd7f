//! What goes wrong around a node: its clock is set, its disk fills or fails, a partner is cut off in mid-transfer.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use crate::support::{self, Answer, Node, World};
use portcullis::gateway;
use portcullis::system::SystemClock;
use portcullis::time::{Clock, Time};

const BANNER: &str = "SECRET//REL TO USA, GBR";
const PORTION: &str = "(S//REL TO USA, GBR)";

fn release(world: &World, us: &Node, id: &str) -> String {
    let file = world.product(id, BANNER, PORTION);
    world.release(us, &[file], "exercise-gbr").text("/exchanges/0/exchange").to_owned()
}

/// A product of about `kib` KiB.
fn large(world: &World, id: &str, kib: usize) -> String {
    let file = world.product(id, BANNER, PORTION);
    let paragraph = format!("\n{PORTION} {}\n", "EXERCISE text of no meaning whatever. ".repeat(26));
    let text = std::fs::read_to_string(&file).unwrap() + &paragraph.repeat(kib);
    world.file(&format!("{id}.txt"), &text)
}

fn inbox(node: &Node) -> usize {
    node.run(&["inbox", "list"]).expect(0).list("/items").len()
}

/// The machine's clock, as somebody has set it.
struct SetClock(std::sync::atomic::AtomicI64);

impl SetClock {
    fn set_by(&self, hours: i64) {
        self.0.store(hours * 3_600_000, std::sync::atomic::Ordering::SeqCst);
    }
}

impl Clock for SetClock {
    fn now(&self) -> Time {
        let off = self.0.load(std::sync::atomic::Ordering::SeqCst);
        Time::from_unix_ms(SystemClock.now().unix_ms() + off)
    }

    fn running(&self) -> Duration {
        SystemClock.running()
    }
}

/// A node served in this process, by a clock of the test's choosing.
struct Served {
    clock: Arc<SetClock>,
    stop: Option<tokio::sync::oneshot::Sender<()>>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Served {
    fn start(node: &Node) -> Served {
        let clock = Arc::new(SetClock(0.into()));
        let config = portcullis::config::Config::read(&node.config()).unwrap();
        let (stop, stopped) = tokio::sync::oneshot::channel();
        let shown = clock.clone();
        let thread = std::thread::spawn(move || {
            tokio::runtime::Runtime::new().unwrap().block_on(async move {
                let node = Arc::new(gateway::Node::open(config, shown).await.unwrap());
                gateway::serve(node, async move { drop(stopped.await) }).await.unwrap();
            });
        });
        Served { clock, stop: Some(stop), thread: Some(thread) }
    }

    fn stop(mut self) {
        self.stop.take().unwrap().send(()).unwrap();
        self.thread.take().unwrap().join().unwrap();
    }
}

#[test]
fn a_clock_that_was_set_stops_releases_until_an_operator_accepts_it() {
    for hours in [48, -48] {
        let world = World::new();
        let (us, mut them) = world.pair();
        let served = Served::start(&us);
        let waiting = release(&world, &us, "BEFORE");
        us.until_state(&waiting, "queued");
        served.clock.set_by(hours);
        let alarm = us.until(&["status"], |a| a.text("/alarms/0/what") == "clock");
        let way = if hours > 0 { "forward by 48 h" } else { "back by 48 h" };
        assert!(alarm.text("/alarms/0/text").contains(way), "{}", alarm.stdout);
        let shown = us.run(&["clock", "show"]).expect(1);
        assert_eq!(shown.value["in_doubt"], true);
        // Nothing is released while it is in doubt, and what was released does not leave, run out or lose its payload.
        let file = world.product("DURING", BANNER, PORTION);
        let key = us.key("exercise-producer");
        let terms = ["--key", &key, "--to", "exercise-gbr", "--purpose", "EXERCISE", "--expires", "1d"];
        let asked = us.run(&[&["submit", &file], &terms[..]].concat()).expect(0);
        assert!(asked.stdout.contains("CLOCK-IN-DOUBT"), "{}", asked.stdout);
        them.serve();
        // By a clock set back, the partner's certificate is not valid yet, so that there is not even a link.
        them.until_logged(if hours > 0 { "\"up\":true" } else { "no link" });
        for _ in 0..20 {
            assert_eq!(us.run(&["status", &waiting]).expect(0).text("/state"), "queued");
        }
        assert_eq!(inbox(&them), 0);
        // Set right again, it is still in doubt: somebody has to look.
        served.clock.set_by(0);
        us.run(&["clock", "show"]).expect(1);
        world.proposed(&us, &["clock", "accept", "--why", "EXERCISE: time service was wrong"]);
        let out = world.path("again.json").display().to_string();
        us.run(&["clock", "accept", "--out", &out]).expect(1);
        us.until_state(&waiting, "delivered");
        for officer in ["exercise-officer-1", "exercise-officer-2"] {
            us.run(&["approve", "--yes", "--key", &world.key(officer), asked.text("/request")]).expect(0);
        }
        us.until_state(asked.text("/exchanges/0/exchange"), "delivered");
        assert!(us.run(&["status"]).expect(0).list("/alarms").is_empty());
        served.stop();
        assert!(them.stop());
        us.run(&["ledger", "verify"]).expect(0);
    }
}

#[test]
fn a_node_whose_clock_is_in_doubt_takes_no_offer_and_keeps_its_receipts() {
    let world = World::new();
    let (mut us, them) = world.pair();
    let served = Served::start(&them);
    us.serve();
    let first = release(&world, &us, "FIRST");
    us.until_state(&first, "delivered");
    served.clock.set_by(2);
    them.until(&["status"], |a| a.text("/alarms/0/what") == "clock");
    let second = release(&world, &us, "SECOND");
    us.until(&["status", &second], |a| a.text("/last_failure") == "not completed");
    assert_eq!(inbox(&them), 1);
    served.clock.set_by(0);
    world.proposed(&them, &["clock", "accept"]);
    us.run(&["exchange", "retry", &second]).expect(0);
    us.until_state(&second, "delivered");
    served.stop();
    assert!(us.stop());
}

/// A small disk under a node's spool; taken off again at the end.
struct SmallDisk(PathBuf);

impl SmallDisk {
    fn mount(at: &Path, kib: u64) -> Option<SmallDisk> {
        let size = format!("size={kib}k,mode=0700");
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", &size, "none"]).arg(at).output();
        mounted.is_ok_and(|output| output.status.success()).then(|| SmallDisk(at.to_owned()))
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

#[test]
fn a_full_disk_refuses_offers_keeps_giving_receipts_and_recovers_by_itself() {
    let world = World::new();
    let (mut us, mut them) = world.pair();
    let spool = them.folder.join("store/spool");
    let head = std::fs::read(spool.join("head")).unwrap();
    let Some(disk) = SmallDisk::mount(&spool, 4096) else {
        // Without the right to mount, the reserve stands for the end of the disk: `tests/exchange/delivery.rs` does that.
        support::not_run::not_permitted("no small disk can be mounted");
        return;
    };
    std::fs::write(spool.join("head"), head).unwrap();
    them.reconfigure("# reserve_bytes = 67108864", "reserve_bytes = 1048576");
    us.serve();
    let first = release(&world, &us, "FIRST");
    us.until_state(&first, "queued");
    assert!(us.stop());
    let before = world.path("before");
    us.copy_to(&before);
    us.serve();
    them.serve();
    us.until_state(&first, "delivered");
    let filler = spool.join("filler");
    std::fs::write(&filler, vec![0; (3 << 20) + 4096]).unwrap();
    let second = release(&world, &us, "SECOND");
    us.until(&["status", &second], |a| a.text("/last_failure") == "storage unavailable");
    assert_eq!(them.run(&["status"]).expect(0).text("/alarms/0/what"), "spool");
    let in_spool =
        |id: &str| std::fs::read_dir(&spool).unwrap().any(|f| f.unwrap().file_name().to_string_lossy().contains(id));
    assert!(
        !in_spool(&second) && them.inline_payload(&second).is_none(),
        "a byte was taken that there was no room for"
    );
    // What was received before is receipted again, to a sender that was put back to before it had the receipt.
    let receipt = us.exchange(&first).receipt.unwrap();
    assert!(us.stop());
    let after = world.path("after");
    std::fs::rename(&us.folder, &after).unwrap();
    std::fs::rename(&before, &us.folder).unwrap();
    world.accept_older_copy(&us, &[&them]);
    us.serve();
    us.until_state(&first, "delivered");
    assert_eq!(us.exchange(&first).receipt.unwrap(), receipt);
    assert!(us.stop());
    std::fs::rename(&us.folder, &before).unwrap();
    std::fs::rename(&after, &us.folder).unwrap();
    // The partner has seen the other copy's ledger meanwhile, which this one does not extend.
    world.accept_older_copy(&us, &[&them]);
    us.serve();
    assert_eq!(inbox(&them), 1);
    std::fs::remove_file(&filler).unwrap();
    us.until_state(&second, "delivered");
    assert_eq!(inbox(&them), 2);
    assert!(them.run(&["status"]).expect(0).list("/alarms").is_empty());
    assert!(us.stop() && them.stop());
    drop(disk);
}

#[test]
fn a_sync_of_the_spool_that_fails_stops_the_node_and_gives_no_receipt() {
    let world = World::new();
    let (mut us, mut them) = world.pair();
    them.keep_payloads_in_files();
    us.serve();
    let exchange = release(&world, &us, "SYNC");
    us.until_state(&exchange, "queued");
    let part = them.folder.join("store/spool").join(format!("{exchange}.envelope.part"));
    let Some(mut strace) = them.serve_under_strace(&["-P", part.to_str().unwrap()], "fsync,fdatasync:error=EIO") else {
        assert!(!support::not_run::can_trace(), "what can be traced was not");
        return;
    };
    let status = strace.wait().unwrap();
    assert!(!status.success(), "the node went on after a failed sync");
    let log = them.log_text();
    assert!(log.contains("the node stops") && log.contains("could not make"), "{log}");
    assert_ne!(us.run(&["status", &exchange]).expect(0).text("/state"), "delivered");
    assert_eq!(inbox(&them), 0);
    // Started again on a disk that works, it goes on from what is there.
    them.serve();
    us.until_state(&exchange, "delivered");
    assert_eq!(inbox(&them), 1);
    assert!(us.stop() && them.stop());
    them.run(&["ledger", "verify"]).expect(0);
}

#[test]
fn a_partner_cut_off_in_mid_transfer_gets_nothing_more_in() {
    const RATE: u64 = 128 * 1024;
    let world = World::new();
    let (mut us, mut them) = (world.node("exercise-usa", "USA"), world.node("exercise-gbr", "GBR"));
    let slow = RATE.to_string();
    world.enrol(&us, &them, &[("bytes_per_second", &slow), ("bytes_burst", &slow)]);
    world.enrol(&them, &us, &[]);
    world.officers(&us);
    let file = large(&world, "CUTOFF", 1500);
    let exchange = world.release(&us, &[file], "exercise-gbr").text("/exchanges/0/exchange").to_owned();
    us.serve();
    them.serve();
    let part = them.folder.join("store/spool").join(format!("{exchange}.envelope.part"));
    let length = || std::fs::metadata(&part).map_or(0, |m| m.len());
    us.until(&["status", &exchange], |_| length() > 0);
    // Revoked: the sender's certificate is on the list that the receiver has now.
    us.run(&["cert", "revoke", "--yes"]).expect(0);
    let description = world.file("revoked.json", &us.run(&["partner", "export"]).expect(0).stdout);
    them.run(&["partner", "update", &description]).expect(0);
    let known = length();
    them.until_logged("\"up\":false");
    us.until_logged("\"up\":false");
    // Two seconds' worth at the agreed rate, and what may wait in one piece and in the writer's buffer.
    let taken = length() - known;
    assert!(taken <= 2 * RATE + 512 * 1024, "{taken} bytes were taken after the store knew");
    let told = |a: &Answer| a.text("/state") == "queued" && !a.text("/last_failure").is_empty();
    us.until(&["status", &exchange], told);
    let end = length();
    us.run(&["exchange", "retry", &exchange]).expect(0);
    us.until(&["status", &exchange], told);
    assert_eq!(length(), end, "something was taken on another connection");
    assert_eq!(inbox(&them), 0);
    assert!(us.stop() && them.stop());
    them.run(&["ledger", "verify"]).expect(0);
}
