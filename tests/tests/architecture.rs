//! The architecture as a check: who depends on whom, who opens connections, what no test may do.

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, Package};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// What each crate of the workspace may depend on, of our own. Tests of all of them may use the
/// testkit too.
const EDGES: [(&str, &[&str]); 10] = [
    ("datastore-domain", &[]),
    ("datastore-ports", &["datastore-domain"]),
    ("datastore-application", &["datastore-domain", "datastore-ports"]),
    ("datastore-persistence", &["datastore-domain", "datastore-ports"]),
    ("datastore-crypto", &["datastore-domain", "datastore-ports"]),
    ("datastore-connectivity", &["datastore-domain", "datastore-ports"]),
    ("datastore-http", &["datastore-application", "datastore-domain"]),
    (
        "datastore-api",
        &[
            "datastore-application",
            "datastore-connectivity",
            "datastore-crypto",
            "datastore-domain",
            "datastore-http",
            "datastore-persistence",
            "datastore-ports",
        ],
    ),
    ("datastore-testkit", &["datastore-domain", "datastore-ports"]),
    ("datastore-tests", &["datastore-api", "datastore-http", "datastore-testkit"]),
];

const TESTKIT: &str = "datastore-testkit";

fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().expect("the workspace")
}

fn metadata() -> Metadata {
    let manifest = workspace().join("Cargo.toml");
    let mut command = MetadataCommand::new();
    let command = command.manifest_path(manifest).no_deps();
    command.other_options(["--offline".to_owned()]).exec().expect("cargo metadata works")
}

/// Our own crates that `package` depends on for what `kind` says.
fn own(package: &Package, kind: DependencyKind) -> Vec<&str> {
    let ours = package.dependencies.iter().filter(|d| d.kind == kind);
    ours.map(|d| d.name.as_str()).filter(|name| name.starts_with("datastore-")).collect()
}

#[test]
fn dependencies_point_inwards() {
    let metadata = metadata();
    let allowed: BTreeMap<_, _> = EDGES.into_iter().collect();
    let packages = metadata.workspace_packages();
    let mut names: Vec<_> = packages.iter().map(|p| p.name.as_str()).collect();
    names.sort_unstable();
    assert_eq!(names, allowed.keys().copied().collect::<Vec<_>>(), "crates and the list differ");
    for package in packages {
        let allowed = allowed[package.name.as_str()];
        for dependency in own(package, DependencyKind::Normal) {
            assert!(
                allowed.contains(&dependency),
                "{} must not depend on {dependency}",
                package.name
            );
            let for_tests = package.name.as_str() == "datastore-tests";
            assert!(dependency != TESTKIT || for_tests, "{TESTKIT} is for tests only");
        }
        for dependency in own(package, DependencyKind::Development) {
            // A crate may name itself, to switch on a feature in its tests.
            let fits = allowed.contains(&dependency)
                || dependency == TESTKIT
                || dependency == package.name.as_str();
            assert!(fits, "tests of {} must not depend on {dependency}", package.name);
        }
        assert!(own(package, DependencyKind::Build).is_empty(), "{}", package.name);
    }
}

#[test]
fn every_crate_follows_the_lints_of_the_workspace() {
    for package in metadata().workspace_packages() {
        let manifest = std::fs::read_to_string(&package.manifest_path).expect("a manifest");
        let lines: Vec<_> = manifest.lines().map(str::trim).collect();
        let follows = lines.windows(2).any(|pair| pair == ["[lints]", "workspace = true"]);
        assert!(follows, "{}: [lints] workspace = true is missing", package.manifest_path);
    }
}

/// Rust sources below `folder`.
fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("a folder of the workspace") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// Lines of the sources below `folder` that hold one of `words`, as `file:line`.
fn lines_with(folder: &Path, words: &[String]) -> Vec<String> {
    let mut files = Vec::new();
    sources(folder, &mut files);
    assert!(!files.is_empty(), "no sources below {}", folder.display());
    let mut found = Vec::new();
    for file in files {
        let text = std::fs::read_to_string(&file).expect("a source");
        for (number, line) in text.lines().enumerate() {
            if words.iter().any(|word| line.contains(word)) {
                let file = file.strip_prefix(workspace()).unwrap_or(&file);
                found.push(format!("{}:{}: {}", file.display(), number + 1, line.trim()));
            }
        }
    }
    found
}

/// Whether a line stands in a test or a benchmark, which may play a client.
fn is_test(place: &str) -> bool {
    let file = place.split(':').next().expect("a file");
    if file.contains("/tests/") || file.ends_with("/tests.rs") || file.contains("/benches/") {
        return true;
    }
    if file.starts_with("crates/testkit/") {
        return true;
    }
    let text = std::fs::read_to_string(workspace().join(file)).expect("a source");
    let number: usize = place.split(':').nth(1).and_then(|n| n.parse().ok()).expect("a line");
    text.lines().take(number).any(|line| line.trim() == "#[cfg(test)]")
}

#[test]
fn t01_connections_are_opened_by_the_door_alone() {
    let words = [
        "TcpStream::connect",
        "TcpSocket",
        "UdpSocket",
        "UnixStream",
        "UnixDatagram",
        "lookup_host",
        "to_socket_addrs",
        "ToSocketAddrs",
        "::connect_timeout(",
        ".connect_timeout(",
        "getaddrinfo",
        "Socket::new",
        "socket2",
    ];
    let found = lines_with(&workspace().join("crates"), &words.map(str::to_owned));
    let outside: Vec<_> = found
        .iter()
        .filter(|place| !place.starts_with("crates/connectivity/src/door"))
        // The registry's own PostgreSQL is no target of probes.
        .filter(|place| !place.starts_with("crates/persistence/src/postgres/connect.rs"))
        // A filter on the listener opens nothing.
        .filter(|place| !place.ends_with(" use socket2::{SockFilter, SockRef};"))
        .filter(|place| !place.split(": ").nth(1).is_some_and(|line| line.starts_with("//")))
        .filter(|place| !is_test(place))
        .collect();
    assert!(outside.is_empty(), "outside the door: {outside:#?}");
    assert!(found.len() > outside.len(), "the door itself was not found");
}

#[test]
fn no_test_is_switched_off() {
    // Put together here, so that this file does not find itself.
    let words = ["ignore]", "ignore ="].map(|rest| format!("#[{rest}"));
    for folder in ["crates", "tests"] {
        let found = lines_with(&workspace().join(folder), &words);
        assert!(found.is_empty(), "{found:#?}");
    }
}

#[test]
fn files_stay_below_400_lines() {
    let mut files = Vec::new();
    for folder in ["crates", "tests"] {
        sources(&workspace().join(folder), &mut files);
    }
    let length = |file: &PathBuf| std::fs::read_to_string(file).expect("a source").lines().count();
    let long: Vec<_> = files.iter().filter(|file| length(file) >= 400).collect();
    assert!(long.is_empty(), "{long:#?}");
}
