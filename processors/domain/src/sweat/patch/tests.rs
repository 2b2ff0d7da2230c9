//! Scans of one workout, good and bad.

use proptest::prelude::*;

use super::*;

const HOUR_S: i64 = 3_600;

/// One hour from zero.
fn session() -> Span {
    Span::new(Instant(0), Instant::from_seconds(HOUR_S))
}

fn minute(minutes: i64) -> Instant {
    Instant::from_seconds(minutes * 60)
}

/// 30 µL on 0.5 cm² in 50 minutes of sweating are 1.2 mg/cm²/min.
fn scan() -> Scan {
    Scan {
        observation: ObservationId(1),
        patch: 7,
        applied_at: minute(-5),
        scanned_at: minute(62),
        area: CollectionArea::from_cm2(0.5),
        volume: PatchVolume::from_microlitres(30.0),
        volume_saturated: false,
        volume_quality: Some(Permille::clamped(900)),
        chloride: LocalConcentration::from_mmol_per_l(38.5),
        chloride_below_range: false,
        chloride_above_range: false,
        chloride_quality: Some(Permille::clamped(810)),
        failed: false,
    }
}

fn read(scans: &[Scan]) -> PatchReading {
    read_patch(scans, session(), None)
}

fn rate_of(reading: &PatchReading) -> Option<i64> {
    reading.rate.map(|rate| rate.value.get())
}

#[test]
fn the_rate_is_volume_over_area_over_minutes_of_sweating() {
    let worn = |from: i64, to: i64| Scan {
        applied_at: minute(from),
        scanned_at: minute(to),
        ..scan()
    };
    let cases = [
        // Put on before, scanned after: the hour without its first ten minutes.
        (worn(-5, 62), Some(1_200), false),
        (worn(-300, 600), Some(1_200), false),
        // Put on while sweat runs already.
        (worn(25, 60), Some(1_714), false),
        // Scanned within: 40 minutes of wear, 30 of sweating.
        (worn(0, 40), Some(2_000), false),
        // Worn too shortly to be trusted like others: 20 minutes of sweat out of 29.
        (worn(31, 60), Some(2_069), true),
        (worn(0, 14), None, true),
        (worn(0, 5), None, true),
    ];
    for (scan, rate, partial) in cases {
        let reading = read(&[scan]);
        assert_eq!(
            (rate_of(&reading), reading.partial),
            (rate, partial),
            "{scan:?}"
        );
        assert_eq!(
            reading.flags.contains(&LossFlag::Short),
            partial,
            "{scan:?}"
        );
        assert_eq!(reading.observation, Some(ObservationId(1)));
    }
}

#[test]
fn a_scan_belongs_to_a_workout_that_it_overlaps_until_twelve_hours_after() {
    let at = |from: i64, to: i64| Scan {
        applied_at: minute(from),
        scanned_at: minute(to),
        ..scan()
    };
    assert!(read(&[at(-5, 60 + 720)]).rate.is_some());
    for strange in [
        at(-5, 60 + 721),
        at(-90, -30),
        at(-30, 0),
        at(60, 120),
        at(200, 300),
    ] {
        assert_eq!(read(&[strange]), PatchReading::default(), "{strange:?}");
    }
    assert_eq!(read(&[]), PatchReading::default());
}

#[test]
fn the_area_is_told_or_configured_or_there_is_no_rate() {
    let mute = Scan {
        area: None,
        ..scan()
    };
    let with = |default: Option<f64>, scan: Scan| {
        let area = default.and_then(CollectionArea::from_cm2);
        let reading = read_patch(&[scan], session(), area);
        (rate_of(&reading), reading.flags)
    };
    assert_eq!(with(Some(0.3), scan()), (Some(1_200), BTreeSet::new()));
    assert_eq!(
        with(Some(0.3), mute),
        (Some(2_000), BTreeSet::from([LossFlag::AreaAssumed]))
    );
    assert_eq!(
        with(None, mute),
        (None, BTreeSet::from([LossFlag::AreaUnknown]))
    );
    assert!(read(&[mute]).chloride.is_some(), "salt needs no area");
}

#[test]
fn scans_that_cannot_be_read_tell_nothing() {
    let poor = Some(Permille::clamped(499));
    let cases = [
        Scan {
            failed: true,
            ..scan()
        },
        Scan {
            volume_quality: poor,
            ..scan()
        },
        Scan {
            volume: None,
            chloride: None,
            ..scan()
        },
        Scan {
            volume: None,
            chloride_quality: poor,
            ..scan()
        },
    ];
    for scan in cases {
        let reading = read(&[scan]);
        assert_eq!(
            reading.flags,
            BTreeSet::from([LossFlag::ScanFailed]),
            "{scan:?}"
        );
        assert_eq!((reading.rate, reading.chloride), (None, None), "{scan:?}");
    }
    let fair = Scan {
        volume_quality: Some(Permille::clamped(500)),
        chloride_quality: None,
        ..scan()
    };
    assert!(read(&[fair]).rate.is_some() && read(&[fair]).chloride.is_some());
    let colourless = read(&[Scan {
        chloride_quality: poor,
        ..scan()
    }]);
    assert!(colourless.rate.is_some() && colourless.chloride.is_none());
}

