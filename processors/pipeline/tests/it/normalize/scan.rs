//! Scans of sweat patches.

use processors_pipeline::{Body, normalize};
use schemas::record::Micros;
use schemas::record::observation::ScanBody;
use serde_json::{Value, json};

use super::{but, detail, drafts, outcome, raw, word};

const KIND: &str = "sweat.scan/1";

pub(super) fn scan() -> Value {
    json!({
        "schema": KIND, "scan_id": "c-1", "athlete_id": "mia", "patch_id": "p-9",
        "patch_lot": "L7", "body_site": "forearm_left_ventral",
        "applied_at": "2025-10-09T05:00:00Z", "scanned_at": "2025-10-09T08:30:00+02:00",
        "workout_ref": "garmin:77",
        "volume_channel": {"fill_fraction": 0.62, "volume_ul": 41.804, "saturated": false, "quality": 0.93},
        "chloride_channel": {"chloride_mmol_l": 38.5, "below_range": false, "above_range": false, "quality": 0.81},
        "derived": {"sodium_mg": 900}, "image": {"sha256": "00"},
        "revision": 3, "supersedes": "c-0", "patch": {"collection_area_cm2": 2.5}
    })
}

fn body(changes: &Value) -> ScanBody {
    let found = drafts(outcome("scan", KIND, &but(scan(), changes)));
    match &found[0].body {
        Body::Scan(body) => (**body).clone(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn every_field_of_a_scan_is_kept_and_what_the_phone_worked_out_is_not() {
    let expected = ScanBody {
        patch_id: "p-9".to_owned(),
        patch_lot: Some("L7".to_owned()),
        body_site: Some("forearm_left_ventral".to_owned()),
        applied_at: Micros(1_759_986_000_000_000),
        scanned_at: Micros(1_759_991_400_000_000),
        session_ref: Some("garmin:77".to_owned()),
        volume_ul: Some(41.8),
        fill_fraction: Some(0.62),
        volume_saturated: false,
        volume_quality: Some(0.93),
        chloride_mmol_l: Some(38.5),
        chloride_below_range: false,
        chloride_above_range: false,
        chloride_quality: Some(0.81),
        collection_area_cm2: Some(2.5),
        failed: false,
        failure_reason: None,
        supersedes: Some("c-0".to_owned()),
    };
    assert_eq!(body(&json!({})), expected);
    let silent = json!({"derived": "nothing", "image": 4});
    assert_eq!(body(&silent), expected);
}

#[test]
fn a_revision_is_the_order_of_a_scan() {
    let one = |changes: &Value| drafts(outcome("scan", KIND, &but(scan(), changes))).remove(0);
    let draft = one(&json!({}));
    assert_eq!(
        (draft.provider_id.as_str(), draft.order, draft.fetched),
        ("c-1", 3, false)
    );
    assert_eq!(one(&json!({"revision": null})).order, 0);
}

#[test]
fn scans_become_observations_or_a_reason() {
    let volume = |fields: Value| json!({"volume_channel": fields});
    let chloride = |fields: Value| json!({"chloride_channel": fields});
    #[rustfmt::skip]
    let cases = [
        ("as sent", json!({}), "ok"),
        ("no volume", json!({"volume_channel": null}), "ok"),
        ("no chloride", json!({"chloride_channel": null}), "ok"),
        ("empty channels", json!({"volume_channel": {}, "chloride_channel": {}}), "ok"),
        ("another schema", json!({"schema": "sweat.scan/2"}), "unsupported_kind"),
        ("no id", json!({"scan_id": null}), "missing_field"),
        ("no patch", json!({"patch_id": null}), "missing_field"),
        ("never applied", json!({"applied_at": null}), "missing_field"),
        ("never scanned", json!({"scanned_at": null}), "missing_field"),
        ("applied in words", json!({"applied_at": "in the morning"}), "bad_value"),
        ("scanned before it was applied", json!({"scanned_at": "2025-10-09T04:59:59Z"}), "bad_value"),
        ("worn for a day", json!({"applied_at": "2025-10-08T06:30:00Z"}), "ok"),
        ("worn for a day and a second", json!({"applied_at": "2025-10-08T06:29:59Z"}), "bad_value"),
        ("of another athlete", json!({"athlete_id": "bob"}), "bad_value"),
        ("of nobody in particular", json!({"athlete_id": null}), "ok"),
        ("a bucket of sweat", volume(json!({"volume_ul": 2_000.1})), "bad_value"),
        ("less than no sweat", volume(json!({"volume_ul": -0.1})), "bad_value"),
        ("overfull", volume(json!({"fill_fraction": 1.01})), "bad_value"),
        ("better than sure", volume(json!({"quality": 1.5})), "bad_value"),
        ("a channel that is none", volume(json!(41.8)), "bad_value"),
        ("brine", chloride(json!({"chloride_mmol_l": 200.5})), "bad_value"),
        ("chloride in words", chloride(json!({"chloride_mmol_l": "salty"})), "bad_value"),
        ("no area to speak of", json!({"patch": {"collection_area_cm2": 0.05}}), "bad_value"),
        ("a shirt", json!({"patch": {"collection_area_cm2": 101}}), "bad_value"),
        ("the year 2200", json!({"applied_at": "2200-01-01T00:00:00Z", "scanned_at": "2200-01-01T01:00:00Z"}), "implausible_time"),
    ];
    for (name, changes, expected) in cases {
        let found = outcome("scan", KIND, &but(scan(), &changes));
        assert_eq!(word(&found), expected, "{name}: {found:?}");
    }
    assert_eq!(
        word(&outcome("scan", "sweat.scan/2", &scan())),
        "unsupported_kind"
    );
    assert_eq!(word(&normalize(&raw("scan", KIND, b"[]"))), "malformed");
    let far = outcome(
        "scan",
        KIND,
        &but(scan(), &volume(json!({"volume_ul": 9_000}))),
    );
    assert_eq!(
        detail(&far),
        "volume_channel.volume_ul is 9000, outside 0 to 2000"
    );
}

#[test]
fn a_scan_that_cannot_be_relied_on_is_kept_with_its_reason() {
    let poor = |quality: f64| json!({"volume_channel": {"volume_ul": 41.8, "quality": quality}});
    let cases = [
        (json!({}), None),
        (poor(0.5), None),
        (
            poor(0.49),
            Some("volume_channel.quality is 0.49, below 0.5"),
        ),
        (
            json!({"chloride_channel": {"quality": 0.1}}),
            Some("chloride_channel.quality is 0.1, below 0.5"),
        ),
        (json!({"failed": true}), Some("the photo could not be read")),
        (
            json!({"failed": true, "failure_reason": "glare"}),
            Some("glare"),
        ),
        (
            json!({"failed": true, "volume_channel": null, "chloride_channel": null}),
            Some("the photo could not be read"),
        ),
        (json!({"failed": false, "failure_reason": "glare"}), None),
    ];
    for (changes, reason) in cases {
        let body = body(&changes);
        assert_eq!(body.failed, reason.is_some(), "{changes}");
        assert_eq!(body.failure_reason.as_deref(), reason, "{changes}");
    }
    assert_eq!(
        body(&poor(0.1)).volume_ul,
        Some(41.8),
        "what was read is kept"
    );
}

#[test]
fn a_value_at_the_end_of_its_scale_keeps_its_mark() {
    let found = body(&json!({
        "volume_channel": {"volume_ul": 60, "saturated": true},
        "chloride_channel": {"chloride_mmol_l": 10, "below_range": true, "above_range": true}
    }));
    assert!(found.volume_saturated && found.chloride_below_range && found.chloride_above_range);
    assert_eq!((found.volume_quality, found.chloride_quality), (None, None));
}
