//! How a command ends: its exit code, and an error that says what happened, why, and what to try.
//!
//! `anyhow` carries the chain of causes; `Failure` adds the two things it cannot know, who is to
//! blame (the input, or the run) and what to do about it.

use std::fmt;
use std::io::{ErrorKind, Write};
use std::process::ExitCode;

use anyhow::anyhow;
use serde::Serialize;
use serde_json::json;

/// What a command gives back to `main`.
pub(crate) type CommandResult = Result<(), Failure>;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The run failed: exit code 1.
    Failed,
    /// The input is wrong, so trying again is no use: exit code 2.
    BadInput,
    /// The command has a name and no content yet: exit code 1.
    NotSupported,
}

impl Kind {
    fn code(self) -> u8 {
        match self {
            Self::Failed | Self::NotSupported => 1,
            Self::BadInput => 2,
        }
    }

    fn word(self) -> &'static str {
        match self {
            Self::Failed => "failed",
            Self::BadInput => "bad_input",
            Self::NotSupported => "not_supported",
        }
    }
}

/// Why a command did not do what it was asked to.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) kind: Kind,
    error: anyhow::Error,
    hint: Option<String>,
    /// The command's own document says it already.
    told: bool,
}

impl Failure {
    pub(crate) fn failed(error: impl Into<anyhow::Error>) -> Self {
        Self {
            kind: Kind::Failed,
            error: error.into(),
            hint: None,
            told: false,
        }
    }

    pub(crate) fn bad_input(error: impl Into<anyhow::Error>) -> Self {
        Self {
            kind: Kind::BadInput,
            error: error.into(),
            hint: None,
            told: false,
        }
    }

    /// What to do about it, behind the words "try:".
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl Failure {
    /// The words without the hint, on one line.
    pub(crate) fn in_words(&self) -> String {
        format!("{:#}", self.error)
    }

    pub(crate) fn tried(&self) -> Option<&str> {
        self.hint.as_deref()
    }

    /// For a command that printed its result and fails because of what is in it: with `--json`
    /// there is one document on stdout, not two.
    pub(crate) fn told(mut self) -> Self {
        self.told = true;
        self
    }
}

/// An error with a context is a failed run; bad input has to be called so.
impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Self::failed(error)
    }
}

/// A command or option that is parsed and not built yet.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NotSupported {
    /// The command as typed, e.g. `sudor tail`.
    pub(crate) what: &'static str,
    /// What is there instead, as a sentence fragment.
    pub(crate) instead: &'static str,
}

impl From<NotSupported> for Failure {
    fn from(NotSupported { what, instead }: NotSupported) -> Self {
        let error = anyhow!("not supported yet: {what}");
        Self {
            kind: Kind::NotSupported,
            error,
            hint: Some(instead.to_owned()),
            told: false,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "error: {}", self.error)?;
        for cause in self.error.chain().skip(1) {
            write!(f, "\n  caused by: {cause}")?;
        }
        match &self.hint {
            Some(hint) => write!(f, "\n  try: {hint}"),
            None => Ok(()),
        }
    }
}

/// Prints a failure where the caller looks for it, and gives the exit code.
pub(crate) fn finish(result: CommandResult, json: bool) -> ExitCode {
    let Err(failure) = result else {
        return ExitCode::SUCCESS;
    };
    let printed = if json && failure.told {
        true
    } else if json {
        print_json(&as_json(&failure)).is_ok()
    } else {
        writeln!(std::io::stderr().lock(), "{failure}").is_ok()
    };
    // A closed stdout or stderr leaves nobody to tell; the code still says it.
    debug_assert!(printed || failure.kind.code() != 0);
    ExitCode::from(failure.kind.code())
}

/// The one JSON document of a command, on stdout.
pub(crate) fn print_json(document: &impl Serialize) -> anyhow::Result<()> {
    let text = serde_json::to_string_pretty(document)?;
    print_text(&text)
}

/// A command's result for people, on stdout.
pub(crate) fn print_text(text: &str) -> anyhow::Result<()> {
    let mut stdout = std::io::stdout().lock();
    match writeln!(stdout, "{}", text.trim_end()).and_then(|()| stdout.flush()) {
        // Whoever reads only the beginning has had enough of it; the exit code stays the command's.
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        printed => Ok(printed?),
    }
}

fn as_json(failure: &Failure) -> serde_json::Value {
    let causes: Vec<String> = failure
        .error
        .chain()
        .skip(1)
        .map(ToString::to_string)
        .collect();
    json!({
        "error": {
            "kind": failure.kind.word(),
            "message": failure.error.to_string(),
            "causes": causes,
            "try": failure.hint,
        }
    })
}

#[cfg(test)]
mod tests {
    use anyhow::{Context, anyhow};

    use super::{Failure, Kind, NotSupported, as_json};

    fn chained() -> anyhow::Error {
        Err::<(), _>(anyhow!("disk is full"))
            .context("cannot append")
            .unwrap_err()
    }

    #[test]
    fn a_failure_tells_what_why_and_what_to_try() {
        let failure = Failure::failed(chained()).hint("free some space");
        let text = "error: cannot append\n  caused by: disk is full\n  try: free some space";
        assert_eq!(failure.to_string(), text);
    }

    #[test]
    fn a_failure_in_json_has_the_same_parts() {
        let failure = Failure::bad_input(chained());
        let document = as_json(&failure);
        assert_eq!(document["error"]["kind"], "bad_input");
        assert_eq!(document["error"]["message"], "cannot append");
        assert_eq!(document["error"]["causes"][0], "disk is full");
        assert!(document["error"]["try"].is_null());
    }

    #[test]
    fn what_is_not_built_says_what_is_there_instead() {
        let failure = Failure::from(NotSupported {
            what: "sudor tail",
            instead: "GET /v1/quality",
        });
        assert_eq!((failure.kind, failure.kind.code()), (Kind::NotSupported, 1));
        assert_eq!(
            failure.to_string(),
            "error: not supported yet: sudor tail\n  try: GET /v1/quality"
        );
    }

    #[test]
    fn exit_codes_are_those_of_the_contract() {
        assert_eq!(Kind::Failed.code(), 1);
        assert_eq!(Kind::BadInput.code(), 2);
    }
}
