//! The path of a chunk through the program, with the figures of a real push.

use std::fmt::Write as _;

use anyhow::{Context as _, Result, ensure};

use super::stage::Stage;
use super::xml::escaped;

const WIDTH: usize = 800;
const HEIGHT: usize = 262;

const STYLE: &str = "\
  .page { fill: #ffffff }
  .box { fill: #f4f6f8; stroke: #8894a0 }
  .gate { fill: #fff7e0; stroke: #b58900; stroke-dasharray: 5 3 }
  .check { fill: #e9f6ec; stroke: #2c7a39 }
  .arrow { fill: none; stroke: #5f6b76; stroke-width: 1.6; marker-end: url(#head) }
  .head { fill: #5f6b76 }
  text { font: 13px ui-sans-serif, system-ui, 'DejaVu Sans', sans-serif; fill: #1f2730; text-anchor: middle }
  .name { font-weight: bold; font-size: 14px }
  .figure { fill: #1d5fa8; font-size: 12px }
  .note { fill: #5f6b76; font-size: 12px }
  @media (prefers-color-scheme: dark) {
    .page { fill: #12171c }
    .box { fill: #1c232b; stroke: #66727e }
    .gate { fill: #2e2814; stroke: #d1a51f }
    .check { fill: #16291c; stroke: #57d364 }
    .arrow { stroke: #98a4b3 } .head { fill: #98a4b3 }
    text { fill: #e6eaf0 } .figure { fill: #74adf0 } .note { fill: #98a4b3 }
  }
";

/// A box with its lines: the name, what it does, and a figure.
struct Station<'a> {
    x: usize,
    y: usize,
    width: usize,
    class: &'a str,
    lines: [&'a str; 3],
}

pub(super) fn draw(stage: &Stage) -> Result<String> {
    let push = ["push", "--cloud", "north", "--json", "noble.raw"];
    let output = stage.imgpush(&push).output()?;
    ensure!(output.status.success(), "a push for the picture ended with {}", output.status);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let number = |key: &str| number(&text, key);
    let (size, seconds) = (number("size")?, number("seconds")?);
    let times = ["read", "hash", "send", "wait_for_answer"].map(number);
    let [read, hash, send, answer] = times;
    let figure = |seconds: f64| format!("{seconds:.1} s");
    let (read, hash, send, answer) = (figure(read?), figure(hash?), figure(send?), figure(answer?));
    let total = format!(
        "Figures: a push of {:.0} GiB to the sandbox on one machine, {seconds:.1} s in total. The stages overlap.",
        size / f64::from(1 << 30),
    );
    let stations = [
        Station {
            x: 16,
            y: 40,
            width: 136,
            class: "box",
            lines: ["Source", "file, pipe, URL", &read],
        },
        Station {
            x: 196,
            y: 40,
            width: 160,
            class: "box",
            lines: ["Pass", "MD5 + SHA-512, format", &hash],
        },
        Station {
            x: 400,
            y: 40,
            width: 160,
            class: "box",
            lines: ["Queue per cloud", "bounded, no copies", ""],
        },
        Station {
            x: 604,
            y: 40,
            width: 180,
            class: "box",
            lines: ["Upload", "PUT to /file or /stage", &send],
        },
        Station {
            x: 196,
            y: 148,
            width: 364,
            class: "gate",
            lines: ["The last chunk waits", "for size, checksum, signature and format", ""],
        },
        Station {
            x: 604,
            y: 148,
            width: 180,
            class: "check",
            lines: ["Verification", "os_hash_value, checksum", &answer],
        },
    ];
    let mut body = String::new();
    for arrow in [
        "M152 72 H192",
        "M356 72 H396",
        "M560 72 H600",
        "M276 104 V144",
        "M480 144 V108",
        "M694 104 V144",
    ] {
        let _ = writeln!(body, "<path class=\"arrow\" d=\"{arrow}\"/>");
    }
    for Station { x, y, width, class, lines } in stations {
        let _ = writeln!(
            body,
            "<rect class=\"{class}\" x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"64\" rx=\"6\"/>"
        );
        for (number, (line, class)) in lines.iter().zip(["name", "note", "figure"]).enumerate() {
            if !line.is_empty() {
                let (middle, y) = (x + width / 2, y + 22 + 17 * number);
                let _ = writeln!(
                    body,
                    "<text class=\"{class}\" x=\"{middle}\" y=\"{y}\">{}</text>",
                    escaped(line)
                );
            }
        }
    }
    let _ = writeln!(body, "<text class=\"note\" x=\"{}\" y=\"244\">{total}</text>", WIDTH / 2);
    Ok(format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" width=\"{WIDTH}\" \
         height=\"{HEIGHT}\" role=\"img\">\n<title>The path of a chunk</title>\n<style>\n{STYLE}</style>\n\
         <defs><marker id=\"head\" viewBox=\"0 0 8 8\" refX=\"7\" refY=\"4\" markerWidth=\"7\" markerHeight=\"7\" \
         orient=\"auto\"><path class=\"head\" d=\"M0 0 L8 4 L0 8 z\"/></marker></defs>\n\
         <rect class=\"page\" width=\"{WIDTH}\" height=\"{HEIGHT}\" rx=\"8\"/>\n\
         <text class=\"name\" x=\"{}\" y=\"24\">One pass over the data</text>\n{body}</svg>\n",
        WIDTH / 2
    ))
}

/// The number of a key in a JSON document of one line.
fn number(json: &str, key: &str) -> Result<f64> {
    let start = format!("\"{key}\":");
    let rest = json.split(&start).nth(1).with_context(|| format!("no {key} in {json}"))?;
    let end = rest.find([',', '}']).unwrap_or(rest.len());
    rest[..end].parse().with_context(|| format!("{key} is no number"))
}
