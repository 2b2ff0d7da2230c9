//! Garmin items → observations. Pure.

use std::sync::Arc;

use processors_domain::sport;
use schemas::record::Micros;
use schemas::record::ingest::RawReceived;
use schemas::record::observation::{ActivityBody, BodyMassBody, SleepBody, SleepSegment};

use super::PULL_CONNECTOR;
use super::payload::{Activity, BodyComposition, Details, Id, Nap, Sleep};
use crate::normalize::{
    Body, Draft, Naps, Rejected, SECOND_US, Told, bounded, epoch_seconds, fetched_draft, offset,
    parse, quantise, whole,
};

/// No recording is longer; an ultra of three days with pauses is.
const ACTIVITY_MAX_S: f64 = 7.0 * 86_400.0;
const SLEEP_MAX_S: f64 = 48.0 * 3_600.0;
const DISTANCE_MAX_M: f64 = 5_000_000.0;
const ENERGY_MAX_KCAL: f64 = 100_000.0;
const HEART_RATE_MAX_BPM: f64 = 300.0;
const KJ_PER_KCAL: f64 = 4.184;

/// Kinds that are well-known and that no rule uses yet.
const UNUSED: [&str; 14] = [
    "activityFiles",
    "moveIQActivities",
    "dailies",
    "epochs",
    "stressDetails",
    "userMetrics",
    "pulseox",
    "allDayRespiration",
    "hrv",
    "bloodPressures",
    "skinTemp",
    "healthSnapshot",
    "mct",
    "userPermissionsChange",
];

pub(crate) fn normalize(raw: &RawReceived) -> Told {
    let told = pushed(raw)?;
    if raw.connector != PULL_CONNECTOR {
        return Ok(told);
    }
    let order = |draft: Draft| match draft.body {
        Body::Deletion | Body::AccountClosed => draft,
        _ => fetched_draft(raw, draft),
    };
    Ok(told.map(|drafts| drafts.into_iter().map(order).collect()))
}

fn pushed(raw: &RawReceived) -> Told {
    let drafts = match raw.kind.as_str() {
        "activities" => vec![activity(raw, false)?],
        "manuallyUpdatedActivities" => vec![activity(raw, true)?],
        "activityDetails" => vec![details(raw)?],
        "sleeps" => sleep(&parse(&raw.body)?)?,
        "bodyComps" => return body_composition(&parse(&raw.body)?),
        "deregistrations" => vec![Draft::summary(
            format!("account:{}", raw.account_id.as_deref().unwrap_or_default()),
            Body::AccountClosed,
        )],
        kind if UNUSED.contains(&kind) => {
            return parse::<serde_json::Map<String, serde_json::Value>>(&raw.body).map(|_| None);
        }
        kind => {
            return Err(Rejected::new(
                "unsupported_kind",
                format!("garmin {kind} is not known"),
            ));
        }
    };
    Ok(Some(drafts))
}

/// As the connector read it off the bytes: a number of any length keeps all of its digits.
fn activity_id(
    raw: &RawReceived,
    id: Option<&Id>,
    summary_id: Option<&str>,
) -> Result<String, Rejected> {
    raw.provider_id
        .clone()
        .or_else(|| id.map(Id::text))
        .or_else(|| summary_id.map(|text| text.trim_end_matches("-detail").to_owned()))
        .filter(|text| !text.is_empty())
        .ok_or_else(|| Rejected::missing("activityId"))
}

fn activity(raw: &RawReceived, user_edited: bool) -> Result<Draft, Rejected> {
    let item: Activity = parse(&raw.body)?;
    let id = activity_id(raw, item.activity_id.as_ref(), item.summary_id.as_deref())?;
    let mut body = activity_body(&item)?;
    body.user_edited = user_edited;
    Ok(Draft::summary(id, Body::Activity(Arc::new(body))))
}

