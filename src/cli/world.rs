//! Arguments of the commands on simulated worlds: `demo`, `simulate`, `score`.

use std::path::PathBuf;

use clap::{ArgGroup, Args};
use schemas::record::Micros;

use super::DataArgs;

/// What a simulated world is made of. Equal arguments make an equal world.
#[derive(Clone, Debug, Args)]
pub(crate) struct WorldArgs {
    /// How many athletes live in the world
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub(crate) athletes: u32,
    /// How many days it lasts
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=3_650))]
    pub(crate) days: u32,
    /// Every choice of the simulator follows from this number
    #[arg(long, default_value_t = 7)]
    pub(crate) seed: u64,
    /// Last instant of the world, RFC 3339 [default: the last UTC midnight]
    #[arg(long, value_name = "INSTANT", value_parser = instant)]
    pub(crate) end: Option<Micros>,
}

#[derive(Clone, Debug, Args)]
#[command(after_help = "\
Examples:
  sudor demo                                          watch it, then end it with Ctrl-C
  sudor demo --athletes 500 --days 14 --data ./big    keep the data; the next start goes on there
  sudor demo --exit --json                            end when all is processed; print the counts")]
pub(crate) struct DemoArgs {
    #[command(flatten)]
    pub(crate) world: WorldArgs,
    /// Data folder; a folder of an earlier demo with the same seed is continued
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
    /// End when everything is processed, instead of serving on
    #[arg(long)]
    pub(crate) exit: bool,
}

#[derive(Clone, Debug, Args)]
#[command(
    group = ArgGroup::new("destination").required(true).multiple(true).args(["out", "post"]),
    after_help = "\
Examples:
  sudor simulate --athletes 5 --days 2 --out ./world
  sudor simulate --post http://127.0.0.1:8080 --garmin-secret demo
  sudor simulate --post http://127.0.0.1:8080 --garmin-secret demo --strava-secret demo \
    --serve-strava 127.0.0.1:9100 --serve-weather 127.0.0.1:9200

The second plays the vendors that are asked, too: the service has
strava.api_url = \"http://127.0.0.1:9100/api/v3\", strava.oauth_url = \"http://127.0.0.1:9100/oauth\",
weather.forecast_url = \"http://127.0.0.1:9200/v1/forecast\" and so on. It ends when nothing waits.

Either way `truth.jsonl` says what really happened; `sudor score` reads it."
)]
pub(crate) struct SimulateArgs {
    #[command(flatten)]
    pub(crate) world: WorldArgs,
    /// Folder for the deliveries and truth.jsonl (with --post: for truth.jsonl)
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
    /// Post the deliveries to the service at this address
    #[arg(long, value_name = "URL")]
    pub(crate) post: Option<String>,
    /// Secret path segment of the Garmin webhook
    #[arg(long, value_name = "SECRET", requires = "post")]
    pub(crate) garmin_secret: Option<String>,
    /// Secret path segment of the Strava webhook
    #[arg(long, value_name = "SECRET", requires = "post")]
    pub(crate) strava_secret: Option<String>,
    /// Be the world's Strava at this address; the service has it as strava.api_url
    #[arg(long, value_name = "ADDRESS", requires = "strava_secret")]
    pub(crate) serve_strava: Option<String>,
    /// Be the world's weather service at this address
    #[arg(long, value_name = "ADDRESS", requires = "post")]
    pub(crate) serve_weather: Option<String>,
    /// API key, where the service asks for one
    #[arg(long, value_name = "KEY", requires = "post")]
    pub(crate) key: Option<String>,
}

#[derive(Clone, Debug, Args)]
#[command(after_help = "\
Example:
  sudor demo --exit --data ./d && sudor score --truth ./d/truth.jsonl --data ./d")]
pub(crate) struct ScoreArgs {
    /// The simulator's account of what really happened
    #[arg(long, value_name = "FILE")]
    pub(crate) truth: PathBuf,
    #[command(flatten)]
    pub(crate) data: DataArgs,
}

fn instant(text: &str) -> Result<Micros, String> {
    match text.parse::<jiff::Timestamp>() {
        Ok(instant) => Ok(Micros(instant.as_microsecond())),
        Err(_) => Err("not an RFC 3339 instant such as 2026-10-01T00:00:00Z".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::{Micros, instant};

    #[test]
    fn an_instant_is_read_with_any_offset() {
        assert_eq!(instant("1970-01-01T00:00:01Z"), Ok(Micros(1_000_000)));
        assert_eq!(instant("1970-01-01T02:00:00+02:00"), Ok(Micros(0)));
        assert!(instant("2026-10-01").is_err());
    }
}
