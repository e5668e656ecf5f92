//! `imgpush push --report`.

use imgpush_sandbox::{Fault, Operation};
use roxmltree::{Document, Node, ParsingOptions};

use imgpush_scene::Scene;

const PAGE: &str = "report.html";

/// The page as XML sees it, which forgives nothing.
fn parsed(text: &str) -> Document<'_> {
    let options = ParsingOptions { allow_dtd: true, ..ParsingOptions::default() };
    Document::parse_with_options(text, options).unwrap()
}

fn read(scene: &Scene) -> String {
    std::fs::read_to_string(scene.path(PAGE)).unwrap()
}

fn all<'a>(page: &'a Document<'_>, tag: &str, class: &str) -> Vec<Node<'a, 'a>> {
    let is_meant = |node: &Node| {
        node.has_tag_name(tag) && (class.is_empty() || node.attribute("class") == Some(class))
    };
    page.descendants().filter(is_meant).collect()
}

fn words(node: Node<'_, '_>) -> String {
    node.descendants().filter(Node::is_text).filter_map(|part| part.text()).collect()
}

#[test]
fn the_page_shows_every_push_the_failed_ones_first_and_needs_nothing_else() {
    let scene = Scene::start_blocking();
    let evil = "<script>alert(1)<i>&\".img";
    for name in ["a.img", evil, "c.img"] {
        scene.file(name, 2 << 20);
    }
    // After the last byte, so that no reset loses the response.
    scene.sandbox().inject(Operation::Upload, Fault::Status { status: 413, after: 2 << 20 });
    let run = scene.run(&["push", "--jobs", "1", "--report", PAGE, "a.img", evil, "c.img"]);
    assert_eq!(run.code, Some(27), "{}", run.stderr);
    let text = read(&scene);
    let page = parsed(&text);

    assert_eq!(words(all(&page, "h1", "")[0]), "2 images pushed, 1 failed");
    assert_eq!(all(&page, "svg", "timeline").len(), 3);
    assert_eq!(all(&page, "svg", "overview").len(), 1);
    for svg in all(&page, "svg", "") {
        let parts: Vec<_> = svg.children().take(2).map(|part| part.tag_name().name()).collect();
        assert_eq!(parts, ["title", "desc"]);
    }
    let headings = all(&page, "h3", "");
    let headings: Vec<_> = headings.into_iter().map(words).collect();
    let expected = ["a.img", evil, "c.img"].map(|name| format!("{name} to mycloud"));
    assert_eq!(headings, expected.map(|heading| heading.replace('\u{0}', "")));
    let first = all(&page, "article", "failed")[0];
    assert!(
        words(first).contains("413") && words(first).contains("was deleted"),
        "{}",
        words(first)
    );
    let titles: Vec<_> =
        all(&page, "th", "").iter().filter_map(|th| th.attribute("scope")).collect();
    assert_eq!(titles.iter().filter(|scope| **scope == "row").count(), 3);

    assert!(!text.contains("<script") && !text.contains("url("), "something is loaded");
    for node in page.descendants() {
        for attribute in node.attributes() {
            let is_inside = attribute.name() != "href" || attribute.value().starts_with('#');
            assert!(is_inside && attribute.name() != "src", "{attribute:?}");
            assert!(!attribute.name().starts_with("on"), "{attribute:?}");
        }
    }
    // Ids and digests are complete.
    let id = run.stdout.split_whitespace().next().unwrap();
    let value = scene.record(id)["os_hash_value"].as_str().unwrap().to_owned();
    assert!(text.contains(&value));
    assert!(all(&page, "td", "id").into_iter().any(|cell| words(cell) == id), "{text}");
}

