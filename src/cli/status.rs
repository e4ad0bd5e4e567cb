//! `earmark status`: which pods there are and what they have, how far each partition has come, and
//! how far it is behind.

use clap::Args;
use futures::{StreamExt, TryStreamExt, stream};
use serde::Serialize;

use super::{Context, pausing, print, promotion, safe_mode};
use crate::{
    cluster::{self, Lease, Member, Phase, View, look},
    contract::time,
    control::{Orders, Outlook},
    domain::time::{Span, Timestamp},
    error::{Exit, Failure},
    nats::{NatsDepths, NatsInput, NatsJournal, NatsLeases},
    partition::{record::decode_header, verdict::lost_tail},
    ports::{Input, Journal, Partition, PortError, Position, Snapshots, Source},
    redis::RedisSnapshots,
    supervisor::{Depths, StreamUsage, Unread},
};

/// Questions that are asked at a time.
const AT_A_TIME: usize = 8;

/// Show the pods, each partition's owner, position and lag, why it waits if it does, and how full
/// the streams are.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  earmark status
  earmark status --json | jq .unread")]
pub struct Status {}

#[derive(Serialize)]
struct Standing {
    partition: Partition,
    /// The journal's sequence of its last record; none before `earmark setup`.
    position: Option<u64>,
    owner: String,
    decided_at: String,
    /// Why nobody may serve it, as far as the stores tell.
    #[serde(skip_serializing_if = "Option::is_none")]
    refused: Option<String>,
    /// What its lease says.
    lease: Option<Lease>,
    /// Why it is not being served.
    waits: Option<String>,
    unread: u64,
    oldest_unread_s: Option<f64>,
    sources: Vec<SourceStanding>,
}

#[derive(Serialize)]
struct SourceStanding {
    source: &'static str,
    cursor: u64,
    unread: u64,
    oldest_unread_s: Option<f64>,
}

#[derive(Serialize)]
struct Told {
    unread: u64,
    oldest_unread_s: Option<f64>,
    /// What operators have ordered.
    #[serde(flatten)]
    orders: Orders,
    /// Promotions that they have announced.
    promotions: Vec<Outlook>,
    members: Vec<Member>,
    partitions: Vec<Standing>,
    streams: Vec<StreamUsage>,
}

impl Status {
    pub(super) async fn run(self, context: &Context) -> Result<Exit, Failure> {
        let settings = &context.settings;
        let nats = context.connect("status").await?;
        let page = settings.engine.journal_page_bytes;
        let journal = NatsJournal::new(nats.clone(), settings.reader.clone(), page);
        let input = NatsInput::new(nats.clone(), settings.reader.clone());
        let leases = NatsLeases::new(nats.clone());
        let depths = NatsDepths::new(nats);
        let snapshots = RedisSnapshots::new(settings.redis.clone())?;
        let now = input.server_time().await.map_err(not_set_up)?;
        let view = look(&leases, settings.streams.partitions).await.map_err(not_set_up)?;
        let standings = stream::iter(0..settings.streams.partitions)
            .map(|partition| standing(partition, &journal, &snapshots, &depths, now))
            .buffered(AT_A_TIME);
        let mut partitions: Vec<Standing> = standings.try_collect().await.map_err(not_set_up)?;
        partitions.iter_mut().for_each(|of| of.add(&view));
        let streams = depths.usage().await.map_err(not_set_up)?;
        let told = Told {
            unread: partitions.iter().map(|standing| standing.unread).sum(),
            oldest_unread_s: oldest(partitions.iter().map(|standing| standing.oldest_unread_s)),
            orders: view.orders(now),
            promotions: promotions(&view, settings.promotions.lead, now),
            members: view.members().cloned().collect(),
            partitions,
            streams,
        };
        match context.json {
            true => print::json(&told),
            false => told.tell(),
        }
        Ok(Exit::Done)
    }
}

fn promotions(view: &View, lead: Span, now: Timestamp) -> Vec<Outlook> {
    let standing = view.promotions().map(|(promotion, _)| promotion);
    let standing = standing.filter(|promotion| promotion.counts(now));
    standing.map(|promotion| promotion.outlook(view.partitions(), lead, now)).collect()
}

fn not_set_up(error: PortError) -> Failure {
    Failure::new(Exit::Failed, error).advise("`earmark check` says what is missing")
}

fn oldest(ages: impl Iterator<Item = Option<f64>>) -> Option<f64> {
    ages.flatten().reduce(f64::max)
}

async fn standing(
    partition: Partition,
    journal: &NatsJournal,
    snapshots: &RedisSnapshots,
    depths: &NatsDepths,
    now: Timestamp,
) -> Result<Standing, PortError> {
    // What is known of the journal's end is read before the end itself: its owner appends.
    let known = known(partition, snapshots).await;
    let last = journal.last(partition).await?;
    let read = last.as_ref().and_then(|last| Some((last, decode_header(&last.record).ok()?.0)));
    let mut sources = Vec::new();
    for source in Source::ALL {
        let cursor = read.as_ref().map_or(0, |(_, h)| h.cursors[source.index()].sequence);
        let Unread { messages, oldest } = depths.unread(partition, source, cursor).await?;
        let age = oldest.map(|oldest| ((now - oldest).0 as f64 / 1e6).max(0.0));
        let source = source.as_str();
        sources.push(SourceStanding { source, cursor, unread: messages, oldest_unread_s: age });
    }
    let refused = match &read {
        Some((last, header)) => {
            let (incarnation, sequence) = (header.incarnation, last.sequence);
            lost_tail(known, Position { incarnation, sequence })
        }
        None => Some("it has no first record: run `earmark setup`".to_owned()),
    };
    let header = read.as_ref().map(|(_, header)| header);
    Ok(Standing {
        partition,
        position: last.as_ref().map(|last| last.sequence),
        owner: header.map_or_else(|| "-".to_owned(), |header| header.owner.clone()),
        decided_at: header.map_or_else(String::new, |header| time::format(header.decided_at)),
        refused,
        lease: None,
        waits: None,
        unread: sources.iter().map(|source| source.unread).sum(),
        oldest_unread_s: oldest(sources.iter().map(|source| source.oldest_unread_s)),
        sources,
    })
}

