//! The settings of an app, and their validation: mistakes are reported here, not at the first request.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
#[cfg(feature = "runtime")]
use std::sync::LazyLock;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use rekindle_proto::dialect::{ClientAuth, ClientIdentity, Dialect};
use rekindle_proto::machine::{Binding, MachineConfig};
use rekindle_proto::sign_in::ServerMetadata;
use rekindle_proto::{ClientCredentials, Failure, Fingerprint, Rotation, Secret};
use url::Url;

use super::dialect_source::DialectSource;
use crate::clock::Clock;
#[cfg(feature = "runtime")]
use crate::clock::SystemClock;
use crate::fork::PerProcess;
use crate::platform::Platform;
use crate::platform::host::Host;
use crate::proof::{Proofs, SigningKey};
use crate::session::events::{OnEvent, Subscriber};
use crate::session::login::{Login, OnLoginRequired};
use crate::session::origins::{Origins, same, secure};
use crate::session::refresh_function::{Custom, Refresh};
use crate::session::setup::Setup;
use crate::session::token_source::{Endpoint, Source};
use crate::store::{DEFAULT_KEY, MemoryStore, Store};
use crate::transport::{Transport, built_in};

/// A longer time means "no limit"; a moment that far away can still be added to any other.
pub(super) const A_YEAR: Duration = Duration::from_secs(365 * 24 * 60 * 60);

#[cfg(feature = "runtime")]
static SYSTEM_CLOCK: LazyLock<Arc<dyn Clock>> = LazyLock::new(|| Arc::new(SystemClock));

/// All settings except those of a single session.
pub(super) struct Settings {
    pub(super) app_name: Option<String>,
    pub(super) dialect: DialectSource,
    pub(super) token_url: Option<String>,
    pub(super) authorization_url: Option<String>,
    pub(super) server: Option<ServerMetadata>,
    pub(super) pushes: bool,
    pub(super) login: Option<Arc<dyn OnLoginRequired>>,
    pub(super) login_wait: Duration,
    pub(super) client_id: Option<String>,
    pub(super) client_secret: Option<Secret>,
    pub(super) client_key: Option<SigningKey>,
    pub(super) dpop_key: Option<SigningKey>,
    pub(super) variables: BTreeMap<String, String>,
    pub(super) store: Option<Arc<dyn Store>>,
    pub(super) origins: Vec<String>,
    pub(super) insecure_origins: Vec<String>,
    pub(super) rotation: Option<Rotation>,
    pub(super) client_auth: Option<ClientAuth>,
    pub(super) background: bool,
    pub(super) strict_binding: bool,
    pub(super) require_dpop: bool,
    pub(super) wait: Duration,
    pub(super) send: Duration,
    pub(super) lease: Duration,
    pub(super) refresh: Option<Arc<dyn Refresh>>,
    pub(super) client_credentials: Option<Arc<ClientCredentials>>,
    pub(super) on_event: Option<OnEvent>,
    pub(super) transport: Option<Arc<dyn Transport>>,
    pub(super) clock: Option<Arc<dyn Clock>>,
    pub(super) host: Option<Host>,
    pub(super) alone: bool,
}

impl Settings {
    pub(super) fn new(dialect: DialectSource) -> Self {
        Self {
            app_name: None,
            dialect,
            token_url: None,
            authorization_url: None,
            server: None,
            pushes: true,
            login: None,
            login_wait: Duration::from_secs(300),
            client_id: None,
            client_secret: None,
            client_key: None,
            dpop_key: None,
            variables: BTreeMap::new(),
            store: None,
            origins: Vec::new(),
            insecure_origins: Vec::new(),
            rotation: None,
            client_auth: None,
            background: true,
            strict_binding: false,
            require_dpop: true,
            wait: Duration::from_secs(30),
            send: Duration::from_secs(60),
            lease: Duration::from_secs(90),
            refresh: None,
            client_credentials: None,
            on_event: None,
            transport: None,
            clock: None,
            host: None,
            alone: false,
        }
    }

