//! The reference's cases, an exhaustive search to agree with, and what holds for every answer.

mod draws;
mod exhaustive;
mod filters;
mod holds;
mod reference;
