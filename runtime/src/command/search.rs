use std::fmt;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Context;
use clap::ValueEnum;
use serde::Serialize;
use sextant_runtime::command_line::{next, print_answer, tell, warn};
use sextant_runtime::contract::output::{EQUIVARIANT, INVARIANT};
use sextant_runtime::durable::folder_of;
use sextant_runtime::picture::PictureLimits;
use sextant_runtime::pose::Predictor;
use sextant_runtime::search::{
    Changes, Features, FeaturesFault, Half, INDEX_NAME, Index, Listing, ModelMark, SearchError, Unreadable,
};
use sextant_runtime::typed_command::Program;

use super::answer::warn_of_resizing;
use super::names::{PathName, shown};
use super::{EngineArguments, images};

/// Finds the pictures of a folder that are most like an image, by cosine similarity of a model's features.
///
/// The folder's PNG and JPEG files, by their names and in all folders below it, are looked at once; their features are kept
/// in an index. Later calls look only at pictures that are new or changed, and take the model that the index names. An image
/// that is in the folder finds itself first.
#[derive(clap::Args)]
pub struct Arguments {
    /// Folder of the pictures that are searched.
    folder: PathBuf,
    /// PNG or JPEG files that are searched for; - for standard input.
    #[arg(required = true)]
    images: Vec<PathBuf>,
    /// Model file, .sxt or .onnx, that gives features: needed for a new index [default: the index's].
    #[arg(long, value_name = "FILE")]
    model: Option<PathBuf>,
    /// File of the index [default: FOLDER/.sextant-index].
    #[arg(long, value_name = "FILE")]
    index: Option<PathBuf>,
    /// Features that pictures are compared by [default: invariant where the model gives them, else equivariant].
    #[arg(long, value_enum)]
    half: Option<HalfName>,
    /// Pictures that are printed for each image.
    #[arg(long, value_name = "COUNT", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..))]
    top: u32,
    #[command(flatten)]
    engine: EngineArguments,
    /// Memory that reading and decoding one picture may take, in MiB; larger ones are refused before they are decoded.
    #[arg(long, value_name = "MIB", default_value_t = 256, value_parser = clap::value_parser!(u32).range(1..))]
    max_picture_memory: u32,
    /// Prints one JSON object instead.
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, Serialize, ValueEnum)]
#[serde(rename_all = "snake_case")]
enum HalfName {
    /// What does not change when the object turns: the same thing, however it is turned.
    Invariant,
    /// What turns with the object: things that are turned alike.
    Equivariant,
    /// Both halves together.
    Features,
}

#[derive(Serialize)]
struct Answer {
    folder: PathName,
    index: PathName,
    model: PathName,
    half: HalfName,
    /// Pictures that were searched.
    pictures: usize,
    new: usize,
    changed: usize,
    gone: usize,
    unreadable: Vec<LeftOut>,
    queries: Vec<Query>,
}

/// A picture that was not searched.
#[derive(Serialize)]
struct LeftOut {
    picture: PathName,
    #[serde(skip_serializing_if = "Option::is_none")]
    picture_bytes: Option<String>,
    reason: String,
}

#[derive(Serialize)]
struct Query {
    image: PathName,
    /// The path in hexadecimal, where `image` is not exactly the path.
    #[serde(skip_serializing_if = "Option::is_none")]
    image_bytes: Option<String>,
    matches: Vec<Found>,
}

#[derive(Serialize)]
struct Found {
    picture: PathName,
    #[serde(skip_serializing_if = "Option::is_none")]
    picture_bytes: Option<String>,
    similarity: f64,
    #[serde(skip)]
    path: PathBuf,
}

/// Why a folder is not searched, and what to do.
#[derive(Debug)]
pub struct Refused {
    message: String,
    /// What to try, for people.
    pub hint: String,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Refused {}

fn refused(message: impl fmt::Display, hint: impl Into<String>) -> anyhow::Error {
    Refused { message: message.to_string(), hint: hint.into() }.into()
}

pub fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let path = arguments.index.clone().unwrap_or_else(|| arguments.folder.join(INDEX_NAME));
    let listing = listing(&arguments.folder)?;
    let (index, is_new) = arguments.opened(&path)?;
    let changes = index.changes(&listing);
    let mut search = Search { arguments, path, index, is_new };
    let mut predictor = search.predictor(changes.pending.len())?;
    let mut left_out = vec![];
    if is_new || !changes.is_empty() {
        left_out = search.update(&listing, &changes, &mut predictor)?;
    }
    let half = search.half()?;
    let queries = arguments.images.iter().map(|image| search.query(image, half, &mut predictor));
    let queries: Vec<Query> = queries.collect::<anyhow::Result<_>>()?;
    let answer = Answer {
        folder: PathName::of(&arguments.folder),
        index: PathName::of(&search.path),
        model: PathName::of(&search.index.model().path),
        half,
        pictures: search.index.pictures().len(),
        new: changes.new,
        changed: changes.changed(),
        gone: changes.gone,
        unreadable: left_out,
        queries,
    };
    print_answer(arguments.json, &answer, || answer.queries.iter().map(describe).collect())?;
    if let Some((image, other)) = first_other(arguments, &answer.queries) {
        let model = &search.index.model().path;
        next(Program::Runtime.command("compare").path(model).path(image).path(other));
    }
    Ok(ExitCode::SUCCESS)
}