    /// What sessions have in common, and the name under which sessions of other apps share it; `None`: they do not.
    /// `kept`: the extra values of the record, which fill the dialect's templates.
    pub(super) fn setup(self, kept: &BTreeSet<String>) -> Result<(Setup, Option<String>), Failure> {
        self.check_times()?;
        let dialect = self.dialect()?;
        if let Some(request) = &self.client_credentials {
            self.check_client_credentials(request, &dialect)?;
        }
        let (listed, insecure) = self.origins()?;
        let origins = Origins::listing(&listed, insecure.clone())?;
        let identity = self.identity()?;
        if self.refresh.is_none() {
            dialect.check_variables(&identity, kept, self.client_credentials.is_some())?;
        }
        let binding = self.binding(&dialect, &identity, &listed, &insecure)?;
        let store = self.store.clone().unwrap_or_else(|| Arc::new(MemoryStore::new()));
        let (platform, clock) = platform(self.host.clone(), self.clock.clone())?;
        let scope = self.scope(store.as_ref(), &dialect, &identity, &binding, &platform);
        let mut machine = self.machine(&dialect, binding, store.as_ref(), &platform);
        machine.client = Some(self.client(&dialect, &identity));
        let signs = dialect.client_auth() == ClientAuth::ClientSecretJwt;
        let secret = self.client_secret.clone().filter(|_| signs);
        let proofs = Proofs::of(self.client_key, self.dpop_key, secret);
        let transport = self.transport.map_or_else(built_in, Ok)?;
        let authorization_url =
            self.authorization_url.as_deref().map(|text| url("authorization_url", text)).transpose()?;
        let authorization_url =
            authorization_url.map(|url| secured("authorization_url", url, &insecure)).transpose()?;
        if !self.pushes
            && self.server.as_ref().is_some_and(|server| server.require_pushed_authorization_requests)
        {
            return Err(config(
                "pushed_requests",
                "must be true: this server requires pushed authorization requests (RFC 9126)",
            ));
        }
        for endpoint in self.server.iter().flat_map(ServerMetadata::endpoints) {
            secured("server", endpoint.clone(), &insecure)?;
        }
        let endpoint = self.refresh.is_none().then(|| {
            Arc::new(Endpoint {
                dialect: dialect.clone(),
                identity,
                proofs: proofs.clone(),
                transport: transport.clone(),
                clock: clock.clone(),
                send_timeout: machine.send_cap,
                falls_back: AtomicBool::new(false),
            })
        });
        let source: Arc<dyn Source> = match (self.refresh, &endpoint) {
            (Some(refresh), _) => Arc::new(Custom(refresh)),
            (None, Some(endpoint)) => endpoint.clone(),
            (None, None) => return Err(config("refresh_with", "is missing")),
        };
        let setup = Setup {
            app: self.app_name,
            dialect,
            machine: Arc::new(machine),
            source,
            endpoint,
            authorization_url,
            server: self.server,
            pushes: self.pushes,
            login: self.login.map(|handler| Login { handler, wait: self.login_wait }),
            known: Arc::new(origins.urls()),
            origins: Arc::new(origins),
            transport,
            proofs,
            clock,
            platform,
            instance: store.instance(),
            store,
            wait: self.wait,
            subscribers: self.on_event.map(|call| Arc::new(vec![Arc::new(Subscriber::new(call))])),
            totals: Arc::default(),
            at_rest: PerProcess::new(),
        };
        Ok((setup, scope))
    }

    fn check_times(&self) -> Result<(), Failure> {
        if self.lease < self.send * 3 / 2 {
            let what = "must be at least 1.5 times send_timeout, or it could end during a send";
            return Err(config("lease", what));
        }
        Ok(())
    }

    fn dialect(&self) -> Result<Arc<Dialect>, Failure> {
        let mut dialect = self.dialect.resolve()?;
        if let Some(rotation) = self.rotation {
            dialect = Arc::new(Dialect::clone(&dialect).with_rotation(rotation));
        }
        if let Some(auth) = self.client_auth {
            if auth != ClientAuth::PrivateKeyJwt && self.client_key.is_some() {
                let what = "must be private_key_jwt where there is a client_key: leave one of them out";
                return Err(config("client_auth", what));
            }
            dialect = Arc::new(Dialect::clone(&dialect).with_client_auth(auth));
        }
        match &self.client_key {
            Some(_) => Ok(Arc::new(Dialect::clone(&dialect).with_client_auth(ClientAuth::PrivateKeyJwt))),
            None if dialect.client_auth() == ClientAuth::PrivateKeyJwt && self.refresh.is_none() => {
                let what = "is missing: the dialect says `client_auth = \"private_key_jwt\"`";
                Err(config("client_key", what))
            }
            None if dialect.client_auth() == ClientAuth::ClientSecretJwt
                && self.client_secret.is_none()
                && self.refresh.is_none() =>
            {
                Err(config("client_secret", "is missing: client_auth is client_secret_jwt, which it signs"))
            }
            None => Ok(dialect),
        }
    }

