//! `imgpush digest`.

mod check;
mod hash;
mod list;

use crate::args::DigestArgs;
use crate::exit_code::Code;
use crate::printer::Printer;

pub(crate) async fn run(args: &DigestArgs, printer: &Printer) -> Code {
    if args.check { check::run(args, printer).await } else { list::run(args, printer).await }
}
