//! Records and lists of them in openstackclient's formats. Values keep their type until here.

mod csv;
mod escape;
mod json;
mod list;
mod python;
mod shell;
mod table;
mod yaml;

use serde_json::Value;

pub(crate) use csv::Quote;
pub(crate) use list::List;

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
    Shell,
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
    /// Whether the header of an empty table is printed.
    pub(crate) print_empty: bool,
    /// The prefix of the names of shell variables.
    pub(crate) prefix: String,
    /// The fields of CSV that are quoted.
    pub(crate) quote: Quote,
    /// The order of the rows.
    pub(crate) sort: SortBy,
}

/// The columns that a list is sorted by. By default it keeps its order.
#[derive(Clone, Debug, Default)]
pub(crate) struct SortBy {
    /// The first one is the most important. Unknown columns are ignored.
    pub(crate) columns: Vec<String>,
    pub(crate) descending: bool,
}

/// None of the columns asked for is there.
#[derive(Debug, thiserror::Error)]
#[error("unknown column {}; available columns are {}", .asked.join(", "), .known.join(", "))]
pub(crate) struct UnknownColumn {
    asked: Vec<String>,
    known: Vec<String>,
}

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
        Format::Shell => {
            let line = |(name, value): &(String, Value)| {
                shell::assignment(&options.prefix, name, &plain(value))
            };
            fields.iter().map(line).collect::<Vec<_>>().join("\n")
        }
        Format::Table => {
            let rows = fields.iter().map(|(name, value)| vec![for_terminal(name), human(value)]);
            table::draw(&["Field", "Value"], rows, &[], options.max_width)
        }
    };
    printer.result_lines(text.trim_end_matches('\n'));
    Ok(())
}

impl RenderOptions {
    /// The places of the columns wanted, in the order there is.
    fn choose(&self, names: &[&str]) -> Result<Vec<usize>, UnknownColumn> {
        let wanted: Vec<String> = self.columns.iter().map(|name| normalised(name)).collect();
        let is_wanted = |name: &str| wanted.is_empty() || wanted.contains(&normalised(name));
        let chosen: Vec<usize> = (0..names.len()).filter(|at| is_wanted(names[*at])).collect();
        if chosen.is_empty() && !wanted.is_empty() {
            let known = names.iter().map(|name| (*name).to_owned()).collect();
            return Err(UnknownColumn { asked: self.columns.clone(), known });
        }
        Ok(chosen)
    }
}

/// The name of a column as it is compared.
fn normalised(column: &str) -> String {
    column.trim().to_lowercase().replace(' ', "_")
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
                (human(&value), plain(&value), csv::field(&value, Quote::NonNumeric)),
                (people.to_owned(), shell.to_owned(), list.to_owned())
            );
        }
        let hostile = json!("a\u{1b}[31m\nb\u{202e}");
        let shown = "a\\u{1b}[31m\\nb\\u{202e}";
        assert_eq!((human(&hostile), plain(&hostile)), (shown.to_owned(), shown.to_owned()));
        assert_eq!(csv::field(&hostile, Quote::NonNumeric), format!("\"{shown}\""));
    }

    #[test]
    fn columns_are_named_as_freely_as_in_openstackclient() {
        let options = |columns: &[&str]| RenderOptions {
            format: Format::Value,
            columns: columns.iter().map(|name| (*name).to_owned()).collect(),
            noindent: false,
            max_width: None,
            print_empty: false,
            prefix: String::new(),
            quote: Quote::NonNumeric,
            sort: SortBy::default(),
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