    /// The listed origins, and those that are allowed without TLS.
    fn origins(&self) -> Result<(Vec<Url>, Vec<Url>), Failure> {
        Ok((urls("origins", &self.origins)?, urls("insecure_origins", &self.insecure_origins)?))
    }

    fn identity(&self) -> Result<ClientIdentity, Failure> {
        let found = self.server.as_ref().and_then(|server| server.token_endpoint.as_ref()).map(Url::as_str);
        let token_url = self.token_url.as_deref().or(found);
        let token_url = token_url.map(|text| url("token_url", text)).transpose()?;
        Ok(ClientIdentity {
            token_url,
            revocation_url: self.server.as_ref().and_then(|server| server.revocation_endpoint.clone()),
            client_id: self.client_id.clone(),
            client_secret: self.client_secret.clone(),
            client_assertion: None,
            variables: self.variables.clone(),
        })
    }

    /// The binding of the records (spec 7.5); checks that the endpoint is allowed (spec 5.6).
    fn binding(
        &self,
        dialect: &Dialect,
        identity: &ClientIdentity,
        listed: &[Url],
        insecure: &[Url],
    ) -> Result<Binding, Failure> {
        let token_endpoint = match self.refresh {
            Some(_) => "custom".to_owned(),
            None => without_query(secured("token_url", dialect.token_url(identity)?, insecure)?),
        };
        let key_thumbprint = self.dpop_key.as_ref().map(SigningKey::thumbprint);
        let mut binding = Binding::new(token_endpoint);
        binding.client_id.clone_from(&identity.client_id);
        binding.key_thumbprint = key_thumbprint;
        binding.dialect = Some(bound_name(dialect));
        binding.origins = bound_origins(listed);
        binding.client_credentials.clone_from(&self.client_credentials);
        Ok(binding)
    }

    /// The client credentials grant requires client authentication (RFC 6749 section 4.4).
    fn check_client_credentials(
        &self,
        request: &ClientCredentials,
        dialect: &Dialect,
    ) -> Result<(), Failure> {
        request.check()?;
        dialect.grants_client_credentials()?;
        if self.refresh.is_some() {
            return Err(config(
                "client_credentials",
                "and refresh_with are mutually exclusive: give one of them",
            ));
        }
        let by_secret = matches!(
            dialect.client_auth(),
            ClientAuth::ClientSecretBasic | ClientAuth::ClientSecretPost | ClientAuth::ClientSecretJwt
        );
        let is_known = self.client_id.is_some() && (!by_secret || self.client_secret.is_some());
        if is_known || dialect.client_auth() == ClientAuth::None {
            return Ok(());
        }
        let what =
            "needs client_id, and client_secret or client_key: the server grants it to clients that it knows";
        Err(config("client_credentials", what))
    }

    fn machine(
        &self,
        dialect: &Arc<Dialect>,
        binding: Binding,
        store: &dyn Store,
        platform: &Platform,
    ) -> MachineConfig {
        let mut machine = MachineConfig::new(dialect.rotation(), binding);
        machine.old_token_dies = dialect.old_token_dies() && self.client_credentials.is_none();
        machine.background = self.background && dialect.proactive();
        machine.shared = store.shared();
        machine.boot = platform.boot_id();
        machine.send_cap = self.send;
        machine.lease = self.lease;
        machine.refresh_function = self.refresh.is_some();
        machine.refreshes_by_cookie = dialect.refreshes_by_cookie();
        if store.changed(DEFAULT_KEY).is_some() {
            // A store that reports changes need not be polled as often.
            machine.look_again = Duration::from_secs(2);
        }
        let placed = dialect.clone();
        machine.strict_binding = self.strict_binding;
        let bound_only = self.require_dpop && self.dpop_key.is_some();
        machine.servable = Arc::new(move |token, kind| {
            if bound_only {
                check_bound(kind)?;
            }
            placed.place(token, kind).map(drop)
        });
        machine
    }

    /// Distinguishes a client from the same client with corrected credentials (spec 5.1).
    fn client(&self, dialect: &Dialect, identity: &ClientIdentity) -> Fingerprint {
        let secret = identity.client_secret.as_ref().map(Secret::fingerprint);
        let client_key = self.client_key.as_ref().map(SigningKey::thumbprint);
        let client = format!("{secret:?}{client_key:?}{:?}{:?}", dialect.fingerprint(), identity.variables);
        Secret::new(client).fingerprint()
    }

