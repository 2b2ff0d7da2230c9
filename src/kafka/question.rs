//! Somebody waits until all that was written when it asked, and all that follows from it, is in the copy.
//!
//! It looks at places that were the ends when it was asked and never waits for a moment without news:
//! under load there is none.
//!
//! Invariants:
//! * inputs come first, then the commits that took them in, then what these commits wrote;
//! * whoever asks while a question is open is answered by the next one.

use stream_kafka::{KafkaFollower, Places};
use stream_log::Failure;

use super::copying::Copy;

pub(super) struct Question {
    /// What to say when it is answered.
    pub(super) number: u64,
    stage: Stage,
}

enum Stage {
    /// Until these ends are in the copy.
    Inputs(Places),
    /// Until the copy's inputs up to this place are processed.
    Processing(u64),
    /// Until what was written by then is in the copy, too.
    Facts { left: Places, ends: Places },
}

impl Question {
    pub(super) fn ask(number: u64, follower: &KafkaFollower) -> Result<Self, Failure> {
        let stage = Stage::Inputs(follower.written_ends()?);
        Ok(Self { number, stage })
    }

    /// Looks as far as it can without waiting; whether it is answered.
    pub(super) fn look(
        &mut self,
        follower: &KafkaFollower,
        copy: &Copy<'_>,
    ) -> Result<bool, Failure> {
        match &mut self.stage {
            Stage::Inputs(ends) => {
                follower.pass(ends);
                if ends.is_empty() {
                    self.stage = Stage::Processing(copy.head());
                }
            }
            Stage::Processing(upto) => {
                if copy.is_processed(*upto) {
                    let ends = follower.written_ends()?;
                    let left = ends.clone();
                    self.stage = Stage::Facts { left, ends };
                }
            }
            Stage::Facts { left, ends } => {
                follower.pass(left);
                return Ok(left.is_empty() && !copy.holds_back_before(ends));
            }
        }
        Ok(false)
    }
}
