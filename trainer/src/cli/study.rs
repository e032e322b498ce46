use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::bail;
use clap::{Args, ValueEnum};
use sextant_runtime::command_line::{next, print_answer};
use sextant_runtime::typed_command::{TypedCommand, quoted};

use super::hint::INTERRUPTED;
use super::output::refuse_dash;
use super::stop_on_interrupt;
use crate::config::Config;
use crate::data::goes_with_rendering;
use crate::registry::Registry;
use crate::study::{
    Ablation, FEATURES_ALONE, Plan, QUESTIONS, Question, Row, Scale, StudyOptions, StudyOutcome, page_of, study,
};

/// Arguments of `trainer study`.
#[derive(Args)]
pub struct StudyArgs {
    /// What is compared.
    study: Study,
    /// How large the runs of a study of transformations are [default: small].
    #[arg(long, value_enum)]
    scale: Option<ScaleName>,
    /// Compare this method with one thing changed at a time, instead of the methods.
    #[arg(long, value_name = "METHOD")]
    ablation: Option<Ablation>,
    /// Only these rows, such as sie,vicreg.
    #[arg(long, value_delimiter = ',', value_name = "ROW")]
    rows: Vec<String>,
    /// Seeds of each row; where methods are compared, of the first row and of the leading ones, and the others have one.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u64).range(1..))]
    seeds: u64,
    /// How many rows beside the first count as leading where methods are compared; those that learn from class labels never
    /// do [default: 5].
    #[arg(long)]
    leaders: Option<usize>,
    /// Tune every row before it is trained, by the same small search on validation objects: learning rate, weight decay and
    /// one weight, seven short trials at most. Only where methods are compared.
    #[arg(long)]
    tune: bool,
    /// Steps of each trial of the search [default: a sixth of fit.steps].
    #[arg(long, requires = "tune", value_parser = clap::value_parser!(u64).range(1..))]
    tuning_steps: Option<u64>,
    /// Views of each object that are rendered once, before the first run, and that all runs see; 0 renders new ones for
    /// every step. Not for sources that have images already. [default: 50; of objects55 0]
    #[arg(long)]
    views: Option<usize>,
    /// Configuration in TOML for all runs; its keys go before the preset's.
    #[arg(long)]
    config: Option<PathBuf>,
    /// Change one key for all runs, such as fit.steps=500.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    sets: Vec<String>,
    /// Folder of the runs [default: runs/study-NAME].
    #[arg(long)]
    out: Option<PathBuf>,
    /// Markdown file that gets the table [default: docs/results.md; of a study of transformations docs/studies/NAME.md].
    #[arg(long)]
    results: Option<PathBuf>,
    /// Where to compute: auto, cpu or cuda:N (compiled, not run).
    #[arg(long, default_value = "auto")]
    device: String,
    /// Print the rows as one JSON array.
    #[arg(long)]
    json: bool,
}

/// [`StudyArgs::views`], where it is not given.
const VIEWS: usize = 50;
/// The studies that compare methods, in words.
const OF_METHODS: &str = "household, procedural and objects55";
/// Of how many steps of a run a trial of its search has one.
const STEPS_A_TRIAL: u64 = 6;
/// [`StudyArgs::leaders`], where it is not given.
const LEADERS: usize = 5;

/// Studies by their names on the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Study {
    /// Methods, on the furniture of Sweet Home 3D.
    Household,
    /// Methods, on the built-in procedural objects.
    Procedural,
    /// Methods, on 50,000 built-in procedural objects of 55 families.
    #[value(name = "objects55")]
    Objects55,
    /// Which transformation of pictures is worth predicting.
    Transforms,
    /// What base augmentations do to the prediction of rotations.
    Augmentations,
    /// Whether knowing the class helps to tell rotations.
    ClassInformation,
    /// Whether finer rotations teach more.
    FineGrained,
    /// Whether several transformations teach more than one.
    Multivariate,
    /// Whether an encoder that is equivariant by construction learns more from rotations.
    EquivariantNetworks,
    /// Whether augmentations that act as rotations of the embedding teach more of the class.
    Care,
    /// Whether features keep the order of strengths, and what that costs.
    Scales,
    /// What self-supervision is worth where labels of pose are few.
    Usefulness,
}

