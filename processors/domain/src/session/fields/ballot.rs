//! How a field is decided among those that tell it, and how the choice is written down.

use super::super::Activity;
use crate::observation::{Choice, DeviceClass, ObservationId, Source, Writer};
use crate::sport::Family;

/// What a field is about, for which some devices are better witnesses than others on the same path.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Fit {
    /// Times, names, energy: every device knows its own.
    Time,
    /// Way, speed, climb and power: on a ride the computer on the bike has the sensors.
    Motion,
    /// The heart: what is worn on the body.
    Body,
}

/// How well a device witnesses a field, 0 the best.
fn fitness(fit: Fit, family: Family, member: &Activity) -> u8 {
    let class = member.device.map(|device| device.class);
    match (fit, family, class) {
        (Fit::Time, _, _) => 0,
        (_, _, Some(DeviceClass::Phone)) => 2,
        (Fit::Motion, Family::Ride, Some(DeviceClass::BikeComputer)) => 0,
        (Fit::Body, _, Some(DeviceClass::Wearable)) => 0,
        (Fit::Motion | Fit::Body, _, _) => 1,
    }
}

/// How much of the workout a teller was there for, the best first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Cover {
    Whole,
    /// All of it, in pieces.
    Pieces,
    /// Less than another: begun late, ended early, or cropped.
    Part,
}

/// What grows with the time that is recorded: a part of it is no value of the whole.
const OF_ALL: [&str; 5] = [
    "timer_s",
    "moving_s",
    "distance_m",
    "energy_kj",
    "elevation_gain_m",
];

/// The tellers in order of rank, what each won so far, and the record of it.
pub(super) struct Ballot<'a> {
    pub(super) ranked: &'a [&'a Activity],
    /// One for each of them.
    covers: &'a [Cover],
    pieces: &'a [Vec<&'a Activity>],
    pub(super) family: Family,
    pub(super) wins: Vec<u32>,
    pub(super) choices: Vec<Choice>,
}

/// Fields with a choice of their own; only sizes a buffer.
const FIELDS: usize = 22;

