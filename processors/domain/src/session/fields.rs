//! One session out of its members, field by field.
//!
//! A field is taken from one member, never mixed: an average of two energies is a number that no
//! device measured. Members are ranked by how near their path is to the device; the best that tells
//! a field wins it, and the choice is written down with everyone who lost it.

use super::Activity;
use crate::observation::{Choice, ObservationId, Role, Source, Writer};
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
    let mut ranked: Vec<&Activity> = members.to_vec();
    ranked.sort_unstable_by_key(|member| (path_rank(member), member.first_received, member.id));
    let primary: &Activity = ranked.first()?;
    // A hidden start is no time: it counts only where nobody tells another.
    let tells_time = |member: &&&Activity| !member.hidden_start;
    let timed: &Activity = ranked.iter().find(tells_time).unwrap_or(&primary);
    let mut ballot = Ballot::new(&ranked);

    let sport = ballot.sport(primary);
    ballot.elect("start", |member| {
        (member.hidden_start == timed.hidden_start).then(|| member.span.start())
    });
    let (end, elapsed_s) = ballot.end(timed);
    let timer_s = ballot.elect("timer_s", |member| member.timer_s);
    let moving_s = ballot.elect("moving_s", |member| member.moving_s);
    let distance_dm = ballot.elect("distance_m", |member| member.distance_dm);
    let energy_j = ballot.elect("energy_kj", |member| member.energy_j);
    let average = ballot.elect("heart_rate_avg_bpm", |member| member.heart_rate_avg_bpm);
    // A maximum below the average of another device would contradict it.
    let maximum = ballot.elect("heart_rate_max_bpm", |member| {
        member
            .heart_rate_max_bpm
            .filter(|most| average.is_none_or(|mean| *most >= mean))
    });
    let power_avg_dw = ballot.elect("power_avg_w", |member| member.power_avg_dw);
    let speed_avg_mm_s = ballot.elect("speed_avg_m_s", |member| member.speed_avg_mm_s);
    let elevation_gain_dm = ballot.elect("elevation_gain_m", |member| member.elevation_gain_dm);
    let position = ballot.elect("start_lat", |member| member.start_position_e7);
    ballot.elect("start_lon", |member| member.start_position_e7);
    let told_indoor = ballot.elect("indoor", |member| member.indoor);
    let title = ballot.title();
    let utc_offset_s = ballot.offset(timed, home_zone);
    let zone = ballot.zone(timed, utc_offset_s);

    Some(Composed {
        sport,
        family: sport.family(),
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
        indoor: told_indoor.or(sport.indoor()),
        title,
        local_date: local_date(timed.span.start(), utc_offset_s),
        utc_offset_s,
        zone,
        container: primary.is_container(),
        roles: ballot.roles(),
        provenance: ballot.choices,
    })
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

/// The members in order of rank, what each won so far, and the record of it.
struct Ballot<'a> {
    ranked: &'a [&'a Activity],
    wins: Vec<u32>,
    choices: Vec<Choice>,
}

/// Fields with a choice of their own; only sizes a buffer.
const FIELDS: usize = 20;