/// Scales by their names on the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum ScaleName {
    /// Two cores, within the hour.
    Small,
    /// The paper's settings, for a GPU (compiled, not run).
    Paper,
}

impl From<ScaleName> for Scale {
    fn from(name: ScaleName) -> Self {
        match name {
            ScaleName::Small => Self::Small,
            ScaleName::Paper => Self::Paper,
        }
    }
}

impl Study {
    fn name(self) -> String {
        self.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
    }

    /// Views of each object that are rendered before the first run: of tens of thousands of objects they would fill the disk.
    fn views(self) -> usize {
        if self == Self::Objects55 { 0 } else { VIEWS }
    }

    /// The question that it asks; `None` where methods are compared.
    fn question(self) -> Option<&'static Question> {
        let name = self.name();
        QUESTIONS.iter().find(|question| question.name == name)
    }
}

impl StudyArgs {
    fn scale(&self) -> Scale {
        self.scale.map_or(Scale::Small, Scale::from)
    }

    fn preset(&self) -> &'static str {
        match self.study {
            Study::Household => "household",
            Study::Procedural => "quickstart",
            Study::Objects55 => "objects55",
            _ => self.study.question().map_or("quickstart", |question| (question.setting.preset)(self.scale())),
        }
    }

    fn results(&self) -> PathBuf {
        let default = || match self.study.question() {
            None => PathBuf::from("docs/results.md"),
            Some(question) => page_of(Path::new("docs/studies"), question),
        };
        self.results.clone().unwrap_or_else(default)
    }

    /// Options that the other kind of study has.
    fn refuse_what_has_no_effect(&self) -> anyhow::Result<()> {
        let of_methods = [
            ("--ablation", self.ablation.is_some()),
            ("--leaders", self.leaders.is_some()),
            ("--views", self.views.is_some()),
            ("--tune", self.tune),
        ];
        let (given, kind) = match self.study.question() {
            Some(question) if !question.setting.has_paper_scale && self.scale.is_some() => {
                (vec![("--scale", true)], "the studies of transformations")
            }
            Some(_) => (of_methods.to_vec(), OF_METHODS),
            None => (vec![("--scale", self.scale.is_some())], "the studies of transformations"),
        };
        match given.into_iter().find(|(_, is_given)| *is_given) {
            Some((option, _)) => {
                bail!("{option}: has no effect on the study {}: it goes with {kind}; leave it out", self.study.name())
            }
            None => Ok(()),
        }
    }
}

/// Trains what is not trained yet, and writes the table.
pub fn run(args: StudyArgs, registry: &Registry) -> anyhow::Result<ExitCode> {
    if let Some(out) = &args.out {
        refuse_dash("--out", out, "a study is a folder of runs")?;
    }
    args.refuse_what_has_no_effect()?;
    let (json, results) = (args.json, args.results());
    refuse_dash("--results", &results, "the results are a Markdown file with drawings beside it")?;
    match study(&options(args, registry)?)? {
        StudyOutcome::Interrupted => {
            eprintln!("stopped, saved; the same command goes on");
            Ok(ExitCode::from(INTERRUPTED))
        }
        StudyOutcome::Finished(rows) => {
            print_answer(json, &rows, || format!("{}\n", results.display()))?;
            next(format_args!("read {}", quoted(results.as_os_str())));
            Ok(ExitCode::SUCCESS)
        }
    }
}

