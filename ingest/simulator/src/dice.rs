//! The only source of chance: one ChaCha8 stream per athlete, read through a handful of draws
//! whose results are the same on every platform.
//!
//! It does not use a distribution library: their algorithms change between versions, and a world
//! is named by its seed for longer than that.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// Marks the seeds of this crate, so that another user of the same number draws otherwise.
const LABEL: &[u8; 16] = b"sudor-simulator1";

pub(crate) struct Dice(ChaCha8Rng);

impl Dice {
    pub(crate) fn new(seed: u64, athlete: u32) -> Self {
        let mut bytes = [0_u8; 32];
        let words = seed
            .to_le_bytes()
            .into_iter()
            .chain(u64::from(athlete).to_le_bytes());
        for (slot, byte) in bytes.iter_mut().zip(words.chain(LABEL.iter().copied())) {
            *slot = byte;
        }
        Self(ChaCha8Rng::from_seed(bytes))
    }

    pub(crate) fn bits(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// Uniform in `[0, 1)`: 53 bits, as many as a double holds exactly.
    pub(crate) fn unit(&mut self) -> f64 {
        (self.bits() >> 11) as f64 * (1.0 / (1_u64 << 53) as f64)
    }

    pub(crate) fn between(&mut self, low: f64, high: f64) -> f64 {
        low + self.unit() * (high - low)
    }

    /// A whole number in `[low, high]`.
    pub(crate) fn whole(&mut self, low: i64, high: i64) -> i64 {
        if high <= low {
            return low;
        }
        let width = high.abs_diff(low).saturating_add(1);
        low.saturating_add_unsigned(self.bits() % width)
    }

    pub(crate) fn chance(&mut self, probability: f64) -> bool {
        self.unit() < probability
    }

    /// Standard normal by Box and Muller, the cosine half.
    pub(crate) fn normal(&mut self) -> f64 {
        let radius = libm::sqrt(-2.0 * libm::log(1.0 - self.unit()));
        radius * libm::cos(std::f64::consts::TAU * self.unit())
    }

    /// Normal around `mean`, cut at `limit` on both sides.
    pub(crate) fn near(&mut self, mean: f64, sd: f64, limit: f64) -> f64 {
        mean + (self.normal() * sd).clamp(-limit, limit)
    }

    /// Log-normal with median `median`.
    pub(crate) fn log_normal(&mut self, median: f64, log_sd: f64) -> f64 {
        median * libm::exp(log_sd * self.normal())
    }

    pub(crate) fn exponential(&mut self, mean: f64) -> f64 {
        -mean * libm::log(1.0 - self.unit())
    }

    /// One of `choices`, in proportion to its weight; `otherwise` when there are none.
    pub(crate) fn weighted<T: Copy>(&mut self, choices: &[(u32, T)], otherwise: T) -> T {
        let total: u64 = choices.iter().map(|(weight, _)| u64::from(*weight)).sum();
        if total == 0 {
            return otherwise;
        }
        let mut left = self.bits() % total;
        for (weight, choice) in choices {
            if left < u64::from(*weight) {
                return *choice;
            }
            left -= u64::from(*weight);
        }
        otherwise
    }

    /// An upper-case UUID, as Apple writes them.
    pub(crate) fn uuid(&mut self) -> String {
        let (high, low) = (self.bits(), self.bits());
        format!(
            "{:08X}-{:04X}-4{:03X}-{:04X}-{:012X}",
            high >> 32,
            (high >> 16) & 0xffff,
            high & 0xfff,
            0x8000 | ((low >> 48) & 0x3fff),
            low & 0xffff_ffff_ffff
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_draws_the_same_and_another_athlete_otherwise() {
        let draw = |seed, athlete| Dice::new(seed, athlete).bits();
        assert_eq!(draw(7, 3), draw(7, 3));
        assert_ne!(draw(7, 3), draw(7, 4));
        assert_ne!(draw(7, 3), draw(8, 3));
    }

    #[test]
    fn draws_stay_inside_their_bounds_and_have_the_moments_they_promise() {
        let mut dice = Dice::new(1, 1);
        let mut sum = 0.0;
        let mut squares = 0.0;
        for _ in 0..20_000 {
            assert!((-3..=4).contains(&dice.whole(-3, 4)));
            let x = dice.normal();
            sum += x;
            squares += x * x;
        }
        assert!((sum / 20_000.0).abs() < 0.03);
        assert!((squares / 20_000.0 - 1.0).abs() < 0.05);
        assert_eq!(dice.whole(5, 5), 5);
        assert_eq!(dice.weighted(&[(0, 'a'), (3, 'b')], 'c'), 'b');
        assert_eq!(dice.weighted(&[], 'c'), 'c');
        assert_eq!(dice.uuid().len(), 36);
    }
}
