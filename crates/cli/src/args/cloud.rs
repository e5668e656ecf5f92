//! Options of the cloud, with openstackclient's names.

use clap::Args;
use imgpush_client::CloudOptions;

use super::heading;

#[derive(Debug, Args)]
#[command(next_help_heading = heading::CLOUD)]
pub(crate) struct CloudArgs {
    /// Cloud in clouds.yaml [env: OS_CLOUD]
    ///
    /// The default is the cloud that OS_* variables describe, or the only cloud in clouds.yaml. As with
    /// openstackclient, the file is searched in OS_CLIENT_CONFIG_FILE, the working directory,
    /// ~/.config/openstack and /etc/openstack. Repeat the option to push to several clouds.
    #[arg(long = "cloud", visible_alias = "os-cloud", global = true, value_name = "NAME")]
    clouds: Vec<String>,

    /// Region of the image service [env: OS_REGION_NAME]
    ///
    /// Repeat the option to push to several regions of one cloud.
    #[arg(long = "os-region-name", global = true, value_name = "REGION", hide_short_help = true)]
    regions: Vec<String>,

    /// Endpoint interface: public, internal or admin [env: OS_INTERFACE]
    #[arg(long, global = true, value_name = "INTERFACE", hide_short_help = true)]
    os_interface: Option<String>,

    /// CA certificates to trust in addition to those of the system, in PEM format [env: OS_CACERT]
    #[arg(long, global = true, value_name = "FILE", hide_short_help = true)]
    os_cacert: Option<String>,

    /// Do not verify TLS certificates [env: OS_INSECURE]
    ///
    /// An attacker on the network can then read the token and change the image.
    #[arg(long, global = true, hide_short_help = true)]
    insecure: bool,

    /// Authentication type, such as password, v3applicationcredential or none [env: OS_AUTH_TYPE]
    #[arg(long, global = true, value_name = "TYPE", hide_short_help = true)]
    os_auth_type: Option<String>,

    /// URL of the identity service [env: OS_AUTH_URL]
    #[arg(long, global = true, value_name = "URL", hide_short_help = true)]
    os_auth_url: Option<String>,

    /// URL of the image service, for --os-auth-type none and admin_token [env: OS_ENDPOINT]
    #[arg(long, global = true, value_name = "URL", hide_short_help = true)]
    os_endpoint: Option<String>,

    /// User name [env: OS_USERNAME]
    ///
    /// Set the password in OS_PASSWORD or clouds.yaml. An option would be visible in the process list.
    #[arg(long, global = true, value_name = "NAME", hide_short_help = true)]
    os_username: Option<String>,

    /// Domain name of the user [env: OS_USER_DOMAIN_NAME]
    #[arg(long, global = true, value_name = "NAME", hide_short_help = true)]
    os_user_domain_name: Option<String>,

    /// Project name [env: OS_PROJECT_NAME]
    #[arg(long, global = true, value_name = "NAME", hide_short_help = true)]
    os_project_name: Option<String>,

    /// Domain name of the project [env: OS_PROJECT_DOMAIN_NAME]
    #[arg(long, global = true, value_name = "NAME", hide_short_help = true)]
    os_project_domain_name: Option<String>,
}

impl CloudArgs {
    /// The options of the client; those of the first cloud if there are several.
    pub(crate) fn options(&self) -> CloudOptions {
        self.options_of(self.clouds.first(), self.regions.first())
    }

    /// The options of the client for each cloud or region, and the region if there are several.
    pub(crate) fn each(&self) -> Vec<(CloudOptions, Option<&str>)> {
        match (&self.clouds[..], &self.regions[..]) {
            (clouds @ [_, _, ..], regions) => {
                let of = |cloud| (self.options_of(Some(cloud), regions.first()), None);
                clouds.iter().map(of).collect()
            }
            (clouds, regions @ [_, _, ..]) => {
                let of = |region: &'_ String| self.options_of(clouds.first(), Some(region));
                regions.iter().map(|region| (of(region), Some(region.as_str()))).collect()
            }
            (clouds, regions) => {
                vec![(self.options_of(clouds.first(), regions.first()), None)]
            }
        }
    }

    /// What is wrong with their number, for a command that takes several or only one.
    pub(crate) fn misfit(&self, takes_several: bool) -> Option<&'static str> {
        match (self.clouds.len(), self.regions.len()) {
            (0 | 1, 0 | 1) => None,
            _ if !takes_several => Some("only `push` takes several clouds or regions"),
            (2.., 2..) => {
                Some("several regions go with one cloud; clouds.yaml has a region for each")
            }
            _ => None,
        }
    }

    fn options_of(&self, cloud: Option<&String>, region: Option<&String>) -> CloudOptions {
        let mut options = CloudOptions::named(cloud.cloned());
        if let Some(region) = region {
            options = options.with_setting("region_name", region);
        }
        for (key, value) in [
            ("interface", &self.os_interface),
            ("cacert", &self.os_cacert),
            ("auth_type", &self.os_auth_type),
            ("auth_url", &self.os_auth_url),
            ("endpoint", &self.os_endpoint),
            ("username", &self.os_username),
            ("user_domain_name", &self.os_user_domain_name),
            ("project_name", &self.os_project_name),
            ("project_domain_name", &self.os_project_domain_name),
        ] {
            if let Some(value) = value {
                options = options.with_setting(key, value);
            }
        }
        if self.insecure {
            options = options.with_setting("insecure", "true");
        }
        options
    }
}
