//! `imgpush image list`.

use futures_util::StreamExt as _;
use imgpush_client::{Attribute, Direction, ImageQuery, MemberStatus, Visibility};
use serde_json::{Map, Value};

use super::columns;
use super::verbs::Verbs;
use crate::args::image::{ListArgs, SortKey};
use crate::commands::failed::{Failed, failed_to};
use crate::exit_code::{self, Code};
use crate::render::List;

/// What the service sorts by.
const SORTED_THERE: [&str; 8] =
    ["name", "status", "container_format", "disk_format", "size", "id", "created_at", "updated_at"];

impl Verbs<'_> {
    pub(super) async fn list(&self, args: &ListArgs) -> Result<Code, Failed> {
        let columns = if args.long { columns::IMAGES_LONG } else { columns::IMAGES };
        let titles = columns::titles(columns);
        let options = args.output.options();
        let mut list = List::new(&options, &titles, self.printer)?;
        if args.limit == Some(0) {
            list.end();
            return Ok(exit_code::DONE);
        }
        let there = args.sort.iter().all(|sort| SORTED_THERE.contains(&key(sort)));
        let mut query = query(args, there);
        if let Some(project) = &args.project {
            let owner = self.project(project, args.project_domain.as_deref()).await?;
            query = query.with("owner", owner);
        }
        if let Some(marker) = &args.marker {
            query = query.behind(self.existing(marker).await?.id());
        }
        let mut images = self.client.images(&query);
        let mut unsorted = Vec::new();
        while let Some(image) = images.next().await {
            let image = image.map_err(failed_to("list images"))?;
            if !there {
                unsorted.push(image.record().clone());
            } else if list.row(columns::row(columns, image.record())).is_err() {
                return Ok(exit_code::DONE);
            }
        }
        sort(&mut unsorted, &args.sort);
        for record in unsorted.iter().take(args.limit.unwrap_or(usize::MAX)) {
            if list.row(columns::row(columns, record)).is_err() {
                return Ok(exit_code::DONE);
            }
        }
        list.end();
        Ok(exit_code::DONE)
    }
}

fn query(args: &ListArgs, sorted_there: bool) -> ImageQuery {
    let mut query = ImageQuery::default();
    let visibilities = [
        (args.public, Visibility::Public),
        (args.private, Visibility::Private),
        (args.community, Visibility::Community),
        (args.shared, Visibility::Shared),
    ];
    if let Some((_, visibility)) = visibilities.iter().find(|(set, _)| *set) {
        query = query.visibility(visibility);
    }
    if args.all {
        query = query.every_visibility();
    }
    if args.hidden {
        query = query.hidden();
    }
    if let Some(status) = &args.member_status {
        query = query.member_status(&MemberStatus::from(&*status.to_lowercase()));
    }
    let size = |size: Option<u64>| size.map(|bytes| bytes.to_string());
    for (key, value) in [
        ("name", args.name.clone()),
        ("status", args.status.clone()),
        ("disk_format", args.disk_format.clone()),
        ("container_format", args.container_format.clone()),
        ("checksum", args.checksum.clone()),
        ("os_hash_value", args.hash_value.clone()),
        ("size_min", size(args.size_min)),
        ("size_max", size(args.size_max)),
    ] {
        if let Some(value) = value {
            query = query.with(key, value);
        }
    }
    for (key, value) in &args.properties {
        query = query.with(key, value);
    }
    for tag in &args.tags {
        query = query.tag(tag);
    }
    for (key, time) in [("created_at", &args.created), ("updated_at", &args.updated)] {
        if let Some(time) = time {
            query = query.with_expression(key, time);
        }
    }
    for (key, expression) in &args.filters {
        query = query.with_expression(key, expression);
    }
    if let Some(images) = args.page_size {
        query = query.page_size(images.get());
    }
    if !sorted_there {
        return query;
    }
    for sort in &args.sort {
        query = query.sorted_by(&sort.key, sort.direction);
    }
    if !args.sort.iter().any(|sort| key(sort) == "created_at") {
        // The newest first where all else is the same, as openstackclient leaves them.
        query = query.sorted_by("created_at", Direction::Descending);
    }
    match args.limit {
        Some(images) => query.at_most(images),
        None => query,
    }
}

fn key(sort: &SortKey) -> &str {
    Attribute::named(&sort.key).map_or(&sort.key, |attribute| attribute.key)
}

/// By the first key, by the next where that is the same, and so on; what is not there comes first.
fn sort(records: &mut [Map<String, Value>], by: &[SortKey]) {
    records.sort_by(|a, b| {
        let by_key = |sort: &SortKey| {
            let (a, b) = (a.get(key(sort)), b.get(key(sort)));
            let order = match (a.and_then(Value::as_f64), b.and_then(Value::as_f64)) {
                (Some(a), Some(b)) => a.total_cmp(&b),
                _ => text(a).cmp(&text(b)),
            };
            match sort.direction {
                Direction::Ascending => order,
                _ => order.reverse(),
            }
        };
        by.iter().map(by_key).find(|order| order.is_ne()).unwrap_or(std::cmp::Ordering::Equal)
    });
}

fn text(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    }
}
