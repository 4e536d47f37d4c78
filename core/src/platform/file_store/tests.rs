//! What must hold for a file that many processes write, some of which are killed at it.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use rekindle_proto::record_file::Stamp;

use super::*;
use crate::store::contract::DEFAULT_KEY;

const SENTINEL: &[u8] = b"SENTINEL-refresh-token";

// --- A second process: this test binary again, told by its environment what to do.

fn child(role: &str, path: &Path, number: u32) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "platform::file_store::tests::second_process", "--nocapture"]);
    command.envs([("REKINDLE_TEST_ROLE", role), ("REKINDLE_TEST_NUMBER", &number.to_string())]);
    command
        .env("REKINDLE_TEST_PATH", path)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    command
}

/// Ends the process between two effects, as a kill would, if the test that started it said so.
pub(super) fn step() {
    static ABORT_AT: OnceLock<Option<u32>> = OnceLock::new();
    static STEPS: AtomicU32 = AtomicU32::new(0);
    let abort_at = ABORT_AT.get_or_init(|| std::env::var("REKINDLE_TEST_ABORT_AT").ok()?.parse().ok());
    if *abort_at == Some(STEPS.fetch_add(1, Ordering::Relaxed) + 1) {
        std::process::abort();
    }
}

/// Files that behave as if they were mounted by themselves.
static MOUNTED: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

pub(super) fn rename(from: &Path, to: &Path) -> std::io::Result<()> {
    let mounted = MOUNTED.lock();
    match mounted.iter().any(|path| path == from || path == to) {
        true => Err(std::io::ErrorKind::ResourceBusy.into()),
        false => fs::rename(from, to),
    }
}

#[test]
fn second_process() {
    let Ok(role) = std::env::var("REKINDLE_TEST_ROLE") else { return };
    let number: u32 = std::env::var("REKINDLE_TEST_NUMBER").unwrap().parse().unwrap();
    let store = FileStore::new(PathBuf::from(std::env::var_os("REKINDLE_TEST_PATH").unwrap()));
    match role.as_str() {
        "increment" => increment_times(&store, number),
        "increment-for-ever" => loop {
            println!("\nack {}", increment(&store));
        },
        "save" => drop(save(&store, b"new", &Expected::Anything)),
        "load" => drop(load(&store)),
        "announce" => {
            wait(store.announce(DEFAULT_KEY, "a1"));
            println!("\nack 1");
            std::io::stdin().read_to_string(&mut String::new()).unwrap();
        }
        "cannot-write" => {
            let error = save(&store, SENTINEL, &Expected::Absent).unwrap_err();
            assert!(!error.damaged && !error.reason.contains("SENTINEL"), "{error}");
            assert!(error.reason.contains("writable for this user"), "{error}");
        }
        "belongs-to-another" => {
            for error in [load(&store).unwrap_err(), save(&store, SENTINEL, &Expected::Anything).unwrap_err()]
            {
                assert!(error.reason.contains("id 0") && error.reason.contains("chown"), "{error}");
            }
        }
        "cannot-read" => {
            let error = load(&store).unwrap_err();
            assert!(!error.damaged && error.reason.contains("readable"), "{error}");
        }
        other => panic!("no such role: {other}"),
    }
}

fn acknowledged(child: &mut Child, times: u32) -> u32 {
    let mut last = 0;
    let lines = BufReader::new(child.stdout.as_mut().unwrap()).lines();
    for line in lines.map_while(Result::ok).filter(|line| line.starts_with("ack ")).take(times as usize) {
        last = line["ack ".len()..].parse().unwrap();
    }
    last
}

// --- Helpers.

fn wait<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

fn load(store: &FileStore) -> Result<Loaded, Unavailable> {
    wait(store.load(DEFAULT_KEY))
}

fn save(store: &FileStore, record: &[u8], expected: &Expected) -> Result<Saved, Unavailable> {
    wait(store.save(DEFAULT_KEY, Bytes::copy_from_slice(record), expected))
}