    /// Sessions with the same scope and key share their state (spec 4.2). Refresh functions of the user cannot be
    /// compared, so such sessions share nothing.
    fn scope(
        &self,
        store: &dyn Store,
        dialect: &Dialect,
        identity: &ClientIdentity,
        binding: &Binding,
        platform: &Platform,
    ) -> Option<String> {
        let store = store.identity().filter(|_| !self.alone && self.refresh.is_none())?;
        let secret = identity.client_secret.as_ref().map(Secret::fingerprint);
        let client_key = self.client_key.as_ref().map(SigningKey::thumbprint);
        // Debug shows only the names.
        let further = binding.client_credentials.as_ref().map(|request| &request.parameters);
        let config = format!(
            "{store}\n{binding:?}{further:?}\n{secret:?}{client_key:?}\n{:?}\n{:?}{:?}{:?}",
            dialect.fingerprint(),
            identity.token_url,
            identity.variables,
            (self.strict_binding, self.require_dpop, platform.id()),
        );
        // A fingerprint is enough to distinguish two values.
        Some(Secret::new(config).fingerprint().0)
    }
}

/// A grant without a type keeps the previous one.
fn check_bound(token_type: Option<&str>) -> Result<(), Failure> {
    if token_type.is_none_or(|given| given.eq_ignore_ascii_case("DPoP")) {
        return Ok(());
    }
    let what = "the server gave a token that is not bound to it (its token_type is not DPoP), and it is not sent: \
                have the client registered for DPoP, or allow it with require_dpop = false";
    Err(config("dpop_key", what))
}

/// A file with the name of a preset is another dialect.
fn bound_name(dialect: &Dialect) -> String {
    let name = dialect.name();
    let like = |preset: Dialect| {
        preset.with_rotation(dialect.rotation()).with_client_auth(dialect.client_auth()).fingerprint()
    };
    let posing = Dialect::preset_names().any(|preset| preset == name)
        && Dialect::preset(name).is_ok_and(|preset| like(preset) != dialect.fingerprint());
    if posing { format!("{name} (a file)") } else { name.to_owned() }
}

fn bound_origins(listed: &[Url]) -> Vec<String> {
    let mut origins: Vec<_> = listed.iter().map(|url| url.origin().ascii_serialization()).collect();
    origins.sort();
    origins.dedup();
    origins
}

/// The platform that it runs on, and its clock.
#[cfg(feature = "runtime")]
fn platform(
    host: Option<Host>,
    clock: Option<Arc<dyn Clock>>,
) -> Result<(Platform, Arc<dyn Clock>), Failure> {
    Ok(match host {
        Some(host) => (Platform::Host(host.clone()), host.clock()),
        None => (Platform::Thread, clock.unwrap_or_else(|| SYSTEM_CLOCK.clone())),
    })
}

/// The platform that it runs on, and its clock.
#[cfg(not(feature = "runtime"))]
fn platform(host: Option<Host>, _: Option<Arc<dyn Clock>>) -> Result<(Platform, Arc<dyn Clock>), Failure> {
    let host = host.ok_or_else(|| {
        config("host", "is missing: this build has no threads or clocks (feature `runtime`)")
    })?;
    Ok((Platform::Host(host.clone()), host.clock()))
}

fn secured(setting: &str, url: Url, insecure: &[Url]) -> Result<Url, Failure> {
    if secure(&url) || insecure.iter().any(|allowed| same(allowed, &url)) {
        return Ok(url);
    }
    let what = "is neither https nor loopback: use https, or list its origin in insecure_origins";
    Err(config(setting, what))
}

fn without_query(mut url: Url) -> String {
    url.set_query(None);
    url.set_fragment(None);
    url.to_string()
}

fn urls(setting: &str, texts: &[String]) -> Result<Vec<Url>, Failure> {
    texts.iter().enumerate().map(|(index, text)| url(&format!("{setting}[{index}]"), text)).collect()
}

fn url(setting: &str, text: &str) -> Result<Url, Failure> {
    let url = Url::parse(text).map_err(|error| {
        config(setting, &format!("is not a URL ({error}): write it with its scheme, https://..."))
    })?;
    if !matches!(url.scheme(), "http" | "https") || url.host().is_none() {
        return Err(config(setting, "must be an http or https URL with a host"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(config(setting, "must not carry user name or password"));
    }
    Ok(url)
}

pub(super) fn config(setting: &str, what: &str) -> Failure {
    Failure::config(setting, format_args!(" {what}"))
}
