//! Markup that cannot be broken by the texts in it: tags and attributes are ours, all else is escaped.

use std::fmt::{Display, Write as _};

use crate::text::for_terminal;

/// A piece of a page; HTML and XML at once.
#[derive(Debug, Default)]
pub(super) struct Markup(String);

/// The attributes of an element.
pub(super) type Attributes<'a> = &'a [(&'static str, &'a dyn Display)];

impl Markup {
    pub(super) fn new() -> Self {
        Markup::default()
    }

    /// What is written in this program, and nothing else.
    pub(super) fn raw(&mut self, markup: &'static str) {
        self.0.push_str(markup);
    }

    /// Anything, as text.
    pub(super) fn text(&mut self, text: impl Display) {
        escape(&mut self.0, &text.to_string());
    }

    pub(super) fn open(&mut self, tag: &'static str, attributes: Attributes<'_>) {
        self.begin(tag, attributes);
        self.0.push('>');
    }

    pub(super) fn close(&mut self, tag: &'static str) {
        write(&mut self.0, format_args!("</{tag}>"));
    }

    /// An element with nothing in it.
    pub(super) fn empty(&mut self, tag: &'static str, attributes: Attributes<'_>) {
        self.begin(tag, attributes);
        self.0.push_str("/>");
    }

    /// An element with a text in it.
    pub(super) fn element(
        &mut self,
        tag: &'static str,
        attributes: Attributes<'_>,
        text: impl Display,
    ) {
        self.open(tag, attributes);
        self.text(text);
        self.close(tag);
    }

    pub(super) fn into_page(self) -> String {
        self.0
    }

    fn begin(&mut self, tag: &'static str, attributes: Attributes<'_>) {
        write(&mut self.0, format_args!("<{tag}"));
        for (name, value) in attributes {
            write(&mut self.0, format_args!(" {name}=\""));
            escape(&mut self.0, &value.to_string());
            self.0.push('"');
        }
    }
}

fn write(out: &mut String, arguments: std::fmt::Arguments<'_>) {
    out.write_fmt(arguments).expect("a text takes whatever is written to it");
}

/// What neither HTML nor XML can hold is shown as terminals get it.
fn escape(out: &mut String, text: &str) {
    for character in for_terminal(text).chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '\u{fffe}' | '\u{ffff}' => out.push('\u{fffd}'),
            _ => out.push(character),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_leaves_the_place_it_is_put_into() {
        let mut markup = Markup::new();
        let text = "</p><script>'\"&\u{1b}\u{0}";
        markup.element("p", &[("title", &text)], text);
        let escaped = "&lt;/p&gt;&lt;script&gt;&#39;&quot;&amp;\\u{1b}\\u{0}";
        assert_eq!(markup.into_page(), format!("<p title=\"{escaped}\">{escaped}</p>"));
    }
}