fn saved(store: &FileStore, record: &[u8], expected: &Expected) -> Version {
    match save(store, record, expected) {
        Ok(Saved::Done(version)) => version,
        other => panic!("{other:?}"),
    }
}

fn record(store: &FileStore) -> Vec<u8> {
    match load(store) {
        Ok(Loaded::Present(record, _)) => record.to_vec(),
        other => panic!("{other:?}"),
    }
}

/// Adds one by compare-and-save; says what it is now.
fn increment(store: &FileStore) -> u32 {
    loop {
        let (number, expected) = match load(store).unwrap() {
            Loaded::Present(bytes, version) => (number(&bytes), Expected::Version(version)),
            Loaded::Absent => (0, Expected::Absent),
        };
        let next = number + 1;
        if let Saved::Done(_) = save(store, next.to_string().as_bytes(), &expected).unwrap() {
            return next;
        }
    }
}

fn increment_times(store: &FileStore, times: u32) {
    for _ in 0..times {
        increment(store);
    }
}

fn number(bytes: &[u8]) -> u32 {
    std::str::from_utf8(bytes).unwrap().parse().unwrap()
}

fn fresh() -> (tempfile::TempDir, FileStore) {
    let home = tempfile::tempdir().unwrap();
    let store = FileStore::new(home.path().join("session"));
    (home, store)
}

fn is_damaged(store: &FileStore) -> bool {
    matches!(load(store), Err(error) if error.damaged)
}

fn names(store: &FileStore) -> Vec<String> {
    let entries = fs::read_dir(store.path().parent().unwrap()).unwrap();
    let mut names: Vec<_> = entries.map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// Every way to spoil a file, by what is left of it.
fn spoilt(bytes: &[u8]) -> Vec<Vec<u8>> {
    let mut flipped = bytes.to_vec();
    *flipped.last_mut().unwrap() ^= 1;
    let cut = |n: usize| bytes[..n].to_vec();
    vec![vec![], cut(5), cut(bytes.len() - 1), flipped, [bytes, b"!"].concat(), b"{\"v\":1}".to_vec()]
}

// --- Compare-and-save.

#[test]
fn saves_only_over_what_was_expected() {
    let (_home, store) = fresh();
    assert_eq!(load(&store).unwrap(), Loaded::Absent);
    let never = Expected::Version(Version::new("1-x"));
    assert_eq!(save(&store, b"a", &never).unwrap(), Saved::Conflict);
    let first = saved(&store, b"a", &Expected::Absent);
    assert_eq!(save(&store, b"b", &Expected::Absent).unwrap(), Saved::Conflict);
    let second = saved(&store, b"b", &Expected::Version(first.clone()));
    assert_eq!(save(&store, b"c", &Expected::Version(first)).unwrap(), Saved::Conflict);
    assert_eq!(load(&store).unwrap(), Loaded::Present("b".into(), second));
}

#[test]
fn no_version_ever_comes_back() {
    let (_home, store) = fresh();
    let first = saved(&store, b"a", &Expected::Anything);
    let second = saved(&store, b"a", &Expected::Anything);
    fs::remove_file(store.path()).unwrap();
    let third = saved(&store, b"a", &Expected::Absent);
    assert!(first != second && second != third && first != third);
}

#[test]
fn processes_that_race_lose_nothing() {
    const PROCESSES: u32 = 4;
    const TIMES: u32 = 25;
    let (_home, store) = fresh();
    let start = |_| child("increment", store.path(), TIMES).spawn().unwrap();
    for mut child in (0..PROCESSES).map(start).collect::<Vec<_>>() {
        assert!(child.wait().unwrap().success());
    }
    assert_eq!(number(&record(&store)), PROCESSES * TIMES);
}

#[test]
fn threads_that_race_lose_nothing() {
    let (_home, store) = fresh();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| increment_times(&store.clone(), 25));
        }
    });
    assert_eq!(number(&record(&store)), 100);
}