impl<'a> Ballot<'a> {
    pub(super) fn new(
        ranked: &'a [&'a Activity],
        covers: &'a [Cover],
        pieces: &'a [Vec<&'a Activity>],
    ) -> Self {
        Self {
            ranked,
            covers,
            pieces,
            family: Family::Any,
            wins: vec![0; ranked.len()],
            choices: Vec::with_capacity(FIELDS),
        }
    }

    pub(super) fn pieces_of(&self, id: ObservationId) -> Option<&'a [&'a Activity]> {
        let is_it = |parts: &&Vec<&Activity>| parts.first().is_some_and(|first| first.id == id);
        self.pieces.iter().find(is_it).map(Vec::as_slice)
    }

    fn cover(&self, position: usize) -> Cover {
        self.covers.get(position).copied().unwrap_or(Cover::Whole)
    }

    /// The best ranked member that tells the field wins it.
    pub(super) fn elect<T: Copy + PartialEq>(
        &mut self,
        field: &'static str,
        fit: Fit,
        told: impl Fn(&'a Activity) -> Option<T>,
    ) -> Option<T> {
        self.elect_if(field, fit, told, |_| true)
    }

    /// The best ranked member that tells the field, and nothing that contradicts what is chosen.
    pub(super) fn elect_if<T: Copy + PartialEq>(
        &mut self,
        field: &'static str,
        fit: Fit,
        told: impl Fn(&'a Activity) -> Option<T>,
        agrees: impl Fn(&T) -> bool,
    ) -> Option<T> {
        let family = self.family;
        let place = |position: usize, member: &Activity| {
            // On one path the better witness; a path is worth more than a device.
            (
                member.is_manual(),
                self.cover(position),
                path_rank(member),
                fitness(fit, family, member),
                position,
            )
        };
        let needs_all = OF_ALL.contains(&field);
        let may_win = |position: usize, member: &'a Activity| {
            !(needs_all && self.cover(position) == Cover::Part)
                && told(member).is_some_and(|value| agrees(&value))
        };
        let tellers = || self.ranked.iter().enumerate();
        let winner = tellers()
            .filter(|(position, member)| may_win(*position, member))
            .map(|(position, member)| place(position, member))
            .min()?
            .4;
        let first = tellers().find(|(position, member)| may_win(*position, member));
        let rule = match first.map(|(position, _)| position) {
            Some(first) if first != winner => "device_fit",
            Some(0) => "path_rank",
            _ => "next_by_rank",
        };
        let lost_by = |value: T| {
            if agrees(&value) {
                "lower_rank"
            } else {
                "contradicts"
            }
        };
        self.crown(field, winner, rule, lost_by, &told)
    }

    /// Writes down that `winner` (a position) won; a field told by one member only needs no rule.
    pub(super) fn crown<T: Copy + PartialEq>(
        &mut self,
        field: &'static str,
        winner: usize,
        rule: &'static str,
        lost_by: impl Fn(T) -> &'static str,
        told: impl Fn(&'a Activity) -> Option<T>,
    ) -> Option<T> {
        let member = self.ranked.get(winner)?;
        let value = told(member)?;
        let mut losers = Vec::new();
        for (position, other) in self.ranked.iter().enumerate() {
            if position != winner
                && let Some(theirs) = told(other)
            {
                let reason = if theirs == value {
                    "same_value"
                } else if self.cover(position) == Cover::Part
                    && self.cover(winner) != Cover::Part
                    && rule != "user_edit"
                {
                    "covers_part"
                } else {
                    lost_by(theirs)
                };
                losers.push((other.id, reason));
            }
        }
        let parts: Vec<ObservationId> = self
            .pieces_of(member.id)
            .map(|parts| parts.iter().skip(1).map(|part| part.id).collect())
            .unwrap_or_default();
        let rule = match rule {
            "user_edit" => rule,
            _ if !parts.is_empty() => "of_parts",
            _ if losers.is_empty() => "only_source",
            _ => rule,
        };
        if let Some(count) = self.wins.get_mut(winner) {
            *count = count.saturating_add(1);
        }
        self.choices.push(Choice {
            field,
            winner: member.id,
            parts,
            rule,
            losers,
            confirmed_by: None,
        });
        Some(value)
    }

    /// A field that follows from another, whose winner it has.
    pub(super) fn derive(&mut self, field: &'static str, from: &'static str, rule: &'static str) {
        let source = self.choices.iter().find(|choice| choice.field == from);
        let derived = source.map(|choice| Choice {
            field,
            winner: choice.winner,
            parts: choice.parts.clone(),
            rule,
            losers: Vec::new(),
            confirmed_by: choice.confirmed_by,
        });
        self.choices.extend(derived);
    }

    /// Notes whose word decided for the value of a field.
    pub(super) fn confirm(&mut self, field: &'static str, by: ObservationId) {
        let choices = self.choices.iter_mut();
        for choice in choices.filter(|choice| choice.field == field) {
            choice.confirmed_by = Some(by);
        }
    }
}

/// Nearness of a record's path to the device, 0 the nearest. What was typed in comes last.
///
/// Another app in Health is believed for the device that it names; one that names none may have
/// guessed the workout from a body at rest and in motion, and a recording at Strava is better.
pub(in crate::session) fn path_rank(member: &Activity) -> u8 {
    if member.is_manual() {
        return 11;
    }
    match (member.source, member.writer) {
        (Source::File, _) => 0,
        (Source::Garmin, _) => 1,
        (Source::HealthKit, Some(Writer::AppleDevice(_))) => 2,
        (Source::HealthKit, Some(Writer::Other(_)) | None) if has_own_device(member) => 3,
        (Source::HealthKit, Some(Writer::GarminConnect)) => 4,
        (Source::Strava, _) if member.device.is_some() => 5,
        (Source::HealthKit, Some(Writer::Other(_)) | None) => 6,
        (Source::Strava, _) => 7,
        (Source::HealthKit, Some(Writer::Strava)) => 8,
        (Source::Other, _) => 9,
        (Source::App, _) => 10,
        (Source::HealthKit, Some(Writer::AppleManual)) => 11,
    }
}

/// Health names the phone on which an app wrote where the app names nothing.
fn has_own_device(member: &Activity) -> bool {
    member
        .device
        .is_some_and(|device| device.class != DeviceClass::Phone)
}
