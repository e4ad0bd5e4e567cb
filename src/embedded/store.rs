//! The file, the one thread that writes it, and reading beside it.
//!
//! What has gathered while a transaction was being written is the next one: a slow disk makes
//! larger transactions, not a slower store. A transaction that fails fails for all that is in it,
//! and nothing of it is there. After a fault of the disk the file is opened anew until that works.

use std::{
    cell::RefCell,
    collections::{BTreeSet, HashMap},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock},
    time::Duration,
};

use redb::{
    Builder, Database, DatabaseError, Durability, ReadTransaction, ReadableDatabase, StorageError,
    WriteTransaction, backends::InMemoryBackend,
};
use tokio::sync::{Notify, mpsc, oneshot};

use super::tables::{self, Place, existing};
use crate::{
    domain::time::Timestamp,
    ports::{Clock, PortError},
};

/// The file in the directory.
pub(super) const FILE: &str = "earmark.redb";
/// Requests that one transaction takes at most.
const AT_ONCE: usize = 1_024;
/// Requests that wait for the next transaction at most; whoever has another one waits with it.
const WAITING_MAX: usize = 4_096;
/// How long a file that could not be opened anew is left alone.
const REOPEN_EVERY: Duration = Duration::from_millis(500);

/// Why something was not done.
#[derive(Clone, Debug)]
pub(super) struct Fault {
    /// There is no room on the disk.
    pub full: bool,
    /// In words.
    pub why: String,
}

impl Fault {
    fn of(error: &redb::Error) -> Fault {
        use std::io::ErrorKind::{FileTooLarge, QuotaExceeded, StorageFull};
        let no_room = [StorageFull, QuotaExceeded, FileTooLarge];
        let full = matches!(error, redb::Error::Io(io) if no_room.contains(&io.kind()));
        Fault { full, why: error.to_string() }
    }

    /// The fault of a port that was doing this.
    pub fn doing(self, doing: &str) -> PortError {
        PortError::new(doing, self.why)
    }
}

/// One request: writes, and then hears what became of it.
struct Job {
    durable: bool,
    write: Write,
    failed: Failed,
}

type Write = Box<dyn FnOnce(&Writing) -> Result<Done, redb::Error> + Send>;
type Done = Box<dyn FnOnce() + Send>;
type Failed = Box<dyn FnOnce(Fault) + Send>;

/// A transaction as whoever writes in it sees it.
pub(super) struct Writing<'a> {
    pub txn: &'a WriteTransaction,
    /// The time of its messages.
    pub at: Timestamp,
    news: RefCell<BTreeSet<Topic>>,
}

/// A log and a place in it, of which readers wait for news.
pub(super) type Topic = (&'static str, Place);

impl Writing<'_> {
    /// There will be something to read at a place, once this is committed.
    pub fn tell(&self, topic: Topic) {
        self.news.borrow_mut().insert(topic);
    }
}

/// The times that a reader may rely on.
#[derive(Default)]
struct Times {
    /// The latest time that anybody was told or any message got.
    last: Timestamp,
    /// The time of the messages that are being written.
    writing: Option<Timestamp>,
}

/// The store.
pub(super) struct Store {
    /// None: it is in memory, and gone with this.
    path: Option<PathBuf>,
    database: RwLock<Option<Database>>,
    jobs: mpsc::Sender<Job>,
    times: Mutex<Times>,
    readers: Mutex<HashMap<Topic, Arc<Notify>>>,
    clock: Arc<dyn Clock>,
    /// When the store was made.
    pub created: Timestamp,
}

impl Store {
    pub fn open(dir: &Path, clock: Arc<dyn Clock>) -> Result<Arc<Store>, PortError> {
        let path = dir.join(FILE);
        let error = |why: String| PortError::new(format!("open the store {}", path.display()), why);
        std::fs::create_dir_all(dir).map_err(|e| error(e.to_string()))?;
        let database = open(&path).map_err(error)?;
        Store::on(database, Some(path), clock)
    }

