//! Kills in the middle of writing: how many there are, and at which moments.

use crate::model::{Outcome, Writer};
use std::sync::mpsc;

pub(crate) const WRITERS: usize = 8;
pub(crate) const KILLS: usize = 100;
/// How often everything is looked at, and not just what was lately written.
pub(crate) const DEEP: usize = 20;

/// All write, and something is killed in the middle, each round at another moment; every write that
/// is cut off has to end as `expected`.
pub(crate) fn kill_in_the_middle(
    writers: &mut [Writer],
    round: usize,
    expected: Outcome,
    kill: impl FnOnce(),
) {
    let (told, moments) = mpsc::channel();
    std::thread::scope(|scope| {
        for writer in writers {
            let told = told.clone();
            scope.spawn(move || {
                // The receiver is gone once enough was written.
                let ended = writer.write_until_unsure(|| {
                    let _ = told.send(());
                });
                assert_eq!(ended, expected);
            });
        }
        drop(told);
        // Half of the moments are answers, half are requests on their way.
        let count = 2 * (20 + (round * 7) % 31) + round % 2;
        for () in moments.iter().take(count) {}
        kill();
    });
}
