//! The fetcher against a service on this machine, with a clock that is moved by hand.

mod service;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use edge::{Backoff, Clock, ManualClock, UnixMicros};
use schemas::record::Micros;
use schemas::record::ingest::RawReceived;
use schemas::record::loss::WeatherRequested;
use serde_json::{Value, json};
use tokio::sync::Notify;
use tokio::task::JoinSet;

use self::service::{Reply, Service};
use super::fetcher::Turn;
use super::*;
use crate::memory::{MemoryFeed, MemoryProgress};
use crate::port::{Answer, Asked, Marks, PublishError, Publisher};

/// 2026-03-01T12:30:00Z.
const NOW_S: i64 = 1_772_368_200;
/// The start of that hour.
const HOUR_S: i64 = 1_772_366_400;
const DAY_S: i64 = 86_400;

/// What outlives a crash, and the outside.
struct World {
    service: Service,
    log: Log,
    progress: MemoryProgress,
    clock: Arc<ManualClock>,
    /// How long the fetcher waited, wait by wait.
    waits: Arc<Mutex<Vec<Duration>>>,
    settings: WeatherSettings,
}

/// A log that gives its reader what was published, as the real one does.
#[derive(Clone, Default)]
struct Log {
    feed: MemoryFeed,
    published: Arc<Mutex<Vec<RawReceived>>>,
    refusal: Arc<Mutex<Option<PublishError>>>,
    appended: Arc<Notify>,
}

impl Publisher for Log {
    fn publish(&self, items: Vec<RawReceived>) -> Answer<Result<(), PublishError>> {
        if let Some(refusal) = self.refusal.lock().unwrap().clone() {
            return Box::pin(async { Err(refusal) });
        }
        for item in items {
            self.feed.append(Asked::Raw(Box::new(item.clone())));
            self.published.lock().unwrap().push(item);
        }
        self.appended.notify_one();
        Box::pin(async { Ok(()) })
    }
}

impl World {
    async fn new() -> Self {
        let service = Service::start().await;
        let settings = WeatherSettings {
            forecast_url: service.url("/forecast"),
            archive_url: service.url("/archive"),
            backoff: Backoff {
                base: Duration::from_secs(1),
                cap: Duration::from_secs(4),
                attempts_max: 3,
            },
            ..WeatherSettings::default()
        };
        Self {
            service,
            log: Log::default(),
            progress: MemoryProgress::default(),
            clock: Arc::new(ManualClock::at(UnixMicros(NOW_S * 1_000_000))),
            waits: Arc::default(),
            settings,
        }
    }

    fn ports(&self) -> WeatherPorts {
        WeatherPorts {
            feed: Box::new(self.log.feed.clone()),
            publisher: Arc::new(self.log.clone()),
            marks: Arc::new(self.progress.clone()),
            clock: self.clock.clone(),
            wake: Arc::default(),
        }
    }

    /// A life of the fetcher. Its waits move the clock and nothing else.
    fn fetcher(&self) -> WeatherFetcher {
        let (clock, waits) = (self.clock.clone(), self.waits.clone());
        let pause = move |wait: Duration| -> Answer<()> {
            waits.lock().unwrap().push(wait);
            let micros = i64::try_from(wait.as_micros()).unwrap();
            clock.set(UnixMicros(clock.now().0 + micros));
            Box::pin(async {})
        };
        WeatherFetcher::with_pause(self.settings.clone(), self.ports(), Arc::new(pause)).unwrap()
    }

    fn pass(&self, seconds: i64) {
        self.clock
            .set(UnixMicros(self.clock.now().0 + seconds * 1_000_000));
    }

    fn ask(&self, athlete: &str, lat_dd: i32, hour_s: i64) {
        self.ask_again(athlete, lat_dd, hour_s, 1);
    }

    fn ask_again(&self, athlete: &str, lat_dd: i32, hour_s: i64, attempt: i32) {
        let asked = WeatherRequested {
            id: format!("{athlete}/{lat_dd}/{hour_s}/{attempt}"),
            tenant_id: "default".to_owned(),
            athlete_id: athlete.to_owned(),
            recorded_at: Micros(0),
            revised_at: Micros(0),
            rules_id: "r".to_owned(),
            licence: None,
            key_id: None,
            lat_cell: f64::from(lat_dd) / 10.0,
            lon_cell: 13.4,
            hour: Micros(hour_s * 1_000_000),
            attempt,
        };
        let asked = Asked::WeatherRequested(Box::new(asked));
        self.log.feed.append(asked);
    }

