//! `sudor tail`: what stands in the log and what is appended, decoded, one record after the other.
//!
//! It reads the file beside whoever writes it and asks again for more: SQLite wakes no reader of
//! another process. It ends by Ctrl-C, at a limit, at the end of the log where that is asked for, and
//! without a word when nobody reads its output any more.

mod json;
mod line;
mod unread;

use std::io::{self, ErrorKind, Write};
use std::ops::ControlFlow;
use std::time::Duration;

use anyhow::{Context, anyhow};
use stream_embedded::{EmbeddedReader, Filter, Stored};
use stream_log::{Key, Offset, Topic};

use crate::cli::{Begin, GlobalArgs, TailArgs};
use crate::config::{self, Request};
use crate::exit::{CommandResult, Failure};
use crate::explain::open_log;
use crate::run::{runtime, signals};
use crate::topics;
use crate::wiring::TENANT;

pub(crate) use json::instants_as_text;

/// How long a record that was just appended may wait to be shown.
const POLL: Duration = Duration::from_millis(200);
/// Places that are looked at in one read: a long read would keep the write-ahead log from shrinking.
const PLACES_AT_ONCE: u64 = 10_000;
/// What is kept of them before it is written; a single larger record is kept all the same.
const BYTES_AT_ONCE: usize = 1024 * 1024;

pub(crate) fn run(args: &TailArgs, global: GlobalArgs) -> CommandResult {
    let topics = chosen(&args.topics)?;
    let (settings, _) = config::load(&Request::of(&args.data))?;
    let reader = open_log(&settings)?;
    let mut tail = Tail {
        after: begin(args, &reader)?,
        left: args.limit.unwrap_or(u64::MAX),
        athlete: args
            .athlete
            .as_ref()
            .map(|id| Key::new(&format!("{TENANT}/{id}"))),
        topics,
        reader,
        json: global.json,
    };
    if !args.no_follow && !global.quiet && !global.json {
        say_where(&tail);
    }
    let shown = runtime()?.block_on(tail.run(!args.no_follow));
    shown.map_err(Failure::failed)
}

/// For people only, and beside the records: a silent log should not look like a broken command.
fn say_where(tail: &Tail) {
    let from = tail.after.0.saturating_add(1);
    if writeln!(io::stderr(), "from record {from} on; Ctrl-C ends").is_err() {
        // A closed stderr is no reason to end.
    }
}

/// All of the catalogue where none is named.
fn chosen(names: &[String]) -> Result<Vec<Topic>, Failure> {
    names.iter().map(|name| known(name)).collect()
}

fn known(name: &str) -> Result<Topic, Failure> {
    let is = |known: &str| known == name || known.strip_prefix("sudor.") == Some(name);
    let found = topics::CATALOGUE.iter().find(|(known, _)| is(known));
    found.map(|(known, _)| Topic(known)).ok_or_else(|| {
        let all: Vec<&str> = topics::CATALOGUE.iter().map(|(name, _)| *name).collect();
        Failure::bad_input(anyhow!("there is no topic {name:?}"))
            .hint(format!("one of: {}", all.join(", ")))
    })
}

/// The place before the first record that may be shown.
fn begin(args: &TailArgs, reader: &EmbeddedReader) -> Result<Offset, Failure> {
    let default = if args.no_follow {
        Begin::Beginning
    } else {
        Begin::End
    };
    match args.from.unwrap_or(default) {
        Begin::Beginning => Ok(Offset(0)),
        Begin::End => head(reader).map_err(Failure::failed),
        Begin::Offset(first) => Ok(Offset(first.saturating_sub(1))),
    }
}

fn head(reader: &EmbeddedReader) -> anyhow::Result<Offset> {
    let next = reader.next_seq().context("cannot read the log")?;
    Ok(Offset(next.0.saturating_sub(1)))
}

struct Tail {
    reader: EmbeddedReader,
    topics: Vec<Topic>,
    athlete: Option<Key>,
    /// The last place that was looked at.
    after: Offset,
    /// Records that may still be shown.
    left: u64,
    json: bool,
}

/// What is left to do after a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// There is more in the log.
    More,
    /// All that is there was shown.
    AtTheEnd,
    /// Nothing more is wanted.
    Enough,
}

impl Tail {
    async fn run(&mut self, follow: bool) -> anyhow::Result<()> {
        let asked = signals();
        loop {
            let pause = match self.step()? {
                Step::Enough => return Ok(()),
                Step::AtTheEnd if !follow => return Ok(()),
                Step::AtTheEnd => POLL,
                Step::More => Duration::ZERO,
            };
            #[expect(
                clippy::disallowed_methods,
                reason = "another process appends, and nothing tells this one"
            )]
            let pause = tokio::time::sleep(pause);
            tokio::select! {
                biased;
                () = asked.clone().requested() => return Ok(()),
                () = unread::unread() => return Ok(()),
                () = pause => {}
            }
        }
    }

    /// Shows some of what there is.
    fn step(&mut self) -> anyhow::Result<Step> {
        let head = head(&self.reader)?;
        if self.after >= head {
            return Ok(Step::AtTheEnd);
        }
        let until = Offset(self.after.0.saturating_add(PLACES_AT_ONCE)).min(head);
        // Nothing is written while the log is read: a pager that waits for its reader would hold
        // the log's snapshot.
        let lines = self.read(until).context("cannot read the log")?;
        let mut out = io::stdout().lock();
        match out.write_all(&lines).and_then(|()| out.flush()) {
            Ok(()) if self.left > 0 => Ok(Step::More),
            Ok(()) => Ok(Step::Enough),
            Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(Step::Enough),
            Err(error) => Err(error).context("cannot write the records"),
        }
    }

    /// What is shown of the records up to a place, or of fewer where they are many.
    fn read(&mut self, until: Offset) -> anyhow::Result<Vec<u8>> {
        let filter = Filter {
            topics: &self.topics,
            key: self.athlete.as_ref(),
        };
        let mut lines = Vec::new();
        let (mut last, mut written) = (until, Ok(()));
        let (left, json) = (&mut self.left, self.json);
        self.reader
            .visit_some(self.after, until, &filter, &mut |stored| {
                written = write(&mut lines, &stored, json);
                *left = left.saturating_sub(1);
                if written.is_ok() && *left > 0 && lines.len() < BYTES_AT_ONCE {
                    return ControlFlow::Continue(());
                }
                last = stored.sequenced.offset;
                ControlFlow::Break(())
            })?;
        written?;
        self.after = last;
        Ok(lines)
    }
}

fn write(lines: &mut Vec<u8>, stored: &Stored, json: bool) -> io::Result<()> {
    if json {
        serde_json::to_writer(&mut *lines, &json::document(stored))?;
        writeln!(lines)
    } else {
        writeln!(lines, "{}", line::of(stored))
    }
}

#[cfg(test)]
mod tests {
    use super::known;

    #[test]
    fn a_topic_is_known_with_and_without_its_first_part() {
        for name in ["sudor.sessions", "sessions"] {
            assert_eq!(known(name).unwrap().0, "sudor.sessions");
        }
        assert_eq!(known("raw.garmin").unwrap().0, "sudor.raw.garmin");
        let refused = known("sudor.session").unwrap_err().to_string();
        assert!(refused.contains("sudor.sessions"), "{refused}");
    }
}
