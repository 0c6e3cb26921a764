//! Tests of the binary as a process: the main job against a real PostgreSQL, what a kill leaves
//! behind, and what is nowhere to be read.

mod backup;
mod busy;
mod check;
mod compose;
mod config_check;
mod crashes;
mod durability;
mod egress;
mod first_start;
mod history;
mod kills;
mod leaks;
mod leavers;
mod main_job;
mod model;
mod outage;
mod rate_limit;
mod refusals;
mod shutdown;
mod sync;
mod token_list;
mod tokens;
mod warnings;
mod writers;
