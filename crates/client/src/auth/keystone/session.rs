//! The response to a Keystone login: a token, its expiry, its project and the catalog.

use std::time::{Duration, SystemTime};

use serde_json::Value;

use crate::Secret;
use crate::timestamp::iso8601;

/// A successful login.
pub(super) struct Session {
    pub(super) token: Secret,
    pub(super) project: Option<String>,
    pub(super) own_project: OwnProject,
    end: Option<SystemTime>,
    services: Vec<Value>,
}

/// The project of a session.
#[derive(Clone, Default)]
pub(super) struct OwnProject {
    pub(super) id: String,
    name: String,
    domain_id: String,
    domain_name: String,
}

impl OwnProject {
    /// From `project` of a token; empty if the token has no project.
    pub(super) fn new(project: &Value) -> OwnProject {
        let text =
            |at: &str| project.pointer(at).and_then(Value::as_str).unwrap_or_default().to_owned();
        OwnProject {
            id: text("/id"),
            name: text("/name"),
            domain_id: text("/domain/id"),
            domain_name: text("/domain/name"),
        }
    }

    /// Whether it has this name, in this domain if there is one.
    pub(super) fn is_named(&self, name: &str, domain: Option<&str>) -> bool {
        let is_of_domain =
            domain.is_none_or(|domain| domain == self.domain_id || domain == self.domain_name);
        !self.id.is_empty() && self.name == name && is_of_domain
    }
}

/// The endpoint to choose from the catalog.
#[derive(Clone, Debug)]
pub(super) struct EndpointChoice {
    pub(super) service_type: String,
    pub(super) service_name: Option<String>,
    /// Accepted interfaces in order of preference.
    pub(super) interfaces: Vec<String>,
    pub(super) region: Option<String>,
}

/// Covers a request and clock differences, and still allows tokens that are valid for a few seconds.
const MARGIN: Duration = Duration::from_secs(2);

impl Session {
    /// A session from the token in the header and the body of the response. All fields of the body are
    /// optional.
    pub(super) fn new(token: Secret, mut body: Value) -> Session {
        let text = |at: &str| body.pointer(at).and_then(Value::as_str);
        let project = text("/token/project/id").map(str::to_owned);
        let own_project = body.pointer("/token/project").map(OwnProject::new).unwrap_or_default();
        let end = text("/token/expires_at").and_then(iso8601);
        let services = match body.pointer_mut("/token/catalog").map(Value::take) {
            Some(Value::Array(services)) => services,
            _ => Vec::new(),
        };
        Session { token, project, own_project, end, services }
    }

    /// Whether the token expires within [`MARGIN`]: the service could refuse a request that is sent with it.
    /// A token without an expiry is used until it is refused.
    pub(super) fn is_ending(&self) -> bool {
        self.end.is_some_and(|end| end <= SystemTime::now() + MARGIN)
    }

    /// The matching address, as in the catalog; addresses of other services are not examined.
    ///
    /// # Errors
    ///
    /// The regions that have this service.
    pub(super) fn endpoint(&self, choice: &EndpointChoice) -> Result<&str, Vec<String>> {
        let services = self.services.iter().filter(|service| {
            service["type"] == *choice.service_type
                && choice.service_name.as_ref().is_none_or(|name| service["name"] == **name)
        });
        let endpoints: Vec<&Value> =
            services.filter_map(|service| service["endpoints"].as_array()).flatten().collect();
        let region_of = |endpoint: &Value| {
            let named = endpoint["region_id"].as_str().or_else(|| endpoint["region"].as_str());
            named.map(str::to_owned)
        };
        let fits = |endpoint: &Value, interface: &str| {
            let given = endpoint["interface"].as_str().unwrap_or_default();
            // Some catalogs use the old names, such as `publicURL`.
            given == interface || given.strip_suffix("URL") == Some(interface)
        };
        let is_there = |endpoint: &Value| {
            choice.region.as_ref().is_none_or(|region| {
                endpoint["region"] == **region || endpoint["region_id"] == **region
            })
        };
        for interface in &choice.interfaces {
            let fitting = endpoints.iter().find(|e| fits(e, interface) && is_there(e));
            if let Some(url) = fitting.and_then(|endpoint| endpoint["url"].as_str()) {
                return Ok(url);
            }
        }
        let mut regions: Vec<String> = endpoints
            .iter()
            .filter(|endpoint| choice.interfaces.iter().any(|face| fits(endpoint, face)))
            .filter_map(|endpoint| region_of(endpoint))
            .collect();
        regions.sort();
        regions.dedup();
        Err(regions)
    }

    /// The address of the identity service in the region of the image service, or else in any region.
    pub(super) fn identity_endpoint(&self, image: &EndpointChoice) -> Option<String> {
        let choice = EndpointChoice {
            service_type: "identity".to_owned(),
            service_name: None,
            ..image.clone()
        };
        let anywhere = EndpointChoice { region: None, ..choice.clone() };
        let found = self.endpoint(&choice).or_else(|_| self.endpoint(&anywhere));
        found.ok().map(str::to_owned)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn choice(interfaces: &[&str], region: Option<&str>) -> EndpointChoice {
        EndpointChoice {
            service_type: "image".to_owned(),
            service_name: None,
            interfaces: interfaces.iter().map(|&face| face.to_owned()).collect(),
            region: region.map(str::to_owned),
        }
    }

    #[test]
    fn the_catalog_is_read_by_type_interface_and_region() {
        let session = Session::new(
            "t".into(),
            json!({"token": {"project": {"id": "p"}, "catalog": [
                {"type": "messaging", "endpoints": [{"interface": "public", "url": "ws://x:y"}]},
                {"type": "image", "name": "glance", "endpoints": [
                    {"interface": "internal", "region": "B", "region_id": "B", "url": "http://b-in"},
                    {"interface": "public", "region": "A", "url": "http://a"},
                    {"interface": "public", "region_id": "B", "url": "http://b"},
                ]},
                {"type": "odd", "endpoints": null},
            ]}}),
        );
        assert_eq!(session.project.as_deref(), Some("p"));
        assert!(!session.is_ending());
        let find = |interfaces: &[&str], region| session.endpoint(&choice(interfaces, region));
        assert_eq!(find(&["public"], None), Ok("http://a"));
        assert_eq!(find(&["public"], Some("B")), Ok("http://b"));
        assert_eq!(find(&["internal", "public"], None), Ok("http://b-in"));
        assert_eq!(find(&["internal", "public"], Some("A")), Ok("http://a"));
        assert_eq!(find(&["public"], Some("C")), Err(vec!["A".to_owned(), "B".to_owned()]));
        assert_eq!(find(&["admin"], None), Err(Vec::new()));
    }
}
