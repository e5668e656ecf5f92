//! openstackclient's output options.

use clap::{Args, ValueEnum};

use crate::args::heading;
use crate::render::{Format, Quote, RenderOptions, SortBy};

/// Of a list.
#[derive(Debug, Args)]
#[command(next_help_heading = heading::OUTPUT)]
pub(crate) struct ListOutput {
    /// Output format
    ///
    /// A table is printed at the end of the list, the other formats while it arrives.
    #[arg(short = 'f', long, value_name = "FORMAT", default_value = "table")]
    format: ListFormat,

    /// Sort the list by this column (repeatable)
    ///
    /// The first column is the most important. Unknown columns are ignored. The list is printed at its end.
    #[arg(long = "sort-column", value_name = "COLUMN", hide_short_help = true)]
    sort_columns: Vec<String>,

    /// Sort in ascending order (default)
    #[arg(long, overrides_with = "sort_descending", hide_short_help = true)]
    sort_ascending: bool,

    /// Sort in descending order
    #[arg(long, hide_short_help = true)]
    sort_descending: bool,

    /// Fields that are quoted in CSV
    #[arg(long, value_name = "FIELDS", default_value = "nonnumeric", hide_short_help = true)]
    quote: Quote,

    /// Print the header of an empty table
    #[arg(long, hide_short_help = true)]
    print_empty: bool,

    #[command(flatten)]
    common: Common,
}

/// Of one record.
#[derive(Debug, Args)]
#[command(next_help_heading = heading::OUTPUT)]
pub(crate) struct ShowOutput {
    /// Output format
    #[arg(short = 'f', long, value_name = "FORMAT", default_value = "table")]
    format: ShowFormat,

    /// With -f shell: prefix of the names of the variables
    #[arg(
        long,
        value_name = "PREFIX",
        default_value = "",
        hide_default_value = true,
        hide_short_help = true
    )]
    prefix: String,

    /// Accepted for openstackclient; it has no effect on a record.
    #[arg(long, hide = true)]
    print_empty: bool,

    #[command(flatten)]
    common: Common,
}

#[derive(Debug, Args)]
struct Common {
    /// Print JSON, the same as -f json
    #[arg(long, conflicts_with = "format")]
    json: bool,

    /// Print only this column (repeatable)
    ///
    /// Names are case-insensitive, and spaces and underscores are the same.
    #[arg(short = 'c', long = "column", value_name = "COLUMN")]
    columns: Vec<String>,

    /// Print JSON without indentation
    #[arg(long, hide_short_help = true)]
    noindent: bool,

    /// Maximum width of a table [default: width of the terminal]
    #[arg(long, value_name = "CHARS", hide_short_help = true)]
    max_width: Option<u16>,

    /// Accepted for openstackclient; a table on a terminal always fits its width.
    #[arg(long, hide = true)]
    fit_width: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum ListFormat {
    Table,
    Json,
    Yaml,
    Value,
    Csv,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum ShowFormat {
    Table,
    Json,
    Yaml,
    Value,
    Shell,
}

impl ListOutput {
    pub(crate) fn options(&self) -> RenderOptions {
        let mut options = self.common.options(match self.format {
            ListFormat::Table => Format::Table,
            ListFormat::Json => Format::Json,
            ListFormat::Yaml => Format::Yaml,
            ListFormat::Value => Format::Value,
            ListFormat::Csv => Format::Csv,
        });
        options.print_empty = self.print_empty;
        options.quote = self.quote;
        options.sort.columns.clone_from(&self.sort_columns);
        options.sort.descending = self.sort_descending;
        options
    }
}

impl ShowOutput {
    pub(crate) fn options(&self) -> RenderOptions {
        let mut options = self.common.options(match self.format {
            ShowFormat::Table => Format::Table,
            ShowFormat::Json => Format::Json,
            ShowFormat::Yaml => Format::Yaml,
            ShowFormat::Value => Format::Value,
            ShowFormat::Shell => Format::Shell,
        });
        options.prefix.clone_from(&self.prefix);
        options
    }
}

impl Common {
    fn options(&self, format: Format) -> RenderOptions {
        RenderOptions {
            format: if self.json { Format::Json } else { format },
            columns: self.columns.clone(),
            noindent: self.noindent,
            max_width: self.max_width,
            print_empty: false,
            prefix: String::new(),
            quote: Quote::default(),
            sort: SortBy::default(),
        }
    }
}
