//! Configurations in openstackclient, openstacksdk and imgpush: all three send the same requests.
//!
//! `table.txt` has the configurations. Each program lists images with each of them, against services that record
//! the requests. `docs/compatibility.md` shows the outcomes; `cargo xtask configurations` writes it.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod certificates;
mod configuration;
mod page;
mod programs;
mod request;
mod service;

/// It needs the Python packages that the real cloud is installed with.
mod real {
    use std::thread;

    use super::certificates::Certificates;
    use super::configuration::{self, Configuration};
    use super::page::{self, Row};
    use super::programs::{self, Outcome, Python};
    use super::service::Service;

    /// The outcomes of openstackclient and openstacksdk.
    fn of_python(all: &[Configuration], certificates: &Certificates) -> Option<Vec<[Outcome; 2]>> {
        let mut python = Python::start()?;
        let service = Service::start(certificates);
        let both = |configuration| {
            ["openstackclient", "openstacksdk"]
                .map(|program| python.run(program, configuration, &service, certificates))
        };
        Some(all.iter().map(both).collect())
    }

    #[test]
    fn imgpush_sends_the_requests_of_openstackclient_for_each_configuration() {
        let all = configuration::all();
        assert!(all.len() >= 60, "only {} configurations", all.len());
        let certificates = Certificates::new();
        let (theirs, ours) = thread::scope(|scope| {
            let theirs = scope.spawn(|| of_python(&all, &certificates));
            let service = Service::start(&certificates);
            let imgpush = |configuration| programs::imgpush(configuration, &service, &certificates);
            let ours: Vec<Outcome> = all.iter().map(imgpush).collect();
            (theirs.join().unwrap(), ours)
        });
        let Some(theirs) = theirs else {
            imgpush_test_support::left_out("openstacksdk: the table of configurations");
            return;
        };
        let rows: Vec<Row<'_>> = all
            .iter()
            .zip(theirs)
            .zip(ours)
            .map(|((configuration, [openstackclient, openstacksdk]), imgpush)| Row {
                configuration,
                openstackclient,
                openstacksdk,
                imgpush,
            })
            .collect();
        if std::env::var_os("IMGPUSH_CONFIGURATIONS").is_some() {
            page::write(&rows);
        }
        let mut faults = Vec::new();
        for row in &rows {
            let is_same = row.openstackclient.lines() == row.imgpush.lines();
            if is_same == row.configuration.differs.is_some() {
                faults.push(format!(
                    "{}: a difference is {}\nopenstackclient: {:#?}\nimgpush: {:#?}",
                    row.configuration.name,
                    if is_same { "stated, and there is none" } else { "not stated" },
                    row.openstackclient,
                    row.imgpush,
                ));
            }
        }
        assert!(faults.is_empty(), "{}", faults.join("\n\n"));
        assert_eq!(
            page::section(&rows),
            page::written(),
            "docs/compatibility.md is outdated: cargo xtask configurations"
        );
    }
}
