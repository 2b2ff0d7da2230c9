//! One session out of its members, field by field.
//!
//! A field is taken from one member, never mixed: an average of two energies is a number that no
//! device measured. Members are ranked by how near their path is to the device; the best that tells
//! a field wins it, and the choice is written down with everyone who lost it. Only the pieces of one
//! recording are summed, because together they are one record.

use super::{Activity, split};
use crate::observation::{Choice, DeviceClass, ObservationId, Role, Source, Writer};
use crate::sport::{Family, Sport};
use crate::time::{CivilDate, Instant, local_date, offset_at};

/// A workout as its members tell it together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Composed {
    pub sport: Sport,
    pub family: Family,
    pub start: Instant,
    pub end: Instant,
    pub timer_s: Option<i64>,
    pub moving_s: Option<i64>,
    pub elapsed_s: i64,
    pub distance_dm: Option<i64>,
    pub energy_j: Option<i64>,
    pub heart_rate_avg_bpm: Option<i32>,
    pub heart_rate_max_bpm: Option<i32>,
    pub power_avg_dw: Option<i64>,
    pub speed_avg_mm_s: Option<i64>,
    pub elevation_gain_dm: Option<i64>,
    pub start_position_e7: Option<(i64, i64)>,
    pub indoor: Option<bool>,
    pub title: Option<String>,
    pub local_date: CivilDate,
    pub utc_offset_s: i32,
    /// A zone whose offset agrees with `utc_offset_s`.
    pub zone: Option<String>,
    pub container: bool,
    pub provenance: Vec<Choice>,
    /// One role a member, in order of rank.
    pub roles: Vec<(ObservationId, Role)>,
}

/// Merges the members of one group. `home_zone` is the athlete's own zone, for records that tell
/// neither offset nor zone. `None` without members.
pub fn compose(members: &[&Activity], home_zone: Option<&str>) -> Option<Composed> {
    let tellers = Tellers::of(members);
    let ranked = tellers.ranked();
    let primary: &Activity = ranked.first()?;
    // A hidden start is no time: it counts only where nobody tells another.
    let tells_time = |member: &&&Activity| !member.hidden_start;
    let timed: &Activity = ranked.iter().find(tells_time).unwrap_or(&primary);
    let mut ballot = Ballot::new(&ranked, &tellers.pieces);

    let sport = ballot.sport(primary);
    let family = sport.family();
    ballot.family = family;
    ballot.elect("start", Fit::Time, |member| {
        (member.hidden_start == timed.hidden_start).then(|| member.span.start())
    });
    let (end, elapsed_s) = ballot.end(timed);
    let timer_s = ballot.elect_if(
        "timer_s",
        Fit::Time,
        |member| member.timer_s,
        |timer| *timer <= elapsed_s,
    );
    let worked = timer_s.unwrap_or(elapsed_s);
    let moving_s = ballot.elect_if(
        "moving_s",
        Fit::Time,
        |member| member.moving_s,
        |moving| *moving <= worked,
    );
    let distance_dm = ballot.elect("distance_m", Fit::Motion, |member| member.distance_dm);
    let energy_j = ballot.elect("energy_kj", Fit::Time, |member| member.energy_j);
    let average = ballot.elect("heart_rate_avg_bpm", Fit::Body, |member| {
        member.heart_rate_avg_bpm
    });
    // A maximum below the average of another device would contradict it.
    let maximum = ballot.elect_if(
        "heart_rate_max_bpm",
        Fit::Body,
        |member| member.heart_rate_max_bpm,
        |most| average.is_none_or(|mean| *most >= mean),
    );
    let power_avg_dw = ballot.elect("power_avg_w", Fit::Motion, |member| member.power_avg_dw);
    let speed_avg_mm_s = ballot.elect("speed_avg_m_s", Fit::Motion, |member| member.speed_avg_mm_s);
    let elevation_gain_dm = ballot.elect("elevation_gain_m", Fit::Motion, |member| {
        member.elevation_gain_dm
    });
    let position = ballot.elect("start_lat", Fit::Motion, |member| member.start_position_e7);
    ballot.elect("start_lon", Fit::Motion, |member| member.start_position_e7);
    let indoor = ballot.indoor(sport);
    let title = ballot.title();
    let utc_offset_s = ballot.offset(timed, home_zone);
    let zone = ballot.zone(timed, utc_offset_s);
    ballot.derive("family", "sport", "of_sport");
    ballot.derive("local_date", "start", "of_start");

    Some(Composed {
        sport,
        family,
        start: timed.span.start(),
        end,
        timer_s,
        moving_s,
        elapsed_s,
        distance_dm,
        energy_j,
        heart_rate_avg_bpm: average,
        heart_rate_max_bpm: maximum,
        power_avg_dw,
        speed_avg_mm_s,
        elevation_gain_dm,
        start_position_e7: position,
        indoor,
        title,
        local_date: local_date(timed.span.start(), utc_offset_s),
        utc_offset_s,
        zone,
        container: primary.is_container(),
        roles: tellers.roles(&ballot),
        provenance: ballot.choices,
    })
}

