//! Signing in (spec 12): the authorization request, the callback, and the token request that follows.
//! This module performs no I/O.
//!
//! ```
//! use rekindle_proto::machine::Entropy;
//! use rekindle_proto::sign_in::{SignIn, SignInServer};
//! use rekindle_proto::Wall;
//!
//! let server = SignInServer::new("https://auth.example.com/authorize".parse().expect("a URL"),
//!     "https://auth.example.com/token".parse().expect("a URL")).issuer("https://auth.example.com");
//! let asked = SignIn::new().redirect_uri("http://127.0.0.1:49152/callback").scope("openid profile");
//! let (request, pending) = server.begin("app", &asked, &mut Entropy::new([7; 32]), Wall(0))?;
//! assert!(request.url().as_str().contains("code_challenge_method=S256"));
//!
//! // the browser comes back
//! let callback = format!("http://127.0.0.1:49152/callback?code=abc&state={}&iss=https://auth.example.com", pending.state());
//! let code = pending.code(&callback, Wall(20_000))?;
//! assert_eq!(code.expose(), "abc");
//! # Ok::<(), rekindle_proto::Failure>(())
//! ```

mod api_access;
mod begin;
mod callback;
mod device;
mod explain;
mod grant;
mod id_token;
mod metadata;
mod pending;
mod redirect_uri;
mod registration;
mod resource;

pub use api_access::{ApiAccess, ApiRequest, ApiSearch, ApiStep, CLIENT_KEYS};
pub use begin::{AuthorizationRequest, SignIn, SignInServer};
pub use callback::LONGEST_SIGN_IN;
pub use device::{DeviceAuthorization, DevicePolling};
pub use explain::explain;
pub use grant::SignInGrant;
pub use id_token::{IdToken, IdTokenExpected, SUBJECT, is_somebody_elses};
pub use metadata::ServerMetadata;
pub use pending::PendingSignIn;
pub use redirect_uri::check_redirect_uri;
pub use registration::{ClientRegistration, RegisteredClient};
pub use resource::{ResourceMetadata, may_name};
