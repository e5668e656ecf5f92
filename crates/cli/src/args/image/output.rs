//! openstackclient's output options.

use clap::{Args, ValueEnum};

use crate::render::{Format, RenderOptions};

/// Of a list.
#[derive(Debug, Args)]
#[command(next_help_heading = "Output options")]
pub(crate) struct ListOutput {
    /// How to print the list
    ///
    /// csv, json, yaml and value print line by line as the list comes in; a table at its end.
    #[arg(short = 'f', long, value_name = "FORMAT", default_value = "table")]
    format: ListFormat,

    #[command(flatten)]
    common: Common,
}

/// Of one record.
#[derive(Debug, Args)]
#[command(next_help_heading = "Output options")]
pub(crate) struct ShowOutput {
    /// How to print the record
    #[arg(short = 'f', long, value_name = "FORMAT", default_value = "table")]
    format: ShowFormat,

    #[command(flatten)]
    common: Common,
}

#[derive(Debug, Args)]
struct Common {
    /// Only this column; repeat for more
    ///
    /// Upper and lower case are the same, and so are spaces and underscores.
    #[arg(short = 'c', long = "column", value_name = "COLUMN")]
    columns: Vec<String>,

    /// Print JSON without indentation
    #[arg(long, hide_short_help = true)]
    noindent: bool,

    /// Characters a line of a table may have; as the terminal by default
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
            format,
            columns: self.columns.clone(),
            noindent: self.noindent,
            max_width: self.max_width,
        }
    }
}