/// Closed groups are not printed, so that the report of many images is short on paper.
#[test]
fn the_results_are_in_groups_that_a_reader_opens_and_closes() {
    let scene = Scene::start_blocking();
    let names: Vec<_> = (0..15).map(|number| format!("disk{number}.img")).collect();
    for name in &names {
        scene.file(name, 5000);
    }
    let secret = "https://user:hunter2@127.0.0.1:1/a.img?sig=hunter2";
    let mut push = vec!["push", "--retries", "0", "--report", PAGE, "--property", "a=b c", secret];
    push.extend(names.iter().map(String::as_str));
    let run = scene.run(&push);
    assert_eq!(run.code, Some(27), "{}", run.stderr);
    let text = read(&scene);
    let page = parsed(&text);
    let groups = all(&page, "details", "");
    let heading = |group: &Node<'_, '_>| words(group.first_element_child().unwrap());
    let shown = groups.iter().map(|group| (heading(group), group.has_attribute("open")));
    let expected = [
        ("Failed (1)", true),
        ("Uploaded (15)", true),
        ("Failed (1)", true),
        ("Uploaded (15)", false),
    ];
    assert_eq!(shown.collect::<Vec<_>>(), expected.map(|(name, open)| (name.to_owned(), open)));

    let header = words(all(&page, "header", "")[0]);
    assert!(header.contains(concat!("imgpush ", env!("CARGO_PKG_VERSION"))), "{header}");
    assert!(
        header.contains("imgpush push --retries 0 --report report.html --property 'a=b c'"),
        "{header}"
    );
    assert!(!text.contains("hunter2"), "{header}");
    let failed = all(&page, "article", "failed")[0];
    assert!(words(failed).contains("hint: "), "{}", words(failed));
}

#[test]
fn a_page_that_cannot_be_written_is_told_before_anything_is_sent() {
    let scene = Scene::start_blocking();
    scene.file("disk.img", 5000);
    for place in ["none/report.html", "images"] {
        let run = scene.run(&["push", "--report", place, "disk.img"]);
        assert_eq!(run.code, Some(2), "{}", run.stderr);
        assert!(run.stderr.contains(&format!("the report {place}")), "{}", run.stderr);
    }
    assert_eq!(scene.writes(), 0);
}

#[test]
fn a_push_that_never_began_has_its_page_and_nothing_is_left_beside_it() {
    let scene = Scene::start_blocking();
    scene.write(PAGE, "of yesterday");
    let run = scene.run(&["push", "--report", PAGE, "--overwrite", "none.img"]);
    assert_eq!(run.code, Some(10), "{}", run.stderr);
    let text = read(&scene);
    let page = parsed(&text);
    assert_eq!(words(all(&page, "h1", "")[0]), "1 image failed");
    assert!(text.contains("cannot open none.img"), "{text}");
    let names = std::fs::read_dir(scene.folder.path()).unwrap();
    let names = names.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let left: Vec<_> = names.filter(|name| name.starts_with('.')).collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn an_existing_page_is_replaced_only_with_overwrite() {
    let scene = Scene::start_blocking();
    scene.file("disk.img", 5000);
    scene.write(PAGE, "of yesterday");
    let run = scene.run(&["push", "--report", PAGE, "disk.img"]);
    assert_eq!(run.code, Some(2), "{}", run.stderr);
    run.says("the report report.html already exists");
    run.says("hint: use --overwrite to replace it");
    assert_eq!((scene.writes(), &*read(&scene)), (0, "of yesterday"));

    let run = scene.run(&["push", "--report", PAGE, "--overwrite", "disk.img"]);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    assert_eq!(words(all(&parsed(&read(&scene)), "h1", "")[0]), "1 image pushed");

    let run = scene.run(&["push", "--overwrite", "disk.img"]);
    assert_eq!(run.code, Some(2), "{}", run.stderr);
    run.says("--report <FILE>");
}

/// A dangling link is a name that is taken, too.
#[cfg(unix)]
#[test]
fn a_link_is_not_replaced_either() {
    let scene = Scene::start_blocking();
    scene.file("disk.img", 5000);
    std::os::unix::fs::symlink("nowhere", scene.path(PAGE)).unwrap();
    let run = scene.run(&["push", "--report", PAGE, "disk.img"]);
    assert_eq!((run.code, scene.writes()), (Some(2), 0), "{}", run.stderr);
}
