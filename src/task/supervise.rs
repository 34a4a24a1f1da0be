//! Keeps a task in its frame: a panic or an error makes that task FAILED and nothing else, and a stop ends in time.
//!
//! A task runs on a thread of its own, as in Connect. A connector's call may hold its thread for as long as the other
//! system likes; on the worker's threads a few of those would keep the REST API and all other tasks waiting. What a
//! connector's client does beside the call goes on on the worker's threads.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread;

use longshore_api::{ConnectError, Result};
use tokio::runtime::Handle;
use tokio::sync::{oneshot, watch};
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;
use tracing::{Instrument, error, info, info_span, warn};

use super::watchdog::{self, Activity};
use super::{Control, State, TaskHandle, TaskId, TaskServices, TaskSpec, TaskStatus, launch};
use crate::metrics::TaskMetrics;

/// What a task's run is given besides its specification.
pub(super) struct Frame {
    /// What the worker says.
    pub(super) control: watch::Receiver<Control>,
    /// What the task says of itself.
    pub(super) status: watch::Sender<TaskStatus>,
    /// Fires when the task is told to stop.
    pub(super) cancelled: CancellationToken,
    /// What the task does right now.
    pub(super) activity: Arc<Activity>,
    /// Where the task counts.
    pub(super) metrics: Arc<TaskMetrics>,
}

/// Starts a task. Its status begins as UNASSIGNED and closes when the run is over: UNASSIGNED again after a stop,
/// FAILED with a trace after an error.
pub fn spawn(spec: TaskSpec, services: TaskServices) -> TaskHandle {
    let id = spec.id.clone();
    let (status, status_seen) = watch::channel(TaskStatus::of(State::Unassigned));
    let (control, control_seen) = watch::channel(Control::Target(spec.target));
    let span = info_span!("task", connector = %id.connector, task = id.task);
    let frame = Frame {
        control: control_seen,
        status,
        cancelled: CancellationToken::new(),
        activity: Arc::default(),
        metrics: services.metrics.start_task(&id),
    };
    tokio::spawn(supervise(id.clone(), frame, spec, services).instrument(span));
    TaskHandle { id, status: status_seen, control }
}

async fn supervise(id: TaskId, frame: Frame, spec: TaskSpec, services: TaskServices) {
    let threshold = services.worker.stuck_threshold;
    let Frame { control, status, cancelled, activity, metrics } = frame;
    let inner = Frame {
        control: control.clone(),
        status: status.clone(),
        cancelled: cancelled.clone(),
        activity: activity.clone(),
        metrics: metrics.clone(),
    };
    let given_up = CancellationToken::new();
    let mut run = on_own_thread(&id, launch::run(spec, services, inner).in_current_span(), given_up.clone());
    let outcome = tokio::select! {
        outcome = &mut run => outcome.unwrap_or_else(|_| Ok(Err(no_outcome()))),
        () = deadline(control, cancelled) => {
            warn!("Graceful stop of task {id} failed.");
            given_up.cancel();
            if let Some(stuck) = activity.abandon() {
                // That ends what waits, not what holds its thread.
                warn!("task {id} is given up in {stuck}; a new run of it reads these records again");
            }
            Ok(Ok(()))
        }
        () = watchdog::watch(&id, &activity, threshold) => Ok(Ok(())),
    };
    let last = last_status(&id, outcome);
    metrics.state(last.state);
    status.send_replace(last);
}

/// How a run ended: as it says itself, or with a panic.
type Outcome = thread::Result<Result<()>>;

/// Runs a task on a new thread until it ends or is given up.
fn on_own_thread(
    id: &TaskId,
    run: impl Future<Output = Result<()>> + Send + 'static,
    given_up: CancellationToken,
) -> oneshot::Receiver<Outcome> {
    let (ended, outcome) = oneshot::channel();
    let runtime = Handle::current();
    let body = move || {
        let run = given_up.run_until_cancelled_owned(run);
        let outcome = catch_unwind(AssertUnwindSafe(|| runtime.block_on(run)));
        // Nobody waits any more for one that was given up.
        ended.send(outcome.map(|outcome| outcome.unwrap_or(Ok(())))).ok();
    };
    // A connector's name may hold what a thread's may not.
    let name = format!("task-thread-{id}").replace('\0', " ");
    if let Err(error) = thread::Builder::new().name(name).spawn(body) {
        // The outcome's sender went with the thread's body.
        warn!("a thread for task {id} cannot be started: {error}");
    }
    outcome
}

fn no_outcome() -> ConnectError {
    ConnectError::retriable("the task's thread could not be started or has ended without a word")
}

/// Ends when a stop's time is over; tells the task of the stop as soon as it comes.
async fn deadline(mut control: watch::Receiver<Control>, cancelled: CancellationToken) {
    loop {
        let told = *control.borrow_and_update();
        if let Control::Stop { deadline } = told {
            cancelled.cancel();
            return sleep_until(deadline).await;
        }
        if control.changed().await.is_err() {
            // Nobody can say stop any more: the worker is going down.
            cancelled.cancel();
            return sleep_until(Instant::now()).await;
        }
    }
}

fn last_status(id: &TaskId, outcome: Outcome) -> TaskStatus {
    let failure = match outcome {
        Ok(Ok(())) => {
            info!("task {id} stopped");
            return TaskStatus::of(State::Unassigned);
        }
        Ok(Err(failure)) => failure,
        Err(panic) => panicked(panic.as_ref()),
    };
    error!(
        "task {id} threw an uncaught and unrecoverable exception. Task is being killed and will not recover until \
         manually restarted: {failure}\n{}",
        failure.trace().trim_end()
    );
    TaskStatus::failed(&failure)
}

fn panicked(panic: &(dyn Any + Send)) -> ConnectError {
    let text = panic_text(panic);
    ConnectError::fatal(format!("the task panicked, which is a bug in Longshore: {text}"))
}

fn panic_text(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "no message".to_owned())
}
