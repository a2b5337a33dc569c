//! What to load and unload next: a pure function of what is wanted and what stands where. No clock, no memory.
//!
//! - The policy picks among the versions that lie there; those that labels, a promotion or a control call name are
//!   wanted too, as long as their files are there.
//! - A version that failed to load is not tried again (whoever calls forgets the failure when the files change).
//!   Under [`VersionPolicy::Latest`] the next older one takes its place, so that a restart beside a broken newest
//!   version serves what was served before.
//! - The newest wanted version loads first. An old version unloads only when no wanted one is still to come, the oldest
//!   first; while every version that the policy picks is broken, or the only one is still being copied, the last good one
//!   stays.

use crate::VersionPolicy;
use landfall_model::Version;

/// How many broken versions [`VersionPolicy::Latest`] passes over in search of one that loads.
const MOST_PASSED_OVER: usize = 8;

/// What is wanted of one model.
pub(crate) struct Wish<'a> {
    /// The versions whose files are there and lie still, newest first.
    pub(crate) on_disk: &'a [Version],
    /// Which of them are kept loaded.
    pub(crate) policy: &'a VersionPolicy,
    /// Versions that labels, a promotion or a waiting call name.
    pub(crate) named: &'a [Version],
    /// Whether somebody unloaded the model: then the named versions alone are wanted.
    pub(crate) unloaded: bool,
    /// Whether a version that the policy would pick is still being copied.
    pub(crate) arriving: bool,
}

/// Where a version stands, as far as it matters for what comes next.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Standing {
    /// Being loaded for the first time.
    Loading,
    /// Answers.
    Available,
    /// Answers, but its files or settings have changed since it was loaded.
    Stale,
    /// Could not be loaded, and nothing has changed since.
    Failed,
}

/// One step.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Action {
    /// Load this version, or load it again beside the copy that answers.
    Load(Version),
    /// Take this version out of service.
    Unload(Version),
}

/// What the policy picks and what else is wanted.
struct Picked {
    /// Newest first.
    wanted: Vec<Version>,
    /// Whether every version that the policy picked is broken.
    broken: bool,
}

/// The versions that are wanted, newest first: all of them are loaded, or can be.
pub(crate) fn wanted(wish: &Wish<'_>, known: &[(Version, Standing)]) -> Vec<Version> {
    pick(wish, known).wanted
}

/// What to do next, in this order. `known` is newest first and holds each version once.
pub(crate) fn next(wish: &Wish<'_>, known: &[(Version, Standing)]) -> Vec<Action> {
    let Picked { wanted, broken } = pick(wish, known);
    let standing = |version: &Version| standing_of(known, version);
    let load = wanted.iter().filter(|version| matches!(standing(version), None | Some(Standing::Stale)));
    let mut actions: Vec<Action> = load.cloned().map(Action::Load).collect();

    // A stale copy answers: nothing need wait for its successor.
    let to_come = wanted.iter().any(|version| matches!(standing(version), None | Some(Standing::Loading)));
    if to_come {
        return actions;
    }
    let answers = |standing: Standing| matches!(standing, Standing::Available | Standing::Stale);
    let mut old: Vec<&Version> = known
        .iter()
        .filter(|(version, standing)| answers(*standing) && !wanted.contains(version))
        .map(|(version, _)| version)
        .collect();
    if (broken || (wanted.is_empty() && wish.arriving)) && !old.is_empty() {
        old.remove(0);
    }
    actions.extend(old.into_iter().rev().cloned().map(Action::Unload));
    actions
}

