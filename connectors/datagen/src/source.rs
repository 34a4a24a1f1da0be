//! The connector and its task.

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use longshore_api::{
    ConfigDef, ConfigValue, ConnectError, Connector, Data, Header, OffsetReader, Props, Result, Schema,
    SourceConnector, SourceMap, SourceRecord, SourceTask, TaskContext, Type, Value,
};
use rand::rngs::SmallRng;
use rand::{Rng, RngCore, SeedableRng};
use tokio::time::Instant;

use crate::config::{self, KEYS, Settings, TASK_ID};
use crate::generator::Generator;

/// Header and member of the offset: how often the task has been started.
const GENERATION: &str = "task.generation";
/// Header and member of the offset: how many records the task has made.
const ITERATION: &str = "current.iteration";
/// Member of the offset: the seed of the record that comes next.
const SEED: &str = "random.seed";

/// The most records of one poll.
const BATCH: usize = 500;

/// How far the pace may fall behind before what was missed is given up, as after a pause.
const LAG: Duration = Duration::from_secs(1);

/// Makes records up.
#[derive(Debug, Clone, Copy, Default)]
#[doc(alias = "io.confluent.kafka.connect.datagen.DatagenConnector")]
pub struct Datagen;

#[async_trait]
impl Connector for Datagen {
    fn class(&self) -> &'static str {
        "io.confluent.kafka.connect.datagen.DatagenConnector"
    }

    fn task_class(&self) -> &'static str {
        "io.confluent.kafka.connect.datagen.DatagenTask"
    }

    fn version(&self) -> &'static str {
        crate::VERSION
    }

    fn config_def(&self) -> &ConfigDef {
        &KEYS
    }

    fn validate(&self, config: &Props, values: &mut Vec<ConfigValue>) {
        config::validate(config, values);
    }

    fn start(&self, config: &Props) -> Result<()> {
        Settings::new(config).map(|_| ())
    }

    fn task_configs(&self, config: &Props, max_tasks: usize) -> Result<Vec<Props>> {
        let task = |id: usize| {
            let mut config = config.clone();
            config.insert(TASK_ID.to_owned(), id.to_string());
            config
        };
        Ok((0..max_tasks).map(task).collect())
    }
}

impl SourceConnector for Datagen {
    fn new_task(&self) -> Box<dyn SourceTask> {
        Box::new(DatagenTask::default())
    }
}

/// A running [`Datagen`].
#[derive(Default)]
pub struct DatagenTask {
    running: Option<Running>,
}

struct Running {
    settings: Settings,
    maker: Maker,
    pace: Option<Pace>,
}

#[async_trait]
impl SourceTask for DatagenTask {
    async fn start(&mut self, context: TaskContext, offsets: Arc<dyn OffsetReader>, config: &Props) -> Result<()> {
        let settings = Settings::new(config)?;
        let id = config.get(TASK_ID).and_then(|id| id.parse().ok()).unwrap_or(i64::from(context.task));
        let partition = SourceMap::from_iter([(TASK_ID.to_owned(), Value::Int64(id))]);
        let place = match offsets.offset(&partition).await? {
            Some(offset) => Place::stored(&offset)?,
            None => Place::first(settings.seed, id),
        };
        let pace = (settings.max_interval > 0).then(|| Pace::new(settings.max_interval));
        let maker = Maker::new(&settings, id, partition, place)?;
        self.running = Some(Running { settings, maker, pace });
        Ok(())
    }

    /// Cancel-safe: it waits first and makes the records afterwards.
    async fn poll(&mut self) -> Result<Vec<SourceRecord>> {
        let Some(running) = &mut self.running else {
            return Err(ConnectError::fatal("the task has not been started"));
        };
        let left = running.settings.iterations.map(|most| most.saturating_sub(running.maker.place.iteration));
        if left == Some(0) {
            return Err(ConnectError::fatal(format!(
                "Stopping connector: generated the configured {} number of messages",
                running.maker.place.iteration
            )));
        }
        let most = left.map_or(BATCH, |left| usize::try_from(left).unwrap_or(BATCH).min(BATCH));
        let due = match &mut running.pace {
            Some(pace) => pace.wait(most).await,
            None => {
                // Nothing else in here waits; others have to get their turn too.
                tokio::task::yield_now().await;
                most
            }
        };
        let now = now();
        Ok((0..due).map(|_| running.maker.record(now)).collect())
    }

    async fn stop(&mut self) {
        self.running = None;
    }
}

/// Spaces records: before each a time at random up to a limit.
struct Pace {
    max_interval: u64,
    next: Instant,
    rng: SmallRng,
}

impl Pace {
    fn new(max_interval: u64) -> Self {
        let mut pace = Self { max_interval, next: Instant::now(), rng: SmallRng::from_os_rng() };
        pace.step();
        pace
    }

