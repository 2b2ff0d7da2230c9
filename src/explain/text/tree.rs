//! Lines with an indent. A head without anything below it is not said.

const STEP: &str = "  ";

pub(super) struct Tree {
    text: String,
    depth: usize,
}

impl Tree {
    pub(super) fn new() -> Self {
        Self {
            text: String::new(),
            depth: 0,
        }
    }

    pub(super) fn line(&mut self, text: impl AsRef<str>) {
        self.text.push_str(&STEP.repeat(self.depth));
        self.text.push_str(text.as_ref());
        self.text.push('\n');
    }

    /// A head, and what belongs to it below; nothing where nothing belongs to it.
    pub(super) fn within(&mut self, head: impl AsRef<str>, fill: impl FnOnce(&mut Self)) {
        let before = self.text.len();
        self.line(format!("{}:", head.as_ref()));
        let with_head = self.text.len();
        self.deeper(fill);
        if self.text.len() == with_head {
            self.text.truncate(before);
        }
    }

    /// A line that stands by itself too.
    pub(super) fn node(&mut self, head: impl AsRef<str>, fill: impl FnOnce(&mut Self)) {
        self.line(head);
        self.deeper(fill);
    }

    fn deeper(&mut self, fill: impl FnOnce(&mut Self)) {
        self.depth += 1;
        fill(self);
        self.depth -= 1;
    }

    pub(super) fn finish(self) -> String {
        self.text
    }
}

#[cfg(test)]
mod tests {
    use super::Tree;

    #[test]
    fn a_head_stands_only_above_something() {
        let mut tree = Tree::new();
        tree.within("empty", |_| {});
        tree.within("outer", |tree| {
            tree.within("empty too", |_| {});
            tree.node("leaf", |_| {});
            tree.within("inner", |tree| tree.line("x"));
        });
        assert_eq!(tree.finish(), "outer:\n  leaf\n  inner:\n    x\n");
    }
}
