//! Photographs of sweat patches as the app tells them: `sweat.scan/1`.
//!
//! It knows no truth: what the patch shows is handed in.

use serde_json::{Value, json};

/// A full volume channel holds this much, microlitres.
pub(crate) const CHANNEL_UL: f64 = 67.4;
/// Skin under the collecting port, square centimetres.
pub(crate) const AREA_CM2: f64 = 0.30;
/// The colour scale of the chloride channel, mmol/L.
pub(crate) const CHLORIDE_RANGE: (f64, f64) = (10.0, 90.0);

/// One photograph.
#[derive(Clone)]
pub(crate) struct Scan {
    pub(crate) id: String,
    pub(crate) athlete_id: String,
    pub(crate) patch_id: String,
    /// RFC 3339 with the local offset.
    pub(crate) applied_at: String,
    pub(crate) scanned_at: String,
    pub(crate) area_told: bool,
    pub(crate) reading: Reading,
    pub(crate) revision: i64,
    pub(crate) supersedes: Option<String>,
}

#[derive(Clone, Copy)]
pub(crate) enum Reading {
    Read {
        volume_ul: f64,
        chloride_mmol_l: f64,
        quality: f64,
    },
    /// Nothing could be read.
    Failed,
}

impl Scan {
    pub(crate) fn json(&self) -> String {
        let (volume, chloride) = self.channels();
        let mut scan = json!({
            "schema": "sweat.scan/1",
            "scan_id": self.id,
            "athlete_id": self.athlete_id,
            "patch_id": self.patch_id,
            "patch_lot": "L26-04",
            "body_site": "forearm_left_ventral",
            "applied_at": self.applied_at,
            "scanned_at": self.scanned_at,
            "workout_ref": null,
            "volume_channel": volume,
            "chloride_channel": chloride,
            "image": {"sha256": null, "stored": false},
            "device": {"os": "ios", "app_version": "4.2.0"},
            "revision": self.revision,
            "supersedes": self.supersedes,
        });
        if let Some(fields) = scan.as_object_mut() {
            if self.area_told {
                fields.insert("patch".into(), json!({"collection_area_cm2": AREA_CM2}));
            }
            if matches!(self.reading, Reading::Failed) {
                fields.insert("failed".into(), json!(true));
            }
        }
        scan.to_string()
    }

    fn channels(&self) -> (Value, Value) {
        let Reading::Read {
            volume_ul,
            chloride_mmol_l,
            quality,
        } = self.reading
        else {
            let nothing = json!({"fill_fraction": null, "volume_ul": null, "saturated": false, "quality": 0.1});
            return (nothing, json!({"chloride_mmol_l": null, "quality": 0.1}));
        };
        let (low, high) = CHLORIDE_RANGE;
        let saturated = volume_ul >= CHANNEL_UL;
        let shown = volume_ul.min(CHANNEL_UL);
        let hundredth = |value: f64| (value * 100.0).round() / 100.0;
        let tenth = |value: f64| (value * 10.0).round() / 10.0;
        let volume = json!({
            "fill_fraction": hundredth(shown / CHANNEL_UL),
            "volume_ul": tenth(shown),
            "saturated": saturated,
            "quality": hundredth(quality),
        });
        let chloride = json!({
            "chloride_mmol_l": tenth(chloride_mmol_l.clamp(low, high)),
            "below_range": chloride_mmol_l < low,
            "above_range": chloride_mmol_l > high,
            "quality": hundredth(quality - 0.05),
        });
        (volume, chloride)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scan(reading: Reading) -> Value {
        let scan = Scan {
            id: "s".to_owned(),
            athlete_id: "a".to_owned(),
            patch_id: "p".to_owned(),
            applied_at: "2026-05-01T06:58:00-05:00".to_owned(),
            scanned_at: "2026-05-01T08:12:30-05:00".to_owned(),
            area_told: true,
            reading,
            revision: 1,
            supersedes: None,
        };
        serde_json::from_str(&scan.json()).unwrap()
    }

    #[test]
    fn a_channel_tells_no_more_than_it_holds_and_a_colour_no_more_than_its_scale() {
        let cases = [
            ((41.83, 38.5), (41.8, false), (38.5, false, false)),
            ((80.0, 4.0), (67.4, true), (10.0, true, false)),
            ((67.4, 120.0), (67.4, true), (90.0, false, true)),
        ];
        for ((volume_ul, chloride_mmol_l), volume, chloride) in cases {
            let quality = 0.9;
            let read = scan(Reading::Read {
                volume_ul,
                chloride_mmol_l,
                quality,
            });
            let channel = &read["volume_channel"];
            assert_eq!(
                (
                    channel["volume_ul"].as_f64(),
                    channel["saturated"].as_bool()
                ),
                (Some(volume.0), Some(volume.1))
            );
            let channel = &read["chloride_channel"];
            assert_eq!(channel["chloride_mmol_l"], chloride.0);
            assert_eq!(
                (
                    channel["below_range"].as_bool(),
                    channel["above_range"].as_bool()
                ),
                (Some(chloride.1), Some(chloride.2))
            );
        }
        let failed = scan(Reading::Failed);
        assert_eq!(failed["failed"], true);
        assert!(failed["volume_channel"]["volume_ul"].is_null());
    }
}