fn details(raw: &RawReceived) -> Result<Draft, Rejected> {
    let item: Details = parse(&raw.body)?;
    let summary = item
        .summary
        .as_ref()
        .ok_or_else(|| Rejected::missing("summary"))?;
    let id = activity_id(
        raw,
        item.activity_id.as_ref().or(summary.activity_id.as_ref()),
        item.summary_id.as_deref().or(summary.summary_id.as_deref()),
    )?;
    let mut body = activity_body(summary)?;
    let last = item.samples.iter().rev();
    let seconds = |name, value| bounded(name, value, 0.0, ACTIVITY_MAX_S).map(whole);
    let clock = seconds(
        "clockDurationInSeconds",
        last.clone()
            .find_map(|sample| sample.clock_duration_in_seconds),
    )?;
    let timer_then = seconds(
        "timerDurationInSeconds",
        last.clone()
            .find(|sample| sample.clock_duration_in_seconds.is_some())
            .and_then(|sample| sample.timer_duration_in_seconds),
    )?;
    let moving = last
        .clone()
        .find_map(|sample| sample.moving_duration_in_seconds);
    // The clock includes pauses; the summary's duration is the timer and does not. The last sample
    // may stand before the end: then the timer that ran on comes on top of the pauses until then.
    if let (Some(clock), Some(timer)) = (clock, body.timer_s)
        && let ran_on = timer_then.map_or(0, |then| timer.saturating_sub(then).max(0))
        && let elapsed_s = clock.saturating_add(ran_on)
        && elapsed_s > timer
    {
        body.elapsed_s = elapsed_s;
        body.end = Micros(
            body.start
                .0
                .saturating_add(elapsed_s.saturating_mul(SECOND_US)),
        );
    }
    body.moving_s = whole(bounded(
        "movingDurationInSeconds",
        moving,
        0.0,
        ACTIVITY_MAX_S,
    )?);
    body.power_avg_w = mean_power(&item);
    Ok(Draft {
        channel: "details",
        ..Draft::summary(id, Body::Activity(Arc::new(body)))
    })
}

/// Summed as whole watts: the mean then does not depend on the order of addition.
fn mean_power(item: &Details) -> Option<f64> {
    let watts: Vec<i64> = item
        .samples
        .iter()
        .filter_map(|sample| {
            whole(
                sample
                    .power_in_watts
                    .filter(|watts| (0.0..5_000.0).contains(watts)),
            )
        })
        .collect();
    let count = i64::try_from(watts.len()).ok().filter(|count| *count > 0)?;
    Some((watts.iter().sum::<i64>() / count) as f64)
}

fn activity_body(item: &Activity) -> Result<ActivityBody, Rejected> {
    let start = epoch_seconds("startTimeInSeconds", item.start_time_in_seconds)?;
    let duration = bounded(
        "durationInSeconds",
        item.duration_in_seconds,
        0.0,
        ACTIVITY_MAX_S,
    )?;
    let timer = whole(duration).ok_or_else(|| Rejected::missing("durationInSeconds"))?;
    let vendor_type = item
        .activity_type
        .clone()
        .ok_or_else(|| Rejected::missing("activityType"))?;
    let known = sport::garmin(&vendor_type);
    let manual = item.manual.unwrap_or(false);
    let device = item
        .device_name
        .clone()
        .filter(|name| !name.eq_ignore_ascii_case("unknown"));
    let body = ActivityBody {
        sport: known.sport.as_str().to_owned(),
        family: known.sport.family().as_str().to_owned(),
        vendor_type,
        start,
        end: Micros(start.0.saturating_add(timer.saturating_mul(SECOND_US))),
        utc_offset_s: offset(item.start_time_offset_in_seconds),
        timer_s: Some(timer),
        elapsed_s: timer,
        indoor: known.indoor,
        manual,
        title: item.activity_name.clone(),
        device: if manual { None } else { device },
        container: item.is_parent.unwrap_or(false),
        parent_provider_id: item.parent_summary_id.as_ref().map(Id::text),
        ..ActivityBody::default()
    };
    measured(item, body)
}

