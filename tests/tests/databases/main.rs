//! What holds on both databases alike: the same answers to the letter, replicas on one database,
//! and races with a thousand rounds each.

mod letter;
mod migration;
mod outcomes;
mod races;
mod replicas;
