//! Placeholders for what is different in each run.

use std::path::Path;

/// The text with placeholders for ids, times, rates, ports, bytes sent before a connection broke, the version and the folder.
///
/// Ids and times become others of the same length, so that tables keep their shape. Ids are numbered, so that one
/// that occurs again can be recognised.
pub(super) fn with_placeholders(text: &str, folder: &Path) -> String {
    let version = concat!("imgpush ", env!("CARGO_PKG_VERSION"));
    let text = text.replace(version, "imgpush [version]");
    let text = text.replace(folder.to_str().unwrap(), "[folder]");
    let mut ids = Vec::new();
    let lines: Vec<_> = text.lines().map(|line| line_with_placeholders(line, &mut ids)).collect();
    lines.join("\n") + "\n"
}

fn line_with_placeholders<'a>(line: &'a str, ids: &mut Vec<&'a str>) -> String {
    // What took the most of the time is another thing in each run.
    if line.starts_with("  time    ") {
        return "  time    [bottleneck]: [advice]".to_owned();
    }
    let mut out = String::new();
    let mut rest = line;
    while let Some(first) = rest.chars().next() {
        let is_start = !out.ends_with(|c: char| c.is_alphanumeric());
        let placeholder = |rest| {
            let found = id(rest, ids).or_else(|| time(rest)).or_else(|| port(rest));
            let found = found.or_else(|| sent(rest)).or_else(|| temporary(rest));
            found.or_else(|| measured(rest))
        };
        let found = is_start.then_some(rest).and_then(placeholder);
        let (length, placeholder) = found.unwrap_or_else(|| (first.len_utf8(), first.to_string()));
        out.push_str(&placeholder);
        rest = &rest[length..];
    }
    out
}

/// An id at the start of the text: its length, and what stands for it.
fn id<'a>(text: &'a str, ids: &mut Vec<&'a str>) -> Option<(usize, String)> {
    let shape = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
    let id = text.get(..shape.len()).filter(|id| fits(id, shape))?;
    let known = ids.iter().position(|known| *known == id);
    let number = known.unwrap_or_else(|| {
        ids.push(id);
        ids.len() - 1
    });
    Some((id.len(), format!("00000000-0000-0000-0000-{:012}", number + 1)))
}

/// A time of a record or a task.
fn time(text: &str) -> Option<(usize, String)> {
    ["dddd-dd-ddTdd:dd:dd.dddddd", "dddd-dd-ddTdd:dd:dd"].into_iter().find_map(|shape| {
        let time = text.get(..shape.len()).filter(|time| fits(time, shape))?;
        Some((time.len(), shape.replace('d', "0")))
    })
}

/// Whether a text has hexadecimal digits for `x`, digits for `d`, and the same as the shape elsewhere.
fn fits(text: &str, shape: &str) -> bool {
    text.chars().zip(shape.chars()).all(|(c, of)| match of {
        'x' => c.is_ascii_hexdigit(),
        'd' => c.is_ascii_digit(),
        of => c == of,
    })
}

/// The port of a server on this machine.
fn port(text: &str) -> Option<(usize, String)> {
    let host = "127.0.0.1:";
    let digits = text.strip_prefix(host)?.bytes().take_while(u8::is_ascii_digit).count();
    (digits > 0).then(|| (host.len() + digits, format!("{host}[port]")))
}

/// How much was sent when a connection broke.
fn sent(text: &str) -> Option<(usize, String)> {
    let start = "up to ";
    let digits = text.strip_prefix(start)?.bytes().take_while(u8::is_ascii_digit).count();
    let is_bytes = digits > 0 && text[start.len() + digits..].starts_with(" bytes");
    is_bytes.then(|| (start.len() + digits, format!("{start}[number]")))
}

/// The end of the name of a temporary file.
fn temporary(text: &str) -> Option<(usize, String)> {
    let start = "imgpush-report-";
    let end = text.strip_prefix(start)?.bytes().take_while(u8::is_ascii_alphanumeric).count();
    Some((start.len() + end, format!("{start}[random]")))
}

/// A rate, such as `1.50 MiB/s`, or seconds with a fraction, such as `0.1 s`.
fn measured(text: &str) -> Option<(usize, String)> {
    let digits = text.bytes().take_while(|byte| byte.is_ascii_digit() || *byte == b'.').count();
    let (number, after) = text.split_at(digits);
    if number.is_empty() {
        return None;
    }
    let units = [" B/s", " KiB/s", " MiB/s", " GiB/s", " TiB/s"];
    if let Some(unit) = units.into_iter().find(|unit| after.starts_with(unit)) {
        return Some((digits + unit.len(), "[rate]/s".to_owned()));
    }
    let is_seconds =
        after.strip_prefix(" s").is_some_and(|end| !end.starts_with(char::is_alphanumeric));
    (number.contains('.') && is_seconds).then(|| (digits, "[time]".to_owned()))
}

#[test]
fn what_is_different_in_each_run_has_a_placeholder() {
    let ids = ["6d0a4ab2-b555-467e-b0fd-5c34e781203d", "050d36e8-15f8-4dc1-93d6-277ed983c20a"];
    let text = format!(
        "{0} {1} req-{0}\nin /tmp/x/y: 97.5 KiB in 0.1 s, 26.49 MiB/s, 5 s at http://127.0.0.1:9292/v3\n\
         | 2026-11-29T18:09:31Z | 2026-11-29T18:09:31.123456 |\n  time    read 0.1 s of 0.2 s: wait\n",
        ids[0], ids[1]
    );
    let expected = "00000000-0000-0000-0000-000000000001 00000000-0000-0000-0000-000000000002 \
                    req-00000000-0000-0000-0000-000000000001\n\
                    in [folder]/y: 97.5 KiB in [time] s, [rate]/s, 5 s at http://127.0.0.1:[port]/v3\n\
                    | 0000-00-00T00:00:00Z | 0000-00-00T00:00:00.000000 |\n\
                    \x20 time    [bottleneck]: [advice]\n";
    assert_eq!(with_placeholders(&text, Path::new("/tmp/x")), expected);
}