    /// A store without a file.
    pub fn in_memory(clock: Arc<dyn Clock>) -> Result<Arc<Store>, PortError> {
        let database = Builder::new().create_with_backend(InMemoryBackend::new());
        let error = |e| PortError::new("make a store in memory", e);
        Store::on(database.map_err(error)?, None, clock)
    }

    fn on(
        database: Database,
        path: Option<PathBuf>,
        clock: Arc<dyn Clock>,
    ) -> Result<Arc<Store>, PortError> {
        let error = |e| PortError::new("read when the store was made", e);
        let created = created(&database, clock.now()).map_err(error)?;
        let (jobs, queue) = mpsc::channel(WAITING_MAX);
        let store = Arc::new(Store {
            database: RwLock::new(Some(database)),
            jobs,
            times: Mutex::default(),
            readers: Mutex::default(),
            clock,
            created,
            path,
        });
        let writer = Arc::downgrade(&store);
        let thread = std::thread::Builder::new().name("earmark-store".to_owned());
        let spawned = thread.spawn(move || {
            let mut queue = queue;
            while let Some(first) = queue.blocking_recv() {
                let Some(store) = writer.upgrade() else { return };
                let mut jobs = vec![first];
                while jobs.len() < AT_ONCE
                    && let Ok(job) = queue.try_recv()
                {
                    jobs.push(job);
                }
                store.commit(jobs);
            }
        });
        spawned.map_err(|e| PortError::new("start the store's thread", e))?;
        Ok(store)
    }

    /// Writes in a transaction of its own or together with others; where `durable`, it is on disk
    /// when this returns.
    pub async fn write<T: Send + 'static>(
        &self,
        durable: bool,
        write: impl FnOnce(&Writing) -> Result<T, redb::Error> + Send + 'static,
    ) -> Result<T, Fault> {
        let (tell, told) = oneshot::channel();
        let tell = Arc::new(Mutex::new(Some(tell)));
        let answer = |tell: &Mutex<Option<oneshot::Sender<_>>>, result: Result<T, Fault>| {
            if let Some(tell) = lock(tell).take() {
                // Whoever asked may have gone.
                let _ = tell.send(result);
            }
        };
        let failed = tell.clone();
        let job = Job {
            durable,
            write: Box::new(move |writing| {
                let value = write(writing)?;
                Ok(Box::new(move || answer(&tell, Ok(value))) as Done)
            }),
            failed: Box::new(move |fault| answer(&failed, Err(fault))),
        };
        let gone = || Fault { full: false, why: "the store is closed".to_owned() };
        self.jobs.send(job).await.map_err(|_| gone())?;
        told.await.unwrap_or_else(|_| Err(gone()))
    }

    /// Reads what is committed, all at one moment.
    pub async fn read<T: Send + 'static>(
        self: &Arc<Self>,
        read: impl FnOnce(&ReadTransaction) -> Result<T, redb::Error> + Send + 'static,
    ) -> Result<T, Fault> {
        let store = self.clone();
        let reading = tokio::task::spawn_blocking(move || {
            let database = store.database.read().unwrap_or_else(PoisonError::into_inner);
            let database = database.as_ref().ok_or_else(|| Fault {
                full: false,
                why: "the file is being opened anew".to_owned(),
            })?;
            let txn = database.begin_read().map_err(|error| Fault::of(&error.into()))?;
            read(&txn).map_err(|error| Fault::of(&error))
        });
        reading.await.unwrap_or_else(|error| Err(Fault { full: false, why: error.to_string() }))
    }

    /// A time up to which everything that got it is committed, if it is asked for before reading.
    pub fn settled_time(&self) -> Timestamp {
        let mut times = lock(&self.times);
        let settled = times.writing.unwrap_or_else(|| self.clock.now().max(times.last));
        times.last = times.last.max(settled);
        settled
    }

    /// Wakes whoever reads at a place when there is something new.
    pub fn news(&self, topic: Topic) -> Arc<Notify> {
        lock(&self.readers).entry(topic).or_default().clone()
    }

    /// How large the file is, in bytes.
    pub fn file_bytes(&self) -> u64 {
        self.path.as_ref().and_then(|path| std::fs::metadata(path).ok()).map_or(0, |of| of.len())
    }

    fn commit(&self, jobs: Vec<Job>) {
        let at = self.begin();
        let mut failures = Vec::with_capacity(jobs.len());
        let written = self.write_all(jobs, at, &mut failures);
        lock(&self.times).writing = None;
        match written {
            Ok((done, news)) => {
                done.into_iter().for_each(|done| done());
                let readers = lock(&self.readers);
                news.iter()
                    .filter_map(|topic| readers.get(topic))
                    .for_each(|of| of.notify_waiters());
            }
            Err(error) => {
                let fault = Fault::of(&error);
                tracing::error!(why = fault.why, "a transaction of the store failed");
                failures.into_iter().for_each(|failed| failed(fault.clone()));
                if is_of_the_disk(&error) {
                    self.reopen();
                }
            }
        }
    }

    /// The time of the messages of a transaction: never before one that anybody knows.
    fn begin(&self) -> Timestamp {
        let mut times = lock(&self.times);
        let at = self.clock.now().max(times.last);
        times.last = at;
        times.writing = Some(at);
        at
    }

    fn write_all(
        &self,
        jobs: Vec<Job>,
        at: Timestamp,
        failures: &mut Vec<Failed>,
    ) -> Result<(Vec<Done>, BTreeSet<Topic>), redb::Error> {
        let durable = jobs.iter().any(|job| job.durable);
        let (writes, failed): (Vec<_>, Vec<_>) =
            jobs.into_iter().map(|job| (job.write, job.failed)).unzip();
        *failures = failed;
        let database = self.database.read().unwrap_or_else(PoisonError::into_inner);
        let database = database.as_ref().ok_or(redb::Error::DatabaseClosed)?;
        let mut txn = database.begin_write()?;
        if !durable {
            txn.set_durability(Durability::None)?;
        }
        let writing = Writing { txn: &txn, at, news: RefCell::default() };
        let done = writes.into_iter().map(|write| write(&writing)).collect::<Result<_, _>>()?;
        let news = writing.news.into_inner();
        txn.commit()?;
        Ok((done, news))
    }

    /// A file that failed once fails for ever, until it is opened anew.
    fn reopen(&self) {
        let Some(path) = &self.path else { return };
        let mut database = self.database.write().unwrap_or_else(PoisonError::into_inner);
        *database = None;
        match open(path) {
            Ok(opened) => *database = Some(opened),
            Err(why) => {
                tracing::error!(why, "the store cannot be opened");
                drop(database);
                std::thread::sleep(REOPEN_EVERY);
            }
        }
    }
}

