//! The phone's uploads: what Health holds is sent when the app wakes, in bursts, with deletions.

use crate::delivery::{Delivery, Method, Source};
use crate::healthkit::{self, Shelf};
use crate::telling::Teller;
use crate::time::{HOUR, MICROS};

/// The last upload of the world lies at most this long before its end.
const LAST_UPLOAD: i64 = 300;

/// Something Health holds and has not uploaded yet.
pub(super) struct HealthItem {
    pub(super) shelf: Shelf,
    pub(super) ready: i64,
    pub(super) id: String,
    pub(super) json: String,
    /// Its place among the truth's records, where it tells of an event.
    pub(super) record: Option<usize>,
    pub(super) fate: Fate,
}

pub(super) enum Fate {
    Stays,
    Deleted,
    /// An edit: deleted, and another with a new id comes in the same upload.
    Replaced {
        id: String,
        json: String,
    },
}

#[derive(Default)]
struct Upload {
    at: i64,
    items: Vec<(Shelf, String)>,
    causal: Vec<String>,
}

impl Teller<'_> {
    pub(super) fn upload_health(&mut self) {
        let mut uploads: Vec<Upload> = self
            .upload_times()
            .map(|at| Upload {
                at,
                ..Upload::default()
            })
            .collect();
        for item in std::mem::take(&mut self.health) {
            self.place(item, &mut uploads);
        }
        let path = format!("/v1/athletes/{}/healthkit", self.person.athlete_id);
        let mut previous: Vec<(Shelf, String)> = Vec::new();
        for upload in uploads {
            let mut items: Vec<(Shelf, &str)> = upload
                .items
                .iter()
                .map(|(shelf, json)| (*shelf, json.as_str()))
                .collect();
            if self.dice.chance(self.mix.anchor_lost) {
                items.extend(previous.iter().map(|(shelf, json)| (*shelf, json.as_str())));
            }
            if items.is_empty() {
                continue;
            }
            let body = healthkit::upload(self.person.phone.sdk, upload.at, &items);
            let at = upload.at * MICROS;
            let mut delivery =
                Delivery::json(at, Method::Post, path.clone(), Source::Healthkit, body);
            delivery.items = items.len();
            delivery.causal = upload.causal;
            self.deliveries.push(delivery);
            // A lost anchor repeats what Health still holds of it, not what it forgot.
            previous = upload.items;
            previous.retain(|(shelf, _)| *shelf == Shelf::Records || *shelf == Shelf::Sleep);
        }
    }

    /// The app wakes at its own rhythm, and once more shortly before the world ends.
    fn upload_times(&mut self) -> impl Iterator<Item = i64> + use<> {
        let every = self.person.phone.sync_hours * HOUR as f64;
        let last = self.span.end - self.dice.whole(0, LAST_UPLOAD);
        let mut times = Vec::new();
        let mut at = self.span.start + 1 + (self.dice.unit() * every) as i64;
        while at < last {
            times.push(at);
            at += 60 + (every * self.dice.between(0.6, 1.4)) as i64;
        }
        times.push(last);
        times.into_iter()
    }

    fn place(&mut self, item: HealthItem, uploads: &mut [Upload]) {
        let last = uploads.len().saturating_sub(1);
        let mut when = uploads
            .partition_point(|upload| upload.at < item.ready)
            .min(last);
        if self.dice.chance(self.mix.late) {
            when = self.dice.whole(when as i64, (when + 6).min(last) as i64) as usize;
        }
        let gone = if matches!(item.fate, Fate::Stays) || when == last {
            None
        } else {
            Some(
                self.dice
                    .whole(when as i64 + 1, (when + 8).min(last) as i64) as usize,
            )
        };
        let causal = format!("healthkit:{}:{}", self.person.athlete_id, item.id);
        if let Some(upload) = uploads.get_mut(when) {
            upload.items.push((item.shelf, item.json));
            upload.causal.extend(gone.is_some().then(|| causal.clone()));
        }
        let Some(upload) = gone.and_then(|gone| uploads.get_mut(gone)) else {
            return;
        };
        upload.items.push((
            Shelf::Deleted,
            healthkit::deleted(&item.id, &self.person.phone),
        ));
        upload.causal.push(causal);
        let mut heir = None;
        if let Some(record) = item.record.and_then(|index| self.records.get_mut(index)) {
            record.live = false;
            heir = Some(record.clone());
        }
        if let Fate::Replaced { id, json } = item.fate {
            upload.items.push((item.shelf, json));
            if let Some(mut record) = heir {
                record.provider_id = id;
                record.live = true;
                self.records.push(record);
            }
        }
    }

    pub(super) fn health(&mut self, shelf: Shelf, ready: i64, id: String, json: String) {
        let fate = Fate::Stays;
        self.health.push(HealthItem {
            shelf,
            ready,
            id,
            json,
            record: None,
            fate,
        });
    }

    /// As `health`, for the record that was just noted in the truth.
    pub(super) fn health_record(
        &mut self,
        shelf: Shelf,
        ready: i64,
        id: String,
        json: String,
        fate: Fate,
    ) {
        let record = self.records.len().checked_sub(1);
        self.health.push(HealthItem {
            shelf,
            ready,
            id,
            json,
            record,
            fate,
        });
    }
}
