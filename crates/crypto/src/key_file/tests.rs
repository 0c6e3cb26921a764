use super::*;
use std::error::Error;
use std::ffi::OsString;
use std::fs::Permissions;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};
use std::os::unix::net::UnixListener;
use std::sync::Barrier;
use std::time::{Duration, Instant};
use tempfile::TempDir;

const LINE: &str = "k1:q83vEjRWeJCrze8SNFZ4kKvN7xI0VniQq83vEjRWeJA=\n";

fn folder() -> TempDir {
    tempfile::tempdir().unwrap()
}

/// A file of exactly this mode, whatever the umask.
fn file(folder: &TempDir, content: impl AsRef<[u8]>, mode: u32) -> PathBuf {
    let path = folder.path().join("keys");
    fs::write(&path, content).unwrap();
    fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
    path
}

fn names_in(folder: &TempDir) -> Vec<OsString> {
    let mut names: Vec<_> =
        fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    names
}

/// Loading fails with a message of one line that names the file and holds nothing of its content.
#[track_caller]
fn refused(path: &Path, allow_group_read: bool) -> KeyFileError {
    let error = load(path, allow_group_read).unwrap_err();
    let source = error.source().map(ToString::to_string).unwrap_or_default();
    let message = format!("{error}: {source}");
    assert!(message.contains(&*path.to_string_lossy()), "{message}");
    assert!(message.contains(';') && !message.contains('\n'), "{message}");
    assert!(!format!("{message} {error:?}").contains("q83v"), "{message}");
    error
}

#[test]
fn t44_modes() {
    // mode, accepted, accepted with group read
    let table = [
        (0o600, true, true),
        (0o400, true, true),
        (0o700, true, true),
        (0o640, false, true),
        (0o440, false, true),
        (0o620, false, false),
        (0o610, false, false),
        (0o660, false, false),
        (0o604, false, false),
        (0o602, false, false),
        (0o601, false, false),
        (0o644, false, false),
        (0o444, false, false),
        (0o777, false, false),
    ];
    let folder = folder();
    for (mode, alone, with_group) in table {
        let path = file(&folder, LINE, mode);
        for (allow_group_read, accepted, widest) in
            [(false, alone, 0o600), (true, with_group, 0o640)]
        {
            if accepted {
                let ring = load(&path, allow_group_read).unwrap();
                assert_eq!(ring.sealing_id().as_str(), "k1");
            } else {
                let KeyFileError::TooOpen { mode: found, allowed, .. } =
                    refused(&path, allow_group_read)
                else {
                    panic!("mode {mode:o}")
                };
                assert_eq!((found, allowed), (mode, widest));
            }
        }
        fs::remove_file(&path).unwrap();
    }
    let message = refused(&file(&folder, LINE, 0o644), false).to_string();
    assert!(message.contains("mode 0644") && message.contains("`chmod 0600`"), "{message}");
}

#[test]
fn t44_owners() {
    let judge =
        |owner, us| Found { regular: true, owner, mode: 0o600 }.judge(Path::new("k"), true, us);
    assert!(judge(0, 0).is_ok());
    assert!(judge(0, 1000).is_ok());
    assert!(judge(1000, 1000).is_ok());
    assert!(matches!(judge(1000, 0), Err(KeyFileError::ForeignOwner { owner: 1000, us: 0, .. })));
    assert!(judge(1001, 1000).is_err());

    // The same with a real file: root gives it away, anybody else takes on another id.
    let folder = folder();
    let path = file(&folder, LINE, 0o600);
    if rustix::process::geteuid().is_root() {
        chown(&path, Some(4242), None).unwrap();
    }
    let owner = fs::metadata(&path).unwrap().uid();
    assert!(load_as(&path, false, owner).is_ok());
    let error = load_as(&path, false, owner + 1).unwrap_err();
    assert!(matches!(error, KeyFileError::ForeignOwner { .. }), "{error}");
}

#[test]
fn t44_what_is_not_a_regular_file() {
    let folder = folder();
    let missing = folder.path().join("missing");
    assert!(matches!(refused(&missing, false), KeyFileError::Missing { .. }));
    assert!(matches!(refused(folder.path(), false), KeyFileError::NotAFile { .. }));
    assert!(matches!(refused(Path::new("/dev/null"), false), KeyFileError::NotAFile { .. }));

    let socket = folder.path().join("socket");
    let _listener = UnixListener::bind(&socket).unwrap();
    assert!(matches!(refused(&socket, false), KeyFileError::Unreadable { .. }));

    let pipe = folder.path().join("pipe");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status().unwrap();
    assert!(made.success());
    let start = Instant::now();
    assert!(matches!(refused(&pipe, false), KeyFileError::NotAFile { .. }));
    assert!(start.elapsed() < Duration::from_secs(1), "it waited for a writer");
}

#[test]
fn t44_a_link_is_judged_by_what_it_leads_to() {
    let folder = folder();
    let link = folder.path().join("link");
    symlink("keys", &link).unwrap();
    assert!(matches!(refused(&link, false), KeyFileError::Missing { .. }));
    let target = file(&folder, LINE, 0o600);
    assert!(load(&link, false).is_ok());
    fs::set_permissions(&target, Permissions::from_mode(0o644)).unwrap();
    assert!(matches!(refused(&link, false), KeyFileError::TooOpen { .. }));
    fs::remove_file(&target).unwrap();
    fs::create_dir(&target).unwrap();
    assert!(matches!(refused(&link, false), KeyFileError::NotAFile { .. }));
}

