//! Shards that schedulers set in the environment.

use std::num::NonZeroU32;

use super::{Shard, ShardError};

/// A scheduler that numbers the tasks of one job, and the variables that say which of them this one is.
struct Scheduler {
    name: &'static str,
    /// The variable of the number of this task.
    number: &'static str,
    /// The value of that variable in jobs without numbered tasks.
    none: Option<&'static str>,
    first: FirstTask,
    /// The variable with the distance of two successive numbers.
    step: Option<&'static str>,
    /// The variable with the number of the last task.
    last: Option<&'static str>,
    /// The variable with the number of tasks. Without it and `last`, the scheduler does not set the total.
    count: Option<&'static str>,
}

/// The number of the first task of a job.
enum FirstTask {
    /// Always the same.
    Is(u32),
    /// In this variable.
    Variable(&'static str),
}

impl Scheduler {
    const fn new(name: &'static str, number: &'static str, first: u32) -> Self {
        let first = FirstTask::Is(first);
        Scheduler { name, number, none: None, first, step: None, last: None, count: None }
    }

    const fn with_count(self, variable: &'static str) -> Self {
        Scheduler { count: Some(variable), ..self }
    }

    const fn with_none(self, value: &'static str) -> Self {
        Scheduler { none: Some(value), ..self }
    }

    const fn with_first(self, variable: &'static str) -> Self {
        Scheduler { first: FirstTask::Variable(variable), ..self }
    }

