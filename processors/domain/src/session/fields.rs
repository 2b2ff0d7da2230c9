//! One session out of its members, field by field.
//!
//! A field is taken from one member, never mixed: an average of two energies is a number that no
//! device measured. Members are ranked by how near their path is to the device; the best that tells
//! a field wins it, and the choice is written down with everyone who lost it. Only the pieces of one
//! recording are summed or averaged, because together they are one record.

mod ballot;
mod parts;

use std::cmp::Reverse;

use super::matching::THRESHOLDS;
use super::{Activity, split};
use crate::observation::{Choice, ObservationId, Role, Source, Writer};
use crate::sport::{Family, Sport};
use crate::time::{CivilDate, Instant, Span, local_date, offset_at};

pub(super) use ballot::path_rank;
use ballot::{Ballot, Cover, Fit};

/// Two tellers of one length round a second each.
const SAME_LENGTH_S: u64 = 2;

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
    let (covers, ranked): (Vec<Cover>, Vec<&Activity>) = tellers.ranked().into_iter().unzip();
    let primary: &Activity = ranked.first()?;
    // A hidden start is no time: it counts only where nobody tells another.
    let tells_time = |member: &&&Activity| !member.hidden_start;
    let timed: &Activity = ranked.iter().find(tells_time).unwrap_or(&primary);
    let mut ballot = Ballot::new(&ranked, &covers, &tellers.pieces);

    let sport = ballot.sport(primary);
    let family = sport.family();
    ballot.family = family;
    ballot.elect("start", Fit::Time, |member| {
        (member.hidden_start == timed.hidden_start).then(|| member.span.start())
    });
    let (end, elapsed_s) = ballot.end(timed);
    let (timer_s, moving_s) = ballot.durations(elapsed_s);
    let distance_dm = ballot.elect("distance_m", Fit::Motion, |member| member.distance_dm);
    let energy_j = ballot.elect("energy_kj", Fit::Time, |member| member.energy_j);
    let (average, maximum) = ballot.heart();
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

/// What the others say of pauses that the timed member hides.
enum Pauses {
    None,
    /// At this position.
    ToldBy(usize),
    /// Somebody told of some, and this one knows that there were none.
    Refuted(ObservationId),
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

    /// By how much of the workout they cover, then by nearness to the device, and what was typed in
    /// last. Between equal paths the longer record leads: which copy came first says nothing of the
    /// workout.
    fn ranked(&self) -> Vec<(Cover, &Activity)> {
        let whole = self
            .members
            .iter()
            .copied()
            .filter(|member| !split::is_piece(&self.pieces, member.id))
            .map(|member| (self.cover(member), member));
        let sides = self.sides.iter().map(|side| (Cover::Pieces, side));
        let mut ranked: Vec<(Cover, &Activity)> = whole.chain(sides).collect();
        ranked.sort_unstable_by_key(|(cover, member)| {
            (
                member.is_manual(),
                *cover,
                path_rank(member),
                Reverse(member.elapsed_s),
                member.span,
                member.id,
            )
        });
        ranked
    }

