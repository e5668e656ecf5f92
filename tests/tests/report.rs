//! The page of `imgpush push --report`, rendered by a browser without a network.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::process::Command;

use imgpush_sandbox::{Fault, Operation};
use imgpush_scene::Scene;
use imgpush_test_support::left_out;

/// The size of the window in pixels, narrow and tall enough for one picture.
const WINDOW: (u32, u32) = (700, 1500);

/// Pixels of a page: red, green and blue.
struct Drawn {
    width: usize,
    pixels: Vec<[u8; 3]>,
}

impl Drawn {
    /// Renders the page with Chromium; none without Chromium.
    fn of(page: &Path, is_dark: bool) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let picture = folder.path().join("page.png");
        let mut command = Command::new("chromium");
        command
            .args(["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"])
            .args(["--no-first-run", "--disable-extensions", "--force-device-scale-factor=1"])
            .args(["--host-resolver-rules=MAP * ~NOTFOUND", "--proxy-server=127.0.0.1:1"])
            .arg(format!("--user-data-dir={}", folder.path().join("profile").display()))
            .arg(format!("--window-size={},{}", WINDOW.0, WINDOW.1))
            .arg(format!("--screenshot={}", picture.display()));
        if is_dark {
            command.arg("--blink-settings=preferredColorScheme=0");
        }
        let Ok(output) = command.arg(format!("file://{}", page.display())).output() else {
            left_out("chromium: what the report looks like");
            return None;
        };
        assert!(picture.exists(), "{output:?}");
        let file = BufReader::new(std::fs::File::open(&picture).unwrap());
        let mut reader = png::Decoder::new(file).read_info().unwrap();
        let mut bytes = vec![0; reader.output_buffer_size().unwrap()];
        let info = reader.next_frame(&mut bytes).unwrap();
        let channels = info.color_type.samples();
        let pixels = bytes[..info.buffer_size()].chunks(channels).map(|p| [p[0], p[1], p[2]]);
        Some(Drawn { width: info.width as usize, pixels: pixels.collect() })
    }

    /// The number of lines and columns that contain a colour, and the number of its pixels.
    fn extent(&self, colour: [u8; 3]) -> (usize, usize, usize) {
        let has_it = |(_, pixel): &(usize, &[u8; 3])| **pixel == colour;
        let at: Vec<_> = self.pixels.iter().enumerate().filter(has_it).map(|(at, _)| at).collect();
        let lines = at.iter().map(|at| at / self.width).collect::<std::collections::BTreeSet<_>>();
        let columns =
            at.iter().map(|at| at % self.width).collect::<std::collections::BTreeSet<_>>();
        (lines.len(), columns.len(), at.len())
    }
}

/// A push whose response takes a second, with its report.
fn page(scene: &Scene) -> PathBuf {
    let late = Fault::SlowAnswer(std::time::Duration::from_secs(1));
    scene.sandbox().inject(Operation::Upload, late);
    for name in ["one.raw", "two.raw"] {
        scene.file(name, 3 << 20);
    }
    let run = scene.run(&["push", "--report", "page.html", "--jobs", "1", "one.raw", "two.raw"]);
    assert_eq!(run.code, Some(0), "{run:?}");
    scene.path("page.html")
}

#[test]
fn a_browser_without_a_network_draws_the_timelines_in_both_colour_schemes() {
    let scene = Scene::start_blocking();
    let page = page(&scene);
    // Colours of the legend: the part that took the second, and the sending.
    let day = [[0xd2, 0x47, 0x5b], [0x3f, 0x9d, 0x56], [0xe0, 0x81, 0x2b]];
    let night = [[0xf0, 0x68, 0x7c], [0x62, 0xc9, 0x7b], [0xf5, 0xa0, 0x4f]];
    for (is_dark, [finish, network, hash]) in [(false, day), (true, night)] {
        let Some(drawn) = Drawn::of(&page, is_dark) else { return };
        // A swatch is eight pixels wide: the bar of a second takes most of the picture's width.
        let (lines, columns, pixels) = drawn.extent(finish);
        assert!(lines >= 8 && columns > 200 && pixels > 1500, "finish: {lines} {columns} {pixels}");
        for colour in [network, hash] {
            let (lines, _, pixels) = drawn.extent(colour);
            assert!(lines >= 12 && pixels > 60, "{colour:?}: {lines} {pixels}");
        }
    }
}