fn pick(wish: &Wish<'_>, known: &[(Version, Standing)]) -> Picked {
    let failed = |version: &Version| standing_of(known, version) == Some(Standing::Failed);
    let latest = match wish.policy {
        VersionPolicy::Latest(count) => Some((*count).max(1)),
        VersionPolicy::All | VersionPolicy::Only(_) => None,
    };
    let (mut good, mut broken) = (Vec::new(), 0);
    for version in wish.on_disk {
        let full = latest.is_some_and(|count| good.len() >= count || broken >= MOST_PASSED_OVER);
        let meant = match wish.policy {
            _ if wish.unloaded => false,
            VersionPolicy::Only(list) => list.contains(version),
            _ => true,
        };
        if full || !meant {
            continue;
        }
        match failed(version) {
            true => broken += 1,
            false => good.push(version.clone()),
        }
    }
    let also =
        |version: &&Version| good.contains(version) || (wish.named.contains(version) && !failed(version));
    let broken = broken > 0 && good.is_empty();
    Picked { wanted: wish.on_disk.iter().filter(also).cloned().collect(), broken }
}

fn standing_of(known: &[(Version, Standing)], version: &Version) -> Option<Standing> {
    known.iter().find(|(other, _)| other == version).map(|(_, standing)| *standing)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn versions(numbers: &[i64]) -> Vec<Version> {
        numbers.iter().copied().map(Version::numbered).collect()
    }

    const LATEST: VersionPolicy = VersionPolicy::Latest(1);

    /// `"3+ 2! 1~"`: 3 is loading, 2 failed, 1 is stale; a bare number is available.
    fn standings(text: &str) -> Vec<(Version, Standing)> {
        text.split_whitespace()
            .map(|word| {
                let number = word.trim_end_matches(['+', '!', '~']);
                let standing = match &word[number.len()..] {
                    "+" => Standing::Loading,
                    "!" => Standing::Failed,
                    "~" => Standing::Stale,
                    _ => Standing::Available,
                };
                (Version::named(number), standing)
            })
            .collect()
    }

    fn steps(on_disk: &[i64], policy: &VersionPolicy, named: &[i64], unloaded: bool, known: &str) -> String {
        let (on_disk, named) = (versions(on_disk), versions(named));
        let wish = Wish { on_disk: &on_disk, policy, named: &named, unloaded, arriving: false };
        let say = |action: &Action| match action {
            Action::Load(version) => format!("load {version}"),
            Action::Unload(version) => format!("unload {version}"),
        };
        next(&wish, &standings(known)).iter().map(say).collect::<Vec<_>>().join(", ")
    }

    /// What it shows, on disk, policy, named, unloaded, standing, next.
    type Row<'a> = (&'a str, &'a [i64], &'a VersionPolicy, &'a [i64], bool, &'a str, &'a str);

    #[test]
    fn what_comes_next_by_policy_and_standing() {
        let two = VersionPolicy::Latest(2);
        let all = VersionPolicy::All;
        let only = VersionPolicy::Only(versions(&[1, 3, 9]));
        let none = VersionPolicy::Only(Vec::new());
        #[rustfmt::skip]
        let table: &[Row<'_>] = &[
            ("nothing there, nothing done", &[], &LATEST, &[], false, "", ""),
            ("the newest is loaded", &[3, 2, 1], &LATEST, &[], false, "", "load 3"),
            ("latest 0 counts as 1", &[3, 2, 1], &VersionPolicy::Latest(0), &[], false, "", "load 3"),
            ("the newest two, highest first", &[3, 2, 1], &two, &[], false, "", "load 3, load 2"),
            ("all, highest first", &[3, 2, 1], &all, &[], false, "", "load 3, load 2, load 1"),
            ("only those listed that are there", &[3, 2, 1], &only, &[], false, "", "load 3, load 1"),
            ("an empty list serves nothing", &[3, 2], &none, &[], false, "2", "unload 2"),
            ("what loads is not loaded twice", &[3], &LATEST, &[], false, "3+", ""),
            ("what answers is left alone", &[3], &LATEST, &[], false, "3", ""),
            ("the old one stays while the new one loads", &[3, 2], &LATEST, &[], false, "3+ 2", ""),
            ("a new version comes before the old one goes", &[3, 2], &LATEST, &[], false, "2", "load 3"),
            ("the old one goes when the new one answers", &[3, 2], &LATEST, &[], false, "3 2", "unload 2"),
            ("the lowest goes first", &[4, 3, 2, 1], &LATEST, &[], false, "4 3 2 1", "unload 1, unload 2, unload 3"),
            ("a failing version leaves the old one", &[3, 2], &LATEST, &[], false, "3! 2", ""),
            ("beside a broken one the next older is loaded", &[3, 2], &LATEST, &[], false, "3!", "load 2"),
            ("a broken one in the middle is passed over", &[3, 2, 1], &two, &[], false, "3 2!", "load 1"),
            ("all broken: nothing to do", &[3, 2], &LATEST, &[], false, "3! 2!", ""),
            ("all broken: the last good one stays without files", &[3], &LATEST, &[], false, "3! 2", ""),
            ("all broken: of several without files the newest stays", &[4], &LATEST, &[], false, "4! 3 2", "unload 2"),
            ("an older version that lies there replaces one that does not", &[4, 1], &LATEST, &[], false, "4! 3 1", "unload 3"),
            ("all broken: a labelled version does not replace the last good one", &[4, 1], &VersionPolicy::Only(versions(&[4])), &[1], false, "4! 3 1", ""),
            ("an only-list that is broken keeps the last good one", &[3, 2], &only, &[], false, "3! 2", ""),
            ("an only-list without files takes all down", &[2], &VersionPolicy::Only(versions(&[9])), &[], false, "2", "unload 2"),
            ("no retry of what failed", &[3], &LATEST, &[], false, "3!", ""),
            ("all vanish: all unload", &[], &LATEST, &[], false, "3 2", "unload 2, unload 3"),
            ("the newest vanishes: the next older comes back first", &[2], &LATEST, &[], false, "3", "load 2"),
            ("and then the vanished one goes", &[2], &LATEST, &[], false, "3 2", "unload 3"),
            ("changed files load again beside the copy that answers", &[3], &LATEST, &[], false, "3~", "load 3"),
            ("a stale copy answers: old ones go", &[3, 2], &LATEST, &[], false, "3~ 2", "load 3, unload 2"),
            ("an unwanted stale copy is not loaded again", &[3, 2], &LATEST, &[], false, "3 2~", "unload 2"),
            ("a label keeps its version", &[3, 2, 1], &LATEST, &[1], false, "3 1", ""),
            ("a label loads its version, after the newest", &[3, 2, 1], &LATEST, &[1], false, "", "load 3, load 1"),
            ("a labelled version does not stand in for the new one", &[3, 2, 1], &LATEST, &[1], false, "3+ 2 1", ""),
            ("a label on what is not there loads nothing", &[3], &LATEST, &[7], false, "3", ""),
            ("a broken labelled version holds nothing up", &[3, 2, 1], &LATEST, &[1], false, "3 2 1!", "unload 2"),
            ("a label outside an only-list", &[3, 2, 1], &only, &[2], false, "3 1", "load 2"),
            ("unloaded: all goes", &[3, 2], &LATEST, &[], true, "3 2", "unload 2, unload 3"),
            ("unloaded: nothing is loaded", &[3, 2], &LATEST, &[], true, "", ""),
            ("unloaded: a version that a call waits for is loaded alone", &[3, 2], &LATEST, &[2], true, "", "load 2"),
            ("unloaded: what failed for such a call is not tried again", &[3, 2], &LATEST, &[2], true, "2!", ""),
            ("unloaded: what loads is left to end", &[3], &LATEST, &[], true, "3+", ""),
        ];
        for (what, on_disk, policy, named, unloaded, known, expected) in table {
            assert_eq!(steps(on_disk, policy, named, *unloaded, known), *expected, "{what}");
        }
    }

    #[test]
    fn the_search_for_a_version_that_loads_ends() {
        let on_disk: Vec<i64> = (1..=20).rev().collect();
        let broken: Vec<String> = (13..=20).rev().map(|number| format!("{number}!")).collect();
        assert_eq!(steps(&on_disk, &LATEST, &[], false, &broken[..7].join(" ")), "load 13");
        assert_eq!(steps(&on_disk, &LATEST, &[], false, &broken.join(" ")), "");
    }

    #[test]
    fn what_answers_stays_until_the_only_other_version_has_come() {
        let steps = |on_disk: &[i64], known: &str, arriving: bool| {
            let on_disk = versions(on_disk);
            let wish = Wish { on_disk: &on_disk, policy: &LATEST, named: &[], unloaded: false, arriving };
            next(&wish, &standings(known))
        };
        let unload = |numbers: &[i64]| versions(numbers).into_iter().map(Action::Unload).collect::<Vec<_>>();
        assert_eq!(steps(&[], "1", true), []);
        assert_eq!(steps(&[], "2 1", true), unload(&[1]), "the newest is enough");
        assert_eq!(steps(&[], "1", false), unload(&[1]), "nothing is to come");
        assert_eq!(steps(&[2], "2 1", true), unload(&[1]), "another one answers");
        assert_eq!(steps(&[2], "1", true), [Action::Load(Version::numbered(2))]);
    }

    /// Runs a model's life to its end: loads succeed or fail as `loads` says.
    fn run(
        wish: &Wish<'_>,
        mut known: Vec<(Version, Standing)>,
        loads: impl Fn(i64) -> bool,
    ) -> Vec<(Version, Standing)> {
        for _ in 0..100 {
            let before = known.iter().any(|(_, s)| *s == Standing::Available);
            let actions = next(wish, &known);
            let Some(action) = actions.first() else { return known };
            match action {
                Action::Load(version) => {
                    known.retain(|(other, _)| other != version);
                    let good = loads(version.number().unwrap());
                    known.push((version.clone(), if good { Standing::Available } else { Standing::Failed }));
                    known.sort_by_key(|(version, _)| std::cmp::Reverse(version.number()));
                }
                Action::Unload(version) => known.retain(|(other, _)| other != version),
            }
            let after = known.iter().any(|(_, s)| *s == Standing::Available);
            let may_empty =
                wish.unloaded || wish.on_disk.is_empty() || matches!(wish.policy, VersionPolicy::Only(_));
            assert!(after || !before || may_empty, "the model was left without a version");
        }
        panic!("the steps never end");
    }

    proptest! {
        #[test]
        fn steps_end_and_never_leave_a_model_without_a_version_that_it_could_have(
            disk in proptest::collection::btree_set(1i64..8, 0..6),
            there in proptest::collection::btree_set(1i64..8, 0..6),
            good in proptest::collection::btree_set(1i64..8, 0..8),
            named in proptest::collection::vec(1i64..8, 0..3),
            policy in 0usize..4,
            unloaded in any::<bool>(),
            arriving in any::<bool>(),
        ) {
            let on_disk = versions(&disk.iter().rev().copied().collect::<Vec<_>>());
            let named = versions(&named);
            let policy = match policy {
                0 => VersionPolicy::All,
                1 => VersionPolicy::Only(versions(&[2, 4, 6])),
                count => VersionPolicy::Latest(count - 1),
            };
            let arriving = arriving && !unloaded;
            let wish = Wish { on_disk: &on_disk, policy: &policy, named: &named, unloaded, arriving };
            let known = there.iter().rev().map(|&n| (Version::numbered(n), Standing::Available)).collect();
            let end = run(&wish, known, |number| good.contains(&number));
            for version in wanted(&wish, &end) {
                prop_assert_eq!(standing_of(&end, &version), Some(Standing::Available));
            }
            if unloaded {
                let answers = |standing: &Standing| *standing == Standing::Available;
                prop_assert!(end.iter().all(|(version, s)| !answers(s) || named.contains(version)));
            }
        }
    }
}
