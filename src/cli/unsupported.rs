//! What has a name on the command line and no content yet, and what is there instead.

use super::{BenchWorkload, Command, SchemasCommand};
use crate::exit::NotSupported;

impl Command {
    /// Asked before anything is started. `None` for what is built.
    pub(crate) fn not_supported(&self) -> Option<NotSupported> {
        let (what, instead) = match self {
            Self::Export(_) if !cfg!(feature = "parquet") => (
                "sudor export parquet in this build",
                "build with --features parquet, or open store.db with any SQLite tool",
            ),
            Self::Calc(calc) => return calc.formula.not_supported(),
            Self::Schemas(schemas)
                if !cfg!(feature = "kafka")
                    && matches!(schemas.command, SchemasCommand::Register(_)) =>
            {
                (
                    "sudor schemas register in this build",
                    "build with --features kafka; sudor schemas check compares them with the lock file",
                )
            }
            Self::Bench(bench)
                if !cfg!(feature = "kafka") && bench.workload == BenchWorkload::Kafka =>
            {
                (
                    "sudor bench kafka in this build",
                    "build with --features kafka",
                )
            }
            _ => return None,
        };
        Some(NotSupported { what, instead })
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use crate::cli::Cli;

    #[test]
    fn what_is_not_built_is_known_by_its_name() {
        let cases = [
            ("sudor tail sudor.sessions", None),
            ("sudor explain loss x", None),
            (
                "sudor export parquet --out o",
                (!cfg!(feature = "parquet")).then_some("sudor export parquet in this build"),
            ),
            ("sudor calc phs", Some("sudor calc phs")),
            ("sudor calc needs", None),
            ("sudor topics create", None),
            ("sudor topics list", None),
            (
                "sudor schemas register",
                (!cfg!(feature = "kafka")).then_some("sudor schemas register in this build"),
            ),
            ("sudor schemas check", None),
            ("sudor bench select", None),
            ("sudor bench fold", None),
            (
                "sudor bench kafka",
                (!cfg!(feature = "kafka")).then_some("sudor bench kafka in this build"),
            ),
            ("sudor demo", None),
        ];
        for (line, expected) in cases {
            let cli = Cli::try_parse_from(line.split_whitespace()).unwrap();
            assert_eq!(
                cli.command.not_supported().map(|n| n.what),
                expected,
                "{line}"
            );
        }
    }
}
