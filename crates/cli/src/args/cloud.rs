//! Which cloud, with openstackclient's names.

use clap::Args;
use imgpush_client::CloudOptions;

#[derive(Debug, Args)]
#[command(next_help_heading = "Cloud options")]
pub(crate) struct CloudArgs {
    /// The cloud, by its name in clouds.yaml [env: OS_CLOUD]
    ///
    /// Without it: the one that OS_* variables describe, or the only one in clouds.yaml. The file is
    /// looked for where openstackclient looks: OS_CLIENT_CONFIG_FILE, the working directory,
    /// ~/.config/openstack, /etc/openstack. `push` takes several: repeat it.
    #[arg(long = "cloud", visible_alias = "os-cloud", global = true, value_name = "NAME")]
    clouds: Vec<String>,

    /// The region of the image service [env: OS_REGION_NAME]
    ///
    /// `push` takes several regions of one cloud: repeat it.
    #[arg(long = "os-region-name", global = true, value_name = "REGION", hide_short_help = true)]
    regions: Vec<String>,

    /// public, internal or admin [env: OS_INTERFACE]
    #[arg(long, global = true, value_name = "INTERFACE", hide_short_help = true)]
    os_interface: Option<String>,

    /// A PEM bundle of certificates to trust beside the system's [env: OS_CACERT]
    #[arg(long, global = true, value_name = "FILE", hide_short_help = true)]
    os_cacert: Option<String>,

    /// Trust any certificate [env: OS_INSECURE]
    ///
    /// Whoever stands between you and the cloud can then read your token and change your image.
    #[arg(long, global = true, hide_short_help = true)]
    insecure: bool,

    /// How to log in: password, v3applicationcredential, v3token, none, … [env: OS_AUTH_TYPE]
    #[arg(long, global = true, value_name = "TYPE", hide_short_help = true)]
    os_auth_type: Option<String>,

    /// The identity service [env: OS_AUTH_URL]
    #[arg(long, global = true, value_name = "URL", hide_short_help = true)]
    os_auth_url: Option<String>,

    /// The image service, for --os-auth-type none and admin_token [env: OS_ENDPOINT]
    #[arg(long, global = true, value_name = "URL", hide_short_help = true)]
    os_endpoint: Option<String>,

    /// The user [env: OS_USERNAME]
    ///
    /// There is no option for the password: other users could read it from the process list. Use
    /// OS_PASSWORD or clouds.yaml.
    #[arg(long, global = true, value_name = "NAME", hide_short_help = true)]
    os_username: Option<String>,

    /// The domain of the user [env: OS_USER_DOMAIN_NAME]
    #[arg(long, global = true, value_name = "NAME", hide_short_help = true)]
    os_user_domain_name: Option<String>,

    /// The project [env: OS_PROJECT_NAME]
    #[arg(long, global = true, value_name = "NAME", hide_short_help = true)]
    os_project_name: Option<String>,

    /// The domain of the project [env: OS_PROJECT_DOMAIN_NAME]
    #[arg(long, global = true, value_name = "NAME", hide_short_help = true)]
    os_project_domain_name: Option<String>,
}

impl CloudArgs {
    /// What the client is to look for; the first one where there are several.
    pub(crate) fn options(&self) -> CloudOptions {
        self.options_of(self.clouds.first(), self.regions.first())
    }

    /// What the client is to look for, for each cloud or region, and the region where there are several.
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

    /// What is wrong with their number, for a verb that takes several or only one.
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
