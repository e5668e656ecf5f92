//! When each image ran.

use super::entry::Entry;
use super::figure::{count, point};
use super::markup::Markup;
use super::scale::{Scale, number, seconds};

const WIDTH: f64 = 900.0;
/// With more rows than that they are thin, and their names are in the table only.
const NAMED_ROWS: usize = 40;

/// Draws a bar for each push, in the order in which they began.
pub(super) fn draw(page: &mut Markup, entries: &[Entry<'_>], whole: f64) {
    let mut rows: Vec<_> = entries.iter().collect();
    rows.sort_by(|one, other| one.begun.total_cmp(&other.begun).then(one.at.cmp(&other.at)));
    let is_named = rows.len() <= NAMED_ROWS;
    let (row, left) = if is_named { (18.0, 200.0) } else { (4.0, 12.0) };
    let bar = row * 0.72;
    let (top, plot) = (6.0, WIDTH - left - 12.0);
    let bottom = top + row * count(rows.len()) + 4.0;
    let time = Scale::of(whole, 6);
    let x = |seconds: f64| left + plot * (seconds / time.end).clamp(0.0, 1.0);

    page.open("figure", &[]);
    page.open(
        "svg",
        &[
            ("class", &"overview"),
            ("viewBox", &format!("0 0 {WIDTH} {}", point(bottom + 20.0))),
            ("role", &"img"),
            ("aria-labelledby", &"overview-title overview-about"),
        ],
    );
    page.element("title", &[("id", &"overview-title")], "When each image was pushed");
    let failed = rows.iter().filter(|entry| entry.result.is_err()).count();
    page.element(
        "desc",
        &[("id", &"overview-about")],
        format_args!("{} pushes over {}, {failed} of them failed.", rows.len(), seconds(whole)),
    );
    for tick in time.ticks() {
        let at = point(x(tick));
        let (from, until) = (point(top), point(bottom));
        let line: super::markup::Attributes<'_> =
            &[("class", &"grid"), ("x1", &at), ("y1", &from), ("x2", &at), ("y2", &until)];
        page.empty("line", line);
        let unit = if tick == 0.0 { " s" } else { "" };
        page.element(
            "text",
            &[("text-anchor", &"middle"), ("x", &at), ("y", &point(bottom + 15.0))],
            format_args!("{}{unit}", number(tick)),
        );
    }
    for (at, entry) in rows.iter().enumerate() {
        let y = top + row * count(at);
        if is_named {
            page.element(
                "text",
                &[("class", &"name"), ("x", &0), ("y", &point(y + bar - 2.5))],
                shortened(entry.source(), 32),
            );
        }
        let class = if entry.result.is_ok() { "ok" } else { "not" };
        let from = x(entry.begun);
        let width = (x(entry.begun + entry.seconds()) - from).max(1.5);
        page.open(
            "rect",
            &[
                ("class", &class),
                ("x", &point(from)),
                ("y", &point(y)),
                ("width", &point(width)),
                ("height", &point(bar)),
                ("rx", &if is_named { "2" } else { "0.5" }),
            ],
        );
        page.element(
            "title",
            &[],
            format_args!(
                "{} to {}: {} to {}",
                entry.source(),
                entry.cloud(),
                seconds(entry.begun),
                seconds(entry.begun + entry.seconds())
            ),
        );
        page.close("rect");
    }
    page.close("svg");
    page.close("figure");
}

/// The end of a name says more than its start.
fn shortened(name: &str, most: usize) -> String {
    let length = name.chars().count();
    if length <= most {
        return name.to_owned();
    }
    let end: String = name.chars().skip(length + 1 - most).collect();
    format!("…{end}")
}
