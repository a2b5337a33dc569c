//! The journal on a real disk: torn tails, damage, a second writer.

use super::entry::What;
use super::record::fuzz_read;
use super::*;
use landfall_model::Version;
use proptest::prelude::*;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

fn at(ms: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_millis(ms)
}

fn entry(ms: u64, model: &str, what: What) -> Entry {
    Entry { at: at(ms), who: "ann\tat\nhome\\".into(), model: model.into(), what }
}

fn promote(version: &str, label: Option<&str>) -> What {
    What::Promote { version: Version::named(version), label: label.map(str::to_owned) }
}

fn all_kinds() -> Vec<Entry> {
    let back = |from: Option<&str>, version: Option<&str>, label: Option<&str>, undid| What::Rollback {
        from: from.map(Version::named),
        version: version.map(Version::named),
        label: label.map(str::to_owned),
        undid,
    };
    vec![
        entry(1, "a", What::Load),
        entry(2, "a", What::Unload),
        entry(3, "b\\t", promote("002", None)),
        entry(4, "b\\t", promote("-", Some("-"))),
        entry(5, "b\\t", back(Some("-"), None, Some("="), true)),
        entry(6, "c", back(None, Some("spring"), None, false)),
    ]
}

#[test]
fn what_was_written_is_read_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("deep/journal");
    let (mut journal, note) = Journal::open(&path);
    assert_eq!(note, None);
    for entry in all_kinds() {
        journal.append(entry).unwrap();
    }
    let orders = journal.orders().clone();
    drop(journal);
    let (journal, note) = Journal::open(&path);
    assert_eq!((journal.entries(), journal.orders(), note), (&all_kinds()[..], &orders, None));
}

#[test]
fn a_rollback_of_a_journal_that_does_not_say_where_from_is_read() {
    let body = "rollback\t7\tann\tm\t=1\t-\tundid";
    let read = replay(format!("{HEADER}\n{body}\t{}\n", checksum(body)).as_bytes());
    let what = What::Rollback { from: None, version: Some(Version::named("1")), label: None, undid: true };
    assert_eq!((read.bad_lines, &read.entries[0].what), (0, &what));
}

#[test]
fn a_journal_cut_at_any_byte_keeps_all_whole_lines_and_takes_further_ones() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal");
    let (mut journal, _) = Journal::open(&path);
    all_kinds().into_iter().for_each(|entry| journal.append(entry).unwrap());
    drop(journal);
    let whole = fs::read(&path).unwrap();
    for cut in 0..whole.len() {
        fs::write(&path, &whole[..cut]).unwrap();
        let (mut journal, note) = Journal::open(&path);
        let lines = whole[..cut].iter().filter(|&&byte| byte == b'\n').count();
        assert_eq!((journal.entries().len(), note), (lines.saturating_sub(1), None), "cut at {cut}");
        journal.append(entry(9, "z", What::Load)).unwrap();
        let count = journal.entries().len();
        drop(journal);
        let (journal, note) = Journal::open(&path);
        assert_eq!((journal.entries().len(), note), (count, None), "cut at {cut}, and written on");
    }
}

#[test]
fn a_damaged_line_is_passed_over_and_said() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal");
    let (mut journal, _) = Journal::open(&path);
    all_kinds().into_iter().for_each(|entry| journal.append(entry).unwrap());
    drop(journal);
    let text = fs::read_to_string(&path).unwrap().replacen("unload", "unlaod", 1);
    fs::write(&path, text).unwrap();
    let (journal, note) = Journal::open(&path);
    assert_eq!(journal.entries().len(), all_kinds().len() - 1);
    assert!(note.unwrap().contains("1 damaged lines were passed over"));
    assert!(!journal.orders().of("a").unloaded);
}

#[test]
fn another_format_is_refused_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal");
    fs::write(&path, "landfall journal 2\nx\n").unwrap();
    let (mut journal, note) = Journal::open(&path);
    assert!(note.unwrap().contains("no journal of this version"));
    let refused = journal.append(entry(1, "a", What::Load)).unwrap_err().to_string();
    assert!(refused.ends_with("another folder with --state, and start the server again"), "{refused}");
    assert!(journal.entries().is_empty(), "what is not on disk has not happened");
    assert_eq!(fs::read_to_string(&path).unwrap(), "landfall journal 2\nx\n");
}

#[test]
fn a_journal_that_could_not_be_opened_is_tried_again_and_what_it_says_holds() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state/journal");
    let (mut journal, _) = Journal::open(&path);
    journal.append(entry(1, "a", What::Unload)).unwrap();
    drop(journal);
    fs::rename(folder.path().join("state"), folder.path().join("away")).unwrap();
    fs::write(folder.path().join("state"), "a file where a folder should be").unwrap();
    let (mut journal, note) = Journal::open(&path);
    assert!(note.unwrap().contains("the next call tries again"));
    assert_eq!(journal.try_again(), None);
    assert!(journal.append(entry(2, "b", What::Load)).is_err());
    fs::remove_file(folder.path().join("state")).unwrap();
    fs::rename(folder.path().join("away"), folder.path().join("state")).unwrap();
    assert!(journal.try_again().unwrap().contains("can be read and written again"));
    assert_eq!(journal.try_again(), None, "it is open");
    journal.append(entry(3, "b", What::Load)).unwrap();
    let models: Vec<&str> = journal.entries().iter().map(|entry| entry.model.as_str()).collect();
    assert_eq!((models, journal.orders().of("a").unloaded), (vec!["a", "b"], true));
}