/// What Redis knows of a partition's journal; nothing while it is away.
async fn known(partition: Partition, snapshots: &RedisSnapshots) -> Vec<Position> {
    let committed = snapshots.committed(partition).await.ok().flatten();
    let snapshot = snapshots.state(partition).await.ok().flatten();
    committed.into_iter().chain(snapshot.map(|(position, _)| position)).collect()
}

impl Standing {
    /// What the cluster says of it.
    fn add(&mut self, view: &View) {
        self.lease = view.lease(self.partition).map(|noted| noted.value.clone());
        let pods = view.members().count();
        self.waits = match &self.lease {
            // Without members, pods serve all partitions on their own account.
            None if pods == 0 => None,
            None => Some("nobody has it: its lease has lapsed, or was never taken".to_owned()),
            Some(lease) => lease.why.clone().or_else(|| match lease.phase {
                Phase::Serving => None,
                Phase::Recovering => Some(format!("{} brings it back", lease.pod)),
                Phase::Waiting => Some(format!("{} has it and does not serve it", lease.pod)),
                Phase::Leaving => Some(format!("{} is handing it over", lease.pod)),
                Phase::Free => Some(format!("{} has handed it over", lease.pod)),
            }),
        };
        if let Some(lease) = self.lease.as_ref().filter(|lease| lease.phase != Phase::Free) {
            self.owner.clone_from(&lease.pod);
        }
    }
}

fn age(seconds: Option<f64>) -> String {
    seconds.map_or_else(|| "-".to_owned(), |s| print::span(Span((s * 1e6) as i64)))
}

impl Told {
    fn tell_members(&self) {
        if self.members.is_empty() {
            return print::line("no pod is a member: none runs, or cluster.ownership is \"all\"\n");
        }
        let mut table =
            print::table(&["pod", "version", "reads", "stands", "own level", "since", "has"]);
        for member in &self.members {
            let leases = self.partitions.iter().filter_map(|of| of.lease.as_ref());
            let has = leases.filter(|lease| lease.session == member.session);
            let standing = match (member.standing, &member.why) {
                (cluster::Standing::Serving, _) => "takes part".to_owned(),
                (cluster::Standing::Leaving, _) => "leaves".to_owned(),
                (cluster::Standing::Waiting, why) => why.clone().unwrap_or_default(),
            };
            table.add_row([
                member.pod.clone(),
                member.version.clone(),
                format!("records up to {}", member.reads),
                standing,
                member.level.number().to_string(),
                member.since.clone(),
                has.filter(|lease| lease.phase != Phase::Free).count().to_string(),
            ]);
        }
        print::line(table);
        print::line(safe_mode::ordered(self.orders.ordered.as_ref()));
        self.orders.pauses.iter().for_each(|pause| print::line(pausing::paused(pause)));
        self.promotions.iter().for_each(|one| print::line(promotion::told(one)));
    }

    fn tell(&self) {
        self.tell_members();
        let mut headings = vec![
            "partition",
            "owner",
            "mode",
            "epoch",
            "position",
            "snapshot",
            "last decision",
            "unread",
            "oldest",
        ];
        headings.extend(Source::ALL.map(Source::as_str));
        let mut table = print::table(&headings);
        for of in &self.partitions {
            let mut row = vec![
                of.partition.to_string(),
                of.owner.clone(),
                of.lease.as_ref().map_or("-", |lease| lease.phase.as_str()).to_owned(),
                of.lease.as_ref().map_or_else(|| "-".to_owned(), |lease| lease.epoch.to_string()),
                of.position.map_or_else(|| "none".to_owned(), |at| at.to_string()),
                of.lease.as_ref().map_or_else(|| "-".to_owned(), |at| at.snapshot.to_string()),
                of.decided_at.clone(),
                of.unread.to_string(),
                age(of.oldest_unread_s),
            ];
            row.extend(of.sources.iter().map(|source| source.unread.to_string()));
            table.add_row(row);
        }
        print::line(table);
        for of in &self.partitions {
            if let Some(why) = &of.refused {
                print::line(format!("partition {} cannot be served: {why}", of.partition));
            } else if let Some(why) = &of.waits {
                print::line(format!("partition {} is not served: {why}", of.partition));
            }
        }
        let (unread, oldest) = (self.unread, age(self.oldest_unread_s));
        print::line(format!("{unread} unread in all, the oldest {oldest}\n"));
        let mut table = print::table(&["stream", "messages", "size", "at most", "full"]);
        for usage in &self.streams {
            table.add_row([
                usage.stream.to_owned(),
                usage.messages.to_string(),
                print::bytes(usage.bytes),
                usage.bytes_max.map_or_else(|| "-".to_owned(), print::bytes),
                usage.fullness().map_or_else(|| "-".to_owned(), |f| format!("{:.1}%", f * 100.0)),
            ]);
        }
        print::line(table);
    }
}
