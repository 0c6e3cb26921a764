//! What is in a folder, to see later whether anything was changed.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// Mode, time of change and bytes of a file; of a folder its mode.
pub type Entry = (u32, Option<SystemTime>, Vec<u8>);

/// Everything below `folder`. Left out is what SQLite keeps beside a database that is open, which
/// holds no data once nobody writes: when a process ends, its last connection may not have been
/// closed yet.
///
/// # Panics
///
/// When something cannot be read.
#[must_use]
pub fn snapshot(folder: &Path) -> BTreeMap<PathBuf, Entry> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        let metadata = fs::symlink_metadata(&path).expect("metadata");
        let name = path.to_string_lossy();
        if name.ends_with("-shm") || name.ends_with("-wal") && metadata.len() == 0 {
            continue;
        }
        let entry = if metadata.is_dir() {
            found.append(&mut snapshot(&path));
            (metadata.mode(), None, Vec::new())
        } else {
            let bytes = fs::read(&path).expect("readable");
            (metadata.mode(), metadata.modified().ok(), bytes)
        };
        found.insert(path, entry);
    }
    found
}
