//! The surface of a body, on which whole-body rates of patches rest.

use crate::units::{BodyHeight, BodyMass, BodySurface};

/// Who wears the patch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Body {
    pub mass: BodyMass,
    pub height: Option<BodyHeight>,
}

impl Body {
    pub fn surface(self) -> BodySurface {
        BodySurface::near(self.surface_m2() * 10_000.0)
    }

    /// Du Bois; where the height is unknown Livingston and Lee, from the mass alone.
    pub(super) fn surface_m2(self) -> f64 {
        let mass = self.mass.kilograms();
        match self.height {
            Some(height) => 0.202 * libm::pow(mass, 0.425) * libm::pow(height.metres(), 0.725),
            None => 0.117_3 * libm::pow(mass, 0.646_6),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_surface_follows_du_bois_and_without_height_livingston_and_lee() {
        let cases = [
            (75.0, Some(1.80), 1.937_871),
            (70.0, Some(1.75), 1.843_8),
            (70.0, None, 1.829_5),
        ];
        for (kilograms, metres, square_metres) in cases {
            let body = Body {
                mass: BodyMass::from_kilograms(kilograms).unwrap(),
                height: metres.and_then(BodyHeight::from_metres),
            };
            assert!(
                (body.surface_m2() - square_metres).abs() < 1e-4,
                "{body:?} {}",
                body.surface_m2()
            );
            assert!((body.surface().square_metres() - square_metres).abs() < 1e-4);
        }
        let exact = Body {
            mass: BodyMass::clamped(75_000),
            height: Some(BodyHeight::clamped(1_800)),
        };
        assert!((exact.surface_m2() - 1.937_871).abs() < 1e-6);
    }
}
