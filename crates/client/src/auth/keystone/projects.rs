//! The search for a project by its id or name, as openstackclient does it.
//!
//! Keystone lets only administrators list projects. A refusal is no failure then: the text is used as an id,
//! unless it is the name of the project that the user has logged in to.

use http::{HeaderMap, Method, StatusCode};
use serde_json::Value;
use url::Url;

use super::{Keystone, below, unreadable};
use crate::error::json_problem;
use crate::identity::Token;
use crate::transport::{Reply, refusal};
use crate::{Error, Identity};

/// A type of resource that has an id and a name.
#[derive(Clone, Copy)]
struct Resource {
    /// The name of one, in messages and in the answer to its `GET`.
    one: &'static str,
    /// The name of the list, also in the path.
    many: &'static str,
}

const PROJECT: Resource = Resource { one: "project", many: "projects" };
const DOMAIN: Resource = Resource { one: "domain", many: "domains" };

impl Keystone {
    /// The id of the project with this id or name. `domain` is the id or name of its domain.
    pub(super) async fn project_id(
        &self,
        name_or_id: &str,
        domain: Option<&str>,
    ) -> Result<String, Error> {
        let (own, endpoint) = self
            .with_session(|session| {
                (session.own_project.clone(), session.identity_endpoint(&self.choice))
            })
            .await?;
        if own.id == name_or_id {
            return Ok(own.id);
        }
        let base = match endpoint.and_then(|url| Url::parse(&url).ok()).filter(has_http) {
            Some(url) => versioned(url),
            None => self.base().await?,
        };
        let domain_id = match domain {
            // A domain that the user may not look up is used as an id.
            Some(domain) => Some(
                self.find(&base, DOMAIN, domain, None).await?.unwrap_or_else(|| domain.to_owned()),
            ),
            None => None,
        };
        match self.find(&base, PROJECT, name_or_id, domain_id.as_deref()).await? {
            Some(id) => Ok(id),
            None if own.is_named(name_or_id, domain) => Ok(own.id),
            None => Ok(name_or_id.to_owned()),
        }
    }

    /// The id of a resource; none if the user may not look it up.
    async fn find(
        &self,
        base: &Url,
        resource: Resource,
        name_or_id: &str,
        domain_id: Option<&str>,
    ) -> Result<Option<String>, Error> {
        let url = below(base, &[resource.many, name_or_id]);
        let reply = self.get(&url).await?;
        match reply.status {
            StatusCode::BAD_REQUEST | StatusCode::FORBIDDEN | StatusCode::NOT_FOUND => {}
            status if status.is_success() => {
                let found = json(&url, &reply)?;
                let id = found.get(resource.one).and_then(|found| found["id"].as_str());
                return match id {
                    Some(id) => Ok(Some(id.to_owned())),
                    None => {
                        let missing = format!("it has no {}", resource.one);
                        Err(unreadable(&Method::GET, &url, missing.into()))
                    }
                };
            }
            _ => return Err(refusal(&Method::GET, &url, &reply).into_error()),
        }
        let mut url = below(base, &[resource.many]);
        url.query_pairs_mut().append_pair("name", name_or_id);
        if let Some(id) = domain_id {
            url.query_pairs_mut().append_pair("domain_id", id);
        }
        let reply = self.get(&url).await?;
        if reply.status == StatusCode::FORBIDDEN {
            return Ok(None);
        }
        if !reply.status.is_success() {
            return Err(refusal(&Method::GET, &url, &reply).into_error());
        }
        let found = json(&url, &reply)?;
        let found = found.get(resource.many).and_then(Value::as_array);
        let named = found.into_iter().flatten().filter(|found| found["name"] == *name_or_id);
        let mut ids: Vec<String> =
            named.filter_map(|found| found["id"].as_str()).map(str::to_owned).collect();
        let wanted = name_or_id.to_owned();
        match ids.len() {
            0 => Err(Error::NoSuchProject { resource: resource.one, wanted }),
            1 => Ok(ids.pop()),
            _ => Err(Error::DuplicateProject { resource: resource.one, wanted, ids }),
        }
    }

    /// A `GET` with the token; after a 401 once more with a new one.
    async fn get(&self, url: &Url) -> Result<Reply, Error> {
        let token = self.token().await?;
        let reply = self.get_with(url, &token).await?;
        if reply.status != StatusCode::UNAUTHORIZED {
            return Ok(reply);
        }
        match self.renew(&token).await? {
            Some(token) => self.get_with(url, &token).await,
            None => Ok(reply),
        }
    }

    async fn get_with(&self, url: &Url, token: &Token) -> Result<Reply, Error> {
        let mut headers = HeaderMap::new();
        token.apply(&mut headers);
        self.http.exchange(&Method::GET, url, headers, None).await
    }
}

fn json(url: &Url, reply: &Reply) -> Result<Value, Error> {
    serde_json::from_slice(&reply.body)
        .map_err(|error| unreadable(&Method::GET, url, json_problem(&error)))
}

fn has_http(url: &Url) -> bool {
    matches!(url.scheme(), "http" | "https")
}

/// The address with `/v3` at its end. A catalog names the service with or without its version.
fn versioned(mut url: Url) -> Url {
    let path = url.path().trim_end_matches('/');
    let path = path.strip_suffix("/v2.0").unwrap_or(path);
    let path = if path.ends_with("/v3") { path.to_owned() } else { format!("{path}/v3") };
    url.set_path(&path);
    url.set_query(None);
    url
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_of_the_identity_service_is_3() {
        for (given, base) in [
            ("http://h:5000", "http://h:5000/v3"),
            ("http://h:5000/v3/", "http://h:5000/v3"),
            ("http://h/identity", "http://h/identity/v3"),
            ("http://h/identity/v2.0/", "http://h/identity/v3"),
        ] {
            assert_eq!(versioned(given.parse().unwrap()).as_str(), base, "{given}");
        }
    }
}