#[tokio::test]
async fn a_save_whose_caller_went_away_still_ends() {
    let (_home, store) = fresh();
    {
        let _lock = lock::Lock::take(&store.inner.paths(DEFAULT_KEY)).unwrap();
        let mut save = store.save(DEFAULT_KEY, "a".into(), &Expected::Absent);
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        assert!(save.as_mut().poll(&mut context).is_pending());
    }
    while store.load(DEFAULT_KEY).await.unwrap() == Loaded::Absent {
        tokio::task::yield_now().await;
    }
}

#[test]
fn works_without_a_runtime() {
    let (_home, store) = fresh();
    let mut save = store.save(DEFAULT_KEY, "a".into(), &Expected::Absent);
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    assert!(save.as_mut().poll(&mut context).is_ready());
    drop(save);
    assert_eq!(record(&store), b"a");
}

// --- Killed processes.

#[test]
fn a_writer_killed_at_any_time_loses_nothing_it_acknowledged() {
    let (_home, store) = fresh();
    for kill_after in 1..=8 {
        let mut child = child("increment-for-ever", store.path(), 0).spawn().unwrap();
        let last = acknowledged(&mut child, kill_after);
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(number(&record(&store)) >= last);
    }
}

/// Runs the role once for each step it has, ended at that step; looks at the store after each.
fn killed_at_every_step(role: &str, prepare: impl Fn(&FileStore), look: impl Fn(&FileStore)) -> u32 {
    for step in 1.. {
        let (_home, store) = fresh();
        prepare(&store);
        let mut command = child(role, store.path(), 0);
        let ended = command.env("REKINDLE_TEST_ABORT_AT", step.to_string()).output().unwrap();
        look(&store);
        // It left nothing that hinders the next.
        saved(&store, b"next", &Expected::Anything);
        assert_eq!(record(&store), b"next");
        assert!(!store.inner.paths(DEFAULT_KEY).temp().exists());
        if ended.status.success() {
            return step - 1;
        }
    }
    unreachable!()
}

#[test]
fn a_save_killed_at_any_step_leaves_the_old_record_or_the_new() {
    let steps = killed_at_every_step(
        "save",
        |store| drop(saved(store, b"old", &Expected::Absent)),
        |store| assert!([&b"old"[..], b"new"].contains(&record(store).as_slice())),
    );
    assert_eq!(steps, 5);
}

#[test]
fn damage_stays_damage_when_the_process_that_finds_it_is_killed() {
    let steps = killed_at_every_step("load", spoil, |store| assert!(is_damaged(store)));
    assert_eq!(steps, 6);
}

#[test]
fn a_sign_in_over_damage_killed_at_any_step_leaves_damage_or_the_new_record() {
    let look = |store: &FileStore| assert!(is_damaged(store) || record(store) == b"new");
    assert_eq!(killed_at_every_step("save", spoil, look), 11);
}

fn spoil(store: &FileStore) {
    saved(store, b"old", &Expected::Absent);
    fs::write(store.path(), b"").unwrap();
}

#[test]
fn what_a_killed_writer_left_is_swept_by_the_next_store() {
    let (_home, store) = fresh();
    fs::write(store.inner.paths(DEFAULT_KEY).temp(), SENTINEL).unwrap();
    assert_eq!(load(&store).unwrap(), Loaded::Absent);
    assert!(!store.inner.paths(DEFAULT_KEY).temp().exists());
}

// --- Damage.

#[test]
fn a_damaged_file_is_set_aside_and_never_read_as_absent() {
    let (_home, store) = fresh();
    saved(&store, SENTINEL, &Expected::Absent);
    let sound = fs::read(store.path()).unwrap();
    for (n, bytes) in spoilt(&sound).into_iter().enumerate() {
        fs::write(store.path(), &bytes).unwrap();
        for _ in 0..2 {
            let error = load(&store).unwrap_err();
            assert!(error.damaged && error.reason.contains("sign in again"), "{error}");
            assert!(!error.reason.contains("SENTINEL"));
        }
        assert!(!store.path().exists());
        let aside = store.path().with_file_name(format!("session.damaged-{}", n + 1));
        assert_eq!(fs::read(&aside).unwrap(), bytes);
        assert!(matches!(save(&store, b"x", &Expected::Absent), Err(error) if error.damaged));
        saved(&store, SENTINEL, &Expected::Anything);
        assert_eq!(record(&store), SENTINEL);
        assert!(!store.inner.paths(DEFAULT_KEY).marker().exists());
    }
}

