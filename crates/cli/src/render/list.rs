//! Lists of records.

use std::cmp::Ordering;

use serde_json::Value;

use super::{
    Format, RenderOptions, UnknownColumn, csv, human, json, normalised, plain, python, table, yaml,
};
use crate::printer::Printer;

/// A list that is printed while it arrives, except for a table, whose widths are known at the end, and a
/// sorted list.
pub(crate) struct List<'a> {
    options: &'a RenderOptions,
    columns: Vec<&'a str>,
    chosen: Vec<usize>,
    sorted_by: Vec<usize>,
    printer: &'a Printer,
    /// A JSON object that is printed when it is known whether another one follows.
    pending: Option<String>,
    is_empty: bool,
    /// The complete rows of a sorted list, the chosen columns of a table.
    rows: Vec<Vec<Value>>,
}

/// The reader of the output has closed it.
#[derive(Debug)]
pub(crate) struct Gone;

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
        let place = |name: &String| {
            columns.iter().position(|column| normalised(column) == normalised(name))
        };
        let sorted_by = options.sort.columns.iter().filter_map(place).collect();
        let columns: Vec<&str> = chosen.iter().map(|at| columns[*at]).collect();
        let list = List {
            options,
            columns,
            chosen,
            sorted_by,
            printer,
            pending: None,
            is_empty: true,
            rows: Vec::new(),
        };
        if options.format == Format::Csv {
            let title = |name: &&str| csv::field(&Value::from(*name), options.quote);
            let header: Vec<String> = list.columns.iter().map(title).collect();
            printer.result_lines(&header.join(","));
        }
        Ok(list)
    }

    /// Adds a row, with a value for each of the columns of [`List::new`].
    ///
    /// # Errors
    ///
    /// [`Gone`]: further rows are not needed.
    pub(crate) fn row(&mut self, row: Vec<Value>) -> Result<(), Gone> {
        if !self.sorted_by.is_empty() {
            self.rows.push(row);
            return Ok(());
        }
        let row = self.chosen_of(row);
        if self.options.format == Format::Table {
            self.rows.push(row);
            return Ok(());
        }
        self.print(row)
    }

    /// Prints what is left.
    pub(crate) fn end(mut self) {
        if !self.sorted_by.is_empty() {
            let mut rows = std::mem::take(&mut self.rows);
            rows.sort_by(|a, b| self.compare(a, b));
            for row in rows {
                let row = self.chosen_of(row);
                if self.options.format == Format::Table {
                    self.rows.push(row);
                } else if self.print(row).is_err() {
                    return;
                }
            }
        }
        let text = match (self.options.format, self.pending) {
            (Format::Json | Format::Yaml, _) if self.is_empty => "[]".to_owned(),
            (Format::Json, Some(last)) => format!("{last}\n]"),
            (Format::Table, _) if !self.rows.is_empty() || self.options.print_empty => {
                let is_number = |at: &usize| {
                    let first = self.rows.first().and_then(|row| row.get(*at));
                    first.is_some_and(Value::is_number)
                };
                let right: Vec<usize> = (0..self.columns.len()).filter(is_number).collect();
                let rows = self.rows.iter().map(|row| row.iter().map(human).collect());
                table::draw(&self.columns, rows, &right, self.options.max_width)
            }
            _ => return,
        };
        self.printer.result_lines(&text);
    }

    fn print(&mut self, row: Vec<Value>) -> Result<(), Gone> {
        self.is_empty = false;
        let text = match self.options.format {
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
            Format::Csv => {
                let quote = self.options.quote;
                let fields: Vec<String> =
                    row.iter().map(|value| csv::field(value, quote)).collect();
                fields.join(",")
            }
            Format::Value | Format::Table | Format::Shell => {
                row.iter().map(plain).collect::<Vec<_>>().join(" ")
            }
        };
        if self.printer.result_lines(&text) { Ok(()) } else { Err(Gone) }
    }

    /// Compares two rows as openstackclient does: `null` is larger than all other values.
    fn compare(&self, a: &[Value], b: &[Value]) -> Ordering {
        let by_column = |at: &usize| {
            let (a, b) = (a.get(*at), b.get(*at));
            let is_null = |value: Option<&Value>| value.is_none_or(Value::is_null);
            let order = is_null(a).cmp(&is_null(b)).then_with(|| {
                let number = |value: Option<&Value>| value.and_then(Value::as_f64);
                match (number(a), number(b)) {
                    (Some(a), Some(b)) => a.total_cmp(&b),
                    _ => a.map(python::text).cmp(&b.map(python::text)),
                }
            });
            if self.options.sort.descending { order.reverse() } else { order }
        };
        self.sorted_by.iter().map(by_column).find(|order| order.is_ne()).unwrap_or(Ordering::Equal)
    }

    fn chosen_of(&self, row: Vec<Value>) -> Vec<Value> {
        let mut row: Vec<Option<Value>> = row.into_iter().map(Some).collect();
        self.chosen.iter().filter_map(|at| row.get_mut(*at).and_then(Option::take)).collect()
    }

    fn fields(&self, row: Vec<Value>) -> Vec<(String, Value)> {
        self.columns.iter().map(|name| (*name).to_owned()).zip(row).collect()
    }
}