    const fn with_range(self, last: &'static str, step: &'static str) -> Self {
        Scheduler { last: Some(last), step: Some(step), ..self }
    }
}

/// The supported schedulers; docs/guide/fleets.md describes their variables.
const SCHEDULERS: &[Scheduler] = &[
    Scheduler::new("Slurm", "SLURM_ARRAY_TASK_ID", 0)
        .with_first("SLURM_ARRAY_TASK_MIN")
        .with_range("SLURM_ARRAY_TASK_MAX", "SLURM_ARRAY_TASK_STEP")
        .with_count("SLURM_ARRAY_TASK_COUNT"),
    Scheduler::new("Kubernetes", "JOB_COMPLETION_INDEX", 0),
    Scheduler::new("GitLab", "CI_NODE_INDEX", 1).with_count("CI_NODE_TOTAL"),
    Scheduler::new("Buildkite", "BUILDKITE_PARALLEL_JOB", 0)
        .with_count("BUILDKITE_PARALLEL_JOB_COUNT"),
    Scheduler::new("CircleCI", "CIRCLE_NODE_INDEX", 0).with_count("CIRCLE_NODE_TOTAL"),
    Scheduler::new("AWS Batch", "AWS_BATCH_JOB_ARRAY_INDEX", 0)
        .with_count("AWS_BATCH_JOB_ARRAY_SIZE"),
    Scheduler::new("Cloud Run", "CLOUD_RUN_TASK_INDEX", 0).with_count("CLOUD_RUN_TASK_COUNT"),
    Scheduler::new("Grid Engine", "SGE_TASK_ID", 1)
        .with_none("undefined")
        .with_first("SGE_TASK_FIRST")
        .with_range("SGE_TASK_LAST", "SGE_TASK_STEPSIZE"),
    Scheduler::new("PBS", "PBS_ARRAY_INDEX", 1),
    Scheduler::new("Torque", "PBS_ARRAYID", 1),
    Scheduler::new("LSF", "LSB_JOBINDEX", 1)
        .with_none("0")
        .with_range("LSB_JOBINDEX_END", "LSB_JOBINDEX_STEP"),
    Scheduler::new("Nomad", "NOMAD_ALLOC_INDEX", 0),
    Scheduler::new("HyperQueue", "HQ_TASK_ID", 0),
];

impl Shard {
    /// Reads the shard from the environment variables of a scheduler, such as Slurm or GitLab. `total` is the
    /// number of shards. Schedulers that do not set it, such as Kubernetes, need it; for the others it is compared with
    /// theirs.
    ///
    /// # Errors
    ///
    /// No scheduler has set a shard, or two have set different ones; or the variables do not fit together. A number
    /// of shards of 1 is all items, with or without a number of this shard.
    pub fn of_scheduler(total: Option<NonZeroU32>) -> Result<Self, ShardError> {
        shard(total, &|variable| std::env::var(variable).ok())
    }
}

/// Returns the value of an environment variable.
type Lookup<'a> = &'a dyn Fn(&str) -> Option<String>;

/// Returns the shard that a scheduler has set. See [`Shard::of_scheduler`].
fn shard(total: Option<NonZeroU32>, lookup: Lookup<'_>) -> Result<Shard, ShardError> {
    let lookup = |variable: &str| lookup(variable).filter(|value| !value.is_empty());
    let mut found: Option<(&str, Shard)> = None;
    for scheduler in SCHEDULERS {
        let Some(shard) = scheduler.shard(total, &lookup)? else { continue };
        match found {
            // A job of one task can run inside the tasks of another scheduler.
            _ if shard == Shard::ALL => found = found.or(Some((scheduler.name, shard))),
            Some((first, other)) if other != Shard::ALL && other != shard => {
                return Err(ShardError::Several { first, second: scheduler.name });
            }
            _ => found = Some((scheduler.name, shard)),
        }
    }
    let (scheduler, shard) = found.ok_or(ShardError::NoScheduler)?;
    match total.map(NonZeroU32::get) {
        Some(expected) if expected != shard.total() => {
            Err(ShardError::OtherTotal { scheduler, found: shard.total(), expected })
        }
        _ => Ok(shard),
    }
}

impl Scheduler {
    /// The shard that this scheduler has set, if it runs this job.
    fn shard(
        &self,
        total: Option<NonZeroU32>,
        lookup: Lookup<'_>,
    ) -> Result<Option<Shard>, ShardError> {
        let value = |variable| lookup(variable).filter(|value| Some(&**value) != self.none);
        let Some(number) = value(self.number) else { return self.without_number(lookup) };
        let number = self.parsed(self.number, number)?;
        let first = match self.first {
            FirstTask::Is(first) => first,
            FirstTask::Variable(variable) => self.required(variable, lookup)?,
        };
        let step = match self.step.and_then(|variable| Some((variable, lookup(variable)?))) {
            Some((variable, step)) => self.parsed(variable, step)?,
            None => 1,
        };
        let place = |variable, number: u32| {
            let distance =
                number.checked_sub(first).filter(|distance| distance.checked_rem(step) == Some(0));
            distance.map(|distance| distance / step).ok_or_else(|| {
                let problem = match number < first {
                    true => format!("the first number is {first}"),
                    false => format!("the numbers are {step} apart, from {first}"),
                };
                self.wrong(variable, number.to_string(), problem)
            })
        };
        let index = place(self.number, number)?;
        let of_range = match self.last {
            Some(variable) => Some(place(variable, self.required(variable, lookup)?)? + 1),
            None => None,
        };
        let counted = match self.count {
            Some(variable) => Some((variable, self.required(variable, lookup)?)),
            None => None,
        };
        if let (Some(tasks), Some((variable, count))) = (of_range, counted)
            && tasks != count
        {
            let problem = format!("expected {tasks}, as the numbers of the tasks have no gaps");
            return Err(self.wrong(variable, count.to_string(), problem));
        }
        let total = counted.map(|(_, count)| count).or(of_range).or(total.map(NonZeroU32::get));
        let Some(total) = total else {
            return Err(ShardError::NoTotal { scheduler: self.name, variable: self.number });
        };
        let shard = index.checked_add(1).and_then(|number| Shard::new(number, total));
        shard.map(Some).ok_or_else(|| {
            let problem = format!("there are {total} shards, and the first is {first}");
            self.wrong(self.number, number.to_string(), problem)
        })
    }

