//! The native client's side of a login.

#![allow(unsafe_code)]

use std::ffi::{CString, c_char};
use std::ptr::NonNull;
use std::time::Duration;

use rdkafka::bindings as native;
use rdkafka::client::{Client, ClientContext};
use rdkafka::types::{RDKafka, RDKafkaRespErr};

use super::token::Token;

/// The native client asks for another token when most of this time is over, in a queue that not every client has
/// read. The login's own thread replaces tokens, so this never comes.
const NEVER: Duration = Duration::from_secs(100 * 365 * 86_400);

/// A native client that logs in. It must be dropped before its client.
pub(super) struct Handle(NonNull<RDKafka>);

// SAFETY: librdkafka's clients may be used from any thread at the same time.
unsafe impl Send for Handle {}

impl Handle {
    pub(super) fn of<C: ClientContext>(client: &Client<C>) -> Self {
        // SAFETY: a client that exists has a native one.
        Self(unsafe { NonNull::new_unchecked(client.native_ptr()) })
    }

    /// Gives the client a token, with which it logs in from now on.
    ///
    /// # Errors
    /// Why the client does not take it.
    pub(super) fn set(&self, token: &Token, extensions: &[(String, String)], now: i64) -> Result<(), String> {
        let text = |text: &str| CString::new(text).map_err(|_| "it holds a zero byte".to_owned());
        let (value, principal) = (text(&token.value)?, text(&token.principal)?);
        let pairs = extensions.iter().flat_map(|(name, value)| [name, value]);
        let pairs = pairs.map(|part| text(part)).collect::<Result<Vec<_>, _>>()?;
        let mut pointers: Vec<*const c_char> = pairs.iter().map(|part| part.as_ptr()).collect();
        let until = now.saturating_add(i64::try_from(NEVER.as_millis()).unwrap_or(i64::MAX / 2_000));
        let mut why = [0 as c_char; 512];
        // SAFETY: the client lives, by this type's contract; texts and their list live through the call, which copies
        // them; the buffer is as long as is said.
        let code = unsafe {
            native::rd_kafka_oauthbearer_set_token(
                self.0.as_ptr(),
                value.as_ptr(),
                until,
                principal.as_ptr(),
                pointers.as_mut_ptr(),
                pointers.len(),
                why.as_mut_ptr(),
                why.len(),
            )
        };
        match code {
            RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR => Ok(()),
            code => Err(format!("Kafka's native client does not take the token ({code:?})")),
        }
    }

    /// Tells the client that there is no token, which it reports as a login that failed.
    pub(super) fn refuse(&self, why: &str) {
        let Ok(why) = CString::new(why.replace('\0', "")) else { return };
        // SAFETY: as above.
        unsafe { native::rd_kafka_oauthbearer_set_token_failure(self.0.as_ptr(), why.as_ptr()) };
    }
}
