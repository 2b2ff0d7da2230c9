//! The rules, and nothing else. This is a crate of its own for its purity: it sees no file, no
//! network, no clock, no serialisation and no random order, and the layer check proves it.
//!
//! It takes what sources told (activities, fragments of sleep, scans, weigh-ins) as plain values in
//! small integer units and answers with decisions as plain values: which records tell of one
//! workout, which field comes from whom, which night it was, what was lost, what to take.
//!
//! Invariants:
//!
//! * Every function is total. Nothing here panics, whatever history comes; odd input gives a dull
//!   answer, not a stop.
//! * Every answer is a function of the *set* of its inputs. The order of a slice never matters
//!   except where a function says so.
//! * What is summed or compared across sources is an integer (microseconds, decimetres, joules), so
//!   that no answer depends on the order of floating-point additions.
//!
//! It is not: the shape of vendor payloads (normalisation), the shape of published facts (schemas),
//! or the keeping of state (the pipeline).
#![cfg_attr(not(test), deny(clippy::arithmetic_side_effects))]

pub mod time;

pub mod observation;
pub mod sport;

pub mod identity;
pub mod night;
pub mod session;

pub mod units;

pub mod profile;
pub mod sweat;

pub mod advice;
pub mod safety;

pub mod catalogue;
pub mod selection;
