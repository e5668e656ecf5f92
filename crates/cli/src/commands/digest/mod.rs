//! `imgpush digest`.

mod check;
mod hash;
mod list;

use super::share::ItemShare;
use crate::args::DigestArgs;
use crate::exit_code::Code;
use crate::printer::Printer;

pub(crate) async fn run(args: &DigestArgs, printer: &Printer) -> Code {
    let (share, printer) = match ItemShare::of(&args.shard, printer) {
        Ok(share) => share,
        Err(code) => return code,
    };
    let printer = &printer;
    if args.check {
        check::run(args, &share, printer).await
    } else {
        list::run(args, &share, printer).await
    }
}
