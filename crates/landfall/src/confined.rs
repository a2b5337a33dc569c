//! Under a limit on addresses (`ulimit -v`, a job's `h_vmem`), allocators must not set aside addresses that they may never
//! use: they would stand at the limit before the first request, and the first thread or large body would fail.

use std::os::unix::process::CommandExt;
use std::process::Command;
use std::{env, fs};

/// What glibc and mimalloc are told, by their own names for it: one arena for all threads instead of 64 MiB for each, and
/// none of a GiB in advance.
const SETTINGS: [(&str, &str); 2] = [("MALLOC_ARENA_MAX", "1"), ("MIMALLOC_ARENA_RESERVE", "0")];

/// Where there is such a limit, starts this program anew with its allocators told so, as the same process: both read their
/// environment before any code of ours runs. Whoever has set one of them stays in the right.
pub(crate) fn settle() {
    let unset: Vec<_> = SETTINGS.into_iter().filter(|(name, _)| env::var_os(name).is_none()).collect();
    if unset.is_empty() || !fs::read_to_string("/proc/self/limits").is_ok_and(|limits| is_limited(&limits)) {
        return;
    }
    let Ok(program) = env::current_exe() else { return };
    let mut arguments = env::args_os();
    let mut command = Command::new(program);
    arguments.next().into_iter().for_each(|own| {
        command.arg0(own);
    });
    // It comes back only where it failed: then all works as it is, with less room.
    let _ = command.args(arguments).envs(unset).exec();
}

/// Whether `/proc/self/limits` (proc(5)) has a limit on addresses.
fn is_limited(limits: &str) -> bool {
    let line = limits.lines().find_map(|line| line.strip_prefix("Max address space"));
    line.and_then(|line| line.split_whitespace().next()).is_some_and(|soft| soft != "unlimited")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_a_number() {
        let limits = |soft| {
            format!("Limit  Soft Limit  Hard Limit  Units\nMax address space  {soft}  unlimited  bytes\n")
        };
        assert!(is_limited(&limits("1610612736")));
        assert!(!is_limited(&limits("unlimited")) && !is_limited(""));
    }
}