/// The numbers that sensors told, each within its bounds and to its resolution.
fn measured(item: &Activity, body: ActivityBody) -> Result<ActivityBody, Rejected> {
    let number = |field, value, low, high, steps| {
        bounded(field, value, low, high).map(|value| quantise(value, steps))
    };
    let distance = item.distance_in_meters;
    let energy = item.active_kilocalories.map(|kcal| kcal * KJ_PER_KCAL);
    let energy_max = ENERGY_MAX_KCAL * KJ_PER_KCAL;
    let speed = item.average_speed_in_meters_per_second;
    let gain = item.total_elevation_gain_in_meters;
    let (lat, lon) = (
        item.starting_latitude_in_degree,
        item.starting_longitude_in_degree,
    );
    Ok(ActivityBody {
        distance_m: number("distanceInMeters", distance, 0.0, DISTANCE_MAX_M, 10.0)?,
        energy_kj: number("activeKilocalories in kJ", energy, 0.0, energy_max, 10.0)?,
        heart_rate_avg_bpm: heart_rate(item.average_heart_rate_in_beats_per_minute)?,
        heart_rate_max_bpm: heart_rate(item.max_heart_rate_in_beats_per_minute)?,
        speed_avg_m_s: number("averageSpeedInMetersPerSecond", speed, 0.0, 200.0, 1_000.0)?,
        elevation_gain_m: number("totalElevationGainInMeters", gain, 0.0, 100_000.0, 10.0)?,
        start_lat: number("startingLatitudeInDegree", lat, -90.0, 90.0, 1e6)?,
        start_lon: number("startingLongitudeInDegree", lon, -180.0, 180.0, 1e6)?,
        ..body
    })
}

/// 0 is Garmin's "no strap": unknown, not a heart that stands still.
fn heart_rate(value: Option<f64>) -> Result<Option<i32>, Rejected> {
    let value = bounded("heart rate", value, 0.0, HEART_RATE_MAX_BPM)?;
    Ok(value
        .map(|bpm| libm::round(bpm) as i32)
        .filter(|bpm| *bpm > 0))
}

fn sleep(item: &Sleep) -> Result<Vec<Draft>, Rejected> {
    let id = item
        .summary_id
        .clone()
        .ok_or_else(|| Rejected::missing("summaryId"))?;
    let start = epoch_seconds("startTimeInSeconds", item.start_time_in_seconds)?;
    let duration = bounded(
        "durationInSeconds",
        item.duration_in_seconds,
        0.0,
        SLEEP_MAX_S,
    )?;
    let duration = whole(duration).ok_or_else(|| Rejected::missing("durationInSeconds"))?;
    let segments = segments(item)?;
    let stage_s =
        |value: Option<f64>, field: &str| bounded(field, value, 0.0, SLEEP_MAX_S).map(whole);
    let awake_s = stage_s(item.awake_duration_in_seconds, "awakeDurationInSeconds")?;
    // `durationInSeconds` is sleep only; the record ends with the last interval of its levels.
    let told_end = segments.iter().map(|segment| segment.end.0).max();
    let counted = start.0.saturating_add(
        duration
            .saturating_add(awake_s.unwrap_or(0))
            .saturating_mul(SECOND_US),
    );
    let body = SleepBody {
        start,
        end: Micros(told_end.unwrap_or(counted).max(start.0)),
        utc_offset_s: offset(item.start_time_offset_in_seconds),
        stage: "session".to_owned(),
        calendar_date: item.calendar_date.clone(),
        asleep_s: Some(duration),
        awake_s,
        deep_s: stage_s(
            item.deep_sleep_duration_in_seconds,
            "deepSleepDurationInSeconds",
        )?,
        light_s: stage_s(
            item.light_sleep_duration_in_seconds,
            "lightSleepDurationInSeconds",
        )?,
        rem_s: stage_s(item.rem_sleep_in_seconds, "remSleepInSeconds")?,
        validation: item.validation.clone(),
        segments,
        ..SleepBody::default()
    };
    let night = Arc::new(body);
    let Some(naps) = &item.naps else {
        return Ok(vec![Draft::summary(id, Body::Sleep(night))]);
    };
    let naps: Vec<Draft> = naps
        .iter()
        .map(|told| nap(&id, told))
        .collect::<Result<_, _>>()?;
    let spans = naps.iter().filter_map(|nap| nap.body.span()).collect();
    let told = Naps {
        night: Arc::clone(&night),
        spans,
    };
    // Before the naps: whether each holds is known when it takes its place.
    let mut drafts = vec![
        Draft::summary(id.clone(), Body::Naps(told)),
        Draft::summary(id, Body::Sleep(night)),
    ];
    drafts.extend(naps);
    Ok(drafts)
}

