//! Records as assignments of shell variables, openstackclient's `-f shell`.

/// `PREFIXname="value"`.
pub(super) fn assignment(prefix: &str, name: &str, value: &str) -> String {
    format!("{prefix}{}=\"{}\"", variable(name), escaped(value))
}

fn variable(name: &str) -> String {
    name.to_lowercase().replace([' ', ':', '-'], "_")
}

/// The text within double quotes. openstackclient escapes only the quotes; here the text of an image cannot
/// run a command either when the output is evaluated.
fn escaped(text: &str) -> String {
    let mut escaped = String::new();
    for character in text.chars() {
        if matches!(character, '"' | '$' | '`' | '\\') {
            escaped.push('\\');
        }
        escaped.push(character);
    }
    escaped
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn a_shell_reads_the_values() {
        let name = "it's \"$(touch x)\" `id` \\ $HOME";
        assert_eq!(assignment("img_", "Disk Format", "qcow2"), "img_disk_format=\"qcow2\"");
        let text = assignment("img_", "os:name-x", name);
        let script = format!("{text}\nprintf %s \"$img_os_name_x\"");
        let output = Command::new("sh").arg("-c").arg(script).output().unwrap();
        assert_eq!(String::from_utf8(output.stdout).unwrap(), name);
    }
}