#[test]
fn a_holder_of_the_newest_version_mends_and_others_do_not() {
    for n in 0..spoilt(b"0123456789").len() {
        let (_home, store) = fresh();
        let old = saved(&store, b"old", &Expected::Absent);
        let newest = saved(&store, b"newest", &Expected::Version(old.clone()));
        let bytes = spoilt(&fs::read(store.path()).unwrap()).swap_remove(n);
        fs::write(store.path(), bytes).unwrap();
        // Another process, which remembers nothing: header or note must tell.
        let other = FileStore::new(store.path());
        for _ in 0..2 {
            let refused = save(&other, b"x", &Expected::Version(old.clone()));
            assert!(matches!(refused, Err(error) if error.damaged));
        }
        let mended = saved(&other, b"mended", &Expected::Version(newest.clone()));
        assert!(mended != newest && mended != old);
        assert_eq!(record(&store), b"mended");
    }
}

// spec 7.14
#[test]
fn a_backup_that_comes_back_is_read_by_nobody_who_does_not_know_the_newest_version() {
    let (_home, store) = fresh();
    let first = saved(&store, b"first", &Expected::Absent);
    let backup = fs::read(store.path()).unwrap();
    let (early, newest) = (FileStore::new(store.path()), saved(&store, b"newest", &Expected::Version(first)));
    fs::write(store.path(), &backup).unwrap();
    // Who wrote the newest goes on with what it knows, and writes over the copy, however often it looks.
    assert_eq!([record(&store), record(&store)], [b"first", b"first"]);
    for other in [early, FileStore::new(store.path())] {
        let refused = load(&other).unwrap_err();
        assert!(refused.damaged && refused.reason.contains("older than what was last written"), "{refused}");
    }
    // Moved there on purpose.
    fs::remove_file(store.inner.paths(DEFAULT_KEY).lock()).unwrap();
    assert_eq!(record(&FileStore::new(store.path())), b"first");
    // A sign-in writes over it, and its version is none of before.
    fs::write(store.inner.paths(DEFAULT_KEY).lock(), format!("{}\n\n", Stamp::of(7, b"x").text())).unwrap();
    let other = FileStore::new(store.path());
    assert!(is_damaged(&other));
    assert_ne!(saved(&other, b"signed in", &Expected::Anything), newest);
    assert_eq!(record(&FileStore::new(store.path())), b"signed in");
}

/// A writer that is killed leaves a note of what never came.
#[test]
fn what_was_about_to_be_written_makes_no_record_an_older_one() {
    let (_home, store) = fresh();
    saved(&store, b"first", &Expected::Absent);
    fs::write(store.inner.paths(DEFAULT_KEY).lock(), format!("{}\n", Stamp::of(7, b"x").text())).unwrap();
    assert_eq!(record(&FileStore::new(store.path())), b"first");
}

#[test]
fn where_header_and_note_are_lost_the_store_that_saw_the_last_version_mends() {
    let (_home, store) = fresh();
    let newest = saved(&store, b"a", &Expected::Absent);
    fs::write(store.path(), b"").unwrap();
    fs::write(store.inner.paths(DEFAULT_KEY).lock(), b"").unwrap();
    let stranger = FileStore::new(store.path());
    // To others it is an empty file like any other.
    assert_eq!(save(&stranger, b"b", &Expected::Version(newest.clone())).unwrap(), Saved::Conflict);
    assert!(is_damaged(&store));
    saved(&store, b"b", &Expected::Version(newest));
    assert_eq!(record(&stranger), b"b");
}

