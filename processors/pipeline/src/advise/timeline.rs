//! The timeline as advice sees it: workouts in order, done and planned, and what was taken.
//!
//! A plan that a session fulfilled is told by the session; both standing would be two workouts.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::sync::Arc;

use processors_domain::advice::{GapBounds, GapClass, Intensity};
use processors_domain::observation::Licence;
use processors_domain::sport::Sport;
use processors_domain::units::{Milligrams, Millilitres, Seconds};
use schemas::record::Micros;
use schemas::record::observation::{IntakeBody, PlannedWorkoutBody};
use schemas::record::state::{LossState, SessionState};

use super::select::Taste;
use super::{BEGAN_BEFORE_US, HORIZON_US};
use crate::beliefs::Beliefs;
use crate::bucket::Kind;
use crate::dirty::Reach;
use crate::licence;
use crate::normalize::plan_end;
use crate::observation;
use crate::settings::Settings;
use crate::work::Work;

/// A plan and the session that fulfilled it start at most this far apart.
const FULFILS_US: i64 = 3 * 3_600 * 1_000_000;
/// Urine of this colour and above, on the chart of eight, is dark.
const DARK_URINE_MIN: i32 = 5;

/// What advice looks at besides one workout.
pub(super) struct Timeline {
    /// Live and withdrawn.
    pub(super) sessions: Vec<Arc<SessionState>>,
    pub(super) plans: Vec<Plan>,
    /// What was taken, and the label of who told of it.
    intake: Vec<(Licence, IntakeBody)>,
    /// When urine was reported dark or not, ascending.
    urine: Vec<(Micros, bool)>,
    /// Live sessions, and plans that none of them fulfilled, by start.
    workouts: Vec<Workout>,
    pub(super) settings: Arc<Settings>,
    pub(super) taste: Taste,
    pub(super) bounds: GapBounds,
    pub(super) beliefs: Rc<Beliefs>,
}

/// A planned workout, live or taken back.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    pub(super) id: String,
    pub(super) live: bool,
    pub(super) sport: Sport,
    pub(super) start: Micros,
    pub(super) end: Micros,
    pub(super) duration: Seconds,
    pub(super) intensity: Intensity,
    /// The session that it became.
    pub(super) fulfilled_by: Option<String>,
}

/// One workout, done or planned.
#[derive(Clone, Debug)]
pub(super) struct Workout {
    pub(super) id: String,
    pub(super) sport: Sport,
    pub(super) start: Micros,
    pub(super) end: Micros,
    pub(super) duration: Seconds,
    pub(super) intensity: Intensity,
    /// What it cost; `None` for what is only planned.
    pub(super) loss: Option<LossState>,
    /// The strictest label of all that is known of it, and of what was taken in it.
    pub(super) licence: Licence,
}

impl Workout {
    /// Its place among others. Ids come last: a session's id goes back to who told of it first, and
    /// which of two workouts of the same hour is looked at must not.
    fn place(&self) -> impl Ord + '_ {
        let cost = self.loss.as_ref().map(|loss| &loss.published.content_hash);
        (
            self.start,
            self.end,
            self.duration,
            self.sport.as_str(),
            cost,
            &self.id,
        )
    }

    /// Since when a workout that began before this one counts for it.
    pub(super) fn since(&self) -> Micros {
        Micros(self.start.0.saturating_sub(BEGAN_BEFORE_US))
    }

    fn is_done(&self) -> bool {
        self.loss.is_some()
    }

    /// Of two that end together the later one outlasts the other.
    fn outlasts(&self, other: &Self) -> bool {
        (self.end, self.place()) > (other.end, other.place())
    }

    /// How much of it, in thousandths, a later one is under way as well.
    pub(super) fn permille_within(&self, later: &Self) -> i64 {
        let all = self.end.0.saturating_sub(self.start.0);
        let both = self.end.0.saturating_sub(later.start.0.max(self.start.0));
        let share = both.max(0).saturating_mul(1_000);
        share.checked_div(all).unwrap_or(0)
    }

    pub(super) fn of_plan(plan: &Plan) -> Self {
        Self {
            id: plan.id.clone(),
            sport: plan.sport,
            start: plan.start,
            end: plan.end,
            duration: plan.duration,
            intensity: plan.intensity,
            loss: None,
            // Plans are the athlete's own.
            licence: Licence::Own,
        }
    }
}