fn options(args: StudyArgs, registry: &Registry) -> anyhow::Result<StudyOptions> {
    let stop = stop_on_interrupt()?;
    let question = args.study.question();
    let config = Config::resolve(registry, Some(args.preset()), args.config.as_deref(), &args.sets)?;
    let data = if question.is_some() { data_words(&config)? } else { String::new() };
    let all_rows = match (question, args.ablation) {
        (Some(question), _) => (question.rows)(args.scale()),
        (None, Some(method)) => Row::ablation(method),
        (None, None) => Row::methods(registry),
    };
    let rows = picked(all_rows, &args.rows)?;
    let views = if question.is_some() { None } else { rendered_views(&args, registry)? };
    let name = match question {
        Some(_) => format!("{} {} {}", args.study.name(), args.scale().name(), config.data.source),
        None => {
            let ablation = args.ablation.map(|method| format!("-{}", ablation_name(method))).unwrap_or_default();
            format!("{}{ablation}", args.study.name())
        }
    };
    let command = command(&args, views);
    let results = args.results();
    let tuning_steps = match args.tune {
        true => args.tuning_steps.unwrap_or((config.fit.steps / STEPS_A_TRIAL).max(1)),
        false => 0,
    };
    let plan = Plan {
        registry: registry.clone(),
        preset: args.preset().into(),
        shared: question.map_or(FEATURES_ALONE, |question| question.setting.shared),
        file: args.config,
        sets: args.sets,
        views: views.unwrap_or(0),
        rows,
        seeds: args.seeds,
        leaders: args.leaders.unwrap_or(LEADERS),
        name: name.clone(),
    };
    let folder = format!("study-{}", name.replace(' ', "-"));
    let out = args.out.unwrap_or_else(|| PathBuf::from("runs").join(folder));
    Ok(StudyOptions { plan, question, data, out, results, command, device: args.device, tuning_steps, stop })
}

/// What the pictures of a study are, with all that the source warns of, for its page.
fn data_words(config: &Config) -> anyhow::Result<String> {
    let mut words = format!("Source `{}`", config.data.source);
    if let Some(path) = &config.data.path {
        let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy();
        words += &format!(", `{name}`");
    }
    for warning in config.open_data()?.warnings() {
        words += &format!(" ({warning})");
    }
    Ok(words)
}

/// Views of each object that are to be rendered; `None` where the source has images already.
///
/// # Errors
/// When keys or values of the configuration are wrong, or `--views` is given for such a source.
fn rendered_views(args: &StudyArgs, registry: &Registry) -> anyhow::Result<Option<usize>> {
    let config = Config::resolve(registry, Some(args.preset()), args.config.as_deref(), &args.sets)?;
    match args.views {
        views if config.is_rendered() => Ok(Some(views.unwrap_or(args.study.views()))),
        None => Ok(None),
        Some(views) => bail!(
            "--views {views}: has no effect: data.source = {} has images already; leave it out, or set {}",
            config.data.source,
            goes_with_rendering(registry.sources())
        ),
    }
}

/// As it is written on the command line.
fn ablation_name(method: Ablation) -> String {
    method.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
}

/// The rows of these labels, all of them when none is named.
fn picked(rows: Vec<Row>, labels: &[String]) -> anyhow::Result<Vec<Row>> {
    if let Some(unknown) = labels.iter().find(|label| !rows.iter().any(|row| row.label == **label)) {
        let known: Vec<&str> = rows.iter().map(|row| row.label.as_str()).collect();
        bail!("no row is called '{unknown}'; rows: {}", known.join(", "))
    }
    // A row that begins with another one needs that one.
    let begun_with = |label: &str| {
        rows.iter().any(|row| labels.contains(&row.label) && row.begins_with.is_some_and(|first| first == label))
    };
    let is_wanted = |row: &Row| labels.is_empty() || labels.contains(&row.label) || begun_with(&row.label);
    Ok(rows.iter().filter(|row| is_wanted(row)).cloned().collect())
}

