//! A score as JSON and in words. Pure.

use std::collections::BTreeMap;

use ingest_simulator::{Bcubed, FieldErrors, Fields, Score, Spread, SweatMethodScore};
use serde_json::{Map, Value, json};

use super::Scores;

pub(super) fn to_json(scores: &Scores) -> Value {
    let Scores { own, baselines } = scores;
    let mut report = answer(own);
    let sweat = |s: &SweatMethodScore| {
        json!({
            "count": s.count,
            "median_abs_error_pct": s.median_abs_error_pct,
            "coverage_90": s.coverage_90,
        })
    };
    let methods = object(&own.sweat.by_method, sweat);
    let rival = |rival: &ingest_simulator::Rival| json!({"ours": fields(&rival.ours), "theirs": fields(&rival.theirs)});
    let simpler = |(name, score): &(&'static str, Score)| {
        let mut row = answer(score);
        row.insert("name".to_owned(), json!(name));
        // Such rules say nothing of sleep.
        row.remove("nights");
        Value::Object(row)
    };
    report.extend([
        (
            "sweat".to_owned(),
            json!({"overall": sweat(&own.sweat.overall), "by_method": methods}),
        ),
        (
            "single_sources".to_owned(),
            Value::Object(object(&own.rivals, rival)),
        ),
        (
            "baselines".to_owned(),
            baselines.iter().map(simpler).collect(),
        ),
    ]);
    Value::Object(report)
}

/// What can be said of every answer, also of one without sleep and losses.
fn answer(score: &Score) -> Map<String, Value> {
    let (counts, pairs, suspects) = (&score.counts, &score.pairs, &score.suspects);
    let parts = json!({
        "sessions": bcubed(&score.sessions),
        "nights": bcubed(&score.nights),
        "tags": {
            "sessions": object(&score.session_tags, bcubed),
            "nights": object(&score.night_tags, bcubed),
        },
        "pairs": {"merged": pairs.merged, "wrong": pairs.wrong, "wrong_part": pairs.wrong_part()},
        "suspects": {
            "records": suspects.records, "joined": suspects.joined, "listed": suspects.listed,
        },
        "counts": {
            "sessions_live": counts.sessions_live, "sessions_truth": counts.sessions_truth,
            "nights_live": counts.nights_live, "nights_truth": counts.nights_truth,
            "naps_live": counts.naps_live, "naps_truth": counts.naps_truth,
            "records": counts.records, "records_alone": counts.records_alone,
        },
        "field_errors": field_errors(&score.field_errors),
    });
    match parts {
        Value::Object(parts) => parts,
        _ => Map::new(),
    }
}

fn object<V>(values: &BTreeMap<String, V>, json: impl Fn(&V) -> Value) -> Map<String, Value> {
    let pairs = values
        .iter()
        .map(|(name, value)| (name.clone(), json(value)));
    pairs.collect()
}

fn bcubed(score: &Bcubed) -> Value {
    json!({
        "precision": score.precision, "recall": score.recall, "f1": score.f1,
        "records": score.records,
    })
}

fn spread(spread: &Spread) -> Value {
    json!({"count": spread.count, "median": spread.median, "p95": spread.p95})
}

fn field_errors(errors: &FieldErrors) -> Value {
    json!({
        "start_s": spread(&errors.start_s), "end_s": spread(&errors.end_s),
        "distance_pct": spread(&errors.distance_pct), "duration_pct": spread(&errors.duration_pct),
        "sleep_start_s": spread(&errors.sleep_start_s), "sleep_end_s": spread(&errors.sleep_end_s),
        "asleep_s": spread(&errors.asleep_s), "sport_right": errors.sport_right,
    })
}

fn fields(fields: &Fields) -> Value {
    json!({
        "start_s": spread(&fields.start_s), "end_s": spread(&fields.end_s),
        "distance_pct": spread(&fields.distance_pct), "duration_pct": spread(&fields.duration_pct),
    })
}

