//! Records and lists of them in openstackclient's formats. Values keep their type until here.

mod escape;
mod json;
mod python;
mod table;
mod yaml;

use serde_json::Value;

use crate::printer::Printer;
use crate::text::for_terminal;

/// A format of openstackclient.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    Table,
    Json,
    Yaml,
    Value,
    Csv,
}

/// The output options of a command.
#[derive(Clone, Debug)]
pub(crate) struct RenderOptions {
    pub(crate) format: Format,
    /// The selected columns; all of them if empty.
    pub(crate) columns: Vec<String>,
    /// Whether JSON is printed on one line.
    pub(crate) noindent: bool,
    /// Width of a table in characters; by default that of the terminal.
    pub(crate) max_width: Option<u16>,
}

/// None of the columns asked for is there.
#[derive(Debug, thiserror::Error)]
#[error("unknown column {}; available columns are {}", .asked.join(", "), .known.join(", "))]
pub(crate) struct UnknownColumn {
    asked: Vec<String>,
    known: Vec<String>,
}

/// Nobody reads the results any more.
#[derive(Debug)]
pub(crate) struct Gone;

/// Prints one record.
///
/// # Errors
///
/// [`UnknownColumn`].
pub(crate) fn one(
    options: &RenderOptions,
    fields: Vec<(String, Value)>,
    printer: &Printer,
) -> Result<(), UnknownColumn> {
    let names: Vec<&str> = fields.iter().map(|(name, _)| &**name).collect();
    let chosen = options.choose(&names)?;
    let fields: Vec<(String, Value)> = fields
        .into_iter()
        .enumerate()
        .filter_map(|(at, field)| chosen.contains(&at).then_some(field))
        .collect();
    let text = match options.format {
        Format::Json => json::object(&fields, options.noindent, 0),
        Format::Yaml => yaml::object(&fields, 0),
        Format::Value | Format::Csv => {
            fields.iter().map(|(_, value)| plain(value)).collect::<Vec<_>>().join("\n")
        }
        Format::Table => {
            let rows = fields.iter().map(|(name, value)| vec![for_terminal(name), human(value)]);
            table::draw(&["Field", "Value"], rows, &[], options.max_width)
        }
    };
    printer.result_lines(text.trim_end_matches('\n'));
    Ok(())
}

/// A list that is printed as it comes, but for a table, whose widths are known at its end.
pub(crate) struct List<'a> {
    options: &'a RenderOptions,
    columns: Vec<&'a str>,
    chosen: Vec<usize>,
    printer: &'a Printer,
    /// What only prints when it is known whether another follows.
    pending: Option<String>,
    is_empty: bool,
    rows: Vec<Vec<Value>>,
}