#[test]
fn a_journal_that_was_removed_under_the_server_is_written_anew_with_all_it_held() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state/journal");
    let (mut journal, _) = Journal::open(&path);
    journal.append(entry(1, "a", What::Unload)).unwrap();
    fs::remove_dir_all(folder.path().join("state")).unwrap();
    journal.append(entry(2, "b", What::Load)).unwrap();
    let held = (journal.entries().to_vec(), journal.orders().clone());
    drop(journal);
    let (journal, note) = Journal::open(&path);
    assert_eq!((journal.entries().to_vec(), journal.orders().clone(), note), (held.0, held.1, None));
    assert_eq!(journal.entries().len(), 2);
}

#[test]
fn a_journal_never_becomes_larger_than_the_next_start_would_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal");
    let (mut journal, _) = Journal::open(&path);
    File::options().write(true).open(&path).unwrap().set_len(MOST_BYTES - 10).unwrap();
    let problem = journal.append(entry(1, "a", What::Load)).unwrap_err();
    assert_eq!(problem.kind(), Kind::Unavailable);
    assert!(problem.to_string().contains("it is full"), "{problem}");
    assert!(journal.entries().is_empty());
}

#[test]
fn a_full_disk_refuses_the_call_and_leaves_the_journal_whole() {
    let full = Path::new("/dev/full");
    if !full.exists() {
        return;
    }
    let (mut journal, _) = Journal::open(&tempfile::tempdir().unwrap().path().join("journal"));
    let Some(JournalFile::Opened(opened)) = &mut journal.file else { panic!("it is open") };
    opened.file = File::options().write(true).open(full).unwrap();
    let problem = journal.append(entry(1, "a", What::Unload)).unwrap_err();
    assert_eq!(problem.kind(), Kind::Unavailable);
    assert!(!journal.orders().of("a").unloaded && journal.entries().is_empty());
}

#[test]
fn a_long_journal_is_shortened_and_means_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal");
    let lines: String = (0..MOST_ENTRIES as u64 - 1)
        .map(|ms| {
            entry_line(&entry(ms, "m", promote(&(ms % 7).to_string(), (ms % 3 == 0).then_some("stable"))))
        })
        .collect();
    let first = entry_line(&entry(0, "gone", What::Unload));
    fs::write(&path, format!("{HEADER}\n{first}{lines}")).unwrap();
    let (mut journal, _) = Journal::open(&path);
    assert_eq!(journal.entries().len(), MOST_ENTRIES);
    journal.append(entry(1, "m", promote("6", None))).unwrap();
    assert_eq!(journal.entries().len(), KEPT_ENTRIES);
    let orders = journal.orders().clone();
    assert!(orders.of("gone").unloaded);
    assert_eq!(orders.of("m").pinned, Some(Version::numbered(6)));
    let long = fs::metadata(&path).unwrap().len();
    drop(journal);
    let (journal, _) = Journal::open(&path);
    assert_eq!((journal.entries().len(), journal.orders()), (KEPT_ENTRIES, &orders));
    assert!(fs::metadata(&path).unwrap().len() < long / 2 + 10_000);
    drop(journal);
    let (journal, note) = Journal::open(&path);
    assert_eq!((journal.entries().len(), journal.orders(), note), (KEPT_ENTRIES, &orders, None));
}

#[test]
fn two_servers_can_write_to_one_journal() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal");
    let (mut first, _) = Journal::open(&path);
    let (mut second, note) = Journal::open(&path);
    assert_eq!(note, None);
    first.append(entry(1, "a", What::Load)).unwrap();
    second.append(entry(2, "b", What::Load)).unwrap();
    first.append(entry(3, "c", What::Load)).unwrap();
    drop((first, second));
    let models: Vec<String> =
        Journal::open(&path).0.entries().iter().map(|entry| entry.model.clone()).collect();
    assert_eq!(models, ["a", "b", "c"]);
}

#[test]
fn no_bytes_make_the_reader_panic() {
    let valid: String = all_kinds().iter().map(entry_line).collect();
    let valid = format!("{HEADER}\n{valid}");
    let mut state = 0x2545_f491_4f6c_dd1du64;
    for _ in 0..3000 {
        let mut bytes = valid.clone().into_bytes();
        for _ in 0..4 {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            let at = (state >> 8) as usize % bytes.len();
            match state % 3 {
                0 => bytes[at] = (state >> 40) as u8,
                1 => drop(bytes.remove(at)),
                _ => bytes.insert(at, b"\t\n\\=-"[(state >> 50) as usize % 5]),
            }
        }
        fuzz_read(&bytes);
    }
}

proptest! {
    #[test]
    fn any_text_survives(who in ".*", model in ".*", version in ".*", label in proptest::option::of(".*"), ms in 0u64..1 << 50) {
        let what = What::Promote { version: Version::named(&version), label };
        let entry = Entry { at: at(ms), who, model, what };
        let text = format!("{HEADER}\n{}", entry_line(&entry));
        let read = replay(text.as_bytes());
        prop_assert_eq!((read.bad_lines, read.entries), (0, vec![entry]));
    }
}
