//! `imgpush convert`.

use std::path::{Path, PathBuf};

use clap::Args;
use imgpush_engine::Conversion;
use imgpush_engine::image_formats::Format;
use imgpush_engine::source::SourceOptions;

use super::{ConversionArgs, Decompress, OutputKind, ProgressKind, ProofArgs, SourceArgs, heading};

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  # To raw; zeros become holes
  imgpush convert noble.qcow2 noble.raw

  # To a compressed qcow2
  imgpush convert appliance.vmdk appliance.qcow2

  # A published image, verified and converted while it is downloaded
  imgpush convert https://example.org/noble.img noble.raw \\
    --checksum-file https://example.org/SHA256SUMS

  # To a pipe
  imgpush convert disk.vhdx - -O raw | ssh host 'dd of=/dev/vg/disk'

Input formats: qcow2, qcow, qed, vmdk, vhdx, vhd, vdi, parallels, raw.

Exit codes: 0 success, 2 another file exists, 10 the input cannot be read,
11 it cannot be converted, 12 its digest differs, 130 interrupted.")]
pub(crate) struct ConvertArgs {
    /// Image to convert: file, HTTP(S) URL, or - for stdin
    #[arg(value_name = "INPUT")]
    pub(crate) input: PathBuf,

    /// File to write, or - for stdout
    ///
    /// The data is written to a temporary file in the same folder, which is renamed at the end. --max-size limits
    /// it, as well as the input.
    #[arg(value_name = "OUTPUT")]
    pub(crate) output: PathBuf,

    /// Format of the input [default: detected]
    ///
    /// An input of another format is an error.
    #[arg(short = 'f', long, value_name = "FORMAT", value_parser = input_format,
        help_heading = heading::SOURCE)]
    input_format: Option<Format>,

    /// Format of the output [default: qcow2 for OUTPUT.qcow2, otherwise raw]
    #[arg(short = 'O', long, value_name = "FORMAT", help_heading = heading::SOURCE)]
    output_format: Option<OutputKind>,

    #[command(flatten)]
    conversion: ConversionArgs,

    #[command(flatten)]
    source: SourceArgs,

    #[command(flatten)]
    pub(crate) proof: ProofArgs,

    /// Replace an existing file
    #[arg(long, help_heading = heading::OUTPUT)]
    pub(crate) overwrite: bool,

    /// Print the result as JSON
    #[arg(long, help_heading = heading::OUTPUT)]
    pub(crate) json: bool,

    /// Progress display on stderr
    #[arg(long, value_name = "MODE", default_value = "auto", hide_short_help = true,
        help_heading = heading::OUTPUT)]
    pub(crate) progress: ProgressKind,

    /// Print only results and errors
    #[arg(short, long, help_heading = heading::OUTPUT)]
    pub(crate) quiet: bool,
}

impl ConvertArgs {
    /// What does not go together.
    pub(super) fn misfit(&self) -> Option<&'static str> {
        (self.is_to_stdout() && self.json)
            .then_some("--json and the image cannot both go to the standard output")
    }

    /// Whether the image is written to stdout.
    pub(crate) fn is_to_stdout(&self) -> bool {
        self.output.as_os_str() == "-"
    }

    /// How the input is read.
    pub(crate) fn source_options(&self) -> SourceOptions {
        self.source.options(Decompress::Auto)
    }

    /// The conversion.
    pub(crate) fn conversion(&self) -> Conversion {
        let is_qcow2 = |path: &Path| {
            path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("qcow2"))
        };
        let by_name = if is_qcow2(&self.output) { OutputKind::Qcow2 } else { OutputKind::Raw };
        let mut conversion = self.conversion.conversion(self.output_format.unwrap_or(by_name));
        conversion.read.format = self.input_format;
        conversion.max_bytes = self.source.max_bytes();
        conversion
    }
}

/// The formats that can be read, with the other names that qemu has for them.
const INPUT_FORMATS: [(&str, Format); 11] = [
    ("raw", Format::Raw),
    ("qcow2", Format::Qcow2),
    ("qcow", Format::Qcow),
    ("qed", Format::Qed),
    ("vmdk", Format::Vmdk),
    ("vhdx", Format::Vhdx),
    ("vhd", Format::Vhd),
    ("vpc", Format::Vhd),
    ("vdi", Format::Vdi),
    ("parallels", Format::Parallels),
    ("ploop", Format::Parallels),
];

fn input_format(text: &str) -> Result<Format, String> {
    let found = INPUT_FORMATS.iter().find(|(name, _)| name.eq_ignore_ascii_case(text));
    found.map(|(_, format)| *format).ok_or_else(|| {
        "expected raw, qcow2, qcow, qed, vmdk, vhdx, vhd, vdi or parallels".to_owned()
    })
}
