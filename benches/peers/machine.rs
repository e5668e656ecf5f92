//! The measured programs, and the machine.

use imgpush_benches::machine;

use crate::lab::Lab;
use imgpush_benches::process::succeed;

pub(crate) fn heading(lab: &Lab) -> String {
    let versions = "import importlib.metadata as m\nfor name in ('openstacksdk', \
                    'python-openstackclient', 'python-glanceclient'): print(name, m.version(name))";
    let python = lab.python.join("python");
    let peers = succeed(lab.command(&python).args(["-c", versions])).stdout;
    let curl = succeed(lab.command("curl".as_ref()).arg("--version")).stdout;
    let curl: Vec<&str> = curl.split(' ').take(2).collect();
    format!(
        "{}\npeers: {}, {}\nload average before: {}",
        machine::cpu(),
        peers.trim().replace('\n', ", "),
        curl.join(" "),
        machine::load(),
    )
}