    fn cover(&self, member: &Activity) -> Cover {
        let of_others = self.members.iter().filter(|other| other.id != member.id);
        let is_part = self.members.len() > 1
            && (self
                .pieces
                .iter()
                .any(|side| parts::is_in_pieces(member, side))
                || of_others
                    .into_iter()
                    .any(|whole| parts::is_part(member, whole)));
        if is_part { Cover::Part } else { Cover::Whole }
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

impl<'a> Ballot<'a> {
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

    /// Timer and moving time, neither longer than what holds it.
    fn durations(&mut self, elapsed_s: i64) -> (Option<i64>, Option<i64>) {
        let timer_s = self.elect_if(
            "timer_s",
            Fit::Time,
            |member| member.timer_s,
            |timer| *timer <= elapsed_s,
        );
        let worked = timer_s.unwrap_or(elapsed_s);
        let moving_s = self.elect_if(
            "moving_s",
            Fit::Time,
            |member| member.moving_s,
            |moving| *moving <= worked,
        );
        (timer_s, moving_s)
    }

    /// Mean and maximum: one below the mean of another device would contradict it.
    fn heart(&mut self) -> (Option<i32>, Option<i32>) {
        let average = self.elect("heart_rate_avg_bpm", Fit::Body, |member| {
            member.heart_rate_avg_bpm
        });
        let maximum = self.elect_if(
            "heart_rate_max_bpm",
            Fit::Body,
            |member| member.heart_rate_max_bpm,
            |most| average.is_none_or(|mean| *most >= mean),
        );
        (average, maximum)
    }

    /// What a record tells, else what the sport says.
    fn indoor(&mut self, sport: Sport) -> Option<bool> {
        let told = self.elect("indoor", Fit::Time, |member| member.indoor);
        if told.is_none() && sport.indoor().is_some() {
            self.derive("indoor", "sport", "of_sport");
        }
        told.or(sport.indoor())
    }

    /// End and elapsed time go together: of who counts the pauses that the timed member hides, else
    /// of itself.
    fn end(&mut self, timed: &Activity) -> (Instant, i64) {
        let (teller, confirmed_by) = match self.pauses(timed) {
            Pauses::None => (None, None),
            Pauses::ToldBy(teller) => (Some(teller), None),
            Pauses::Refuted(by) => (None, Some(by)),
        };
        let end = |member: &Activity| {
            (member.hidden_start == timed.hidden_start).then(|| member.span.end())
        };
        let elapsed = |member: &Activity| Some(member.elapsed_s);
        let first = self.ranked.iter().position(|member| member.id == timed.id);
        let winner = teller.or(first).unwrap_or(0);
        let (rule, lost_by) = match (teller, confirmed_by) {
            (Some(_), _) => ("pauses_told", "pauses_untold"),
            (None, Some(_)) => ("confirmed", "lower_rank"),
            (None, None) => ("path_rank", "lower_rank"),
        };
        let end = self.crown("end", winner, rule, |_| lost_by, end);
        // Who ended later may have begun otherwise: then its length is not that from start to end.
        let begun = self.ranked.get(winner).map(|it| it.span.start());
        if let Some(end) = end.filter(|_| teller.is_some() && begun != Some(timed.span.start())) {
            self.derive("elapsed_s", "end", "of_span");
            return (end, Span::new(timed.span.start(), end).length_s());
        }
        let elapsed_s = self.crown("elapsed_s", winner, rule, |_| lost_by, elapsed);
        if let Some(by) = confirmed_by {
            self.confirm("end", by);
            self.confirm("elapsed_s", by);
        }
        (
            end.unwrap_or(timed.span.end()),
            elapsed_s.unwrap_or(timed.elapsed_s),
        )
    }

    /// A summary that tells the timer as its length hides its pauses: a copy of the same recording
    /// that tells a longer elapsed time knows better, and so does another device whose end is later
    /// than two devices on one body differ.
    ///
    /// Where Strava's copy tells the very length there was no pause, and who ended later forgot to
    /// stop. Strava takes elapsed time out of the file itself; a copy in Health cannot say so much,
    /// because an app may have written the timer as the length there, too.
    fn pauses(&self, timed: &Activity) -> Pauses {
        let hides_pauses =
            |it: &Activity| it.source == Source::Garmin && it.timer_s == Some(it.elapsed_s);
        let is_comparable =
            |it: &Activity| !it.is_manual() && it.hidden_start == timed.hidden_start;
        let starts_within =
            |it: &Activity, seconds: i64| it.span.start().within(timed.span.start(), seconds);
        let starts_with = |it: &Activity| starts_within(it, THRESHOLDS.copy_start_s);
        let confirms = |it: &Activity| {
            it.source == Source::Strava
                && is_comparable(it)
                && starts_with(it)
                && it.elapsed_s.abs_diff(timed.elapsed_s) <= SAME_LENGTH_S
        };
        if !hides_pauses(timed) {
            return Pauses::None;
        }
        let tells_end = |it: &Activity| {
            is_comparable(it) && !hides_pauses(it) && it.elapsed_s > timed.elapsed_s
        };
        let of_service =
            |it: &Activity| it.source == Source::Strava || it.writer == Some(Writer::GarminConnect);
        let is_much_later = |it: &Activity| {
            let (end, late_s) = (it.span.end(), THRESHOLDS.later_end_s);
            end > timed.span.end() && !end.within(timed.span.end(), late_s)
        };
        let first = |knows_better: &dyn Fn(&Activity) -> bool| {
            let mut ranked = self.ranked.iter();
            ranked.position(|it| tells_end(it) && knows_better(it))
        };
        // A copy starts in the same second, to its rounding. Another device may come near it by chance,
        // which an Apple watch that tells of itself always is.
        let may_be_copy = |it: &Activity| !matches!(it.writer, Some(Writer::AppleDevice(_)));
        let teller = first(&|it| starts_with(it) && of_service(it))
            .or_else(|| {
                first(&|it| may_be_copy(it) && starts_within(it, THRESHOLDS.device_start_s))
            })
            .or_else(|| first(&|it| may_be_copy(it) && starts_with(it)))
            .or_else(|| first(&is_much_later));
        let refuted = self.ranked.iter().find(|it| confirms(it));
        match (teller, refuted) {
            (None, _) => Pauses::None,
            (Some(_), Some(by)) => Pauses::Refuted(by.id),
            (Some(teller), None) => Pauses::ToldBy(teller),
        }
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
