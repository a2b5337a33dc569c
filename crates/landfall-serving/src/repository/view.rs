//! File systems that show what the kernel knows (`/proc`, `/sys`): their folders have no end, and reading some of their
//! files waits for ever.
//!
//! Format: `/proc/self/mountinfo`, as proc(5) describes it.

/// Their types, as mounts name them.
const VIEWS: [&str; 14] = [
    "binfmt_misc",
    "bpf",
    "cgroup",
    "cgroup2",
    "configfs",
    "debugfs",
    "devpts",
    "efivarfs",
    "fusectl",
    "proc",
    "pstore",
    "securityfs",
    "sysfs",
    "tracefs",
];

/// The devices of those that are mounted now; none where the system does not tell.
pub(super) fn kernel_views() -> Vec<u64> {
    std::fs::read_to_string("/proc/self/mountinfo").map_or_else(|_| Vec::new(), |mounts| devices(&mounts))
}

fn devices(mounts: &str) -> Vec<u64> {
    mounts.lines().filter_map(view).collect()
}

/// The device of a mount that is a view: `… MAJOR:MINOR … - TYPE …`.
fn view(mount: &str) -> Option<u64> {
    let (place, system) = mount.split_once(" - ")?;
    VIEWS.contains(&system.split(' ').next()?).then_some(())?;
    let (major, minor) = place.split(' ').nth(2)?.split_once(':')?;
    Some(device(major.parse().ok()?, minor.parse().ok()?))
}

/// The number that `stat` gives for a device (makedev(3)).
fn device(major: u64, minor: u64) -> u64 {
    (major & 0xffff_f000) << 32 | (major & 0xfff) << 8 | (minor & 0xffff_ff00) << 12 | (minor & 0xff)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::MetadataExt;
    use std::path::Path;

    #[test]
    fn only_the_kernels_own_file_systems_are_views() {
        let mounts = "22 1 0:21 / /proc rw,nosuid shared:5 - proc proc rw\n\
                      25 1 259:4099 / /data rw - ext4 /dev/x rw\n\
                      broken\n\
                      30 1 0:300 / /sys rw - sysfs sysfs rw\n\
                      31 1 0:31 / /run rw - tmpfs tmpfs rw\n";
        assert_eq!(devices(mounts), [21, 1 << 20 | 44]);
    }

    #[test]
    fn device_numbers_are_those_that_files_have() {
        assert_eq!(device(259, 4099), 1 << 24 | 259 << 8 | 3);
        let proc = Path::new("/proc");
        if proc.join("self").exists() {
            assert!(kernel_views().contains(&proc.metadata().unwrap().dev()));
        }
    }
}
