//! Scans of sweat patches, `sweat.scan/1`.
//!
//! What was measured, and whether it can be relied on. It is not what follows from it: what the
//! phone worked out (`derived`) is left alone, and so is the photo.
//!
//! Invariants: a scan that could not be read is kept and never an error; a value at the end of its
//! scale keeps the mark that says so.

use std::sync::Arc;

use schemas::record::ingest::RawReceived;
use schemas::record::observation::ScanBody;

use crate::fields::Fields;
use crate::normalize::{Body, Draft, HOUR_US, Rejected, Told, bounded, instant, quantise};

const SCHEMA: &str = "sweat.scan/1";
/// Nobody wears one patch for longer, and its channel is full long before.
const WEAR_MAX_US: i64 = 24 * HOUR_US;
/// Twenty times the volume of a patch's channel.
const VOLUME_MAX_UL: f64 = 2_000.0;
/// Sweat of cystic fibrosis reaches 150 mmol/L; seawater is beyond 500.
const CHLORIDE_MAX_MMOL_L: f64 = 200.0;
const AREA_MIN_CM2: f64 = 0.1;
const AREA_MAX_CM2: f64 = 100.0;
/// Below it a reading is a guess.
const QUALITY_MIN: f64 = 0.5;

pub(crate) fn normalize(raw: &RawReceived) -> Told {
    let item = Fields::parse(&raw.body)?;
    let schema = item.word("schema")?.unwrap_or_else(|| raw.kind.clone());
    if schema != SCHEMA || raw.kind != SCHEMA {
        let told = if schema == SCHEMA { &raw.kind } else { &schema };
        return Err(Rejected::new(
            "unsupported_kind",
            format!("scan schema {told} is not known; {SCHEMA} is"),
        ));
    }
    let id = item.id("scan_id")?.or_else(|| raw.provider_id.clone());
    let id = id
        .filter(|id| !id.is_empty())
        .ok_or_else(|| Rejected::missing("scan_id"))?;
    of_this_athlete(&item, raw)?;
    let body = judged(&item, chloride(&item, volume(&item, worn(&item)?)?)?)?;
    Ok(Some(vec![Draft {
        order: item.integer("revision")?.unwrap_or(0),
        ..Draft::summary(id, Body::Scan(Arc::new(body)))
    }]))
}

fn of_this_athlete(item: &Fields<'_>, raw: &RawReceived) -> Result<(), Rejected> {
    match item.id("athlete_id")? {
        Some(told) if Some(&told) != raw.athlete_id.as_ref() => Err(Rejected::new(
            "bad_value",
            "athlete_id is not the athlete that the scan was sent for",
        )),
        _ => Ok(()),
    }
}

/// Which patch, where and when.
fn worn(item: &Fields<'_>) -> Result<ScanBody, Rejected> {
    let patch_id = item.id("patch_id")?;
    let (applied_at, _) = instant("applied_at", item.text("applied_at")?.as_deref())?;
    let (scanned_at, _) = instant("scanned_at", item.text("scanned_at")?.as_deref())?;
    let wear_us = scanned_at.0.saturating_sub(applied_at.0);
    if wear_us < 0 {
        return Err(Rejected::new(
            "bad_value",
            "scanned_at is before applied_at",
        ));
    }
    if wear_us > WEAR_MAX_US {
        return Err(Rejected::new(
            "bad_value",
            "scanned_at is more than 24 h after applied_at",
        ));
    }
    let patch = item.object("patch")?;
    let area = match patch {
        Some(patch) => patch.number("collection_area_cm2")?,
        None => None,
    };
    let area = area.or(item.number("collection_area_cm2")?);
    let area = bounded("collection_area_cm2", area, AREA_MIN_CM2, AREA_MAX_CM2)?;
    Ok(ScanBody {
        patch_id: patch_id.ok_or_else(|| Rejected::missing("patch_id"))?,
        patch_lot: item.id("patch_lot")?,
        body_site: item.word("body_site")?,
        applied_at,
        scanned_at,
        session_ref: item.word("workout_ref")?,
        collection_area_cm2: quantise(area, 1_000.0),
        supersedes: item.id("supersedes")?,
        ..ScanBody::default()
    })
}

fn number(
    channel: &Fields<'_>,
    name: &str,
    high: f64,
    steps_per_unit: f64,
) -> Result<Option<f64>, Rejected> {
    let value = bounded(&channel.name(name), channel.number(name)?, 0.0, high)?;
    Ok(quantise(value, steps_per_unit))
}

fn volume(item: &Fields<'_>, body: ScanBody) -> Result<ScanBody, Rejected> {
    let Some(channel) = item.object("volume_channel")? else {
        return Ok(body);
    };
    Ok(ScanBody {
        volume_ul: number(&channel, "volume_ul", VOLUME_MAX_UL, 100.0)?,
        fill_fraction: number(&channel, "fill_fraction", 1.0, 10_000.0)?,
        volume_saturated: channel.flag("saturated")?.unwrap_or(false),
        volume_quality: number(&channel, "quality", 1.0, 1_000.0)?,
        ..body
    })
}

fn chloride(item: &Fields<'_>, body: ScanBody) -> Result<ScanBody, Rejected> {
    let Some(channel) = item.object("chloride_channel")? else {
        return Ok(body);
    };
    Ok(ScanBody {
        chloride_mmol_l: number(&channel, "chloride_mmol_l", CHLORIDE_MAX_MMOL_L, 100.0)?,
        chloride_below_range: channel.flag("below_range")?.unwrap_or(false),
        chloride_above_range: channel.flag("above_range")?.unwrap_or(false),
        chloride_quality: number(&channel, "quality", 1.0, 1_000.0)?,
        ..body
    })
}

/// Whether the scan can be relied on, in its own word or by its quality.
fn judged(item: &Fields<'_>, body: ScanBody) -> Result<ScanBody, Rejected> {
    let poor = [
        ("volume_channel", body.volume_quality),
        ("chloride_channel", body.chloride_quality),
    ]
    .into_iter()
    .find_map(|(channel, quality)| {
        let quality = quality.filter(|quality| *quality < QUALITY_MIN)?;
        Some(format!(
            "{channel}.quality is {quality}, below {QUALITY_MIN}"
        ))
    });
    let failed = item.flag("failed")?.unwrap_or(false);
    let said = item.word("failure_reason")?;
    let unread = || "the photo could not be read".to_owned();
    Ok(ScanBody {
        failed: failed || poor.is_some(),
        failure_reason: match (failed, poor) {
            (true, poor) => Some(said.or(poor).unwrap_or_else(unread)),
            (false, poor) => poor,
        },
        ..body
    })
}
