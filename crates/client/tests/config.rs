//! The choice of a cloud and its configuration, compared with openstackclient's rules.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::Path;

use imgpush_client::{Cloud, CloudOptions, ConfigError, Surroundings, Token};

/// A separate home, working directory and environment; only the machine's `/etc` is shared.
struct Place {
    folder: tempfile::TempDir,
    at: Surroundings,
}

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut at = Surroundings::default();
        for name in ["work", "home/.config/openstack", "xdg/openstack", "site/openstack"] {
            std::fs::create_dir_all(folder.path().join(name)).unwrap();
        }
        at.working_directory = Some(folder.path().join("work"));
        let mut place = Place { folder, at };
        place.set("HOME", &place.path("home"));
        place.set("XDG_CONFIG_DIRS", &place.path("site"));
        place
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    fn set(&mut self, variable: &str, value: &str) {
        self.at.variables.insert(variable.into(), value.into());
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.folder.path().join(Path::new(name)), text).unwrap();
    }

    fn load(&self, options: &CloudOptions) -> Result<Cloud, ConfigError> {
        Cloud::load_from(options, &self.at)
    }

    fn chosen(&self) -> String {
        self.load(&CloudOptions::default()).unwrap().name().to_owned()
    }
}

fn cloud(name: &str) -> String {
    format!(
        "clouds:\n  {name}:\n    auth: {{auth_url: 'http://{name}/v3', username: u, password: p, project_name: p}}\n"
    )
}

/// The image endpoint of a cloud without a login.
async fn endpoint(cloud: &Cloud) -> String {
    cloud.identity().unwrap().endpoint().await.unwrap().to_string()
}

#[test]
fn files_are_searched_for_in_openstackclients_order() {
    let mut place = Place::new();
    place.write("site/openstack/clouds.yaml", &cloud("site"));
    assert_eq!(place.chosen(), "site");
    place.write("home/.config/openstack/clouds.yml", &cloud("home-yml"));
    assert_eq!(place.chosen(), "home-yml");
    place.write("home/.config/openstack/clouds.yaml", &cloud("home"));
    assert_eq!(place.chosen(), "home");
    place.set("XDG_CONFIG_HOME", &place.path("xdg"));
    place.write(
        "xdg/openstack/clouds.json",
        r#"{"clouds": {"Xdg.Cloud": {"auth": {"auth_url": "http://x/v3"}}}}"#,
    );
    assert_eq!(place.chosen(), "Xdg.Cloud", "names keep their case and dots");
    place.write("work/clouds.yaml", &cloud("work"));
    assert_eq!(place.chosen(), "work");
    place.write("named.yaml", &cloud("named"));
    place.set("OS_CLIENT_CONFIG_FILE", &place.path("named.yaml"));
    assert_eq!(place.chosen(), "named");
}

#[test]
fn a_variable_of_another_tool_names_no_file() {
    let mut place = Place::new();
    place.write("other.yaml", &cloud("other"));
    place.set("OS_CLIENT_CONFIG_PATH", &place.path("other.yaml"));
    assert!(matches!(
        place.load(&CloudOptions::default()),
        Err(ConfigError::NoCloud { known }) if known.is_empty()
    ));
}

#[test]
fn a_cloud_is_named_by_the_caller_then_by_os_cloud_then_described_by_variables() {
    let mut place = Place::new();
    place.write("work/clouds.yaml", &(cloud("a") + &cloud("b")["clouds:\n".len()..]));
    let error = place.load(&CloudOptions::default()).unwrap_err();
    assert!(matches!(&error, ConfigError::NoCloud { known } if known == &["a", "b"]), "{error}");

    place.set("OS_AUTH_URL", "http://env/v3");
    place.set("OS_USERNAME", "u");
    assert_eq!(place.chosen(), "envvars");
    place.set("OS_CLOUD", "a");
    assert_eq!(place.chosen(), "a");
    let named = place.load(&CloudOptions::named(Some("b".into()))).unwrap();
    assert_eq!(named.name(), "b");
    let error = place.load(&CloudOptions::named(Some("c".into()))).unwrap_err();
    assert_eq!(error.to_string(), "cloud c is not configured; configured clouds: a, b, envvars");
}

#[tokio::test]
async fn options_win_over_the_file_and_variables_only_fill_its_gaps() {
    let mut place = Place::new();
    place.write(
        "work/clouds.yaml",
        "clouds:\n  a:\n    auth_type: none\n    cacert: /file.pem\n    auth: {endpoint: 'http://file:9292'}\n",
    );
    place.set("OS_ENDPOINT", "http://variable:9292");
    place.set("OS_CLOUD", "a");
    place.set("OS_CACERT", "/variable.pem");
    place.set("OS_INSECURE", "true");
    let cloud = place.load(&CloudOptions::default()).unwrap();
    assert_eq!(endpoint(&cloud).await, "http://file:9292/");
    assert_eq!(cloud.http_options().ca_file.as_deref(), Some(Path::new("/file.pem")));
    assert!(cloud.http_options().insecure);

    let options = CloudOptions::default()
        .with_setting("endpoint", "http://option:9292")
        .with_setting("cacert", "/option.pem");
    let cloud = place.load(&options).unwrap();
    assert_eq!(endpoint(&cloud).await, "http://option:9292/");
    assert_eq!(cloud.http_options().ca_file.as_deref(), Some(Path::new("/option.pem")));
}

