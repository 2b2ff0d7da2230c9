//! Cases of the mass balance, and what must hold for all weighings.

use proptest::prelude::*;

use super::*;

fn reading(pre_g: i64, post_g: i64, fluid: i64, urine: Option<i64>, minutes: i64) -> WeighIn {
    WeighIn {
        mass_pre: BodyMass::clamped(pre_g),
        mass_post: BodyMass::clamped(post_g),
        fluid: Millilitres::clamped(fluid),
        food: Grams::clamped(0),
        urine: urine.map(Millilitres::clamped),
        clothed: false,
        energy: None,
        duration: Seconds::clamped(minutes * 60),
    }
}

fn loss(input: &WeighIn) -> WeighInLoss {
    match weigh_in(input) {
        WeighInOutcome::Loss(loss) => loss,
        WeighInOutcome::NotUsable(told) => panic!("{told:?}"),
    }
}

#[test]
fn worked_examples_give_the_published_rates() {
    let simple = loss(&reading(70_000, 69_000, 500, Some(0), 60));
    assert_eq!(
        (simple.fluid.median().get(), simple.rate.median().get()),
        (1_500, 1_500)
    );

    let full = WeighIn {
        food: Grams::clamped(50),
        energy: Some(Kilocalories::clamped(1_100)),
        ..reading(75_200, 73_600, 750, Some(200), 90)
    };
    let full = loss(&full);
    assert_eq!(
        (full.fluid.median().get(), full.rate.median().get()),
        (1_980, 1_320)
    );
    assert_eq!(full.flags, BTreeSet::new());

    let weighed = loss(&reading(72_400, 71_200, 750, Some(100), 90));
    assert_eq!(weighed.rate.median().get(), 1_233);
    assert_eq!(weighed.flags, BTreeSet::from([LossFlag::EnergyUnknown]));
    assert_eq!(weighed.clone().into_loss().sodium, None);
    assert_eq!(weighed.log_sd.unwrap().natural(), 0.10);
}

#[test]
fn energy_takes_a_fifth_of_a_gram_per_kilocalorie_off() {
    let with = |energy: i64| WeighIn {
        energy: Some(Kilocalories::clamped(energy)),
        ..reading(72_000, 69_000, 1_000, Some(0), 180)
    };
    let (none, some) = (loss(&with(0)), loss(&with(3_000)));
    assert_eq!(none.fluid.median().get() - some.fluid.median().get(), 600);
}

#[test]
fn clothes_hide_sweat_and_widen_the_interval() {
    let nude = WeighIn {
        urine: Some(Millilitres::ZERO),
        ..reading(70_000, 68_900, 0, None, 60)
    };
    let clothed = loss(&WeighIn {
        clothed: true,
        ..nude
    });
    // 8 % of the sweat is in the clothes where 1.1 L show.
    assert_eq!(clothed.fluid.median().get(), 1_196);
    assert_eq!(clothed.log_sd.unwrap().natural(), 0.15);
    let width = |loss: &WeighInLoss| loss.fluid.hi90().get() - loss.fluid.lo90().get();
    assert!(width(&clothed) > width(&loss(&nude)));
}

#[test]
fn readings_that_cannot_be_are_not_used() {
    let cases = [
        ("nothing was lost", reading(70_000, 70_000, 0, Some(0), 60)),
        (
            "more than a tenth of the mass",
            reading(70_000, 62_000, 0, Some(0), 180),
        ),
        (
            "8 % and more is asked about",
            reading(70_000, 64_000, 0, Some(0), 180),
        ),
        ("7 L/h", reading(70_000, 66_500, 0, Some(0), 30)),
        (
            "4.5 L/h is asked about",
            reading(90_000, 85_500, 0, Some(0), 60),
        ),
        ("no time", reading(70_000, 69_000, 0, Some(0), 0)),
        (
            "less than no time",
            reading(70_000, 69_000, 0, Some(0), -60),
        ),
        (
            "longer than twelve hours",
            reading(70_000, 66_000, 2_000, Some(0), 721),
        ),
        (
            "drank less than nothing",
            reading(70_000, 68_000, -500, Some(0), 60),
        ),
        (
            "passed more than was lost",
            reading(70_000, 69_000, 0, Some(3_000), 60),
        ),
    ];
    for (why, input) in cases {
        match weigh_in(&input) {
            WeighInOutcome::NotUsable(told) => {
                assert!(told.flags.contains(&LossFlag::Implausible), "{why}");
            }
            WeighInOutcome::Loss(loss) => panic!("{why}: {loss:?}"),
        }
    }
}

#[test]
fn after_a_gain_the_loss_stands_but_teaches_nothing() {
    let gained = loss(&reading(70_000, 70_300, 1_500, Some(0), 60));
    assert_eq!(gained.fluid.median().get(), 1_200);
    assert!(gained.flags.contains(&LossFlag::Gain));
    assert_eq!(gained.log_sd, None);
}

#[test]
fn a_short_test_is_trusted_no_more_than_its_scales_allow() {
    let short = loss(&reading(70_000, 69_600, 0, Some(0), 30));
    assert!(short.flags.contains(&LossFlag::Short));
    assert!(short.log_sd.unwrap().natural() > 0.2);
    assert_eq!(
        loss(&reading(70_000, 69_300, 0, Some(0), 50))
            .log_sd
            .unwrap()
            .natural(),
        0.12
    );
}

proptest! {
    #[test]
    fn no_reading_panics_and_every_loss_is_plausible(
        pre in any::<i64>(), post in any::<i64>(), fluid in any::<i64>(), food in any::<i64>(),
        urine in any::<Option<i64>>(), clothed in any::<bool>(), energy in any::<Option<i64>>(),
        duration in any::<i64>(),
    ) {
        let input = WeighIn {
            mass_pre: BodyMass::clamped(pre),
            mass_post: BodyMass::clamped(post),
            fluid: Millilitres::clamped(fluid),
            food: Grams::clamped(food),
            urine: urine.map(Millilitres::clamped),
            clothed,
            energy: energy.map(Kilocalories::clamped),
            duration: Seconds::clamped(duration),
        };
        if let WeighInOutcome::Loss(loss) = weigh_in(&input) {
            prop_assert!(loss.fluid.lo90() <= loss.fluid.median());
            prop_assert!(loss.fluid.lo90() >= Millilitres::ZERO);
            prop_assert!((200..=4_000).contains(&loss.rate.median().get()));
        }
    }

    #[test]
    fn drinking_more_means_that_more_was_sweated(fluid in 0_i64..2_000, more in 1_i64..500) {
        let sweat = |fluid| loss(&reading(70_000, 69_000, fluid, Some(0), 90)).fluid.median();
        prop_assert!(sweat(fluid) < sweat(fluid + more));
    }
}
