//! The device authorization grant (RFC 8628).

use std::sync::Arc;

use rekindle_proto::sign_in::{DeviceAuthorization, SignIn};
use rekindle_proto::{ErrorKind, Failure};

use super::identity::Check;
use super::{believed, client_id, endpoint, no_result, no_thread, server_scope, token};
use crate::error::Error;
use crate::session::Session;

impl Session {
    /// Signs in on another device (RFC 8628), for machines without a browser. `show` displays the verification URI and
    /// the user code; then the token endpoint is polled at the interval that the server allows until the user is done.
    ///
    /// ```no_run
    /// # async fn f() -> Result<(), rekindle::Error> {
    /// use rekindle::{Session, sign_in::SignIn};
    ///
    /// let session = Session::builder("github-app").client_id("Iv1.0123456789abcdef").build()?;
    /// session.sign_in_with_device(SignIn::new(), |device| {
    ///     println!("go to {} and enter {}", device.verification_uri, device.user_code);
    ///     Ok(())
    /// }).await?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// LoginRequired: the user denied the request, or the code expired. InvalidConfig: no device authorization endpoint
    /// is known. ClientRejected, Connection, StoreUnavailable.
    pub async fn sign_in_with_device(
        &self,
        asked: SignIn,
        show: impl FnOnce(&DeviceAuthorization) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let scope = asked.scope.clone().or_else(|| server_scope(self.setup()));
        let device = self.device_authorization(&asked, scope.as_deref()).await?;
        let check = Check::of(self.setup(), scope.as_deref(), None).await?.map(Arc::new);
        show(&device)?;
        let clock = self.clock().clone();
        let mut polling = device.polling(clock.mono());
        loop {
            clock.sleep_until(polling.next()?).await;
            // What the server grants is taken, whoever waits here leaves.
            let (session, grant, scope) = (self.clone(), device.grant(), scope.clone());
            let check = check.clone();
            let work = async move {
                let setup = session.setup();
                let asked_endpoint = endpoint(setup)?;
                match token::ask_once(&asked_endpoint, setup, &grant, scope).await {
                    Ok(granted) => {
                        let credential = believed(setup, granted, check.as_deref()).await?;
                        session.sign_in(credential).await.map(|()| None)
                    }
                    Err(told) => Ok(Some(told)),
                }
            };
            let running = self.setup().platform.run(work).map_err(|error| no_thread(&error))?;
            match running.result.await.unwrap_or_else(|_| Err(no_result().into()))? {
                None => return Ok(()),
                Some((outcome, said)) => polling.heard(&outcome, said, clock.mono())?,
            }
        }
    }

    async fn device_authorization(
        &self,
        asked: &SignIn,
        scope: Option<&str>,
    ) -> Result<DeviceAuthorization, Error> {
        let setup = self.setup();
        let endpoint = endpoint(setup)?;
        client_id(setup)?;
        let known = setup.server.as_ref().and_then(|server| server.device_authorization_endpoint.clone());
        let own = || setup.dialect.device_authorization_url(&endpoint.identity);
        let url = known.map_or_else(own, Ok)?;
        let mut fields: Vec<(String, String)> = Vec::new();
        fields.extend(scope.map(|scope| ("scope".to_owned(), scope.to_owned())));
        fields.extend(asked.audience.iter().map(|audience| ("audience".to_owned(), audience.clone())));
        fields.extend(asked.resource.iter().map(|resource| ("resource".to_owned(), resource.clone())));
        fields.extend(asked.parameters.iter().map(|(name, value)| (name.clone(), value.clone())));
        let (status, body) = endpoint.post(url, &fields).await?;
        if status.is_success() {
            return Ok(DeviceAuthorization::read(&body)?);
        }
        let code = setup.dialect.error_code(&body);
        let words = setup.dialect.server_message(&body, &[]).unwrap_or_default();
        let message = format!(
            "the device authorization endpoint refused ({}{}): check that this client may sign in with device codes",
            code.as_deref().unwrap_or("no code"),
            if words.is_empty() { String::new() } else { format!(", \"{words}\"") },
        );
        let kind = if status.is_server_error() { ErrorKind::Connection } else { ErrorKind::ClientRejected };
        Err(Failure { oauth_error: code, status: Some(status.as_u16()), ..Failure::new(kind, message) }
            .into())
    }
}
