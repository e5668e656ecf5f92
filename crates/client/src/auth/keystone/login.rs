//! The body of a Keystone login: the login methods and the scope, as JSON.

use serde_json::{Value, json};

use super::oidc::Oidc;
use crate::Secret;

/// A domain of Keystone.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Domain {
    /// By its id.
    Id(String),
    /// By its name.
    Name(String),
}

impl Domain {
    fn to_json(&self) -> Value {
        match self {
            Domain::Id(id) => json!({"id": id}),
            Domain::Name(name) => json!({"name": name}),
        }
    }
}

/// A user of Keystone.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum User {
    /// By the id.
    Id(String),
    /// By the name, which is unique within a domain.
    Name(String, Domain),
}

impl User {
    /// As JSON, with the given secret under its key.
    #[expect(clippy::indexing_slicing, reason = "an object that is made here")]
    fn to_json(&self, secret: Option<(&str, &Secret)>) -> Value {
        let mut user = match self {
            User::Id(id) => json!({"id": id}),
            User::Name(name, domain) => json!({"name": name, "domain": domain.to_json()}),
        };
        if let Some((key, secret)) = secret {
            user[key] = secret.expose().into();
        }
        user
    }
}

/// An application credential, which determines the project.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ApplicationCredential {
    /// By the id.
    Id(String),
    /// By the name, which is unique within a user.
    Name(String, User),
}

/// The method by which a user authenticates.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum LoginMethod {
    /// A password.
    Password(User, Secret),
    /// A token, exchanged for one with the requested scope.
    Token(Secret),
    /// An application credential and its secret.
    ApplicationCredential(ApplicationCredential, Secret),
    /// A one-time passcode.
    Totp(User, Secret),
    /// Several methods at once, as multi-factor rules require.
    Several(Vec<LoginMethod>),
    /// A token of an identity provider that Keystone trusts.
    Oidc(Oidc),
}

impl LoginMethod {
    /// The name of each method and its parameters; empty for a method of another service.
    fn to_json(&self) -> Vec<(&'static str, Value)> {
        let one = match self {
            LoginMethod::Password(user, password) => {
                ("password", json!({"user": user.to_json(Some(("password", password)))}))
            }
            LoginMethod::Token(token) => ("token", json!({"id": token.expose()})),
            LoginMethod::ApplicationCredential(ApplicationCredential::Id(id), secret) => {
                ("application_credential", json!({"id": id, "secret": secret.expose()}))
            }
            LoginMethod::ApplicationCredential(ApplicationCredential::Name(name, user), secret) => {
                (
                    "application_credential",
                    json!({"name": name, "user": user.to_json(None), "secret": secret.expose()}),
                )
            }
            LoginMethod::Totp(user, passcode) => {
                ("totp", json!({"user": user.to_json(Some(("passcode", passcode)))}))
            }
            LoginMethod::Several(methods) => {
                return methods.iter().flat_map(LoginMethod::to_json).collect();
            }
            LoginMethod::Oidc(_) => return Vec::new(),
        };
        vec![one]
    }
}

/// The scope of a token.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Scope {
    /// The default project of the login: that of the application credential, or else the user's.
    #[default]
    Default,
    /// No scope, even if the user has a default project.
    Unscoped,
    /// The project with this id.
    ProjectId(String),
    /// The project with this name in this domain.
    ProjectName(String, Domain),
    /// A domain.
    Domain(Domain),
    /// The complete system.
    System,
    /// The rights that another user has delegated, by the id of the trust.
    Trust(String),
}

impl Scope {
    fn to_json(&self) -> Option<Value> {
        Some(match self {
            Scope::Default => return None,
            Scope::Unscoped => "unscoped".into(),
            Scope::ProjectId(id) => json!({"project": {"id": id}}),
            Scope::ProjectName(name, domain) => {
                json!({"project": {"name": name, "domain": domain.to_json()}})
            }
            Scope::Domain(domain) => json!({"domain": domain.to_json()}),
            Scope::System => json!({"system": {"all": true}}),
            Scope::Trust(id) => json!({"OS-TRUST:trust": {"id": id}}),
        })
    }
}

/// The body of `POST /v3/auth/tokens`.
#[expect(clippy::indexing_slicing, reason = "objects that are made here")]
pub(super) fn request(method: &LoginMethod, scope: &Scope) -> Value {
    let mut identity = json!({"methods": []});
    for (name, parameters) in method.to_json() {
        identity["methods"].as_array_mut().expect("it was made as a list").push(name.into());
        identity[name] = parameters;
    }
    let mut auth = json!({"identity": identity});
    if let Some(scope) = scope.to_json() {
        auth["scope"] = scope;
    }
    json!({"auth": auth})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_those_of_the_identity_api() {
        let user = || User::Name("u".into(), Domain::Id("default".into()));
        let password = || LoginMethod::Password(user(), "p".into());
        let shown = json!({"name": "u", "domain": {"id": "default"}, "password": "p"});
        assert_eq!(
            request(&password(), &Scope::ProjectName("p".into(), Domain::Name("D".into()))),
            json!({"auth": {
                "identity": {"methods": ["password"], "password": {"user": shown}},
                "scope": {"project": {"name": "p", "domain": {"name": "D"}}},
            }})
        );
        let totp = LoginMethod::Totp(User::Id("i".into()), "123".into());
        let both = request(&LoginMethod::Several(vec![password(), totp]), &Scope::System);
        assert_eq!(
            both,
            json!({"auth": {
                "identity": {
                    "methods": ["password", "totp"],
                    "password": {"user": shown},
                    "totp": {"user": {"id": "i", "passcode": "123"}},
                },
                "scope": {"system": {"all": true}},
            }})
        );
        let credential = ApplicationCredential::Name("c".into(), user());
        let by_credential = LoginMethod::ApplicationCredential(credential, "s".into());
        assert_eq!(
            request(&by_credential, &Scope::Default),
            json!({"auth": {"identity": {
                "methods": ["application_credential"],
                "application_credential": {
                    "name": "c",
                    "user": {"name": "u", "domain": {"id": "default"}},
                    "secret": "s",
                },
            }}})
        );
        let token = LoginMethod::Token("t".into());
        for (scope, sent) in [
            (Scope::Unscoped, json!("unscoped")),
            (Scope::Trust("x".into()), json!({"OS-TRUST:trust": {"id": "x"}})),
            (Scope::Domain(Domain::Name("D".into())), json!({"domain": {"name": "D"}})),
            (Scope::ProjectId("x".into()), json!({"project": {"id": "x"}})),
        ] {
            let identity = json!({"methods": ["token"], "token": {"id": "t"}});
            assert_eq!(
                request(&token, &scope),
                json!({"auth": {"identity": identity, "scope": sent}})
            );
        }
        assert!(!format!("{:?}", password()).contains("\"p\""));
    }
}
