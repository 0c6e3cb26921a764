//! Whether the history tells how every datastore came to be as it is.

use crate::model::Writer;
use datastore_tests::{Client, DATASTORES, Database};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// What the entries of one datastore add up to.
#[derive(Default)]
struct Told {
    version: i64,
    deleted: bool,
    members: Map<String, Value>,
    datasets: BTreeSet<String>,
}

impl Told {
    /// Takes in one entry, which has to follow from those before it.
    #[track_caller]
    fn follow(&mut self, action: &str, version: Option<i64>, changes: &Value) {
        if let Some(version) = version {
            assert_eq!(version, self.version + 1, "{action}: a gap between versions");
            self.version = version;
        }
        assert!(!self.deleted, "{action} after the deletion");
        self.deleted = action == "delete";
        for (member, change) in changes.as_object().expect("an object") {
            if change == "changed" {
                continue;
            }
            let (from, to) = (&change["from"], &change["to"]);
            if member == "dataset_id" {
                let follows = match action {
                    "assign" => self.datasets.insert(to.as_str().expect("an id").to_owned()),
                    "release" => self.datasets.remove(from.as_str().expect("an id")),
                    _ => from == to && self.datasets.contains(from.as_str().expect("an id")),
                };
                assert!(follows, "{action} {change}");
                continue;
            }
            let before = self.members.insert(member.clone(), to.clone()).unwrap_or(Value::Null);
            assert_eq!(before, *from, "{member}: {action} changed something else");
        }
    }
}

/// Insists that every version has one entry, that each entry follows from the one before, and that
/// together they tell what is stored.
#[track_caller]
pub(crate) fn assert_tells_what_is_stored(database: &mut Database, admin: &Client) {
    let mut told: BTreeMap<i64, Told> = BTreeMap::new();
    let query = "SELECT CAST(datastore_id AS TEXT) || ' ' || action || ' ' || \
                 coalesce(CAST(version AS TEXT), '-') || ' ' || changes AS value FROM history \
                 WHERE datastore_id IS NOT NULL AND action <> 'connection_test' ORDER BY id";
    for line in database.lines(query) {
        let parts: Vec<_> = line.splitn(4, ' ').collect();
        let id = parts[0].parse().expect("a number");
        let changes = serde_json::from_str(parts[3]).expect("changes are JSON");
        told.entry(id).or_default().follow(parts[1], parts[2].parse().ok(), &changes);
    }
    let rows = database.lines(
        "SELECT CAST(id AS TEXT) || ' ' || CAST(version AS TEXT) || ' ' || \
         CASE WHEN deleted_at IS NULL THEN 'living' ELSE 'deleted' END AS value \
         FROM datastores ORDER BY id",
    );
    let state = |told: &Told| if told.deleted { "deleted" } else { "living" };
    let expected = told.iter().map(|(id, told)| format!("{id} {} {}", told.version, state(told)));
    assert_eq!(rows, expected.collect::<Vec<_>>(), "rows and their last versions");
    let assigned = database.lines(
        "SELECT CAST(datastore_id AS TEXT) || ' ' || dataset_id AS value FROM assignments \
         WHERE released_at IS NULL",
    );
    let expected = told
        .iter()
        .flat_map(|(id, told)| told.datasets.iter().map(move |dataset| format!("{id} {dataset}")));
    assert_eq!(assigned.into_iter().collect::<BTreeSet<_>>(), expected.collect());
    let living = living(admin);
    assert_eq!(living.len(), told.values().filter(|told| !told.deleted).count());
    for row in living {
        let members = &told[&row["id"].as_i64().expect("an id")].members;
        let open = without_the_untold(&row);
        for (member, value) in &open {
            assert_eq!(members.get(member).unwrap_or(&Value::Null), value, "{member} of {row}");
        }
    }
}

/// Members that the history tells by their values.
fn without_the_untold(row: &Value) -> Map<String, Value> {
    let mut members = row.as_object().expect("an object").clone();
    for member in ["id", "created_at", "updated_at", "password", "connection_string"] {
        members.remove(member);
    }
    members
}

/// All living datastores, as an admin sees them.
pub(crate) fn living(admin: &Client) -> Vec<Value> {
    let mut rows = Vec::new();
    for page in 1.. {
        let target = format!("{DATASTORES}?ordering=created_at&page_size=500&page={page}");
        let page = admin.get(&target).expect(200).json();
        rows.extend(page["results"].as_array().expect("rows").iter().cloned());
        if page["next"].is_null() {
            break;
        }
    }
    rows
}

/// Insists that the secrets of datastores whose target is closed can be opened: a test of them gets
/// as far as that.
#[track_caller]
pub(crate) fn assert_secrets_open<'a>(admin: &Client, paths: impl Iterator<Item = &'a str>) {
    let mut connection = admin.keep_alive();
    for path in paths {
        let test = admin.request("POST", &format!("{path}test-connection/")).json(&json!({}));
        let answer = connection.send(&test).expect("an answer").expect(200);
        assert_eq!(answer.json()["error"]["code"], "connection_refused", "{path}");
    }
}

/// Looks at everything that `writers` wrote, in the server's answers and behind its back. `opened`
/// says up to where the secrets of each were opened before.
#[track_caller]
pub(crate) fn assert_whole(
    database: &mut Database,
    admin: &Client,
    writers: &mut [Writer],
    opened: &mut [usize],
) {
    for (writer, opened) in writers.iter_mut().zip(opened) {
        writer.verify_all();
        let new = writer.rows[*opened..].iter().filter(|row| !row.deleted);
        assert_secrets_open(admin, new.map(|row| row.path.as_str()));
        *opened = writer.rows.len();
    }
    assert_tells_what_is_stored(database, admin);
    database.assert_integrity();
}