    /// Whole milliseconds below the limit, as in the connector of old: a limit of 1 is no limit.
    fn step(&mut self) {
        self.next += Duration::from_millis(self.rng.random_range(0..self.max_interval));
    }

    /// Waits until a record is due and says how many are, at most `most`.
    async fn wait(&mut self, most: usize) -> usize {
        tokio::time::sleep_until(self.next).await;
        let now = Instant::now();
        if now - self.next > LAG {
            self.next = now;
        }
        let mut due = 0;
        while due < most && self.next <= now {
            due += 1;
            self.step();
        }
        due
    }
}

/// Where a task stands in its series.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Place {
    generation: i64,
    iteration: u64,
    seed: i64,
}

impl Place {
    /// The beginning. Each task draws its own seed from the one that all of them are given.
    fn first(seed: Option<i64>, task: i64) -> Self {
        let drawn = |seed: i64| SmallRng::seed_from_u64(seed as u64).next_u64() as i64;
        let seed = match seed {
            Some(seed) => (0..task).fold(seed, |seed, _| drawn(seed)),
            None => rand::rng().random(),
        };
        Self { generation: 0, iteration: 0, seed }
    }

    fn stored(offset: &SourceMap) -> Result<Self> {
        let member = |name: &str| match offset.get(name) {
            Some(Value::Int64(number)) => Ok(*number),
            Some(Value::Int32(number)) => Ok(i64::from(*number)),
            _ => Err(ConnectError::fatal(format!("the stored offset holds no number {name:?}"))),
        };
        Ok(Self {
            generation: member(GENERATION)?,
            iteration: u64::try_from(member(ITERATION)?)
                .map_err(|_| ConnectError::fatal(format!("the stored offset's {ITERATION:?} is negative")))?,
            seed: member(SEED)?,
        })
    }
}

/// Makes one record after another.
struct Maker {
    generator: Generator,
    place: Place,
    task: i64,
    partition: Arc<SourceMap>,
    topic: Arc<str>,
    key_field: Option<usize>,
    key_schema: Arc<Schema>,
    header_names: [Arc<str>; 3],
    header_schema: Arc<Schema>,
}

impl Maker {
    fn new(settings: &Settings, task: i64, partition: SourceMap, place: Place) -> Result<Self> {
        let generator = Generator::new(&settings.description, place.iteration).map_err(ConnectError::config)?;
        let schema = generator.schema();
        let key_field = settings.key_field.as_deref().and_then(|field| schema.field_index(field));
        let key_schema = match key_field {
            Some(index) => Arc::clone(&schema.fields[index].schema),
            None => Arc::new(Schema::optional(Type::String)),
        };
        Ok(Self {
            generator,
            place,
            task,
            partition: Arc::new(partition),
            topic: Arc::clone(&settings.topic),
            key_field,
            key_schema,
            header_names: [GENERATION.into(), TASK_ID.into(), ITERATION.into()],
            header_schema: Arc::new(Schema::new(Type::Int64)),
        })
    }

    fn record(&mut self, now: i64) -> SourceRecord {
        let (value, seed) = self.generator.next(self.place.seed as u64, now);
        let key = match (&value, self.key_field) {
            (Value::Struct(value), Some(index)) => value.values.get(index).cloned().unwrap_or(Value::Null),
            _ => Value::Null,
        };
        let iteration = self.place.iteration as i64;
        let headers = [self.place.generation, self.task, iteration];
        self.place.iteration += 1;
        self.place.seed = seed as i64;
        SourceRecord {
            source_partition: Arc::clone(&self.partition),
            source_offset: self.offset(),
            topic: Arc::clone(&self.topic),
            partition: None,
            key: Data::new(Arc::clone(&self.key_schema), key),
            value: Data::new(Arc::clone(self.generator.schema()), value),
            timestamp: None,
            headers: self.header_names.iter().zip(headers).map(|(name, number)| self.header(name, number)).collect(),
        }
    }

    /// Where the next run goes on after the latest record.
    fn offset(&self) -> SourceMap {
        let mut offset = SourceMap::with_capacity(3);
        offset.insert(GENERATION.to_owned(), Value::Int64(self.place.generation + 1));
        offset.insert(ITERATION.to_owned(), Value::Int64(self.place.iteration as i64));
        offset.insert(SEED.to_owned(), Value::Int64(self.place.seed));
        offset
    }

    fn header(&self, name: &Arc<str>, number: i64) -> Header {
        let value = Data::new(Arc::clone(&self.header_schema), Value::Int64(number));
        Header { name: Arc::clone(name), value }
    }
}

fn now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| i64::try_from(time.as_millis()).unwrap_or(i64::MAX))
}
