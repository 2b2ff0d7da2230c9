//! The parameter file: `name;value;source` a line, `#` before remarks. It is compiled in, so a row
//! that is missing or no number is a broken build, not bad input.

use std::collections::BTreeMap;

/// Rows by name.
pub(super) struct Table<'t>(BTreeMap<&'t str, Row<'t>>);

struct Row<'t> {
    values: Vec<f64>,
    source: &'t str,
}

impl<'t> Table<'t> {
    pub(super) fn parse(text: &'t str) -> Self {
        let lines = text.lines().filter(|line| !line.starts_with('#')).skip(1);
        let row = |line: &'t str| {
            let mut cells = line.splitn(3, ';');
            let (name, values) = (cells.next()?, cells.next()?);
            let values = values.split(' ').filter_map(|word| word.parse().ok());
            let row = Row {
                values: values.collect(),
                source: cells.next().unwrap_or_default(),
            };
            Some((name, row))
        };
        Self(lines.filter_map(row).collect())
    }

    /// The value of a row of the compiled-in file.
    pub(super) fn read<V: Value>(&self, name: &str) -> V {
        let row = self.0.get(name).filter(|row| !row.source.is_empty());
        let value = row.and_then(|row| V::of(&row.values));
        assert!(
            value.is_some(),
            "mix.csv has no such value of {name}, or no source of it"
        );
        value.unwrap_or_default()
    }

    #[cfg(test)]
    pub(super) fn names(&self) -> impl Iterator<Item = &'t str> + '_ {
        self.0.keys().copied()
    }
}

/// What a row can hold.
pub(super) trait Value: Default {
    fn of(values: &[f64]) -> Option<Self>;
}

impl Value for f64 {
    fn of(values: &[f64]) -> Option<Self> {
        let [value] = values else { return None };
        Some(*value)
    }
}

impl Value for (f64, f64) {
    fn of(values: &[f64]) -> Option<Self> {
        let [low, high] = values else { return None };
        Some((*low, *high))
    }
}

impl Value for [u32; 6] {
    fn of(values: &[f64]) -> Option<Self> {
        let mut weights = [0; 6];
        if values.len() != weights.len() {
            return None;
        }
        for (weight, value) in weights.iter_mut().zip(values) {
            *weight = *value as u32;
        }
        Some(weights)
    }
}
