//! The sandbox of a filter process, entered before it reads its request.
//!
//! A seccomp allow list of system calls; any other call kills the process. A file that exploits a parser cannot open a
//! file, make a connection or start a program.

use std::collections::BTreeMap;
use std::io;

use rustix::process::{Resource, Rlimit, setrlimit};
use seccompiler::{
    BackendError, BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule, TargetArch,
};

/// The exit status of a filter process that could not be confined, and therefore read nothing.
pub(super) const UNCONFINED: u8 = 77;

/// The only permitted use of futex(2): waking threads of this process.
const WAKE: u64 = (libc::FUTEX_WAKE | libc::FUTEX_PRIVATE_FLAG) as u64;

type Built<T> = Result<T, BackendError>;

/// Confines this process permanently, with all its threads. It can only read standard input, write standard output and
/// standard error, allocate non-executable memory, and exit. Any other system call ends it with SIGSYS.
///
/// # Errors
/// The error of the kernel, or of a sandbox that already confines this process. The process may then be confined only
/// partly and must not read untrusted input.
pub fn confine() -> io::Result<()> {
    let program = program(std::process::id()).map_err(io::Error::other)?;
    let none = |limit| Rlimit { current: Some(limit), maximum: Some(limit) };
    // The seccomp filter below denies the same again. The two are independent, so that a gap in one does not open the
    // other.
    setrlimit(Resource::Nofile, none(3))?;
    setrlimit(Resource::Fsize, none(0))?;
    setrlimit(Resource::Nproc, none(0))?;
    setrlimit(Resource::Core, none(0))?;
    rustix::thread::set_no_new_privs(true)?;
    // There is only one thread; if there were another, the same filter would apply to it.
    seccompiler::apply_filter_all_threads(&program).map_err(io::Error::other)
}

/// Returns the seccomp program for the process with this PID. It also kills calls made with the numbering of another
/// architecture.
fn program(own: u32) -> Built<BpfProgram> {
    let here = TargetArch::try_from(std::env::consts::ARCH)?;
    SeccompFilter::new(allowed(own)?, SeccompAction::KillProcess, SeccompAction::Allow, here)?.try_into()
}

/// Returns every allowed system call with the conditions on its arguments.
fn allowed(own: u32) -> Built<BTreeMap<i64, Vec<SeccompRule>>> {
    let (exec, anonymous) = (libc::PROT_EXEC as u64, libc::MAP_ANONYMOUS as u64);
    let call = |number| (number, Vec::new());
    Ok(BTreeMap::from([
        // Standard input only: a descriptor that was inherited from the node could be open as well.
        (libc::SYS_read, vec![rule(vec![is(0, 0)?])?]),
        // Standard output for the response, standard error for a panic message.
        (libc::SYS_write, vec![rule(vec![is(0, 1)?])?, rule(vec![is(0, 2)?])?]),
        // Anonymous, non-executable memory only.
        (libc::SYS_mmap, vec![rule(vec![masked(2, exec, 0)?, masked(3, anonymous, anonymous)?])?]),
        // The heap grows and shrinks, and a growing vector is moved without copying its pages.
        call(libc::SYS_brk),
        call(libc::SYS_mremap),
        call(libc::SYS_munmap),
        // Hints of the allocator: huge pages, and pages no longer needed.
        call(libc::SYS_madvise),
        // The random seed of hash maps in libraries.
        call(libc::SYS_getrandom),
        // A panic unwinds; the one-time initialisation for that wakes waiting threads, although there are none.
        (libc::SYS_futex, vec![rule(vec![is(1, WAKE)?])?]),
        // The handler that detects and reports a stack overflow.
        call(libc::SYS_rt_sigaction),
        call(libc::SYS_rt_sigprocmask),
        call(libc::SYS_rt_sigreturn),
        call(libc::SYS_sigaltstack),
        // `abort` after an out-of-memory error: SIGABRT to this process only.
        call(libc::SYS_getpid),
        call(libc::SYS_gettid),
        (libc::SYS_tgkill, vec![rule(vec![is(0, own.into())?, is(2, libc::SIGABRT as u64)?])?]),
        // Exit.
        call(libc::SYS_exit_group),
    ]))
}

fn rule(conditions: Vec<SeccompCondition>) -> Built<SeccompRule> {
    SeccompRule::new(conditions)
}

/// Requires a 32-bit argument to have this value; the upper 32 bits are ignored, as in the kernel.
fn is(argument: u8, value: u64) -> Built<SeccompCondition> {
    SeccompCondition::new(argument, SeccompCmpArgLen::Dword, SeccompCmpOp::Eq, value)
}

