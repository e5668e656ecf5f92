//! `cargo xtask picture`: draws the crates and their layers as `docs/layers.svg`, from the list that `cargo
//! xtask arrows` checks.

use std::fmt::Write as _;

use anyhow::{Context as _, Result, ensure};

use crate::arrows::list::{self, CrateRules};
use crate::places::root;
use crate::step::say;

const PATH: &str = "docs/layers.svg";

/// Writes the picture.
pub(crate) fn write() -> Result<()> {
    let path = root().join(PATH);
    std::fs::write(&path, draw(&list::read()?)).context(PATH)?;
    say(&format!("wrote {PATH}"));
    Ok(())
}

/// Fails if the picture differs from the list.
pub(crate) fn check() -> Result<()> {
    let drawn = std::fs::read_to_string(root().join(PATH)).context(PATH)?;
    ensure!(
        drawn == draw(&list::read()?),
        "{PATH} differs from {}: run `cargo xtask picture`",
        list::PATH
    );
    Ok(())
}

/// All sizes are in pixels. The width of a letter is that of a wide monospace font.
const MARGIN: usize = 16;
const BOX_WIDTH: usize = 640;
const HEADING: usize = 32;
const LINE: usize = 20;
const GAP: usize = 22;
const LETTER: usize = 8;
/// Distance between the vertical lines of two crates.
const LANE: usize = 26;
/// The start of module names.
const INDENT: usize = 48;

