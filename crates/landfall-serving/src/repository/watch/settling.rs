//! Which versions lie still: those to whose files nothing was done for a while.

use crate::repository::fingerprint::Fingerprint;
use crate::repository::{Round, Seen};
use std::collections::HashMap;
use std::path::PathBuf;
use std::time::{Duration, Instant, SystemTime};

/// Since when each version's files have lain still.
pub(crate) struct Settling {
    settle: Duration,
    since: HashMap<PathBuf, (Fingerprint, Instant)>,
}

impl Settling {
    pub(crate) fn new(settle: Duration) -> Self {
        Settling { settle, since: HashMap::new() }
    }

    /// Marks the versions whose files lie still: nothing was done to them for the settling time, by the file system's
    /// clock or by ours, or `whole` says so. Gives the time at which the next one will, if nothing changes.
    pub(crate) fn mark(
        &mut self,
        round: &mut Round,
        now: Instant,
        wall: SystemTime,
        whole: impl Fn(&Seen) -> bool,
    ) -> Option<Instant> {
        let mut since = HashMap::new();
        let mut next = None;
        for model in &mut round.models {
            let is_whole = whole(model);
            for version in &mut model.versions {
                let start = match self.since.get(&version.path) {
                    Some((fingerprint, start)) if *fingerprint == version.fingerprint => *start,
                    _ => now,
                };
                since.insert(version.path.clone(), (version.fingerprint, start));
                let still = start + self.settle;
                let old =
                    wall.duration_since(version.fingerprint.touched).is_ok_and(|age| age >= self.settle);
                version.settled = is_whole || old || now >= still;
                if !version.settled {
                    next = Some(next.map_or(still, |next: Instant| next.min(still)));
                }
            }
        }
        self.since = since;
        next
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ModelSettings;
    use crate::repository::SeenVersion;
    use landfall_model::Version;
    use std::path::Path;
    use std::sync::Arc;

    const SECOND: Duration = Duration::from_secs(1);

    fn round(path: &Path) -> Round {
        let fingerprint = Fingerprint::of(path).unwrap();
        let version = SeenVersion {
            version: Version::numbered(1),
            path: path.into(),
            fingerprint,
            settled: false,
            own: None,
        };
        let model = Seen {
            name: "m".into(),
            source: 0,
            path: path.into(),
            settings: Ok(Arc::new(ModelSettings::default())),
            versions: vec![version],
        };
        Round { models: vec![model], ..Round::default() }
    }

    struct Case {
        folder: tempfile::TempDir,
        settling: Settling,
        start: Instant,
        wall: SystemTime,
    }

    impl Case {
        #[expect(clippy::disallowed_methods, reason = "a start to count from; nothing waits")]
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            std::fs::write(folder.path().join("a"), "half").unwrap();
            let wall = Fingerprint::of(folder.path()).unwrap().touched;
            Case { folder, settling: Settling::new(SECOND), start: Instant::now(), wall }
        }

        /// Whether the version lies still after `ms`, by a file system whose clock stands.
        fn settled(&mut self, ms: u64, wall_ms: u64, whole: bool) -> (bool, Option<Duration>) {
            let mut round = round(self.folder.path());
            let now = self.start + Duration::from_millis(ms);
            let wall = self.wall + Duration::from_millis(wall_ms);
            let next = self.settling.mark(&mut round, now, wall, |_| whole);
            (round.models[0].versions[0].settled, next.map(|next| next - self.start))
        }
    }

    #[test]
    fn a_version_lies_still_when_nothing_changed_for_the_settling_time() {
        let mut case = Case::new();
        assert_eq!(case.settled(0, 0, false), (false, Some(SECOND)));
        assert_eq!(case.settled(999, 0, false), (false, Some(SECOND)));
        assert_eq!(case.settled(1000, 0, false), (true, None));
    }

    #[test]
    fn a_change_starts_the_wait_again() {
        let mut case = Case::new();
        case.settled(0, 0, false);
        std::fs::write(case.folder.path().join("a"), "half and more").unwrap();
        assert_eq!(case.settled(900, 0, false), (false, Some(Duration::from_millis(1900))));
        assert_eq!(case.settled(1500, 0, false), (false, Some(Duration::from_millis(1900))));
        std::fs::write(case.folder.path().join("b"), "").unwrap();
        assert_eq!(case.settled(1899, 0, false), (false, Some(Duration::from_millis(2899))));
        assert_eq!(case.settled(2899, 0, false), (true, None));
    }

    #[test]
    fn files_that_were_last_touched_long_ago_need_no_wait() {
        assert_eq!(Case::new().settled(0, 1000, false), (true, None));
    }

    #[test]
    fn whoever_says_that_the_files_are_whole_need_not_wait() {
        assert_eq!(Case::new().settled(0, 0, true), (true, None));
    }
}