    /// What was published since the last time: owner, kind, provider id, temperature or failure.
    fn told(&self) -> Vec<(String, String, String, Value)> {
        let published = std::mem::take(&mut *self.log.published.lock().unwrap());
        published
            .iter()
            .map(|record| {
                let body: Value = serde_json::from_slice(&record.body).unwrap();
                let said = match &body["failure"] {
                    Value::Null => body["temperature_2m"].clone(),
                    failure => failure.clone(),
                };
                (
                    record.athlete_id.clone().unwrap(),
                    record.kind.clone(),
                    record.provider_id.clone().unwrap(),
                    said,
                )
            })
            .collect()
    }

    fn waits(&self) -> Vec<Duration> {
        std::mem::take(&mut *self.waits.lock().unwrap())
    }
}

/// Turns until there is nothing to do; when to look again.
async fn work(fetcher: &mut WeatherFetcher) -> Option<UnixMicros> {
    for _ in 0..1_000 {
        if let Turn::Idle { until } = fetcher.turn().await {
            return until;
        }
    }
    panic!("the fetcher never rests");
}

fn told(
    athlete: &str,
    kind: &str,
    id: &str,
    said: impl Into<Value>,
) -> (String, String, String, Value) {
    (
        athlete.to_owned(),
        kind.to_owned(),
        id.to_owned(),
        said.into(),
    )
}

#[tokio::test]
async fn requests_for_one_place_share_a_call_and_each_gets_its_own_answer() {
    let world = World::new().await;
    for athlete in ["ada", "bob"] {
        world.ask(athlete, 525, HOUR_S);
    }
    world.ask("ada", 525, HOUR_S);
    world.ask("eve", -1, HOUR_S + 3_600);
    assert_eq!(work(&mut world.fetcher()).await, None);

    let asked = world.service.asked();
    assert_eq!(
        asked,
        [
            "/forecast?latitude=-0.1%2C52.5&longitude=13.4%2C13.4&start_date=2026-03-01\
          &end_date=2026-03-01&hourly=temperature_2m%2Crelative_humidity_2m%2Cwind_speed_10m\
          %2Cshortwave_radiation&timezone=GMT&timeformat=unixtime&wind_speed_unit=ms\
          &temperature_unit=celsius"
        ]
    );
    let published = world.log.published.lock().unwrap().clone();
    assert_eq!(
        world.told(),
        [
            told("eve", "forecast", "-1,134@1772370000", 12.9),
            told("ada", "forecast", "525,134@1772366400", 64.5),
            told("bob", "forecast", "525,134@1772366400", 64.5),
        ]
    );
    let record = &published[1];
    assert_eq!(
        std::str::from_utf8(&record.body).unwrap(),
        r#"{"lat_dd":525,"lon_dd":134,"hour":1772366400,"attempt":1,"model":"forecast","temperature_2m":64.5,"relative_humidity_2m":80.0,"wind_speed_10m":null,"shortwave_radiation":0.5,"latitude":52.5,"longitude":13.4,"attribution":"Weather data by Open-Meteo.com, CC BY 4.0"}"#
    );
    assert_eq!(
        (record.source.as_str(), record.tenant_id.as_str()),
        ("weather", "default")
    );
    let now = Micros(NOW_S * 1_000_000);
    assert_eq!(
        (record.received_at, record.provider_event_at),
        (now, Some(now))
    );
    assert_ne!(published[1].id, published[2].id);
}

#[tokio::test]
async fn old_hours_come_from_the_archive_and_the_rest_from_the_forecast() {
    let world = World::new().await;
    world.ask("ada", 525, HOUR_S - 5 * DAY_S);
    world.ask("ada", 525, HOUR_S - 5 * DAY_S + 3_600);
    world.ask("ada", 525, HOUR_S + 15 * DAY_S);
    world.ask("ada", 525, HOUR_S + 16 * DAY_S);
    work(&mut world.fetcher()).await;
    let kinds: Vec<_> = world
        .told()
        .into_iter()
        .map(|told| (told.1, told.3))
        .collect();
    let failure = json!("no forecast reaches that far");
    assert_eq!(kinds.len(), 4);
    assert_eq!(kinds[0], ("failed".to_owned(), failure));
    assert_eq!(
        kinds.iter().map(|kind| kind.0.as_str()).collect::<Vec<_>>(),
        ["failed", "forecast", "forecast", "archive"]
    );
    let asked = world.service.asked();
    let paths: Vec<_> = asked
        .iter()
        .map(|asked| asked.split('?').next().unwrap())
        .collect();
    assert_eq!(paths, ["/forecast", "/forecast", "/archive"]);
}