/// Requires the flags in `mask` of an argument to have this value.
fn masked(argument: u8, mask: u64, value: u64) -> Built<SeccompCondition> {
    SeccompCondition::new(argument, SeccompCmpArgLen::Qword, SeccompCmpOp::MaskedEq(mask), value)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The PID that the filter is built for.
    const OWN: u32 = 4711;
    /// The actions of the filter: kill the process, or allow the call.
    const KILL: u32 = libc::SECCOMP_RET_KILL_PROCESS;
    const ALLOW: u32 = libc::SECCOMP_RET_ALLOW;

    #[cfg(target_arch = "x86_64")]
    const HERE: u32 = 0xC000_003E;
    #[cfg(target_arch = "aarch64")]
    const HERE: u32 = 0xC000_00B7;

    /// Returns what the kernel would do: it runs the program with the number, architecture and arguments of the call.
    fn says(architecture: u32, number: u32, arguments: [u64; 6]) -> u32 {
        let mut words = vec![number, architecture, 0, 0];
        words.extend(arguments.iter().flat_map(|a| [*a as u32, (*a >> 32) as u32]));
        let program = program(OWN).unwrap();
        let (mut at, mut accumulator) = (0, 0);
        loop {
            let step = &program[at];
            at += 1;
            let jump = |yes: bool| usize::from(if yes { step.jt } else { step.jf });
            match step.code {
                0x06 => return step.k,
                0x20 => accumulator = words[step.k as usize / 4],
                0x54 => accumulator &= step.k,
                0x05 => at += step.k as usize,
                0x15 => at += jump(accumulator == step.k),
                0x25 => at += jump(accumulator > step.k),
                0x35 => at += jump(accumulator >= step.k),
                other => panic!("an instruction {other:#x} that no filter here has"),
            }
        }
    }

    fn here(number: i64, arguments: [u64; 6]) -> u32 {
        says(HERE, number as u32, arguments)
    }

    #[test]
    fn reads_the_question_and_no_other_descriptor() {
        assert_eq!(here(libc::SYS_read, [0; 6]), ALLOW);
        for other in [1, 2, 3, 1000, u64::from(u32::MAX)] {
            assert_eq!(here(libc::SYS_read, [other, 0, 0, 0, 0, 0]), KILL, "{other}");
        }
    }

    #[test]
    fn writes_answer_and_fault_and_to_no_other_descriptor() {
        for ours in [1, 2] {
            assert_eq!(here(libc::SYS_write, [ours, 0, 0, 0, 0, 0]), ALLOW, "{ours}");
        }
        for other in [0, 3, 1000, u64::from(u32::MAX)] {
            assert_eq!(here(libc::SYS_write, [other, 0, 0, 0, 0, 0]), KILL, "{other}");
        }
    }

    #[test]
    fn has_memory_of_no_file_and_none_that_runs() {
        let (read, write, exec) = (libc::PROT_READ as u64, libc::PROT_WRITE as u64, libc::PROT_EXEC as u64);
        let (private, anonymous) = (libc::MAP_PRIVATE as u64, libc::MAP_ANONYMOUS as u64);
        let map = |protection, flags| here(libc::SYS_mmap, [0, 4096, protection, flags, u64::MAX, 0]);
        assert_eq!(map(read | write, private | anonymous), ALLOW);
        assert_eq!(map(read | write, private), KILL, "a file");
        for runs in [exec, read | exec, read | write | exec, exec | 1 << 40] {
            assert_eq!(map(runs, private | anonymous), KILL, "{runs:#x}");
        }
        // Existing memory cannot be made executable, and no executable shared memory can be attached.
        for other in [libc::SYS_mprotect, libc::SYS_pkey_mprotect, libc::SYS_shmat, libc::SYS_remap_file_pages] {
            assert_eq!(here(other, [0; 6]), KILL, "{other}");
        }
    }

    #[test]
    fn ends_itself_and_nobody_else() {
        let end = |process, signal| here(libc::SYS_tgkill, [process, process, signal, 0, 0, 0]);
        assert_eq!(end(OWN.into(), libc::SIGABRT as u64), ALLOW);
        assert_eq!(end(OWN.into(), libc::SIGSTOP as u64), KILL);
        assert_eq!(end(u64::from(OWN) - 1, libc::SIGABRT as u64), KILL, "its parent");
        for other in [libc::SYS_kill, libc::SYS_tkill, libc::SYS_pidfd_send_signal, libc::SYS_rt_sigqueueinfo] {
            assert_eq!(here(other, [OWN.into(), libc::SIGABRT as u64, 0, 0, 0, 0]), KILL, "{other}");
        }
        assert_eq!(here(libc::SYS_exit_group, [0; 6]), ALLOW);
    }

    #[test]
    fn wakes_its_own_threads_and_uses_no_other_part_of_futex() {
        let futex = |operation: i32| here(libc::SYS_futex, [0, operation as u64, 0, 0, 0, 0]);
        assert_eq!(futex(libc::FUTEX_WAKE | libc::FUTEX_PRIVATE_FLAG), ALLOW);
        for other in [libc::FUTEX_WAKE, libc::FUTEX_WAIT, libc::FUTEX_REQUEUE, libc::FUTEX_CMP_REQUEUE_PI, 0x80] {
            assert_eq!(futex(other), KILL, "{other}");
        }
    }

    /// The complete list, so that an addition is reviewed here as well. Calls that depend on arguments are tested
    /// above.
    #[test]
    fn no_other_call_passes() {
        let mut list = vec![
            libc::SYS_brk,
            libc::SYS_exit_group,
            libc::SYS_getpid,
            libc::SYS_getrandom,
            libc::SYS_gettid,
            libc::SYS_madvise,
            libc::SYS_mremap,
            libc::SYS_munmap,
            libc::SYS_read,
            libc::SYS_rt_sigaction,
            libc::SYS_rt_sigprocmask,
            libc::SYS_rt_sigreturn,
            libc::SYS_sigaltstack,
        ];
        list.sort_unstable();
        let passes: Vec<i64> = (0..2048).filter(|number| here(*number, [0; 6]) != KILL).collect();
        assert_eq!(passes, list);
    }

    #[test]
    fn no_call_of_another_architecture_passes() {
        // AArch64, i386 and ARM; and x32, which is x86-64 with a bit set in the number.
        for other in [0xC000_00B7, 0xC000_003E, 0x4000_0003, 0x4000_0028] {
            let read = says(other, libc::SYS_read as u32, [0; 6]);
            assert_eq!(read == ALLOW, other == HERE, "{other:#x}");
        }
        assert_eq!(says(HERE, libc::SYS_read as u32 | 0x4000_0000, [0; 6]), KILL);
    }
}