fn is_of_the_disk(error: &redb::Error) -> bool {
    use redb::Error::{Corrupted, DatabaseClosed, Io, PreviousIo};
    matches!(error, Io(_) | PreviousIo | DatabaseClosed | Corrupted(_))
}

fn open(path: &Path) -> Result<Database, String> {
    Builder::new().set_check_integrity_on_open(true).create(path).map_err(|error| match error {
        DatabaseError::DatabaseAlreadyOpen => {
            "another process has it open; a directory serves one process".to_owned()
        }
        DatabaseError::Storage(StorageError::Corrupted(why)) => {
            format!("the file is damaged ({why}); put a backup in its place")
        }
        error => error.to_string(),
    })
}

/// Whether a process has the file of a directory open.
pub(super) fn is_open(dir: &Path) -> bool {
    let file = dir.join(FILE);
    file.exists() && matches!(Builder::new().open(&file), Err(DatabaseError::DatabaseAlreadyOpen))
}

fn created(database: &Database, now: Timestamp) -> Result<Timestamp, redb::Error> {
    let known =
        database.begin_read().map_err(redb::Error::from).and_then(|txn| {
            match existing(txn.open_table(tables::NUMBERS))? {
                Some(_) => tables::number(&txn, "created"),
                None => Ok(None),
            }
        })?;
    if let Some(known) = known {
        return Ok(Timestamp(known.cast_signed()));
    }
    let txn = database.begin_write()?;
    txn.open_table(tables::NUMBERS)?.insert("created", now.0.cast_unsigned())?;
    txn.commit()?;
    Ok(now)
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
