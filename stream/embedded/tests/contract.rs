//! SQLite keeps the contract of a host.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "helpers of tests; only test functions are exempt by configuration"
)]

use stream_embedded::{Appender, EmbeddedLog, Options, ProcessingHost, Subscriber};
use stream_log::Topics;
use stream_log::contract::{HostFactory, check};
use tempfile::TempDir;

/// One data folder after the other; every `open` closes the log and opens it anew.
#[derive(Default)]
struct Folder {
    folder: Option<TempDir>,
    log: Option<EmbeddedLog>,
    options: Option<Options>,
}

impl Folder {
    fn reopen(&mut self) -> &EmbeddedLog {
        self.log = None;
        let folder = self.folder.as_ref().unwrap().path();
        self.log = Some(EmbeddedLog::open(folder, &self.options.unwrap()).unwrap());
        self.log.as_ref().unwrap()
    }
}

impl HostFactory for Folder {
    type Host = ProcessingHost;
    type Appender = Appender;
    type Reader = Subscriber;

    fn create(&mut self, partitions: u32, topics: Topics) {
        self.log = None;
        self.folder = Some(TempDir::new().unwrap());
        self.options = Some(Options {
            partitions,
            ..Options::new(topics)
        });
        self.reopen();
    }

    fn open(&mut self) -> ProcessingHost {
        self.reopen().processing().unwrap()
    }

    fn appender(&mut self) -> Appender {
        self.log.as_ref().unwrap().appender()
    }

    fn reader(&mut self) -> Subscriber {
        self.log.as_ref().unwrap().subscriber().unwrap()
    }
}

#[test]
fn sqlite_keeps_the_contract() {
    check(&mut Folder::default());
}

/// As `Folder`, with a new host on the log that stays open: as after a failed batch in one process.
#[derive(Default)]
struct StaysOpen(Folder);

impl HostFactory for StaysOpen {
    type Host = ProcessingHost;
    type Appender = Appender;
    type Reader = Subscriber;

    fn create(&mut self, partitions: u32, topics: Topics) {
        self.0.create(partitions, topics);
    }

    fn open(&mut self) -> ProcessingHost {
        self.0.log.as_ref().unwrap().processing().unwrap()
    }

    fn appender(&mut self) -> Appender {
        self.0.appender()
    }

    fn reader(&mut self) -> Subscriber {
        self.0.reader()
    }
}

#[test]
fn a_host_anew_on_an_open_log_keeps_the_contract() {
    check(&mut StaysOpen::default());
}