#[tokio::test]
async fn what_was_said_this_hour_is_not_asked_again() {
    let world = World::new().await;
    let mut fetcher = world.fetcher();
    world.ask("ada", 525, HOUR_S);
    work(&mut fetcher).await;
    world.ask("bob", 525, HOUR_S);
    world.ask_again("ada", 525, HOUR_S, 2);
    work(&mut fetcher).await;
    assert_eq!((world.service.asked().len(), world.told().len()), (1, 3));
    world.pass(1_800);
    world.ask("eve", 525, HOUR_S);
    work(&mut fetcher).await;
    assert_eq!((world.service.asked().len(), world.told().len()), (1, 1));
}

#[tokio::test]
async fn a_call_that_fails_is_repeated_and_then_answers_all_who_wait_with_a_failure() {
    let world = World::new().await;
    let mut fetcher = world.fetcher();
    world.service.then([Reply::Status(503), Reply::Status(500)]);
    world.ask("ada", 525, HOUR_S);
    work(&mut fetcher).await;
    assert_eq!(
        world.told(),
        [told("ada", "forecast", "525,134@1772366400", 64.5)]
    );
    let waits = world.waits();
    assert!(
        waits.len() == 2 && waits[0] <= Duration::from_secs(1),
        "{waits:?}"
    );
    assert_eq!(world.service.asked().len(), 3);

    world.service.then([503, 503, 503].map(Reply::Status));
    for athlete in ["ada", "bob"] {
        world.ask(athlete, 526, HOUR_S);
    }
    work(&mut fetcher).await;
    let failure = "the weather service answered 503";
    assert_eq!(
        world.told(),
        [
            told("ada", "failed", "526,134@1772366400", failure),
            told("bob", "failed", "526,134@1772366400", failure),
        ]
    );
    assert_eq!(world.service.asked().len(), 3);
}

#[tokio::test]
async fn while_the_service_is_down_requests_fail_at_once_and_a_probe_finds_it_up_again() {
    let world = World::new().await;
    let mut fetcher = world.fetcher();
    world.service.then([503; 4].map(Reply::Status));
    world.ask("ada", 1, HOUR_S);
    work(&mut fetcher).await;
    world.ask("ada", 2, HOUR_S);
    work(&mut fetcher).await;
    assert_eq!(
        world.service.asked().len(),
        3,
        "nothing is asked for the second"
    );
    assert_eq!(world.told()[1].3, "the weather service is down");

    world.pass(30);
    for lat_dd in [3, 4] {
        world.ask("ada", lat_dd, HOUR_S);
        work(&mut fetcher).await;
    }
    assert_eq!(
        world.service.asked().len(),
        1,
        "one probe, which is not repeated"
    );
    let failed: Vec<_> = world.told().into_iter().map(|told| told.3).collect();
    assert_eq!(
        failed,
        [
            "the weather service answered 503",
            "the weather service is down"
        ]
    );

    world.pass(30);
    world.ask("ada", 5, HOUR_S);
    work(&mut fetcher).await;
    assert_eq!(
        world.told(),
        [told("ada", "forecast", "5,134@1772366400", 12.5)]
    );
}

#[tokio::test]
async fn a_service_that_cannot_be_reached_is_down_too() {
    let mut world = World::new().await;
    world.settings.forecast_url = format!("http://{}/forecast", service::nobody().await);
    world.ask("ada", 1, HOUR_S);
    work(&mut world.fetcher()).await;
    let failure = world.told().remove(0).3;
    let failure = failure.as_str().unwrap();
    assert!(
        failure.starts_with("the weather service does not answer: cannot connect to 127.0.0.1:"),
        "{failure}"
    );
    assert_eq!(world.waits().len(), 2);
}

#[tokio::test]
async fn a_request_waits_as_long_as_the_service_asks_and_is_answered_then() {
    let world = World::new().await;
    let mut fetcher = world.fetcher();
    world
        .service
        .then([Reply::Limited(Some(40)), Reply::Limited(None)]);
    world.ask("ada", 525, HOUR_S);
    let until = work(&mut fetcher).await;
    assert_eq!(until, Some(UnixMicros((NOW_S + 40) * 1_000_000)));
    world.pass(39);
    work(&mut fetcher).await;
    assert_eq!(world.service.asked().len(), 1);
    world.pass(1);
    let until = work(&mut fetcher).await;
    assert_eq!(
        until,
        Some(UnixMicros((NOW_S + 100) * 1_000_000)),
        "it did not say"
    );
    world.pass(60);
    assert_eq!(work(&mut fetcher).await, None);
    assert_eq!(world.told().len(), 1);
}

