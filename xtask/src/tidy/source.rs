//! A Rust file as the checks see it: without comments and literals, and cut where its tests begin.
//!
//! It is not a parser. Comments, strings and characters become spaces, so that words and braces in
//! them do not count; lines stay where they are.

/// One file.
#[derive(Clone, Debug)]
pub(super) struct Source {
    /// As written.
    pub(super) lines: Vec<String>,
    /// The same lines, code only.
    pub(super) code: Vec<String>,
    /// Index of the first line of tests; the number of lines where there are none.
    pub(super) tests_begin: usize,
}

/// A function: its name, first line (0-based) and number of lines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Function {
    pub(super) name: String,
    pub(super) first: usize,
    pub(super) lines: usize,
}

impl Source {
    pub(super) fn new(path: &str, text: &str) -> Self {
        let code: Vec<String> = code_only(text).lines().map(str::to_owned).collect();
        let tests_begin = if is_test_file(path) {
            0
        } else {
            tests_begin(&code)
        };
        Self {
            lines: text.lines().map(str::to_owned).collect(),
            code,
            tests_begin,
        }
    }

    /// Lines of code without tests.
    pub(super) fn product(&self) -> impl Iterator<Item = (usize, &str)> {
        self.code
            .iter()
            .map(String::as_str)
            .enumerate()
            .take(self.tests_begin)
    }

    pub(super) fn tests(&self) -> impl Iterator<Item = (usize, &str)> {
        self.code
            .iter()
            .map(String::as_str)
            .enumerate()
            .skip(self.tests_begin)
    }

    pub(super) fn functions(&self) -> Vec<Function> {
        functions(&self.code)
    }
}

fn is_test_file(path: &str) -> bool {
    let in_folder = path
        .split('/')
        .any(|part| part == "tests" || part == "benches");
    in_folder || path.ends_with("/tests.rs")
}

/// `#[cfg(test)]` directly above a `mod … {` begins the tests; `mod tests;` has a file of its own.
fn tests_begin(code: &[String]) -> usize {
    let pairs = code.iter().zip(code.iter().skip(1));
    let begin = pairs.enumerate().find(|(_, (attribute, item))| {
        attribute.trim() == "#[cfg(test)]" && item.trim().starts_with("mod ") && item.contains('{')
    });
    begin.map_or(code.len(), |(index, _)| index)
}

fn functions(code: &[String]) -> Vec<Function> {
    let mut found = Vec::new();
    for (first, line) in code.iter().enumerate() {
        let Some((name, column)) = function_name(line) else {
            continue;
        };
        if let Some(last) = body_end(code, first, column) {
            found.push(Function {
                name,
                first,
                lines: last - first + 1,
            });
        }
    }
    found
}

/// The name behind `fn`, and the column where the name ends.
fn function_name(line: &str) -> Option<(String, usize)> {
    let at = if line.starts_with("fn ") {
        0
    } else {
        line.find(" fn ")? + 1
    };
    let rest = line.get(at + 3..)?;
    let length = rest
        .find(|c: char| !c.is_alphanumeric() && c != '_')
        .unwrap_or(rest.len());
    let name = rest.get(..length)?;
    (!name.is_empty()).then(|| (name.to_owned(), at + 3 + length))
}

/// The line of the brace that closes the body; `None` for a declaration that ends in `;`.
fn body_end(code: &[String], first: usize, column: usize) -> Option<usize> {
    let (mut braces, mut brackets) = (0_usize, 0_usize);
    for (index, line) in code.iter().enumerate().skip(first) {
        let skipped = if index == first { column } else { 0 };
        for c in line.chars().skip(skipped) {
            match c {
                '(' | '[' => brackets += 1,
                ')' | ']' => brackets = brackets.saturating_sub(1),
                ';' if braces == 0 && brackets == 0 => return None,
                '{' => braces += 1,
                '}' => {
                    braces = braces.checked_sub(1)?;
                    // A `{ … }` within brackets is a const argument of the signature.
                    if braces == 0 && brackets == 0 {
                        return Some(index);
                    }
                }
                _ => {}
            }
        }
    }
    None
}

/// The text with comments, strings and characters blanked; line breaks stay.
pub(super) fn code_only(text: &str) -> String {
    let characters: Vec<char> = text.chars().collect();
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    while let Some(&c) = characters.get(at) {
        let rest = characters.get(at..).unwrap_or_default();
        let length = literal_or_comment(rest, out.chars().last());
        if length == 0 {
            out.push(c);
            at += 1;
        } else {
            out.extend(
                rest.iter()
                    .take(length)
                    .map(|c| if *c == '\n' { '\n' } else { ' ' }),
            );
            at += length;
        }
    }
    out
}