#[test]
fn a_newer_format_is_left_alone() {
    let (_home, store) = fresh();
    fs::write(store.path(), b"rekindle-store 2 future\n").unwrap();
    for error in [load(&store).unwrap_err(), save(&store, b"x", &Expected::Anything).unwrap_err()] {
        assert!(!error.damaged && error.reason.contains("update rekindle"), "{error}");
    }
    assert_eq!(fs::read(store.path()).unwrap(), b"rekindle-store 2 future\n");
}

// --- Files that are not ours (spec 7.8).

#[test]
fn an_empty_file_that_was_never_a_record_is_absent() {
    let (_home, store) = fresh();
    fs::write(store.path(), b"").unwrap();
    private(store.path());
    assert_eq!(load(&store).unwrap(), Loaded::Absent);
    assert_eq!(names(&store), ["session"]);
    saved(&store, b"a", &Expected::Absent);
    assert_eq!(record(&store), b"a");
}

#[test]
fn a_file_that_is_no_record_is_refused_and_stays_as_it_is() {
    for text in [&b"ssh-ed25519 AAAA user@host\n"[..], b"{}", &[0; 64]] {
        let (_home, store) = fresh();
        fs::write(store.path(), text).unwrap();
        private(store.path());
        for error in [load(&store).unwrap_err(), save(&store, SENTINEL, &Expected::Anything).unwrap_err()] {
            assert!(!error.damaged && error.reason.contains("not a session file of rekindle"), "{error}");
        }
        assert_eq!(fs::read(store.path()).unwrap(), text);
    }
}

#[test]
fn a_file_larger_than_a_mebibyte_is_not_read() {
    let (_home, store) = fresh();
    saved(&store, b"a", &Expected::Absent);
    fs::OpenOptions::new().write(true).open(store.path()).unwrap().set_len(1 << 40).unwrap();
    for error in [load(&store).unwrap_err(), save(&store, b"b", &Expected::Anything).unwrap_err()] {
        assert!(!error.damaged && error.reason.contains("larger than 1 MiB"), "{error}");
    }
}

#[cfg(not(unix))]
fn private(_: &Path) {}

#[cfg(unix)]
fn private(path: &Path) {
    fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
}

// --- Places that can't be read or written.

#[test]
fn a_folder_at_the_path_is_unavailable_and_stays_empty() {
    let home = tempfile::tempdir().unwrap();
    let store = FileStore::new(home.path());
    for error in [load(&store).unwrap_err(), save(&store, SENTINEL, &Expected::Anything).unwrap_err()] {
        assert!(!error.damaged && error.reason.contains("give the path of a file"), "{error}");
    }
    assert!(!store.inner.paths(DEFAULT_KEY).lock().exists());
}

#[test]
fn a_file_where_a_folder_should_be_is_unavailable() {
    let home = tempfile::tempdir().unwrap();
    fs::write(home.path().join("x"), b"").unwrap();
    let store = FileStore::new(home.path().join("x/session"));
    for error in [load(&store).unwrap_err(), save(&store, SENTINEL, &Expected::Anything).unwrap_err()] {
        assert!(!error.damaged && error.reason.contains("inside a folder"), "{error}");
    }
}

#[test]
fn a_missing_folder_means_absent_and_is_made_by_the_first_save() {
    let home = tempfile::tempdir().unwrap();
    let store = FileStore::new(home.path().join("a/b/session"));
    assert_eq!(load(&store).unwrap(), Loaded::Absent);
    assert!(!home.path().join("a").exists());
    saved(&store, b"x", &Expected::Absent);
}

#[test]
fn a_full_disk_leaves_the_old_record_and_no_temp_file() {
    let (_home, store) = fresh();
    saved(&store, b"old", &Expected::Absent);
    let paths = &store.inner.paths(DEFAULT_KEY);
    let full = || Err(std::io::ErrorKind::StorageFull.into());
    let error = durable::write(&paths.record, &paths.temp(), SENTINEL, full).unwrap_err();
    assert!(failure::io("write", store.path(), &error).reason.contains("free some space"));
    assert_eq!(record(&store), b"old");
    assert_eq!(names(&store), ["session", "session.lock"]);
}

