//! A world on disk: `deliveries.jsonl` (what to send), `strava.jsonl` (what Strava answers to those
//! who ask) and `truth.jsonl` (what was so).

mod replay;

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use crate::block::{Block, blocks};
use crate::options::{Mix, OptionsError, WorldOptions};
use crate::truth::{AthleteTruth, TruthLine};
use crate::world::{world_line, world_of};

pub use crate::write::replay::{ReadStravaError, read_strava, write_strava};

#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    #[error("the world's options are out of bounds")]
    Options(#[from] OptionsError),
    #[error("cannot write {path}")]
    Io { path: PathBuf, source: io::Error },
}

/// What was written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Written {
    pub athletes: u64,
    pub deliveries: u64,
    pub items: u64,
}

/// Writes the three files into `out_dir`, which is made where it is missing. Registrations come first
/// within each block of athletes.
pub fn write_world(out_dir: &Path, options: WorldOptions, mix: Mix) -> Result<Written, WriteError> {
    options.check()?;
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |source| WriteError::Io { path, source }
    };
    std::fs::create_dir_all(out_dir).map_err(failed(out_dir))?;
    let deliveries_path = out_dir.join("deliveries.jsonl");
    let strava_path = out_dir.join("strava.jsonl");
    let truth_path = out_dir.join("truth.jsonl");
    let open = |path: &Path| File::create(path).map(BufWriter::new).map_err(failed(path));
    let mut deliveries = open(&deliveries_path)?;
    let mut strava = open(&strava_path)?;
    let mut truth = open(&truth_path)?;
    write_truth_line(&mut truth, &world_line(options)).map_err(failed(&truth_path))?;
    let mut written = Written::default();
    for block in blocks(world_of(options, mix)) {
        write_deliveries(&mut deliveries, &block, &mut written)
            .map_err(failed(&deliveries_path))?;
        for account in &block.strava {
            write_strava(&mut strava, account).map_err(failed(&strava_path))?;
        }
        for athlete in &block.truth {
            write_truth(&mut truth, athlete).map_err(failed(&truth_path))?;
        }
    }
    deliveries.flush().map_err(failed(&deliveries_path))?;
    strava.flush().map_err(failed(&strava_path))?;
    truth.flush().map_err(failed(&truth_path))?;
    Ok(written)
}

fn write_deliveries(out: &mut impl Write, block: &Block, written: &mut Written) -> io::Result<()> {
    for delivery in block.registrations.iter().chain(&block.deliveries) {
        delivery.write_line(out)?;
        out.write_all(b"\n")?;
        written.deliveries += 1;
        written.items += delivery.items as u64;
    }
    written.athletes += block.truth.len() as u64;
    Ok(())
}

/// Appends all lines of one athlete to a truth file.
pub fn write_truth(out: &mut impl Write, athlete: &AthleteTruth) -> io::Result<()> {
    athlete
        .lines()
        .try_for_each(|line| write_truth_line(out, &line))
}

/// Appends one line to a truth file.
pub fn write_truth_line(out: &mut impl Write, line: &TruthLine) -> io::Result<()> {
    serde_json::to_writer(&mut *out, line).map_err(io::Error::from)?;
    out.write_all(b"\n")
}
