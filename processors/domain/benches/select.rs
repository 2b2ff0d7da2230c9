//! How long a solve takes: needs as the rules make them for drawn athletes, over all phases, whole
//! catalogue, kinds and servings of the reference. Percentiles first, because a mean hides the
//! hardest question; then the usual benchmark of each phase.

use std::time::Instant as Stopwatch;

use criterion::Criterion;
use processors_domain::advice::{
    AfterInput, BeforeInput, BridgeInput, DuringInput, GapBounds, Intensity, NextWorkout,
    NightInput, after, before, bridge, during, pre_sleep,
};
use processors_domain::catalogue::Catalogue;
use processors_domain::selection::{
    Bands, Candidates, Diet, Limits, Optimality, Phase, Problem, Restrictions, Units,
};
use processors_domain::units::{
    BodyMass, DrinkRate, Milligrams, Millilitres, Permille, Seconds, SodiumConcentration, SweatRate,
};

const QUESTIONS: usize = 10_000;

/// SplitMix64.
struct Draw(u64);

impl Draw {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn between(&mut self, lo: i64, hi: i64) -> i64 {
        let width = u64::try_from(hi - lo + 1).unwrap_or(1);
        lo + i64::try_from(self.next() % width).unwrap_or(0)
    }
}

/// A workout of somebody around 70 kg.
struct Workout {
    mass: BodyMass,
    duration: Seconds,
    intensity: Intensity,
    rate: SweatRate,
    sodium: SodiumConcentration,
    cap: DrinkRate,
}

impl Workout {
    fn drawn(draw: &mut Draw) -> Self {
        let mass = 70_000 + draw.between(-9_000, 9_000) + draw.between(-9_000, 9_000);
        let intensities = [Intensity::Low, Intensity::Moderate, Intensity::High];
        let intensity = match draw.between(0, 2) {
            0 => Intensity::Low,
            1 => Intensity::Moderate,
            _ => Intensity::High,
        };
        assert!(intensities.contains(&intensity));
        Self {
            mass: BodyMass::clamped(mass),
            duration: Seconds::clamped(60 * draw.between(20, 300)),
            intensity,
            rate: SweatRate::clamped(draw.between(400, 2_000)),
            sodium: SodiumConcentration::clamped(draw.between(150, 800)),
            cap: DrinkRate::clamped(if draw.between(0, 4) == 0 { 1_000 } else { 800 }),
        }
    }

    fn lost(&self) -> Millilitres {
        self.rate.over(self.duration)
    }

    fn bands(&self, phase: Phase, draw: &mut Draw) -> Bands {
        let mass = self.mass;
        let replaced = self.lost().get() * draw.between(0, 9) / 10;
        let deficit = Millilitres::clamped(self.lost().get() - replaced);
        let draft = match phase {
            Phase::Before => before(&BeforeInput {
                mass,
                duration: self.duration,
                intensity: self.intensity,
                lead: Seconds::clamped(60 * draw.between(5, 300)),
                dark_urine: draw.between(0, 4) == 0,
                carbohydrate_scale: Permille::clamped(500 * draw.between(1, 2)),
            }),
            Phase::During => during(&DuringInput {
                mass,
                duration: self.duration,
                rate: self.rate,
                sodium: self.sodium,
                intensity: self.intensity,
                start_deficit: Millilitres::clamped(draw.between(0, 500)),
                cap: self.cap,
                gut_trained: draw.between(0, 4) == 0,
                merged_before: Seconds::clamped(0),
            }),
            Phase::Bridge => bridge(&BridgeInput {
                mass,
                deficit,
                gap: Seconds::clamped(60 * draw.between(45, 119)),
                cap: self.cap,
            }),
            Phase::After => after(&AfterInput {
                mass,
                duration: self.duration,
                intensity: self.intensity,
                deficit,
                sodium_lost: Milligrams::of_sodium(self.lost(), self.sodium),
                sodium_taken: Milligrams::clamped(draw.between(0, 600)),
                next: (draw.between(0, 2) == 0).then(|| NextWorkout {
                    gap: Seconds::clamped(60 * draw.between(120, 1_500)),
                    fluid_before: None,
                }),
                to_bed: Some(Seconds::clamped(60 * draw.between(90, 900))),
                cap: self.cap,
                bounds: GapBounds::default(),
            }),
            Phase::BeforeSleep => pre_sleep(&NightInput {
                hard_day: true,
                without_milk: draw.between(0, 4) == 0,
            }),
        };
        Bands::of(draft.needs())
    }
}

struct Question {
    phase: Phase,
    candidates: usize,
    bands: Bands,
    limits: Limits,
}

