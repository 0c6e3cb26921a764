//! Which database a test is about.

use std::path::Path;

/// A database that the registry can be stored in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Backend {
    /// A file.
    Sqlite,
    /// A server: the one of `scripts/databases`.
    Postgres,
}

impl Backend {
    /// The database of this test target: PostgreSQL when the target's name ends in `_postgres`,
    /// otherwise SQLite.
    ///
    /// The same tests are compiled as two targets. Nothing runs before a test that could tell it
    /// which of them it is in, but the name of its executable does. A target of PostgreSQL asserts
    /// it once, so that a rename cannot leave that database without tests.
    ///
    /// # Panics
    ///
    /// When the executable has no name.
    #[must_use]
    pub fn of_this_target() -> Self {
        let test = std::env::current_exe().expect("the path of the test");
        // TARGET-HASH
        let name = test.file_stem().and_then(|name| Path::new(name).to_str()).expect("a name");
        match name.split('-').next().is_some_and(|target| target.ends_with("_postgres")) {
            true => Self::Postgres,
            false => Self::Sqlite,
        }
    }
}

/// Makes two tests of each function of a [`Backend`]: `NAME::sqlite` and `NAME::postgres`.
#[macro_export]
macro_rules! on_both_databases {
    ($($case:ident),* $(,)?) => {
        $(
            mod $case {
                #[test]
                fn sqlite() {
                    super::$case($crate::Backend::Sqlite);
                }

                #[test]
                fn postgres() {
                    super::$case($crate::Backend::Postgres);
                }
            }
        )*
    };
}
