//! How much memory the process may have: what the machine has, and what control groups and limits of the process leave of it.

use std::fs::read_to_string;
use std::path::Path;

/// Half of it, in bytes; no bound where nothing is known. The other half is left to models, queues and answers under way. Of a
/// limit on addresses it is a quarter of what is left of them: what grows takes up twice as many as it fills.
pub(crate) fn half_of_memory() -> usize {
    let read = |path: &str| read_to_string(path).ok();
    let all = [
        read("/proc/meminfo").and_then(|text| line_in_kib(&text, "MemTotal:")),
        read("/proc/self/limits").and_then(|text| address_space(&text)).map(|bytes| {
            let used = read("/proc/self/status").and_then(|text| line_in_kib(&text, "VmSize:"));
            bytes.saturating_sub(used.unwrap_or(0)) / 2
        }),
        read("/proc/self/cgroup").and_then(|text| of_groups(&text, Path::new("/sys/fs/cgroup"))),
    ];
    all.into_iter()
        .flatten()
        .min()
        .map_or(usize::MAX, |bytes| usize::try_from(bytes / 2).unwrap_or(usize::MAX))
}

/// A number of bytes off `/proc/meminfo` or `/proc/self/status` (proc(5)).
fn line_in_kib(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
}

/// The limit of the address space, off `/proc/self/limits`; `None` for none.
fn address_space(limits: &str) -> Option<u64> {
    let line = limits.lines().find_map(|line| line.strip_prefix("Max address space"))?;
    line.split_whitespace().next()?.parse().ok()
}

/// The smallest limit of the process's control group and of those above it (cgroups(7)): of version 2, or of the memory
/// controller of version 1.
fn of_groups(groups: &str, mounted: &Path) -> Option<u64> {
    let of_line = |line: &str| {
        let mut fields = line.splitn(3, ':').skip(1);
        let (controllers, path) = (fields.next()?, fields.next()?.trim_start_matches('/'));
        let (root, file) = match controllers {
            "" => (mounted.to_owned(), "memory.max"),
            _ if controllers.split(',').any(|name| name == "memory") => {
                (mounted.join("memory"), "memory.limit_in_bytes")
            }
            _ => return None,
        };
        let limits = Path::new(path)
            .ancestors()
            .filter_map(|group| read_to_string(root.join(group).join(file)).ok()?.trim().parse::<u64>().ok());
        limits.min()
    };
    groups.lines().filter_map(of_line).min()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn the_machine_has_some() {
        assert!(half_of_memory() > 1 << 20);
    }

    #[test]
    fn what_the_kernel_writes_is_understood() {
        let meminfo = "MemTotal:       24689764 kB\nMemFree: 1 kB\n";
        assert_eq!(line_in_kib(meminfo, "MemTotal:"), Some(24_689_764 * 1024));
        assert_eq!(line_in_kib("MemFree: 1 kB\n", "MemTotal:"), None);
        assert_eq!(line_in_kib("VmPeak:\t 9 kB\nVmSize:\t  527952 kB\n", "VmSize:"), Some(527_952 * 1024));
        let limits = |soft| {
            format!("Limit   Soft Limit   Hard Limit  Units\nMax address space  {soft}  unlimited  bytes\n")
        };
        assert_eq!(address_space(&limits("unlimited")), None);
        assert_eq!(address_space(&limits("8589934592")), Some(8 << 30));
    }

    #[test]
    fn the_smallest_limit_of_a_group_and_those_above_it_counts() {
        let folder = tempfile::tempdir().unwrap();
        let put = |path: &str, text: &str| {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        put("a/b/memory.max", "max\n");
        put("a/memory.max", "4096\n");
        assert_eq!(of_groups("0::/a/b\n", folder.path()), Some(4096));
        assert_eq!(of_groups("0::/\n", folder.path()), None);
        put("memory.max", "512\n");
        assert_eq!(of_groups("0::/a/b\n", folder.path()), Some(512));
        put("memory/c/memory.limit_in_bytes", "77\n");
        put("memory/memory.limit_in_bytes", "9223372036854771712\n");
        assert_eq!(of_groups("5:cpu:/a\n4:hugetlb,memory:/c\n", folder.path()), Some(77));
        assert_eq!(of_groups("no line of a group\n", folder.path()), None);
    }
}