impl Timeline {
    pub(super) fn of(work: &Work<'_>) -> Self {
        let settings = work.settings();
        let mut timeline = Self {
            sessions: Vec::new(),
            plans: Vec::new(),
            intake: Vec::new(),
            urine: Vec::new(),
            workouts: Vec::new(),
            taste: Taste::of(&settings),
            settings,
            bounds: work.rules.gap_bounds(),
            beliefs: work.beliefs(),
        };
        for (_, bucket) in work.days() {
            timeline.sessions.extend(bucket.sessions.iter().cloned());
            let told = bucket
                .observations
                .iter()
                .filter(|kept| matches!(kept.kind(), Kind::Plan | Kind::Intake | Kind::SelfReport));
            for state in told {
                let Some(version) = observation::current(state) else {
                    continue;
                };
                let live = state.is_live(&work.head);
                if let Some(plan) = &version.planned_workout {
                    timeline.plans.push(Plan::of(plan, live));
                }
                if let (Some(intake), true) = (&version.intake, live) {
                    timeline
                        .intake
                        .push((licence::of(state), (**intake).clone()));
                }
                if let (Some(report), true) = (&version.self_report, live)
                    && let Some(colour) = report.urine_colour
                {
                    timeline.urine.push((report.at, colour >= DARK_URINE_MIN));
                }
            }
        }
        timeline.urine.sort_unstable();
        timeline.match_plans();
        timeline
    }

    /// Each plan with the nearest session of its family that is not taken by a nearer plan.
    fn match_plans(&mut self) {
        let sessions: Vec<Workout> = self
            .sessions
            .iter()
            .filter_map(|state| self.workout_of(state))
            .collect();
        let mut pairs: Vec<(u64, Micros, &str, usize, &Workout)> = Vec::new();
        for (at, plan) in self.plans.iter().enumerate().filter(|(_, plan)| plan.live) {
            for session in &sessions {
                let apart = session.start.0.abs_diff(plan.start.0);
                if apart <= FULFILS_US.unsigned_abs() && plan.may_be(session) {
                    pairs.push((apart, plan.start, &plan.id, at, session));
                }
            }
        }
        pairs.sort_unstable_by(|a, b| {
            (a.0, a.1, a.2)
                .cmp(&(b.0, b.1, b.2))
                .then_with(|| a.4.place().cmp(&b.4.place()))
        });
        let mut taken: BTreeSet<String> = BTreeSet::new();
        let mut fulfilled: BTreeMap<usize, String> = BTreeMap::new();
        for (_, _, _, at, session) in pairs {
            if !taken.contains(&session.id) && !fulfilled.contains_key(&at) {
                taken.insert(session.id.clone());
                fulfilled.insert(at, session.id.clone());
            }
        }
        for (at, plan) in self.plans.iter_mut().enumerate() {
            plan.fulfilled_by = fulfilled.remove(&at);
        }
        let open = self
            .plans
            .iter()
            .filter(|plan| plan.live && plan.fulfilled_by.is_none());
        self.workouts = open.map(Workout::of_plan).collect();
        self.workouts.extend(sessions);
        self.workouts.sort_by(|a, b| a.place().cmp(&b.place()));
    }

    /// `None` for what is not a live workout of its own.
    pub(super) fn workout_of(&self, state: &SessionState) -> Option<Workout> {
        (state.published.live && !state.container).then(|| Workout {
            id: state.session_id.clone(),
            sport: Sport::parse(&state.sport).unwrap_or(Sport::Other),
            start: state.start,
            end: state.end,
            duration: Seconds::clamped(state.duration_s),
            intensity: Intensity::Moderate,
            loss: state.loss.clone(),
            licence: self.licence_of(state),
        })
    }

    fn licence_of(&self, state: &SessionState) -> Licence {
        let loss = state.loss.as_ref().map(|loss| &loss.licence);
        let told = [Some(&state.licence), loss].into_iter().flatten();
        let told = told.map(|word| licence::kept(word.as_deref()));
        licence::strictest(told.chain(self.taken_by((state.start.0, state.end.0))))
    }

    /// Done and planned, by start.
    pub(super) fn workouts(&self) -> impl Iterator<Item = &Workout> {
        self.workouts.iter()
    }

    /// The next workout within the horizon, and the time until it starts. One that is under way when
    /// this one ends is next, with no time between them; a plan that was to begin before is not: it was
    /// not followed.
    pub(super) fn next(&self, workout: &Workout) -> Option<(&Workout, Seconds)> {
        let next = self
            .workouts
            .iter()
            .filter(|other| other.outlasts(workout) && other.id != workout.id)
            .find(|other| other.is_done() || other.start >= workout.end)?;
        let gap = next.start.0.saturating_sub(workout.end.0).max(0);
        (gap < HORIZON_US).then(|| (next, Seconds::from_micros(gap)))
    }

