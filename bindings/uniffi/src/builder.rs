//! What a host brings, for a session alone and for an app.

use std::sync::Arc;

use rekindle::app::Builder;
use rekindle_bindings::refresh::ForeignRefresh;
use rekindle_bindings::transport::ForeignTransport;

use crate::clock::ManualClock;
use crate::error::RekindleError;
use crate::host::Hosted;
use crate::http::HttpConfig;
use crate::login::{HostLogin, Login};
use crate::refresh::Refresh;
use crate::store::StoreChoice;
use crate::transport::Transport;

/// A builder with what the host brings.
pub(crate) fn hosted<T>(
    builder: Builder<T>,
    http: Option<HttpConfig>,
    store: StoreChoice,
    transport: Option<Arc<dyn Transport>>,
    refresh: Option<Arc<dyn Refresh>>,
    clock: Option<Arc<ManualClock>>,
    login: Option<Arc<dyn Login>>,
) -> Result<Builder<T>, RekindleError> {
    let mut builder = builder.store(store.into_core());
    if let Some(http) = http {
        builder = builder.transport(http.transport(transport.is_some())?);
    }
    if let Some(transport) = transport {
        builder = builder.transport(ForeignTransport(Hosted(transport)));
    }
    if let Some(refresh) = refresh {
        builder = builder.refresh_with(ForeignRefresh(Hosted(refresh)));
    }
    if let Some(login) = login {
        builder = builder.on_login_required(HostLogin(login));
    }
    Ok(match clock {
        Some(clock) => builder.clock(clock.inner()),
        None => builder,
    })
}