fn listing(folder: &Path) -> anyhow::Result<Listing> {
    let name = shown(&folder.to_string_lossy());
    let listing = Listing::of(folder)
        .map_err(|error| refused(shown(&error.to_string()), "give a folder of PNG or JPEG files that you may read"))?;
    for (inner, error) in &listing.unreadable {
        warn(format_args!("{}: {error}: left out", shown(&folder.join(inner).to_string_lossy())));
    }
    match listing.pictures.is_empty() {
        true => Err(refused(format_args!("{name}: a folder without PNG or JPEG files"), "give a folder of pictures")),
        false => Ok(listing),
    }
}

impl Arguments {
    /// The index, and whether its file has to be written even if no picture differs.
    fn opened(&self, path: &Path) -> anyhow::Result<(Index, bool)> {
        let name = shown(&path.to_string_lossy());
        let remedy = "delete it, or give the index another place with --index FILE";
        let found = Index::read(path).map_err(|error| refused(shown(&error.to_string()), remedy))?;
        match (found, &self.model) {
            (None, None) => Err(refused(
                format_args!("{}: has no index yet, so a model is needed", shown(&self.folder.to_string_lossy())),
                "give a model that gives features with --model FILE",
            )),
            (None, Some(model)) => Ok((Index::new(mark(model)?), true)),
            (Some(index), None) => check_model(index, &name).map(|index| (index, false)),
            (Some(mut index), Some(model)) => {
                let mark = mark(model)?;
                if !mark.is_same_model(index.model()) {
                    let other = shown(&index.model().path.to_string_lossy());
                    warn(format_args!("{name}: has the features of another model, {other}: all are computed again"));
                    return Ok((Index::new(mark), true));
                }
                let has_moved = mark.path != index.model().path;
                index.set_model_path(mark.path);
                Ok((index, has_moved))
            }
        }
    }

    fn limits(&self) -> PictureLimits {
        PictureLimits { memory_bytes: u64::from(self.max_picture_memory) << 20, ..PictureLimits::default() }
    }
}

fn mark(model: &Path) -> anyhow::Result<ModelMark> {
    let name = shown(&model.to_string_lossy());
    ModelMark::of(model)
        .map_err(|error| refused(format_args!("{name}: {error}"), "give a .sxt or .onnx file that is there"))
}

/// The index, if its model is still the one that it was made with.
fn check_model(index: Index, name: &str) -> anyhow::Result<Index> {
    let path = &index.model().path;
    let model = shown(&path.to_string_lossy());
    match ModelMark::of(path) {
        Err(error) => Err(refused(
            format_args!("{model}: {error}; the index {name} was made with this model"),
            "say where the model is now with --model FILE; another model computes all features again",
        )),
        Ok(mark) if !mark.is_same_model(index.model()) => Err(refused(
            format_args!("{model}: is not the model any more that the index {name} was made with"),
            format!("give it with --model {model}, and all features are computed again"),
        )),
        Ok(_) => Ok(index),
    }
}

/// One run of the command.
struct Search<'a> {
    arguments: &'a Arguments,
    /// The index's file.
    path: PathBuf,
    index: Index,
    /// Whether the file has to be written even if no picture differs.
    is_new: bool,
}

/// Pictures for which it is worth to see first whether their features can be kept.
const MANY: usize = 100;