fn segments(item: &Sleep) -> Result<Vec<SleepSegment>, Rejected> {
    let mut segments = Vec::new();
    for (stage, levels) in &item.sleep_levels_map {
        let stage = match stage.as_str() {
            "deep" | "light" | "rem" | "awake" => stage.clone(),
            _ => continue,
        };
        for level in levels {
            let start = epoch_seconds("sleepLevelsMap start", level.start_time_in_seconds)?;
            let end = epoch_seconds("sleepLevelsMap end", level.end_time_in_seconds)?;
            if end > start {
                segments.push(SleepSegment {
                    stage: stage.clone(),
                    start,
                    end,
                });
            }
        }
    }
    segments.sort_by(|a, b| (a.start, a.end, &a.stage).cmp(&(b.start, b.end, &b.stage)));
    Ok(segments)
}

fn nap(id: &str, item: &Nap) -> Result<Draft, Rejected> {
    let start = epoch_seconds("napStartTimeInSeconds", item.nap_start_time_in_seconds)?;
    let duration = bounded(
        "napDurationInSeconds",
        item.nap_duration_in_seconds,
        0.0,
        SLEEP_MAX_S,
    )?;
    let duration = whole(duration).ok_or_else(|| Rejected::missing("napDurationInSeconds"))?;
    let body = SleepBody {
        start,
        end: Micros(start.0.saturating_add(duration.saturating_mul(SECOND_US))),
        utc_offset_s: offset(item.nap_offset_in_seconds),
        stage: "session".to_owned(),
        nap: true,
        asleep_s: Some(duration),
        validation: item.nap_validation.clone(),
        ..SleepBody::default()
    };
    Ok(Draft::summary(
        nap_id(id, start),
        Body::Sleep(Arc::new(body)),
    ))
}

/// What a nap is called, within the record that tells of it.
pub(crate) fn nap_id(id: &str, start: Micros) -> String {
    format!("{id}#nap{}", start.0 / SECOND_US)
}

fn body_composition(item: &BodyComposition) -> Told {
    let id = item
        .summary_id
        .clone()
        .ok_or_else(|| Rejected::missing("summaryId"))?;
    let at = epoch_seconds("measurementTimeInSeconds", item.measurement_time_in_seconds)?;
    // An analysis without a weight tells nothing that a rule uses.
    let Some(grams) = item.weight_in_grams else {
        return Ok(None);
    };
    let kg =
        bounded("weightInGrams", Some(grams), 20_000.0, 400_000.0)?.map(|grams| grams / 1_000.0);
    let body = BodyMassBody {
        at,
        mass_kg: quantise(kg, 1_000.0).unwrap_or_default(),
        manual: item.muscle_mass_in_grams.is_none(),
    };
    Ok(Some(vec![Draft::summary(
        id,
        Body::BodyMass(Arc::new(body)),
    )]))
}
