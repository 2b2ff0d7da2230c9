//! The table as it is read: scenarios, each with what was told and what has to be said.

use super::row::Row;

const TABLE: &str = include_str!("table.txt");

/// One scenario of the table.
#[derive(Default)]
pub(super) struct Scenario {
    pub(super) name: String,
    pub(super) told: Vec<Row>,
    pub(super) said: Vec<Row>,
}

pub(super) fn scenarios() -> Vec<Scenario> {
    let mut found: Vec<Scenario> = Vec::new();
    for line in TABLE.lines() {
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        match word {
            "scenario" => found.push(Scenario {
                name: rest.trim().to_owned(),
                ..Scenario::default()
            }),
            "told" => found.last_mut().unwrap().told.push(Row::parse(rest)),
            "said" => found.last_mut().unwrap().said.push(Row::parse(rest)),
            "zone" => {
                let zone = format!("01-02T00:00 app profile id=p time_zone={}", rest.trim());
                found.last_mut().unwrap().told.push(Row::parse(&zone));
            }
            "" | "#" => {}
            other => panic!("{other} is no word of the table: {line}"),
        }
    }
    found
}
