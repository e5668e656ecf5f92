//! openstackclient's output options.

use clap::{Args, ValueEnum};

use crate::args::heading;
use crate::render::{Format, RenderOptions};

/// Of a list.
#[derive(Debug, Args)]
#[command(next_help_heading = heading::OUTPUT)]
pub(crate) struct ListOutput {
    /// Output format
    ///
    /// A table is printed at the end of the list, the other formats while it arrives.
    #[arg(short = 'f', long, value_name = "FORMAT", default_value = "table")]
    format: ListFormat,

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
}

impl ListOutput {
    pub(crate) fn options(&self) -> RenderOptions {
        self.common.options(match self.format {
            ListFormat::Table => Format::Table,
            ListFormat::Json => Format::Json,
            ListFormat::Yaml => Format::Yaml,
            ListFormat::Value => Format::Value,
            ListFormat::Csv => Format::Csv,
        })
    }
}

impl ShowOutput {
    pub(crate) fn options(&self) -> RenderOptions {
        self.common.options(match self.format {
            ShowFormat::Table => Format::Table,
            ShowFormat::Json => Format::Json,
            ShowFormat::Yaml => Format::Yaml,
            ShowFormat::Value => Format::Value,
        })
    }
}

impl Common {
    fn options(&self, format: Format) -> RenderOptions {
        RenderOptions {
            format: if self.json { Format::Json } else { format },
            columns: self.columns.clone(),
            noindent: self.noindent,
            max_width: self.max_width,
        }
    }
}