/// The members, with the pieces of a split recording as one teller.
struct Tellers<'a> {
    members: &'a [&'a Activity],
    pieces: Vec<Vec<&'a Activity>>,
    sides: Vec<Activity>,
}

impl<'a> Tellers<'a> {
    fn of(members: &'a [&'a Activity]) -> Self {
        let pieces = if members.len() > 1 {
            split::pieces(members)
        } else {
            Vec::new()
        };
        let sides = pieces
            .iter()
            .filter_map(|parts| split::together(parts))
            .collect();
        Self {
            members,
            pieces,
            sides,
        }
    }

    /// By nearness to the device; a recording in one piece before one in several, and what was typed
    /// in last.
    fn ranked(&self) -> Vec<&Activity> {
        let whole = self
            .members
            .iter()
            .copied()
            .filter(|member| !split::is_piece(&self.pieces, member.id))
            .map(|member| (false, member));
        let mut ranked: Vec<(bool, &Activity)> = whole
            .chain(self.sides.iter().map(|side| (true, side)))
            .collect();
        ranked.sort_unstable_by_key(|(in_pieces, member)| {
            (
                member.is_manual(),
                *in_pieces,
                path_rank(member),
                member.first_received,
                member.id,
            )
        });
        ranked.into_iter().map(|(_, member)| member).collect()
    }

    fn roles(&self, ballot: &Ballot<'_>) -> Vec<(ObservationId, Role)> {
        let most = ballot.wins.iter().copied().max().unwrap_or(0);
        let first_with_most = ballot.wins.iter().position(|wins| *wins == most);
        let mut roles = Vec::with_capacity(self.members.len());
        for (position, (member, wins)) in ballot.ranked.iter().zip(&ballot.wins).enumerate() {
            if let Some(parts) = ballot.pieces_of(member.id) {
                roles.extend(parts.iter().map(|part| (part.id, Role::Part)));
                continue;
            }
            let role = if member.is_transition() {
                Role::Transition
            } else if member.parent.is_some() {
                Role::Leg
            } else if Some(position) == first_with_most {
                Role::Primary
            } else if *wins > 0 {
                Role::Contributor
            } else {
                Role::Duplicate
            };
            roles.push((member.id, role));
        }
        roles
    }
}

/// Nearness of a record's path to the device, 0 the nearest. What was typed in comes last.
fn path_rank(member: &Activity) -> u8 {
    if member.is_manual() {
        return 9;
    }
    match (member.source, member.writer) {
        (Source::File, _) => 0,
        (Source::Garmin, _) => 1,
        (Source::HealthKit, Some(Writer::AppleDevice(_))) => 2,
        (Source::HealthKit, Some(Writer::Other(_)) | None) => 3,
        (Source::HealthKit, Some(Writer::GarminConnect)) => 4,
        (Source::Strava, _) => 5,
        (Source::HealthKit, Some(Writer::Strava)) => 6,
        (Source::Other, _) => 7,
        (Source::App, _) => 8,
        (Source::HealthKit, Some(Writer::AppleManual)) => 9,
    }
}