/// Colours for light and dark viewers; the background is drawn, so that the text is legible on any page.
const STYLE: &str = "\
  .page { fill: #ffffff }
  .box { fill: #f4f6f8; stroke: #8894a0 }
  .layer { stroke: #d5dbe1 }
  text { font: 13px ui-monospace, Menlo, Consolas, 'DejaVu Sans Mono', monospace; fill: #1f2730 }
  .name { font-weight: bold; font-size: 15px }
  .number, .note { fill: #5f6b76 }
  .import { fill: none; stroke-width: 1.6 }
  .lane0 { stroke: #1d5fa8; color: #1d5fa8 }
  .lane1 { stroke: #a4480c; color: #a4480c }
  .lane2 { stroke: #2c7a39; color: #2c7a39 }
  .lane3 { stroke: #7a3fa0; color: #7a3fa0 }
  .head { fill: currentColor; stroke: none }
  @media (prefers-color-scheme: dark) {
    .page { fill: #12171c }
    .box { fill: #1c232b; stroke: #6b7783 }
    .layer { stroke: #303a44 }
    text { fill: #e4e9ee }
    .number, .note { fill: #98a4b0 }
    .lane0 { stroke: #6cb0f5; color: #6cb0f5 }
    .lane1 { stroke: #f09a55; color: #f09a55 }
    .lane2 { stroke: #6fcb7f; color: #6fcb7f }
    .lane3 { stroke: #c596e8; color: #c596e8 }
  }
";
const LANE_COLOURS: usize = 4;

/// A box for each crate, one below the other, with its layers; on their right a line for each crate that
/// imports others, with an arrow to each of these.
fn draw(crates: &[CrateRules]) -> String {
    let boxes = boxes(crates);
    let importers: Vec<&CrateRules> =
        crates.iter().filter(|rules| !rules.imports.is_empty()).collect();
    let right = MARGIN + BOX_WIDTH;
    let width = right + LANE * (importers.len() + 1) + MARGIN;
    let height = boxes.last().map_or(MARGIN, |last| last.top + last.height) + 2 * MARGIN + LINE;

    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" \
         width=\"{width}\" height=\"{height}\" role=\"img\">\n\
         <title>The crates of imgpush, their layers, and the imports between them</title>\n\
         <!-- Made by `cargo xtask picture` from {}. -->\n<style>\n{STYLE}</style>\n\
         <rect class=\"page\" width=\"{width}\" height=\"{height}\"/>\n",
        list::PATH
    );
    for (rules, place) in crates.iter().zip(&boxes) {
        draw_box(&mut svg, rules, place);
    }
    // The last crate has the innermost line, so that its arrows cross no other.
    for (lane, rules) in importers.iter().rev().enumerate() {
        let x = right + LANE * (lane + 1);
        let colour = lane % LANE_COLOURS;
        let place = |name: &str| {
            crates.iter().zip(&boxes).find(|(rules, _)| rules.name == name).map(|(_, place)| place)
        };
        let Some(start) = place(&rules.name).map(|place| place.top + place.height - 12) else {
            continue;
        };
        let ends = rules.imports.iter().filter_map(|name| place(name));
        let ends: Vec<usize> =
            ends.map(|place| place.top + HEADING / 2 - 6 + 7 * lane % HEADING).collect();
        let lowest = ends.iter().copied().max().unwrap_or(start);
        _ = writeln!(
            svg,
            "<path class=\"import lane{colour}\" d=\"M{right} {start} H{x} V{lowest}\"/>"
        );
        for y in ends {
            let (tip, neck) = (right + 1, right + 9);
            let (over, under) = (y - 4, y + 4);
            _ = writeln!(
                svg,
                "<path class=\"import lane{colour}\" d=\"M{x} {y} H{neck}\"/>\
                 <path class=\"head lane{colour}\" d=\"M{tip} {y} L{neck} {over} V{under} Z\"/>"
            );
        }
    }
    let base = height - MARGIN;
    _ = writeln!(
        svg,
        "<text class=\"note\" x=\"{MARGIN}\" y=\"{base}\">Arrows lead to the crates that a crate imports; \
         modules import from lower layers or their own.</text>"
    );
    svg + "</svg>\n"
}

struct Place {
    top: usize,
    height: usize,
    /// The lines of each layer.
    layers: Vec<Vec<String>>,
}

fn boxes(crates: &[CrateRules]) -> Vec<Place> {
    let mut top = MARGIN;
    let mut boxes = Vec::new();
    for rules in crates {
        let layers: Vec<Vec<String>> = rules.layers.iter().map(|layer| wrapped(layer)).collect();
        let lines: usize = layers.iter().map(Vec::len).sum();
        let height = HEADING + lines * LINE + layers.len() * 4 + 4;
        boxes.push(Place { top, height, layers });
        top += height + GAP;
    }
    boxes
}

/// The names of a layer, wrapped to the width of the box.
fn wrapped(names: &[String]) -> Vec<String> {
    let most = (BOX_WIDTH - INDENT - MARGIN) / LETTER;
    let mut lines: Vec<String> = Vec::new();
    for name in names {
        match lines.last_mut() {
            Some(line) if line.chars().count() + name.len() + 3 <= most => {
                line.push_str(" · ");
                line.push_str(name);
            }
            _ => lines.push(name.clone()),
        }
    }
    lines
}

fn draw_box(svg: &mut String, rules: &CrateRules, place: &Place) {
    let Place { top, height, layers } = place;
    let (left, right) = (MARGIN, MARGIN + BOX_WIDTH);
    _ = writeln!(
        svg,
        "<rect class=\"box\" x=\"{left}\" y=\"{top}\" width=\"{BOX_WIDTH}\" height=\"{height}\" rx=\"6\"/>"
    );
    let (name, x, y) = (&rules.name, left + 12, top + 21);
    _ = writeln!(svg, "<text class=\"name\" x=\"{x}\" y=\"{y}\">{name}</text>");
    let mut y = top + HEADING;
    for (number, lines) in layers.iter().enumerate() {
        let (level, base) = (layers.len() - number, y + 16);
        _ = writeln!(
            svg,
            "<path class=\"layer\" d=\"M{} {y} H{}\"/>\
             <text class=\"number\" x=\"{}\" y=\"{base}\" text-anchor=\"end\">{level}</text>",
            left + 1,
            right - 1,
            left + 32
        );
        for line in lines {
            _ = writeln!(svg, "<text x=\"{}\" y=\"{}\">{line}</text>", left + INDENT, y + 16);
            y += LINE;
        }
        y += 4;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_crate_layer_and_import_is_drawn() {
        let rules = |name: &str, imports: &[&str], layers: &[&[&str]]| CrateRules {
            name: name.into(),
            imports: imports.iter().map(ToString::to_string).collect(),
            layers: layers
                .iter()
                .map(|layer| layer.iter().map(ToString::to_string).collect())
                .collect(),
            unsafe_in: vec![],
        };
        let svg = draw(&[
            rules("top", &["middle", "low"], &[&["commands", "args"], &["output"]]),
            rules("middle", &["low"], &[]),
            rules("low", &[], &[&["hash"]]),
        ]);
        assert_eq!(svg.matches("class=\"box\"").count(), 3);
        assert_eq!(svg.matches("class=\"head").count(), 3);
        assert!(svg.contains(">commands · args</text>"), "{svg}");
        assert!(svg.contains(">2</text>"), "{svg}");
    }

    #[test]
    fn a_layer_with_many_modules_has_several_lines() {
        let names: Vec<String> = (0..40).map(|n| format!("module{n}")).collect();
        let lines = wrapped(&names);
        assert!(
            lines.len() > 1 && lines.iter().all(|line| line.chars().count() <= 72),
            "{lines:?}"
        );
        assert_eq!(lines.join(" · "), names.join(" · "));
    }
}
