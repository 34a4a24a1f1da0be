//! A login that clients share, and the thread that keeps it.

use std::collections::BTreeMap;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, SystemTime};

use longshore_api::{ConnectError, Props, Result};

use super::native::Handle;
use super::schedule;
use super::settings::Settings;
use super::token::{Token, Trouble};

/// A login that may have clients, and the settings that it was made from.
type Known = (Vec<(String, String)>, Weak<Login>);

/// All logins.
static LOGINS: Mutex<Vec<Known>> = Mutex::new(Vec::new());

/// The login of a client with these settings.
pub(super) fn of(props: &Props) -> Result<Arc<Login>> {
    let mut key: Vec<_> = props.iter().filter(|(key, _)| key.starts_with("sasl.")).collect();
    key.sort();
    let key: Vec<_> = key.into_iter().map(|(key, value)| (key.clone(), value.clone())).collect();
    let mut logins = lock(&LOGINS);
    logins.retain(|(_, login)| login.strong_count() > 0);
    if let Some(login) = logins.iter().filter(|(known, _)| *known == key).find_map(|(_, login)| login.upgrade()) {
        return Ok(login);
    }
    let login = Login::start(Settings::parse(props)?)?;
    logins.push((key, Arc::downgrade(&login)));
    Ok(login)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn now() -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

/// The login; its thread ends when it is dropped.
pub(super) struct Login(Arc<Shared>);

struct Shared {
    settings: Settings,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    clients: BTreeMap<u64, Handle>,
    next_client: u64,
    token: Option<Token>,
    trouble: Option<Trouble>,
    closed: bool,
}

impl Drop for Login {
    fn drop(&mut self) {
        lock(&self.0.state).closed = true;
        self.0.changed.notify_all();
    }
}

impl Login {
    fn start(settings: Settings) -> Result<Arc<Self>> {
        let shared = Arc::new(Shared { settings, state: Mutex::default(), changed: Condvar::new() });
        let keeping = Arc::clone(&shared);
        std::thread::Builder::new()
            .name("kafka-login".to_owned())
            .spawn(move || keeping.keep())
            .map_err(|error| ConnectError::retriable(format!("a thread to log in cannot be started: {error}")))?;
        Ok(Arc::new(Self(shared)))
    }

    /// Keeps a client logged in until the session ends.
    pub(super) fn attach(self: Arc<Self>, client: Handle) -> Session {
        let mut state = lock(&self.0.state);
        if let Some(token) = &state.token {
            self.0.hand(&client, token);
        }
        let id = state.next_client;
        state.next_client += 1;
        state.clients.insert(id, client);
        drop(state);
        Session { login: self, id }
    }
}

/// A client's part in a login. It must be dropped before its client.
pub(in crate::kafka) struct Session {
    login: Arc<Login>,
    id: u64,
}

impl Session {
    /// Why there is no token, if there is none.
    pub(in crate::kafka) fn trouble(&self) -> Option<String> {
        let state = lock(&self.login.0.state);
        state.trouble.as_ref().filter(|_| !holds(&state)).map(|trouble| trouble.text().to_owned())
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        lock(&self.login.0.state).clients.remove(&self.id);
    }
}

fn holds(state: &State) -> bool {
    state.token.as_ref().is_some_and(|token| token.expires > now())
}

impl Shared {
    /// Fetches a token, and another one before it ends, until nobody wants one.
    fn keep(&self) {
        let (mut next, mut failures) = (now(), 0);
        while self.wait_until(next) {
            let fetched = self.settings.source.fetch(now());
            let refresh = &self.settings.refresh;
            match fetched {
                Ok(token) => {
                    failures = 0;
                    next = schedule::renewal(now(), &token, refresh, rand::random());
                    self.renew(token);
                }
                Err(trouble) => {
                    failures += 1;
                    next = now().saturating_add(schedule::pause(failures, refresh));
                    self.fail(trouble, failures);
                }
            }
        }
    }

    /// False at the end.
    fn wait_until(&self, time: i64) -> bool {
        let mut state = lock(&self.state);
        loop {
            if state.closed {
                return false;
            }
            let Some(rest) = u64::try_from(time.saturating_sub(now())).ok().filter(|rest| *rest > 0) else {
                return true;
            };
            let waited = self.changed.wait_timeout(state, Duration::from_millis(rest));
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn renew(&self, token: Token) {
        let mut state = lock(&self.state);
        for client in state.clients.values() {
            self.hand(client, &token);
        }
        if state.trouble.take().is_some() {
            tracing::info!("Kafka clients can log in again: there is a token");
        }
        let lasts = token.expires.saturating_sub(now()) / 1000;
        tracing::debug!(principal = token.principal, lasts_s = lasts, "a token to log in with");
        state.token = Some(token);
    }

    fn hand(&self, client: &Handle, token: &Token) {
        if let Err(why) = client.set(token, &self.settings.extensions, now()) {
            client.refuse(&why);
        }
    }

    /// While a token holds nobody needs another one. Without, clients wait where it may come, and are told where not.
    fn fail(&self, trouble: Trouble, failures: u32) {
        let mut state = lock(&self.state);
        let why = trouble.text();
        if failures == 1 {
            let holds = holds(&state);
            tracing::warn!(holds, "no token for Kafka clients to log in with, trying on: {why}");
        }
        if let Trouble::Refused(why) = &trouble
            && !holds(&state)
        {
            // The native client reports a failure that it knows already only once.
            let why = format!("{why}, asked {failures} times");
            state.clients.values().for_each(|client| client.refuse(&why));
        }
        state.trouble = Some(trouble);
    }
}