impl<'a> List<'a> {
    /// A list of these columns.
    ///
    /// # Errors
    ///
    /// [`UnknownColumn`].
    pub(crate) fn new(
        options: &'a RenderOptions,
        columns: &[&'a str],
        printer: &'a Printer,
    ) -> Result<Self, UnknownColumn> {
        let chosen = options.choose(columns)?;
        let columns: Vec<&str> = chosen.iter().map(|at| columns[*at]).collect();
        let list = List {
            options,
            columns,
            chosen,
            printer,
            pending: None,
            is_empty: true,
            rows: Vec::new(),
        };
        if options.format == Format::Csv {
            let header = list.columns.iter().map(|name| quoted(name)).collect::<Vec<_>>();
            printer.result_lines(&header.join(","));
        }
        Ok(list)
    }

    /// The next row, with a value for each of the columns of [`List::new`].
    ///
    /// # Errors
    ///
    /// [`Gone`]: there need be no more.
    pub(crate) fn row(&mut self, row: Vec<Value>) -> Result<(), Gone> {
        self.is_empty = false;
        let mut row: Vec<Option<Value>> = row.into_iter().map(Some).collect();
        let row: Vec<Value> =
            self.chosen.iter().filter_map(|at| row.get_mut(*at).and_then(Option::take)).collect();
        let text = match self.options.format {
            Format::Table => {
                self.rows.push(row);
                return Ok(());
            }
            Format::Json => {
                let indent = if self.options.noindent { 0 } else { 2 };
                let object = json::object(&self.fields(row), self.options.noindent, indent);
                let object = format!("{:indent$}{object}", "");
                match self.pending.replace(object) {
                    None => "[".to_owned(),
                    Some(before) => format!("{before},"),
                }
            }
            Format::Yaml => format!("- {}", yaml::object(&self.fields(row), 2).trim_end()),
            Format::Value => row.iter().map(plain).collect::<Vec<_>>().join(" "),
            Format::Csv => row.iter().map(csv).collect::<Vec<_>>().join(","),
        };
        if self.printer.result_lines(&text) { Ok(()) } else { Err(Gone) }
    }

    /// That was all.
    pub(crate) fn end(self) {
        let text = match (self.options.format, self.pending) {
            (Format::Json | Format::Yaml, _) if self.is_empty => "[]".to_owned(),
            (Format::Json, Some(last)) => format!("{last}\n]"),
            (Format::Table, _) if !self.rows.is_empty() => {
                let right: Vec<usize> = (0..self.columns.len())
                    .filter(|at| self.rows[0].get(*at).is_some_and(Value::is_number))
                    .collect();
                let rows = self.rows.iter().map(|row| row.iter().map(human).collect());
                table::draw(&self.columns, rows, &right, self.options.max_width)
            }
            _ => return,
        };
        self.printer.result_lines(&text);
    }

    fn fields(&self, row: Vec<Value>) -> Vec<(String, Value)> {
        self.columns.iter().map(|name| (*name).to_owned()).zip(row).collect()
    }
}

impl RenderOptions {
    /// The places of the columns wanted, in the order there is.
    fn choose(&self, names: &[&str]) -> Result<Vec<usize>, UnknownColumn> {
        let plain = |name: &str| name.trim().to_lowercase().replace(' ', "_");
        let wanted: Vec<String> = self.columns.iter().map(|name| plain(name)).collect();
        let is_wanted = |name: &str| wanted.is_empty() || wanted.contains(&plain(name));
        let chosen: Vec<usize> = (0..names.len()).filter(|at| is_wanted(names[*at])).collect();
        if chosen.is_empty() && !wanted.is_empty() {
            let known = names.iter().map(|name| (*name).to_owned()).collect();
            return Err(UnknownColumn { asked: self.columns.clone(), known });
        }
        Ok(chosen)
    }
}

/// A value for people: lists and objects as openstackclient writes them, sorted.
fn human(value: &Value) -> String {
    let text = match value {
        Value::Array(items) => {
            let mut items: Vec<String> = items.iter().map(python::text).collect();
            items.sort();
            items.join(", ")
        }
        Value::Object(map) => {
            let mut pairs = Vec::new();
            flatten("", map, &mut pairs);
            pairs.sort();
            pairs.join(", ")
        }
        plain => python::text(plain),
    };
    for_terminal(&text)
}

fn flatten(prefix: &str, map: &serde_json::Map<String, Value>, pairs: &mut Vec<String>) {
    for (key, value) in map {
        match value {
            Value::Object(inner) => flatten(&format!("{prefix}{key}."), inner, pairs),
            value => pairs.push(format!("{prefix}{key}='{}'", python::text(value))),
        }
    }
}

/// A value for a shell: Python's way of writing it, which scripts around openstackclient expect.
fn plain(value: &Value) -> String {
    for_terminal(&python::text(value))
}

/// A field of CSV: all but numbers and booleans in quotes.
fn csv(value: &Value) -> String {
    match value {
        Value::Null => "\"\"".to_owned(),
        Value::Number(_) | Value::Bool(_) => python::text(value),
        value => quoted(&without_formula(&python::text(value))),
    }
}

/// The text of a cell that no spreadsheet takes for a formula: an apostrophe stands before one that begins as
/// a formula does, as OWASP advises (CSV Injection). A number stays one.
fn without_formula(text: &str) -> String {
    let begins = |c: char| {
        matches!(c, '=' | '+' | '-' | '@' | '\t' | '\r' | '\n' | '＝' | '＋' | '－' | '＠')
    };
    let is_number =
        || text.parse::<f64>().is_ok() && text.ends_with(|last: char| last.is_ascii_digit());
    let guard = if text.starts_with(begins) && !is_number() { "'" } else { "" };
    format!("{guard}{}", for_terminal(text))
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_read_as_openstackclient_writes_them() {
        for (value, people, shell, list) in [
            (json!(null), "None", "None", "\"\""),
            (json!(true), "True", "True", "True"),
            (json!(12), "12", "12", "12"),
            (json!("a \"b\""), "a \"b\"", "a \"b\"", "\"a \"\"b\"\"\""),
            (json!(["b", "a"]), "a, b", "['b', 'a']", "\"['b', 'a']\""),
            (
                json!({"b": false, "a": {"c": 1}}),
                "a.c='1', b='False'",
                "{'a': {'c': 1}, 'b': False}",
                "\"{'a': {'c': 1}, 'b': False}\"",
            ),
        ] {
            assert_eq!(
                (human(&value), plain(&value), csv(&value)),
                (people.to_owned(), shell.to_owned(), list.to_owned())
            );
        }
        let hostile = json!("a\u{1b}[31m\nb\u{202e}");
        let shown = "a\\u{1b}[31m\\nb\\u{202e}";
        assert_eq!((human(&hostile), plain(&hostile)), (shown.to_owned(), shown.to_owned()));
        assert_eq!(csv(&hostile), format!("\"{shown}\""));
    }

    #[test]
    fn a_cell_is_no_formula() {
        for (text, cell) in [
            ("=1+1", "'=1+1"),
            ("+cmd|' /C calc'!A0", "'+cmd|' /C calc'!A0"),
            ("-2+3", "'-2+3"),
            ("-", "'-"),
            ("@SUM(A1)", "'@SUM(A1)"),
            ("\t=1", "'\\t=1"),
            ("\r=1", "'\\r=1"),
            ("＝1", "'＝1"),
            ("-12", "-12"),
            ("+1.5", "+1.5"),
            ("-inf", "'-inf"),
            ("a=1", "a=1"),
            ("noble", "noble"),
        ] {
            assert_eq!(csv(&json!(text)), format!("\"{cell}\""), "{text:?}");
        }
        assert_eq!(csv(&json!(-12)), "-12");
    }

    #[test]
    fn columns_are_named_as_freely_as_in_openstackclient() {
        let options = |columns: &[&str]| RenderOptions {
            format: Format::Value,
            columns: columns.iter().map(|name| (*name).to_owned()).collect(),
            noindent: false,
            max_width: None,
        };
        let names = ["ID", "Disk Format", "Size"];
        assert_eq!(options(&[]).choose(&names).unwrap(), [0, 1, 2]);
        assert_eq!(options(&["size", "disk_format", "nope"]).choose(&names).unwrap(), [1, 2]);
        let error = options(&["nope"]).choose(&names).unwrap_err();
        assert_eq!(
            error.to_string(),
            "unknown column nope; available columns are ID, Disk Format, Size"
        );
    }
}
