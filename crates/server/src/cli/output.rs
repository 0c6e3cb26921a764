//! Lists for people and for programs.

use clap::ValueEnum;
use serde::Serialize;

/// The form of a list.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum OutputFormat {
    /// Columns, for people.
    Table,
    /// A JSON array, for programs.
    Json,
}

/// One row of a list.
pub(super) trait Row: Serialize {
    /// The columns' titles.
    const TITLES: &'static [&'static str];

    /// The columns.
    fn columns(&self) -> Vec<String>;
}

/// All rows as text with a line break at its end.
pub(super) fn render<R: Row>(rows: &[R], format: OutputFormat) -> String {
    match format {
        OutputFormat::Json => {
            let text = serde_json::to_string_pretty(rows).expect("rows are plain data");
            format!("{text}\n")
        }
        OutputFormat::Table => table(rows),
    }
}

fn table<R: Row>(rows: &[R]) -> String {
    let titles = R::TITLES.iter().map(|title| (*title).to_owned()).collect();
    let lines: Vec<Vec<String>> =
        std::iter::once(titles).chain(rows.iter().map(Row::columns)).collect();
    let width = |column: usize| lines.iter().map(|line| line[column].chars().count()).max();
    let widths: Vec<_> = (0..R::TITLES.len()).map(|c| width(c).unwrap_or_default()).collect();
    let mut text = String::new();
    for line in &lines {
        let cells = line.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}"));
        text.push_str(cells.collect::<Vec<_>>().join("  ").trim_end());
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Serialize)]
    struct Pair(&'static str, u32);

    impl Row for Pair {
        const TITLES: &'static [&'static str] = &["NAME", "N"];

        fn columns(&self) -> Vec<String> {
            vec![self.0.to_owned(), self.1.to_string()]
        }
    }

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let rows = [Pair("größer", 1), Pair("x", 20)];
        assert_eq!(render(&rows, OutputFormat::Table), "NAME    N\ngrößer  1\nx       20\n");
        assert_eq!(render::<Pair>(&[], OutputFormat::Table), "NAME  N\n");
        assert_eq!(render::<Pair>(&[], OutputFormat::Json), "[]\n");
    }
}
