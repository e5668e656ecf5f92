//! A terminal in which an image is pushed to two clouds, while it is sent and at the end.

use std::fmt::Write as _;
use std::process::Command;
use std::thread::sleep;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};

use super::stage::{Stage, program};
use super::xml::escaped;
use crate::step::say;

const COLUMNS: usize = 92;
const LINES: usize = 14;
const COMMAND: &str = "imgpush push --cloud north --cloud south noble.raw";

/// In pixels; letters of a font of fixed width.
const LETTER: f64 = 8.4;
const LINE: usize = 19;
const PADDING: usize = 16;
const TITLE: usize = 28;

const STYLE: &str = "\
  .window { fill: #161b22; stroke: #30363d }
  .title { fill: #21262d }
  .dot { fill: #484f58 }
  text { font: 14px ui-monospace, Menlo, Consolas, 'DejaVu Sans Mono', monospace; fill: #e6edf3; white-space: pre }
  .caption { fill: #9198a1; font-size: 12px }
  .green { fill: #57d364 } .cyan { fill: #56d4dd } .red { fill: #ff7b72 } .bold { font-weight: bold }
";

pub(super) fn draw(stage: &Stage) -> Result<String> {
    let terminal = Terminal::open(stage)?;
    terminal.send(COMMAND)?;
    let is_half = |text: &str| {
        let percent = |line: &str| {
            let before = line.split('%').next()?;
            before.rsplit(' ').next()?.parse::<u32>().ok().filter(|_| line.contains('%'))
        };
        let shown: Vec<u32> = text.lines().filter_map(percent).collect();
        shown.len() >= 2 && shown.iter().all(|percent| (40..90).contains(percent))
    };
    let during = terminal.wait(is_half).context("the middle of a push")?;
    let end = terminal
        .wait(|text| text.matches("verified").count() == 2 && text.trim_end().ends_with('$'))
        .context("the end of a push")?;
    Ok(svg(&[("while the data is sent", &during), ("at the end", &end)]))
}

/// A terminal of tmux with a server of its own.
struct Terminal {
    socket: String,
}

impl Terminal {
    fn open(stage: &Stage) -> Result<Self> {
        let terminal = Terminal { socket: format!("imgpush-pictures-{}", std::process::id()) };
        let folder = program();
        let folder = folder.parent().context("the folder of the program")?;
        let path = format!("{}:{}", folder.display(), std::env::var("PATH").unwrap_or_default());
        let (columns, lines) = (COLUMNS.to_string(), LINES.to_string());
        let output = Command::new("tmux")
            .args(["-L", &terminal.socket, "-f", "/dev/null", "new-session", "-d"])
            .args(["-x", &columns, "-y", &lines, "-c"])
            .arg(&stage.folder)
            // A login shell may set the variables that tmux passes on.
            .args(["env", &format!("PATH={path}"), "PS1=$ ", "bash", "--norc", "--noprofile"])
            .output()
            .context("tmux")?;
        if !output.status.success() {
            bail!("tmux: {}", String::from_utf8_lossy(&output.stderr));
        }
        sleep(Duration::from_millis(500));
        Ok(terminal)
    }

    fn send(&self, line: &str) -> Result<()> {
        self.tmux(&["send-keys", line, "Enter"]).map(drop)
    }

    fn tmux(&self, arguments: &[&str]) -> Result<String> {
        let output = Command::new("tmux").args(["-L", &self.socket]).args(arguments).output()?;
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// Waits until the text fits, and returns it with its colours.
    fn wait(&self, is_it: impl Fn(&str) -> bool) -> Result<String> {
        for _ in 0..2000 {
            let coloured = self.tmux(&["capture-pane", "-p", "-e"])?;
            if is_it(&plain(&coloured)) {
                return Ok(coloured);
            }
            sleep(Duration::from_millis(10));
        }
        say(&self.tmux(&["capture-pane", "-p"])?);
        bail!("the terminal did not show it within 20 s")
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.tmux(&["kill-server"]);
    }
}

/// A text in one colour: the classes, and the text.
type Span = (String, String);

/// A line in pieces of one colour each.
fn spans(line: &str) -> Vec<Span> {
    let mut spans = Vec::new();
    let mut class = String::new();
    for (number, part) in line.split("\u{1b}[").enumerate() {
        let text = match part.split_once('m') {
            Some((codes, text)) if number > 0 => {
                class = classes(codes, &class);
                text
            }
            _ => part,
        };
        if !text.is_empty() {
            spans.push((class.clone(), text.to_owned()));
        }
    }
    spans
}

/// The classes after these codes of a terminal.
fn classes(codes: &str, before: &str) -> String {
    let mut classes: Vec<&str> = before.split(' ').filter(|class| !class.is_empty()).collect();
    for code in codes.split(';') {
        match code {
            "" | "0" => classes.clear(),
            "1" => classes.push("bold"),
            "31" => classes.push("red"),
            "32" => classes.push("green"),
            "36" => classes.push("cyan"),
            _ => {}
        }
    }
    classes.join(" ")
}

fn plain(text: &str) -> String {
    let line = |line: &str| spans(line).into_iter().map(|(_, text)| text).collect::<String>();
    text.lines().map(line).collect::<Vec<_>>().join("\n")
}

/// Windows below each other, each with a caption.
fn svg(windows: &[(&str, &str)]) -> String {
    let width = (COLUMNS as f64 * LETTER) as usize + 2 * PADDING;
    let mut body = String::new();
    let mut top = 0;
    for (caption, text) in windows {
        let lines: Vec<_> = text.trim_end().lines().collect();
        let height = TITLE + lines.len() * LINE + 2 * PADDING;
        let _ = write!(
            body,
            "<rect class=\"window\" x=\"0.5\" y=\"{}\" width=\"{}\" height=\"{height}\" rx=\"8\"/>\n\
             <path class=\"title\" d=\"M1 {} v-{} a7 7 0 0 1 7 -7 h{} a7 7 0 0 1 7 7 v{} z\"/>\n",
            top as f64 + 0.5,
            width - 1,
            top + TITLE,
            TITLE - 8,
            width - 16,
            TITLE - 8,
        );
        for dot in 0..3 {
            let _ = write!(
                body,
                "<circle class=\"dot\" cx=\"{}\" cy=\"{}\" r=\"5\"/>",
                18 + 18 * dot,
                top + 14
            );
        }
        let _ = write!(
            body,
            "\n<text class=\"caption\" x=\"{}\" y=\"{}\" text-anchor=\"middle\">{caption}</text>\n",
            width / 2,
            top + 18
        );
        for (number, line) in lines.iter().enumerate() {
            let y = top + TITLE + PADDING + number * LINE + 13;
            let _ = write!(body, "<text x=\"{PADDING}\" y=\"{y}\" xml:space=\"preserve\">");
            for (class, text) in spans(line) {
                match class.is_empty() {
                    true => body.push_str(&escaped(&text)),
                    false => {
                        let _ = write!(body, "<tspan class=\"{class}\">{}</tspan>", escaped(&text));
                    }
                }
            }
            body.push_str("</text>\n");
        }
        top += height + 12;
    }
    let height = top - 12 + 1;
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" \
         height=\"{height}\" role=\"img\">\n<title>A push to two clouds at once</title>\n\
         <style>\n{STYLE}</style>\n{body}</svg>\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_of_a_terminal_become_classes() {
        let line = "a \u{1b}[1;32mb\u{1b}[0m c\u{1b}[36m";
        let expected = [("", "a "), ("bold green", "b"), ("", " c")];
        assert_eq!(spans(line), expected.map(|(class, text)| (class.to_owned(), text.to_owned())));
        assert_eq!(plain(line), "a b c");
    }
}