#[cfg(unix)]
mod on_unix {
    use std::os::unix::fs::{PermissionsExt as _, symlink};
    use std::os::unix::process::CommandExt as _;

    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    fn set_mode(path: &Path, mode: u32) {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn only_the_user_reads_any_of_the_files_even_those_that_were_open_to_all() {
        let (_home, store) = fresh();
        saved(&store, b"a", &Expected::Absent);
        set_mode(store.path(), 0o644);
        saved(&store, b"b", &Expected::Anything);
        assert_eq!(mode(store.path()), 0o600);
        fs::write(store.path(), b"").unwrap();
        set_mode(store.path(), 0o644);
        assert!(is_damaged(&store));
        for name in names(&store) {
            assert_eq!(mode(&store.path().with_file_name(&name)), 0o600, "{name}");
        }
    }

    #[test]
    fn a_link_is_written_through_and_shares_the_identity() {
        let (home, store) = fresh();
        let link = home.path().join("link");
        symlink("session", &link).unwrap();
        let linked = FileStore::new(&link);
        assert_eq!(linked.identity(), store.identity());
        saved(&linked, b"a", &Expected::Absent);
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(record(&store), b"a");
    }

    // spec 7.8
    #[test]
    fn a_lock_that_is_a_link_or_has_a_second_name_is_refused_and_its_target_untouched() {
        let (home, store) = fresh();
        let target = home.path().join("bashrc");
        fs::write(&target, b"").unwrap();
        for link in
            [|from: &Path, to: &Path| symlink(from, to), |from: &Path, to: &Path| fs::hard_link(from, to)]
        {
            link(&target, &store.inner.paths(DEFAULT_KEY).lock()).unwrap();
            let error = save(&store, SENTINEL, &Expected::Absent).unwrap_err();
            assert!(error.reason.contains("link") && error.reason.contains("remove "), "{error}");
            assert_eq!(fs::read(&target).unwrap(), b"");
            fs::remove_file(store.inner.paths(DEFAULT_KEY).lock()).unwrap();
        }
        saved(&store, b"a", &Expected::Absent);
    }

    // spec 7.8
    #[test]
    fn a_marker_or_an_owners_file_that_is_a_link_is_not_followed() {
        let (home, store) = fresh();
        saved(&store, b"a", &Expected::Absent);
        fs::remove_file(store.path()).unwrap();
        symlink("/dev/zero", store.inner.paths(DEFAULT_KEY).marker()).unwrap();
        assert!(load(&store).unwrap_err().reason.contains("symbolic link"));
        fs::remove_file(store.inner.paths(DEFAULT_KEY).marker()).unwrap();
        let target = home.path().join("bashrc");
        symlink(&target, store.inner.paths(DEFAULT_KEY).owner("a1")).unwrap();
        wait(store.announce(DEFAULT_KEY, "a1"));
        assert!(!target.exists());
        assert_eq!(wait(store.owner(DEFAULT_KEY, "a1")), Owner::Unknown);
    }

    // spec 7.8
    #[test]
    fn a_record_that_others_may_write_is_refused_with_a_word_on_what_to_do() {
        let (_home, store) = fresh();
        saved(&store, b"a", &Expected::Absent);
        for open in [0o620, 0o602, 0o666] {
            set_mode(store.path(), open);
            for error in [load(&store).unwrap_err(), save(&store, b"b", &Expected::Anything).unwrap_err()] {
                assert!(!error.damaged && error.reason.contains("chmod 600"), "{error}");
            }
        }
        set_mode(store.path(), 0o644);
        assert_eq!(record(&store), b"a");
    }

    fn is_root() -> bool {
        rustix::process::geteuid().is_root()
    }

    // spec 7.8
    #[test]
    fn a_record_of_another_user_is_refused_even_by_root_and_stays_theirs() {
        let (home, store) = fresh();
        if !is_root() {
            return;
        }
        saved(&store, b"a", &Expected::Absent);
        std::os::unix::fs::chown(store.path(), Some(65534), None).unwrap();
        fs::remove_file(store.inner.paths(DEFAULT_KEY).lock()).unwrap();
        for error in [load(&store).unwrap_err(), save(&store, b"b", &Expected::Anything).unwrap_err()] {
            assert!(error.reason.contains("id 65534") && error.reason.contains("chown 0"), "{error}");
        }
        assert_eq!(names(&store), ["session"]);
        // Nor does root create in another user's folder what that user could not use.
        fs::remove_file(store.path()).unwrap();
        std::os::unix::fs::chown(home.path(), Some(65534), None).unwrap();
        let error = save(&store, SENTINEL, &Expected::Absent).unwrap_err();
        assert!(error.reason.contains("run this as that user"), "{error}");
        assert_eq!(names(&store), Vec::<String>::new());
    }

    // spec 7.8
    #[test]
    fn what_root_left_to_a_user_says_chown() {
        let (home, store) = fresh();
        if !is_root() {
            return;
        }
        saved(&store, b"a", &Expected::Absent);
        std::os::unix::fs::chown(home.path(), Some(65534), Some(65534)).unwrap();
        assert!(unprivileged("belongs-to-another", &store));
    }

    // spec 7.9
    #[test]
    fn a_file_that_is_mounted_by_itself_is_written_in_place() {
        use std::os::unix::fs::MetadataExt as _;
        let (_home, store) = fresh();
        fs::write(store.path(), b"").unwrap();
        private(store.path());
        let inode = fs::metadata(store.path()).unwrap().ino();
        MOUNTED.lock().push(store.path().to_owned());
        let longer = saved(&store, b"a longer record", &Expected::Absent);
        saved(&store, b"short", &Expected::Version(longer));
        assert_eq!(record(&FileStore::new(store.path())), b"short");
        assert_eq!(fs::metadata(store.path()).unwrap().ino(), inode);
        assert_eq!(names(&store), ["session", "session.lock"]);
    }

    // spec 7.9
    #[test]
    fn a_torn_write_in_place_reads_as_damaged_until_a_sign_in() {
        let (_home, store) = fresh();
        saved(&store, b"old-old-old", &Expected::Absent);
        MOUNTED.lock().push(store.path().to_owned());
        let old = fs::read(store.path()).unwrap();
        saved(&store, b"new", &Expected::Anything);
        let new = fs::read(store.path()).unwrap();
        for torn in 1..new.len() {
            let mixed = [&new[..torn], &old[torn..]].concat();
            fs::write(store.path(), &mixed).unwrap();
            assert!(is_damaged(&store) || record(&store) == b"old-old-old", "torn at {torn}");
        }
        saved(&store, b"next", &Expected::Anything);
        assert_eq!(record(&store), b"next");
        assert!(fs::read(store.inner.paths(DEFAULT_KEY).record.with_file_name("session.damaged-1")).is_ok());
    }

    /// Root may write everywhere, so the child is somebody else.
    fn unprivileged(role: &str, store: &FileStore) -> bool {
        let mut command = child(role, store.path(), 0);
        if fs::metadata("/proc/self").is_ok_and(|me| std::os::unix::fs::MetadataExt::uid(&me) == 0) {
            command.uid(65534).gid(65534);
        }
        command.output().unwrap().status.success()
    }

    #[test]
    fn a_folder_that_cannot_be_written_is_unavailable_with_a_word_on_what_to_do() {
        let (home, store) = fresh();
        set_mode(home.path(), 0o555);
        assert!(unprivileged("cannot-write", &store));
        set_mode(home.path(), 0o755);
    }

    #[test]
    fn a_file_that_cannot_be_read_is_unavailable_and_not_absent() {
        let (home, store) = fresh();
        saved(&store, b"a", &Expected::Absent);
        set_mode(store.path(), 0o000);
        if is_root() {
            // Else it would be refused as root's, whatever its mode.
            std::os::unix::fs::chown(store.path(), Some(65534), None).unwrap();
        }
        set_mode(home.path(), 0o555);
        assert!(unprivileged("cannot-read", &store));
        set_mode(home.path(), 0o000);
        assert!(unprivileged("cannot-read", &store));
        set_mode(home.path(), 0o755);
    }
}

// --- Owners.

#[test]
fn an_owner_is_alive_until_its_process_is_killed() {
    let (_home, store) = fresh();
    assert_eq!(wait(store.owner(DEFAULT_KEY, "a1")), Owner::Unknown);
    let mut child = child("announce", store.path(), 0).spawn().unwrap();
    assert_eq!(acknowledged(&mut child, 1), 1);
    assert_eq!(wait(store.owner(DEFAULT_KEY, "a1")), Owner::Alive);
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(wait(store.owner(DEFAULT_KEY, "a1")), Owner::Dead);
}

#[test]
fn an_owner_that_retired_is_unknown() {
    let (_home, store) = fresh();
    wait(store.announce(DEFAULT_KEY, "b1"));
    assert_eq!(wait(FileStore::new(store.path()).owner(DEFAULT_KEY, "b1")), Owner::Alive);
    wait(store.retire(DEFAULT_KEY, "b1"));
    assert_eq!(wait(store.owner(DEFAULT_KEY, "b1")), Owner::Unknown);
}

// --- Fork, and what is told.

#[test]
fn nothing_is_locked_while_a_fork_is_held_for() {
    let (_home, store) = fresh();
    crate::fork::before();
    std::thread::scope(|scope| {
        let save = scope.spawn(|| saved(&store, b"a", &Expected::Absent));
        assert_eq!(load(&store).unwrap(), Loaded::Absent);
        crate::fork::after_in_parent();
        save.join().unwrap();
    });
}

#[test]
fn debug_shows_the_path_and_no_record() {
    let (_home, store) = fresh();
    saved(&store, SENTINEL, &Expected::Absent);
    let shown = format!("{store:?} {:?}", load(&store));
    assert!(shown.contains("session") && !shown.contains("SENTINEL") && !shown.contains("83, 69"), "{shown}");
}

// spec 7.1, 7.7
#[test]
fn a_folder_has_a_file_for_each_key() {
    let home = tempfile::tempdir().unwrap();
    let (store, again) = (FileStore::folder(home.path().join("s")), FileStore::folder(home.path().join("s")));
    assert_eq!(store.identity(), again.identity());
    for key in ["ada", "Ada", "../bob"] {
        wait(store.save(key, Bytes::copy_from_slice(key.as_bytes()), &Expected::Absent)).unwrap();
    }
    for key in ["ada", "Ada", "../bob"] {
        let Loaded::Present(record, _) = wait(again.load(key)).unwrap() else { panic!("absent") };
        assert_eq!(record, key);
    }
    assert_eq!(wait(again.load("eve")).unwrap(), Loaded::Absent);
    let files = fs::read_dir(home.path().join("s")).unwrap().flatten().map(|file| file.file_name());
    let mut records: Vec<_> = files.filter(|name| name.to_str().unwrap().ends_with(".json")).collect();
    records.sort();
    assert_eq!(records, ["=2e=2e=2fbob.json", "=41da.json", "ada.json"]);
    assert_eq!(fs::read_dir(home.path()).unwrap().count(), 1);
}

// spec 7.4
#[test]
fn an_owner_is_one_of_its_key() {
    let home = tempfile::tempdir().unwrap();
    let store = FileStore::folder(home.path());
    wait(store.announce("ada", "a1"));
    assert_eq!(wait(store.owner("ada", "a1")), Owner::Alive);
    assert_eq!(wait(store.owner("bob", "a1")), Owner::Unknown);
    wait(store.retire("ada", "a1"));
}

#[test]
fn versions_of_keys_that_were_not_used_for_long_are_forgotten() {
    let mut seen = Seen::default();
    let version = |n: usize| Version::new(n.to_string());
    for n in 0..3 * MOST_SEEN {
        seen.insert(&n.to_string(), &version(n));
        seen.insert("often", &version(n));
    }
    assert!(seen.newer.len() + seen.older.len() <= 2 * MOST_SEEN);
    assert_eq!(seen.get("often"), Some(version(3 * MOST_SEEN - 1)));
    assert_eq!(seen.get("0"), None);
}
