//! What exactly-once costs beside others: the same small topology by the engine (`engine`) and by the
//! bare client (`raw`), over the topic that `bench/kafka-streams` reads too. `cargo xtask servers bench`
//! runs all of them; by hand it is
//!
//! ```text
//! SUDOR_TEST_KAFKA=… cargo run --profile fast -p stream-kafka --example dedupe WORD [NAME=VALUE…]
//!   fill     makes the input topic
//!   topics   makes the topics of a run
//!   engine   a task on the host of this crate
//!   raw      a transactional loop with the client alone
//!   check    reads what came out, committed
//!   drop     removes the topics of a run
//!   restore  opens the host on the state of an `engine` run; without its folder, cold
//! ```
//!
//! A record is copied to the output the first time that its key (one of many athletes) and id (the
//! first four bytes of its value) come by. Each one that is new is a record of output and one of the
//! changelog, in the transaction that moves the positions.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "a measurement at the keyboard"
)]

mod engine;
mod meter;
mod processor;
mod raw;
mod workload;

use workload::Workload;

/// The program's own.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() {
    let mut words = std::env::args().skip(1);
    let word = words.next().unwrap_or_default();
    let workload = Workload::of(words);
    let told = match word.as_str() {
        "fill" => workload.fill(),
        "topics" => workload.make_topics(),
        "engine" => engine::run(&workload),
        "restore" => engine::restore(&workload),
        "raw" => raw::run(&workload),
        "check" => raw::check(&workload),
        "drop" => workload.drop_topics(),
        other => {
            panic!(
                "no such word: {other}; there are fill, topics, engine, raw, check, restore, drop"
            )
        }
    };
    println!("{told}");
}
