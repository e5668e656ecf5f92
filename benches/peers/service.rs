//! The services to push to, and the clients.

use std::path::{Path, PathBuf};
use std::process::Command;

use imgpush_benches::process::{Run, succeed};
use imgpush_benches::sink::Sink;
use serde_json::{Value, json};

use crate::files::Image;
use crate::lab::Lab;

/// A Keystone and a Glance.
pub(crate) struct Service {
    /// `OS_*` variables, as all clients but curl use them.
    variables: Vec<(String, String)>,
    /// The address of the image service.
    url: String,
}

impl Service {
    /// The service of a null sink.
    pub(crate) fn of_sink(sink: &Sink) -> Self {
        Service { variables: sink.variables(), url: sink.url().to_owned() }
    }

    /// The service in the environment, if there is one.
    pub(crate) fn of_environment() -> Option<Self> {
        let url = std::env::var("TESTCLOUD_IMAGE_URL").ok()?;
        let variables = std::env::vars().filter(|(name, _)| name.starts_with("OS_")).collect();
        Some(Service { variables, url })
    }

    pub(crate) fn imgpush(&self, lab: &Lab, image: &Image) -> Run {
        self.imgpush_with(lab, image, &[])
    }

    pub(crate) fn imgpush_with(&self, lab: &Lab, image: &Image, options: &[&str]) -> Run {
        let mut command = self.command(lab, &lab.imgpush);
        command.args(["push", "--name", "bench", "--progress", "json"]).args(options);
        succeed(command.arg(&image.path))
    }

    /// Many images in one process; with `--json` a line for each, and one for the batch.
    pub(crate) fn imgpush_batch(&self, lab: &Lab, images: &[PathBuf], options: &[&str]) -> Run {
        let mut command = self.command(lab, &lab.imgpush);
        succeed(command.args(["push", "--json", "--quiet"]).args(options).args(images))
    }

    /// With `create_image` of openstacksdk and `validate_checksum`, one after another in one process; prints
    /// a line with the id of each.
    pub(crate) fn sdk(&self, lab: &Lab, images: &[impl AsRef<Path>]) -> Run {
        let mut command = self.command(lab, &lab.python.join("python"));
        command.arg(lab.script("sdk_push.py")).args(images.iter().map(AsRef::as_ref));
        succeed(&mut command)
    }

    /// Prints only the id on stdout.
    pub(crate) fn openstack(&self, lab: &Lab, image: &Path) -> Run {
        let mut command = self.command(lab, &lab.python.join("openstack"));
        command.args(["image", "create", "--disk-format", "raw", "--container-format", "bare"]);
        command.args(["-f", "value", "-c", "id"]);
        succeed(command.arg("--file").arg(image).arg("bench"))
    }

    pub(crate) fn glance(&self, lab: &Lab, image: &Image) -> Run {
        let mut command = self.command(lab, &lab.python.join("glance"));
        command.args(["image-create", "--disk-format", "raw", "--container-format", "bare"]);
        succeed(command.args(["--name", "bench", "--file"]).arg(&image.path))
    }

    /// Uploads to an existing record.
    pub(crate) fn curl(&self, lab: &Lab, token: &str, id: &str, image: &Image) -> Run {
        let mut command = self.curl_command(lab, token, &format!("/v2/images/{id}/file"));
        command.args(["-H", "Expect:", "-H", "Content-Type: application/octet-stream"]);
        succeed(command.arg("-T").arg(&image.path))
    }

    /// Downloads an image to a file.
    pub(crate) fn imgpush_pull(&self, lab: &Lab, id: &str, file: &Path) -> Run {
        let mut command = self.command(lab, &lab.imgpush);
        succeed(command.args(["pull", "--quiet", "--overwrite", "--output"]).arg(file).arg(id))
    }

    pub(crate) fn openstack_save(&self, lab: &Lab, id: &str, file: &Path) -> Run {
        let mut command = self.command(lab, &lab.python.join("openstack"));
        succeed(command.args(["image", "save", "--file"]).arg(file).arg(id))
    }

    pub(crate) fn curl_save(&self, lab: &Lab, token: &str, id: &str, file: &Path) -> Run {
        let mut command = self.curl_command(lab, token, &format!("/v2/images/{id}/file"));
        succeed(command.arg("-o").arg(file))
    }

    /// A token for curl.
    pub(crate) fn token(&self, lab: &Lab) -> String {
        let variable = |wanted: &str| {
            let found = self.variables.iter().find(|(name, _)| name == wanted);
            found.unwrap_or_else(|| panic!("{wanted} is not set")).1.clone()
        };
        let user = json!({
            "name": variable("OS_USERNAME"), "password": variable("OS_PASSWORD"),
            "domain": {"name": variable("OS_USER_DOMAIN_NAME")},
        });
        let project = json!({
            "name": variable("OS_PROJECT_NAME"),
            "domain": {"name": variable("OS_PROJECT_DOMAIN_NAME")},
        });
        let body = json!({"auth": {
            "identity": {"methods": ["password"], "password": {"user": user}},
            "scope": {"project": project},
        }});
        let url = format!("{}/auth/tokens", variable("OS_AUTH_URL"));
        let mut command = self.command(lab, Path::new("curl"));
        command.args(["-sSfi", "-H", "Content-Type: application/json", "-d", &body.to_string()]);
        let answer = succeed(command.arg(url)).stdout;
        let mut lines = answer.lines().filter_map(|line| line.split_once(": "));
        let token = lines.find(|(name, _)| name.eq_ignore_ascii_case("x-subject-token"));
        token.expect("Keystone gives a token").1.to_owned()
    }

    /// Creates a record for curl; returns its id.
    pub(crate) fn record(&self, lab: &Lab, token: &str) -> String {
        let body = json!({"name": "bench", "disk_format": "raw", "container_format": "bare"});
        let mut command = self.curl_command(lab, token, "/v2/images");
        command.args(["-H", "Content-Type: application/json", "-d", &body.to_string()]);
        let answer: Value = serde_json::from_str(&succeed(&mut command).stdout).unwrap();
        answer["id"].as_str().unwrap().to_owned()
    }

    /// Number of calls of the image service so far, as counted by a null sink.
    pub(crate) fn requests(&self, lab: &Lab) -> u64 {
        succeed(&mut self.curl_command(lab, "", "/requests")).stdout.trim().parse().unwrap()
    }

    pub(crate) fn remove(&self, lab: &Lab, token: &str, id: &str) {
        succeed(self.curl_command(lab, token, &format!("/v2/images/{id}")).args(["-X", "DELETE"]));
    }

    fn curl_command(&self, lab: &Lab, token: &str, path: &str) -> Command {
        let mut command = self.command(lab, Path::new("curl"));
        command.args(["-sSf", "-H", &format!("X-Auth-Token: {token}")]);
        command.arg(format!("{}{path}", self.url));
        command
    }

    /// A command with the variables of this service.
    pub(crate) fn command(&self, lab: &Lab, program: &Path) -> Command {
        let mut command = lab.command(program);
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        command
    }
}