impl<'a> Ballot<'a> {
    fn new(ranked: &'a [&'a Activity]) -> Self {
        Self {
            ranked,
            wins: vec![0; ranked.len()],
            choices: Vec::with_capacity(FIELDS),
        }
    }

    /// The best ranked member that tells the field wins it.
    fn elect<T: Copy + PartialEq>(
        &mut self,
        field: &'static str,
        told: impl Fn(&'a Activity) -> Option<T>,
    ) -> Option<T> {
        let winner = self
            .ranked
            .iter()
            .position(|member| told(member).is_some())?;
        let rule = if winner == 0 {
            "path_rank"
        } else {
            "next_by_rank"
        };
        self.crown(field, winner, rule, "lower_rank", told)
    }

    /// Writes down that `winner` (a position) won; a field told by one member only needs no rule.
    fn crown<T: Copy + PartialEq>(
        &mut self,
        field: &'static str,
        winner: usize,
        rule: &'static str,
        lost_by: &'static str,
        told: impl Fn(&'a Activity) -> Option<T>,
    ) -> Option<T> {
        let member = self.ranked.get(winner)?;
        let value = told(member)?;
        let mut losers = Vec::new();
        for (position, other) in self.ranked.iter().enumerate() {
            if position != winner
                && let Some(theirs) = told(other)
            {
                losers.push((
                    other.id,
                    if theirs == value {
                        "same_value"
                    } else {
                        lost_by
                    },
                ));
            }
        }
        let rule = if losers.is_empty() && rule != "user_edit" {
            "only_source"
        } else {
            rule
        };
        if let Some(count) = self.wins.get_mut(winner) {
            *count = count.saturating_add(1);
        }
        self.choices.push(Choice {
            field,
            winner: member.id,
            rule,
            losers,
        });
        Some(value)
    }

    /// The user's last edit, else the most special sport of the primary's family.
    fn sport(&mut self, primary: &Activity) -> Sport {
        let told = |member: &Activity| Some(member.sport);
        if let Some(editor) = self.last_editor(|member| member.sport != Sport::Other) {
            return self
                .crown("sport", editor, "user_edit", "not_edited", told)
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
        self.crown("sport", winner, rule, "less_specific", told)
            .unwrap_or(Sport::Other)
    }

    fn title(&mut self) -> Option<String> {
        fn told(member: &Activity) -> Option<&str> {
            member
                .title
                .as_deref()
                .filter(|title| !title.trim().is_empty())
        }
        let title = match self.last_editor(|member| told(member).is_some()) {
            Some(editor) => self.crown("title", editor, "user_edit", "not_edited", told),
            None => self.elect("title", told),
        };
        title.map(str::to_owned)
    }

    /// The position of the member that its user edited last, among those that `tell` the field.
    fn last_editor(&self, tells: impl Fn(&Activity) -> bool) -> Option<usize> {
        let mut last: Option<(Instant, usize)> = None;
        for (position, member) in self.ranked.iter().enumerate() {
            if let Some(edited_at) = member.edited_at
                && tells(member)
                && last.is_none_or(|(latest, _)| edited_at > latest)
            {
                last = Some((edited_at, position));
            }
        }
        last.map(|(_, position)| position)
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
        let end = self.crown("end", winner, rule, lost_by, end);
        let elapsed_s = self.crown("elapsed_s", winner, rule, lost_by, elapsed);
        (
            end.unwrap_or(timed.span.end()),
            elapsed_s.unwrap_or(timed.elapsed_s),
        )
    }

    /// An offset that was told, else that of a zone that was told, else home, else UTC.
    fn offset(&mut self, primary: &Activity, home_zone: Option<&str>) -> i32 {
        let start = primary.span.start();
        let by_zone = |member: &Activity| offset_at(member.zone.as_deref()?, start);
        self.elect("utc_offset_s", |member| member.utc_offset_s)
            .or_else(|| self.elect("utc_offset_s", by_zone))
            .or_else(|| offset_at(home_zone?, start))
            .unwrap_or(0)
    }

    fn zone(&mut self, primary: &Activity, utc_offset_s: i32) -> Option<String> {
        let start = primary.span.start();
        let agrees = |zone: &&str| offset_at(zone, start) == Some(utc_offset_s);
        self.elect("time_zone", |member| member.zone.as_deref().filter(agrees))
            .map(str::to_owned)
    }

    fn roles(&self) -> Vec<(ObservationId, Role)> {
        let most = self.wins.iter().copied().max().unwrap_or(0);
        let first_with_most = self.wins.iter().position(|wins| *wins == most);
        let role = |(position, (member, wins)): (usize, (&&Activity, &u32))| {
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
            (member.id, role)
        };
        self.ranked
            .iter()
            .zip(&self.wins)
            .enumerate()
            .map(role)
            .collect()
    }
}

#[cfg(test)]
mod tests;
