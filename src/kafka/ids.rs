//! Where the ids of schemas come from: the lock file, or a registry. A cluster has one source, decided
//! when its topics were made; a process that was told another one does not start.

use std::sync::Arc;

use anyhow::{Context, anyhow, bail};
use edge::{Clock, SystemClock};
use schemas::AnyRecord;
use schemas::control::CLUSTER;
use schemas::record::control::ClusterPinned;
use stream_kafka::{KafkaAppender, KafkaOptions, KafkaTable, Registry, SchemaIds, SchemaState};
use stream_log::{Append, Key, LogTime, Record, Topic};

use crate::config::{Kafka, SchemaSource};

const TABLES: &[&str] = &[CLUSTER];
const PIN: &str = "schema_ids";

/// One version of one subject, as it is in a registry.
pub(crate) struct Checked {
    pub(crate) subject: String,
    pub(crate) version: u32,
    pub(crate) own_id: u32,
    pub(crate) state: SchemaState,
}

pub(crate) fn registry(kafka: &Kafka) -> anyhow::Result<Option<Registry>> {
    let url = kafka.registry_url.as_deref();
    Ok(url.map(Registry::open).transpose()?)
}

/// Every version of every subject, oldest first; nothing is changed.
pub(crate) fn check(registry: &Registry) -> anyhow::Result<Vec<Checked>> {
    let versions = schemas::check::versions()?.into_iter();
    let checked = versions.map(|one| {
        Ok(Checked {
            state: registry.state(&one.subject, one.text)?,
            subject: one.subject,
            version: one.version,
            own_id: one.id,
        })
    });
    checked.collect()
}

/// Registers what is missing, and what there is afterwards.
pub(crate) fn register(registry: &Registry) -> anyhow::Result<Vec<Checked>> {
    registry.require_compatibility()?;
    let versions = schemas::check::versions()?.into_iter();
    let registered = versions.map(|one| {
        Ok(Checked {
            state: SchemaState::Known(registry.register(&one.subject, one.text)?),
            subject: one.subject,
            version: one.version,
            own_id: one.id,
        })
    });
    registered.collect()
}

/// The ids that values carry on this cluster. Refuses a schema that the registry would refuse.
pub(crate) fn of(kafka: &Kafka) -> anyhow::Result<SchemaIds> {
    let Some(registry) = registry(kafka)? else {
        return Ok(SchemaIds::default());
    };
    let from_registry = kafka.schema_ids == SchemaSource::Registry;
    let mut pairs = Vec::new();
    for one in check(&registry).context("cannot check the schemas against the registry")? {
        match one.state {
            SchemaState::Known(id) => pairs.push((one.own_id, id)),
            SchemaState::Incompatible(why) => bail!(
                "the registry has versions of {} that version {} may not follow: {why}",
                one.subject,
                one.version
            ),
            SchemaState::New if from_registry => bail!(
                "the registry does not have version {} of {}: `sudor schemas register` first",
                one.version,
                one.subject
            ),
            SchemaState::New => {
                tracing::warn!(
                    subject = one.subject,
                    "not in the registry yet; `sudor schemas register` adds it"
                );
            }
        }
    }
    if !from_registry {
        return Ok(SchemaIds::default());
    }
    pairs.sort_unstable();
    pairs.dedup();
    if let Some(two) = pairs
        .windows(2)
        .find(|two| matches!(two, [a, b] if a.0 == b.0))
    {
        bail!("the registry gave one schema several ids ({two:?}); values carry one");
    }
    Ok(SchemaIds::new(pairs))
}

fn word(source: SchemaSource) -> &'static str {
    match source {
        SchemaSource::Lock => "lock",
        SchemaSource::Registry => "registry",
    }
}

/// What was decided, if it was.
fn pinned(options: &KafkaOptions) -> anyhow::Result<Option<String>> {
    let mut table = KafkaTable::open(options, TABLES)?;
    let rows = table
        .read_all()
        .with_context(|| {
            format!(
                "cannot read what was decided for the cluster: is {} up, and has `sudor topics create` made its topics?",
                options.brokers
            )
        })?;
    let mut found = None;
    for row in rows.iter().filter(|row| row.key == PIN) {
        let record = row.value.as_deref().map(schemas::decode::<ClusterPinned>);
        found = record.transpose()?.map(|pin| pin.value);
    }
    Ok(found)
}

fn differs(found: &str, wanted: SchemaSource) -> anyhow::Error {
    anyhow!(
        "log.schema_ids is \"{}\" and the cluster's topics were made with \"{found}\": values of both would be mixed; set it to \"{found}\", or make topics with another log.topic_prefix",
        word(wanted)
    )
}

/// Refuses a mix.
pub(crate) fn require(options: &KafkaOptions, wanted: SchemaSource) -> anyhow::Result<()> {
    match pinned(options)? {
        Some(found) if found != word(wanted) => Err(differs(&found, wanted)),
        Some(_) => Ok(()),
        None if wanted == SchemaSource::Lock => Ok(()),
        None => Err(differs(word(SchemaSource::Lock), wanted)),
    }
}

/// Decides, where nobody has.
pub(crate) fn pin(options: &KafkaOptions, wanted: SchemaSource, new: bool) -> anyhow::Result<()> {
    if !new {
        return require(options, wanted);
    }
    if let Some(found) = pinned(options)? {
        if found != word(wanted) {
            return Err(differs(&found, wanted));
        }
        return Ok(());
    }
    let record = ClusterPinned {
        name: PIN.to_owned(),
        value: word(wanted).to_owned(),
    };
    let row = Record {
        topic: Topic(CLUSTER),
        key: Key::new(PIN),
        received_at: LogTime(SystemClock.now().0),
        headers: Vec::new(),
        value: AnyRecord::from(record).encode(),
    };
    let appender = KafkaAppender::open(options)?;
    appender.append(vec![row]).map(drop)?;
    Ok(())
}

/// As `Side::open` needs it.
pub(super) fn apply(options: &mut KafkaOptions, kafka: &Kafka) -> anyhow::Result<()> {
    // With the ids of the lock file: the decision itself is always written with those.
    require(options, kafka.schema_ids)?;
    options.ids = Arc::new(of(kafka)?);
    Ok(())
}