/// How many characters the comment or literal at the start of `rest` takes; 0 if there is none.
fn literal_or_comment(rest: &[char], before: Option<char>) -> usize {
    let inside_word = before.is_some_and(|c| c.is_alphanumeric() || c == '_');
    match rest {
        ['/', '/', ..] => rest.iter().position(|c| *c == '\n').unwrap_or(rest.len()),
        ['/', '*', ..] => block_comment(rest),
        ['"', ..] => string(rest),
        ['r', '"' | '#', ..] if !inside_word => raw_string(rest, 1),
        ['b', 'r', '"' | '#', ..] if !inside_word => raw_string(rest, 2),
        ['\'', '\\', ..] => {
            let close = rest.iter().skip(3).position(|c| *c == '\'');
            close.map_or(rest.len(), |index| index + 4)
        }
        ['\'', _, '\'', ..] => 3,
        _ => 0,
    }
}

fn block_comment(rest: &[char]) -> usize {
    let mut depth = 0_usize;
    let mut at = 0;
    while at < rest.len() {
        match rest.get(at..) {
            Some(['/', '*', ..]) => (depth, at) = (depth + 1, at + 2),
            Some(['*', '/', ..]) => (depth, at) = (depth.saturating_sub(1), at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            return at;
        }
    }
    rest.len()
}

fn string(rest: &[char]) -> usize {
    let mut escaped = false;
    for (index, c) in rest.iter().enumerate().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return index + 1,
            _ => {}
        }
    }
    rest.len()
}

/// `r"…"`, `r#"…"#`; `prefix` is the length of `r` or `br`. A raw identifier (`r#type`) is no string.
fn raw_string(rest: &[char], prefix: usize) -> usize {
    let hashes = rest.iter().skip(prefix).take_while(|c| **c == '#').count();
    if rest.get(prefix + hashes) != Some(&'"') {
        return 0;
    }
    let body = prefix + hashes + 1;
    let ends = |at: &usize| {
        rest.get(*at) == Some(&'"')
            && rest
                .iter()
                .skip(at + 1)
                .take(hashes)
                .filter(|c| **c == '#')
                .count()
                == hashes
    };
    (body..rest.len())
        .find(ends)
        .map_or(rest.len(), |end| end + 1 + hashes)
}

#[cfg(test)]
mod tests {
    use super::{Source, code_only};

    #[test]
    fn comments_and_literals_are_blanked_and_lines_stay() {
        // The text, and what is left of it without blanks.
        let cases = [
            ("a // b {\nc", "a\nc"),
            ("a /* { /* x */ } */ b", "ab"),
            ("f(\"{ \\\" }\") {", "f(){"),
            ("r#\"{ \" }\"# }", "}"),
            ("b\"{\" }", "b}"),
            ("br\"{\" }", "}"),
            ("'{' '\\'' '\\\\' <'a> {", "<'a>{"),
            ("r#type {", "r#type{"),
            ("\"a\nb\" c", "\nc"),
        ];
        for (text, expected) in cases {
            let code = code_only(text);
            assert_eq!(code.replace(' ', ""), expected, "{text}");
            assert_eq!(code.chars().count(), text.chars().count(), "{text}");
        }
    }

    #[test]
    fn functions_are_measured_from_fn_to_the_closing_brace() {
        let text = "\
fn one() {}
trait T {
    fn declared(&self, a: [u8; 3]) -> u8;
    fn given(&self) {
        if true { \"}\"; }
    }
}
pub(crate) async fn two<T>(
    a: T,
) -> T
where
    T: Fn(u8),
{
    a
}
";
        let source = Source::new("src/x.rs", text);
        let found: Vec<(String, usize, usize)> = source
            .functions()
            .into_iter()
            .map(|f| (f.name, f.first, f.lines))
            .collect();
        let expected = [
            ("one".to_owned(), 0, 1),
            ("given".to_owned(), 3, 3),
            ("two".to_owned(), 7, 8),
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn tests_begin_at_their_module() {
        let text = "fn a() {}\n\n#[cfg(test)]\nmod tests {\n}\n";
        assert_eq!(Source::new("src/x.rs", text).tests_begin, 2);
        assert_eq!(
            Source::new("src/x.rs", "#[cfg(test)]\nmod tests;\nfn a() {}").tests_begin,
            3
        );
        assert_eq!(Source::new("src/x/tests.rs", text).tests_begin, 0);
        assert_eq!(Source::new("tests/demo.rs", text).tests_begin, 0);
    }
}