#[tokio::test]
async fn a_wait_beyond_our_patience_is_a_failure() {
    let world = World::new().await;
    let mut fetcher = world.fetcher();
    world.service.then([Reply::Limited(Some(86_400))]);
    world.ask("ada", 525, HOUR_S);
    work(&mut fetcher).await;
    world.ask("bob", 526, HOUR_S);
    work(&mut fetcher).await;
    let failure = "the weather service limits our requests";
    assert_eq!(
        world.told(),
        [
            told("ada", "failed", "525,134@1772366400", failure),
            told("bob", "failed", "526,134@1772366400", failure),
        ]
    );
    assert_eq!(world.service.asked().len(), 1);
}

#[tokio::test]
async fn places_that_cannot_be_answered_at_once_are_asked_for_one_by_one() {
    for reply in [
        Reply::Status(500),
        Reply::Status(400),
        Reply::Refused("latitude must be one number"),
    ] {
        let world = World::new().await;
        let mut fetcher = world.fetcher();
        world.service.then([reply, Reply::Status(404)]);
        world.ask("ada", 525, HOUR_S);
        world.ask("bob", 526, HOUR_S);
        work(&mut fetcher).await;
        let told = world.told();
        let failed = told.iter().filter(|told| told.1 == "failed").count();
        let answered = told.iter().filter(|told| told.1 == "forecast").count();
        assert_eq!((failed, answered), (1, 1), "one refusal costs one place");
        assert_eq!(world.service.asked().len(), 3);
    }
}

#[tokio::test]
async fn an_answer_that_cannot_be_used_is_a_failure_at_once() {
    for (reply, failure) in [
        (
            Reply::Fahrenheit,
            "the weather service has temperature_2m in °F instead of °C",
        ),
        (Reply::WithoutHours, "the weather service left the hour out"),
        (
            Reply::Refused("Daily limit"),
            "the weather service refused: Daily limit",
        ),
        (Reply::Status(404), "the weather service answered 404"),
        (Reply::Status(302), "the weather service answered 302"),
        (Reply::Status(204), "the weather service answered 204"),
    ] {
        let world = World::new().await;
        let mut fetcher = world.fetcher();
        world.service.then([reply]);
        world.ask("ada", 525, HOUR_S);
        work(&mut fetcher).await;
        assert_eq!(
            world.told(),
            [told("ada", "failed", "525,134@1772366400", failure)]
        );
        assert!(world.waits().is_empty());
        world.ask("ada", 526, HOUR_S);
        work(&mut fetcher).await;
        assert_eq!(world.told()[0].1, "forecast", "others are not affected");
    }
}

#[tokio::test]
async fn our_own_budget_spreads_calls_over_time() {
    let mut world = World::new().await;
    world.settings.budget.per_minute = 2;
    let mut fetcher = world.fetcher();
    for lat_dd in 1..=5 {
        world.ask("ada", lat_dd, HOUR_S);
    }
    for (answered, seconds) in [(2, 60), (2, 120)] {
        let until = work(&mut fetcher).await;
        assert_eq!(until, Some(UnixMicros((NOW_S + seconds) * 1_000_000)));
        assert_eq!(world.told().len(), answered);
        world.pass(60);
    }
    assert_eq!(work(&mut fetcher).await, None);
    assert_eq!((world.told().len(), world.service.asked().len()), (1, 3));
}

#[tokio::test]
async fn what_the_log_does_not_take_is_given_again_without_another_call() {
    let world = World::new().await;
    let mut fetcher = world.fetcher();
    let retry_after = Duration::from_secs(7);
    *world.log.refusal.lock().unwrap() = Some(PublishError::Busy { retry_after });
    world.ask("ada", 525, HOUR_S);
    for _ in 0..3 {
        assert_eq!(fetcher.turn().await, Turn::Worked);
    }
    assert_eq!(world.waits(), [retry_after; 3]);
    *world.log.refusal.lock().unwrap() = None;
    work(&mut fetcher).await;
    assert_eq!((world.told().len(), world.service.asked().len()), (1, 1));
}