fn restrictions() -> Vec<Restrictions> {
    let free = Restrictions::default();
    let vegan = Restrictions {
        diets: [Diet::Vegan].into(),
        ..free.clone()
    };
    let salty = Restrictions {
        sodium_restricted: true,
        ..free.clone()
    };
    let tested = Restrictions {
        tested: true,
        ..free.clone()
    };
    vec![free, vegan, salty, tested]
}

/// One athlete in ten has a restriction; the rest may have all that suits the phase.
fn questions(restrictions: usize) -> Vec<Question> {
    let mut draw = Draw(70);
    let phases = Phase::ALL.iter().copied().enumerate().cycle();
    phases
        .take(QUESTIONS)
        .map(|(number, phase)| {
            let workout = Workout::drawn(&mut draw);
            let restricted = draw.between(0, 9) == 0;
            let which = draw.between(1, 3) * i64::from(restricted);
            let which = usize::try_from(which).unwrap_or(0).min(restrictions - 1);
            Question {
                phase,
                candidates: which * Phase::ALL.len() + number,
                bands: workout.bands(phase, &mut draw),
                limits: Limits {
                    drink_strength: phase == Phase::During && draw.between(0, 4) > 0,
                    salt_needs_fluid: true,
                },
            }
        })
        .collect()
}

fn problem<'p>(question: &Question, candidates: &'p [Candidates<'p>]) -> Option<Problem<'p>> {
    let candidates = candidates.get(question.candidates)?;
    let mut problem = Problem::new(candidates, question.bands, question.phase.kinds_max());
    problem.units = Units::Usual;
    problem.limits = question.limits;
    Some(problem)
}

#[expect(
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a benchmark measures time and says what it measured"
)]
fn percentiles(questions: &[Question], candidates: &[Candidates<'_>], phase: Option<Phase>) {
    let mut micros = Vec::new();
    let (mut bounded, mut unmet) = (0, 0);
    let mut nodes = Vec::new();
    let asked = questions
        .iter()
        .filter(|question| phase.is_none_or(|phase| phase == question.phase));
    let mut hardest = (0, None);
    for question in asked {
        let Some(problem) = problem(question, candidates) else {
            continue;
        };
        let start = Stopwatch::now();
        let answer = std::hint::black_box(problem.solve());
        let took = start.elapsed().as_secs_f64() * 1e6;
        micros.push(took);
        bounded += usize::from(answer.optimality == Optimality::Bounded);
        unmet += usize::from(answer.score.unmet > 0 || answer.score.over > 0);
        nodes.push(answer.nodes);
        if answer.nodes > hardest.0 {
            hardest = (answer.nodes, Some((question.bands, answer)));
        }
    }
    micros.sort_by(f64::total_cmp);
    nodes.sort_unstable();
    let at = |permille: usize| {
        let last = micros.len().saturating_sub(1);
        micros.get(last * permille / 1_000).copied().unwrap_or(0.0)
    };
    println!(
        "select {:9} n {:5} p50 {:8.1} p95 {:8.1} p99 {:8.1} max {:9.1} us; nodes p99 {} max {}, not in all bands {unmet}, bounded {bounded}",
        phase.map_or("all", Phase::as_str),
        micros.len(),
        at(500),
        at(950),
        at(990),
        at(1_000),
        nodes.get(nodes.len() * 99 / 100).copied().unwrap_or(0),
        nodes.last().copied().unwrap_or(0),
    );
    if let (Some(_), Some((bands, answer))) = (phase, hardest.1) {
        println!(
            "  hardest: {bands:?}\n  {:?} {:?}",
            answer.score, answer.items
        );
    }
}

fn main() {
    let restrictions = restrictions();
    let questions = questions(restrictions.len());
    let candidates: Vec<Candidates<'_>> = restrictions
        .iter()
        .flat_map(|one| Phase::ALL.map(|phase| (one, phase)))
        .map(|(one, phase)| Candidates::new(Catalogue::shipped(), one, Some(phase)))
        .collect();
    for phase in Phase::ALL.into_iter().map(Some).chain([None]) {
        percentiles(&questions, &candidates, phase);
    }
    let mut criterion = Criterion::default().configure_from_args();
    for phase in Phase::ALL {
        let mut asked = questions
            .iter()
            .filter(|question| question.phase == phase)
            .cycle();
        criterion.bench_function(&format!("select/{}", phase.as_str()), |bencher| {
            bencher.iter(|| {
                let question = asked.next()?;
                Some(problem(question, &candidates)?.solve())
            });
        });
    }
    criterion.final_summary();
}
