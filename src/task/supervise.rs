//! Keeps a task in its frame: a panic or an error makes that task FAILED and nothing else, and a stop ends in time.

use std::any::Any;
use std::sync::Arc;

use longshore_api::{ConnectError, Result};
use tokio::sync::watch;
use tokio::task::JoinError;
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
        metrics,
    };
    let mut run = tokio::spawn(launch::run(spec, services, inner).in_current_span());
    let outcome = tokio::select! {
        outcome = &mut run => outcome,
        () = deadline(control, cancelled) => {
            warn!("Graceful stop of task {id} failed.");
            run.abort();
            if let Some(stuck) = activity.abandon() {
                // Aborting ends what waits, not what holds its thread.
                warn!("task {id} is given up in {stuck}; a new run of it reads these records again");
            }
            Ok(Ok(()))
        }
        () = watchdog::watch(&id, &activity, threshold) => Ok(Ok(())),
    };
    status.send_replace(last_status(&id, outcome));
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

fn last_status(id: &TaskId, outcome: Result<Result<()>, JoinError>) -> TaskStatus {
    let failure = match outcome {
        Ok(Ok(())) => {
            info!("task {id} stopped");
            return TaskStatus::of(State::Unassigned);
        }
        Ok(Err(failure)) => failure,
        Err(join) => panicked(join),
    };
    error!(
        "task {id} threw an uncaught and unrecoverable exception. Task is being killed and will not recover until \
         manually restarted: {failure}\n{}",
        failure.trace().trim_end()
    );
    TaskStatus::failed(&failure)
}

fn panicked(join: JoinError) -> ConnectError {
    let text = match join.try_into_panic() {
        Ok(panic) => panic_text(panic.as_ref()),
        Err(_cancelled) => "the task was cancelled".to_owned(),
    };
    ConnectError::fatal(format!("the task panicked, which is a bug in Longshore: {text}"))
}

fn panic_text(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "no message".to_owned())
}