    /// The shard if only the number of shards can be set.
    fn without_number(&self, lookup: Lookup<'_>) -> Result<Option<Shard>, ShardError> {
        match self.count.and_then(|variable| Some((variable, lookup(variable)?))) {
            None => Ok(None),
            Some((_, total)) if total == "1" => Ok(Some(Shard::ALL)),
            Some((total_variable, total)) => Err(ShardError::NoNumber {
                scheduler: self.name,
                total_variable,
                total,
                variable: self.number,
            }),
        }
    }

    fn required(&self, variable: &'static str, lookup: Lookup<'_>) -> Result<u32, ShardError> {
        let value = lookup(variable);
        let value =
            value.ok_or(ShardError::NoTotal { scheduler: self.name, variable: self.number })?;
        self.parsed(variable, value)
    }

    fn parsed(&self, variable: &'static str, value: String) -> Result<u32, ShardError> {
        value.parse().map_err(|_| self.wrong(variable, value, "expected a number".to_owned()))
    }

    fn wrong(&self, variable: &'static str, value: String, problem: String) -> ShardError {
        ShardError::Variable { scheduler: self.name, variable, value, problem }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The shard in an environment such as `A=1 B=2`, or the message of the error.
    fn of(total: Option<u32>, environment: &str) -> Result<String, String> {
        let value = |variable: &str| {
            let mut settings = environment.split(' ').filter_map(|setting| setting.split_once('='));
            settings.find(|(name, _)| *name == variable).map(|(_, value)| value.to_owned())
        };
        let shard = shard(total.and_then(NonZeroU32::new), &value);
        shard.map(|shard| shard.to_string()).map_err(|error| error.to_string())
    }

    const SLURM: &str = "SLURM_ARRAY_TASK_ID=14 SLURM_ARRAY_TASK_MIN=10 SLURM_ARRAY_TASK_MAX=18 \
        SLURM_ARRAY_TASK_STEP=2 SLURM_ARRAY_TASK_COUNT=5";

    #[test]
    fn each_scheduler_numbers_its_tasks_in_its_own_way() {
        for (environment, shard) in [
            (SLURM, "3/5"),
            ("CI_NODE_INDEX=1 CI_NODE_TOTAL=4", "1/4"),
            ("BUILDKITE_PARALLEL_JOB=0 BUILDKITE_PARALLEL_JOB_COUNT=4", "1/4"),
            ("CIRCLE_NODE_INDEX=3 CIRCLE_NODE_TOTAL=4", "4/4"),
            ("AWS_BATCH_JOB_ARRAY_INDEX=9 AWS_BATCH_JOB_ARRAY_SIZE=10", "10/10"),
            ("CLOUD_RUN_TASK_INDEX=1 CLOUD_RUN_TASK_COUNT=2", "2/2"),
            ("SGE_TASK_ID=6 SGE_TASK_FIRST=2 SGE_TASK_LAST=10 SGE_TASK_STEPSIZE=4", "2/3"),
            ("LSB_JOBINDEX=2 LSB_JOBINDEX_END=12 LSB_JOBINDEX_STEP=1", "2/12"),
        ] {
            assert_eq!(of(None, environment).as_deref(), Ok(shard), "{environment}");
        }
        for (environment, shard) in [
            ("JOB_COMPLETION_INDEX=0", "1/3"),
            ("NOMAD_ALLOC_INDEX=2", "3/3"),
            ("HQ_TASK_ID=1", "2/3"),
            ("PBS_ARRAY_INDEX=1", "1/3"),
            ("PBS_ARRAYID=3", "3/3"),
        ] {
            assert_eq!(of(Some(3), environment).as_deref(), Ok(shard), "{environment}");
            let missing = of(None, environment).unwrap_err();
            assert!(missing.ends_with("but not the number of shards"), "{missing}");
        }
    }

    #[test]
    fn the_guide_has_the_variables_of_each_scheduler() {
        let guide = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/guide/fleets.md");
        let guide = std::fs::read_to_string(guide).unwrap();
        for scheduler in SCHEDULERS {
            let row =
                guide.lines().find(|line| line.starts_with(&format!("| {} |", scheduler.name)));
            let row = row.unwrap_or_else(|| panic!("no row for {}", scheduler.name));
            let total = scheduler.count.or(scheduler.last);
            for variable in [Some(scheduler.number), total].into_iter().flatten() {
                assert!(row.contains(&format!("`{variable}`")), "{variable} is not in {row}");
            }
        }
    }

    #[test]
    fn one_task_is_all_items() {
        assert_eq!(of(None, "CI_NODE_TOTAL=1").as_deref(), Ok("1/1"));
        assert_eq!(of(None, "CI_NODE_INDEX= CI_NODE_TOTAL=1").as_deref(), Ok("1/1"));
        // Inside the task of another scheduler.
        assert_eq!(of(None, &format!("CI_NODE_TOTAL=1 {SLURM}")).as_deref(), Ok("3/5"));
        assert_eq!(of(Some(5), &format!("CI_NODE_TOTAL=1 {SLURM}")).as_deref(), Ok("3/5"));
        assert_eq!(of(Some(1), "JOB_COMPLETION_INDEX=0").as_deref(), Ok("1/1"));
    }

    /// Each would make every task process all items, or leave some to none.
    #[test]
    fn variables_that_do_not_fit_together_are_errors() {
        for (total, environment, message) in [
            (None, "", "no scheduler has set the number of this shard in the environment"),
            // Values in jobs without numbered tasks.
            (
                None,
                "LSB_JOBINDEX=0 SGE_TASK_ID=undefined SGE_TASK_LAST=undefined",
                "no scheduler has set the number of this shard in the environment",
            ),
            (
                None,
                "CI_NODE_TOTAL=4",
                "GitLab sets CI_NODE_TOTAL to 4, but does not set CI_NODE_INDEX",
            ),
            (None, "CI_NODE_INDEX=4", "GitLab sets CI_NODE_INDEX, but not the number of shards"),
            (
                None,
                "CI_NODE_INDEX=5 CI_NODE_TOTAL=4",
                "GitLab sets CI_NODE_INDEX to 5: there are 4 shards, and the first is 1",
            ),
            (
                None,
                "CI_NODE_INDEX=0 CI_NODE_TOTAL=4",
                "GitLab sets CI_NODE_INDEX to 0: the first number is 1",
            ),
            (
                None,
                "CI_NODE_INDEX=one CI_NODE_TOTAL=4",
                "GitLab sets CI_NODE_INDEX to one: expected a number",
            ),
            (Some(3), "CI_NODE_INDEX=1 CI_NODE_TOTAL=4", "GitLab has 4 shards, not 3"),
            (
                Some(3),
                "JOB_COMPLETION_INDEX=3",
                "Kubernetes sets JOB_COMPLETION_INDEX to 3: there are 3 shards, and the first is 0",
            ),
            // `--array=1,3,7`
            (
                None,
                "SLURM_ARRAY_TASK_ID=3 SLURM_ARRAY_TASK_MIN=1 SLURM_ARRAY_TASK_MAX=7 \
                 SLURM_ARRAY_TASK_STEP=1 SLURM_ARRAY_TASK_COUNT=3",
                "Slurm sets SLURM_ARRAY_TASK_COUNT to 3: expected 7, as the numbers of the tasks \
                 have no gaps",
            ),
            (
                None,
                "SGE_TASK_ID=3 SGE_TASK_FIRST=2 SGE_TASK_LAST=10 SGE_TASK_STEPSIZE=4",
                "Grid Engine sets SGE_TASK_ID to 3: the numbers are 4 apart, from 2",
            ),
            (
                None,
                "SGE_TASK_ID=2 SGE_TASK_FIRST=2 SGE_TASK_LAST=10 SGE_TASK_STEPSIZE=0",
                "Grid Engine sets SGE_TASK_ID to 2: the numbers are 0 apart, from 2",
            ),
            (
                None,
                "CI_NODE_INDEX=1 CI_NODE_TOTAL=4 CLOUD_RUN_TASK_INDEX=1 CLOUD_RUN_TASK_COUNT=4",
                "GitLab and Cloud Run set different shards in the environment",
            ),
        ] {
            assert_eq!(of(total, environment), Err(message.to_owned()), "{environment}");
        }
    }
}