/// The command that makes the same table, with what was given.
fn command(args: &StudyArgs, views: Option<usize>) -> String {
    // It is written into a page for whoever has the repository, however this process was started.
    let mut command = TypedCommand::other("cargo trainer study").argument(args.study.name());
    if args.study.question().is_some_and(|question| question.setting.has_paper_scale) {
        command = command.words(&format!("--scale {}", args.scale().name()));
    }
    if let Some(method) = args.ablation {
        command = command.words("--ablation").argument(ablation_name(method));
    }
    if !args.rows.is_empty() {
        command = command.words("--rows").argument(args.rows.join(","));
    }
    command = command.words(&format!("--seeds {}", args.seeds));
    if args.study.question().is_none() {
        command = command.words(&format!("--leaders {}", args.leaders.unwrap_or(LEADERS)));
    }
    if args.tune {
        command = command.words("--tune");
    }
    if let Some(steps) = args.tuning_steps {
        command = command.words(&format!("--tuning-steps {steps}"));
    }
    command = views.iter().fold(command, |command, views| command.words(&format!("--views {views}")));
    command = args.config.iter().fold(command, |command, file| command.words("--config").path(file));
    args.sets.iter().fold(command, |command, set| command.words("--set").argument(set)).into()
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Command {
        #[command(flatten)]
        study: StudyArgs,
    }

    /// The views that are rendered, and the command that the page shows.
    fn views(arguments: &[&str]) -> anyhow::Result<(Option<usize>, String)> {
        let Command { study } = Command::parse_from([&["study"], arguments].concat());
        let views = rendered_views(&study, &Registry::default())?;
        Ok((views, command(&study, views)))
    }

    #[test]
    fn an_option_of_the_other_kind_of_study_is_refused() {
        let cases = [
            (vec!["procedural", "--scale", "small"], Some("--scale"), "the studies of transformations"),
            (vec!["transforms", "--views", "3"], Some("--views"), OF_METHODS),
            (vec!["transforms", "--leaders", "3"], Some("--leaders"), OF_METHODS),
            (vec!["procedural", "--views", "3", "--leaders", "3"], None, ""),
            (vec!["transforms", "--scale", "paper"], None, ""),
            (vec!["usefulness", "--scale", "small"], Some("--scale"), "the studies of transformations"),
            (vec!["usefulness", "--leaders", "3"], Some("--leaders"), OF_METHODS),
        ];
        for (arguments, option, goes_with) in cases {
            let Command { study } = Command::parse_from([&["study"], &arguments[..]].concat());
            let refused = study.refuse_what_has_no_effect().err().map(|error| error.to_string());
            let expected = option.map(|option| {
                let name = arguments[0];
                format!("{option}: has no effect on the study {name}: it goes with {goes_with}; leave it out")
            });
            assert_eq!(refused, expected, "{arguments:?}");
        }
    }

    #[test]
    fn each_question_is_a_study_of_its_name() {
        let names: Vec<String> = Study::value_variants().iter().map(|study| study.name()).collect();
        for question in QUESTIONS.iter() {
            assert!(names.iter().any(|name| name == question.name), "{}", question.name);
        }
        let asking = Study::value_variants().iter().filter(|study| study.question().is_some()).count();
        assert_eq!(asking, QUESTIONS.len());
    }

    #[test]
    fn views_are_rendered_of_objects_only() {
        let images = ["procedural", "--set", "data.source=sextant", "--set", "data.path=images"];
        let with = |more: &[&'static str]| [&images[..], more].concat();
        let shown = |views: &str| format!("cargo trainer study procedural --seeds 3 --leaders 5{views}");
        let of_images = shown(" --set data.source=sextant --set data.path=images");
        let cases = [
            (vec!["procedural"], (Some(50), shown(" --views 50"))),
            (vec!["procedural", "--views", "0"], (Some(0), shown(" --views 0"))),
            (images.to_vec(), (None, of_images)),
        ];
        for (arguments, expected) in cases {
            assert_eq!(views(&arguments).unwrap(), expected, "{arguments:?}");
        }
        for given in ["0", "50"] {
            assert_eq!(
                views(&with(&["--views", given])).unwrap_err().to_string(),
                format!(
                    "--views {given}: has no effect: data.source = sextant has images already; leave it out, or set \
                     data.source = procedural, sweethome3d or meshes"
                )
            );
        }
    }
}
