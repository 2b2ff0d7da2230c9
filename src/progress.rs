//! Progress of long work: a bar on a terminal, nothing where nobody looks.

use std::io::IsTerminal;

use indicatif::{ProgressBar, ProgressStyle};

use crate::cli::GlobalArgs;

pub(crate) struct Progress {
    bar: ProgressBar,
}

impl Progress {
    pub(crate) fn new(what: &str, total: u64, global: GlobalArgs) -> Self {
        if global.quiet || !std::io::stderr().is_terminal() {
            return Self {
                bar: ProgressBar::hidden(),
            };
        }
        let bar = ProgressBar::new(total);
        let style = ProgressStyle::with_template("{msg:>10} {wide_bar} {pos}/{len} {eta}");
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        bar.set_message(what.to_owned());
        Self { bar }
    }

    pub(crate) fn advance(&self, by: usize) {
        self.bar.inc(u64::try_from(by).unwrap_or(0));
    }

    /// So far of so much, where the whole grows.
    #[cfg(feature = "kafka")]
    pub(crate) fn reach(&self, done: u64, total: u64) {
        self.bar.set_length(total);
        self.bar.set_position(done);
    }

    pub(crate) fn done(&self) {
        self.bar.finish_and_clear();
    }
}