#[test]
fn t44_content() {
    let folder = folder();
    let ring = |content: &str| refused(&file(&folder, content, 0o600), false);
    assert!(matches!(ring(""), KeyFileError::Ring { source: KeyRingError::Empty, .. }));
    let twice = format!("{LINE}{LINE}");
    let repeated = ring(&twice);
    assert!(
        matches!(repeated, KeyFileError::Ring { source: KeyRingError::RepeatedId { .. }, .. }),
        "{repeated}"
    );
    let short = ring(&LINE.replace("q83v", ""));
    assert!(
        matches!(short, KeyFileError::Ring { source: KeyRingError::BadKey { .. }, .. }),
        "{short}"
    );

    let long = format!("{LINE}#{}", "x".repeat(MAX_LENGTH - LINE.len() - 1));
    assert!(load(&file(&folder, &long, 0o600), false).is_ok());
    assert!(matches!(ring(&format!("{long}x")), KeyFileError::TooLong { .. }));
    let not_text = file(&folder, [LINE.as_bytes(), b"\xFF\n"].concat(), 0o600);
    assert!(matches!(refused(&not_text, false), KeyFileError::NotText { .. }));
}

#[test]
fn what_was_created_loads() {
    let folder = folder();
    let path = folder.path().join("keys");
    let made = create(&path).unwrap();
    let loaded = load(&path, false).unwrap();
    assert_eq!(loaded.sealing_id(), made.sealing_id());
    assert_eq!(loaded.sealing().1.as_bytes(), made.sealing().1.as_bytes());
    assert_eq!(loaded.ids().count(), 1);
    assert_eq!(names_in(&folder), ["keys"]);
    assert_eq!(fs::metadata(&path).unwrap().nlink(), 1);
    assert_eq!(fs::read_to_string(&path).unwrap().lines().count(), 1);
}

/// The umask belongs to the whole process, so each one is tried in a process of its own.
#[test]
fn t23_a_new_key_file_has_mode_0600_whatever_the_umask() {
    const CHILD: &str = "TEST_CREATE_KEY_FILE_HERE";
    #[expect(clippy::disallowed_methods, reason = "tells the child process of this test")]
    if std::env::var_os(CHILD).is_some() {
        create(Path::new("keys")).unwrap();
        return;
    }
    for umask in ["000", "022", "077", "277"] {
        let folder = folder();
        let script = format!("umask {umask}; exec \"$0\" --exact \"$1\"");
        let ran = std::process::Command::new("sh")
            .args(["-c", &script])
            .arg(std::env::current_exe().unwrap())
            .arg("key_file::tests::t23_a_new_key_file_has_mode_0600_whatever_the_umask")
            .env(CHILD, "1")
            .current_dir(folder.path())
            .output()
            .unwrap();
        assert!(ran.status.success(), "{ran:?}");
        let mode = fs::metadata(folder.path().join("keys")).unwrap().mode();
        assert_eq!(mode & 0o7777, 0o600, "umask {umask}");
        assert_eq!(names_in(&folder), ["keys"]);
    }
}

#[test]
fn create_never_overwrites() {
    let folder = folder();
    let path = file(&folder, "precious", 0o644);
    assert!(matches!(create(&path), Err(KeyFileError::Exists { .. })));
    assert_eq!(fs::read_to_string(&path).unwrap(), "precious");
    assert_eq!(fs::metadata(&path).unwrap().mode() & 0o7777, 0o644);

    // Past the short cut, the link decides.
    let draft = Draft::beside(&path).unwrap();
    draft.write("k9").unwrap();
    assert_eq!(draft.publish(&path).unwrap_err().kind(), io::ErrorKind::AlreadyExists);
    drop(draft);
    assert_eq!(fs::read_to_string(&path).unwrap(), "precious");

    let dangling = folder.path().join("dangling");
    symlink("nowhere", &dangling).unwrap();
    assert!(matches!(create(&dangling), Err(KeyFileError::Exists { .. })));
    assert!(matches!(create(folder.path()), Err(KeyFileError::Exists { .. })));
    assert_eq!(names_in(&folder), ["dangling", "keys"]);
}

#[test]
fn create_in_a_missing_folder_leaves_nothing() {
    let folder = folder();
    let error = create(&folder.path().join("none").join("keys")).unwrap_err();
    assert!(matches!(error, KeyFileError::Unwritable { .. }), "{error}");
    assert!(names_in(&folder).is_empty());
}

#[test]
fn of_several_that_create_at_once_one_succeeds_and_all_load_its_key() {
    let folder = folder();
    let path = folder.path().join("keys");
    let barrier = Barrier::new(8);
    let ids: Vec<(bool, KeyId)> = std::thread::scope(|scope| {
        let one = || {
            barrier.wait();
            let made = create(&path);
            assert!(matches!(made, Ok(_) | Err(KeyFileError::Exists { .. })));
            (made.is_ok(), load(&path, false).unwrap().sealing_id().clone())
        };
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(one)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(ids.iter().filter(|(made, _)| *made).count(), 1);
    assert!(ids.iter().all(|(_, id)| *id == ids[0].1));
    assert_eq!(names_in(&folder), ["keys"]);
}