/// What a field is about, for which some devices are better witnesses than others on the same path.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fit {
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

/// The tellers in order of rank, what each won so far, and the record of it.
struct Ballot<'a> {
    ranked: &'a [&'a Activity],
    pieces: &'a [Vec<&'a Activity>],
    family: Family,
    wins: Vec<u32>,
    choices: Vec<Choice>,
}

/// Fields with a choice of their own; only sizes a buffer.
const FIELDS: usize = 22;

impl<'a> Ballot<'a> {
    fn new(ranked: &'a [&'a Activity], pieces: &'a [Vec<&'a Activity>]) -> Self {
        Self {
            ranked,
            pieces,
            family: Family::Any,
            wins: vec![0; ranked.len()],
            choices: Vec::with_capacity(FIELDS),
        }
    }

    fn pieces_of(&self, id: ObservationId) -> Option<&'a [&'a Activity]> {
        let is_it = |parts: &&Vec<&Activity>| parts.first().is_some_and(|first| first.id == id);
        self.pieces.iter().find(is_it).map(Vec::as_slice)
    }

    /// The best ranked member that tells the field wins it.
    fn elect<T: Copy + PartialEq>(
        &mut self,
        field: &'static str,
        fit: Fit,
        told: impl Fn(&'a Activity) -> Option<T>,
    ) -> Option<T> {
        self.elect_if(field, fit, told, |_| true)
    }

    /// The best ranked member that tells the field, and nothing that contradicts what is chosen.
    fn elect_if<T: Copy + PartialEq>(
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
                self.pieces_of(member.id).is_some(),
                path_rank(member),
                fitness(fit, family, member),
                position,
            )
        };
        let tellers = self.ranked.iter().enumerate();
        let winner = tellers
            .filter(|(_, member)| told(member).is_some_and(|value| agrees(&value)))
            .map(|(position, member)| place(position, member))
            .min()?
            .4;
        let is_passed_over =
            |member: &&'a Activity| told(member).is_some_and(|value| agrees(&value));
        let rule = match self.ranked.iter().position(is_passed_over) {
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
    fn crown<T: Copy + PartialEq>(
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
        });
        Some(value)
    }

    /// A field that follows from another, whose winner it has.
    fn derive(&mut self, field: &'static str, from: &'static str, rule: &'static str) {
        let source = self.choices.iter().find(|choice| choice.field == from);
        let derived = source.map(|choice| Choice {
            field,
            winner: choice.winner,
            parts: choice.parts.clone(),
            rule,
            losers: Vec::new(),
        });
        self.choices.extend(derived);
    }

    /// The user's last edit, else the most special sport of the primary's family.
    fn sport(&mut self, primary: &Activity) -> Sport {
        let told = |member: &Activity| Some(member.sport);
        let edited = |member: &Activity| {
            member
                .sport_edited_at
                .filter(|_| member.sport != Sport::Other)
        };
        if let Some(editor) = self.last_editor(edited) {
            return self
                .crown("sport", editor, "user_edit", |_| "not_edited", told)
                .unwrap_or(Sport::Other);
        }
        // A primary that says nothing of the family leaves it to the next that does.
        let says_much =
            |member: &&&Activity| !matches!(member.family(), Family::Any) && member.sport_known;
        let family = self
            .ranked
            .iter()
            .find(says_much)
            .map_or(primary.family(), |it| it.family());
        let mut winner = 0;
        let mut most = 0;
        for (position, member) in self.ranked.iter().enumerate() {
            if member.family() == family && member.sport.specificity() > most {
                (winner, most) = (position, member.sport.specificity());
            }
        }
        let rule = if winner == 0 {
            "path_rank"
        } else {
            "most_specific"
        };
        self.crown("sport", winner, rule, |_| "less_specific", told)
            .unwrap_or(Sport::Other)
    }

    fn title(&mut self) -> Option<String> {
        fn told(member: &Activity) -> Option<&str> {
            member
                .title
                .as_deref()
                .filter(|title| !title.trim().is_empty())
        }
        let edited = |member: &Activity| member.title_edited_at.filter(|_| told(member).is_some());
        let title = match self.last_editor(edited) {
            Some(editor) => self.crown("title", editor, "user_edit", |_| "not_edited", told),
            None => self.elect("title", Fit::Time, told),
        };
        title.map(str::to_owned)
    }

    /// The position of the member that its user edited last.
    fn last_editor(&self, edited_at: impl Fn(&Activity) -> Option<Instant>) -> Option<usize> {
        let mut last: Option<(Instant, usize)> = None;
        for (position, member) in self.ranked.iter().enumerate() {
            if let Some(at) = edited_at(member)
                && last.is_none_or(|(latest, _)| at > latest)
            {
                last = Some((at, position));
            }
        }
        last.map(|(_, position)| position)
    }

    /// What a record tells, else what the sport says.
    fn indoor(&mut self, sport: Sport) -> Option<bool> {
        let told = self.elect("indoor", Fit::Time, |member| member.indoor);
        if told.is_none() && sport.indoor().is_some() {
            self.derive("indoor", "sport", "of_sport");
        }
        told.or(sport.indoor())
    }

    /// End and elapsed time go together. A summary that tells the timer as its length hides its
    /// pauses; a copy of the same recording that tells a longer elapsed time knows better.
    fn end(&mut self, timed: &Activity) -> (Instant, i64) {
        let hides_pauses = timed.source == Source::Garmin && timed.timer_s == Some(timed.elapsed_s);
        let knows_better = |member: &&Activity| {
            let copies =
                member.source == Source::Strava || member.writer == Some(Writer::GarminConnect);
            copies
                && !member.is_manual()
                && member.hidden_start == timed.hidden_start
                && member.elapsed_s > timed.elapsed_s
                && member.span.start().within(timed.span.start(), 5)
                && [member.timer_s, member.moving_s]
                    .iter()
                    .flatten()
                    .any(|worked| {
                        worked.abs_diff(timed.elapsed_s) <= timed.elapsed_s.unsigned_abs() / 50
                    })
        };
        let teller = hides_pauses
            .then(|| self.ranked.iter().position(knows_better))
            .flatten();
        let end = |member: &Activity| {
            (member.hidden_start == timed.hidden_start).then(|| member.span.end())
        };
        let elapsed = |member: &Activity| Some(member.elapsed_s);
        let first = self.ranked.iter().position(|member| member.id == timed.id);
        let winner = teller.or(first).unwrap_or(0);
        let rule = if teller.is_some() {
            "pauses_told"
        } else {
            "path_rank"
        };
        let lost_by = if teller.is_some() {
            "pauses_untold"
        } else {
            "lower_rank"
        };
        let end = self.crown("end", winner, rule, |_| lost_by, end);
        let elapsed_s = self.crown("elapsed_s", winner, rule, |_| lost_by, elapsed);
        (
            end.unwrap_or(timed.span.end()),
            elapsed_s.unwrap_or(timed.elapsed_s),
        )
    }

    /// An offset that was told, else that of a zone that was told, else home, else UTC.
    fn offset(&mut self, primary: &Activity, home_zone: Option<&str>) -> i32 {
        let start = primary.span.start();
        let by_zone = |member: &Activity| offset_at(member.zone.as_deref()?, start);
        let told = self
            .elect("utc_offset_s", Fit::Time, |member| member.utc_offset_s)
            .or_else(|| self.elect("utc_offset_s", Fit::Time, by_zone));
        if told.is_none() {
            let rule = if home_zone.is_some() {
                "home_zone"
            } else {
                "utc"
            };
            self.derive("utc_offset_s", "start", rule);
        }
        told.or_else(|| offset_at(home_zone?, start)).unwrap_or(0)
    }

    fn zone(&mut self, primary: &Activity, utc_offset_s: i32) -> Option<String> {
        let start = primary.span.start();
        let agrees = |zone: &&str| offset_at(zone, start) == Some(utc_offset_s);
        self.elect("time_zone", Fit::Time, |member| {
            member.zone.as_deref().filter(agrees)
        })
        .map(str::to_owned)
    }
}

#[cfg(test)]
mod tests;