pub(super) fn in_words(scores: &Scores) -> String {
    let score = &scores.own;
    let mut text = grouping(score);
    text.push_str(&errors(&score.field_errors));
    for (device, rival) in &score.rivals {
        text.push_str(&format!(
            "beside {device} alone: {}\n",
            beside(&rival.ours, &rival.theirs)
        ));
    }
    for (method, one) in &score.sweat.by_method {
        text.push_str(&format!(
            "sweat {method:<10} {} losses, median error {} %, 90 % interval holds {} %\n",
            one.count,
            or_nothing(one.median_abs_error_pct, 1),
            or_nothing(one.coverage_90.map(|share| share * 100.0), 1)
        ));
    }
    for (name, score) in &scores.baselines {
        text.push_str(&format!(
            "baseline  {name}: sessions F1 {:.4}, {:.2} % of merged pairs wrong\n",
            score.sessions.f1,
            100.0 * score.pairs.wrong_part()
        ));
    }
    text.trim_end().to_owned()
}

fn grouping(score: &Score) -> String {
    let (counts, pairs, suspects) = (&score.counts, &score.pairs, &score.suspects);
    let f1 = |b: &Bcubed| {
        format!(
            "F1 {:.4} (precision {:.4}, recall {:.4})",
            b.f1, b.precision, b.recall
        )
    };
    let mut text = format!(
        "sessions  {}; {} live, {} in truth\n\
         nights    {}; {} live, {} in truth; naps {} live, {} in truth\n\
         records   {} live, {} in no session or night\n\
         pairs     {} merged, {} of them wrong ({:.3} %)\n",
        f1(&score.sessions),
        counts.sessions_live,
        counts.sessions_truth,
        f1(&score.nights),
        counts.nights_live,
        counts.nights_truth,
        counts.naps_live,
        counts.naps_truth,
        counts.records,
        counts.records_alone,
        pairs.merged,
        pairs.wrong,
        100.0 * pairs.wrong_part(),
    );
    if suspects.records > 0 {
        text.push_str(&format!(
            "wrong clocks  {} records, {} of them suspected, {} joined\n",
            suspects.records, suspects.listed, suspects.joined
        ));
    }
    for (tags, of) in [
        (&score.session_tags, "sessions"),
        (&score.night_tags, "nights"),
    ] {
        for (tag, one) in tags {
            text.push_str(&format!(
                "  {of:<9} {tag:<18} {} of {} records\n",
                f1(one),
                one.records
            ));
        }
    }
    text
}

fn errors(errors: &FieldErrors) -> String {
    let rows = [
        ("start", &errors.start_s, 0, "s"),
        ("end", &errors.end_s, 0, "s"),
        ("sleep start", &errors.sleep_start_s, 0, "s"),
        ("sleep end", &errors.sleep_end_s, 0, "s"),
        ("time asleep", &errors.asleep_s, 0, "s"),
        ("distance", &errors.distance_pct, 2, "%"),
        ("duration", &errors.duration_pct, 2, "%"),
    ];
    let row = |(name, spread, digits, unit): (&str, &Spread, usize, &str)| {
        let median = or_nothing(spread.median, digits);
        let p95 = or_nothing(spread.p95, digits);
        format!("{name:<12} median {median} {unit}, p95 {p95} {unit}\n")
    };
    rows.into_iter().map(row).collect()
}

/// Each field as `ours/theirs`, median then 95th percentile.
fn beside(ours: &Fields, theirs: &Fields) -> String {
    let pair = |name: &str, our: &Spread, their: &Spread, digits: usize| {
        format!(
            "{name} {}/{} p95 {}/{}",
            or_nothing(our.median, digits),
            or_nothing(their.median, digits),
            or_nothing(our.p95, digits),
            or_nothing(their.p95, digits)
        )
    };
    [
        pair("start", &ours.start_s, &theirs.start_s, 0),
        pair("end", &ours.end_s, &theirs.end_s, 0),
        pair("distance", &ours.distance_pct, &theirs.distance_pct, 2),
        pair("duration", &ours.duration_pct, &theirs.duration_pct, 2),
    ]
    .join(", ")
}

/// `-` where nothing was compared.
fn or_nothing(value: Option<f64>, digits: usize) -> String {
    value.map_or_else(|| "-".to_owned(), |value| format!("{value:.digits$}"))
}