#[tokio::test]
async fn after_a_crash_nothing_is_lost_and_nothing_is_asked_twice() {
    let world = World::new().await;
    world.ask("ada", 1, HOUR_S);
    let mut first = world.fetcher();
    work(&mut first).await;
    world.pass(5);
    world.service.then([Reply::Limited(Some(60))]);
    world.ask("bob", 2, HOUR_S);
    world.ask("bob", 1, HOUR_S);
    work(&mut first).await;
    drop(first);
    assert_eq!(world.told().len(), 2);
    assert_eq!(world.service.asked().len(), 2);
    // Ada's request and answer are the first two of the log, Bob's open request is the third.
    assert_eq!(world.progress.mark("weather").unwrap(), 2);

    for _ in 0..3 {
        let mut next = world.fetcher();
        work(&mut next).await;
    }
    assert_eq!(
        world.told(),
        [told("bob", "forecast", "2,134@1772366400", 12.2)]
    );
    assert_eq!(world.service.asked().len(), 1);
}

#[tokio::test]
async fn the_mark_moves_with_the_log_and_not_with_every_record() {
    let world = World::new().await;
    let mut fetcher = world.fetcher();
    world.ask("ada", 1, HOUR_S);
    work(&mut fetcher).await;
    assert_eq!(world.progress.mark("weather").unwrap(), 2);
    world.ask("ada", 2, HOUR_S);
    work(&mut fetcher).await;
    assert_eq!(world.progress.mark("weather").unwrap(), 2, "too soon");
    world.pass(5);
    work(&mut fetcher).await;
    assert_eq!(world.progress.mark("weather").unwrap(), 4);
}

#[tokio::test]
async fn without_an_address_every_request_is_answered_with_a_failure() {
    let mut world = World::new().await;
    world.settings.forecast_url = String::new();
    world.ask("ada", 525, HOUR_S);
    world.ask("ada", 525, HOUR_S - 9 * DAY_S);
    work(&mut world.fetcher()).await;
    let kinds: Vec<_> = world
        .told()
        .into_iter()
        .map(|told| (told.1, told.3))
        .collect();
    assert_eq!(
        kinds[0],
        ("failed".to_owned(), json!("weather is not configured"))
    );
    assert_eq!(kinds[1].0, "archive");
}

#[tokio::test]
async fn many_requests_are_answered_in_publications_of_bounded_size() {
    let world = World::new().await;
    for athlete in 0..2_500 {
        world.ask(&format!("a{athlete}"), 525, HOUR_S);
    }
    work(&mut world.fetcher()).await;
    assert_eq!(
        (world.told().len(), world.service.asked().len()),
        (2_500, 1)
    );
}

#[tokio::test]
async fn the_key_is_sent_and_never_shown() {
    let mut world = World::new().await;
    world.settings.api_key = Some("s3cret".into());
    world.service.then([500, 500, 500].map(Reply::Status));
    world.ask("ada", 525, HOUR_S);
    work(&mut world.fetcher()).await;
    assert!(world.service.asked()[0].ends_with("&apikey=s3cret"));
    let published = world.log.published.lock().unwrap();
    let body = String::from_utf8(published[0].body.clone()).unwrap();
    assert!(!body.contains("s3cret") && !format!("{:?}", world.settings).contains("s3cret"));
}

#[tokio::test]
async fn a_request_for_a_place_that_does_not_exist_holds_nothing_up() {
    let world = World::new().await;
    world.ask("ada", 901, HOUR_S);
    world.ask("ada", 525, HOUR_S + 1);
    world.ask("ada", 525, HOUR_S);
    assert_eq!(work(&mut world.fetcher()).await, None);
    assert_eq!(world.told().len(), 1);
    assert!(world.progress.mark("weather").unwrap() >= 3);
}

#[tokio::test]
async fn it_runs_until_it_is_stopped_and_wakes_when_it_is_told() {
    let mut world = World::new().await;
    // So long that only waking helps.
    world.settings.poll = Duration::from_secs(3_600);
    let ports = world.ports();
    let wake = ports.wake.clone();
    let fetcher = WeatherFetcher::new(world.settings.clone(), ports).unwrap();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let mut tasks = JoinSet::new();
    tasks.spawn(fetcher.run(async { drop(stopped.await) }));
    for lat_dd in [1, 2] {
        world.ask("ada", lat_dd, HOUR_S);
        wake.notify_one();
        world.log.appended.notified().await;
    }
    assert_eq!(world.told().len(), 2);
    stop.send(()).unwrap();
    tasks.join_next().await.unwrap().unwrap();
}
