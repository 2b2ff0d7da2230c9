//! Golden bytes: what every schema version once wrote, kept for ever below `golden/`.
//!
//! For each record and version there are two values (`full`, `min`), each as the framed bytes in hex
//! and as the JSON that they decode to. A file that exists is never edited: whatever the code
//! becomes, it must still read those bytes.

use std::fmt::Debug;

use crate::codec::{self, registry};
use crate::sample;
use crate::table::{AvroRecord, Visit, visit_records};

/// Bytes in a line of a golden file.
const BYTES_PER_LINE: usize = 32;

/// One golden value of a present schema, as its files should read.
#[derive(Clone, Debug)]
pub struct Golden {
    pub record: &'static str,
    /// Below the crate's folder, `golden/v<version>/<Record>.<full|min>`, without `.hex` or `.json`.
    pub path: String,
    pub hex: String,
    pub json: String,
}

/// Both golden values of every present schema.
pub fn present() -> Vec<Golden> {
    let mut all = All(Vec::new());
    visit_records(&mut all);
    all.0
}

struct All(Vec<Golden>);

impl Visit for All {
    fn visit<T: AvroRecord + PartialEq + Debug>(&mut self) {
        self.0.push(golden::<T>("full", &sample::full()));
        self.0.push(golden::<T>("min", &sample::min()));
    }
}

#[expect(
    clippy::expect_used,
    reason = "for tests: a sample that is not JSON has to fail loudly"
)]
fn golden<T: AvroRecord>(which: &str, value: &T) -> Golden {
    let json = serde_json::to_string_pretty(value).expect("a record is JSON");
    Golden {
        record: T::NAME,
        path: format!(
            "golden/v{}/{}.{which}",
            registry::present::<T>().version,
            T::NAME
        ),
        hex: to_hex(&codec::encode(value)),
        json: json + "\n",
    }
}

/// Hex in lines of `BYTES_PER_LINE`, so that a review sees where a value changed.
pub fn to_hex(bytes: &[u8]) -> String {
    let mut text = String::new();
    for line in bytes.chunks(BYTES_PER_LINE) {
        text.extend(line.iter().map(|byte| format!("{byte:02x}")));
        text.push('\n');
    }
    text
}

/// The bytes of a golden file; `None` where it is not hex.
pub fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digits: Vec<u32> = text
        .lines()
        .flat_map(str::chars)
        .map(|c| c.to_digit(16))
        .collect::<Option<_>>()?;
    let pairs = digits.chunks(2).map(|pair| match pair {
        [high, low] => u8::try_from(high * 16 + low).ok(),
        _ => None,
    });
    pairs.collect()
}
