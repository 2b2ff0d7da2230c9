//! An object whose answers are no use: what a fetcher says of it in the log, and when it gives up.

use std::fmt::Debug;
use std::sync::{Arc, Mutex};

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

use super::vendor::Reply;
use super::{NOW, Rig, SECOND, end};

/// Level and object of every line that has an object, in order.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<(String, String, String)>>>);

#[derive(Default)]
struct Fields {
    object: Option<String>,
    reason: String,
}

impl Visit for Fields {
    fn record_str(&mut self, field: &Field, value: &str) {
        match field.name() {
            "object" => self.object = Some(value.to_owned()),
            "reason" => value.clone_into(&mut self.reason),
            _ => {}
        }
    }

    fn record_debug(&mut self, _: &Field, _: &dyn Debug) {}
}

impl Subscriber for Lines {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut fields = Fields::default();
        event.record(&mut fields);
        if let Some(object) = fields.object {
            let level = event.metadata().level().to_string();
            self.0.lock().unwrap().push((level, object, fields.reason));
        }
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

#[tokio::test]
async fn an_answer_that_is_no_use_is_said_once_loudly_and_again_when_it_is_given_up() {
    let lines = Lines::default();
    // While there is only one of them, whether a line is heard is decided by whichever thread comes
    // by it first, and other tests hear nothing.
    let _another = tracing::Dispatch::new(Lines::default());
    let _said = tracing::subscriber::set_default(lines.clone());
    let rig = Rig::new().await;
    rig.event("create", "7", NOW / SECOND).await;
    rig.vendor.always(Reply::json(200, &serde_json::json!([7])));
    let mut fetcher = rig.strava();
    for _ in 0..20 {
        rig.round(&mut fetcher, 300 * SECOND).await;
    }
    assert_eq!(rig.ends(), [end("failed", Some(200), 1)]);
    let lines = lines.0.lock().unwrap();
    let levels: Vec<&str> = lines.iter().map(|(level, _, _)| level.as_str()).collect();
    let quiet = ["DEBUG"; 18];
    assert_eq!(levels, [&["WARN"], &quiet[..], &["WARN"]].concat());
    for (_, object, reason) in lines.iter() {
        assert_eq!(object, "7");
        assert_eq!(reason, "the answer is no JSON object");
    }
}

#[tokio::test]
async fn a_broken_activity_is_given_up_after_a_day_however_often_the_process_restarts() {
    let rig = Rig::new().await;
    rig.event("create", "7", NOW / SECOND).await;
    rig.vendor.always(Reply::status(500));
    let mut lives = 0;
    while rig.ends().is_empty() {
        assert!(lives < 24, "asked for more than a day");
        lives += 1;
        // Twelve minutes, which are not enough to count to the end.
        let mut fetcher = rig.strava();
        for _ in 0..12 {
            rig.round(&mut fetcher, 60 * SECOND).await;
        }
        rig.pass(2 * 3_600 * SECOND);
    }
    assert_eq!(rig.ends(), [end("failed", Some(500), 1)]);
    assert_eq!(lives, 12, "the first that begins after a day");
}