impl Search<'_> {
    /// With as many threads as there are cores and pictures to look at.
    fn predictor(&self, pending: usize) -> anyhow::Result<Predictor> {
        let cores = thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
        let threads = NonZeroUsize::new(cores.get().min(pending)).unwrap_or(NonZeroUsize::MIN);
        let predictor = self.arguments.engine.predictor(&self.index.model().path, threads)?;
        warn_of_resizing(&predictor);
        let names = predictor.encoder().output_names();
        if !names.iter().any(|name| [INVARIANT, EQUIVARIANT].contains(&name.as_str())) {
            let message = format_args!("{}: {}", predictor.origin(), FeaturesFault::None).to_string();
            return Err(refused(message, format!("give a model with an output '{INVARIANT}' or '{EQUIVARIANT}'")));
        }
        Ok(predictor)
    }

    /// Makes the index as the folder, and writes it.
    fn update(
        &mut self,
        listing: &Listing,
        changes: &Changes,
        predictor: &mut Predictor,
    ) -> anyhow::Result<Vec<LeftOut>> {
        // A place that cannot be written is told before the work, not after it.
        if self.is_new || changes.pending.len() > MANY {
            self.check_place()?;
        }
        let folder = &self.arguments.folder;
        let progress = Progress::of(changes.pending.len());
        let limits = self.arguments.limits();
        let updated = self.index.update(folder, listing, predictor, &limits, || progress.one_more());
        let unreadable = updated.with_context(|| shown(&folder.to_string_lossy()))?;
        let left_out: Vec<LeftOut> = unreadable.iter().map(|picture| left_out(folder, picture)).collect();
        if self.index.pictures().is_empty() {
            let message = format!("{}: none of its pictures can be read", shown(&folder.to_string_lossy()));
            return Err(refused(message, "give a folder of whole PNG or JPEG files"));
        }
        let (path, changed, unread) = (shown(&self.path.to_string_lossy()), changes.changed(), left_out.len());
        // Pictures that cannot be read are tried each time, and change nothing.
        if !self.is_new && changes.gone + changed == 0 && unread == changes.pending.len() {
            return Ok(left_out);
        }
        self.index.write(&self.path).map_err(|error| self.not_written(&error))?;
        let without = if unread == 0 { String::new() } else { format!(", {unread} of them left out") };
        tell("index", format_args!("{} new, {changed} changed{without}, {} gone: {path}", changes.new, changes.gone));
        Ok(left_out)
    }

    fn check_place(&self) -> anyhow::Result<()> {
        let probe = folder_of(&self.path).join(format!(".sextant-index-{}", std::process::id()));
        let tried = std::fs::File::create(&probe);
        let failed = |source| SearchError::Read { path: self.path.clone(), source };
        tried.map_err(|error| self.not_written(&failed(error)))?;
        std::fs::remove_file(&probe).map_err(|error| self.not_written(&failed(error)))
    }

    fn not_written(&self, error: &SearchError) -> anyhow::Error {
        let hint = "keep the index where you may write with --index FILE";
        refused(format_args!("the index cannot be written: {}", shown(&error.to_string())), hint)
    }

    fn half(&self) -> anyhow::Result<HalfName> {
        let [invariant, equivariant] = self.index.widths();
        let half = match self.arguments.half {
            Some(half) => half,
            None if invariant > 0 => HalfName::Invariant,
            None => HalfName::Equivariant,
        };
        let is_there = match half {
            HalfName::Invariant => invariant > 0,
            HalfName::Equivariant => equivariant > 0,
            HalfName::Features => true,
        };
        let model = || shown(&self.index.model().path.to_string_lossy());
        match is_there {
            true => Ok(half),
            false => Err(refused(format_args!("{}: {}", model(), FeaturesFault::NoHalf), "leave --half out")),
        }
    }

    fn query(&self, image: &Path, half: HalfName, predictor: &mut Predictor) -> anyhow::Result<Query> {
        let name = PathName::of(image);
        let picture = images::load(image, &self.arguments.limits())?;
        for remark in &picture.remarks {
            warn(format_args!("{}: {remark}", shown(&name.text)));
        }
        let half = match half {
            HalfName::Invariant => Half::Invariant,
            HalfName::Equivariant => Half::Equivariant,
            HalfName::Features => Half::Features,
        };
        let prediction = predictor.predict(&picture.view()).with_context(|| shown(&name.text))?;
        let nearest = Features::of(&prediction)
            .and_then(|features| self.index.nearest(&features, half, self.arguments.top as usize));
        let nearest = nearest.with_context(|| shown(&name.text))?;
        let found = |found: sextant_runtime::search::Match| {
            let path = self.arguments.folder.join(found.name);
            let picture = PathName::of(&path);
            Found { picture_bytes: picture.bytes.clone(), picture, similarity: found.similarity, path }
        };
        let matches = nearest.into_iter().map(found).collect();
        Ok(Query { image_bytes: name.bytes.clone(), image: name, matches })
    }
}

fn left_out(folder: &Path, picture: &Unreadable) -> LeftOut {
    let name = PathName::of(&folder.join(&picture.name));
    warn(format_args!("{}: {}: left out", shown(&name.text), picture.reason));
    LeftOut { picture_bytes: name.bytes.clone(), picture: name, reason: picture.reason.clone() }
}

/// The first image, and the picture most like it that is another file.
fn first_other<'a>(arguments: &'a Arguments, queries: &'a [Query]) -> Option<(&'a Path, &'a Path)> {
    let image = arguments.images.first()?;
    let same = image.canonicalize().ok()?;
    let is_other = |found: &&Found| found.path.canonicalize().is_ok_and(|path| path != same);
    let other = queries.first()?.matches.iter().find(is_other)?;
    Some((image, &other.path))
}

fn describe(query: &Query) -> String {
    let lines =
        query.matches.iter().map(|found| format!("  {:.4}  {}\n", found.similarity, shown(&found.picture.text)));
    lines.fold(format!("{}\n", shown(&query.image.text)), |text, line| text + &line)
}

/// What of the pictures is done, told every few seconds.
struct Progress {
    all: usize,
    done: Mutex<(usize, Instant)>,
}

impl Progress {
    const PAUSE: Duration = Duration::from_secs(2);

    fn of(all: usize) -> Self {
        Self { all, done: Mutex::new((0, Instant::now())) }
    }

    fn one_more(&self) {
        // A count survives a thread that panics.
        let mut done = self.done.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        done.0 += 1;
        if done.1.elapsed() > Self::PAUSE {
            done.1 = Instant::now();
            tell("index", format_args!("{} of {} pictures", done.0, self.all));
        }
    }
}