    /// Of the workouts that began before this one, and since then, the last to end, within the horizon. It
    /// may end in this one, or after it.
    pub(super) fn previous<'t>(
        &'t self,
        workout: &Workout,
        fulfilled_by: Option<&str>,
        since: Micros,
    ) -> Option<(&'t Workout, Seconds)> {
        let before = self
            .before(workout, fulfilled_by)
            .filter(|other| other.start >= since)
            .max_by(|a, b| a.end.cmp(&b.end).then_with(|| a.place().cmp(&b.place())))?;
        let gap = workout.start.0.saturating_sub(before.end.0).max(0);
        (gap < HORIZON_US).then(|| (before, Seconds::from_micros(gap)))
    }

    /// Those that began before, in the order of places.
    pub(super) fn before<'t, 'w>(
        &'t self,
        workout: &'w Workout,
        fulfilled_by: Option<&'w str>,
    ) -> impl Iterator<Item = &'t Workout> + use<'t, 'w> {
        let others = self
            .workouts
            .iter()
            .filter(move |other| other.id != workout.id && Some(other.id.as_str()) != fulfilled_by);
        others.filter(|other| other.place() < workout.place())
    }

    /// The part of a plan in which no workout before it is under way: minutes have one plan.
    pub(super) fn free_part(&self, plan: &Plan) -> Option<Workout> {
        let planned = Workout::of_plan(plan);
        let before = self.before(&planned, plan.fulfilled_by.as_deref());
        let before = before.filter(|other| other.start >= planned.since());
        let start = before.map(|other| other.end).fold(plan.start, Micros::max);
        let left = plan.end.0.saturating_sub(start.0);
        (left > 0).then(|| Workout {
            start,
            duration: planned.duration.min(Seconds::from_micros(left)),
            ..planned
        })
    }

    /// Whether something that was to begin at an instant, or began, was taken back.
    pub(super) fn is_withdrawn(&self, start: Micros) -> bool {
        let plans = self.plans.iter().filter(|plan| !plan.live);
        let sessions = self.sessions.iter().filter(|state| {
            !state.published.live && state.superseded_by.is_none() && !state.container
        });
        let mut starts = plans
            .map(|plan| plan.start)
            .chain(sessions.map(|state| state.start));
        starts.any(|at| at == start)
    }

    /// Whether the planned workout was over before its hour: nobody prepares for it any more.
    pub(super) fn is_done_early(&self, plan: &Plan) -> bool {
        let done = plan.fulfilled_by.as_deref();
        let mut sessions = self.workouts.iter();
        sessions.any(|other| Some(other.id.as_str()) == done && other.end <= plan.start)
    }

    /// The workout before a plan, with the class of the gap to it.
    pub(super) fn before_plan(&self, plan: &Plan) -> Option<(&Workout, Seconds, GapClass)> {
        let planned = Workout::of_plan(plan);
        let (before, gap) =
            self.previous(&planned, plan.fulfilled_by.as_deref(), planned.since())?;
        Some((before, gap, GapClass::of(gap, &self.bounds)))
    }

    pub(super) fn taken(&self, reach: Reach) -> (Millilitres, Milligrams) {
        let sum = |of: fn(&IntakeBody) -> Option<f64>| {
            let parts = self.intake_in(reach).filter_map(|(_, body)| of(body));
            parts.map(|part| libm::round(part) as i64).sum::<i64>()
        };
        (
            Millilitres::clamped(sum(|body| body.fluid_ml)),
            Milligrams::clamped(sum(|body| body.sodium_mg)),
        )
    }

    /// The labels of what was taken in that time.
    pub(super) fn taken_by(&self, reach: Reach) -> impl Iterator<Item = Licence> {
        self.intake_in(reach).map(|(label, _)| *label)
    }

    fn intake_in(&self, reach: Reach) -> impl Iterator<Item = &(Licence, IntakeBody)> {
        let taken = self.intake.iter();
        taken.filter(move |(_, body)| body.at.0 >= reach.0 && body.at.0 <= reach.1)
    }

    /// Whether the last report within half a day before said that urine is dark.
    pub(super) fn dark_urine(&self, before: Micros) -> bool {
        let since = before.0.saturating_sub(HORIZON_US / 2);
        let last = self
            .urine
            .iter()
            .rev()
            .find(|(at, _)| at.0 <= before.0 && at.0 >= since);
        last.is_some_and(|(_, dark)| *dark)
    }
}

impl Plan {
    /// What was over before the plan's hour is the planned workout only where it was half as long at
    /// least: others are something before it.
    fn may_be(&self, session: &Workout) -> bool {
        let is_early = session.end <= self.start;
        let halves = session.duration.get().saturating_mul(2);
        let is_short = is_early && halves < self.duration.get();
        session.sport.family() == self.sport.family() && !is_short
    }

    fn of(body: &PlannedWorkoutBody, live: bool) -> Self {
        Self {
            id: body.plan_id.clone(),
            live,
            sport: Sport::parse(&body.sport).unwrap_or(Sport::Other),
            start: body.start,
            end: Micros(plan_end(body)),
            duration: Seconds::from_minutes(body.duration_min).unwrap_or(Seconds::ZERO),
            intensity: Intensity::parse(&body.intensity).unwrap_or_default(),
            fulfilled_by: None,
        }
    }
}
