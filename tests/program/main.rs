//! The program from outside: the real binary, over its command line and HTTP.
//!
//! One test binary for all of it, so that it is linked once. Each test has its own folder and port,
//! and waits only for what the program says of itself.

#[cfg(test)]
mod backup;
#[cfg(test)]
mod bad_input;
#[cfg(test)]
mod browser;
#[cfg(test)]
mod calc;
#[cfg(test)]
mod chart;
#[cfg(test)]
mod compose;
#[cfg(test)]
mod content;
#[cfg(test)]
mod demo;
#[cfg(test)]
mod doctor;
#[cfg(test)]
mod explain;
#[cfg(test)]
mod fuzz;
#[cfg(test)]
mod guides;
#[cfg(test)]
mod keys;
#[cfg(test)]
mod kill;
#[cfg(test)]
mod life;
#[cfg(test)]
mod observed;
#[cfg(test)]
mod panics;
#[cfg(test)]
mod ping;
#[cfg(test)]
mod rederive;
#[cfg(test)]
mod retention;
#[cfg(test)]
mod room;
#[cfg(test)]
mod sabotage;
#[cfg(test)]
mod samples;
#[cfg(test)]
mod scans;
#[cfg(test)]
mod secrets;
#[cfg(test)]
mod shadow;
#[cfg(test)]
mod shapes;
#[cfg(test)]
mod shuffle;
#[cfg(test)]
mod strava;
#[cfg(test)]
mod strava_edits;
#[cfg(test)]
mod stream;
#[cfg(test)]
mod support;
#[cfg(test)]
mod tail;
#[cfg(test)]
mod vendors;
#[cfg(test)]
mod views;
#[cfg(test)]
mod weather;
#[cfg(test)]
mod withdrawal;
#[cfg(test)]
mod world;