#[test]
fn of_several_scans_of_a_patch_the_last_readable_one_counts() {
    let at = |key: u128, to: i64, microlitres: f64| Scan {
        observation: ObservationId(key),
        scanned_at: minute(to),
        volume: PatchVolume::from_microlitres(microlitres),
        ..scan()
    };
    let scans = [at(1, 30, 10.0), at(2, 60, 30.0), at(3, 61, 31.0)];
    let reading = read(&scans);
    assert_eq!(reading.observation, Some(ObservationId(3)));
    assert_eq!(rate_of(&reading), Some(1_240));
    let failed = [
        scans[0],
        scans[1],
        Scan {
            failed: true,
            ..scans[2]
        },
    ];
    assert_eq!(read(&failed).observation, Some(ObservationId(2)));
    assert_eq!(read(&failed).flags, BTreeSet::new());
    // A patch may gather nothing between two photos.
    let still = Scan {
        volume: scans[1].volume,
        ..scans[2]
    };
    assert_eq!(rate_of(&read(&[scans[1], still])), Some(1_200));
    // The colour may be legible only in an earlier photo.
    let grey = Scan {
        chloride: None,
        ..scans[2]
    };
    assert!(read(&[scans[1], grey]).chloride.is_some());
}

#[test]
fn what_cannot_be_is_implausible_and_not_used() {
    let less = Scan {
        observation: ObservationId(2),
        scanned_at: minute(70),
        volume: PatchVolume::from_microlitres(29.9),
        ..scan()
    };
    let before = Scan {
        applied_at: minute(40),
        scanned_at: minute(40),
        ..scan()
    };
    let flood = Scan {
        volume: PatchVolume::from_microlitres(200.0),
        ..scan()
    };
    let dry = Scan {
        volume: PatchVolume::from_microlitres(0.2),
        ..scan()
    };
    for scans in [vec![scan(), less], vec![before], vec![flood], vec![dry]] {
        let reading = read(&scans);
        assert_eq!(reading.rate, None, "{scans:?}");
        assert_eq!(
            reading.flags,
            BTreeSet::from([LossFlag::Implausible]),
            "{scans:?}"
        );
    }
    // 0.1 and 3 mg/cm²/min are the last that are usual.
    for (microlitres, is_rare) in [(2.4, true), (2.5, false), (75.0, false), (75.1, true)] {
        let reading = read(&[Scan {
            volume: PatchVolume::from_microlitres(microlitres),
            ..scan()
        }]);
        let is_flagged = reading.flags.contains(&LossFlag::Unusual);
        assert_eq!(is_flagged, is_rare, "{microlitres}");
        assert!(reading.rate.is_some(), "{microlitres}");
    }
}

#[test]
fn full_channels_and_colours_off_the_scale_are_bounds() {
    let full = read(&[Scan {
        volume_saturated: true,
        ..scan()
    }]);
    assert_eq!(full.rate.unwrap().bound, Bound::AtLeast);
    let cases = [
        (true, false, Some(Bound::AtMost)),
        (false, true, Some(Bound::AtLeast)),
        (false, false, Some(Bound::Exact)),
        (true, true, None),
    ];
    for (chloride_below_range, chloride_above_range, bound) in cases {
        let reading = read(&[Scan {
            chloride_below_range,
            chloride_above_range,
            ..scan()
        }]);
        assert_eq!(reading.chloride.map(|told| told.bound), bound);
    }
}

#[test]
fn of_two_patches_the_one_that_gathered_longest_counts() {
    let late = Scan {
        observation: ObservationId(2),
        patch: 3,
        applied_at: minute(20),
        ..scan()
    };
    let lost = Scan {
        observation: ObservationId(3),
        patch: 9,
        failed: true,
        ..scan()
    };
    assert_eq!(
        read(&[late, lost, scan()]).observation,
        Some(ObservationId(1))
    );
    assert_eq!(read(&[lost, late]).observation, Some(ObservationId(2)));
}

proptest! {
    #[test]
    fn order_does_not_matter_and_nothing_panics(
        told in prop::collection::vec(
            (any::<u8>(), 0_u64..3, -200_i64..900, -200_i64..900, 0_i64..2_000, any::<[bool; 4]>()),
            0..6,
        ),
        length in 0_i64..5_000,
    ) {
        let scans: Vec<Scan> = told
            .into_iter()
            .map(|(key, patch, applied, scanned, volume, [full, low, high, failed])| Scan {
                observation: ObservationId(u128::from(key)),
                patch,
                applied_at: minute(applied),
                scanned_at: minute(scanned),
                volume: Some(PatchVolume::clamped(volume)),
                volume_saturated: full,
                chloride_below_range: low,
                chloride_above_range: high,
                failed,
                ..scan()
            })
            .collect();
        let session = Span::from_start(Instant(0), length);
        let mut turned = scans.clone();
        turned.reverse();
        let unlike = scans.iter().all(|one| {
            scans.iter().filter(|other| other.observation == one.observation).count() == 1
        });
        let reading = read_patch(&scans, session, None);
        if unlike {
            prop_assert_eq!(&reading, &read_patch(&turned, session, None));
        }
        prop_assert!(reading.rate.is_none() || reading.observation.is_some());
    }
}
