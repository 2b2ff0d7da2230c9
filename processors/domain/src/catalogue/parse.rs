//! The table as text to items. Decimal fractions become integers of a smaller unit without passing
//! through binary ones; what does not fit exactly is refused, not rounded.

use csv_core::{ReadRecordResult, Reader};

use super::{ITEMS_MAX, Item, Kind, Refused, Serving, ServingUnit, traits};

const COLUMNS: [&str; 15] = [
    "id",
    "name",
    "kind",
    "serving_unit",
    "serving_amount",
    "fluid_ml",
    "kcal",
    "carbohydrate_g",
    "protein_g",
    "casein_g",
    "fat_g",
    "sodium_mg",
    "potassium_mg",
    "caffeine_mg",
    "source",
];

/// No serving holds more of anything, in mL, g, mg or kcal.
const AMOUNT_MAX: i64 = 2_000;
/// Bytes of all cells of one row.
const ROW_BYTES_MAX: usize = 4_096;

pub(super) fn items(text: &str) -> Result<Vec<Item>, Refused> {
    let mut reader = Reader::new();
    // A last row without a line break is a row, too.
    let ended = if text.ends_with('\n') { "" } else { "\n" };
    let text = [text, ended].concat();
    let mut rest = text.as_bytes();
    let mut bytes = [0_u8; ROW_BYTES_MAX];
    // One more than there are columns, so that a row that is too long is seen as such.
    let mut ends = [0_usize; COLUMNS.len() + 1];
    let mut items = Vec::new();
    let mut line = 0_usize;
    loop {
        let (result, read, _, cells) = reader.read_record(rest, &mut bytes, &mut ends);
        rest = rest.get(read..).unwrap_or_default();
        line = line.saturating_add(1);
        let refuse = |what: String| Refused { line, what };
        match result {
            ReadRecordResult::Record => {}
            ReadRecordResult::End => break,
            ReadRecordResult::OutputFull => {
                return Err(refuse(format!("a row has at most {ROW_BYTES_MAX} bytes")));
            }
            ReadRecordResult::OutputEndsFull | ReadRecordResult::InputEmpty => {
                return Err(refuse(format!("a row has {} cells", COLUMNS.len())));
            }
        }
        let row = cells_of(&bytes, ends.get(..cells).unwrap_or_default());
        if line == 1 {
            header(&row).map_err(refuse)?;
        } else if items.len() == ITEMS_MAX {
            return Err(refuse(format!("a table has at most {ITEMS_MAX} items")));
        } else {
            items.push(item(&row).map_err(refuse)?);
        }
    }
    sorted(items)
}

fn cells_of<'a>(bytes: &'a [u8], ends: &[usize]) -> Vec<&'a str> {
    let mut start = 0;
    ends.iter()
        .map(|&end| {
            let cell = bytes.get(start..end).unwrap_or_default();
            start = end;
            // The text was UTF-8 and is cut at commas only.
            std::str::from_utf8(cell).unwrap_or_default()
        })
        .collect()
}

fn header(row: &[&str]) -> Result<(), String> {
    if row == COLUMNS.as_slice() {
        Ok(())
    } else {
        Err(format!("the columns are {}", COLUMNS.join(",")))
    }
}

fn item(row: &[&str]) -> Result<Item, String> {
    let &[
        id,
        name,
        kind,
        unit,
        serving,
        fluid,
        kcal,
        carbohydrate,
        protein,
        casein,
        fat,
        sodium,
        potassium,
        caffeine,
        source,
    ] = row
    else {
        return Err(format!(
            "a row has {} cells, this one {}",
            COLUMNS.len(),
            row.len()
        ));
    };
    if id.is_empty() || name.is_empty() {
        return Err("an item has an id and a name".to_owned());
    }
    let kind = Kind::ALL.into_iter().find(|one| one.as_str() == kind);
    let kind = kind.ok_or_else(|| format!("{id}: no such kind"))?;
    let unit = ServingUnit::ALL
        .into_iter()
        .find(|one| one.as_str() == unit);
    let unit = unit.ok_or_else(|| format!("{id}: no such serving unit"))?;
    let number = |column: &str, cell: &str, decimals: u32| {
        amount(cell, decimals).map_err(|what| format!("{id}: {column} is {cell:?}, {what}"))
    };
    let fact = |column: &str, cell: &str, decimals: u32| {
        number(column, cell, decimals)
            .map(|value| value.and_then(|value| i32::try_from(value).ok()))
    };
    let hundredths = number("serving_amount", serving, 2)?;
    Ok(Item {
        id: id.to_owned(),
        name: name.to_owned(),
        kind,
        serving: Serving {
            unit,
            hundredths: hundredths.ok_or_else(|| format!("{id}: no serving amount"))?,
        },
        energy_kcal: number("kcal", kcal, 0)?,
        fat_dg: number("fat_g", fat, 1)?,
        potassium_mg: number("potassium_mg", potassium, 0)?,
        source: source.to_owned(),
        traits: traits::of(id),
        facts: [
            fact("fluid_ml", fluid, 0)?,
            fact("carbohydrate_g", carbohydrate, 1)?,
            fact("protein_g", protein, 1)?,
            fact("casein_g", casein, 1)?,
            fact("sodium_mg", sodium, 0)?,
            fact("caffeine_mg", caffeine, 0)?,
        ],
    })
}

/// A decimal number times a power of ten; an empty cell is unknown.
fn amount(cell: &str, decimals: u32) -> Result<Option<i64>, &'static str> {
    if cell.is_empty() {
        return Ok(None);
    }
    let (whole, fraction) = cell.split_once('.').unwrap_or((cell, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !digits(whole) || !digits(fraction) {
        return Err("not a number");
    }
    let wanted = usize::try_from(decimals).unwrap_or(0);
    if fraction.len() > wanted {
        return Err("finer than the program counts");
    }
    let most = AMOUNT_MAX.saturating_mul(10_i64.saturating_pow(decimals));
    let text = format!("{whole}{fraction:0<wanted$}");
    match text.parse() {
        Ok(value) if value <= most => Ok(Some(value)),
        _ => Err("more than a serving can hold"),
    }
}

fn sorted(mut items: Vec<Item>) -> Result<Vec<Item>, Refused> {
    items.sort_by(|a, b| a.id.cmp(&b.id));
    let twice = items
        .windows(2)
        .find(|pair| matches!(pair, [a, b] if a.id == b.id));
    match twice.and_then(<[Item]>::first) {
        None => Ok(items),
        Some(item) => Err(Refused {
            line: 0,
            what: format!("{} is there twice", item.id),
        }),
    }
}
