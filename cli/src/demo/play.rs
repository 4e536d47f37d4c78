//! One scene: one server, one expired token, and everybody at once.

use rekindle::store::FileStore;
use rekindle::{Credential, Expiry, Session};
use rekindle_test_server::Tokens;

use super::live::Live;
use super::plan::Plan;
use super::processes;
use super::scene::{LIFETIME, Scene};
use super::table::Row;
use super::worker::Job;
use crate::exit::{Done, Stop};

pub(crate) async fn play(scene: &Scene, plan: &Plan, live: &Live) -> Done<Row> {
    let server =
        scene.start().map_err(|error| Stop::system("no server can be started on loopback", &error))?;
    let folder = tempfile::tempdir().map_err(|error| Stop::system("there is no temp folder", &error))?;
    let tokens = server.sign_in();
    let job = scene.job(&server, folder.path().join("session.json"));
    keep(&job, &tokens)?;
    server.expire_all_access_tokens();
    server.play(scene.gathering(&tokens, plan.at_once));
    let report = processes::run(&job, plan, live).await?;
    let row = Row::new(scene, plan, &report, server.counters());
    live.ending(&row, &report)?;
    Ok(row)
}

/// Signs in, once for all processes. The session believes the token's lifetime; the server knows better.
///
/// Without an await: were the demo interrupted here, the save would outlive the folder, and make it anew.
fn keep(job: &Job, tokens: &Tokens) -> Done {
    let session: Session = job.session(|builder| builder.store(FileStore::new(&job.store)))?;
    let credential = Credential {
        access_token: Some(tokens.access_token.as_str().into()),
        refresh_token: Some(tokens.refresh_token.as_str().into()),
        expiry: Some(Expiry::In(LIFETIME)),
        ..Credential::default()
    };
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    let runtime = runtime.map_err(|error| Stop::system("cannot start the async runtime", &error))?;
    let signing_in = std::thread::spawn(move || runtime.block_on(session.sign_in(credential)));
    signing_in.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
    Ok(())
}