#[tokio::test]
async fn secure_yaml_adds_to_the_cloud_of_the_same_name() {
    let place = Place::new();
    place.write(
        "work/clouds.yaml",
        "clouds:\n  a:\n    auth_type: admin_token\n    auth: {endpoint: 'http://h:9292'}\n",
    );
    place.write("work/secure.yaml", "clouds:\n  a:\n    auth: {token: s3cret}\n");
    let identity = place.load(&CloudOptions::default()).unwrap().identity().unwrap();
    assert!(matches!(identity.token().await.unwrap(), Token::Keystone(_)));
    assert!(!format!("{identity:?}").contains("s3cret"));
}

#[tokio::test]
async fn http_basic_sends_user_and_password() {
    let place = Place::new();
    place.write(
        "work/clouds.yaml",
        "clouds:\n  a:\n    auth_type: http_basic\n    verify: false\n    auth: {endpoint: 'https://h/', username: Aladdin, password: open sesame}\n",
    );
    let cloud = place.load(&CloudOptions::default()).unwrap();
    assert!(cloud.http_options().insecure);
    let Token::Basic(header) = cloud.identity().unwrap().token().await.unwrap() else {
        panic!("not basic")
    };
    // The example of RFC 7617.
    assert_eq!(header.expose(), "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
}

#[test]
fn missing_and_invalid_values_are_named_without_secrets() {
    let mut place = Place::new();
    for (yaml, expected) in [
        ("clouds:\n  a:\n    auth: {username: u, password: hunter2}\n", "cloud a has no auth_url"),
        ("clouds:\n  a:\n    auth_type: none\n", "cloud a has no endpoint"),
        (
            "clouds:\n  a:\n    auth_type: v2password\n    auth: {auth_url: 'http://h'}\n",
            "auth_type v2password of cloud a is not supported",
        ),
        (
            "clouds:\n  a:\n    auth: {auth_url: 'ftp://u:hunter2@h', password: hunter2}\n",
            "auth.auth_url of cloud a is invalid: its scheme is neither http nor https",
        ),
        ("clouds:\n  a:\n    auth: hunter2\n", "clouds.yaml: clouds.a.auth is not a mapping"),
        ("clouds:\n  a: [hunter2\n", "clouds.yaml: "),
    ] {
        place.write("work/clouds.yaml", yaml);
        let error = place
            .load(&CloudOptions::default())
            .and_then(|cloud| cloud.identity().map(drop))
            .expect_err(yaml);
        assert!(error.to_string().contains(expected), "{error}");
        assert!(!format!("{error} {error:?}").contains("hunter2"), "{error:?}");
    }
    place.set("OS_CLIENT_CONFIG_FILE", &place.path("none.yaml"));
    let error = place.load(&CloudOptions::default()).unwrap_err();
    assert!(matches!(error, ConfigError::MissingFile { variable: "OS_CLIENT_CONFIG_FILE", .. }));
}

#[test]
fn the_last_setting_of_certificate_verification_applies() {
    let mut place = Place::new();
    for (lines, option, insecure, bundle) in [
        ("", None, false, None),
        ("verify: false,", None, true, None),
        ("verify: /ca.pem,", None, false, Some("/ca.pem")),
        ("insecure: true, verify: /ca.pem,", None, true, Some("/ca.pem")),
        ("verify: no,", Some(("insecure", "false")), false, None),
        ("insecure: true,", Some(("verify", "true")), false, None),
        ("verify: true, cacert: /ca.pem,", Some(("insecure", "true")), true, Some("/ca.pem")),
    ] {
        let text = format!("clouds: {{a: {{{lines} auth: {{auth_url: 'http://h/v3'}}}}}}\n");
        place.write("work/clouds.yaml", &text);
        let options = option.iter().fold(CloudOptions::default(), |options, (key, value)| {
            options.with_setting(*key, *value)
        });
        let http = place.load(&options).unwrap().http_options().clone();
        assert_eq!(http.insecure, insecure, "{lines} {option:?}");
        assert_eq!(http.ca_file.as_deref(), bundle.map(Path::new), "{lines} {option:?}");
    }
    // The variables that the library requests uses, if nothing else is configured and the file exists.
    place.write("work/clouds.yaml", &cloud("a"));
    place.set("REQUESTS_CA_BUNDLE", "/no/such/file");
    assert_eq!(place.load(&CloudOptions::default()).unwrap().http_options().ca_file, None);
    place.write("bundle.pem", "");
    place.set("REQUESTS_CA_BUNDLE", &place.path("bundle.pem"));
    let found = place.load(&CloudOptions::default()).unwrap().http_options().ca_file.clone();
    assert_eq!(found, Some(place.path("bundle.pem").into()));
}
